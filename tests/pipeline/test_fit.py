from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
import torch

from netwright.config import Config
from netwright.nn.network import Network
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch
from netwright.training.callbacks import Callback, State
from netwright.training.history import History

Fitted = tuple[Network, History, Config]
NETWORK = {"kind": "mlp", "width": 8, "depth": 1}
TRAINING = {"epochs": 4, "batch_size": 32, "threads": 1, "precision": "float32", "device": "cpu"}


@pytest.fixture
def run(table: pl.DataFrame) -> Callable[..., Fitted]:
    """`run(epochs=3)` fits the common table with these settings, `run(config)` with that config."""

    def make(
        config: Config | None = None,
        callbacks: tuple[Callback, ...] = (),
        deadline: float | None = None,
        **training: Any,
    ) -> Fitted:
        values: dict[str, Any] = {
            "data": {"target": ["y"]},
            "split": {"column": "split"},
            "network": NETWORK,
            "training": TRAINING | training,
        }
        prepared = prepare(config or Config.parse(values), table.drop("price"), Watch())
        resolved, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
        return fit(prepared, resolved, prepared.dataset().to(device), callbacks, deadline)

    return make


class StopAt(Callback):
    """Asks for the end of the training after so many steps in all, whichever training they are of."""

    def __init__(self, step: int) -> None:
        self.left = step

    def on_step(self, state: State) -> None:
        self.left -= 1
        state.stop = self.left == 0


def test_members_are_the_networks_of_the_seeds_that_follow(run):
    together, history, _ = run(members=2, seed=5)
    assert len(history.best_epoch) == 2
    for place in range(2):
        alone, _, _ = run(members=1, seed=5 + place)
        torch.testing.assert_close(together.flat[place], alone.flat[0], rtol=0, atol=1e-5)


def test_the_returned_config_repeats_the_weights_to_the_bit(run):
    network, _, config = run(seed=3)
    again, _, config_again = run(config)
    assert torch.equal(network.flat, again.flat)
    assert config_again == config


def test_a_refit_is_a_training_on_both_parts_for_the_epochs_found(run):
    network, history, config = run(refit=True, epochs=6)
    plain, first, _ = run(epochs=6)
    assert history.best_epoch == first.best_epoch
    assert not torch.allclose(network.flat, plain.flat)
    assert not torch.equal(
        network.encoders.parts[0].centre, plain.encoders.parts[0].centre
    )  # more rows are seen
    again, _, _ = run(config)
    assert torch.equal(network.flat, again.flat)


def test_an_interrupted_training_is_repeated_by_its_config(run):
    network, history, config = run(callbacks=(StopAt(5),))
    assert (history.stopped, history.stop_step, config.training.stop_step) == ("interrupted", 5, 5)
    again, _, _ = run(config)
    assert torch.equal(network.flat, again.flat)


def test_an_interrupted_refit_is_repeated_by_its_config(run):
    """Three steps make an epoch of the training rows, four of both: step 14 is the second of the refit."""
    network, _, config = run(refit=True, patience=None, callbacks=(StopAt(14),))
    assert config.training.stop_step == 14
    again, _, config_again = run(config)
    assert torch.equal(network.flat, again.flat)
    assert config_again.training.stop_step == 14


def test_interrupting_the_first_training_leaves_the_refit_out(run):
    network, history, _ = run(refit=True, callbacks=(StopAt(5),))
    plain, _, _ = run(callbacks=(StopAt(5),))
    assert torch.equal(network.flat, plain.flat)
    assert history.stopped == "interrupted"


def test_a_time_limit_plans_fewer_epochs_and_is_repeated(run):
    began = time.monotonic()
    network, history, config = run(epochs=100_000, patience=None, deadline=began + 1.5)
    assert time.monotonic() - began < 5
    assert history.epochs <= int(config.training.epochs) < 100_000
    again, _, _ = run(config)
    assert torch.equal(network.flat, again.flat)


def test_plenty_of_time_changes_nothing(run):
    hurried, _, config = run(deadline=time.monotonic() + 600)
    plain, _, _ = run()
    assert int(config.training.epochs) == TRAINING["epochs"]
    assert config.training.stop_step is None
    assert torch.equal(hurried.flat, plain.flat)
