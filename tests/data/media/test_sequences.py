"""Series as raw tensors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.config import SeriesConfig
from netwright.data.media import Arrays, sequences
from netwright.data.schema import Column
from netwright.errors import InputError

NAN = np.nan


def column_of(media: Arrays, texts: list[str], **settings) -> Column:
    column = Column(name="series", kind="series")
    sequences.describe(column, media, texts, SeriesConfig(**settings))
    return column


def media_of(*arrays, channels=()) -> Arrays:
    return Arrays("series", {str(place): np.asarray(each) for place, each in enumerate(arrays)}, channels)


def test_the_longest_fitting_row_is_the_length():
    media = media_of([[1.0, 2.0]] * 3, [[1.0, 2.0]] * 5, [[1.0, 2.0]] * 9)
    column = column_of(media, ["0", "1"])
    assert (column.shape, column.channels, column.rate) == ([5, 2], ["channel 1", "channel 2"], 1)
    raw = sequences.encode(column, media, ["2", "0", None])
    assert raw.shape == (3, 5, 2)
    assert not raw[0].isnan().any()
    assert raw[1].isnan().all(1).tolist() == [False] * 3 + [True] * 2
    assert raw[2].isnan().all()


def test_too_long_series_are_thinned_by_means():
    media = media_of(np.arange(10.0), [0.0, NAN, 4.0, 6.0, NAN, NAN, 7.0])
    column = column_of(media, ["0"], length=5)
    assert (column.shape, column.rate) == ([5, 1], 2)
    raw = sequences.encode(column, media, ["0", "1"])[..., 0]
    assert raw[0].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5]
    np.testing.assert_array_equal(raw[1].numpy(), [0.0, 5.0, NAN, 7.0, NAN])


def test_one_axis_is_one_channel_and_infinity_is_missing():
    media = media_of([1.0, np.inf, 3.0, NAN])
    column = column_of(media, ["0"])
    assert (column.shape, column.channels) == ([3, 1], ["value"])
    np.testing.assert_array_equal(sequences.encode(column, media, ["0"])[0, :, 0], [1.0, NAN, 3.0])


def test_channels_are_found_by_their_names():
    column = column_of(media_of([[1.0, 2.0]], channels=["x", "y"]), ["0"])
    other = media_of([[20.0, 10.0]], channels=["y", "x"])
    assert sequences.encode(column, other, ["0"]).tolist() == [[[10.0, 20.0]]]


def test_other_channels_are_refused():
    column = column_of(media_of([[1.0, 2.0]]), ["0"])
    with pytest.raises(InputError, match="3 channels, and 2 were learnt from"):
        sequences.encode(column, media_of([[1.0, 2.0, 3.0]]), ["0"])


def test_problems_say_why():
    media = media_of([1.0], ["a"], [NAN, NAN], [], np.zeros((2, 2, 2)), [[1.0, 2.0]], channels=["x"])
    found = sequences.problems(media, [*media.arrays, "none"])
    assert list(found) == ["1", "2", "3", "4", "5", "none"]
    assert found["2"] == "it has no values"
    assert "2 channels where 1" in found["5"]


def test_filled_is_numpys_interpolation():
    random = np.random.default_rng(0)
    values = random.normal(size=(20, 12, 3)).astype(np.float32)
    values[random.random(values.shape) < 0.5] = NAN
    found = sequences.filled(torch.from_numpy(values)).numpy()
    steps = np.arange(12)
    for row in range(20):
        for channel in range(3):
            given = values[row, :, channel]
            there = ~np.isnan(given)
            wanted = np.interp(steps, steps[there], given[there]) if there.any() else np.full(12, NAN)
            np.testing.assert_allclose(found[row, :, channel], wanted, rtol=1e-5, atol=1e-6)


def test_lengths():
    raw = torch.tensor([[[1.0, NAN], [NAN, NAN], [NAN, 2.0], [NAN, NAN]], [[NAN, NAN]] * 4])
    assert sequences.lengths(raw).tolist() == [3, 0]


@pytest.mark.parametrize("shape", [(150, 1), (29, 12), (5, 300), (2000, 2), (1, 1)])
def test_flat_is_finite_and_short_enough(shape):
    values = np.random.default_rng(1).normal(size=(3, *shape)).astype(np.float32)
    values[1, shape[0] // 2 :] = NAN
    values[2] = NAN
    media = media_of(values[0])
    found = sequences.flat(column_of(media, ["0"]), torch.from_numpy(values))
    assert found.dtype == np.float32
    assert found.shape[0] == 3
    assert found.shape[1] <= 512
    assert np.isfinite(found).all()


def test_flat_of_full_series_holds_their_values():
    values = torch.randn(2, 6, 2, generator=torch.Generator().manual_seed(0))
    found = sequences.flat(column_of(media_of(values[0].numpy()), ["0"]), values)
    np.testing.assert_allclose(found[:, :12], values.flatten(1).numpy(), rtol=1e-5)
    np.testing.assert_allclose(found[:, -1], 6.0)
    np.testing.assert_allclose(found[:, 12:14], values.mean(1).numpy(), rtol=1e-4, atol=1e-6)
