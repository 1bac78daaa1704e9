from __future__ import annotations

import copy
import dataclasses
import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import netwright as nw
from netwright.doctor.case import Case, case_of
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.errors import NetwrightError
from netwright.nn.objective import Objective
from netwright.trainer import surgery
from netwright.trainer.course import Again, Course
from netwright.trainer.remedies import network, steps
from netwright.trainer.remedies.patient import Patient, both
from netwright.trainer.remedies.rows import GeneralizedCrossEntropy, corrected, without_rows
from netwright.trainer.remedies.table import REMEDIES
from netwright.trainer.repair import Repair
from netwright.trainer.rounds import Candidate, Round, finalists

EPOCHS = 30


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Quarters of a plane, of which a line tells nothing."""
    random = np.random.default_rng(0)
    x = random.normal(size=(1600, 4)).astype("float32")
    y = ((x[:, 0] * x[:, 1] > 0) ^ (x[:, 2] > 0.8)).astype("int64")
    return {
        "train": (x[:400], y[:400]),
        "validation": (x[400:700], y[400:700]),
        "test": (x[700:], y[700:]),
    }


def net(kind: type[nn.Module] = nn.ReLU, depth: int = 2, dropout: float = 0.0, *end: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(4, 32), kind()]
    for _ in range(depth - 1):
        parts += [nn.Linear(32, 32), kind()]
    drop = [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*parts, *drop, nn.Linear(32, 2), *end)


def zero(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        for each in module.parameters():
            each.zero_()
    return module


def trainer(module: nn.Module, optimizer="adam", rate: float | None = 0.01, **more) -> nw.Trainer:
    return nw.Trainer(module, nn.CrossEntropyLoss(), optimizer, rate, seed=0, device="cpu", **more)


def score(made: nw.Trainer, rows) -> float:
    x, y = rows["test"]
    return float((made.predict(x).argmax(1) == y).mean())


def repaired(made: nw.Trainer, rows):
    return made.repair(*rows["train"], epochs=EPOCHS, validation_data=rows["validation"])


@pytest.fixture(scope="module")
def plain(rows) -> nw.Trainer:
    made = trainer(net())
    made.fit(*rows["train"], epochs=EPOCHS, validation_data=rows["validation"], verbose=0)
    return made


@pytest.fixture(scope="module")
def healthy(rows, plain) -> float:
    return score(plain, rows)


class Looking(nw.callbacks.Callback):
    """Keeps the case after the last step, which nobody examines."""

    case: Case

    def on_end(self, state) -> None:
        self.case = case_of(state.population)


FAULTS = {
    "rate_too_high": lambda: (net(), "adam", 5.0),
    "rate_too_low": lambda: (net(), "adam", 1e-7),
    "deep_sigmoid": lambda: (net(nn.Sigmoid, 6), "sgd", 0.1),
    "zero_start": lambda: (zero(net()), "adam", 0.01),
    "double_softmax": lambda: (net(nn.ReLU, 2, 0.0, nn.Softmax(1), nn.Softmax(1)), "adam", 0.001),
    "dropout": lambda: (net(dropout=0.95), "adam", 0.003),
    "decay": lambda: (net(), nw.optimizers.AdamW(0.01, weight_decay=10.0), None),
    "not_finite": lambda: (net(), "sgd", 1e8),
    "no_activation": lambda: (net(nn.Identity), "adam", 0.01),
}


@pytest.fixture(scope="module")
def repairs(rows):
    """The trainer of a fault, and its repair."""

    @functools.cache
    def made(fault: str) -> tuple[nw.Trainer, Repair]:
        made = trainer(*FAULTS[fault]())
        return made, repaired(made, rows)

    return made


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_repaired_to_nearly_healthy(fault, rows, healthy, repairs):
    made, found = repairs(fault)
    assert found.accepted
    assert found.after > found.before + 0.05
    assert score(made, rows) > healthy - 0.04
    assert made.module is found.module
    assert found.cost <= 1.6
    if fault == "rate_too_low":
        assert made.optimizer.learning_rate > 1e-4  # that of the next `fit`
    last = found.attempts[-1]
    assert last.accepted
    assert last.epochs == EPOCHS
    assert not any(each.accepted for each in found.attempts[:-1])  # refused ones are told too


def test_inputs_of_all_sizes_are_standardised_inside_the_network(rows, healthy):
    scale, offset = np.array([1e4, 1, 1, 1], "float32"), np.array([3e4, 0, 0, 0], "float32")
    raw = {name: (x * scale + offset, y) for name, (x, y) in rows.items()}
    made = trainer(net())
    found = repaired(made, raw)
    assert found.accepted[0] == "inputs standardised"
    assert score(made, raw) > healthy - 0.03


def test_nothing_changes_where_nothing_is_found(rows, plain):
    other = trainer(net())
    module = other.module
    found = repaired(other, rows)
    assert found.examination.primary is None
    assert (found.accepted, found.attempts, found.cost, found.before) == ((), [], 0.0, found.after)
    assert other.module is module
    for own, same in zip(plain.module.parameters(), other.module.parameters(), strict=True):
        assert torch.equal(own, same)
    assert other.epochs_done == plain.epochs_done


def test_test_rows_are_never_looked_at(rows, repairs):
    """The same repair as without any, whatever they hold."""
    x, y = rows["test"]
    made = trainer(*FAULTS["rate_too_low"]())
    doctor = nw.callbacks.Doctor(test=(x * 0 - 3, 1 - y), verbose=0)
    found = made.repair(*rows["train"], epochs=EPOCHS, validation_data=rows["validation"], doctor=doctor)
    _, without = repairs("rate_too_low")
    assert (found.accepted, found.attempts) == (without.accepted, without.attempts)
    for own, same in zip(found.module.parameters(), without.module.parameters(), strict=True):
        assert torch.equal(own, same)
    assert any(each.id == "drift" for each in found.examination.diagnoses)  # they are told of


def test_what_does_not_help_is_refused_and_told(rows, monkeypatch):
    """One remedy does nothing, and the other cannot be trained: the network stays as it was."""
    same = lambda course, patient: course.changed("nothing")  # noqa: E731
    wrong = lambda course, patient: course.changed("other shapes", module=nn.Linear(3, 2))  # noqa: E731
    monkeypatch.setattr("netwright.trainer.repair.everything", wrong)
    monkeypatch.setattr("netwright.trainer.repair.REMEDIES", dict.fromkeys(REMEDIES, (same,)))
    plain, made = trainer(net(), rate=1e-7), trainer(net(), rate=1e-7)
    plain.fit(*rows["train"], epochs=6, validation_data=rows["validation"], verbose=0)
    found = made.repair(*rows["train"], epochs=6, validation_data=rows["validation"])
    assert not found.accepted
    impossible, *others = found.attempts
    assert "cannot be trained" in impossible.why
    assert [each.epochs for each in others] == [3, 6]
    assert not any(each.accepted for each in found.attempts)
    assert all(each.before == each.after for each in others)  # the same start, seed and rows
    for own, other in zip(plain.module.parameters(), made.module.parameters(), strict=True):
        assert torch.equal(own, other)


def test_what_breaks_down_and_cannot_be_repaired_is_an_error(rows, monkeypatch):
    same = lambda course, patient: course.changed("nothing")  # noqa: E731
    monkeypatch.setattr("netwright.trainer.repair.everything", same)
    monkeypatch.setattr("netwright.trainer.repair.REMEDIES", dict.fromkeys(REMEDIES, (same,)))
    with pytest.raises(NetwrightError, match="not a finite number"):
        repaired(trainer(net(), "sgd", 1e8), rows)


def test_a_column_that_tells_the_target_is_left_out_whatever_the_score(rows):
    made = trainer(net(), rate=0.01)
    parts = {}
    for name, (x, y) in rows.items():
        x = x.copy()
        x[:, 3] = y if name != "test" else 0.5
        parts[name] = (x, y)
    found = repaired(made, parts)
    assert found.accepted[0].startswith("columns that give the target away")
    assert isinstance(made.module, surgery.Without)
    assert found.cost >= 1
    assert found.attempts[0].accepted
    assert found.attempts[0].after < found.attempts[0].before
    assert score(made, parts) > 0.8


def test_the_best_epoch_of_a_network_that_learns_by_heart_costs_nothing():
    random = np.random.default_rng(1)
    x = random.normal(size=(460, 20)).astype("float32")
    y = (x[:, 0] + x[:, 1] + random.normal(size=460) > 0).astype("int64")
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(20, 128), nn.ReLU(), nn.Linear(128, 2))
    made = trainer(module, rate=0.01)
    found = made.repair(x[:60], y[:60], epochs=80, validation_data=(x[60:], y[60:]))
    free = [each for each in found.attempts if each.epochs == 0]
    if any(each.id == "overfitting" and each.severity != "note" for each in found.examination.diagnoses):
        assert len(free) == 1
        assert "lowest validation loss" in free[0].changes[0]
    assert found.after >= found.before


def course(**values) -> Course:
    torch.manual_seed(0)
    x, y = torch.randn(8, 4), torch.zeros(8, dtype=torch.long)
    given = {"module": net(), "loss": nn.CrossEntropyLoss(), "optimizer": nw.optimizers.Adam(), **values}
    rest = {"learning_rate": None, "schedule": "constant", "clip_norm": None, "epochs": 10, "batch_size": 4}
    return Course(**{**rest, "x": x, "y": y, "weight": None, "validation": (x, y), **given})


def patient(id: str = "rate_too_high", evidence=None, config=None, case: Case | None = None) -> Patient:
    return Patient(case, Diagnosis(id, "error", "", evidence or {}, "", Fix("", config or {})))


def test_a_proven_rate_is_taken_from_the_diagnosis():
    evidence = {"learning_rate": 1.0, "loss_at_rates": {"0.1": 0.3, "0.01": 0.1, "1": None}}
    sick = patient(evidence=evidence, config={"training.learning_rate": 0.1})
    told, lowest = steps.told_rate(course(), sick), steps.best_rate(course(), sick)
    assert told is not None
    assert told.learning_rate == 0.1
    assert lowest is not None
    assert lowest.learning_rate == 0.01
    schedule = nw.schedules.ExponentialDecay(1.0, 10, 0.1)
    changed = steps.told_rate(course(optimizer=nw.optimizers.Adam(schedule), schedule=schedule), sick)
    assert changed is not None
    assert (changed.schedule, changed.optimizer.learning_rate) == ("constant", 0.1)
    kept = steps.told_rate(course(schedule="cosine"), sick)
    assert kept is not None
    assert kept.schedule == "cosine"


def test_what_the_diagnosis_recommends_is_taken_over():
    sick = patient(config={"training.momentum": 0.9})
    module = net()
    heavy = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.999)
    lighter = steps.told_momentum(course(optimizer=Again.of(heavy, module)), sick)
    assert lighter is not None
    assert lighter.optimizer(net()).param_groups[0]["momentum"] == 0.9
    ours = steps.told_momentum(course(optimizer=nw.optimizers.SGD(0.1, momentum=0.999)), sick)
    assert ours is not None
    assert ours.optimizer == nw.optimizers.SGD(0.1, momentum=0.9)

    small = steps.told_batch(course(), patient(config={"training.batch_size": 32}))
    assert small is not None
    assert small.batch_size == 32
    assert steps.told_batch(course(), patient()) is None

    other, early = nw.callbacks.TerminateOnNaN(), nw.callbacks.EarlyStopping(patience=0)
    ended = patient("slow_convergence", config={"training.patience": 20})
    whole = steps.not_ended(course(callbacks=(other, early)), ended)
    assert whole is not None
    assert whole.callbacks == (other,)
    assert steps.not_ended(course(callbacks=(other,)), ended) is None

    falling = nw.callbacks.ReduceLROnPlateau(patience=0)
    even = steps.steady(course(callbacks=(falling, other)), patient("rate_too_low"))
    assert even is not None
    assert even.callbacks == (other,)
    assert steps.steady(course(callbacks=(other,)), patient("rate_too_low")) is None


def test_values_for_missing_ones_become_the_mean_of_the_others():
    random = np.random.default_rng(0)
    x = random.normal(3.0, 2.0, size=(200, 4)).astype("float32")
    x[::10, 1] = -999.0
    sick = patient("unscaled_inputs", {"missing": {"1": -999.0}})
    made = network.filled_inputs(course(module=nn.Identity(), x=x, y=np.zeros(200)), sick)
    assert made is not None
    given = made.module(torch.tensor(x)).numpy()
    known = x[x[:, 1] > -999.0, 1]
    assert np.allclose(given[::10, 1], 0.0)
    assert np.allclose(given[x[:, 1] > -999.0, 1], (known - known.mean()) / known.std(), atol=1e-4)
    assert network.filled_inputs(course(), patient("unscaled_inputs")) is None


def test_places_of_series_that_tell_the_target_are_not_seen():
    x = np.ones((8, 3, 2), dtype="float32")
    made = network.without_columns(
        course(module=nn.Identity(), x=x), patient("leaking_column", {"places": [5]})
    )
    assert made is not None
    assert made.module(torch.tensor(x))[0].tolist() == [[1, 1], [1, 1], [1, 0]]


def test_doubtful_rows_are_left_out():
    sick = patient("label_errors", {"suspects": [1, 3]})
    made = without_rows(course(weight=torch.arange(8.0)), sick)
    assert made is not None
    assert (len(made.x), len(made.y), made.weight.tolist()) == (6, 6, [0, 2, 4, 5, 6, 7])


def test_an_optimiser_is_made_again_for_a_copy():
    module = net()
    last = list(module.parameters())[-2:]
    own = torch.optim.SGD(
        [{"params": last[:1], "lr": 0.5}, {"params": last[1:]}], lr=0.1, momentum=0.9, weight_decay=0.3
    )
    again = Again.of(own, module)
    other = copy.deepcopy(module)
    made = again(other)
    assert not again.whole
    assert [group["lr"] for group in made.param_groups] == [0.5, 0.1]
    assert made.param_groups[0]["params"][0] is list(other.parameters())[-2]
    assert made.param_groups[0]["momentum"] == 0.9
    held = steps.all_held(course(optimizer=again), patient("untrained_layer"))
    assert held is not None
    assert len(held.optimizer(other).param_groups[0]["params"]) == len(list(other.parameters()))
    free = steps.no_decay(course(optimizer=again), patient("over_regularised"))
    assert free is not None
    assert all(group["weight_decay"] == 0 for group in free.optimizer(other).param_groups)


def test_going_on_starts_from_the_last_finite_weights():
    module = net(depth=1)
    sick = dataclasses.replace(patient("not_finite_loss", {"learning_rate": 1.0}), last=module)
    made = steps.going_on(course(), sick)
    assert made is not None
    assert made.module is module
    assert made.learning_rate == 0.1


def test_codes_that_are_predicted_as_a_number_become_classes(rows):
    def three(part):
        x, _ = rows[part]
        return x, np.select([x[:, 0] > 0.4, x[:, 1] > 0.0], [0.0, 1.0], 2.0).astype("float32")

    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    made = nw.Trainer(module, nn.MSELoss(), "adam", 0.003, seed=0, device="cpu")
    x, y = three("train")
    plain = nw.Trainer(copy.deepcopy(module), nn.MSELoss(), "adam", 0.003, seed=0, device="cpu")
    plain.fit(x, y[:, None], epochs=EPOCHS, verbose=0)
    held, wanted = three("validation")
    found = made.repair(x, y[:, None], epochs=EPOCHS, validation_data=(held, wanted[:, None]))
    assert any(each.id == "wrong_head" for each in found.examination.diagnoses)
    assert found.accepted[0] == "cross-entropy of 3 outputs, one for each class"
    assert found.before == pytest.approx(float((np.rint(plain.predict(held)[:, 0]) == wanted).mean()))
    assert found.after == pytest.approx(float((made.predict(held).argmax(1) == wanted).mean()))
    assert found.after > found.before + 0.05


def test_doubtful_targets_take_what_their_neighbours_say():
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 300)
    x = (random.normal(size=(300, 4)) + 4 * truth[:, None]).astype("float32")
    y = np.where(random.random(300) < 0.3, 1 - truth, truth)
    torch.manual_seed(0)
    looking = Looking()
    made = trainer(net(depth=1), callbacks=[looking])
    made.fit(x[:250], y[:250], epochs=2, validation_data=(x[250:], y[250:]), verbose=0)
    sick = dataclasses.replace(patient("label_errors"), case=looking.case)
    changed = corrected(course(x=x[:250], y=y[:250]), sick)
    assert changed is not None
    assert (changed.y == truth[:250]).mean() > 0.98
    assert (y[:250] == truth[:250]).mean() < 0.8
    assert changed.changes[0].startswith(f"{(changed.y != y[:250]).sum()} doubtful targets")


def test_a_layer_of_hardly_any_units_becomes_wider():
    narrow = nn.Sequential(nn.Linear(4, 2), nn.ReLU(), nn.Linear(2, 3))
    made = network.thick(course(module=narrow), patient("dead_units"))
    assert made is not None
    assert [tuple(each.shape) for each in made.module.parameters()] == [(32, 4), (32,), (3, 32), (3,)]
    assert network.thick(course(), patient("dead_units")) is None
    assert network.enlarged(course(), patient("underfitting")) is not None


def test_small_batches_become_calmer():
    made = steps.calm_batches(course(batch_size=1), patient("oscillating_loss", {"learning_rate": 0.2}))
    assert made is not None
    assert (made.batch_size, made.learning_rate, made.clip_norm) == (8, pytest.approx(0.02), 1.0)
    assert steps.calm_batches(course(batch_size=8), patient()) is None


def test_a_second_training_needs_a_trial_that_is_clearly_better_or_an_error():
    before, right = np.random.default_rng(0).normal(0.3, 0.1, 200), np.ones(200)

    def chosen(*sharper, original=before, severity="warning"):
        of = SimpleNamespace(diagnosis=SimpleNamespace(severity=severity))
        trials = [
            SimpleNamespace(candidate=of, outcome=SimpleNamespace(all_marks=(right, each)))
            for each in sharper
        ]
        return finalists(trials, (right, original))  # type: ignore[arg-type]

    assert chosen(before + 0.01, before + 0.3, before + 0.1) == [1, 2]
    noise = np.random.default_rng(1).normal(0, 0.1, 200)
    same = before + noise - noise.mean()
    assert chosen(same, before + 0.3, same) == [1]
    assert chosen(same, before + 0.3, same, severity="error") == [1, 0]
    assert chosen(same, before + 0.3, same, original=before + 1) == []


def test_a_changed_module_whose_parts_do_not_fit_together_costs_no_repair():
    parts = nn.Linear(4, 2), nn.Unflatten(1, (1, 2)), nn.Flatten(), nn.Linear(2, 3)
    sick, first = patient("underfitting"), course(module=nn.Sequential(*parts))
    made = network.enlarged(first, sick)
    assert made is not None
    turn = Round(first, None, (np.ones(8), None))  # type: ignore[arg-type]
    assert not turn.whole(Candidate(made, sick.diagnosis))
    assert [each.accepted for each in turn.attempts] == [False]
    assert turn.attempts[0].why.startswith("it cannot be trained")
    assert turn.kept is None


def test_networks_are_compared_by_marks_of_one_kind():
    right, fine = (
        np.arange(200) % 10 > 2,
        np.full(200, 0.5),
    )  # .7 of both are right: one tells no probabilities
    better = SimpleNamespace(outcome=SimpleNamespace(all_marks=(np.ones(200), fine)))
    assert finalists([better], (right.astype(float), None)) == [0]  # type: ignore[arg-type]


def test_a_loss_that_softens_everything_becomes_plain_cross_entropy(rows):
    soft = nn.CrossEntropyLoss(label_smoothing=0.95)
    looking = Looking()
    made = nw.Trainer(net(depth=1), soft, "adam", 0.01, seed=0, device="cpu", callbacks=[looking])
    made.fit(*rows["train"], epochs=1, validation_data=rows["validation"], verbose=0)
    sick = dataclasses.replace(patient("wrong_head"), case=looking.case)
    changed = network.task_loss(course(loss=soft), sick)
    assert changed is not None
    assert changed.loss.label_smoothing == 0.0


def test_a_remedy_that_is_made_already_is_not_made_again():
    once = steps.usual_optimizer(course(), patient())
    assert once is not None
    assert both(steps.usual_optimizer)(once, patient()) is None
    more = both(steps.usual_optimizer, network.fresh_start)(once, patient())
    assert more is not None
    assert more.changes == (*once.changes, "a new start")


@pytest.mark.parametrize(("rows", "rate"), [(64, 0.02), (3000 * 32, 0.006), (300_000 * 32, 0.002)])
def test_the_usual_rate_falls_with_the_number_of_steps(rows, rate):
    y = np.zeros(rows, "int64")
    x = np.zeros((rows, 1), "float32")
    made = steps.usual_optimizer(course(x=x, y=y, epochs=1, batch_size=32), patient())
    assert made is not None
    assert (made.optimizer.learning_rate, made.schedule, made.clip_norm) == (rate, "one-cycle", 1.0)


def test_what_is_left_after_a_repair_is_repaired_in_a_second_round(rows, monkeypatch):
    """A remedy that goes half of the way: thirty times the rate, where it is a thousand times too low."""
    half = {id: (steps.rate_times(30.0),) for id in ("rate_too_low", "slow_convergence")}
    monkeypatch.setattr("netwright.trainer.repair.REMEDIES", half)
    monkeypatch.setattr("netwright.trainer.repair.everything", lambda course, patient: None)
    found = repaired(trainer(net(), rate=1e-5), rows)
    whole = [each for each in found.attempts if each.epochs == EPOCHS and each.accepted]
    assert [each.changes[-1] for each in whole] == ["learning rate 0.0003", "learning rate 0.009"]
    assert whole[1].before == pytest.approx(whole[0].after)
    assert found.accepted == whole[1].changes == (*whole[0].changes, "learning rate 0.009")
    assert found.cost == pytest.approx(sum(each.epochs for each in found.attempts) / EPOCHS)
    assert all(each.severity == "note" for each in found.left.diagnoses)
    assert any(each.severity == "error" for each in found.examination.diagnoses)


def test_targets_of_two_other_numbers_become_no_and_yes(rows):
    x, y = rows["train"]
    held, wanted = rows["validation"]
    coded, known = (np.where(each, 1.0, -1.0)[:, None].astype("float32") for each in (y, wanted))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    made = nw.Trainer(module, nn.BCEWithLogitsLoss(), "adam", 0.01, seed=0, device="cpu")
    found = made.repair(x, coded, epochs=EPOCHS, validation_data=(held, known))
    assert found.accepted[0] == "targets of -1 and 1 taken for no and yes"
    tested, truth = rows["test"]
    assert ((made.predict(tested)[:, 0] > 0) == truth).mean() > 0.85


def test_one_and_two_are_no_and_yes_too():
    case: Any = SimpleNamespace(purpose=SimpleNamespace(loss="binary_cross_entropy"))
    y, wanted = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[2.0], [1.0]])
    given = course(y=y, validation=(torch.zeros(2, 4), wanted))
    made = network.as_yes_and_no(given, patient("wrong_head", case=case))
    assert made is not None
    assert made.changes == ("targets of 1 and 2 taken for no and yes",)
    assert (made.y.tolist(), made.validation[1].tolist()) == ([[0], [1], [0]], [[1], [0]])
    case.purpose.loss = "squared_error"
    assert network.as_yes_and_no(given, patient("wrong_head", case=case)) is None


def test_a_loss_that_leaves_a_class_out_becomes_the_usual_one(rows):
    loss = nn.CrossEntropyLoss(ignore_index=1)
    made = nw.Trainer(net(), loss, "adam", 0.01, seed=0, device="cpu")
    found = repaired(made, rows)
    assert found.accepted == ("cross-entropy of logits",)
    assert score(made, rows) > 0.85


def test_labels_of_their_own_get_a_loss_of_their_own(rows):
    x, held = rows["train"][0], rows["validation"][0]
    y, wanted = ((each[:, :3] > 0.3).astype("float32") for each in (x, held))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3), nn.Softmax(1))
    made = nw.Trainer(module, nn.BCELoss(), "adam", 0.01, seed=0, device="cpu")
    found = made.repair(x, y, epochs=10, validation_data=(held, wanted))
    assert found.accepted[:1] == ("binary cross-entropy of logits",)
    tested = rows["test"][0]
    assert ((made.predict(tested) > 0) == (tested[:, :3] > 0.3)).mean() > 0.95


def test_rows_of_wrong_classes_pull_less():
    random = torch.Generator().manual_seed(0)
    logits, codes = torch.randn(50, 3, generator=random), torch.randint(0, 3, (50,), generator=random)
    right = logits.softmax(1)[range(50), codes]
    expected = (1 - right**0.7) / 0.7
    assert float(GeneralizedCrossEntropy()(logits, codes)) == pytest.approx(float(expected.mean()), rel=1e-5)
    own = Objective("generalized_cross_entropy", {"generalized_q": torch.tensor([0.7])})
    assert expected.numpy() == pytest.approx(own.of_class(right.log()[None])[0].numpy(), rel=1e-5)


def test_more_validation_rows_than_are_looked_at():
    x = np.random.default_rng(0).normal(size=(4600, 4)).astype("float32")
    y = (x[:, 0] * x[:, 1] > 0).astype("int64")
    made = trainer(net(depth=1), "sgd", 1e12)
    found = made.repair(x[:400], y[:400], epochs=6, validation_data=(x[400:], y[400:]))
    assert (found.before, found.accepted != ()) == (-1.0, True)
    assert found.after > 0.8


class Quantiles(nn.Module):
    """The pinball loss of the .1, .5 and .9 quantiles [B, 3] of a number [B, 1]."""

    def forward(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        over, levels = target - output, torch.tensor([0.1, 0.5, 0.9])
        return torch.maximum(levels * over, (levels - 1) * over).mean()


def test_answers_that_cannot_be_marked_are_judged_by_their_own_loss(rows):
    random = np.random.default_rng(0)
    x, held = rows["train"][0], rows["validation"][0]
    y, wanted = (
        (2 * each[:, :1] + each[:, 1:2] + random.normal(0, 0.1, (len(each), 1))).astype("float32")
        for each in (x, held)
    )
    torch.manual_seed(0)
    module = nn.Sequential(nn.Dropout(0.9), nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 3))
    made = nw.Trainer(module, Quantiles(), "adam", 0.01, seed=0, device="cpu")
    plain = nw.Trainer(copy.deepcopy(module), Quantiles(), "adam", 0.01, seed=0, device="cpu")
    plain.fit(x, y, epochs=10, validation_data=(held, wanted), verbose=0)
    found = made.repair(x, y, epochs=10, validation_data=(held, wanted))

    def losses(each: nw.Trainer) -> float:
        return float(Quantiles()(torch.from_numpy(each.predict(held)), torch.from_numpy(wanted)))

    assert found.accepted == ("dropout of .2 at most, none of inputs",)
    assert found.before == pytest.approx(0.5, abs=0.02)
    assert found.after == pytest.approx(1 - losses(made) / (2 * losses(plain)), abs=0.02)
    assert losses(made) < 0.5 * losses(plain)


class Codes(nn.Module):
    """Codes that come as floats, and a vector for each."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.end = nn.Embedding(3, 8), nn.Linear(8, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.end(torch.relu(self.table(x.long()).mean(1)))


def test_a_remedy_that_a_module_is_not_made_for_is_told_and_ends_nothing():
    codes = np.random.default_rng(0).integers(0, 3, (600, 4)).astype("float32")
    codes[:2] = 2  # standardised they are codes too: that of others is below 0
    y = (codes.sum(1) > 4).astype("int64")
    torch.manual_seed(0)
    made = trainer(Codes(), rate=1e-7)
    found = made.repair(codes[:300], y[:300], epochs=10, validation_data=(codes[300:], y[300:]))
    assert any(each.why == "it cannot be trained: index out of range in self" for each in found.attempts)
    assert found.accepted
    assert found.after > 0.9


def test_answers_as_bad_as_can_be_are_marked_all_the_same(rows):
    x, held = rows["train"][0], rows["validation"][0]
    y, wanted = (each[:, :1] * each[:, 1:2] for each in (x, held))
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 1))
    with torch.no_grad():
        module[2].bias.fill_(1000.0)
    made = nw.Trainer(module, nn.MSELoss(), "sgd", 1e-12, seed=0, device="cpu")
    found = made.repair(x, y, epochs=6, validation_data=(held, wanted))
    left = made.predict(held) - wanted
    assert found.before == -1.0
    assert found.accepted
    assert found.after == pytest.approx(np.clip(1 - left**2 / y.var(), -1, 1).mean(), abs=0.01)
