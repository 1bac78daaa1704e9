from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.data.check.spellings import near_equal, near_equal_spellings, rare_categories


@pytest.mark.parametrize(
    ("rare", "frequent"),
    [
        ("new york", "New York"),
        ("NewYork", "New York"),
        ("new-york", "New York"),
        ("Ph.D.", "PhD"),
        ("<=50K.", "<=50K"),
        ("Chicgo", "Chicago"),
        ("Chicagoo", "Chicago"),
        ("Chciago", "Chicago"),
        ("Massachuzetts", "Massachusetts"),
        ("Los Angeels", "Los Angeles"),
    ],
)
def test_different_spellings_are_found(rare, frequent):
    assert near_equal({rare: 1, frequent: 100}) == {rare: frequent}


@pytest.mark.parametrize(
    ("rare", "frequent"),
    [
        ("A11", "A12"),
        ("male", "female"),
        ("1st", "2nd"),
        ("1.5", "15"),
        ("1-2", "12"),
        ("-1", "1"),
        ("A1-2", "A12"),
        (">50K", "<=50K"),
        ("A+", "A"),
        ("A-", "A"),
        ("atypical", "typical"),
        ("symmetric", "asymmetric"),
        ("domain_u", "domain"),
        ("version 1", "version 2"),
        ("Iran", "Iraq"),
        ("ISLAND", "INLAND"),
        ("", "x"),
    ],
)
def test_different_things_are_not(rare, frequent):
    assert near_equal({rare: 1, frequent: 100}) == {}


def test_a_letter_is_no_slip_where_both_are_frequent():
    assert near_equal({"Twnhsx": 100, "TwnhsE": 230}) == {}


@given(st.dictionaries(st.text(max_size=12), st.integers(1, 1000), max_size=12))
@settings(deadline=None, max_examples=50)
def test_replacements_are_known_categories_that_stay(counts):
    merged = near_equal(counts)
    assert set(merged) <= set(counts)
    assert all(
        to in counts and to not in merged and counts[to] >= counts[text] for text, to in merged.items()
    )


def test_the_finding_names_pairs_and_counts_rows(view_of):
    x = ["New York"] * 30 + ["new york "] * 3 + ["Boston"] * 17
    view = view_of({"x": x, "y": ["a", "b"] * 25}, {"x": "category"})
    (finding,) = near_equal_spellings(view)
    assert (finding.rows, finding.examples) == (3, [30, 31, 32])
    assert "'new york' for 'New York'" in finding.message
    merging = view_of({"x": x, "y": ["a", "b"] * 25}, {"x": "category"}, clean={"spellings": "merge"})
    assert near_equal_spellings(merging)[0].action.startswith("merged")


def test_rare_categories_are_counted_on_training_rows(view_of):
    x = ["island"] * 5 + ["inland"] * 1500
    (finding,) = rare_categories(view_of({"x": x, "y": ["a"] * 1505}, {"x": "category"}, classes=["a", "b"]))
    assert "'island': 3 rows" in finding.message
    assert rare_categories(view_of({"x": x[5:], "y": ["a"] * 1500}, {"x": "category"})) == []
