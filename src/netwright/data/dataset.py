"""From a table to raw tensors: stateless codes of each cell, nothing fitted."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.data.cells import as_datetime, as_number, as_text
from netwright.data.schema import Column, Schema

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass
class Dataset:
    """Raw tensors of all rows, their targets and weights.

    Arguments:
        raw: number [N, F] float64 with NaN for missing; category [N, C] int32 codes (0 unseen, 1 missing,
            then the dictionary's values); date [N, D] float64 seconds since 1970; text [N, X, T] int32
            hashed n-grams (0: none).
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


def encode(frame: pl.DataFrame, schema: Schema, *, text_length: int = 64) -> dict[str, Tensor]:
    """Raw tensors of a frame's input columns.

    Arguments:
        frame: has all input columns of the schema.
        schema: decides kinds and dictionaries.
        text_length: n-grams read from each text.

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
    if columns := schema.of_kind("text"):
        tokens = np.zeros((height, len(columns), text_length), dtype=np.int32)
        for place, column in enumerate(columns):
            tokens[:, place] = text_codes(frame[column.name], column.buckets, text_length)
        raw["text"] = torch.from_numpy(tokens)
    return raw


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


def text_codes(series: pl.Series, buckets: int, length: int) -> np.ndarray:
    """Hashed words and pairs of words of each text, 1 to `buckets` - 1; 0 after the end. [N, length] int32"""
    texts = as_text(series).to_list()
    codes = np.zeros((len(texts), length), dtype=np.int32)
    known: dict[str, int] = {}
    for row, text in enumerate(texts):
        grams = n_grams(text or "")[:length]
        for gram in grams:
            if gram not in known:
                known[gram] = _bucket(gram, buckets)
        codes[row, : len(grams)] = [known[gram] for gram in grams]
    return codes


def n_grams(text: str) -> list[str]:
    """Words and punctuation in lower case, then pairs of neighbours.

    Example:
        >>> n_grams("Braund, Mr. Owen")[:5]
        ['braund', ',', 'mr', '.', 'owen']
    """
    words = _WORD.findall(text.casefold())
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def _bucket(gram: str, buckets: int) -> int:
    digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (buckets - 1)
