"""From a table to raw tensors: stateless codes of each cell, nothing fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.data import text
from netwright.data.cells import as_datetime, as_number, as_text
from netwright.data.media import Arrays, Media
from netwright.data.media.readers import reader
from netwright.data.schema import Column, Schema


@dataclass
class Dataset:
    """Raw tensors of all rows, their targets and weights.

    Arguments:
        raw: number [N, F] float64 with NaN for missing; category [N, C] int32 codes (0 unseen, 1 missing,
            then the dictionary's values); date [N, D] float64 seconds since 1970. Columns of other kinds have
            a tensor of their own, "kind:name": text [N, T] int32 hashed n-grams (0: none); image [N, H, W, C]
            uint8 (all 0: missing); sound [N, L] int16 (-32768: after the end); series [N, T, C] float32 (NaN:
            missing, or after the end).
        target: class codes [N] int64 (-1: unknown), labels [N, L] float32, or values [N, T] float64.
        weight: [N] float32
    """

    raw: dict[str, Tensor]
    target: Tensor
    weight: Tensor

    def __len__(self) -> int:
        return len(self.target)

    def to(self, device: torch.device) -> Dataset:
        """The same on a device. Apple's GPUs have no float64; numbers lose digits there."""
        narrow = device.type == "mps"

        def move(tensor: Tensor) -> Tensor:
            return tensor.to(device, torch.float32 if narrow and tensor.is_floating_point() else tensor.dtype)

        raw = {name: move(tensor) for name, tensor in self.raw.items()}
        return Dataset(raw, move(self.target), move(self.weight))


def encode(
    frame: pl.DataFrame, schema: Schema, media: Mapping[str, Media] | None = None
) -> dict[str, Tensor]:
    """Raw tensors of a frame's input columns.

    Arguments:
        frame: has all input columns of the schema.
        schema: decides kinds and dictionaries.
        media: what the cells of pictures, sounds and series stand for.

    Returns:
        Raw tensors by name; see `Dataset`. A name is missing when there are no such columns.
    """
    raw: dict[str, Tensor] = {}
    height = frame.height
    if columns := schema.of_kind("number"):
        numbers = np.empty((height, len(columns)))
        for place, column in enumerate(columns):
            numbers[:, place] = numbers_of(frame[column.name], column)
        raw["number"] = torch.from_numpy(numbers)
    if columns := schema.of_kind("category", "boolean"):
        codes = np.empty((height, len(columns)), dtype=np.int32)
        for place, column in enumerate(columns):
            codes[:, place] = category_codes(frame[column.name], column)
        raw["category"] = torch.from_numpy(codes)
    if columns := schema.of_kind("date"):
        dates = np.empty((height, len(columns)))
        for place, column in enumerate(columns):
            dates[:, place] = as_datetime(frame[column.name], column.date_format).fill_null(np.nan).to_numpy()
        raw["date"] = torch.from_numpy(dates)
    for column in schema.of_kind("text"):
        raw[own_tensor(column)] = torch.from_numpy(text.codes(texts_of(frame[column.name], column), column))
    for column in schema.of_kind("image", "sound", "series"):
        contents = (media or {}).get(column.name, Arrays(column.kind, {}))  # type: ignore[arg-type]
        raw[own_tensor(column)] = reader(column.kind).encode(column, contents, frame[column.name].to_list())
    return raw


def own_tensor(column: Column) -> str:
    """The name of the raw tensor of a column that has one of its own."""
    return f"{column.kind}:{column.name}"


def numbers_of(series: pl.Series, column: Column) -> np.ndarray:
    """Values of a number column, NaN for missing. [N] float64"""
    return as_number(series, column.decimal_comma).fill_null(np.nan).to_numpy()


def texts_of(series: pl.Series, column: Column) -> pl.Series:
    """Texts of a category, boolean or text column, with its spellings applied."""
    texts = as_text(series)
    return texts.replace(column.spellings) if column.spellings else texts


def category_codes(series: pl.Series, column: Column) -> np.ndarray:
    """0 for values outside the dictionary, 1 for missing, 2 and on for the dictionary's. [N] int32"""
    texts = texts_of(series, column)
    codes = pl.Series(np.arange(2, 2 + len(column.categories), dtype=np.int32))
    found = texts.replace_strict(
        pl.Series(column.categories, dtype=pl.String), codes, default=0, return_dtype=pl.Int32
    )
    return (
        pl.select(pl.when(texts.is_null()).then(pl.lit(1, pl.Int32)).otherwise(found)).to_series().to_numpy()
    )
