"""Where big raw tensors lie: in memory, or in a file that the system pages in and out."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from netwright.errors import InputError

GIB = 2**30
SHARE = 0.25  # of the free memory; training needs the rest


def allocate(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """A tensor of zeros: in memory, or over a file where it would take more than a quarter of what is free.

    The file has no name, lies in the folder for temporary files, and is gone with the tensor. What is in use
    stays in memory while there is room, so that sets larger than memory work, only slower.

    Arguments:
        shape: of the tensor.
        dtype: of its values.

    Raises:
        InputError: the disk has no room for it either.

    Example:
        >>> allocate((2, 3), torch.uint8).tolist()
        [[0, 0, 0], [0, 0, 0]]
    """
    size = math.prod(shape) * dtype.itemsize
    if size <= SHARE * free_memory():
        return torch.zeros(shape, dtype=dtype)
    with tempfile.TemporaryFile(prefix="netwright-") as file:
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)  # a full disk says so now, not by a crash later
            else:
                file.truncate(size)
            place = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise InputError(
                f"the decoded data take {size / GIB:.1f} GiB, more than memory and disk can give "
                f"({error.strerror})",
                where=tempfile.gettempdir(),
                hint="choose a larger disk with the variable TMPDIR, or smaller pictures "
                "(inputs.image.height and width)",
            ) from None
    return torch.frombuffer(place, dtype=dtype).view(shape)


def free_memory() -> int:
    """Bytes of memory that this process may still take, as far as the system tells; else 4 GiB."""
    free = [_number(Path("/sys/fs/cgroup/memory.max"), less=Path("/sys/fs/cgroup/memory.current"))]
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")]
    except OSError:
        free.append(4 * GIB)
    return min(each for each in free if each is not None)


def _number(path: Path, *, less: Path) -> int | None:
    """What a container may take and has not taken. None where it has no limit."""
    try:
        return max(int(path.read_text(encoding="ascii")) - int(less.read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        return None
