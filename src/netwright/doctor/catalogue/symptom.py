"""What is written down of a symptom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "data", "static", "explosion", "start", "rate", "units", "learning", "generalisation", "slices"
]
FAMILIES: dict[Family, str] = {
    "data": "The data",
    "static": "How the network is put together",
    "explosion": "Numbers that get out of hand",
    "start": "The first weights",
    "rate": "The learning rate",
    "units": "Units and gradients",
    "learning": "How it learns",
    "generalisation": "New rows",
    "slices": "Parts of the data, and time",
}
"""the groups of causes in words, in the order in which they cause others"""


@dataclass(frozen=True)
class Symptom:
    """One thing that can go wrong.

    Arguments:
        id: its name for programs.
        title: in a few words.
        family: the group of causes it belongs to; the groups are in the order in which they cause others.
        rank: its place in that order; a lower one is dealt with first.
        what: what it is, in a sentence.
        looks: how it looks: the signal, its threshold, and the consequence that is asked for beside it.
        why: what is likely behind it.
        todo: what helps, in the order to try it.
        source: where it is from.
        gate: whether it is an error or a warning only where the network is also clearly worse than simple
            models; a note otherwise.
        when: when it is looked for: "before", "during" or "after" the training, or "both" before and after.
    """

    id: str
    title: str
    family: Family
    rank: int
    what: str = ""
    looks: str = ""
    why: str = ""
    todo: tuple[str, ...] = ()
    source: str = ""
    gate: bool = False
    when: Literal["before", "during", "after", "both"] = "after"
