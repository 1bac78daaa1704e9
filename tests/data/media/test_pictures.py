"""The tensor of a column of pictures: size, colour, missing ones, and the means of areas."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from netwright.config import ImageConfig
from netwright.data.media import Arrays, Files
from netwright.data.media.pictures import describe, encode, flat, problems
from netwright.data.schema import Column
from netwright.errors import InputError

RANDOM = np.random.default_rng(0)


def file(array: np.ndarray, format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, format, **options)
    return buffer.getvalue()


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return RANDOM.integers(0, 256, (height, width, channels), dtype=np.uint8)


def shape_of(contents: list[np.ndarray | bytes], **settings: object) -> list[int]:
    arrays = {str(number): content for number, content in enumerate(contents)}
    column = Column(name="photo", kind="image")
    describe(column, Arrays("image", arrays), list(arrays), ImageConfig.model_validate(settings))
    return column.shape


class TestDescribe:
    def test_one_size_stays(self) -> None:
        assert shape_of([noise(28, 30)] * 4) == [28, 30, 3]
        assert shape_of([noise(256, 256)] * 4) == [256, 256, 3]
        assert shape_of([noise(28, 30)] * 19 + [noise(99, 5)]) == [28, 30, 3]

    def test_larger_ones_are_made_smaller(self) -> None:
        assert shape_of([noise(512, 512)]) == [128, 128, 3]
        height, width, _ = shape_of([noise(300, 1200)])
        assert width == 4 * height
        assert height * width == pytest.approx(128**2, rel=0.1)

    def test_many_sizes(self) -> None:
        mixed = [noise(300, 400), noise(400, 300), noise(320, 240), noise(240, 320)]
        assert shape_of(mixed) == [128, 128, 3]
        assert shape_of([noise(20 + each, 30 - each) for each in range(9)]) == [24, 24, 3]
        wide = shape_of([noise(200 + each, 400 + 2 * each) for each in range(9)])
        assert wide == [88, 184, 3]  # 128² cut 1 to 2

    def test_many_pictures_are_made_smaller(self) -> None:
        two = [noise(300, 400), noise(400, 300)]
        assert shape_of(two * 2501) == [96, 96, 3]

    def test_grey(self) -> None:
        grey = noise(30, 40, 1)
        in_colour = grey.repeat(3, axis=2)
        assert shape_of([grey, in_colour, file(in_colour), file(in_colour, "JPEG")]) == [30, 40, 1]
        one_mark = in_colour.copy()
        one_mark[5:10, 5:10] = (255, 0, 0)
        assert shape_of([file(in_colour)] * 70 + [file(one_mark)]) == [30, 40, 3]

    def test_settings(self) -> None:
        pictures = [noise(40, 80)]
        assert shape_of(pictures, height=10, width=10, channels=1) == [10, 10, 1]
        assert shape_of(pictures, height=20) == [20, 40, 3]
        assert shape_of(pictures, width=20) == [10, 20, 3]
        assert shape_of([noise(8, 8, 1)], channels=3) == [8, 8, 3]

    def test_unreadable_ones_do_not_count(self) -> None:
        assert shape_of([b"", noise(8, 8, 1), b"%PDF"]) == [8, 8, 1]
        with pytest.raises(InputError, match="no picture of column 'photo' can be read"):
            shape_of([b""])


class TestEncode:
    column = Column(name="photo", kind="image", shape=[8, 8, 3])

    def test_rows_in_order(self, tmp_path) -> None:
        pictures = {f"{number}.png": noise(8, 8) for number in range(100)}
        for name, picture in pictures.items():
            (tmp_path / name).write_bytes(file(picture))
        texts = [f"{number}.png" for number in RANDOM.integers(0, 100, 250)]
        raw = encode(self.column, Files("image", tmp_path), texts)
        assert raw.dtype == torch.uint8
        assert (raw.numpy() == np.stack([pictures[text] for text in texts])).all()

    def test_missing_and_unreadable_are_zero(self) -> None:
        media = Arrays("image", {"a": noise(8, 8), "cut": file(noise(8, 8))[:70]})
        raw = encode(self.column, media, ["a", None, "cut", "none", "a"])
        assert raw.any(dim=(1, 2, 3)).tolist() == [True, False, False, False, True]
        assert raw[4].equal(raw[0])
        assert list(problems(media, ["a", "cut", "none"])) == ["cut", "none"]

    def test_each_is_decoded_once(self) -> None:
        class Counting(Arrays):
            asked: list[str] = []

            def content(self, text: str) -> np.ndarray | bytes:
                self.asked.append(text)
                return super().content(text)

        media = Counting("image", {"a": noise(9, 9), "b": noise(9, 9)})
        encode(self.column, media, ["a", "b", "a", "b", "a"])
        assert sorted(media.asked) == ["a", "b"]

    def test_no_rows(self) -> None:
        raw = encode(self.column, Arrays("image", {}), [])
        assert raw.shape == (0, 8, 8, 3)
        assert flat(self.column, raw).shape == (0, 192)


class TestFlat:
    @pytest.mark.parametrize(
        ("shape", "parts"),
        [((32, 48, 1), (16, 16)), ((28, 20, 1), (16, 16)), ((28, 30, 3), (13, 13)), ((8, 40, 3), (8, 16))],
    )
    def test_means_of_areas(self, shape: tuple[int, int, int], parts: tuple[int, int]) -> None:
        raw = RANDOM.integers(0, 256, (3, *shape), dtype=np.uint8)
        height, width, channels = shape
        high, wide = parts
        # each pixel cut into so many that the borders of the parts fall between them
        fine = raw.repeat(high, axis=1).repeat(wide, axis=2) / 255
        expected = fine.reshape(3, high, height, wide, width, channels).mean((2, 4))
        column = Column(name="photo", kind="image", shape=list(shape))
        found = flat(column, torch.from_numpy(raw))
        assert found.dtype == np.float32
        assert found.shape[1] <= 512
        assert found.reshape(expected.shape) == pytest.approx(expected, abs=1e-5)

    def test_small_pictures_stay(self) -> None:
        raw = torch.from_numpy(noise(8, 8, 1)[None])
        found = flat(Column(name="photo", kind="image", shape=[8, 8, 1]), raw)
        assert found == pytest.approx(raw.reshape(1, -1).numpy() / 255)
