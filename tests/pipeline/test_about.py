"""What the contents of columns are, in words."""

from __future__ import annotations

import pytest

from netwright.config import InputsConfig
from netwright.data.schema import Column
from netwright.pipeline.about import about

COLUMNS = {
    "32 x 16 colour pictures, resnet": Column(name="x", kind="image", shape=[32, 16, 3]),
    "sounds of up to 1.5 s at 8,000 samples a second, cnn": Column(
        name="x", kind="sound", shape=[12_000], rate=8000
    ),
    "series of up to 150 steps, 1 channel, fcn": Column(name="x", kind="series", shape=[150, 1], rate=1),
    "series of up to 2,000 steps (means of 3), 4 channels, fcn": Column(
        name="x", kind="series", shape=[2000, 4], rate=3
    ),
    "texts of up to 40 words, gru": Column(name="x", kind="text", shape=[40], units="words"),
    "": Column(name="x", kind="category", categories=["a", "b"]),
}


@pytest.mark.parametrize("words", COLUMNS)
def test_a_column_is_told_by_shape_and_encoder(words: str) -> None:
    settings = {"sound": {"encoder": "cnn"}, "series": {"encoder": "fcn"}, "text": {"encoder": "gru"}}
    inputs = InputsConfig.model_validate({**settings, "image": {"encoder": "resnet"}})
    assert about(COLUMNS[words], inputs) == words


def test_a_columns_own_settings_count() -> None:
    inputs = InputsConfig.model_validate({"image": {"encoder": "cnn"}, "columns": {"x": {"encoder": "vit"}}})
    assert about(Column(name="x", kind="image", shape=[8, 8, 1]), inputs) == "8 x 8 grey pictures, vit"


def test_a_pretrained_network_is_named() -> None:
    column = Column(name="x", kind="image", shape=[224, 224, 3], backbone={"type": "convnext"})
    inputs = InputsConfig.model_validate({"image": {"tune": "head_first"}})
    assert about(column, inputs) == "224 x 224 colour pictures, pretrained convnext, head first"
