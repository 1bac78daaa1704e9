"""Which device computes, with which precision and how many threads."""

from __future__ import annotations

import torch

from netwright.errors import InputError


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


def use_threads(count: int | None) -> int:
    """Sets the number of processor threads, or leaves PyTorch's own choice; returns what is used."""
    if count is not None:
        torch.set_num_threads(count)
    return torch.get_num_threads()


def autocast(device: torch.device, precision: str) -> torch.autocast:
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
