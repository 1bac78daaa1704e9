from __future__ import annotations

import itertools
import time
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import DataConfig, SplitConfig
from netwright.data.folds import Fold, deal, make_folds
from netwright.data.split import make_split
from netwright.data.table import Table
from netwright.errors import InputError

DATA = DataConfig(target=["y"])


def sample(rows: int, *, seed: int = 0, classes: int = 3, groups: int = 12, repeated: bool = False) -> Table:
    """Rows of which some are equal where `repeated`; without a target of classes where `classes` is 0."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 3, rows) if repeated else random.permutation(rows)
    y = (
        random.choice([f"class {place}" for place in range(classes)], rows)
        if classes
        else random.normal(size=rows)
    )
    columns = {"x": x.astype(float), "group": random.integers(0, groups, rows), "y": y}
    return Table(pl.DataFrame(columns), "frame", "frame")


def folds_of(
    table: Table, folds: int = 5, repeats: int = 1, seed: int = 0, validation: float = 0.2, **config: object
) -> list[Fold]:
    made = {"folds": folds, "repeats": repeats, "seed": seed, "validation": validation}
    return make_folds(table, np.arange(len(table)), SplitConfig.model_validate(config), DATA, **made)


def told(folds: list[Fold]) -> list[list[list[int]]]:
    return [[each.train.tolist(), each.validation.tolist(), each.scored.tolist()] for each in folds]


# -------------------------------------------------------------------------------------- what holds always

TABLES = {"random": {"classes": 0}, "stratified": {}, "group": {}}


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["random", "stratified", "group"]),
    rows=st.integers(60, 200),
    folds=st.integers(2, 7),
    repeats=st.integers(1, 3),
    seed=st.integers(0, 100),
    repeated=st.booleans(),
)
def test_every_row_is_scored_once_a_repeat_and_parts_never_meet(method, rows, folds, repeats, seed, repeated):
    table = sample(rows, seed=seed, repeated=repeated, **TABLES[method])
    made = folds_of(table, folds, repeats, seed, group="group" if method == "group" else None)
    assert [(each.repeat, each.number) for each in made] == [
        (repeat, number) for repeat in range(1, repeats + 1) for number in range(1, folds + 1)
    ]
    for repeat in range(repeats):
        inside = made[repeat * folds : (repeat + 1) * folds]
        assert sorted(np.concatenate([each.scored for each in inside])) == list(range(rows))
        for each in inside:
            everything = np.concatenate([each.train, each.validation, each.scored])
            assert sorted(everything) == list(range(rows))
            assert min(len(each.train), len(each.validation), len(each.scored)) > 0


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1000), folds=st.integers(2, 6), repeated=st.booleans(), grouped=st.booleans())
def test_groups_and_equal_rows_are_never_on_two_sides(seed, folds, repeated, grouped):
    table = sample(120, seed=seed, repeated=repeated)
    columns = ["group"] if grouped else ["x", "group", "y"]
    for each in folds_of(table, folds, 2, seed, group="group" if grouped else None):
        parts = [
            set(table.frame[rows].select(columns).iter_rows())
            for rows in (each.train, each.validation, each.scored)
        ]
        assert not parts[0] & parts[1]
        assert not parts[0] & parts[2]
        assert not parts[1] & parts[2]


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    parts=st.integers(2, 8),
    seed=st.integers(0, 100),
)
def test_dealt_strata_and_totals_are_within_one(counts, parts, seed):
    strata = np.repeat(np.arange(len(counts)), counts)
    part = deal(np.random.default_rng(seed).random(len(strata)), strata, parts)
    assert np.ptp(np.bincount(part, minlength=parts)) <= 1
    for stratum in range(len(counts)):
        assert np.ptp(np.bincount(part[strata == stratum], minlength=parts)) <= 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), grouped=st.booleans(), repeated=st.booleans())
def test_the_order_of_the_rows_changes_nothing(seed, grouped, repeated):
    table = sample(90, seed=seed, repeated=repeated)
    order = np.random.default_rng(seed).permutation(len(table))
    shuffled = replace(table, frame=table.frame[order], rows=table.rows[order])
    group = "group" if grouped else None
    for one, other in zip(folds_of(table, group=group), folds_of(shuffled, group=group), strict=True):
        for part in ("train", "validation", "scored"):
            assert sorted(order[getattr(other, part)]) == getattr(one, part).tolist()


# ----------------------------------------------------------------------------- beside scikit-learn's own


@pytest.mark.parametrize("classes", [2, 5])
def test_as_even_as_scikit_learns_stratified_folds(classes):
    from sklearn.model_selection import StratifiedKFold

    table = sample(203, classes=classes)
    y = table.frame["y"].to_numpy()
    theirs = StratifiedKFold(5, shuffle=True, random_state=0).split(y, y)
    names = np.unique(y)

    def counts(parts):
        return sorted(tuple(sorted((y[part] == name).sum() for part in parts)) for name in names)

    assert counts([each.scored for each in folds_of(table)]) == counts([part for _, part in theirs])


@pytest.mark.parametrize("folds", [2, 3, 5, 7])
def test_blocks_of_time_are_scikit_learns(folds):
    from sklearn.model_selection import TimeSeriesSplit

    table = sample(101, classes=0)
    order = np.argsort(table.frame["x"].to_numpy())
    theirs = TimeSeriesSplit(folds).split(order)
    for ours, (train, test) in zip(folds_of(table, folds, time="x"), theirs, strict=True):
        assert set(ours.train) | set(ours.validation) == set(order[train])
        assert set(ours.scored) == set(order[test])


def test_groups_are_as_even_as_scikit_learns_group_folds():
    from sklearn.model_selection import GroupKFold

    random = np.random.default_rng(0)
    sizes = random.integers(1, 40, 60)
    table = Table(
        pl.DataFrame({"group": np.repeat(np.arange(60), sizes), "y": random.normal(size=sizes.sum())}),
        "frame",
        "frame",
    )
    theirs = [len(test) for _, test in GroupKFold(5).split(table.frame, groups=table.frame["group"])]
    ours = [len(each.scored) for each in folds_of(table, group="group")]
    assert np.ptp(ours) <= max(np.ptp(theirs), 0.05 * np.mean(theirs))


def test_groups_of_classes_are_as_even_as_scikit_learns():
    from sklearn.model_selection import StratifiedGroupKFold

    random = np.random.default_rng(1)
    group = random.integers(0, 80, 1000)
    rate = random.random(80) * 0.4
    y = np.where(random.random(1000) < rate[group], "yes", "no")
    table = Table(pl.DataFrame({"x": np.arange(1000.0), "group": group, "y": y}), "frame", "frame")

    def spread(parts):
        return np.std([(y[part] == "yes").mean() for part in parts])

    theirs = [test for _, test in StratifiedGroupKFold(5, shuffle=True, random_state=0).split(y, y, group)]
    ours = [each.scored for each in folds_of(table, group="group")]
    assert spread(ours) <= max(2 * spread(theirs), 0.01)
    assert np.ptp([len(part) for part in ours]) <= 50


# -------------------------------------------------------------------------------------------- details


def test_repeats_and_seeds_give_other_folds_and_the_same_seed_the_same():
    for config in ({}, {"group": "group"}):
        table = sample(150, groups=40)
        first = folds_of(table, repeats=2, **config)
        assert told(first) == told(folds_of(table, repeats=2, **config))
        assert told(first[:5]) != told(first[5:])
        assert told(first) != told(folds_of(table, repeats=2, seed=1, **config))


def test_validation_rows_are_a_share_of_the_training_rows_in_proportion():
    table = Table(pl.DataFrame({"x": range(1000), "y": ["a"] * 900 + ["b"] * 100}), "frame", "frame")
    for each in folds_of(table):
        assert len(each.validation) == 160
        assert (each.validation >= 900).sum() == 16
    for each in folds_of(table, validation=0.0):
        assert len(each.validation) == 0
        assert len(each.train) == 800


def test_a_class_never_loses_its_only_training_row_to_validation():
    table = Table(pl.DataFrame({"x": range(42), "y": ["a"] * 40 + ["b"] * 2}), "frame", "frame")
    for each in folds_of(table, folds=2):
        assert (each.train >= 40).sum() == 1


def test_in_time_validation_comes_before_the_scored_rows_and_equal_times_stay_together():
    random = np.random.default_rng(0)
    times = random.integers(0, 30, 200)
    table = Table(pl.DataFrame({"when": times, "y": random.normal(size=200)}), "frame", "frame")
    made = folds_of(table, folds=4, time="when")
    for each in made:
        assert times[each.train].max() < times[each.validation].min()
        assert times[each.validation].max() < times[each.scored].min()
    for one, other in itertools.pairwise(made):
        assert set(other.train) | set(other.validation) == {*one.train, *one.validation, *one.scored}


def test_one_group_left_to_train_gives_validation_rows_all_the_same():
    table = sample(40, groups=2)
    for each in folds_of(table, folds=2, group="group"):
        assert len(each.validation) > 0
        assert len(each.train) > 0


def test_only_the_rows_that_are_asked_for_are_divided():
    table = sample(100)
    rows = np.arange(20, 90)
    made = make_folds(table, rows, SplitConfig(), DATA, folds=3)
    assert sorted(np.concatenate([each.scored for each in made])) == rows.tolist()


def test_a_fold_as_a_split():
    table = sample(60)
    fold = folds_of(table)[0]
    split = fold.as_split(make_split(table, SplitConfig(), DATA, 0))
    assert split.train.tolist() == fold.train.tolist()
    assert split.validation.tolist() == fold.validation.tolist()
    assert split.test.tolist() == fold.scored.tolist()


def test_large_tables_take_seconds():
    random = np.random.default_rng(0)
    keys = random.integers(0, 200_000, 300_000) / 200_000
    strata = (keys * 1e6).astype(np.int64) % 7
    began = time.process_time()
    deal(keys, strata, 10)
    deal(keys, strata, 10, whole=True)
    assert time.process_time() - began < 15


# ------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("table", "options", "said"),
    [
        (sample(60), {"folds": 1}, "1 folds"),
        (sample(60), {"folds": 61}, "61 folds of 60 rows"),
        (sample(60, repeated=True, classes=0, groups=1), {"folds": 2, "time": "group"}, "different times"),
        (sample(60, groups=4), {"folds": 5, "group": "group"}, "has 4 groups"),
        (sample(60, classes=0), {"folds": 3, "time": "x", "repeats": 2}, "2 repeats in the order of time"),
        (sample(60), {"group": "grup"}, "no column 'grup'"),
    ],
)
def test_bad_input(table, options, said):
    with pytest.raises(InputError, match=said):
        folds_of(table, **options)


def test_a_class_of_too_few_rows_is_named_with_its_rows():
    table = Table(pl.DataFrame({"x": range(43), "y": ["a"] * 40 + ["rare"] * 3}), "frame", "frame")
    with pytest.raises(InputError, match="5 folds, but the class 'rare' has only 3 rows"):
        folds_of(table)
    assert len(folds_of(table, method="random")) == 5


def test_too_few_different_rows():
    table = Table(pl.DataFrame({"x": [1.0, 2.0] * 20, "y": [0.5, 1.5] * 20}), "frame", "frame")
    with pytest.raises(InputError, match="3 folds of 2 different rows"):
        folds_of(table, folds=3, method="random")
