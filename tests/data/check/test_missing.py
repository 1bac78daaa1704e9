from __future__ import annotations

from netwright.data.check.missing import infinite_values, missing_columns, missing_values, missing_words

Y = ["a", "b"] * 5


def test_missing_values_are_merged_by_how_bad_they_are(view_of):
    cells = {
        "mostly": ["1"] + [None] * 9,
        "little": [None] + ["1"] * 9,
        "some": ["1"] * 7 + [None] * 3,
        "full": ["1"] * 10,
        "never": [None] * 10,
        "y": Y,
    }
    view = view_of(
        cells, dict.fromkeys(["mostly", "little", "some", "full"], "number") | {"never": "constant"}
    )
    mostly, partly = missing_values(view)
    assert (mostly.severity, mostly.columns, mostly.rows) == ("warning", ["mostly"], 9)
    assert (partly.severity, partly.columns, partly.rows) == ("note", ["some", "little"], 4)
    assert "'mostly' (90 %)" in mostly.message
    (empty,) = missing_columns(view)
    assert empty.columns == ["never"]


def test_a_full_table_has_nothing_missing(view_of):
    view = view_of({"x": ["1"] * 10, "y": Y}, {"x": "number"})
    assert missing_values(view) + missing_columns(view) + missing_words(view) + infinite_values(view) == []


def test_words_for_missing_are_named_with_their_counts_but_not_blanks(view_of):
    view = view_of(
        {"x": ["1"] * 10, "z": ["1"] * 10, "y": Y},
        {"x": "number", "z": "number"},
        words={"x": {"?": 2, " ": 3}, "z": {"?": 1, "NA": 9}},
    )
    (finding,) = missing_words(view)
    assert "'NA' 9 times in 'z'" in finding.message
    assert "'?' 3 times in 'x' and 'z'" in finding.message
    assert "' '" not in finding.message


def test_infinite_values_are_counted_by_row(view_of):
    inf = float("inf")
    view = view_of(
        {"x": [inf, -inf, *[1.0] * 8], "z": [inf, *[1.0] * 9], "y": Y}, {"x": "number", "z": "number"}
    )
    (finding,) = infinite_values(view)
    assert (finding.rows, finding.columns, finding.examples) == (2, ["x", "z"], [0, 1])
