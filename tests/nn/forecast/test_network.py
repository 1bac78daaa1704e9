"""Forecasting networks: what they compute, against NumPy and closed forms, and members beside single ones."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.config import ForecastConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.forecast.schema import ForecastSchema, Step, Times
from netwright.nn.forecast.bodies import TrendAndRest
from netwright.nn.member import Mode
from netwright.runs.forecast import build
from netwright.training.population import Member, Population

LOOKBACK, HORIZON, STEPS = 8, 3, 120


def network_of(
    kind: str, members: int = 1, normalization: str = "instance", known: int = 0, targets: int = 2
):
    schema = ForecastSchema(
        targets=[f"y{place}" for place in range(targets)],
        times=Times(columns=["t"], form="number"),
        step=Step(unit="number", count=1),
        calendar=[f"k{place}" for place in range(known)],
        season=1,
        lookback=LOOKBACK,
        horizon=HORIZON,
    )
    config = ForecastConfig(network=kind, normalization=normalization, patch=4, trend=3)  # type: ignore[arg-type]
    return build(schema, config, NetworkConfig(width=8, depth=1, dropout=0.2), members)


def windows(targets: int = 2, known: int = 0, seed: int = 0) -> Dataset:
    random = np.random.default_rng(seed)
    series = torch.tensor(random.normal(size=(STEPS, targets)).cumsum(0) + 100)
    count = STEPS - LOOKBACK - HORIZON + 1
    raw = {"past": series.unfold(0, LOOKBACK, 1)[:count]}
    if known:
        raw["known"] = torch.tensor(random.normal(size=(STEPS, known))).unfold(0, LOOKBACK + HORIZON, 1)
    target = series[LOOKBACK:].unfold(0, HORIZON, 1).transpose(1, 2)
    return Dataset(raw, target, torch.ones(count))


def population_of(kind: str, seeds: list[int], epochs: int = 2, known: int = 0, rows=None) -> Population:
    data = windows(known=known)
    config = TrainingConfig(
        epochs=epochs, batch_size=16, learning_rate=0.01, weight_decay=0.0, warmup=0.0, patience=None
    )
    config.label_smoothing, config.loss = 0.0, "mse"
    rows = rows or [torch.arange(70)] * len(seeds)
    members = [
        Member.of(config, each, torch.arange(80, 100), seed) for each, seed in zip(rows, seeds, strict=True)
    ]
    return Population(network_of(kind, len(seeds), known=known), data, members, config)


def test_scaling_is_fitted_on_the_steps_of_the_training_windows_alone():
    data, network = windows(), network_of("nlinear")
    rows = torch.arange(10, 40)
    network.fit_preparation(0, data.raw, data.target, data.weight, rows)
    series = torch.cat([data.raw["past"][:, :, 0], data.raw["past"][-1, :, 1:].T, data.target[-1]])
    covered = series[10 : 39 + LOOKBACK + HORIZON].numpy()
    np.testing.assert_allclose(network.scaling.centre[0, 0, :, 0].numpy(), covered.mean(0))
    np.testing.assert_allclose(network.scaling.scale[0, 0, :, 0].numpy(), covered.std(0))
    changed = {"past": data.raw["past"].clone()}
    changed["past"][60:] += 1000
    again = network_of("nlinear")
    again.fit_preparation(
        0, changed, data.target + 1000 * (torch.arange(len(data))[:, None, None] > 60), data.weight, rows
    )
    torch.testing.assert_close(again.scaling.centre, network.scaling.centre, rtol=0, atol=0)


@pytest.mark.parametrize("normalization", ["instance", "last", "none"])
def test_a_linear_network_is_what_numpy_makes_of_it(normalization):
    data, network = windows(), network_of("nlinear", normalization=normalization)
    network.fit_preparation(0, data.raw, data.target, data.weight, torch.arange(100))
    torch.manual_seed(0)
    network.flat.data.normal_()
    found = network.predict(data.raw, torch.tensor([5]))[0].numpy()  # [H, C, 1 + Q]
    values = network.named_values()
    weight, bias = (values[f"head.{name}"][0].double().numpy() for name in ("weight", "bias"))
    centre, scale = (getattr(network.scaling, name)[0, 0, :, 0].numpy() for name in ("centre", "scale"))
    past = (data.raw["past"][5].numpy() - centre[:, None]) / scale[:, None]
    level = {"instance": past.mean(1), "last": past[:, -1], "none": np.zeros(2)}[normalization]
    spread = np.sqrt(past.var(1) + 1e-3) if normalization == "instance" else np.ones(2)
    out = ((past - level[:, None]) / spread[:, None]) @ weight + bias  # [C, H * 4]
    out = out.reshape(2, HORIZON, 4)
    softplus = np.log1p(np.exp(out))
    out = np.stack(
        [out[..., 0], out[..., 2] - softplus[..., 1], out[..., 2], out[..., 2] + softplus[..., 3]], -1
    )
    expected = (out * spread[:, None, None] + level[:, None, None]) * scale[:, None, None] + centre[
        :, None, None
    ]
    np.testing.assert_allclose(found, expected.transpose(1, 0, 2), rtol=1e-4)


def test_a_linear_network_learns_what_least_squares_finds():
    random = np.random.default_rng(0)
    series = np.zeros((600, 1))
    for step in range(2, 600):
        series[step] = 1.2 * series[step - 1] - 0.5 * series[step - 2] + random.normal()
    schema_network = network_of("nlinear", normalization="none", targets=1)
    steps = torch.tensor(series)
    count = 600 - LOOKBACK - HORIZON + 1
    data = Dataset(
        {"past": steps.unfold(0, LOOKBACK, 1)[:count]},
        steps[LOOKBACK:].unfold(0, HORIZON, 1).transpose(1, 2),
        torch.ones(count),
    )
    config = TrainingConfig(
        epochs=60, batch_size=64, learning_rate=0.01, weight_decay=0.0, warmup=0.0, patience=None
    )
    config.label_smoothing, config.loss = 0.0, "mse"
    members = [Member.of(config, torch.arange(count), torch.arange(0), 0)]
    Population(schema_network, data, members, config).fit()
    inputs = np.column_stack([data.raw["past"][:, 0].numpy(), np.ones(count)])
    best = np.linalg.lstsq(inputs, data.target[:, :, 0].numpy(), rcond=None)[0]
    found = schema_network.predict(data.raw)[:, :, 0, 0].numpy()
    least = np.mean((inputs @ best - data.target[:, :, 0].numpy()) ** 2)
    reached = np.mean((found - data.target[:, :, 0].numpy()) ** 2)
    assert least <= reached < 1.01 * least


def test_what_is_added_to_a_series_is_added_to_its_forecast():
    data, network = windows(), network_of("mlp")
    network.fit_preparation(0, data.raw, data.target, data.weight, torch.arange(100))
    network.initialise([0])
    network.flat.data[:, :] += 0.01
    plain = network.predict(data.raw)
    moved = network.predict({"past": data.raw["past"] + 50.0})
    torch.testing.assert_close(moved, plain + 50.0, rtol=1e-4, atol=1e-4)


def test_trend_and_rest_make_up_the_look_back():
    body = TrendAndRest(8, 3)
    x = torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(0))
    trend, rest = body(x, Mode()).split(8, -1)
    torch.testing.assert_close(trend + rest, x)
    padded = np.pad(x[0].numpy(), ((0, 0), (1, 1)), mode="edge")
    by_hand = np.stack([padded[:, place : place + 3].mean(1) for place in range(8)], 1)
    np.testing.assert_allclose(trend[0].numpy(), by_hand, rtol=1e-5, atol=1e-6)


def test_unknown_targets_do_not_count():
    data, network = windows(), network_of("nlinear")
    network.fit_preparation(0, data.raw, data.target, data.weight, torch.arange(100))
    output = network({"past": data.raw["past"][None, :4]})
    target = data.target[None, :4].clone()
    target[0, 1, 0, 0] = torch.nan
    target[0, 2] = torch.nan
    rows = network.scores(output, target)["mse_scaled"][0]
    wanted = ((target - network.scaling.centre.transpose(2, 3)) / network.scaling.scale.transpose(2, 3))[0]
    errors = (output[0, ..., 0] - wanted).square()
    torch.testing.assert_close(rows[1].double(), errors[1].flatten()[~errors[1].isnan().flatten()].mean())
    assert rows[2] == 0
    assert bool(torch.isfinite(network.losses(output, target)).all())


def assert_alike(alone: Population, together: Population, place: int) -> None:
    """What they forecast: parameters that change nothing, such as an attention's biases of keys, are moved by
    rounding alone."""
    raw = together.data.raw
    part = together.network.select([place])
    torch.testing.assert_close(alone.network.predict(raw), part.predict(raw), rtol=1e-4, atol=1e-3)
    assert not torch.equal(part.flat, torch.zeros_like(part.flat))


@pytest.mark.parametrize("kind", ["nlinear", "dlinear", "mlp", "patch", "gru"])
def test_members_train_as_they_would_alone(kind):
    seeds = [0, 7]
    together = population_of(kind, seeds, known=1)
    together.fit()
    for place, seed in enumerate(seeds):
        alone = population_of(kind, [seed], known=1)
        alone.fit()
        assert_alike(alone, together, place)


def test_members_of_different_windows_train_as_they_would_alone():
    rows = [torch.arange(70), torch.arange(33)]
    together = population_of("mlp", [0, 1], rows=rows)
    together.fit()
    alone = population_of("mlp", [1], rows=rows[1:])
    alone.fit()
    assert_alike(alone, together, 1)


def test_known_inputs_explain_what_the_past_cannot():
    random = np.random.default_rng(0)
    known = random.normal(size=400)
    steps = torch.tensor(5.0 + 3.0 * known)[:, None]
    count = 400 - LOOKBACK - HORIZON + 1
    raw = {
        "past": steps.unfold(0, LOOKBACK, 1)[:count],
        "known": torch.tensor(known)[:, None].unfold(0, LOOKBACK + HORIZON, 1),
    }
    data = Dataset(raw, steps[LOOKBACK:].unfold(0, HORIZON, 1).transpose(1, 2), torch.ones(count))
    config = TrainingConfig(
        epochs=30, batch_size=32, learning_rate=0.01, weight_decay=0.0, warmup=0.0, patience=None
    )
    config.label_smoothing, config.loss = 0.0, "mse"
    members = [Member.of(config, torch.arange(300), torch.arange(320, count), 0)]
    network = network_of("nlinear", known=1, targets=1, normalization="last")
    history = Population(network, data, members, config).fit()
    assert min(row["validation_mse_scaled"] for row in history.rows) < 0.05
