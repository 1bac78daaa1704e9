"""Trainings that are broken off after an epoch, and taken up by another population."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import torch

from netwright.errors import InputError
from netwright.pipeline.precision import Finer
from netwright.training import checkpoint
from netwright.training.callbacks import Callback, State
from netwright.training.checkpoint import FILE, Checkpoint, extra_of, read, write

EPOCHS = 8


class Broken(Exception):
    """Stands for a kill."""


class Break(Callback):
    """Breaks a training off before its epoch `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def on_epoch_start(self, state: State) -> None:
        if state.epoch == self.at:
            raise Broken


def outcome(population: Any) -> tuple[Any, ...]:
    history = population.history
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
    return rows, history.best_epoch, history.stopped, history.epochs, population.state.step


@pytest.mark.parametrize("at", range(2, EPOCHS + 1))
def test_members_that_leave_one_after_another(problem, member, tmp_path, at):
    """Best epochs, patience and who has left are taken up wherever the training was broken off."""
    made = problem()
    members = [member(seed=seed, mixup=0.2) for seed in range(5)]
    for each, factor in zip(members, (1, 10, 40, 80, 160), strict=True):
        each.learning_rate *= factor
    settings = {"patience": 1, "epochs": EPOCHS, "network": {"kind": "tabm", "heads": 2}}

    def population(*callbacks: Callback) -> Any:
        own = [dataclasses.replace(each) for each in members]
        each = made.population(own, dropout=[0.1] * len(own), callbacks=callbacks, **settings)
        each.leave = True
        return each

    sizes: list[int] = []
    whole = population()
    whole.callbacks = [Sizes(sizes)]
    whole.fit()
    assert sizes[0] == 5 > sizes[-1]  # otherwise nothing was tested
    first = population(Checkpoint(tmp_path), Break(at))
    if at <= len(sizes):
        with pytest.raises(Broken):
            first.fit()
    else:
        first.fit()
    second = population(Checkpoint(tmp_path, resume=True))
    second.fit()
    assert outcome(second) == outcome(whole)
    assert torch.equal(second.network.flat, whole.network.flat)
    assert all(torch.equal(*each) for each in zip(second.network.live(), whole.network.live(), strict=True))
    assert len(second.members) == len(second.numbers) == 5


class Sizes(Callback):
    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes

    def on_epoch(self, state: State) -> None:
        self.sizes.append(len(state.population.members))


def test_a_precision_that_has_changed_stays_changed(problem, member, tmp_path, monkeypatch):
    monkeypatch.setattr("netwright.pipeline.precision.FINE", 1e9)  # after the first epoch
    made = problem("regression")
    seen = []

    def population(*callbacks: Callback) -> Any:
        watch = Sizes([])
        watch.on_epoch_start = lambda state: seen.append(state.population.config.precision)
        settings = {"precision": "bfloat16", "loss": "mse", "epochs": 3}
        return made.population([member()], callbacks=[Finer(), watch, *callbacks], **settings)

    whole = population()
    whole.fit()
    with pytest.raises(Broken):
        population(Checkpoint(tmp_path), Break(3)).fit()
    assert seen == ["bfloat16", "float32", "float32"] * 2
    seen.clear()
    second = population(Checkpoint(tmp_path, resume=True))
    second.fit()
    assert seen == ["float32"]
    assert torch.equal(second.network.flat, whole.network.flat)


def test_it_is_saved_no_more_often_than_asked_for(problem, member, tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 4))
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: float(next(clock)))
    saved = []

    class Watched(Checkpoint):
        def save(self, state: State) -> None:
            saved.append(state.epoch)
            next(clock)  # it takes 8 seconds then

    checkpoint_of = Watched(tmp_path, every=10.0)
    state = State(1, 1)
    checkpoint_of.on_start(state)  # at 0
    for state.epoch in range(1, 8):  # at 4, 8, 12; the next after 50 times the 8 seconds
        checkpoint_of.on_epoch(state)
    assert saved == [3]
    assert checkpoint_of.due == pytest.approx(20 + 8 / checkpoint.SHARE)
    state.cut = "interrupted"
    checkpoint_of.due = 0.0
    checkpoint_of.on_epoch(state)
    assert saved == [3]


def test_what_is_extra_is_read_without_the_rest(tmp_path):
    extra = {"epochs": 3, "data": {"rows": 2, "columns": {"a": "0f"}}, "names": ["a", "b"]}
    write(tmp_path, {"flat": torch.ones(3), "extra": extra})
    assert extra_of(tmp_path) == extra
    assert read(tmp_path)["extra"] == extra
    content = bytearray((tmp_path / FILE).read_bytes())
    (tmp_path / FILE).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="the checkpoint is damaged"):
        extra_of(tmp_path)
