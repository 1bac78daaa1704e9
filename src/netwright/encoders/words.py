"""A column of free text as a sequence: convolutions, recurrent networks or attention along its words.

Steps after the end of a text change nothing: they are zeros to convolutions, attention does not see them,
recurrent layers read each text from its own end, and no mean or maximum takes them in.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.encoders.body import Body
from netwright.encoders.masked import AttentionBlock, BothWays, cut, max_over_time, mean_over_time
from netwright.initializers import HeUniform
from netwright.layers import Conv1D
from netwright.layers.positional import sinusoids
from netwright.nn import initial
from netwright.nn.encoders.base import Encoder
from netwright.nn.encoders.lookup import Lookup, trimmed
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.layers import Dropout
from netwright.nn.member import Mode

KERNELS = (2, 3, 4)  # words that convolutions reach over
FEATURES_OF_A_HEAD = 16


def text_encoder(columns: list[Column], places: list[int], config: TextConfig, members: int) -> Encoder:
    """The encoder that the settings name, for the column at `places[0]`."""
    maker = TextEncoder if config.encoder == "bag" else WordsEncoder
    return maker(columns, places, config, members)


class WordsEncoder(Encoder):
    """A vector for each word (of two training rows at least; others share one) or piece, and a network.

    - cnn: convolutions over 2, 3 and 4 words and their maxima over time (Kim 2014, arXiv 1408.5882).
    - gru, lstm: in both directions; mean and maximum of all outputs.
    - transformer: blocks of attention (arXiv 1706.03762, with the norms first); mean and maximum.

    Dropout zeroes whole words, and the same features at all steps of a text (arXiv 1512.05287).
    """

    raw = "text"
    table: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: TextConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        column = columns[places[0]]
        size, rate = int(config.size), torch.full((members,), float(config.dropout))
        self.length = column.shape[0]
        self.lookup = Lookup(column.buckets, members) if column.units == "words" else None
        self.rows = column.buckets + 2  # the first row stands for no word, the second for unknown ones
        self.declare("table", (self.rows, size), initial.normal(0.1), decay=False)
        self.words_dropout, self.dropout = Dropout(rate / 2), Dropout(rate)
        self.body: Body
        if config.encoder == "cnn":
            self.body = Convolutions(size, int(config.width), members)
        elif config.encoder == "transformer":
            self.body = Attention(size, int(config.depth), rate, members)
        else:
            self.body = RecurrentNetwork(
                config.encoder, size, int(config.width), int(config.depth), rate, members
            )
        self.columns = [self.body.width]
        self.products = self.length * self.body.products
        self.floats = self.length * self.body.floats

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        if self.lookup is not None:
            self.lookup.fit(member, raw, weight)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        raw = trimmed(raw)  # [M, B, T]
        there = raw > 0
        inside = there[..., None].to(self.dtype)
        found = self.lookup(raw) if self.lookup is not None else (raw.long() - 1).clamp(min=0)
        places = torch.where(there, found + 1, 0)
        start = torch.arange(len(raw), device=raw.device) * self.rows
        x = nn.functional.embedding(places + start[:, None, None], self.table.flatten(0, 1))
        x = cut(x * self._kept_words(x, mode), inside)  # [M, B, T, D]
        x = self.body(in_all_steps(self.dropout, x, mode), mode, inside)
        return self.dropout(x, mode)

    def _kept_words(self, x: Tensor, mode: Mode) -> Tensor:
        """Drawn for the longest text there can be: it depends on no other text of the batch. [M, B, T, 1]"""
        all_steps = x.new_ones(*x.shape[:2], self.length)
        return self.words_dropout(all_steps, mode)[:, :, : x.shape[2], None]


def in_all_steps(dropout: Dropout, x: Tensor, mode: Mode) -> Tensor:
    """The same features of a text dropped in all its steps. [M, B, T, D]"""
    factors = dropout.factors(x[:, :, :1], mode)
    return x if factors is None else x * factors


class Convolutions(Body):
    """The maxima over time of convolutions of several widths.

    Arguments:
        inputs: D.
        filters: of each width.
        members: M.
    """

    def __init__(self, inputs: int, filters: int, members: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            Conv1D(filters, kernel, padding="same", kernel_initializer=HeUniform()) for kernel in KERNELS
        )
        for layer in self.layers:
            layer.connect((None, inputs), members)  # type: ignore[operator]
        self.width = filters * len(KERNELS)
        self.products, self.floats = inputs * filters * max(KERNELS), self.width

    def forward(self, x: Tensor, mode: Mode, inside: Tensor) -> Tensor:
        return torch.cat([max_over_time(layer(x, mode).relu(), inside) for layer in self.layers], -1)


class RecurrentNetwork(Body):
    """GRUs or LSTMs in both directions.

    Arguments:
        kind: gru or lstm.
        inputs: D.
        units: of each direction.
        depth: layers.
        rate: dropout between layers. [M]
        members: M.
    """

    def __init__(self, kind: str, inputs: int, units: int, depth: int, rate: Tensor, members: int) -> None:
        super().__init__()
        sizes = [inputs, *[2 * units] * depth]
        self.layers = nn.ModuleList(BothWays(kind, size, units, members) for size in sizes[:-1])
        self.dropout = Dropout(rate)
        self.width = 4 * units
        self.products, self.floats = 4 * units * (sizes[-2] + units), 8 * units

    def forward(self, x: Tensor, mode: Mode, inside: Tensor) -> Tensor:
        for place, layer in enumerate(self.layers):
            x, _ = layer(in_all_steps(self.dropout, x, mode) if place else x, mode, inside)
        return torch.cat((mean_over_time(x, inside), max_over_time(x, inside)), -1)


class Attention(Body):
    """Places of pieces, and blocks of attention.

    Arguments:
        features: D, of a piece.
        depth: blocks.
        rate: dropout after each block. [M]
        members: M.
    """

    def __init__(self, features: int, depth: int, rate: Tensor, members: int) -> None:
        super().__init__()
        heads = features // FEATURES_OF_A_HEAD if features % FEATURES_OF_A_HEAD == 0 else 1
        # What the blocks themselves drop would depend on the longest text of the batch.
        self.blocks = nn.ModuleList(AttentionBlock(features, heads, 0.0, members) for _ in range(depth))
        self.dropout = Dropout(rate)
        self.width = 2 * features
        self.products, self.floats = 4 * features * features, 4 * features

    def forward(self, x: Tensor, mode: Mode, inside: Tensor) -> Tensor:
        x = x + 0.1 * sinusoids(*x.shape[-2:]).to(x)  # as large as the vectors
        for block in self.blocks:
            x = in_all_steps(self.dropout, block(x, mode, inside), mode)
        return torch.cat((mean_over_time(x, inside), max_over_time(x, inside)), -1)
