"""Which device computes, with which precision and how many threads."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

from netwright.errors import InputError

SMALL_STEP = 16_000_000
LARGEST_CHUNK = 32 * 1024 * 1024  # bytes; glibc takes no more
KEPT_BYTES = 1024 * 1024 * 1024
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of malloc.h


def find_device(wanted: str) -> torch.device:
    """The device of that name; "auto" takes CUDA, then Apple's GPU, then the processor.

    Raises:
        InputError: the device asked for is not there.
    """
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        wanted = "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    if not there[wanted]:
        known = " and ".join(name for name, found in there.items() if found)
        raise InputError(
            f"no {wanted} device is available here", where="training.device", hint=f"there is {known}"
        )
    return torch.device(wanted)


def find_precision(wanted: str, device: torch.device) -> str:
    """bfloat16 where the hardware multiplies it faster than float32, else float32."""
    if wanted != "auto":
        return wanted
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return "bfloat16"
    if device.type == "cpu" and torch.cpu._is_amx_tile_supported():
        return "bfloat16"
    return "float32"


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether the hardware has instructions for products of bfloat16, which are then faster."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and (
        torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    )


def use_threads(count: int | None) -> int:
    """Sets the number of processor threads, or leaves PyTorch's own choice; returns what is used."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Mixed precision where it is asked for."""
    if precision != "bfloat16":
        return _PLAIN
    return torch.autocast(device.type, dtype=torch.bfloat16)


_PLAIN = nullcontext()


@contextmanager
def kept_memory() -> Iterator[None]:
    """Memory that a step gives back stays with the process for the next one, where the C library can be told.

    Asking the system for it anew, page by page, can take longer than what is computed in it.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None:
        yield
        return
    mallopt(_MMAP_THRESHOLD, LARGEST_CHUNK)
    mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
    try:
        yield
    finally:
        mallopt(_TRIM_THRESHOLD, 2 * LARGEST_CHUNK)  # where the C library's own rule ends up, too


@contextmanager
def fitting_threads(work: int, device: torch.device) -> Iterator[None]:
    """One processor thread while little is computed in a step, since more would only wait for each other.

    Arguments:
        work: products of a step: rows times parameters.
        device: where it is computed.
    """
    if device.type != "cpu" or work >= SMALL_STEP:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _libraries().limit(limits=1, user_api="blas"):  # NumPy's
            yield
    finally:
        torch.set_num_threads(before)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()  # it searches the whole process, which takes a millisecond


def out_of_memory(error: Exception) -> bool:
    """Whether there was no memory left, which PyTorch tells in different ways on different devices."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "allocate memory" in str(error)
