"""The module for each kind of contents. All have the same four functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from netwright.data.media.base import Media
from netwright.data.schema import Column


class Reader(Protocol):
    """What such a module does. Nothing of it looks at more than one cell, but for `describe`."""

    def describe(self, column: Column, media: Media, texts: list[str], settings: Any) -> None:
        """Fills in the column's shape from the different cells of the fitting rows."""
        ...

    def encode(self, column: Column, media: Media, texts: Sequence[str | None]) -> Tensor:
        """The raw tensor of some rows; missing and unreadable ones get the missing value. [N, *shape]"""
        ...

    def problems(self, media: Media, texts: list[str]) -> dict[str, str]:
        """Which cells cannot be read, and why."""
        ...

    def flat(self, column: Column, raw: Tensor) -> np.ndarray:
        """Plain numbers of some rows, for a linear model. [n, F] float32"""
        ...


def reader(kind: str) -> Reader:
    """The module that reads image, sound or series."""
    from netwright.data.media import pictures, sequences, sounds

    return {"image": pictures, "sound": sounds, "series": sequences}[kind]  # type: ignore[return-value]
