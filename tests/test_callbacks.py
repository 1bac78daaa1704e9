"""Callbacks by what they do, in trainings whose figures are known."""

from __future__ import annotations

import math
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import netwright as nw
from netwright import callbacks
from netwright.errors import InputError
from netwright.training.callbacks import Callback as EngineCallback
from netwright.training.callbacks import State

X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X @ np.array([1.0, -2.0, 0.5], dtype=np.float32)


def trainer(*given: Any, rate: float = 0.05, **settings: Any) -> nw.Trainer:
    torch.manual_seed(0)
    return nw.Trainer(nn.Linear(3, 1), "mse", "sgd", rate, callbacks=given, device="cpu", seed=0, **settings)


def fit(*given: Any, epochs: int = 4, rate: float = 0.05, **settings: Any) -> callbacks.History:
    settings = {"validation_split": 0.25, "batch_size": 10, "verbose": 0} | settings
    return trainer(*given, rate=rate).fit(X, Y, epochs=epochs, **settings)


class Figures(EngineCallback):
    """Replaces the validation losses that other callbacks see. Must stand before them."""

    def __init__(self, values: list[float]) -> None:
        self.values = values

    def on_epoch(self, state: State) -> None:
        state.rows[0]["validation_loss"] = self.values[state.epoch - 1]


def test_keras_methods_are_called_in_keras_order_with_epochs_and_batches_from_0():
    seen: list[Any] = []

    class Watch(callbacks.Callback):
        def on_train_begin(self, logs=None):
            assert isinstance(self.model, nw.Trainer)
            assert self.params["epochs"] == 2
            assert self.params["steps"] == 3
            seen.append("begin")

        def on_epoch_begin(self, epoch, logs=None):
            seen.append(("epoch", epoch))

        def on_train_batch_begin(self, batch, logs=None):
            seen.append(batch)

        def on_train_batch_end(self, batch, logs=None):
            assert logs["loss"] > 0
            seen.append(f"{batch}")

        def on_epoch_end(self, epoch, logs=None):
            assert list(logs) == ["loss", "val_loss", "learning_rate"]
            seen.append(("done", epoch))

        def on_train_end(self, logs=None):
            seen.append("end")

    fit(Watch(), epochs=2)
    batches = [0, "0", 1, "1", 2, "2"]
    assert seen == [
        "begin",
        *(("epoch", 0), *batches, ("done", 0)),
        *(("epoch", 1), *batches, ("done", 1)),
        "end",
    ]


def test_a_callback_that_does_not_look_at_steps_is_not_called_at_steps():
    assert callbacks.EarlyStopping().step_hook() is None
    assert callbacks.History().step_hook() is None
    assert callbacks.LambdaCallback(on_epoch_end=print).step_hook() is None
    assert callbacks.LambdaCallback(on_train_batch_end=print).step_hook() is not None
    assert EngineCallback().step_hook() is None


def test_stop_training_ends_after_the_epoch():
    def stop(epoch, logs):
        watch.model.stop_training = epoch == 1

    watch = callbacks.LambdaCallback(on_epoch_end=stop)
    assert fit(watch, epochs=5).epoch == [0, 1]


def test_an_error_says_which_callback_raised_it():
    def fail(epoch, logs):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        fit(callbacks.LambdaCallback(on_epoch_end=fail))
    assert caught.value.__notes__ == ["raised by the callback LambdaCallback in on_epoch"]


def test_early_stopping_waits_and_puts_the_best_weights_back():
    weights: list[np.ndarray] = []
    stopper = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(keep.model.module.weight.detach().numpy().copy())
    )
    made = trainer(Figures([3.0, 1.0, 2.0, 2.0, 0.0]), keep, stopper)
    history = made.fit(X, Y, epochs=5, validation_split=0.25, verbose=0)
    assert history.stopped == "early stopping"
    assert (len(history.epoch), stopper.best_epoch, stopper.stopped_epoch) == (4, 1, 3)
    assert np.array_equal(made.module.weight.detach().numpy(), weights[1])


@pytest.mark.parametrize(
    ("settings", "figures", "epochs"),
    [
        ({"patience": 0}, [2.0, 2.0, 1.0, 1.0], 2),
        ({"patience": 1, "min_delta": 0.5}, [2.0, 1.4, 1.0, 0.9, 0.8], 3),
        ({"patience": 1, "mode": "max"}, [1.0, 2.0, 3.0, 2.0, 2.0], 4),
        # what is better but not good enough does not end the waiting
        ({"patience": 2, "baseline": 1.0}, [3.0, 3.5, 3.2, 3.1], 2),
        ({"patience": 2}, [3.0, 3.5, 3.2, 3.1], 3),
        ({"patience": 1, "start_from_epoch": 2}, [1.0, 2.0, 3.0, 4.0, 5.0], 4),
    ],
)
def test_early_stopping_in_all_its_ways(settings, figures, epochs):
    """Numbers of epochs are counted by hand from Keras's description."""
    history = fit(Figures(figures), callbacks.EarlyStopping(**settings), epochs=len(figures))
    assert len(history.epoch) == epochs


def test_what_is_watched_must_be_there():
    with pytest.raises(InputError, match=r"no 'val_loss' to watch.*validation_data"):
        fit(callbacks.EarlyStopping(), validation_split=0.0)
    with pytest.raises(InputError, match=r"no 'val_los' to watch.*did you mean 'val_loss'"):
        fit(callbacks.EarlyStopping("val_los"))
    with pytest.raises(InputError, match="mode is 'least'"):
        callbacks.EarlyStopping(mode="least")
    with pytest.raises(InputError, match=r"EarlyStopping.*give an object"):
        fit(callbacks.EarlyStopping)


def test_more_is_better_is_known_by_name():
    rising = {name: callbacks.EarlyStopping(name).rising for name in ("val_accuracy", "auc", "val_my_acc")}
    falling = {name: callbacks.EarlyStopping(name).rising for name in ("val_loss", "mae", "val_mystery")}
    assert all(rising.values())
    assert not any(falling.values())


def test_model_checkpoint_names_files_and_keeps_the_best(tmp_path):
    path = tmp_path / "w-{epoch:02d}-{val_loss:.1f}.safetensors"
    fit(Figures([3.0, 1.0, 2.0]), callbacks.ModelCheckpoint(path, save_best_only=True), epochs=3)
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "w-01-3.0.safetensors",
        "w-02-1.0.safetensors",
    ]
    fit(callbacks.ModelCheckpoint(tmp_path / "every", save_weights_only=True, save_freq=2), epochs=1)
    loaded = nw.Trainer(nn.Linear(3, 1), "mse", device="cpu")
    loaded.load_weights(tmp_path / "every")
    with pytest.raises(InputError, match=r"no 'val_los' to name a file by.*val_loss"):
        fit(callbacks.ModelCheckpoint(tmp_path / "{val_los}"))


def test_learning_rate_scheduler_sets_each_epochs_rate():
    history = fit(callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2 if epoch else rate))
    assert history.rates == pytest.approx([0.05, 0.025, 0.0125, 0.00625])
    assert fit(callbacks.LearningRateScheduler(lambda epoch: 0.1 - 0.02 * epoch)).rates == pytest.approx(
        [0.1, 0.08, 0.06, 0.04]
    )
    with pytest.raises(InputError, match=r"gave -1 for epoch 0"):
        fit(callbacks.LearningRateScheduler(lambda epoch: -1))


def test_a_rate_of_0_moves_nothing():
    made = trainer(callbacks.LearningRateScheduler(lambda epoch: 0.0))
    before = made.module.weight.detach().clone()
    made.fit(X, Y, epochs=2, verbose=0)
    assert torch.equal(made.module.weight, before)


def test_reduce_on_plateau_waits_cools_down_and_ends_at_its_least():
    figures = [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    reduce = callbacks.ReduceLROnPlateau(factor=0.1, patience=2, cooldown=1, min_lr=1e-3)
    history = fit(Figures(figures), reduce, epochs=8)
    # epochs 1 and 2 wait; then 0.005; epoch 3 cools down and waits 1 too, as in Keras; then the least rate
    assert history.rates == pytest.approx([0.05] * 3 + [0.005] * 2 + [0.001] * 3)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    history = fit(callbacks.CSVLogger(path, separator=";"), epochs=2)
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch;learning_rate;loss;val_loss"
    assert float(lines[2].split(";")[2]) == history.history["loss"][1]
    fit(callbacks.CSVLogger(path, separator=";", append=True), epochs=1)
    assert len(path.read_text().splitlines()) == 4
    with pytest.raises(InputError, match="cannot be written"):
        fit(callbacks.CSVLogger(tmp_path / "no" / "log.csv"))


def crc32c(content: bytes) -> int:
    """Bit by bit, by polynomial division; another way than the table's."""
    crc = 0xFFFFFFFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def fields(message: bytes) -> dict[int, Any]:
    """The fields of a protocol buffer by number, by the format's description."""
    found: dict[int, Any] = {}
    place = 0

    def varint() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while place < len(message):
        key = varint()
        size = {0: 0, 1: 8, 2: 0, 5: 4}[key & 7]
        if key & 7 == 0:
            found[key >> 3] = varint()
            continue
        if key & 7 == 2:
            size = varint()
        found[key >> 3] = message[place : place + size]
        place += size
    return found


def scalars(folder: Path) -> list[tuple[str, int, float]]:
    """Tag, step and value of all points in an event file."""
    (path,) = folder.glob("events.out.tfevents.*")
    content, points = path.read_bytes(), []
    while content:
        (length,) = struct.unpack("<Q", content[:8])
        message = content[12 : 12 + length]
        for part, at in ((content[:8], 8), (message, 12 + length)):
            crc = crc32c(part)
            turned = (((crc >> 15) | (crc << 17)) & 0xFFFFFFFF) + 0xA282EAD8
            assert struct.unpack("<I", content[at : at + 4])[0] == turned % 2**32
        content = content[16 + length :]
        event = fields(message)
        if 5 in event:
            value = fields(fields(event[5])[1])
            points.append((value[1].decode(), event.get(2, 0), struct.unpack("<f", value[2])[0]))
        else:
            assert event[3] == b"brain.Event:2"
    return points


def test_tensorboard_writes_real_event_files(tmp_path):
    assert zlib.crc32(b"a") != crc32c(b"a")  # another polynomial
    history = fit(callbacks.TensorBoard(tmp_path, update_freq=2), epochs=2)
    train, judged = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    assert [(tag, step) for tag, step, _ in judged] == [("epoch_loss", 0), ("epoch_loss", 1)]
    assert [value for *_, value in judged] == pytest.approx(history.history["val_loss"])
    assert [value for tag, _, value in train if tag == "epoch_loss"] == pytest.approx(history.history["loss"])
    assert [step for tag, step, _ in train if tag == "batch_loss"] == [2, 4, 6]
    assert {tag for tag, *_ in train} == {"epoch_loss", "batch_loss", "epoch_learning_rate"}


def test_terminate_on_nan_ends_without_an_error(capsys):
    history = fit(callbacks.TerminateOnNaN(), rate=1e30, epochs=50)
    assert history.stopped == "diverged"
    assert "not a finite number" in capsys.readouterr().out


def test_time_limit():
    history = fit(callbacks.TimeLimit(0.2), epochs=1_000_000)
    assert history.stopped == "time limit"
    with pytest.raises(InputError, match="more than 0"):
        callbacks.TimeLimit(0)


def test_stochastic_weight_averaging_is_the_mean_of_the_epochs():
    weights: list[torch.Tensor] = []
    keep = callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: weights.append(keep.model.module.weight.detach().clone())
    )
    made = trainer(keep, callbacks.StochasticWeightAveraging(start_epoch=1))
    made.fit(X, Y, epochs=4, verbose=0)
    torch.testing.assert_close(made.module.weight.detach(), torch.stack(weights[1:]).mean(0))


def test_history_plots_a_panel_for_each_figure():
    history = trainer(metrics=["mae"]).fit(X, Y, epochs=3, validation_split=0.25, verbose=0)
    assert list(history.history) == ["loss", "mae", "val_loss", "val_mae"]
    figure = history.plot()
    assert [axes.get_ylabel() for axes in figure.axes] == ["loss", "mae"]
    assert np.array_equal(figure.axes[0].lines[1].get_ydata(), history.history["val_loss"])
    assert not any(math.isnan(value) for value in history.history["mae"])
