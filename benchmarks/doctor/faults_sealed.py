"""Faults of the sealed bases: those of `faults.py` and `faults_more.py` that make sense there, and others.

What names a cause rightly was decided from the texts of the catalogue; no detector was asked.
"""

from __future__ import annotations

from faults import Fault

FAULTS_SEALED: tuple[Fault, ...] = ()
