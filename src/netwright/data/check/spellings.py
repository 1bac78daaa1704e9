"""Categories that are rare, or look like another one written differently."""

from __future__ import annotations

import re

import polars as pl

from netwright.data.check.view import View
from netwright.data.check.words import count, example_rows, listed
from netwright.data.finding import Finding
from netwright.data.schema import Column

RARE_ROWS = 10
RARE_SHARE = 0.01
SLIP_LENGTH = 6
REPLACED_LENGTH = 8
SLIP_SHARE = 0.05

_NUMBER = re.compile(r"[-+]?[\d.,]+")
_BETWEEN_WORDS = re.compile(r"(?<=[^\W\d])[\s_.,'/-]+(?=\w)|(?<=\d)[\s_.,'/-]+(?=[^\W\d])")
_AROUND = re.compile(r"^[\s_.,']+|[\s_.,']+$")


def near_equal(counts: dict[str, int]) -> dict[str, str]:
    """Categories that look like another spelling of a more frequent one.

    Two are taken for the same where they differ only in case, in blanks and punctuation between words
    ("New York", "new-york"), or where a rare one is a slip of one letter away from a frequent one
    ("Chicgo"). Numbers, codes that differ in a digit or a sign ("A11" and "A12", "<=50" and ">50") and
    slips at the first letter ("male" and "female", "typical" and "atypical") are not.

    Arguments:
        counts: the categories and how many rows have each.

    Returns:
        The spelling to replace and the one to replace it with.

    Example:
        >>> near_equal({"New York": 40, "new york": 3, "Chicago": 60, "Chicgo": 1, "A11": 5, "A12": 5})
        {'new york': 'New York', 'Chicgo': 'Chicago'}
    """
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    best: dict[str, str] = {}
    merged: dict[str, str] = {}
    for text in ranked:
        if _NUMBER.fullmatch(text):
            continue
        first = best.setdefault(_key(text), text)
        if first != text:
            merged[text] = first
    return merged | _slips({text: counts[text] for text in best.values()})


def _key(text: str) -> str:
    """A text without case, and without blanks and punctuation next to letters."""
    return _BETWEEN_WORDS.sub("", _AROUND.sub("", text.casefold()))


def _slips(counts: dict[str, int]) -> dict[str, str]:
    """Rare words that are one letter away from a frequent one."""
    words = {
        text: text.casefold() for text in counts if len(text) >= SLIP_LENGTH and not re.search(r"\d", text)
    }
    near: dict[str, list[str]] = {}
    for text, word in words.items():
        for shorter in _one_letter_less(word):
            near.setdefault(shorter, []).append(text)
    slips: dict[str, str] = {}
    for text, word in words.items():
        others = {other for shorter in _one_letter_less(word) for other in near[shorter]}
        frequent = [
            other
            for other in others
            if counts[text] <= SLIP_SHARE * counts[other] and _is_slip(word, words[other])
        ]
        if frequent:
            slips[text] = min(frequent, key=lambda other: (-counts[other], other))
    return {text: other for text, other in slips.items() if other not in slips}


def _one_letter_less(word: str) -> set[str]:
    """The word itself, and the word without each of its letters but the first."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(1, len(word)))}


def _is_slip(word: str, other: str) -> bool:
    """Whether one word of the two texts differs by a letter left out, doubled, changed or swapped."""
    parts, others = re.split(r"[\W_]+", word), re.split(r"[\W_]+", other)
    if len(parts) != len(others):
        return False
    differing = [(a, b) for a, b in zip(parts, others, strict=True) if a != b]
    if len(differing) != 1:
        return False
    a, b = differing[0]
    return min(len(a), len(b)) >= SLIP_LENGTH - 1 and a[0] == b[0] and _one_edit(a, b)


def _one_edit(a: str, b: str) -> bool:
    if len(a) > len(b):
        a, b = b, a
    start = next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(a))
    if len(a) < len(b):
        return a[start:] == b[start + 1 :]
    if a[start + 1 :] == b[start + 1 :]:
        return len(a) >= REPLACED_LENGTH  # "island" and "inland" are no slip
    return a[start : start + 2] == b[start : start + 2][::-1] and a[start + 2 :] == b[start + 2 :]


def category_counts(texts: pl.Series) -> dict[str, int]:
    """How many rows each text has. Missing cells are not counted."""
    counted = texts.drop_nulls().value_counts()
    return dict(zip(counted[texts.name].to_list(), counted["count"].to_list(), strict=True))


def near_equal_spellings(view: View) -> list[Finding]:
    """Categories of one column that look like the same thing written differently."""
    found: dict[str, dict[str, str]] = {}
    rows = pl.Series([False]).new_from_index(0, len(view.table))
    for column in view.schema.of_kind("category"):
        merged = near_equal(category_counts(view.text(column.name)))
        merged = {text: to for text, to in merged.items() if text not in column.spellings}
        if merged:
            found[column.name] = merged
            rows = rows | view.text(column.name).is_in(list(merged)).fill_null(False)
    if not found:
        return []
    shown = listed([f"{name!r} ({_pairs(merged)})" for name, merged in found.items()])
    merging = view.config.clean.spellings == "merge"
    return [
        Finding(
            "near_equal_spellings",
            "warning",
            f"Categories that look like the same written differently: {shown}.",
            "merged into the most frequent spelling (data.clean.spellings: merge)"
            if merging
            else "kept apart; data.clean.spellings: merge, or {column: {from: to}}, joins them",
            columns=list(found),
            rows=int(rows.sum()),
            examples=example_rows(view.table, rows.to_numpy()),
        )
    ]


def _pairs(merged: dict[str, str]) -> str:
    return listed([f"{text!r} for {to!r}" for text, to in merged.items()], most=3)


def rare_categories(view: View) -> list[Finding]:
    """Categories that only a few training rows have."""
    found = {column.name: rare for column in view.schema.of_kind("category") if (rare := _rare(view, column))}
    if not found:
        return []
    most_first = sorted(found, key=lambda name: -len(found[name]))
    shown = listed([f"{name!r} ({_some(found[name])})" for name in most_first])
    return [
        Finding(
            "rare_categories",
            "note",
            f"{count(len(found), 'column')} with categories of very few training rows: {shown}.",
            "kept; little can be learnt about them, so trust predictions for such rows less",
            columns=most_first,
            rows=sum(sum(rare.values()) for rare in found.values()),
        )
    ]


def _rare(view: View, column: Column) -> dict[str, int]:
    train = view.split.train
    few = min(RARE_ROWS, RARE_SHARE * len(train))
    return {text: n for text, n in category_counts(view.text(column.name)[train]).items() if n < few}


def _some(rare: dict[str, int]) -> str:
    """The rarest of rare categories, or how many there are."""
    if len(rare) > 3:
        return f"{len(rare):,} categories"
    return listed(
        [f"{text!r}: {count(n, 'row')}" for text, n in sorted(rare.items(), key=lambda each: each[1])]
    )
