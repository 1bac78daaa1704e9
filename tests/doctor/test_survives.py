"""The doctor beside trainings of every form: none of them makes it fall over."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import netwright as nw
from netwright.callbacks import Callback, Doctor
from netwright.errors import NetwrightError

X = np.random.default_rng(0).normal(size=(120, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64)


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


def trainer(module=None, doctor=None, loss=None, **settings) -> tuple[nw.Trainer, Doctor]:
    doctor = doctor or Doctor(verbose=0)
    made = nw.Trainer(
        module or net(), loss or nn.CrossEntropyLoss(), callbacks=[doctor], seed=0, device="cpu", **settings
    )
    return made, doctor


def test_validation_rows_of_a_loader():
    made, doctor = trainer()
    rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    made.fit(DataLoader(rows, 16), epochs=2, verbose=0, validation_data=DataLoader(rows, 16))
    assert len(doctor.records[0].validation_loss) == 2


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.one, self.two = nn.Linear(4, 8), nn.Linear(8, 2), nn.Linear(8, 1)

    def forward(self, x):
        hidden = torch.relu(self.body(x))
        return {"one": self.one(hidden), "two": self.two(hidden)}


def test_several_outputs_and_targets_by_name():
    def loss(output, target):
        first = nn.functional.cross_entropy(output["one"], target["one"])
        return first + nn.functional.mse_loss(output["two"], target["two"])

    made, doctor = trainer(Two(), loss=loss)
    targets = {"one": torch.from_numpy(Y), "two": torch.from_numpy(X[:, :1])}
    made.fit(X, targets, epochs=2, verbose=0, validation_split=0.2)
    record = doctor.records[0]
    assert np.isfinite(record.probe_loss).all()
    assert doctor.examination.not_checked


class StopAtOnce(Callback):
    def on_train_begin(self, logs=None):
        self.state.stop = True


def test_a_training_that_ends_before_its_first_step():
    doctor = Doctor(verbose=0)
    made = nw.Trainer(net(), nn.CrossEntropyLoss(), callbacks=[StopAtOnce(), doctor], device="cpu")
    made.fit(X, Y, epochs=2, verbose=0)
    assert doctor.records == []


def test_a_training_that_is_cut_in_its_first_epoch():
    class Cut(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.state.stop = batch == 2

    doctor = Doctor(verbose=0)
    made = nw.Trainer(net(), nn.CrossEntropyLoss(), callbacks=[Cut(), doctor], device="cpu")
    made.fit(X, Y, epochs=2, batch_size=8, verbose=0, validation_split=0.2)
    assert list(doctor.records[0].looked) == [0, 1, 2]


def test_a_training_taken_up_again_and_fit_called_twice(tmp_path):
    made, first = trainer(checkpoint=tmp_path)
    made.fit(X, Y, epochs=2, batch_size=40, validation_split=0.2, verbose=0)
    again, second = trainer(checkpoint=tmp_path)
    again.fit(X, Y, epochs=4, batch_size=40, validation_split=0.2, verbose=0, resume=True)
    assert list(first.records[0].looked) == list(range(6))
    record = second.records[0]
    assert list(record.looked) == list(range(6, 12))
    assert list(record.probed) == [2, 4]
    assert len(record.train_loss) == 4
    again.fit(X, Y, epochs=1, batch_size=40, validation_split=0.2, verbose=0)
    assert list(second.records[0].looked) == [0, 1, 2]


def test_no_validation_rows():
    made, doctor = trainer()
    made.fit(X, Y, epochs=2, verbose=0)
    assert len(doctor.records[0].train_loss) == 2


def fails_as_a_module(doctor: Doctor) -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    made, _ = trainer(module, doctor, nn.MSELoss(), optimizer="sgd", learning_rate=1e12)
    made.fit(X, X.sum(1), epochs=5, verbose=0, validation_split=0.2)


def fails_as_layers(doctor: Doctor) -> None:
    model = nw.Sequential([nw.layers.Dense(8, "relu"), nw.layers.Dense(1)])
    model.compile(nw.optimizers.SGD(1e12), "mse")
    model.fit(X, X.sum(1), epochs=5, verbose=0, validation_split=0.2, callbacks=[doctor])


@pytest.mark.parametrize("train", [fails_as_a_module, fails_as_layers])
def test_the_error_of_a_training_that_fails_names_the_diagnosis(train):
    doctor = Doctor(verbose=0)
    with pytest.raises(NetwrightError, match=r"no finite number in step \d+.*lower learning rate"):
        train(doctor)
    found = next(each for each in doctor.diagnoses if each.id == "not_finite_loss")
    assert (found.severity, found.evidence["cause"]) == ("error", "rate")
    assert doctor.records[0].stopped == "diverged"
    assert math.isclose(found.fix.config["training.learning_rate"], 1e11)
