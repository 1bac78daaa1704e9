"""Odd-looking trainings of the sealed bases that are fine: those known from elsewhere, and others."""

from __future__ import annotations

from healthy import Odd

HEALTHY_SEALED: tuple[Odd, ...] = ()
