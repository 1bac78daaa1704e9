"""What the contents of a column are, and what reads them, in a few words."""

from __future__ import annotations

from typing import Any

from netwright.config import InputsConfig
from netwright.data.schema import Column

UNITS = {
    "grams": "words and pairs of words",
    "grams and parts": "words, pairs and parts of words",
    "words": "words",
    "pieces": "pieces of words",
    "": "tokens",
}


def about(column: Column, inputs: InputsConfig) -> str:
    """Of pictures, sounds, series and texts: what is read of them, and by what; "" of other columns.

    Example:
        >>> column = Column(name="photo", kind="image", shape=[28, 28, 1])
        >>> about(column, InputsConfig.model_validate({"image": {"encoder": "cnn"}}))
        '28 x 28 grey pictures, cnn'
    """
    if column.kind not in ("image", "sound", "series", "text"):
        return ""
    settings: Any = getattr(inputs, column.kind).model_copy(update=inputs.columns.get(column.name, {}))
    reader = settings.encoder
    if column.backbone:
        reader = f"pretrained {column.backbone['type']}, {settings.tune.replace('_', ' ')}"
    return f"{_contents(column)}, {reader}"


def _contents(column: Column) -> str:
    if column.kind == "image":
        height, width, channels = column.shape
        return f"{height} x {width} {'grey' if channels == 1 else 'colour'} pictures"
    if column.kind == "sound":
        return f"sounds of up to {column.shape[0] / column.rate:.3g} s at {column.rate:,} samples a second"
    if column.kind == "text":
        return f"texts of up to {column.shape[0]:,} {UNITS[column.units]}"
    steps, channels = column.shape
    together = f" (means of {column.rate})" if column.rate > 1 else ""
    return f"series of up to {steps:,} steps{together}, {channels} channel{'s' if channels > 1 else ''}"
