"""Numbers that run away: each cause by its own name, and nothing said of healthy trainings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
import torch
from tests.doctor.checks.trained import CLASSES, NUMBERS, Kept, X, mlp
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from netwright import Trainer
from netwright.doctor.case import Case, untouched
from netwright.doctor.checks.explosion import (
    exploding_gradient,
    loss_spike,
    low_precision,
    not_finite_loss,
    waiting_for_data,
)
from netwright.doctor.diagnosis import CannotTellError, Diagnosis
from netwright.doctor.examine import gated
from netwright.doctor.record import Record
from netwright.errors import NetwrightError
from netwright.training.callbacks import Callback, State

CHECKS = (not_finite_loss, exploding_gradient, loss_spike, low_precision, waiting_for_data)
RANDOM = np.random.default_rng(5)
SERIES = RANDOM.normal(size=(300, 20)).astype("float32")
SUMS = np.digitize(SERIES[:, -8:].sum(1), [-1.5, 1.5])
TAILS = (X[:, :1] + RANDOM.standard_t(1.5, size=(300, 1))).astype("float32")
WIDE = RANDOM.standard_t(2, size=(300, 8)).astype("float32")


class Layer(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


class Recurrent(nn.Module):
    """Reads 20 numbers one after another."""

    def __init__(self, kind: type[nn.RNNBase] = nn.RNN, spread: float | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.read = kind(1, 16, batch_first=True)  # type: ignore[call-arg]
        self.head = nn.Linear(16, 3)
        if spread is not None:
            nn.init.normal_(self.read.weight_hh_l0, std=spread)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.read(x[..., None])[0][:, -1])


class Meanwhile(Callback):
    """A rate that is three hundred times as high for one epoch."""

    def on_epoch(self, state: State) -> None:
        state.rate_factor = 300.0 if state.epoch == 12 else 1.0


class Spoilt(Callback):
    """Loses a target after the rows were looked at."""

    def on_start(self, state: State) -> None:
        state.population.feed.data.target[150] = torch.nan


def trained(
    network: nn.Module,
    optimizer: str = "adam",
    rate: float = 3e-3,
    *,
    x: np.ndarray = X,
    y: np.ndarray = CLASSES,
    loss: Any = None,
    epochs: int = 10,
    batch: int = 16,
    callbacks: Sequence[Callback] = (),
    loader: bool = False,
    **settings: Any,
) -> tuple[Case, Record]:
    """What is left of a training, also of one that breaks down."""
    kept = Kept()
    loss = loss or ("sparse_categorical_crossentropy" if y.dtype.kind == "i" else "mse")
    trainer = Trainer(network, loss, optimizer, rate, callbacks=[*callbacks, kept], seed=0, **settings)
    with suppress(NetwrightError):  # that the loss is no number
        if loader:
            rows = TensorDataset(torch.from_numpy(x[:200]), torch.from_numpy(y[:200]))
            trainer.fit(DataLoader(rows, batch), epochs=epochs, verbose=0)
        else:
            held = (x[200:], y[200:])
            trainer.fit(x[:200], y[:200], validation_data=held, epochs=epochs, batch_size=batch, verbose=0)
    return kept.case, kept.records[0]


def seen(case: Case, record: Record) -> list[Diagnosis]:
    found = []
    with untouched():
        for check in CHECKS:
            with suppress(CannotTellError):
                found += [gated(each, case, record) for each in check(case, record)]
    return found


def between(layer: nn.Module) -> nn.Sequential:
    """Something between the body of a network and its last layer."""
    parts = list(mlp())
    return nn.Sequential(*parts[:-1], layer, parts[-1])


def spread(std: float) -> Callable[[nn.Linear], object]:
    return lambda layer: nn.init.normal_(layer.weight, std=std)


def log_of_shares(output: Tensor, target: Tensor) -> Tensor:
    return -torch.log(torch.softmax(output, -1).gather(1, target[:, None])).mean()


def missing(values: np.ndarray) -> np.ndarray:
    values = values.copy()
    values[157, 0] = np.nan
    return values


# Numbers that are not finite --------------------------------------------------------------------------------

BROKEN: dict[str, tuple[str, Callable[[], tuple[Case, Record]]]] = {
    "a missing input": ("data", lambda: trained(mlp(), x=missing(X), loader=True)),
    "a missing target": ("data", lambda: trained(mlp(outputs=1), y=NUMBERS, callbacks=[Spoilt()])),
    "the logarithm of a share": ("log", lambda: trained(mlp(start=spread(8.0)), loss=log_of_shares)),
    "the logarithm of a unit": ("log", lambda: trained(between(Layer(lambda x: x.log())))),
    "the length of nothing": (
        "division",
        lambda: trained(between(Layer(lambda x: x / (0 * x).norm(dim=1, keepdim=True)))),
    ),
    "the root of nothing": ("division", lambda: trained(between(Layer(lambda x: (0 * x).sqrt())))),
    "an exponential": ("overflow", lambda: trained(between(Layer(lambda x: (1e3 * x).exp())))),
    "sgd for numbers": ("rate", lambda: trained(mlp(outputs=1), "sgd", 1.0, y=30 * NUMBERS)),
    "sgd for classes": ("rate", lambda: trained(mlp(), "sgd", 1e4)),
    "sgd for a line, bit by bit": (
        "rate",
        lambda: trained(mlp(widths=(), outputs=1), "sgd", 1.5, y=NUMBERS, epochs=30),
    ),
    "adam": ("rate", lambda: trained(mlp(outputs=1), "adam", 1e9, y=NUMBERS)),
    "float16": ("precision", lambda: trained(between(Layer(lambda x: (1e6 * x).half().float())))),
    "float16 all through": (
        "precision",
        lambda: trained(
            mlp(outputs=1).half(), x=(100 * X).astype("float16"), y=(500 * NUMBERS).astype("float16")
        ),
    ),
    "first weights": ("start", lambda: trained(mlp(widths=(16,) * 6, start=spread(1e7)))),
    "large inputs": ("inputs", lambda: trained(mlp(outputs=1), x=1e20 * X, y=NUMBERS)),
    "larger inputs": ("inputs", lambda: trained(mlp(outputs=1), x=1e30 * X, y=NUMBERS)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_behind_numbers_that_are_not_finite(name: str) -> None:
    cause, make = BROKEN[name]
    case, record = make()
    found = [each for each in seen(case, record) if each.severity != "note"]
    assert [(each.id, each.severity) for each in found] == [("not_finite_loss", "error")]
    assert found[0].evidence["cause"] == cause, found[0].message
    assert found[0].evidence["epoch"] >= 1
    assert "nan" not in found[0].message.lower()


def test_clipping_is_advised_at_what_was_usual_before() -> None:
    case, record = trained(mlp(), "sgd", 1e4)
    (found,) = seen(case, record)
    assert found.fix.config["training.learning_rate"] == pytest.approx(1e3)
    assert found.fix.config["training.clip_norm"] == pytest.approx(record.norm[0], rel=0.1)


# Gradients that jump ----------------------------------------------------------------------------------------


def rare_giants() -> np.ndarray:
    x = X.copy()
    x[::40] *= 1e4
    return x


def test_gradients_that_jump_are_an_error_where_the_network_is_bad() -> None:
    case, record = trained(mlp(outputs=1), rate=0.01, x=rare_giants(), y=NUMBERS, epochs=8)
    (found,) = [each for each in seen(case, record) if each.id == "exploding_gradient"]
    assert found.severity == "error"
    assert found.evidence["norm"] > 50 * found.evidence["usual"]
    assert found.evidence["step"] in record.looked


def jumping(clip: float | None = None, tall: float = 100.0) -> tuple[Case, Record]:
    """A training whose gradients are made so much longer every 16 steps, unseen."""

    class Longer(Callback):
        def gradient_hook(self) -> Callable[[State], None]:
            return lambda state: state.gradient.mul_(tall) if state.step % 16 == 8 else None

    network = Recurrent()
    return trained(
        network, "sgd", 0.3, x=SERIES, y=SUMS, epochs=7, callbacks=[Longer()], clip_norm=clip, batch=16
    )


def test_a_recurrent_network_whose_gradients_jump() -> None:
    case, record = jumping()
    (found,) = exploding_gradient(case, record)
    assert found.severity == "error"
    assert found.evidence["step"] % 16 == 8
    assert found.evidence["jumps"] >= 3
    assert found.fix.config["training.clip_norm"] < found.evidence["norm"]
    case, record = jumping(tall=10.0)
    assert list(exploding_gradient(case, record)) == []


def test_gradients_that_are_clipped_are_a_note() -> None:
    case, record = jumping(clip=1.0)
    assert [each.severity for each in exploding_gradient(case, record)] == ["note"]


# Losses that leap -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_leap_that_lasts(optimizer: str) -> None:
    case, record = trained(
        mlp(), optimizer, {"sgd": 0.1, "adam": 3e-3}[optimizer], epochs=20, callbacks=[Meanwhile()]
    )
    (found,) = loss_spike(case, record)
    assert (found.severity, found.epoch) == ("warning", 13)
    assert found.evidence["loss"] == pytest.approx(record.train_loss[12])


def test_a_leap_that_is_made_good_is_a_note() -> None:
    case, record = trained(mlp(), epochs=20)
    record.train_loss[10] = 20 * record.train_loss[:10].mean()
    assert [each.severity for each in loss_spike(case, record)] == ["note"]
    record.train_loss[10] = 9 * record.train_loss[:10].mean()
    assert list(loss_spike(case, record)) == []


# Precision, and waiting -------------------------------------------------------------------------------------


def test_gradients_that_float16_cannot_hold() -> None:
    case, record = trained(between(Layer(lambda x: 1e-7 * x.half().float())), epochs=3)
    (found,) = low_precision(case, record)
    assert found.severity == "warning"
    assert found.evidence["share"] > 0.9
    case, record = trained(between(Layer(lambda x: x.half().float())), epochs=3)
    assert list(low_precision(case, record)) == []
    case, record = trained(between(Layer(lambda x: 0 * x)), epochs=3)  # gone, but not for that reason
    assert list(low_precision(case, record)) == []


def test_waiting_is_a_note_where_it_takes_most_of_the_time() -> None:
    case, record = trained(mlp(), epochs=1)
    with pytest.raises(CannotTellError):
        list(waiting_for_data(case, record))
    record.seconds_waiting = 0.4
    assert list(waiting_for_data(case, record)) == []
    record.seconds_waiting = 0.8
    (found,) = waiting_for_data(case, record)
    assert (found.severity, found.evidence["share"]) == ("note", 0.8)
    assert "80 %" in found.message


# Healthy trainings ------------------------------------------------------------------------------------------

HEALTHY: dict[str, Callable[[], tuple[Case, Record]]] = {
    "sgd .1": lambda: trained(mlp(), "sgd", 0.1, epochs=20),
    "adam": lambda: trained(mlp(), rate=1e-2),
    "long tails": lambda: trained(mlp(outputs=1), y=TAILS),
    "long tails in batches of 4": lambda: trained(mlp(outputs=1), y=TAILS, batch=4, epochs=8),
    "inputs with long tails": lambda: trained(mlp(), "sgd", 0.05, x=WIDE),
    "batches of 8": lambda: trained(mlp(), batch=8, epochs=15),
    "batches of 2": lambda: trained(mlp(outputs=1), rate=1e-2, y=NUMBERS, batch=2, epochs=8),
    "lstm": lambda: trained(Recurrent(nn.LSTM), rate=1e-2, x=SERIES, y=SUMS),
    "clipped gru": lambda: trained(Recurrent(nn.GRU), "sgd", 0.3, x=SERIES, y=SUMS, clip_norm=1.0),
    "recurrent": lambda: trained(Recurrent(), rate=1e-2, x=SERIES, y=SUMS),
    "warm-up": lambda: trained(mlp(), rate=1e-2, schedule="one-cycle"),
    "loud start": lambda: trained(mlp(widths=(24,) * 6, start=spread(0.5)), "sgd", 0.003),
    "learnt by heart": lambda: trained(mlp(widths=(48,)), rate=3e-2, epochs=40),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_trainings(name: str) -> None:
    assert [each.message for each in seen(*HEALTHY[name]()) if each.severity != "note"] == []
