"""Small pictures for the report."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from netwright.pipeline.thumbnails import png, scaled_spectrogram, sheet, spectrogram, thumbnail


@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 20, 3), (56, 56, 3), (100, 100, 1)])
def test_small_pictures_grow_by_whole_pixels(shape) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = np.asarray(thumbnail(pixels))
    factor = 112 // max(shape)
    assert np.array_equal(found.reshape(*found.shape[:2], -1), pixels.repeat(factor, 0).repeat(factor, 1))


def test_large_pictures_shrink_and_keep_their_form_and_mean() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (448, 224, 3), dtype=np.uint8)
    found = np.asarray(thumbnail(pixels))
    assert found.shape == (112, 56, 3)
    assert found.mean() == pytest.approx(pixels.mean(), abs=1.0)


def test_spectrograms_run_to_the_right_and_upwards() -> None:
    values = np.full((20, 8), -10.0)
    values[15:, 6] = 0.0  # late and high
    drawn = np.asarray(spectrogram(values, 40)).astype(int).sum(2)
    assert drawn.shape == (96, 104)  # half of the longest
    high, wide = np.unravel_index(drawn.argmax(), drawn.shape)
    assert high < 24
    assert wide >= 78


def test_what_is_six_decades_below_the_loudest_is_black() -> None:
    values = np.log([[1.0, 1e-7], [1e-3, 1.0]])
    drawn = np.asarray(spectrogram(values, 2))
    assert drawn[-1, 0].tolist() == [252, 255, 164]
    assert drawn[0, 0].tolist() == [0, 0, 4]
    assert drawn[0, 0].sum() < drawn[-1, -1].sum() < drawn[-1, 0].sum()


def test_scaled_ones_have_one_scale() -> None:
    loud, quiet = (np.asarray(scaled_spectrogram(np.full((4, 4), value), 4)) for value in (1.0, -1.0))
    assert loud.sum() > quiet.sum()


def test_a_sheet_sets_the_first_picture_of_each_row_apart() -> None:
    white = Image.new("L", (10, 6), 255)
    drawn = np.asarray(sheet([[white] * 3, [white] * 2]))[..., 3] > 0
    assert drawn.sum() == 5 * 60
    ends, starts = (np.flatnonzero(np.diff(drawn[0].astype(int)) == each) for each in (-1, 1))
    first, second = starts - ends  # the gaps, as the sheet ends with a picture
    assert first > second > 0


def test_files_hold_the_same_pixels() -> None:
    picture = thumbnail(np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png(picture)))), np.asarray(picture))
