from __future__ import annotations

import json
import math
import subprocess
import sys
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.data.text import codes, describe, learn_pieces, n_grams, parts_of, words_of
from netwright.errors import MissingExtra

TEXTS = ["A good film.", "a bad film", "Good, good acting!", "the film of the year"]
RNG = np.random.default_rng(3)


def column_of(texts: list[str], **given: object) -> Column:
    column = Column(name="x", kind="text")
    describe(column, texts, TextConfig.model_validate(given))
    return column


def read(column: Column, texts: list[str | None]) -> np.ndarray:
    return codes(pl.Series(texts, dtype=pl.String), column)


def test_words_and_then_pairs_each_once():
    column = column_of(TEXTS, characters=False, length=6)
    found = read(column, ["One two one", "", None, "TWO"])
    assert found.dtype == np.int32
    one, two = found[0, :2]
    assert one != two
    assert (found[0, 2:4] > 0).all()  # one two, two one
    assert found[0, 4:].tolist() == [0, 0]
    assert found[1:3].max() == 0
    assert found[3].tolist() == [two, 0, 0, 0, 0, 0]


def test_letters_of_words_follow():
    plain, parted = (column_of(TEXTS, characters=each, length=40) for each in (False, True))
    [few], [many] = read(plain, ["green greener"]), read(parted, ["green greener"])
    count = int((few > 0).sum())
    assert many[:count].tolist() == few[:count].tolist()
    parts = {
        f"<{word}>"[start : start + length]
        for word in ("green", "greener")
        for length in (3, 4, 5)
        for start in range(len(word) + 3 - length)
    }
    assert (many > 0).sum() == count + len(parts)


def test_a_part_is_no_word():
    column = column_of(TEXTS, characters=True, length=60)
    whole, part = read(column, ["ow", "owl"])  # "<ow" is a part of owl, and "ow" another word
    assert not set(whole[whole > 0]) & {part[0]}
    assert parts_of("ow") == ["<ow", "ow>", "<ow>"]


def test_words_as_a_sequence_keep_their_order_and_repeats():
    column = column_of(TEXTS, encoder="gru")
    assert column.units == "words"
    [found] = read(column, ["the film of the"])
    assert found[0] == found[3]
    assert len(set(found[:3].tolist())) == 3
    assert column.shape == [5]  # the longest: Good , good acting ! and the film of the year


def test_hashes_are_the_same_in_another_process():
    program = (
        "import polars as pl; from netwright.data.text import codes\n"
        "from netwright.data.schema import Column\n"
        "c = Column(name='x', kind='text', units='grams and parts', shape=[9]);"
        "print(codes(pl.Series(['Größe zählt']), c).tolist())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    column = Column(name="x", kind="text", units="grams and parts", shape=[9])
    assert json.loads(done.stdout) == read(column, ["Größe zählt"]).tolist()


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5), st.integers(1, 12), st.booleans())
@settings(deadline=None, derandomize=True, max_examples=50)
def test_any_text_can_be_read(texts: list[str], length: int, characters: bool):
    column = column_of(texts, length=length, characters=characters)
    found = read(column, list(texts))
    assert found.shape == (len(texts), length)
    assert found.min() >= 0
    parts = [{part for word in words_of(text) for part in parts_of(word)} for text in texts]
    wanted = [len(set(n_grams(text))) + characters * len(own) for text, own in zip(texts, parts, strict=True)]
    assert (found > 0).sum(1).tolist() == [min(count, length) for count in wanted]


def test_buckets_have_room_for_the_n_grams_that_come_in_two_texts():
    texts = [" ".join(f"w{word}" for word in RNG.integers(0, 90, 10)) for _ in range(300)]
    counts = Counter()
    for text in texts:
        words = text.split()
        counts.update(set(words))
        counts.update(set(pairwise(words)))
    again = sum(count > 1 for count in counts.values())
    assert again > 256
    assert column_of(texts, characters=False).buckets == math.ceil(again / 256) * 256
    assert column_of(texts, characters=False, buckets=64).buckets == 64
    assert column_of(["once", "only"]).buckets == 256


def test_nearly_all_texts_are_read_to_their_ends():
    lengths = [*range(1, 201), *range(1, 201), 5000]
    texts = [" ".join(f"w{place}" for place in range(length)) for length in lengths]
    assert column_of(texts, encoder="cnn").shape == [200]
    assert column_of([*texts, texts[-1], texts[-1]], encoder="cnn").shape == [256]
    assert column_of([], encoder="cnn").shape == [1]


def test_letters_are_read_of_sentences_and_not_of_names():
    names = [f"Family{place}, Mr. Owen" for place in range(30)]
    sentences = [f"in the year {place} there was a good film about a family" for place in range(30)]
    assert column_of(names).units == "grams"
    assert column_of(sentences).units == "grams and parts"
    assert column_of(sentences, characters=False).units == "grams"
    assert column_of(names, characters=True).units == "grams and parts"


def test_a_vocabulary_is_learnt_and_travels_as_text():
    pytest.importorskip("tokenizers")
    texts = [f"{word} {word}ing" for word in ("walk", "talk", "play", "jump") for _ in range(3)]
    column = Column.model_validate_json(column_of(texts, encoder="transformer").model_dump_json())
    assert column.units == "pieces"
    vocabulary = json.loads(column.vocabulary)["model"]["vocab"]
    assert "walk" in vocabulary
    assert column.buckets == len(vocabulary)
    found = read(column, ["walk walk", "Walk", "walking", "", None, "qqq"])
    assert found[0, 0] == found[0, 1] == found[1, 0] == vocabulary["walk"] + 1
    assert found[2, 0] > 0
    assert found[3:5].max() == 0
    assert found.max() <= column.buckets


def test_the_same_texts_give_the_same_vocabulary():
    tokenizers = pytest.importorskip("tokenizers")
    random = np.random.default_rng(0)
    words = [
        "".join(random.choice(list("abcdefghij"), 5)) for _ in range(60)
    ]  # many pairs come equally often
    texts = [" ".join(random.choice(words, 6)) for _ in range(40)]
    first, *others = (learn_pieces(texts, 200) for _ in range(4))
    assert others == [first] * 3
    plain = tokenizers.Tokenizer.from_str(first)
    assert plain.encode("#" * 8 + " ##a").tokens.count("##a") == 0  # inner letters are no words of their own


def test_a_transformer_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingExtra, match=r"tokenizers.*netwright\[text\]"):
        column_of(TEXTS, encoder="transformer")
