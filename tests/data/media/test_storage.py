"""Tensors that are too large for memory lie in a file, and behave as all do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
import torch

from netwright.data.media import storage
from netwright.data.media.storage import allocate, free_memory
from netwright.errors import InputError

MAPS = Path("/proc/self/maps")


def files_in_memory() -> int:
    """Files that are paged in and have no name."""
    return MAPS.read_text().count("(deleted)") if MAPS.exists() else 0


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.float32, torch.int32])
def test_in_a_file(monkeypatch, dtype) -> None:
    monkeypatch.setattr(storage, "free_memory", lambda: 0)
    before = files_in_memory()
    tensor = allocate((1000, 3, 2), dtype)
    if MAPS.exists():
        assert files_in_memory() == before + 1
    assert tensor.dtype == dtype
    assert not tensor.any()
    values = torch.arange(6000).remainder(100).view(1000, 3, 2).to(dtype)
    tensor.numpy()[...] = values.numpy()
    rows = torch.tensor([999, 0, 5])
    assert tensor.index_select(0, rows).equal(values[rows])
    del tensor
    assert files_in_memory() == before


def test_in_memory_where_there_is_room(monkeypatch) -> None:
    monkeypatch.setattr(storage, "free_memory", lambda: 4 * 6000)
    before = files_in_memory()
    kept = allocate((6000,), torch.uint8)
    assert not kept.any()
    assert files_in_memory() == before
    if MAPS.exists():
        larger = allocate((6001,), torch.uint8)
        assert files_in_memory() == before + 1
        del larger


def test_a_full_disk(monkeypatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage, "free_memory", lambda: 0)
    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(InputError, match=r"2\.0 GiB.*No space left.*TMPDIR"):
        allocate((2, 2**30), torch.uint8)


def test_free_memory_is_told() -> None:
    assert 2**20 < free_memory() < 2**50


def test_a_container_has_less(monkeypatch, tmp_path) -> None:
    (tmp_path / "max").write_text("5000\n")
    (tmp_path / "current").write_text("2000\n")
    assert storage._number(tmp_path / "max", less=tmp_path / "current") == 3000
    (tmp_path / "max").write_text("max\n")
    assert storage._number(tmp_path / "max", less=tmp_path / "current") is None
