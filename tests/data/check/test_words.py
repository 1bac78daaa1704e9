from __future__ import annotations

import pytest

from netwright.data.check.words import count, figure, listed, names, percent


def test_nouns_take_their_plural():
    assert [count(2, noun) for noun in ("row", "class", "category")] == [
        "2 rows",
        "2 classes",
        "2 categories",
    ]
    assert count(1, "class") == "1 class"


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0 %"), (1.0, "100 %"), (0.12345, "12.3 %"), (0.99996, "99.996 %"), (2e-7, "2e-05 %")],
)
def test_a_share_is_never_rounded_to_none_or_all(share, text):
    assert percent(share) == text


def test_lists_end_in_and_or_in_a_count():
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert names(list("abcdefg")) == "'a', 'b', 'c', 'd', 'e' and 2 more"
    assert figure(0.5) == "0.5"
