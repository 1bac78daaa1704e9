"""idx files, and folders of pictures in them."""

from __future__ import annotations

import gzip
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from netwright.data.read.idx import is_idx_folder, read_idx, read_idx_folder
from netwright.errors import InputError

CODES = {"uint8": 8, "int8": 9, "int16": 11, "int32": 12, "float32": 13, "float64": 14}


def idx(array: np.ndarray) -> bytes:
    """As http://yann.lecun.com/exdb/mnist describes the format."""
    head = struct.pack(">HBB", 0, CODES[array.dtype.name], array.ndim) + struct.pack(
        f">{array.ndim}I", *array.shape
    )
    return head + array.astype(array.dtype.newbyteorder(">")).tobytes()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.sampled_from(sorted(CODES)).flatmap(
        lambda name: arrays(name, array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    )
)
def test_arrays_come_back(array: np.ndarray) -> None:
    found = read_idx(idx(array), "file")
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for content in (data, b"\0\0\x08" + data):
        with suppress(InputError):
            assert read_idx(content, "file").size <= len(content)


@pytest.mark.parametrize("head", [b"\0\0\x08\xff" + bytes(1020), b"\0\0\x08\3" + bytes(4) + b"\xff" * 8])
def test_heads_that_claim_any_shape_are_refused(head: bytes) -> None:
    with pytest.raises(InputError, match="damaged: it claims"):
        read_idx(head, "file")


IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)
LABELS = np.array([7, 0, 9, 7, 1], np.uint8)
PACKED = gzip.compress(idx(IMAGES), mtime=0)  # without the time of day, which would name tests anew


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx(IMAGES[:2]))
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx(LABELS[:2]))
    (tmp_path / "LICENSE").write_text("free")
    return tmp_path


class TestFolder:
    def test_the_four_files(self, folder: Path) -> None:
        assert is_idx_folder(folder)
        table = read_idx_folder(folder)
        assert table.columns == ["image", "label", "split"]
        assert table.frame["label"].to_list() == [7, 0, 9, 7, 1, 7, 0]
        assert table.frame["split"].to_list() == ["train"] * 5 + ["test"] * 2
        assert (table.target, table.split_column, table.name) == ("label", "split", folder.name)
        found = [table.media["image"].content(text) for text in table.frame["image"]]
        assert (np.stack(found)[..., 0] == np.concatenate([IMAGES, IMAGES[:2]])).all()
        # the same picture is known as such, whatever part it is in
        assert table.comparable["image"][0] == table.comparable["image"][5]

    def test_one_part(self, folder: Path) -> None:
        for file in folder.glob("t10k*"):
            file.unlink()
        table = read_idx_folder(folder)
        assert (table.columns, table.split_column) == (["image", "label"], None)

    def test_not_for_others(self, tmp_path: Path) -> None:
        assert not is_idx_folder(tmp_path)
        (tmp_path / "train.csv").write_text("a,b\n")
        assert not is_idx_folder(tmp_path)
        assert not is_idx_folder(tmp_path / "train.csv")

    def test_colours(self, tmp_path: Path) -> None:
        pictures = np.stack([IMAGES] * 3, axis=3)
        (tmp_path / "images-idx4-ubyte").write_bytes(idx(pictures))
        (tmp_path / "labels-idx1-ubyte").write_bytes(idx(LABELS))
        table = read_idx_folder(tmp_path)
        assert (table.media["image"].content(table.frame["image"][3]) == pictures[3]).all()

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("train-labels-idx1-ubyte.gz", None, "no labels of 'train'"),
            ("train-images-idx3-ubyte.gz", None, "no images of 'train'"),
            ("train-labels-idx1-ubyte.gz", idx(LABELS[:4]), "5 pictures, but 4 labels"),
            ("train-images-idx3-ubyte.gz", idx(IMAGES)[:-1], "damaged: 75 bytes .* 5 x 4 x 3 values"),
            ("train-images-idx3-ubyte.gz", PACKED[:-9], "gzip file is cut short"),
            ("train-images-idx3-ubyte.gz", b"a,b\n1,2\n", "no idx file"),
            ("train-images-idx3-ubyte.gz", idx(LABELS), r"uint8 \[5\], no pictures"),
            ("train-labels-idx1-ubyte.gz", idx(IMAGES), r"uint8 \[5, 4, 3\], no labels"),
            ("other-train-images-idx3-ubyte", idx(IMAGES), "several sets"),
            ("test-images-idx3-ubyte", idx(IMAGES), "several sets of pictures: 't10k', 'test', 'train'"),
            ("extra-images-idx3-ubyte", idx(IMAGES), "what part of the set is 'extra'"),
        ],
    )  # fmt: skip
    def test_what_is_wrong(self, folder: Path, name: str, content: bytes | None, message: str) -> None:
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            read_idx_folder(folder)
