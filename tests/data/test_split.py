from __future__ import annotations

import time

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import DataConfig, SplitConfig
from netwright.data.split import IGNORE, TEST, TRAIN, VALIDATION, Split, join_files, make_split
from netwright.data.table import Table
from netwright.errors import InputError

DATA = DataConfig(target=["y"])


def table_of(**columns: object) -> Table:
    return Table(pl.DataFrame(columns), "frame", "frame")


def sample(rows: int = 200, *, seed: int = 0, classes: int = 2) -> Table:
    rng = np.random.default_rng(seed)
    return table_of(
        number=rng.normal(size=rows).round(6).astype(str),
        colour=rng.choice(["red", "green", "blue"], rows),
        y=rng.choice([f"class {place}" for place in range(classes)], rows),
    )


def split_of(table: Table, seed: int = 0, data: DataConfig = DATA, **config: object) -> Split:
    return make_split(table, SplitConfig.model_validate(config), data, seed)


def sizes(split: Split) -> tuple[int, int, int]:
    return len(split.train), len(split.validation), len(split.test)


# ------------------------------------------------------------------------------------- random splits


def test_default_is_64_16_20_in_proportion_for_classes():
    table = table_of(x=np.random.default_rng(0).random(1000), y=["a"] * 900 + ["b"] * 100)
    split = split_of(table)
    assert split.method == "stratified"
    assert not split.given
    assert sizes(split) == (640, 160, 200)
    assert (split.test >= 900).sum() == 20
    assert (split.validation >= 900).sum() == 16


def test_numbers_are_split_at_random():
    table = table_of(x=range(500), y=np.random.default_rng(0).random(500))
    split = split_of(table)
    assert split.method == "random"
    assert sizes(split) == (320, 80, 100)


def test_parts_cover_all_rows_once_and_are_sorted():
    split = split_of(sample())
    together = np.concatenate([split.development, split.test])
    assert sorted(together) == list(range(200))
    assert all(
        (np.diff(rows) > 0).all() for rows in (split.train, split.validation, split.test, split.development)
    )


def test_the_seed_decides():
    table = sample()
    assert (split_of(table, seed=3).role == split_of(table, seed=3).role).all()
    assert (split_of(table, seed=3).role != split_of(table, seed=4).role).any()


def test_rows_keep_their_scores_when_others_are_dropped():
    table = table_of(x=np.random.default_rng(0).random(1000), y=np.random.default_rng(1).random(1000))
    mask = np.ones(1000, dtype=bool)
    mask[5] = False
    moved = split_of(table).role[mask] != split_of(table.keep(mask)).role
    assert moved.sum() <= 3


def test_equal_rows_stay_on_one_side_whatever_their_id():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 80, 400)
    columns = {"a": kind % 9, "b": kind // 9, "y": np.where(kind % 2, "odd", "even")}
    for ids in (np.arange(400), rng.permutation(400), [f"X-{place:04}" for place in range(400)]):
        split = split_of(table_of(number=ids, **columns))
        for value in range(80):
            assert len(set(split.role[kind == value])) <= 1
        assert 240 <= len(split.train) <= 272
        assert len(split.test) >= 64


def test_a_unique_feature_is_no_id():
    words = [chr(97 + place % 26) * (place // 26 + 1) for place in range(200)]
    split = split_of(table_of(word=words, y=["a", "b"] * 100))
    assert sizes(split) == (128, 32, 40)
    split = split_of(table_of(weight=np.random.default_rng(0).integers(0, 10**6, 200), y=["a", "b"] * 100))
    assert sizes(split) == (128, 32, 40)


def test_a_large_group_of_equal_rows_trains():
    x = np.concatenate([np.zeros(500), np.random.default_rng(0).random(500)])
    split = split_of(table_of(x=x, y=["a", "b"] * 500))
    assert set(split.role[:500]) == {TRAIN}
    assert sizes(split) == (640, 160, 200)


def test_rare_classes_train_first_and_are_said():
    table = table_of(
        x=np.random.default_rng(0).random(103), y=["a"] * 50 + ["b"] * 50 + ["one", "two", "two"]
    )
    split = split_of(table)
    assert split.role[100] == TRAIN
    assert sorted(split.role[101:]) == [TRAIN, TEST]
    assert [finding.id for finding in split.findings] == ["rare_class_in_split"]
    assert "one, two" in split.findings[0].message
    assert split.findings[0].examples == [100, 101, 102]


def test_several_targets_are_split_by_combination_unless_those_are_rare():
    rng = np.random.default_rng(0)
    data = DataConfig(target=["u", "v"])
    flags = {"u": rng.integers(0, 2, 400), "v": rng.integers(0, 2, 400)}
    split = split_of(table_of(x=rng.random(400), **flags), data=data)
    assert split.method == "stratified"
    both = (flags["u"] == 1) & (flags["v"] == 1)
    assert abs(both[split.test].sum() - 0.2 * both.sum()) < 1
    many = {f"t{place}": rng.integers(0, 2, 60) for place in range(8)}
    assert split_of(table_of(x=rng.random(60), **many), data=DataConfig(target=list(many))).method == "random"


CELLS = st.sampled_from(["unseen", "1e300", "-inf", "2020-01-01", "0", None])


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=40),
    st.integers(0, 1000),
    st.sampled_from(["auto", "random"]),
)
@settings(deadline=None, max_examples=20)
def test_no_change_of_test_rows_moves_a_row(cells: list[tuple], seed: int, method: str):
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame(
        {
            "id": [f"{place:03}-AB" for place in range(100)],
            "a": rng.integers(0, 6, 100).astype(str),
            "b": rng.integers(0, 4, 100).astype(str),
            "y": rng.choice(["p", "q"], 100),
        }
    )
    split = split_of(Table(frame, "t", "t"), seed=seed, method=method)
    columns = {name: frame[name].to_list() for name in frame.columns}
    for place, row in enumerate(split.test):
        for name, cell in zip(("id", "a", "b"), cells[place % len(cells)], strict=True):
            columns[name][row] = f"{cell}!" if cell is not None else None
    changed = split_of(Table(pl.DataFrame(columns), "t", "t"), seed=seed, method=method)
    assert (changed.role == split.role).all()


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.text(max_size=3), st.sampled_from(["a", "b", "c"])),
        min_size=0,
        max_size=60,
    )
)
@settings(deadline=None, max_examples=50)
def test_odd_tables_are_split_whole_or_refused(rows: list[tuple]):
    table = Table(
        pl.DataFrame(rows, schema={"x": pl.Int64, "t": pl.String, "y": pl.String}, orient="row"), "t", "t"
    )
    try:
        split = split_of(table)
    except InputError:
        return
    assert len(split.role) == len(rows)
    assert min(sizes(split)) >= 1
    sides = {row: {split.role[place] for place, other in enumerate(rows) if other == row} for row in rows}
    assert all(len(side) == 1 for side in sides.values())


# -------------------------------------------------------------------------------------- group, time


def test_groups_stay_whole_and_classes_near_their_shares():
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 60, 600)
    y = np.where(patient % 3 == 0, "ill", "well")
    table = table_of(x=rng.random(600), patient=patient, y=y)
    split = split_of(table, group="patient")
    assert split.method == "group"
    assert all(len(set(split.role[patient == each])) == 1 for each in range(60))
    assert abs(len(split.test) - 120) < 30
    assert abs((y[split.test] == "ill").mean() - (y == "ill").mean()) < 0.1


def test_earlier_rows_train_and_ties_stay_together():
    rng = np.random.default_rng(0)
    days = rng.integers(1, 29, 500)
    table = table_of(x=rng.random(500), day=[f"{day:02}/02/2021" for day in days], y=rng.random(500))
    split = split_of(table, time="day")
    assert days[split.train].max() < days[split.validation].min()
    assert days[split.validation].max() < days[split.test].min()
    assert abs(len(split.train) - 320) < 30


def test_times_may_be_numbers_or_typed():
    start = np.datetime64("2020-01-01")
    for times in (np.arange(100)[::-1], (start + np.arange(100)[::-1]).astype("datetime64[us]")):
        split = split_of(table_of(t=times, y=np.random.default_rng(0).random(100)), time="t")
        assert (split.test == np.arange(20)).all()
        assert (split.train == np.arange(36, 100)).all()


def test_what_is_no_time_is_refused():
    y = np.random.default_rng(0).random(20)
    with pytest.raises(InputError, match=r"'soon', which is no time.*row 0"):
        split_of(table_of(t=["soon"] * 20, y=y), time="t")
    with pytest.raises(InputError, match=r"is empty \(row 3"):
        split_of(table_of(t=["1", "2", "3", None] + ["4"] * 16, y=y), time="t")
    with pytest.raises(InputError, match="2 different times"):
        split_of(table_of(t=["1", "2"] * 10, y=y), time="t")


# -------------------------------------------------------------------------------------- the user's own


def test_a_column_is_taken_as_it_is():
    words = ["Train"] * 50 + [" VAL "] * 10 + ["dev", "valid", "validation"] + ["test"] * 20 + ["ignore"]
    table = table_of(x=range(84), part=words, y=["a", "b"] * 42)
    split = split_of(table, column="part")
    assert split.given
    assert split.method == "column"
    assert split.role.tolist() == [TRAIN] * 50 + [VALIDATION] * 13 + [TEST] * 20 + [IGNORE]


def test_validation_is_taken_from_training_rows_when_none_is_given():
    table = table_of(
        x=np.random.default_rng(0).random(120), part=["train"] * 100 + ["test"] * 20, y=["a", "b"] * 60
    )
    split = split_of(table, column="part")
    assert sizes(split) == (80, 20, 20)
    assert (split.validation % 2).sum() == 10
    assert split.findings[0].id == "validation_from_training"
    assert "20 %" in split.note.replace("20%", "20 %")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train"] * 5 + ["tset"] + ["test"] * 4, r"unknown word 'tset' \(row 5.*train, validation"),
        (["train"] * 5 + [None] + ["test"] * 4, r"is empty \(row 5"),
        (["train"] * 10, "no test rows.*mark some rows with 'test'"),
        (["test"] * 10, "no training rows"),
    ],
)
def test_a_wrong_split_column_is_explained(words: list, message: str):
    with pytest.raises(InputError, match=message):
        split_of(table_of(x=range(10), part=words, y=["a", "b"] * 5), column="part")


def test_files_keep_their_rows_and_what_is_lacking_is_cut_from_the_main_one():
    main, test = sample(100, seed=1), sample(30, seed=2)
    joined, roles = join_files(main, None, test)
    assert len(joined) == 130
    assert joined.rows.tolist() == list(range(130))
    split = make_split(joined, SplitConfig(), DATA, 0, roles)
    assert sizes(split) == (80, 20, 30)
    assert split.test.tolist() == list(range(100, 130))
    joined, roles = join_files(main, test, None)
    split = make_split(joined, SplitConfig(), DATA, 0, roles)
    assert sizes(split) == (80, 30, 20)


def test_files_must_have_the_same_columns_in_any_order():
    main = sample(20)
    turned = Table(main.frame.select("y", "colour", "number"), "t", "turned.csv")
    assert join_files(main, turned, None)[0].columns == main.columns
    with pytest.raises(InputError, match=r"lacks the column 'y' \(test.csv\)"):
        join_files(main, None, Table(main.frame.drop("y"), "t", "test.csv"))
    extra = Table(main.frame.with_columns(colours="colour"), "t", "test.csv")
    with pytest.raises(InputError, match=r"'colours'.*did you mean 'colour'"):
        join_files(main, None, extra)


def test_words_for_missing_are_counted_over_all_files():
    main, test = sample(20), sample(20)
    main.words["colour"], test.words["colour"] = {"NA": 2}, {"NA": 1, "?": 1}
    assert join_files(main, None, test)[0].words == {"colour": {"NA": 3, "?": 1}}


# -------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("config", [{"column": "partt"}, {"group": "partt"}, {"time": "partt"}])
def test_an_unknown_column_is_named_with_the_nearest(config: dict):
    table = table_of(part=range(20), y=["a", "b"] * 10)
    with pytest.raises(InputError, match=r"no column 'partt'.*did you mean 'part'"):
        split_of(table, **config)


def test_a_method_needs_its_column():
    with pytest.raises(InputError, match=r"needs split\.group"):
        split_of(sample(), method="group")


@pytest.mark.parametrize("rows", [1, 2])
def test_too_few_rows_are_refused(rows: int):
    with pytest.raises(InputError, match="at least 10 rows"):
        split_of(table_of(x=range(rows), y=[0.5 + place for place in range(rows)]))


def test_too_few_different_rows_are_refused():
    with pytest.raises(InputError, match="equal rows stay on one side"):
        split_of(table_of(x=["0", "0", "1", "1"] * 50, y=["a", "a", "b", "b"] * 50))


def test_shares_must_leave_training_rows():
    with pytest.raises(InputError, match="must be below 1"):
        split_of(sample(), validation=0.5, test=0.5)


def test_no_test_rows_where_none_are_wished():
    assert sizes(split_of(sample(), test=0.0, validation=0.25)) == (150, 50, 0)


def test_stratified_needs_classes():
    with pytest.raises(InputError, match="use random"):
        split_of(table_of(x=range(50), y=np.random.default_rng(0).random(50)), method="stratified")


def test_many_rows_take_seconds():
    rng = np.random.default_rng(0)
    pool = {f"x{place}": rng.integers(0, 50, 20_000).astype(str) for place in range(20)}
    frame = pl.DataFrame({**pool, "y": rng.choice(["a", "b", "c"], 20_000)})[rng.integers(0, 20_000, 200_000)]
    start = time.process_time()
    split_of(Table(frame, "t", "t"))
    assert time.process_time() - start < 10
