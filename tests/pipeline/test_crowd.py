"""Plans that train as few programs become what each would have become alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from netwright.config import Config
from netwright.errors import InputError
from netwright.pipeline import crowd, encoded
from netwright.pipeline.crowd import Plan, assemble, buckets, single, train_crowd
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch
from netwright.training.callbacks import Callback, State

NETWORK = {"kind": "mlp", "width": 8, "depth": 1, "dropout": 0.0}
TRAINING = {"epochs": 4, "batch_size": 32, "threads": 1, "precision": "float32", "device": "cpu"}


@pytest.fixture(scope="module")
def made(table: pl.DataFrame):
    """The common table, prepared; `plan(...)` makes plans for its rows."""
    return made_of(table.drop("price"), {"number": {"bins": 8, "size": 3}})


def made_of(table: pl.DataFrame, inputs: dict[str, Any]):
    values = {
        "data": {"target": ["y"]},
        "split": {"column": "split"},
        "network": NETWORK,
        "training": TRAINING,
        "inputs": inputs,
    }
    prepared = prepare(Config.parse(values), table, Watch())
    resolved, _ = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    return prepared, resolved, prepared.dataset()


def plan(
    made, seed: int = 0, rows: slice = slice(None), dropout: float = 0.0, width: int = 8, **training: Any
):
    prepared, resolved, _ = made
    config = resolved.model_copy(deep=True)
    config.network.width, config.network.dropout = width, dropout
    for name, value in {"seed": seed, **training}.items():
        setattr(config.training, name, value)
    return Plan(config, prepared.split.train[rows], prepared.split.validation, f"seed {seed}")


@pytest.fixture(scope="module")
def plans(made) -> list[Plan]:
    """Two shapes, mixed, with other rows, seeds and settings."""
    return [
        plan(made, 1, slice(0, 60), learning_rate=1e-3),
        plan(made, 2, slice(10, 90), width=12),
        plan(made, 3, slice(0, 75), dropout=0.3, weight_decay=0.1),
        plan(made, 4, slice(5, 90), width=12, label_smoothing=0.1),
        plan(made, 5, slice(0, 33), beta2=0.9, clip_norm=0.5),
    ]


def train(made, plans: list[Plan], **how: Any) -> list[crowd.Trained]:
    prepared, _, data = made
    return train_crowd(prepared.schema, data, plans, **how)


def test_each_plan_ends_as_it_would_have_alone(made, plans):
    together = train(made, plans)
    assert len(together) == len(plans)
    for place, (ours, wanted) in enumerate(zip(together, plans, strict=True)):
        (alone,) = train(made, [wanted])
        assert ours.plan is wanted
        assert ours.values.keys() == alone.values.keys()
        for name, value in ours.values.items():
            torch.testing.assert_close(value, alone.values[name], rtol=0, atol=1e-5)
        assert (ours.best_epoch, ours.ending) == (alone.best_epoch, alone.ending)
        assert ours.score == pytest.approx(alone.score, abs=1e-5)
        assert {row["member"] for row in ours.rows} == {place}


def test_shapes_train_apart_and_settings_of_members_together(plans):
    assert buckets(plans) == [[0, 2, 4], [1, 3]]


def test_small_pieces_give_the_same(made, plans):
    sizes = []

    class Watched(Callback):
        def on_start(self, state: State) -> None:
            sizes.append(len(state.best_epoch))

    whole = train(made, plans)
    pieces = train(made, plans, memory=1, callbacks=[Watched()])
    assert sizes == [1] * 5
    for ours, theirs in zip(pieces, whole, strict=True):
        assert ours.score == pytest.approx(theirs.score, abs=1e-5)


def test_memory_that_runs_out_makes_the_pieces_smaller(made, plans, monkeypatch):
    real, told = crowd.build, []

    def scarce(*shape: Any) -> Any:
        if shape[3] > 1:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")
        return real(*shape)

    monkeypatch.setattr(crowd, "build", scarce)
    assert len(train(made, plans[:1] + plans[2:3], told=told.append)) == 2
    assert told == ["2 networks at a time do not fit in memory; going on with 1"]


def test_another_error_is_not_taken_for_lack_of_memory(made, plans, monkeypatch):
    def broken(*_: Any) -> Any:
        raise RuntimeError("something else")

    monkeypatch.setattr(crowd, "build", broken)
    with pytest.raises(RuntimeError, match="something else"):
        train(made, plans)


def test_a_plan_that_diverges_loses_and_the_others_go_on(made, plans):
    wild = plan(made, 9, learning_rate=1e30, clip_norm=None, optimizer="sgd")
    calm = plan(made, 8, learning_rate=1e-3, clip_norm=None, optimizer="sgd")
    lost, kept = train(made, [wild, calm])
    assert (lost.ending, np.isnan(lost.score)) == ("diverged", True)
    (alone,) = train(made, [calm])
    assert kept.score == pytest.approx(alone.score, abs=1e-5)
    (only,) = train(made, [wild])
    assert only.ending == "diverged"
    error = crowd.failed([lost, only])
    assert error is not None
    assert "1e+30" in str(error)
    assert crowd.failed([lost, kept]) is None


def test_plans_are_given_up_by_their_places(made, plans):
    seen: list[set[int]] = []

    def prune(epoch: int, losses: dict[int, float]) -> set[int]:
        seen.append(set(losses))
        return {3} if 3 in losses and epoch == 2 else set()

    trained = train(made, plans, prune=prune)
    assert [each.ending for each in trained] == ["all epochs"] * 3 + ["pruned", "all epochs"]
    assert [len(each.rows) for each in trained] == [4, 4, 4, 2, 4]
    assert {0, 2, 4} in seen
    assert {1, 3} in seen
    assert {1} in seen


def test_an_interruption_leaves_out_what_was_not_begun(made, plans):
    class Stop(Callback):
        def on_epoch(self, state: State) -> None:
            state.stop = state.epoch == 2

    trained = train(made, plans, callbacks=[Stop()])
    assert [each.ending for each in trained] == ["interrupted"] * 3  # the first shape
    assert all(np.isfinite(each.score) for each in trained)


def test_networks_of_one_shape_become_one_that_predicts_their_mean(made, plans):
    prepared, _, data = made
    first, other, third = train(made, [plans[0], plans[1], plans[2]])
    both = assemble(prepared.schema, [first, third])
    each = [single(prepared.schema, one).predict(data.raw) for one in (first, third)]
    torch.testing.assert_close(both.predict(data.raw), torch.cat(each), rtol=0, atol=1e-6)
    with pytest.raises(InputError, match="different shapes"):
        assemble(prepared.schema, [first, other])
    with pytest.raises(InputError, match="no network"):
        assemble(prepared.schema, [])


def test_rows_that_are_encoded_once_train_the_same_networks(table, monkeypatch):
    inputs = {"number": {"embedding": "none"}, "category": {"one_hot_up_to": 100}}
    made = made_of(table.drop("price", "note"), inputs)
    plans = [
        plan(made, 1, slice(0, 60)),
        plan(made, 2, dropout=0.3),
        plan(made, 2, slice(0, 60), label_smoothing=0.3, logit_adjustment=0.5, sampling="balanced"),
    ]
    batches = []

    class Watched(Callback):
        def on_start(self, state: State) -> None:
            batches.append(next(state.population.feed.epoch(1)).raw)

    once = train(made, plans, callbacks=[Watched()])
    monkeypatch.setattr(encoded, "MOST_BYTES", 0)
    always = train(made, plans, callbacks=[Watched()])
    assert [list(each) for each in batches] == [["encoded"], ["number", "category", "date"]]
    for ours, theirs in zip(once, always, strict=True):
        for name, value in theirs.values.items():
            torch.testing.assert_close(ours.values[name], value, rtol=0, atol=1e-6)
        assert ours.score == pytest.approx(theirs.score, abs=1e-6)
        assert ours.best_epoch == theirs.best_epoch
