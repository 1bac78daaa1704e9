"""From texts to the codes of a tokenizer that was made elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from netwright.data.cells import as_text
from netwright.errors import InputError, MissingExtra

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TEXTS_AT_A_TIME = 10_000


def tokenizer_of(written: str) -> Tokenizer:
    """A tokenizer as `tokenizers` writes it.

    Raises:
        InputError: it is damaged.
        MissingExtra: tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtra("tokenizers", "hub", "the tokenizer of a pretrained network") from None
    try:
        found = Tokenizer.from_str(written)
    except Exception as error:  # of its own kind
        raise InputError(f"the tokenizer of the pretrained network is damaged: {error}") from None
    found.no_padding()
    found.no_truncation()
    return found


def token_codes(texts: pl.Series, written: str, length: int) -> np.ndarray:
    """Tokens, each 1 above its number in the tokenizer; 0 after the end. [N, length] int32

    Arguments:
        texts: a missing one is read as an empty text.
        written: the tokenizer.
        length: longer texts are cut; the special tokens of the end stay.
    """
    tokenizer = tokenizer_of(written)
    tokenizer.enable_truncation(length)
    codes = np.zeros((len(texts), length), dtype=np.int32)
    cells = as_text(texts).fill_null("").to_list()
    for start in range(0, len(cells), TEXTS_AT_A_TIME):
        found = tokenizer.encode_batch(cells[start : start + TEXTS_AT_A_TIME])
        for row, each in enumerate(found, start):
            codes[row, : len(each.ids)] = np.asarray(each.ids[:length], dtype=np.int32) + 1
    return codes


def token_counts(texts: list[str], written: str) -> np.ndarray:
    """How many tokens each text has, special ones included. [N]"""
    found = tokenizer_of(written).encode_batch(texts)
    return np.array([len(each.ids) for each in found], dtype=np.int64)
