from __future__ import annotations

import pytest

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.data.text import describe
from netwright.pipeline.recipes.text import recipe, settle

TEXTS = [f"text {place} of some words" for place in range(40)]


@pytest.mark.parametrize("encoder", ["auto", "bag", "cnn", "gru", "lstm"])
@pytest.mark.parametrize("effort", ["quick", "normal", "best"])
def test_nothing_is_left_open(encoder: str, effort: str):
    given = TextConfig.model_validate({"encoder": encoder, "size": 24})
    column = Column(name="t", kind="text")
    describe(column, TEXTS, given)
    settled = settle(column, given, 40, effort)
    assert "auto" not in {**settled.model_dump(), "tune": ""}.values()
    assert settled.size == 24
    assert settled.encoder == ("bag" if encoder == "auto" else encoder)
    again = Column(name="t", kind="text")
    describe(again, TEXTS, settled)  # what is recorded repeats the run
    assert again == column


def test_few_texts_are_seen_often_and_many_rarely():
    column = Column(name="t", kind="text", units="grams", shape=[20], buckets=100)
    settled = settle(column, TextConfig(), 100, "normal")
    few, many = (recipe(column, settled, rows, "normal", "binary") for rows in (100, 1_000_000))
    assert few is not None
    assert many is not None
    assert few.epochs == 40
    assert many.epochs == 3
    assert (few.batch_size, many.batch_size) == (32, 256)
