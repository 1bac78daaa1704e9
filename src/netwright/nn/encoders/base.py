"""What all encoders share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from netwright.config import Kind
from netwright.data.schema import Column
from netwright.nn.member import Layer, Mode

OWN_TENSOR: tuple[Kind, ...] = ("text", "image", "sound", "series")
"""Kinds whose columns have a raw tensor, and an encoder, of their own."""


class Encoder(Layer):
    """Turns the raw values of some columns, or of one, into features.

    Arguments:
        columns: all columns of the raw tensor.
        places: which of them this encoder takes.
        config: the settings of its kind.
        members: M.
    """

    raw: ClassVar[str]  # its kind of raw tensor, which is also the section of the config with its settings
    mixes = False  # whether it blends rows (mixup) itself, before its features are there
    products = 0  # multiplications of its largest layer for one row
    floats = 0  # numbers of its largest activation for one row

    def __init__(self, columns: list[Column], places: list[int], config: Any, members: int) -> None:
        super().__init__()
        self.names = [columns[place].name for place in places]
        self.tensor = f"{self.raw}:{self.names[0]}" if self.raw in OWN_TENSOR else self.raw
        self.members = members
        self.config = config
        self.columns: list[int] = []  # features given for each column, in order
        self.register_buffer("places", torch.tensor(places), persistent=False)
        self.register_buffer("one", torch.ones(()), persistent=False)  # has the network's precision

    places: Tensor
    one: Tensor

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the features."""
        return self.one.dtype

    def buffer(self, name: str, *shape: int, dtype: torch.dtype = torch.float32, fill: float = 0.0) -> None:
        """A fitted buffer of shape [M, *shape]."""
        self.register_buffer(name, torch.full((self.members, *shape), fill, dtype=dtype))

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        """Fits the buffers of one member on its training rows.

        Arguments:
            member: which.
            raw: its training rows. [rows, ...]
            weight: how often each of them counts; None where each counts once. [rows] float64
        """
        raise NotImplementedError

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        """[M, B, columns], or [M, B, *shape] of one column, to [M, B, D]."""
        raise NotImplementedError

    def constants(self) -> dict[str, Tensor]:
        """What it holds beside parameters and fitted buffers, the same for all members."""
        return {}

    def take_constants(self, values: dict[str, Tensor]) -> None:
        """Takes what `constants` gave."""

    @property
    def settled(self) -> bool:
        """Whether its features alone can be told by a layer without hidden ones: it is a network itself."""
        return self.products > 0

    def describe(self) -> str:
        """What it gives, in a line."""
        shown = ", ".join(self.names[:4]) + (", ..." if len(self.names) > 4 else "")
        return f"{len(self.names)} {self.raw} ({shown}) to {sum(self.columns)} features"


Maker = Callable[[list[Column], list[int], Any, int], Encoder]
"""What makes an encoder: its class, or a function with the same arguments that chooses one."""
