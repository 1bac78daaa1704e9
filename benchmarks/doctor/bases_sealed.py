"""Bases of other kinds than the others; no threshold has been set on any of them."""

from __future__ import annotations

from bases import Base

_ALL: tuple[Base, ...] = ()
BASES_SEALED: dict[str, Base] = {each.name: each for each in _ALL}
