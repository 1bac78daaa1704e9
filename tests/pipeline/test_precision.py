"""What "auto" precision becomes: hardware, size of a step and loss each have a say."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import torch

from netwright.config import Config, TrainingConfig
from netwright.pipeline import precision
from netwright.pipeline.fit import fit
from netwright.pipeline.precision import Finer, tried_precision
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import products, resolve
from netwright.pipeline.watch import Watch


@pytest.fixture
def given(table: pl.DataFrame) -> Any:
    values: dict[str, Any] = {
        "data": {"target": ["y"]},
        "split": {"column": "split"},
        "network": {"kind": "tabm", "width": 16, "heads": 4, "depth": 1},
        "training": {"epochs": 1, "batch_size": 32, "threads": 1, "device": "cpu"},
    }
    prepared = prepare(Config.parse(values), table.drop("price"), Watch())
    resolved, _ = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    return prepared, resolved


def tried(given: Any) -> str:
    prepared, resolved = given
    train = torch.from_numpy(prepared.split.train)
    return tried_precision(prepared.schema, resolved, prepared.dataset(), train)


def test_products_are_rows_times_heads_times_the_layers_weights(given: Any) -> None:
    prepared, resolved = given
    assert products(resolved, prepared.schema) == 32 * 4 * 16 * 16


def test_small_steps_stay_in_float32_untried(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "agreed_precision", lambda population: pytest.fail("it was tried"))
    assert tried(given) == "float32"


@pytest.mark.parametrize(("hardware", "found"), [(True, "bfloat16"), (False, "float32")])
def test_large_steps_are_tried_where_the_hardware_is_there(
    given: Any, monkeypatch: pytest.MonkeyPatch, hardware: bool, found: str
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: hardware)
    monkeypatch.setattr(precision, "WORTH_ROUNDING", 1)
    assert tried(given) == found


def test_what_was_found_is_recorded_and_repeated(given: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, resolved = given
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: True)
    monkeypatch.setattr(precision, "WORTH_ROUNDING", 1)
    network, _, recorded = fit(prepared, resolved, prepared.dataset(), (), None)
    assert recorded.training.precision == "bfloat16"
    assert network.flat.dtype == torch.float32
    monkeypatch.setattr(precision, "agreed_precision", lambda population: pytest.fail("it was tried again"))
    prepared.config.training.precision = "bfloat16"
    again, _, _ = fit(prepared, recorded, prepared.dataset(), (), None)
    assert torch.equal(network.flat, again.flat)


@pytest.mark.parametrize(
    ("loss", "error", "found"),
    [("mse", 0.005, "float32"), ("mse", 0.05, "bfloat16"), ("cross_entropy", 0.005, "bfloat16")],
)
def test_a_close_fit_goes_on_in_float32(loss: str, error: float, found: str) -> None:
    config = TrainingConfig.model_validate({"precision": "bfloat16", "loss": loss})
    population = SimpleNamespace(config=config)
    Finer().on_epoch(SimpleNamespace(population=population, train_loss=error))  # type: ignore[arg-type]
    assert population.config.precision == found
    assert config.precision == "bfloat16"  # which is what a replay starts from
