"""How a training ends: by Ctrl-C, a deadline, a callback, and how the end is repeated."""

from __future__ import annotations

import signal
import time

import pytest
import torch

from netwright.errors import InputError
from netwright.training.callbacks import Callback, State
from netwright.training.device import autocast, find_device, find_precision, use_threads
from netwright.training.history import History


class AtStep(Callback):
    """Does something after one step."""

    def __init__(self, step: int, action) -> None:
        self.step, self.action = step, action

    def on_step(self, state: State) -> None:
        if state.step == self.step:
            self.action(state)


def interrupt(state: State) -> None:
    signal.raise_signal(signal.SIGINT)


def stop(state: State) -> None:
    state.stop = True


@pytest.mark.parametrize("action", [interrupt, stop])
def test_an_interrupted_training_keeps_its_best_and_can_be_repeated(problem, member, action):
    """13 steps make an epoch: the training ends within its second."""
    cut = problem().population([member()], callbacks=[AtStep(20, action)], epochs=5)
    before = signal.getsignal(signal.SIGINT)
    history = cut.fit()
    assert (history.stopped, history.stop_step, history.epochs) == ("interrupted", 20, 2)
    assert signal.getsignal(signal.SIGINT) is before
    assert history.rows[-1]["step"] == 20
    again = problem().population([member()], epochs=5, stop_step=20)
    repeated = again.fit()
    assert torch.equal(cut.network.flat, again.network.flat)
    assert repeated.best_epoch == history.best_epoch
    assert repeated.stop_step == 20


def test_a_callback_can_stop_after_an_epoch(problem, member):
    class AfterTwo(Callback):
        def on_epoch(self, state: State) -> None:
            state.stop = state.epoch == 2

    cut = problem().population([member()], callbacks=[AfterTwo()], epochs=5)
    history = cut.fit()
    assert (history.stopped, history.epochs) == ("interrupted", 2)
    again = problem().population([member()], epochs=5, stop_step=history.stop_step)
    again.fit()
    assert torch.equal(cut.network.flat, again.network.flat)


def test_the_second_ctrl_c_is_not_held_back(problem, member):
    def twice(state: State) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        problem().population([member()], callbacks=[AtStep(2, twice)]).fit()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_deadline_is_kept_and_recorded(problem, member):
    population = problem().population([member()], epochs=100_000)
    began = time.monotonic()
    history = population.fit(deadline=began + 0.3)
    assert history.stopped == "time limit"
    assert time.monotonic() - began < 3.0
    assert history.stop_step == history.rows[-1]["step"] > 0


def test_callbacks_see_the_whole_training(problem, member):
    seen: list[tuple[str, int, int]] = []

    class Watch(Callback):
        def on_start(self, state: State) -> None:
            seen.append(("start", state.epoch, state.step))

        def on_step(self, state: State) -> None:
            assert 0 < state.learning_rate < 3.001e-3
            seen.append(("step", state.epoch, state.step))

        def on_epoch(self, state: State) -> None:
            assert state.rows[0]["epoch"] == state.epoch
            seen.append(("epoch", state.epoch, state.step))

        def on_end(self, state: State) -> None:
            seen.append(("end", state.epoch, state.step))

    history = problem().population([member(rows=20)], callbacks=[Watch()], epochs=2).fit()
    steps = [("step", 1, 1), ("step", 1, 2), ("epoch", 1, 2), ("step", 2, 3), ("step", 2, 4), ("epoch", 2, 4)]
    assert seen == [("start", 0, 0), *steps, ("end", 2, 4)]
    assert [row["step"] for row in history.rows] == [2, 4]


def test_history_as_a_table():
    rows = [{"member": m, "epoch": e, "validation_loss": 1.0 / (e + m)} for e in (1, 2) for m in (0, 1)]
    history = History(rows, [2, 2], 2)
    assert history.column("validation_loss", 1) == [1.0 / 2, 1.0 / 3]
    assert history.to_csv().splitlines()[:2] == ["member,epoch,validation_loss", "0,1,1.0"]
    assert History().to_csv().strip() == ""


def test_devices_and_precisions(monkeypatch):
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto").type in ("cpu", "cuda", "mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match=r"no cuda device is available here.*there is cpu"):
        find_device("cuda")
    assert find_precision("float32", torch.device("cuda")) == "float32"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: True)
    assert find_precision("auto", torch.device("cpu")) == "bfloat16"
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert find_precision("auto", torch.device("cpu")) == "float32"
    assert use_threads(None) == torch.get_num_threads()


def test_bfloat16_trains_too(problem, member):
    for normalization in ("none", "batch", "layer"):
        network = {"kind": "tabm", "heads": 2, "normalization": normalization}
        population = problem().population([member()], precision="bfloat16", network=network)
        history = population.fit()
        assert history.column("validation_loss")[-1] < history.column("validation_loss")[0]
        assert population.network.flat.dtype == torch.float32
    with autocast(torch.device("cpu"), "float32"):
        assert not torch.is_autocast_enabled("cpu")
