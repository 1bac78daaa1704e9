from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from netwright.config import DataConfig
from netwright.data.roles import Split
from netwright.data.schema import Target
from netwright.data.table import Table
from netwright.data.target import (
    describe_target,
    encode_target,
    find_target,
    sort_texts,
    target_findings,
    target_is_classes,
)
from netwright.errors import InputError


def table_of(**columns: object) -> Table:
    return Table(pl.DataFrame(columns, strict=False), "frame", "frame.csv")


def described(cells: object, role: list[int] | None = None, **config: object) -> Target:
    table = table_of(y=cells)
    split = Split(np.array(role or [0] * len(table), dtype=np.int8), "column", True, "")
    return describe_target(table, split, DataConfig.model_validate({"target": ["y"], **config}))


# ------------------------------------------------------------------------------------------- finding


def test_a_target_is_a_name_or_a_place():
    table = table_of(a=[1], b=[2], c=[3])
    assert find_target(table, ["b"]) == ["b"]
    assert find_target(table, ["0", "-1"]) == ["a", "c"]


def test_a_name_goes_before_a_place():
    table = Table(pl.DataFrame({"-1": [1], "0": [2], "z": [3]}), "t", "t")
    assert find_target(table, ["-1", "0", "2"]) == ["-1", "0", "z"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no target is given"),
        (["incme"], r"no column 'incme' \(frame\.csv\): did you mean 'income'"),
        (["2"], "no column number 2.*0 to 1"),
        (["-3"], "no column number -3"),
        (["income", "-1"], "'income' is given twice"),
    ],
)
def test_a_wrong_target_is_explained(names: list[str], message: str):
    with pytest.raises(InputError, match=message):
        find_target(table_of(age=[1], income=[2]), names)


# ------------------------------------------------------------------------------------------ describing


@pytest.mark.parametrize(
    ("cells", "task", "classes"),
    [
        (["0", "1", "0"] * 5, "binary", ["0", "1"]),
        ([1, 2, 1, 1] * 5, "binary", ["1", "2"]),
        ([1.0, 2.0, 1.0] * 5, "binary", ["1", "2"]),
        ([False, True, False] * 5, "binary", ["false", "true"]),
        (["Gentoo", "Adelie", "Chinstrap"] * 5, "multiclass", ["Adelie", "Chinstrap", "Gentoo"]),
        ([str(quality) for quality in (9, 10, 3, 4)] * 9, "multiclass", ["3", "4", "9", "10"]),
        ([0.5, 1.5] * 5, "binary", ["0.5", "1.5"]),
        ([0.5, 1.5, 2.5] * 9, "regression", []),
        (list(range(21)) * 9, "regression", []),
        ([3, 1, 2, 7, 5, 6], "regression", []),
        (["$1,200", "$900", "$1,000.50", "$7"] * 2, "regression", []),
    ],
)
def test_the_task_is_found(cells: list, task: str, classes: list[str]):
    target = described(cells)
    assert (target.task, target.classes) == (task, classes)


def test_the_rarer_class_is_positive_and_last():
    target = described(["1", "0", "1"])
    assert (target.classes, target.positive) == (["1", "0"], "0")
    assert described(["no", "yes"]).positive == "yes"
    target = described(["no", "yes", "no"], positive="no")
    assert (target.classes, target.positive) == (["yes", "no"], "no")


def test_an_unknown_positive_class_is_explained():
    with pytest.raises(InputError, match=r"no class 'yess'.*did you mean 'yes'"):
        described(["no", "yes"], positive="yess")
    with pytest.raises(InputError, match="no positive class"):
        described([0.5, 1.5, 2.5], positive="1")
    with pytest.raises(InputError, match="a multiclass target has no positive class"):
        described(["a", "b", "c"] * 3, positive="a")


def test_test_rows_decide_nothing():
    role = [0] * 6 + [1] * 2 + [2] * 3
    own = ["a", "b", "a", "b", "b", "b", "a", "b"]
    expected = described([*own, "a", "a", "a"], role)
    assert expected == described([*own, "new", "3", None], role)
    assert expected.positive == "a"


def test_classes_and_the_rarer_one_are_of_the_training_rows():
    target = described(["a", "b", "b", "c", "c", "a", "a"], [0, 0, 0, 1, 1, 1, 1])
    assert (target.classes, target.positive, target.task) == (["b", "a"], "a", "binary")


def test_a_task_can_be_forced():
    assert described(["1", "2", "3"] * 5, task="regression").task == "regression"
    assert described(list(range(30)), task="regression").task == "regression"
    assert described(list(range(30)) * 2, task="multiclass").classes[-1] == "29"
    assert described(["a", "b"], task="multiclass").classes == ["a", "b"]
    with pytest.raises(InputError, match="such as 'a'"):
        described(["a", "b"], task="regression")
    with pytest.raises(InputError, match="has 3 classes"):
        described(["a", "b", "c"] * 5, task="binary")
    with pytest.raises(InputError, match="no yes/no column"):
        described(["a", "b"], task="multilabel")


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([None, None, None], "missing in all rows"),
        (["a", "a", "a"], "'a' in all rows"),
        (["a", "a", None], "'a' in all rows"),
        (["a1", "b2", "c3", "d4"], "id or free text"),
        (list(range(1, 101)), "looks like an id"),
        ([str(number) for number in range(100)], "looks like an id"),
        ([str(number / 7) for number in range(100)] + ["unknown"], "such as 'unknown'"),
        (["a"], "only one row"),
    ],
)
def test_a_useless_target_is_refused(cells: list, message: str):
    with pytest.raises(InputError, match=message):
        described(cells)


def test_one_class_in_the_training_rows_is_refused():
    with pytest.raises(InputError, match="'a' in all training rows"):
        described(["a", "a", "a", "b"], [0, 0, 0, 1])


def test_growing_quantities_are_no_ids():
    assert described([2 * number + 1 for number in range(100)]).task == "regression"
    assert described([number + 0.5 for number in range(100)]).task == "regression"


def test_whole_numbers_taken_as_classes_are_said():
    config = DataConfig(target=["y"])
    assert "data.task=regression" in target_findings(described([3, 4, 5] * 9), config)[0].action
    assert target_findings(described(["a", "b", "c"] * 9), config) == []
    assert target_findings(described([1, 2] * 9), config) == []


# ------------------------------------------------------------------------------------- several targets


def several(task: str = "auto", **columns: list) -> Target:
    table = table_of(**columns)
    split = Split(np.zeros(len(table), dtype=np.int8), "column", True, "")
    return describe_target(table, split, DataConfig.model_validate({"target": list(columns), "task": task}))


def test_several_targets():
    assert several(a=["yes", "no", "yes"], b=[1, 0, 1]).task == "multilabel"
    assert several(a=[1, 2, 3], b=[0, 1, 0]).task == "regression"
    assert several("regression", a=[0, 1, 1], b=[0, 1, 0]).task == "regression"
    with pytest.raises(InputError, match=r"neither all numbers nor all yes/no"):
        several(a=["x", "y", "x"], b=[1, 2, 3])
    with pytest.raises(InputError, match="has one target"):
        several("binary", a=[1, 0, 1], b=[0, 1, 0])


# ------------------------------------------------------------------------------------------- encoding


def test_classes_are_encoded_by_place():
    target = Target(columns=["y"], task="multiclass", classes=["9", "10"])
    for cells in (["10", "9.0", "x", None], [10.0, 9.0, 3.0, None], [10, 9, 3, None]):
        codes = encode_target(table_of(y=cells), target)
        assert codes.dtype == np.int64
        assert codes.tolist() == [1, 0, -1, -1]


def test_labels_are_encoded_by_column():
    target = Target(columns=["b", "a"], task="multilabel")
    labels = encode_target(table_of(a=["Yes", "no", None], b=[1, 0, 2]), target)
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, np.array([[1, 1], [0, 0], [np.nan, np.nan]], dtype=np.float32))


def test_quantities_are_encoded_by_column():
    target = Target(columns=["y", "z"], task="regression")
    values = encode_target(table_of(y=["1,500", "x", None], z=[1, 2, 3]), target)
    np.testing.assert_array_equal(values, [[1500, 1], [np.nan, 2], [np.nan, 3]])


def test_an_infinite_quantity_names_its_row():
    table = table_of(y=[1.0, 2.0, np.inf]).keep(np.array([False, True, True]))
    with pytest.raises(InputError, match=r"'y' is infinite \(row 2"):
        encode_target(table, Target(columns=["y"], task="regression"))


def test_classes_for_a_split():
    assert target_is_classes(table_of(y=["a", "b"] * 5), DataConfig(target=["y"]))
    assert not target_is_classes(table_of(y=[0.1, 0.2, 0.3]), DataConfig(target=["y"]))
    assert target_is_classes(table_of(y=[1, 0], z=[0, 1]), DataConfig(target=["y", "z"]))


def test_texts_in_the_order_of_numbers():
    assert sort_texts(["10", "-1", "9.5"]) == ["-1", "9.5", "10"]
    assert sort_texts(["10", "9", "b"]) == ["10", "9", "b"]
    assert sort_texts([]) == []
