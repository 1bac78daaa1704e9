"""Scaling and embeddings of numbers against NumPy and scikit-learn."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from netwright.config import NumberConfig
from netwright.data.schema import Column
from netwright.nn.encoders.number import NumberEncoder
from netwright.nn.member import PREDICT, Layout
from netwright.nn.weighted import quantiles

NAN, INF = np.nan, np.inf


def fitted(train: np.ndarray, members: int = 1, **config: Any) -> NumberEncoder:
    """An encoder of all columns, each member fitted on the same rows, with random parameters."""
    columns = [
        Column(name=f"c{place}", kind="number", values=len(np.unique(values[~np.isnan(values)])))
        for place, values in enumerate(train.T)
    ]
    config = {"embedding": "none", "bins": 8, "size": 3} | config
    encoder = NumberEncoder(columns, list(range(len(columns))), NumberConfig.model_validate(config), members)
    for member in range(members):
        encoder.fit(member, torch.from_numpy(train))
    layout = Layout(encoder)
    layout.bind(torch.randn(members, layout.size, generator=torch.Generator().manual_seed(3)))
    return encoder


def features(encoder: NumberEncoder, rows: np.ndarray) -> np.ndarray:
    """[N, F, features of a column]"""
    given = torch.from_numpy(rows).expand(encoder.members, *rows.shape)
    return encoder(given, PREDICT)[0].view(len(rows), len(encoder.columns), -1).numpy()


def scaled(encoder: NumberEncoder, rows: np.ndarray) -> np.ndarray:
    return features(encoder, rows)[..., 0]


@pytest.fixture
def train() -> np.ndarray:
    random = np.random.default_rng(0)
    return np.stack(
        [1e9 + random.normal(size=101), random.lognormal(size=101), random.uniform(-1, 5, 101)], axis=1
    )


@pytest.fixture
def new(train: np.ndarray) -> np.ndarray:
    return train[:20] * np.array([1.0, 3.0, -2.0])


@pytest.mark.parametrize(
    ("scaling", "scaler"),
    [("standard", StandardScaler()), ("minmax", MinMaxScaler((-1, 1))), ("robust", RobustScaler())],
)
def test_scaling_equals_scikit_learn(train, new, scaling, scaler):
    expected = scaler.fit(train).transform(new)
    if scaling == "robust":
        expected = expected / np.sqrt(1 + (expected / 3) ** 2)
    np.testing.assert_allclose(scaled(fitted(train, scaling=scaling), new), expected, rtol=1e-4, atol=1e-5)


def test_no_scaling(train):
    np.testing.assert_allclose(
        scaled(fitted(train[:, 1:], scaling="none"), train[:, 1:]), train[:, 1:], rtol=1e-6
    )


def test_quantile_scaling_makes_a_normal_distribution(train):
    from scipy.stats import norm, rankdata

    random = np.random.default_rng(1).lognormal(size=(2001, 1))
    encoder = fitted(random, scaling="quantile")
    expected = norm.ppf(np.clip((rankdata(random) - 0.5) / 2001, 1e-3, 1 - 1e-3))
    shares = norm.cdf(scaled(encoder, random)[:, 0])
    np.testing.assert_allclose(shares, norm.cdf(expected), atol=1 / 200)  # 256 knots
    outside = scaled(encoder, np.array([[-1.0], [1e9], [INF], [-INF]]))[:, 0]
    # Infinite values count as the farthest ones seen, which are half a knot inside.
    np.testing.assert_allclose(norm.cdf(outside), [1e-3, 1 - 1e-3, 1 - 1 / 512, 1 / 512], rtol=1e-3)


def test_where_the_quartiles_are_equal_the_range_stands_in():
    """As RealMLP has it: 2 / (max - min)."""
    train = np.array([[0.0]] * 9 + [[8.0]])
    expected = np.array([0.0, 2.0, 1.0])
    expected = expected / np.sqrt(1 + (expected / 3) ** 2)
    found = scaled(fitted(train, scaling="robust"), np.array([[0.0], [8.0], [4.0]]))[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("scaling", ["robust", "standard", "minmax", "quantile"])
@pytest.mark.parametrize("value", [5.0, NAN])
def test_constant_and_empty_columns_give_finite_features(scaling, value):
    for embedding in ("none", "piecewise", "periodic"):
        encoder = fitted(np.full((6, 1), value), scaling=scaling, embedding=embedding)
        given = np.array([[5.0], [NAN], [INF], [-INF], [1e300], [-7.0]])
        assert np.isfinite(features(encoder, given)).all()
        if scaling != "quantile":
            assert (scaled(encoder, given) == 0).all()


@pytest.mark.parametrize(("missing", "fill"), [("median", 2.0), ("mean", 4.0), ("zero", 0.0)])
def test_missing_values_are_filled_and_flagged(missing, fill):
    train = np.array([[1.0], [2.0], [9.0], [NAN]])
    encoder = fitted(train, missing=missing, scaling="none")
    np.testing.assert_allclose(features(encoder, np.array([[NAN], [7.0]]))[:, 0], [[fill, 1.0], [7.0, 0.0]])


def test_a_flag_that_training_never_saw_is_not_raised():
    encoder = fitted(np.array([[1.0], [2.0]]))
    assert (features(encoder, np.array([[NAN], [1.0]]))[..., 1] == 0).all()


def test_infinite_values_are_no_part_of_the_fit_and_are_cut():
    train = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [2.0, INF], [2.0, -INF]])
    for scaling in ("robust", "standard", "minmax", "quantile"):
        encoder = fitted(train[:3], scaling=scaling)
        spoiled = fitted(train[:, 1:].repeat(2, axis=1), scaling=scaling)
        for name in ("centre", "inverse_scale", "fill"):
            assert torch.equal(getattr(encoder, name), getattr(spoiled, name))
        found = scaled(encoder, np.array([[INF, -INF], [1e300, -1e300]]))
        assert np.isfinite(found).all()
        assert (found[:, 0] > 0).all()
        assert (found[:, 1] < 0).all()


def test_infinite_values_are_read_as_the_farthest_of_training():
    encoder = fitted(np.array([[1.0], [2.0], [4.0], [9.0]]), embedding="piecewise")
    found = features(encoder, np.array([[INF], [9.0], [-INF], [1.0]]))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])


ENDS = [[-1e300, 0.0, 1e300], [0.0, 5e-324, 1e-310], [1e308, 1.0, -1e308], [1e38, 0.0, 3e39]]


@pytest.mark.parametrize("train", ENDS)
@pytest.mark.parametrize("embedding", ["piecewise", "periodic"])
def test_numbers_at_the_ends_of_float64_give_finite_features(train, embedding):
    rows = np.array(train)[:, None]
    given = np.concatenate([rows, [[NAN], [INF], [-INF], [1.0]]])
    for scaling in ("robust", "standard", "minmax", "quantile", "none"):
        assert np.isfinite(features(fitted(rows, embedding=embedding, scaling=scaling), given)).all()


def test_pieces_of_large_offsets_keep_their_digits():
    """Seconds since 1970, a day apart: float32 alone would be 64 seconds off."""
    days = 86_400 * np.arange(9.0)[:, None]
    far, near = (fitted(days + offset, embedding="piecewise", bins=8) for offset in (1.7e9, 0.0))
    found = features(far, days + 1.7e9 + 40_000)
    np.testing.assert_allclose(found, features(near, days + 40_000), rtol=1e-5, atol=1e-5)


def test_robust_scaling_stays_within_three():
    encoder = fitted(np.random.default_rng(0).normal(size=(50, 1)))
    assert np.abs(scaled(encoder, np.array([[1e12], [-1e12], [INF]]))).max() <= 3.0


def test_clipping_cuts_at_ten_robust_deviations(train):
    train = train[:, 1:]
    encoder = fitted(train, clip_outliers=True, scaling="none")
    low, half, high = np.quantile(train, [0.25, 0.5, 0.75], axis=0)
    limit = half + 10 * (high - low) / 1.349
    np.testing.assert_allclose(scaled(encoder, np.full((1, 2), 1e15))[0], limit, rtol=1e-6)


def test_quantiles_equal_numpy(train):
    train[::3, 1] = NAN
    ordered = torch.from_numpy(np.sort(train, axis=0))
    count = torch.from_numpy((~np.isnan(train)).sum(0))
    shares = np.linspace(0, 1, 17)
    found = quantiles(ordered, count, torch.from_numpy(shares))
    np.testing.assert_allclose(found, np.nanquantile(train, shares, axis=0), rtol=1e-12)


def piecewise(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The encoding as the paper has it: how far a value has gone through each piece."""
    return np.stack([np.clip((values - a) / (b - a), 0, 1) for a, b in pairwise(edges)], axis=1)


def expected_embedding(encoder: NumberEncoder, place: int, pieces: np.ndarray, z: np.ndarray) -> np.ndarray:
    weight, slope, bias = (getattr(encoder, name)[0, place].numpy() for name in ("weight", "slope", "bias"))
    return np.maximum(pieces @ weight[: pieces.shape[1]] + z[:, None] * slope + bias, 0)


def test_piecewise_linear_encoding(train, new):
    encoder = fitted(train, embedding="piecewise", bins=8)
    found = features(encoder, new)
    for place in range(3):
        edges = np.quantile(train[:, place], np.linspace(0, 1, 9))
        expected = expected_embedding(encoder, place, piecewise(new[:, place], edges), found[:, place, 0])
        np.testing.assert_allclose(found[:, place, 2:], expected, rtol=1e-4, atol=1e-5)


def test_few_different_values_have_an_edge_each_beside_columns_with_many(train):
    train[:, 0] = np.arange(101) % 4  # fewer values than pieces
    train[:, 1] = np.where(np.arange(101) < 80, 0.0, train[:, 1])  # 0 fills more than a piece alone
    new = np.array([[-1.0] * 3, [0.5] * 3, [2.0] * 3, [9.0] * 3])
    encoder = fitted(train, embedding="piecewise", bins=8)
    found = features(encoder, new)
    others = np.quantile(train[80:, 1], np.linspace(0, 1, 8))
    quantile_edges = np.unique(np.append(others, 0.0))
    for place, edges in ((0, np.arange(4.0)), (1, quantile_edges)):
        expected = expected_embedding(encoder, place, piecewise(new[:, place], edges), found[:, place, 0])
        np.testing.assert_allclose(found[:, place, 2:], expected, rtol=1e-4, atol=1e-5)


def test_periodic_embedding(train, new):
    encoder = fitted(train, embedding="periodic", frequencies=5)
    found = features(encoder, new)
    for place in range(3):
        angle = 2 * np.pi * found[:, place, :1] * encoder.frequencies[0, place].numpy()
        waves = np.concatenate([np.sin(angle), np.cos(angle)], axis=1)
        expected = expected_embedding(encoder, place, waves, found[:, place, 0])
        np.testing.assert_allclose(found[:, place, 2:], expected, rtol=1e-3, atol=1e-4)


def test_members_are_fitted_on_their_own_rows(train):
    encoder = fitted(train, members=2, embedding="piecewise", scaling="standard")
    encoder.fit(1, torch.from_numpy(train[:10]))
    alone = fitted(train[:10], embedding="piecewise", scaling="standard")
    torch.testing.assert_close(encoder.centre[1], alone.centre[0])
    torch.testing.assert_close(encoder.centre[0], fitted(train, scaling="standard").centre[0])


def test_fitting_twice_leaves_nothing_of_the_first_fit(train):
    once, twice = fitted(train[:30], embedding="piecewise"), fitted(train, embedding="piecewise")
    twice.fit(0, torch.from_numpy(train[:30]))
    twice.fit(0, torch.from_numpy(np.round(train[:3])))
    once.fit(0, torch.from_numpy(np.round(train[:3])))
    for name, buffer in once.named_buffers():
        assert torch.equal(buffer, dict(twice.named_buffers())[name]), name


cells = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 12), st.just(2)), elements=cells),
    arrays(np.float64, st.tuples(st.integers(1, 6), st.just(2)), elements=cells),
    st.sampled_from(["robust", "standard", "minmax", "quantile"]),
    st.sampled_from(["none", "piecewise", "periodic"]),
)
@settings(deadline=None, derandomize=True, max_examples=50)
def test_any_numbers_give_finite_features(train, new, scaling, embedding):
    encoder = fitted(train, scaling=scaling, embedding=embedding)
    assert np.isfinite(features(encoder, new)).all()
    assert np.isfinite(features(encoder, train)).all()
