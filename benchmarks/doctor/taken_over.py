"""What earlier parts have, on the bases of another part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from first.faults import Fault
from first.healthy import Odd

Known = TypeVar("Known", Fault, Odd)


def taken_over(known: Sequence[Known], where: Mapping[str, tuple[str, ...]]) -> tuple[Known, ...]:
    """Those of which is said where they are tried.

    Arguments:
        known: of all earlier parts.
        where: bases by name.
    """
    by_name = {each.name: each for each in known}
    return tuple(replace(by_name[name], bases=bases) for name, bases in where.items())
