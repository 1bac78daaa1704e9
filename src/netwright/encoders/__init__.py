"""Encoders that are networks of their own: of pictures, texts as sequences, series and sounds.

They are built of `netwright.layers`, with a member axis, one encoder for each column.
"""

from __future__ import annotations

from netwright.encoders.image import ImageEncoder
from netwright.encoders.pretrained_kinds import PRETRAINED
from netwright.encoders.series import SeriesEncoder
from netwright.encoders.sound import SoundEncoder
from netwright.encoders.words import text_encoder
from netwright.nn.encoders import Maker

ENCODERS: dict[str, Maker] = {
    "image": ImageEncoder,
    "sound": SoundEncoder,
    "series": SeriesEncoder,
    "text": text_encoder,
    **{f"pretrained {kind}": encoder for kind, encoder in PRETRAINED.items()},
}
"""By the kind of column that each takes, "pretrained" before it where its network comes from elsewhere."""
