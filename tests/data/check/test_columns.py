from __future__ import annotations

from netwright.data.check.columns import (
    many_categories,
    mixed_types,
    numbers_as_text,
    twin_columns,
    unused_columns,
)

Y = ["a", "b"] * 10


def test_constants_and_ids_are_said_to_be_unused_but_empty_columns_are_not_repeated(view_of):
    cells = {"one": ["x"] * 20, "id": [str(i) for i in range(20)], "empty": [None] * 20, "y": Y}
    view = view_of(cells, {"one": "constant", "id": "id", "empty": "constant"})
    constant, ids = unused_columns(view)
    assert (constant.id, constant.columns) == ("constant_columns", ["one"])
    assert (ids.id, ids.columns) == ("id_columns", ["id"])


def test_words_among_numbers_are_counted_and_shown(view_of):
    x = [str(i) for i in range(18)] + ["abc", "n.k."]
    (finding,) = numbers_as_text(view_of({"x": x, "y": Y}, {"x": "number"}))
    assert (finding.rows, finding.examples) == (2, [18, 19])
    assert "2 cells no number, such as 'abc' and 'n.k.'" in finding.message


def test_blank_cells_among_numbers_are_counted_from_the_reading(view_of):
    x = [str(i) for i in range(19)] + [None]
    (finding,) = numbers_as_text(view_of({"x": x, "y": Y}, {"x": "number"}, words={"x": {" ": 11, "NA": 3}}))
    assert "11 blank cells" in finding.message
    assert finding.rows == 11


def test_prices_are_numbers_written_as_text(view_of):
    (finding,) = numbers_as_text(view_of({"x": ["$1,234"] * 2 + ["5"] * 18, "y": Y}, {"x": "number"}))
    assert "2 cells written like '$1,234'" in finding.message


def test_plain_numbers_of_a_text_source_are_fine(view_of):
    x = ["1", "2.5", "-3e5", None] * 5
    assert numbers_as_text(view_of({"x": x, "y": Y}, {"x": "number"}, words={"x": {"NA": 5}})) == []
    assert numbers_as_text(view_of({"x": [1.0] * 20, "y": Y}, {"x": "number"})) == []


def test_numbers_and_words_in_one_column_of_categories(view_of):
    mixed = ["1", "2", "red", "blue"] * 5
    cells = {"mixed": mixed, "words": ["red", "blue"] * 10, "codes": ["1", "2"] * 10, "y": Y}
    (finding,) = mixed_types(view_of(cells, dict.fromkeys(["mixed", "words", "codes"], "category")))
    assert finding.columns == ["mixed"]
    assert "50 % numbers: '1', but 'blue'" in finding.message


def test_very_many_categories(view_of):
    cells = {"many": [f"v{i // 2}" for i in range(600)], "few": ["a", "b"] * 300, "y": ["a", "b"] * 300}
    (finding,) = many_categories(view_of(cells, {"many": "category", "few": "category"}))
    assert finding.columns == ["many"]
    assert "300 values" in finding.message


def test_twins_match_one_to_one_whatever_their_words(view_of):
    cells = {
        "class": ["1", "2", "3", None] * 5,
        "name": ["first", "second", "third", None] * 5,
        "coarser": ["1", "1", "3", None] * 5,
        "y": Y,
    }
    (finding,) = twin_columns(view_of(cells, {"class": "number", "name": "category", "coarser": "category"}))
    assert finding.columns == ["name"]
    assert "'name' like 'class'" in finding.message


def test_numbers_are_twins_in_other_units_but_not_because_each_row_has_its_own(view_of):
    celsius = [float(i * 7 % 20) for i in range(20)]
    cells = {"celsius": celsius, "fahrenheit": [1.8 * c + 32 for c in celsius], "other": range(20), "y": Y}
    (finding,) = twin_columns(view_of(cells, dict.fromkeys(["celsius", "fahrenheit", "other"], "number")))
    assert finding.columns == ["fahrenheit"]
