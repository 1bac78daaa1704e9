"""Checks of leaks, shared rows, conflicts, drift and wrong labels: planted faults, and data without any."""

from collections.abc import Iterable

import numpy as np
import pytest
import torch
from tests.doctor.checks.rows import Part, bundled, case_of_parts, parted
from torch import nn

import netwright as nw
from netwright.data.finding import Finding
from netwright.doctor import plain
from netwright.doctor.case import Case
from netwright.doctor.checks.copies import conflicting_labels, duplicate_rows, shared_rows
from netwright.doctor.checks.labels import _beside_others, label_errors
from netwright.doctor.checks.leaks import LIKELY, STRONG, _at_most, leaking_column
from netwright.doctor.checks.shifts import drift
from netwright.doctor.diagnosis import CannotTellError, Diagnosis

BEFORE = (leaking_column, shared_rows, duplicate_rows, conflicting_labels, drift)


def _told(found: Iterable[Diagnosis]) -> list[tuple[str, str]]:
    return [(each.id, each.severity) for each in found]


def _moons(noise: float = 0.2, rows: int = 400) -> Part:
    from sklearn.datasets import make_moons

    x, y = make_moons(rows, noise=noise, random_state=0)
    return np.asarray(x), np.asarray(y, dtype=np.int64)


@pytest.mark.parametrize("name", ["breast_cancer", "wine", "iris", "diabetes", "moons"])
def test_sound_data_raise_no_alarm(name: str) -> None:
    case = case_of_parts(parted(*(_moons() if name == "moons" else bundled(name))))
    found = [each for check in BEFORE for each in check(case) if each.severity != "note"]
    assert found == []


@pytest.mark.parametrize("name", ["breast_cancer", "diabetes", "moons"])
def test_a_copy_of_the_target_is_a_leak(name: str) -> None:
    x, y = _moons() if name == "moons" else bundled(name)
    found = list(leaking_column(case_of_parts(parted(np.column_stack([x, 3.0 * y + 1]), y))))
    assert _told(found) == [("leaking_column", "error")]
    assert found[0].evidence["places"] == [x.shape[1]]


def test_numbers_of_sorted_rows_are_a_leak() -> None:
    x, y = bundled("breast_cancer")
    order = np.argsort(y, kind="stable")
    found = list(
        leaking_column(case_of_parts(parted(np.column_stack([x, np.arange(len(y))])[order], y[order])))
    )
    assert found == []  # numbers of rows in any order tell nothing
    numbered = np.column_stack([x[order], np.arange(len(y)) / 100])
    found = list(leaking_column(case_of_parts(parted(numbered, y[order]))))
    assert _told(found) == [("leaking_column", "error")]


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_training_rows_in_the_test_rows(noise: float) -> None:
    x, y = bundled("wine")
    parts = parted(x, y)
    copied = parts["train"][0][:15] + noise * np.random.default_rng(0).normal(size=(15, x.shape[1]))
    own, labels = parts["test"]
    parts["test"] = np.concatenate([own, copied]), np.concatenate([labels, parts["train"][1][:15]])
    found = list(shared_rows(case_of_parts(parts)))
    assert _told(found) == [("shared_rows", "error")]
    assert found[0].evidence["rows"] == 15
    assert found[0].evidence["exact"] == (15 if noise == 0 else 0)


def test_coarse_columns_have_equal_rows_by_chance() -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 3, (600, 6)).astype(float)
    case = case_of_parts(parted(x, (x[:, 0] > x[:, 1]).astype(np.int64)))
    assert {each.severity for each in shared_rows(case)} == {"note"}


def test_groups_on_both_sides_matter_where_groups_are_alike() -> None:
    random = np.random.default_rng(0)
    group = random.integers(0, 50, 400)
    x = random.normal(size=(50, 5))[group] + 0.2 * random.normal(size=(400, 5))
    own, any_ = random.integers(0, 2, 50)[group], (x[:, 0] > 0).astype(np.int64)
    parts = {"train": slice(0, 250), "validation": slice(250, 400)}
    notes = {"groups": {name: group[part] for name, part in parts.items()}}
    of_groups = case_of_parts({name: (x[part], own[part]) for name, part in parts.items()}, dict(notes))
    of_inputs = case_of_parts({name: (x[part], any_[part]) for name, part in parts.items()}, dict(notes))
    assert ("shared_rows", "error") in _told(shared_rows(of_groups))
    assert ("shared_rows", "error") not in _told(shared_rows(of_inputs))
    assert ("shared_rows", "warning") in _told(shared_rows(of_inputs))


def test_equal_rows_with_other_labels() -> None:
    x, y = _moons()
    parts = parted(x, y)
    own, labels = parts["train"]
    parts["train"] = np.concatenate([own, own[:80]]), np.concatenate([labels, 1 - labels[:80]])
    found = list(conflicting_labels(case_of_parts(parts)))
    assert _told(found) == [("conflicting_labels", "error")]
    assert found[0].evidence["rows"] == 160
    assert found[0].evidence["wrong_at_best"] == pytest.approx(80 / 320)


def test_equal_rows_are_counted() -> None:
    x, y = _moons()
    found = list(duplicate_rows(case_of_parts({"train": (np.tile(x, (2, 1)), np.tile(y, 2))})))
    assert found[0].evidence["share"] == 0.5


def test_another_scale_at_the_test() -> None:
    parts = parted(*bundled("wine"))
    parts["test"] = parts["test"][0] * 50, parts["test"][1]
    found = list(drift(case_of_parts(parts)))
    assert _told(found) == [("drift", "error")]
    assert found[0].evidence["part"] == "test"
    assert len(found[0].evidence["spreads"]) >= 10


@pytest.mark.parametrize(("counts", "told"), [((114, 115, 71), []), ((114, 145, 41), [("drift", "warning")])])
def test_shares_of_classes_that_chance_may_draw_are_no_drift(counts, told) -> None:
    """One draw in a thousand is as uneven as the first: p = .0008 of a chi-squared test."""
    random, classes = np.random.default_rng(0), np.arange(3)
    old, new = np.repeat(classes, (242, 210, 248)), np.repeat(classes, counts)
    parts = {name: (random.normal(size=(len(y), 4)), y) for name, y in (("train", old), ("validation", new))}
    assert _told([each for each in drift(case_of_parts(parts)) if each.severity != "note"]) == told


def test_a_class_that_training_rows_do_not_have() -> None:
    parts = parted(*bundled("wine"))
    x, y = parts["train"]
    parts["train"] = x[y != 2], y[y != 2]
    found = list(drift(case_of_parts(parts)))
    assert {each.severity for each in found} == {"error"}
    assert found[0].evidence["unseen_classes"] == [2]


def test_findings_take_the_place_of_own_checks() -> None:
    x, y = _moons()
    finding = Finding("target_leak", "error", "'a' gives it away.", "kept", ["a"])
    case = case_of_parts(parted(np.column_stack([x, y]), y), {"findings": [finding]})
    assert [each.evidence["columns"] for each in leaking_column(case)] == [["a"]]
    case.notes["findings"] = []
    assert [list(check(case)) for check in BEFORE] == [[]] * len(BEFORE)


@pytest.mark.parametrize(
    ("flipped", "spread", "wanted"), [(0.2, 0.2, True), (0.02, 0.2, False), (0, 0.6, False)]
)
def test_wrong_labels_but_not_overlapping_classes(flipped: float, spread: float, wanted: bool) -> None:
    torch.manual_seed(0)
    x, y = _moons(spread, 500)
    random = np.random.default_rng(0)
    wrong = random.random(500) < flipped
    doctor = nw.callbacks.Doctor(verbose=0, preflight=False)
    trainer = nw.Trainer(
        nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)), "cross_entropy", callbacks=[doctor]
    )
    trainer.fit(
        x.astype(np.float32),
        np.where(wrong, 1 - y, y),
        epochs=2,
        validation_split=0.2,
        verbose=0,
    )
    found = [each for each in doctor.diagnoses if each.id == "label_errors"]
    assert bool(found) == wanted
    if found:
        suspected = found[0].evidence["suspects"][:20]
        assert wrong[suspected].mean() > 0.8


@pytest.mark.parametrize("flipped", [0.25, 0.0])
def test_numbers_that_belong_to_other_rows(flipped: float) -> None:
    from sklearn.datasets import make_friedman1

    x, y = make_friedman1(n_samples=1000, noise=1.0, random_state=0)
    y, draws = (y - y.mean()) / y.std(), np.random.default_rng(0)
    wrong = draws.random(1000) < flipped
    y[wrong] = draws.permutation(y)[wrong]
    found = list(label_errors(case_of_parts(parted(x, y)), None))  # type: ignore[arg-type]
    assert _told(found) == ([("label_errors", "error")] if flipped else [])
    codes = np.round(2 * y)
    with pytest.raises(CannotTellError):
        list(label_errors(case_of_parts(parted(x, codes)), None))  # type: ignore[arg-type]


def test_wrong_labels_need_enough_rows() -> None:
    x, y = _moons(rows=60)
    with pytest.raises(CannotTellError):
        list(label_errors(case_of_parts(parted(x, y)), None))  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [60, 200, 1000])
def test_a_binned_rule_passes_over_no_column_that_trees_call_strong(rows: int):
    from sklearn.model_selection import cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    draws = np.random.default_rng(0)
    x = draws.normal(size=rows)
    told = {
        "cut": (x > 0.3).astype(np.int64),
        "classes": np.searchsorted([-1.0, -0.3, 0.4, 1.1], x),
        "window": (np.abs(x) < 0.7).astype(np.int64),
        "curve": np.square(x)[:, None],
        "nothing": draws.integers(0, 2, rows),
        "noise": draws.normal(size=(rows, 1)),
    }
    strong = 0
    for wanted in told.values():
        numbers = wanted.ndim == 2
        tree = (DecisionTreeRegressor if numbers else DecisionTreeClassifier)(min_samples_leaf=2)
        score = cross_val_score(tree, x[:, None], wanted.ravel(), cv=4).mean()
        base = 0.0 if numbers else np.bincount(wanted).max() / rows
        gain = (score - base) / (1 - base)
        most = _at_most(x, wanted, "numbers" if numbers else "classes")
        assert gain < STRONG or most >= LIKELY
        assert most >= LIKELY or gain < 0.75
        assert most < LIKELY or gain > 0.5
        strong += gain >= STRONG
    assert strong >= 3


def test_the_doctor_looks_at_the_rows_only_once(monkeypatch: pytest.MonkeyPatch):
    from netwright.doctor.checks import copies, leaks, shifts

    looked: list[str] = []
    for module, name in ((copies, "_copies"), (leaks, "_leaks"), (shifts, "_shifts")):
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda case, own=own, name=name: looked.append(name) or own(case))
    x = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    trainer = nw.Trainer(nn.Linear(4, 1), "mse", callbacks=[nw.callbacks.Doctor(verbose=0)], seed=0)
    for _ in range(2):  # another fit may have other rows
        trainer.fit(x, x.sum(1), epochs=2, validation_split=0.2, verbose=0)
        assert sorted(looked) == ["_copies", "_leaks", "_shifts"]
        looked.clear()


def test_wrong_rows_of_several_numbers() -> None:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(700, 4))
    y = np.stack([x[:, 0] + x[:, 1], x[:, 2] - x[:, 3]], 1) + 0.1 * draws.normal(size=(700, 2))
    parts = parted(x, y)
    assert list(label_errors(_of_several(parts), None)) == []  # type: ignore[arg-type]
    own = parts["train"][1]
    own[:100] = own[99::-1].copy()
    found = list(label_errors(_of_several(parts), None))  # type: ignore[arg-type]
    assert _told(found) == [("label_errors", "error")]
    assert np.mean([each < 100 for each in found[0].evidence["suspects"]]) > 0.8


def test_training_targets_that_are_noisier_than_the_others() -> None:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(1500, 3))
    parts = parted(x, np.sin(2.0 * x[:, 0]) + x[:, 1] + 0.5 * draws.normal(size=1500))
    case = case_of_parts(parts)
    assert _beside_others(case, plain.known(case), x) is None
    own = parts["train"][1]
    own[::2] = np.roll(own[::2], 1)
    case = case_of_parts(parts)
    found = _beside_others(case, plain.known(case), parts["train"][0])
    assert found is not None
    assert 0.3 < found.share < 0.95


def _of_several(parts: dict[str, Part]) -> Case:
    """A case with two targets for each row."""
    case = case_of_parts({name: (x, y[:, 0]) for name, (x, y) in parts.items()})
    for name, (_, y) in parts.items():
        getattr(case, name).target = torch.as_tensor(y).float()
    return case


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_several_measurements_of_each_thing_are_shared(noise: float) -> None:
    draws = np.random.default_rng(0)
    once = draws.normal(size=(120, 6))
    x = np.repeat(once, 5, axis=0)
    x = x + noise * draws.normal(size=x.shape)
    y = np.repeat(once[:, 0] + draws.normal(size=120), 5)
    found = list(shared_rows(case_of_parts(parted(x, y))))
    assert {each.severity for each in found} == {"error"}
    assert min(each.evidence["share"] for each in found) > 0.9


def test_columns_that_hardly_ever_differ_bring_no_rows_together() -> None:
    x, y = bundled("iris")
    draws = np.random.default_rng(0)
    rare = (draws.random((len(x), 10)) < 0.05).astype(float)
    assert list(shared_rows(case_of_parts(parted(np.column_stack([x, rare / 0.22]), y)))) == []


def test_columns_in_another_order_are_drift_though_each_looks_alike() -> None:
    draws = np.random.default_rng(0)
    x = draws.normal(size=(900, 4))
    parts = parted(x, x @ np.array([1.0, -1.0, 0.5, 0.0]))
    parts["validation"] = np.roll(parts["validation"][0], 1, axis=1), parts["validation"][1]
    found = list(drift(case_of_parts(parts)))
    assert [(each.severity, each.evidence["part"]) for each in found] == [("error", "validation")]
    assert "other inputs go with the targets" in found[0].message


def test_parts_of_several_rows_of_one_thing_each_are_no_drift() -> None:
    from sklearn.datasets import make_hastie_10_2

    x, y = make_hastie_10_2(600, random_state=0)
    draws = np.random.default_rng(0)
    parts = {
        name: (
            np.tile(own, (3, 1)) + 0.15 * draws.normal(size=(3 * len(own), 10)),
            np.tile(classes > 0, 3) * 1,
        )
        for name, (own, classes) in parted(x, y).items()
    }
    assert list(drift(case_of_parts(parts))) == []
