"""Checks of how well a network generalises: on small trainings, with the fault and without it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from netwright import Trainer, callbacks
from netwright.doctor.case import Case, case_of, untouched
from netwright.doctor.checks.augmentation import harmful_augmentation
from netwright.doctor.checks.imbalance import class_imbalance
from netwright.doctor.checks.overfitting import loss_and_metric_disagree, overfitting
from netwright.doctor.checks.underfitting import underfitting
from netwright.doctor.checks.weak_slices import explained, weak_slice
from netwright.doctor.diagnosis import CannotTellError, Diagnosis
from netwright.doctor.monitor import Monitor
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.training.callbacks import State

CHECKS = (
    harmful_augmentation,
    class_imbalance,
    overfitting,
    underfitting,
    weak_slice,
    loss_and_metric_disagree,
)


class Watched(Monitor):
    def on_end(self, state: State) -> None:
        super().on_end(state)
        self.case = case_of(state.population, 0)


def trained(
    x: np.ndarray,
    y: np.ndarray,
    module: nn.Module,
    train: int,
    epochs: int,
    *,
    rate: float = 3e-3,
    weight: np.ndarray | None = None,
    beside: tuple[Any, ...] = (),
) -> tuple[Case, Record]:
    """After a training on the first rows, watched on the others."""
    watched, numbers = Watched(), np.issubdtype(y.dtype, np.floating)
    loss = nn.MSELoss() if numbers else nn.CrossEntropyLoss()
    metrics = [] if numbers else ["accuracy"]
    trainer = Trainer(module, loss, "adam", rate, metrics=metrics, callbacks=[*beside, watched], seed=0)
    trainer.fit(
        x[:train].astype(np.float32),
        y[:train],
        epochs=epochs,
        validation_data=(x[train:].astype(np.float32), y[train:]),
        sample_weight=weight,
        verbose=0,
    )
    return watched.case, watched.records[0]


def said(case: Case, record: Record) -> list[Diagnosis]:
    """By all checks, without notes."""
    found: list[Diagnosis] = []
    with untouched():
        for check in CHECKS:
            try:
                found += check(case, record)
            except CannotTellError:
                continue
    return [each for each in found if each.severity != "note"]


def ids(case: Case, record: Record) -> list[str]:
    return [each.id for each in said(case, record)]


def dense(inputs: int, *units: int) -> nn.Sequential:
    torch.manual_seed(0)
    parts: list[nn.Module] = []
    for unit in units[:-1]:
        parts += [nn.Linear(inputs, unit), nn.ReLU()]
        inputs = unit
    return nn.Sequential(*parts, nn.Linear(inputs, units[-1]))


def digits(count: int = 900) -> tuple[np.ndarray, np.ndarray]:
    x, y = load_digits(return_X_y=True)
    return x[:count] / 16, y[:count].astype(np.int64)


def noisy(count: int = 500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Ten numbers, of which two make a target with noise."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(count, 10))
    return x, (x[:, :1] + x[:, 1:2] + draws.normal(size=(count, 1))).astype(np.float32)


def test_healthy_networks_hear_nothing():
    assert ids(*trained(*digits(), dense(64, 64, 10), 600, 20)) == []
    assert ids(*trained(*digits(), nn.Sequential(nn.Dropout(0.2), *dense(64, 64, 10)), 600, 20)) == []
    assert ids(*trained(*noisy(), dense(10, 1), 350, 60, rate=1e-2)) == []


def test_learnt_by_heart():
    case, record = trained(*noisy(), dense(10, 128, 128, 1), 200, 120)
    (found,) = said(case, record)
    assert (found.id, found.severity) == ("overfitting", "error")
    assert found.epoch == np.argmin(record.validation_loss) + 1
    assert found.evidence["gap"] > 0.3
    assert "better at an earlier epoch" in found.evidence["reasons"]
    assert found.fix.config == {"training.patience": 10}


def test_the_best_epoch_kept_is_no_overfitting():
    kept = callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    case, record = trained(*noisy(), dense(10, 32, 1), 350, 120, beside=(kept,))
    assert ids(case, record) == []


def test_few_rows():
    x, y = digits(400)
    (found,) = said(*trained(x, y, dense(64, 64, 10), 40, 80))
    assert found.id == "overfitting"
    assert "40 training rows are few" in found.cause


def test_too_small():
    (found,) = said(*trained(*digits(), dense(64, 2, 10), 600, 20))
    assert (found.id, found.severity, found.evidence["narrowest"]) == ("underfitting", "error", 2)
    assert found.fix.config == {"network.width": 64}
    draws = np.random.default_rng(0)
    x = draws.normal(size=(500, 2))
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    (found,) = said(*trained(x, y, dense(2, 2), 350, 60, rate=1e-2))
    assert found.id == "underfitting"
    assert "without hidden layers" in found.cause


def test_stopped_too_early():
    (found,) = said(*trained(*digits(), dense(64, 64, 10), 600, 4, rate=3e-4))
    assert found.id == "underfitting"
    assert found.fix.config == {"training.epochs": 12}


def rare(seed: int = 0, share: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(seed)
    y = (draws.random(1600) < share).astype(np.int64)
    return draws.normal(size=(1600, 6)) + 1.6 * y[:, None] * np.array([1, 1, 1, 0, 0, 0]), y


def test_a_rare_class_passed_over():
    x, y = rare()
    found = [each for each in said(*trained(x, y, dense(6, 8, 2), 900, 6)) if each.id == "class_imbalance"]
    assert len(found) == 1
    assert found[0].evidence["recall"][1] < 0.5
    assert found[0].evidence["train_rows"] == np.bincount(y[:900]).tolist()


def test_a_rare_class_with_weights_is_fine():
    x, y = rare()
    counts = np.bincount(y[:900])
    weight = (450 / counts)[y[:900]].astype(np.float32)
    case, record = trained(x, y, dense(6, 8, 2), 900, 15, weight=weight)
    assert list(class_imbalance(case, record)) == []


def test_rare_classes_of_which_no_score_speaks():
    x, y = digits()
    few = np.concatenate([np.flatnonzero(y[:600] == code)[:2] for code in range(5, 10)])
    judged = 600 + np.concatenate([np.flatnonzero(y[600:] < 5), np.flatnonzero(y[600:] >= 5)[:3]])
    kept = np.concatenate([np.flatnonzero(y[:600] < 5), few, judged])
    case, record = trained(x[kept], y[kept], dense(64, 32, 10), len(kept) - len(judged), 15)
    (found,) = class_imbalance(case, record)
    assert (found.severity, found.evidence["very_rare"]) == ("warning", [5, 6, 7, 8, 9])
    assert "3 validation rows, too few to judge them by" in found.message


def test_a_class_missing_in_the_training_rows():
    x, y = digits()
    kept = np.concatenate([np.flatnonzero(y[:600] != 3), np.arange(600, 900)])
    found = said(*trained(x[kept], y[kept], dense(64, 64, 10), len(kept) - 300, 15))
    assert found[0].id == "class_imbalance"
    assert found[0].evidence["missing"] == [3]


def sliced(right: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of which 15 % follow the rule of the others with this chance only, else the reverse."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=(1500, 4))
    inside = draws.random(1500) < 0.15
    x[:, 3] = inside
    rule = x[:, 0] > x[:, 1]
    return x, np.where(inside & (draws.random(1500) >= right), ~rule, rule).astype(np.int64)


def test_a_part_of_the_rows_with_a_rule_of_its_own():
    x, y = sliced(0.0)
    case, record = trained(x, y, dense(4, 2), 900, 20, rate=1e-2)
    case.names = ["a", "b", "c", "member"]
    (found,) = said(case, record)
    assert (found.id, found.severity) == ("weak_slice", "warning")
    assert found.message.startswith("where member = 1 ")


def test_a_part_that_is_harder_for_all_is_a_note():
    case, record = trained(*sliced(0.72), dense(4, 2), 900, 20, rate=1e-2)
    assert [each.severity for each in weak_slice(case, record)] == ["note"]


def test_a_part_of_which_the_inputs_say_nothing():
    case, record = trained(*sliced(0.5), dense(4, 2), 900, 20, rate=1e-2)
    (found,) = weak_slice(case, record)
    assert found.severity == "warning"
    assert found.evidence["slices"][0]["marks"] < 0.55


def test_what_test_rows_show_is_told_and_decides_nothing():
    case, record = trained(*sliced(1.0), dense(4, 2), 900, 20, rate=1e-2)
    assert list(weak_slice(case, record)) == []
    other, _ = trained(*sliced(0.0), dense(4, 2), 900, 1)
    case.test = other.validation
    assert [each.id for each in weak_slice(case, record)] == ["weak_slice"]
    assert not explained(case, standing(case))


class Changes(nn.Module):
    """Turns pictures upside down, or moves them a little, in training."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pictures = x.reshape(-1, 1, 8, 8)
        if not self.training:
            return x
        if self.kind == "little":
            return x + 0.05 * torch.randn_like(x)
        for axes in ((2,), (3,), (2, 3)):
            chosen = torch.rand(len(x), 1, 1, 1) < 0.5
            pictures = torch.where(chosen, pictures.flip(axes), pictures)
        return pictures.reshape(len(x), -1)


@pytest.mark.parametrize(("kind", "harms"), [("turns", True), ("little", False)])
def test_changes_that_break_labels(kind: str, harms: bool):
    module = nn.Sequential(Changes(kind), *dense(64, 48, 10))
    case, record = trained(*digits(), module, 600, 12)
    before = case.network.flat.clone()
    found = [each for each in harmful_augmentation(case, record) if each.severity != "note"]
    assert [each.id for each in found] == ["harmful_augmentation"] * harms
    assert torch.equal(case.network.flat, before)


class RowsMixed(nn.Module):
    """Rows that are mixed with their neighbours in training, and not their targets."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.lerp(x.roll(1, 0), self.share) if self.training else x


@pytest.mark.parametrize(("share", "harms"), [(0.55, True), (0.02, False)])
def test_rows_mixed_with_others_where_no_simple_model_is_better(share: float, harms: bool):
    draws = np.random.default_rng(0)
    x = draws.uniform(-2, 2, (600, 3))
    y = (np.sin(3 * x[:, :1]) * x[:, 1:2]).astype(np.float32)
    case, record = trained(x, y, nn.Sequential(RowsMixed(share), *dense(3, 48, 48, 1)), 400, 60)
    case.notes["standing"] = standing(case)
    case.notes["standing"].behind = -0.1
    found = [each for each in harmful_augmentation(case, record) if each.severity != "note"]
    assert [each.id for each in found] == ["harmful_augmentation"] * harms


def record_of(loss: list[float], accuracy: list[float]) -> Record:
    none = np.zeros(0)
    return Record(
        *(0, len(loss), 10, none, none, none, np.inf, none, [], none, []),
        *(
            np.array(loss),
            np.array(loss),
            {"accuracy": np.array(accuracy)},
            none,
            none,
            0,
            False,
            "all epochs",
        ),
    )


def test_loss_and_metric_apart():
    case, _ = trained(*digits(400), dense(64, 10), 200, 1)
    falls, rises = np.linspace(2, 0.5, 10).tolist(), np.linspace(0.5, 0.9, 10).tolist()
    (found,) = loss_and_metric_disagree(case, record_of(falls, rises[::-1]))
    assert found.evidence["correlation"] < -0.9
    assert list(loss_and_metric_disagree(case, record_of(falls, rises))) == []
    assert list(loss_and_metric_disagree(case, record_of(falls[::-1], rises))) == []  # confident, no harm
    with pytest.raises(CannotTellError):
        list(loss_and_metric_disagree(case, record_of(falls[:3], rises[:3])))


class Mirrored(nn.Module):
    """Takes the sign of half of the rows away in training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.where(torch.rand(len(x), 1) < 0.5, -x, x) if self.training else x


class Drowned(nn.Module):
    """Noise in training."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.size * torch.randn_like(x) if self.training else x


@pytest.mark.parametrize(("change", "harms"), [(Mirrored(), True), (Drowned(0.05), False)])
def test_changes_that_break_numbers(change: nn.Module, harms: bool):
    draws = np.random.default_rng(0)
    x = draws.normal(size=(500, 4))
    y = (x[:, :1] + 0.5 * x[:, 1:2] + 0.1 * draws.normal(size=(500, 1))).astype(np.float32)
    case, record = trained(x, y, nn.Sequential(change, *dense(4, 32, 1)), 350, 15)
    found = [each for each in harmful_augmentation(case, record) if each.severity == "error"]
    assert [each.id for each in found] == ["harmful_augmentation"] * harms
    assert all("R²" in each.message for each in found)


def test_changes_under_which_all_units_have_died():
    draws = np.random.default_rng(0)
    x = draws.normal(size=(500, 2))
    y = (x[:, 0] > 0).astype(np.int64)
    module = nn.Sequential(Drowned(20.0), *dense(2, 16, 2))
    case, record = trained(x, y, module, 350, 2)
    with torch.no_grad():
        case.network.flat.zero_()
    case.notes.clear()
    (found,) = harmful_augmentation(case, record)
    assert "steps from the first weights" in found.message


class Gate(nn.Module):
    """One number scales all others."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.one = nn.Linear(units, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.one(x))


@pytest.mark.parametrize(("narrow", "numbers"), [(True, 1), (False, None)])
def test_all_that_is_known_of_a_row_in_one_number(narrow: bool, numbers: int | None):
    torch.manual_seed(0)
    body = [nn.Linear(64, 1), nn.ReLU()] if narrow else [nn.Linear(64, 8), Gate(8)]
    head = nn.Linear(1 if narrow else 8, 10)
    case, record = trained(*digits(), nn.Sequential(*body, head), 600, 3, rate=1e-4)
    (found,) = underfitting(case, record)
    assert found.evidence.get("neck") == numbers
    assert ("passes through one number" in found.cause) == narrow


def test_what_a_network_does_to_its_own_numbers_is_no_change_of_rows():
    draws = np.random.default_rng(0)
    x = draws.uniform(-2, 2, (600, 3))
    y = (np.sin(3 * x[:, :1]) * x[:, 1:2]).astype(np.float32)
    first, *others = dense(3, 48, 48, 1)
    case, record = trained(x, y, nn.Sequential(first, RowsMixed(0.55), *others), 400, 60)
    case.notes["standing"] = standing(case)
    case.notes["standing"].behind = -0.1
    assert [each for each in harmful_augmentation(case, record) if each.severity != "note"] == []
