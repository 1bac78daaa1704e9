"""From texts to codes: words, n-grams and their hashed places. Stateless, each text by itself."""

from __future__ import annotations

import hashlib
import re
from itertools import pairwise

import numpy as np
import polars as pl

from netwright.config import TextConfig
from netwright.data.cells import as_text
from netwright.data.schema import Column

_WORD = re.compile(r"\w+|[^\w\s]")
BUCKETS = (256, 16384)
TEXTS_TO_COUNT = 20_000


def describe(column: Column, texts: list[str], settings: TextConfig) -> None:
    """Fills in how a column of text is read, from the texts that may be learnt from.

    Arguments:
        column: gets `shape`, [T], and `buckets`.
        texts: the different texts of the fitting rows.
        settings: the column's.
    """
    column.shape = [settings.length]
    column.buckets = _buckets(texts) if settings.buckets == "auto" else settings.buckets


def codes(texts: pl.Series, column: Column) -> np.ndarray:
    """What a column's encoder reads of each text, from 1 on; 0 after the end. [N, T] int32

    Arguments:
        texts: of all rows. [N]
        column: as `describe` left it.
    """
    return text_codes(texts, column.buckets, column.shape[0])


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


def words_of(text: str) -> list[str]:
    """Words and punctuation, in lower case.

    Example:
        >>> words_of("Braund, Mr. Owen")
        ['braund', ',', 'mr', '.', 'owen']
    """
    return _WORD.findall(text.casefold())


def n_grams(text: str) -> list[str]:
    """Words and punctuation in lower case, then pairs of neighbours.

    Example:
        >>> n_grams("Mr. Owen")
        ['mr', '.', 'owen', 'mr .', '. owen']
    """
    words = words_of(text)
    return words + [f"{left} {right}" for left, right in pairwise(words)]


def _bucket(gram: str, buckets: int) -> int:
    digest = hashlib.blake2b(gram.encode(), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % (buckets - 1)


def _buckets(texts: list[str]) -> int:
    """A power of two at least twice the number of different words and pairs of words."""
    words: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for text in texts[:TEXTS_TO_COUNT]:
        found = words_of(text)
        words.update(found)
        pairs.update(pairwise(found))
    low, high = BUCKETS
    needed = max(low, 2 * (len(words) + len(pairs)))
    return min(high, 2 ** (needed - 1).bit_length())
