"""Pictures and series in memory: arrays, columns of arrays, files' bytes; and the sample of pictures."""

from __future__ import annotations

import io

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from netwright.data.read.arrays import contents_of, take_arrays, take_pictures
from netwright.data.read.frames import read_frame
from netwright.data.read.samples import read_digits_images
from netwright.errors import InputError

RANDOM = np.random.default_rng(0)
BYTES = RANDOM.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)


def png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


class TestPictures:
    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_whole_numbers(self, channels: int) -> None:
        array = RANDOM.integers(0, 256, (3, 5, 4, channels))
        found = contents_of(array)
        assert found.kind == "image"
        assert found.content("2").dtype == np.uint8
        assert (found.content("2") == array[2]).all()

    def test_grey(self) -> None:
        assert (contents_of(BYTES[..., 0]).content("1") == BYTES[1, :, :, :1]).all()
        assert contents_of(BYTES[..., 0] > 127).content("1").max() == 255

    def test_scaled(self) -> None:
        fractions = BYTES / 255
        assert (contents_of(fractions).content("0") == BYTES[0]).all()
        assert (contents_of(fractions.astype(np.float32)).content("0") == BYTES[0]).all()
        wide = np.array([[[0, 65535, 32768]]], np.uint16)
        assert contents_of(wide).content("0").ravel().tolist() == [0, 255, 128]

    def test_floats_of_three_dimensions_are_series(self) -> None:
        series = RANDOM.normal(size=(3, 50, 2))
        found = contents_of(series)
        assert found.kind == "series"
        assert found.content("1") == pytest.approx(series[1])
        assert contents_of(series.clip(0, 1), kind="image").content("1").shape == (50, 2, 1)
        assert contents_of(BYTES[..., 0], kind="series").content("1").shape == (5, 4)

    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (np.zeros((2, 5, 4, 2)), "pictures of 2 channels"),
            (np.zeros((2, 3, 5, 6)), r"seem to stand first: array\.transpose\(0, 2, 3, 1\)"),
            (np.full((2, 5, 4, 3), 1.5), "values from 1.5 to 1.5.*fractions from 0 to 1"),
            (np.full((2, 5, 4, 3), np.nan), "values from nan to nan"),
            (np.full((2, 5, 4), 256), "values from 256 to 256.*series are floats"),
            (np.full((2, 5, 4), -1), "values from -1 to -1"),
            (np.zeros((2, 0, 4), np.uint8), "nothing in its rows"),
            (np.zeros((2, 3, 4, 5, 6)), "neither pictures nor series"),
            (np.full((2, 3, 4), "x"), "neither pictures nor series"),
        ],
    )
    def test_what_is_wrong(self, array: np.ndarray, message: str) -> None:
        with pytest.raises(InputError, match=message):
            contents_of(array)


class TestSources:
    def test_an_array(self) -> None:
        source, media = take_arrays(BYTES)
        assert read_frame(source).rows() == [("0",), ("1",), ("2",)]
        assert (media["image"].content("2") == BYTES[2]).all()
        source, media = take_arrays(np.zeros((2, 9, 1)))
        assert (source.columns, list(media)) == (["series"], ["series"])

    def test_columns(self) -> None:
        source, media = take_arrays({"age": [1, 2, 3], "photo": BYTES, "curve": np.ones((3, 7, 2))})
        frame = read_frame(source)
        assert frame.columns == ["age", "photo", "curve"]
        assert {name: each.kind for name, each in media.items()} == {"photo": "image", "curve": "series"}
        assert (media["photo"].content(frame["photo"][1]) == BYTES[1]).all()

    def test_others_are_left_alone(self) -> None:
        for source in (np.zeros((3, 2)), pl.DataFrame({"a": [1]}), {"a": [1]}):
            found, media = take_arrays(source)
            assert media == {}
            assert read_frame(found).equals(read_frame(source))
        assert take_arrays(5) == (5, {})


class TestBytes:
    def test_files_in_cells(self) -> None:
        first, second = png(BYTES[0]), png(BYTES[1])
        frame = pl.DataFrame({"y": [1, 2, 3], "photo": [first, None, second]})
        found, media = take_pictures(frame)
        assert found.columns == ["y", "photo"]
        assert found["photo"].is_null().to_list() == [False, True, False]
        assert [media["photo"].content(key) for key in found["photo"].drop_nulls()] == [first, second]

    def test_files_in_structures(self) -> None:
        cells = [{"bytes": png(picture), "path": "x.png"} for picture in BYTES]
        found, media = take_pictures(pl.DataFrame({"image": cells}))
        assert media["image"].content(found["image"][2]) == cells[2]["bytes"]

    def test_other_bytes_stay(self) -> None:
        frame = pl.DataFrame({"a": [b"xyz", None], "b": pl.Series([None, None], dtype=pl.Binary)})
        found, media = take_pictures(frame)
        assert media == {}
        assert found.equals(frame)

    def test_bytes_of_dictionaries_and_pandas(self) -> None:
        cells = [png(BYTES[0]), None]
        assert read_frame({"photo": cells})["photo"].to_list() == cells
        pandas = pytest.importorskip("pandas")
        assert read_frame(pandas.DataFrame({"photo": cells}))["photo"].to_list() == cells


def test_the_sample_of_pictures() -> None:
    table = read_digits_images()
    digits = load_digits()
    found = np.stack([table.media["image"].content(text) for text in table.frame["image"]])
    assert found.shape == (1797, 8, 8, 1)
    assert found.max() == 255
    assert found[..., 0] / 255 == pytest.approx(digits.images / 16, abs=0.5 / 255 + 1e-6)
    assert table.frame["label"].to_list() == digits.target.tolist()
    assert (table.target, table.split_column, table.name) == ("label", None, "digits_images")
