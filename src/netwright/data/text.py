"""From texts to codes: words, n-grams and their hashes, or the pieces of a vocabulary that was learnt.

Hashes are stateless: what a word's code is depends on that word alone. Which of them have a vector is fitted
by the encoder, on the training rows of each member.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from netwright.config import TextConfig
from netwright.data.cells import as_text
from netwright.data.schema import Column
from netwright.data.tokens import token_codes
from netwright.errors import MissingExtra

_WORD = re.compile(r"\w+|[^\w\s]")
HASHES = 2**31 - 2  # codes 1 to that many fit in int32
PARTS = (3, 5)  # letters of the n-grams within words, as in fastText (arXiv 1607.04606)
FEWEST_TEXTS = 2  # that a word or n-gram comes in; rarer ones could only be learnt by heart
BUCKETS = (256, 2**16)
STEP = 256  # buckets are a multiple of it, so that a few more rows rarely change the network's shape
PIECES = 8_000  # of a learnt vocabulary, at most
TEXTS_TO_COUNT = 50_000
LONGEST = {"grams": 1024, "words": 256, "pieces": 256}
SHARE_WHOLE = 0.995  # of the texts that are not cut
MOST_PARTED = (
    50_000  # texts up to which letters of words are read too: with more, words and pairs tell enough
)
FEWEST_PARTED = 10  # words of the median text; letters of shorter ones, such as names, are learnt by heart
TEXTS_TO_MEASURE = 2_000


def describe(column: Column, texts: list[str], settings: TextConfig) -> None:
    """Fills in how a column of text is read, from the texts that may be learnt from.

    Arguments:
        column: gets `units`, `shape` [T], `buckets` and, for pieces, `vocabulary`.
        texts: the different texts of the fitting rows.
        settings: the column's.

    Raises:
        MissingExtra: a transformer is wanted and the package tokenizers is not installed.

    Example:
        >>> column = Column(name="title", kind="text")
        >>> describe(column, ["a good film", "a bad film"], TextConfig(characters=False))
        >>> column.units, column.shape, column.buckets
        ('grams', [5], 256)
    """
    if settings.encoder == "transformer":
        column.units = "pieces"
        column.vocabulary = learn_pieces(texts[:TEXTS_TO_COUNT], settings.buckets)
    elif settings.encoder in ("auto", "bag"):
        parted = _worth_parting(texts) if settings.characters == "auto" else settings.characters
        column.units = "grams and parts" if parted else "grams"
    else:
        column.units = "words"
    rows = list(_reader(column)(texts[:TEXTS_TO_COUNT]))
    column.shape = [_length([len(row) for row in rows], column, len(texts), settings)]
    column.buckets = _buckets(rows, column, settings)


def codes(texts: pl.Series, column: Column) -> np.ndarray:
    """What a column's encoder reads of each text, from 1 on; 0 after the end. [N, T] int32

    Arguments:
        texts: of all rows. [N]
        column: as `describe` left it.

    Example:
        >>> column = Column(name="title", kind="text", units="words", shape=[3])
        >>> (codes(pl.Series(["a film", None, "film of the year"]), column) > 0).sum(1).tolist()
        [2, 0, 3]
    """
    length = column.shape[0]
    if column.tokenizer:
        return token_codes(texts, column.tokenizer, length)
    found = np.zeros((len(texts), length), dtype=np.int32)
    for place, row in enumerate(_reader(column)(as_text(texts).to_list())):
        found[place, : len(row)] = row[:length]
    return found


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


def parts_of(word: str) -> list[str]:
    """The n-grams of 3 to 5 letters of a word, with signs for its start and its end.

    Example:
        >>> parts_of("owl")
        ['<ow', 'owl', 'wl>', '<owl', 'owl>', '<owl>']
    """
    whole = f"<{word}>"
    least, most = PARTS
    return [
        whole[start : start + length]
        for length in range(least, most + 1)
        for start in range(len(whole) - length + 1)
    ]


# ------------------------------------------------------------------------------------------- reading

Reader = Callable[[Iterable[str | None]], Iterator[list[int]]]


def _reader(column: Column) -> Reader:
    """What gives the codes of texts, one list a text."""
    if column.units == "pieces":
        return lambda texts: _pieces(texts, column.vocabulary)
    if column.units == "words":
        return _words
    return _grams_and_parts if column.units == "grams and parts" else _grams


def _words(texts: Iterable[str | None]) -> Iterator[list[int]]:
    """Every word, in the text's order."""
    code = lru_cache(None)(_hash)
    return ([code(word) for word in words_of(text or "")] for text in texts)


def _grams(texts: Iterable[str | None]) -> Iterator[list[int]]:
    """Words, then pairs of words, each once."""
    code = lru_cache(None)(_hash)
    return ([code(gram) for gram in dict.fromkeys(n_grams(text or ""))] for text in texts)


def _grams_and_parts(texts: Iterable[str | None]) -> Iterator[list[int]]:
    """Words, pairs of words, then letters of words, each once."""
    code = lru_cache(None)(_hash)
    of_word = lru_cache(None)(lambda word: [_hash("\t" + part) for part in parts_of(word)])
    for text in texts:
        found = dict.fromkeys(code(gram) for gram in n_grams(text or ""))
        for word in dict.fromkeys(words_of(text or "")):
            found.update(dict.fromkeys(of_word(word)))
        yield list(found)


def _hash(gram: str) -> int:
    digest = hashlib.blake2b(gram.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "little") % HASHES


# ------------------------------------------------------------------------------------------- fitting


def _worth_parting(texts: list[str]) -> bool:
    """Whether letters of words tell more than they disturb."""
    if not 0 < len(texts) <= MOST_PARTED:
        return False
    return float(np.median([len(words_of(text)) for text in texts[:TEXTS_TO_MEASURE]])) >= FEWEST_PARTED


def _length(lengths: list[int], column: Column, texts: int, settings: TextConfig) -> int:
    """Codes that are kept of a text: all of nearly every one."""
    if settings.length != "auto":
        return settings.length
    if not lengths:
        return 1
    most = LONGEST.get(column.units, LONGEST["grams"])
    return max(1, min(most, int(np.quantile(lengths, SHARE_WHOLE, method="higher"))))


def _buckets(rows: list[list[int]], column: Column, settings: TextConfig) -> int:
    """How many codes have a vector: all that come in two texts, or every piece."""
    if column.units == "pieces":
        return _tokenizer(column.vocabulary).get_vocab_size()
    if settings.buckets != "auto":
        return settings.buckets
    each = [np.unique(np.array(row, dtype=np.int64)) for row in rows]
    counts = np.unique(np.concatenate([*each, np.empty(0, np.int64)]), return_counts=True)[1]
    low, high = BUCKETS
    needed = -(-int((counts >= FEWEST_TEXTS).sum()) // STEP) * STEP
    return max(low, min(high, needed))


# -------------------------------------------------------------------------------- learnt vocabularies


def learn_pieces(texts: list[str], size: int | str) -> str:
    """A vocabulary of word pieces, by byte-pair encoding (arXiv 1508.07909) of these texts only.

    Arguments:
        texts: to learn from.
        size: how many pieces at most; "auto" for 8000.

    Returns:
        The vocabulary as JSON, as the package tokenizers writes it.

    Raises:
        MissingExtra: tokenizers is not installed.
    """
    try:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    except ImportError:
        raise _missing() from None
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])  # type: ignore[assignment]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # type: ignore[assignment]
    # Letters within words would be numbered in the order of a hash map, another one in each run, and pairs
    # that come equally often are joined in the order of these numbers.
    inner = [f"##{letter}" for letter in _inner_letters(texts, tokenizer)]
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES if size == "auto" else int(size),
        min_frequency=FEWEST_TEXTS,
        special_tokens=["[UNK]", *inner],
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    written = json.loads(tokenizer.to_str())
    written["added_tokens"] = [each for each in written["added_tokens"] if each["content"] == "[UNK]"]
    return json.dumps(written, ensure_ascii=False)


def _inner_letters(texts: list[str], tokenizer: Any) -> list[str]:
    """Letters that come within words, but for the first of each."""
    normal, words = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    return sorted({letter for text in texts for word, _ in words(normal(text)) for letter in word[1:]})


def _pieces(texts: Iterable[str | None], vocabulary: str) -> Iterator[list[int]]:
    tokenizer = _tokenizer(vocabulary)
    return ([1 + code for code in tokenizer.encode(text or "").ids] for text in texts)


@lru_cache(maxsize=8)
def _tokenizer(vocabulary: str) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise _missing() from None
    return Tokenizer.from_str(vocabulary)


def _missing() -> MissingExtra:
    return MissingExtra("tokenizers", "text", "the transformer for texts, with a vocabulary of its own,")
