"""Encoders that are networks of their own: of pictures, texts as sequences, series and sounds.

They are built of `netwright.layers`, with a member axis, one encoder for each column.
"""

from __future__ import annotations

from netwright.nn.encoders import Encoder

ENCODERS: dict[str, type[Encoder]] = {}
"""By the kind of column that each takes."""
