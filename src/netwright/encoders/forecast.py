"""Bodies of forecasting networks that are built of `netwright.layers`: attention, recurrence."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from netwright.layers import GRU, Dense, Dropout, PositionalEncoding, TransformerEncoder
from netwright.nn.forecast.bodies import Body
from netwright.nn.member import Mode


class Pieces(nn.Module):
    """Cuts look-backs into pieces, which overlap by half. [M, B, L] to [M, B, P, size]

    Arguments:
        lookback: steps, L.
        size: of a piece.
    """

    def __init__(self, lookback: int, size: int) -> None:
        super().__init__()
        self.size = min(size, lookback)
        self.step = max(1, self.size // 2)
        # Where pieces do not come out even the first value is repeated: the newest steps are in one.
        self.lack = -(lookback - self.size) % self.step
        self.count = (lookback + self.lack - self.size) // self.step + 1

    def forward(self, x: Tensor) -> Tensor:
        padded = functional.pad(x, (self.lack, 0), mode="replicate") if self.lack else x
        return padded.unfold(-1, self.size, self.step)


class PatchBody(Body):
    """A transformer between the pieces of a look-back, after PatchTST (arXiv 2211.14730).

    Arguments:
        lookback: steps, L.
        size: of a piece.
        width: features of a piece.
        depth: transformer layers.
        dropout: of each of them.
        members: M.
    """

    def __init__(
        self, lookback: int, size: int, width: int, depth: int, dropout: float, members: int
    ) -> None:
        super().__init__()
        self.pieces = Pieces(lookback, size)
        count = self.pieces.count
        heads = max(heads for heads in (1, 2, 4) if width % heads == 0)
        self.layers = nn.ModuleList(
            [Dense(width), PositionalEncoding("learned"), Dropout(dropout)]
            + [TransformerEncoder(heads, 2 * width, dropout) for _ in range(depth)]
        )
        shape = (count, self.pieces.size)
        for layer in self.layers:
            shape = layer.connect(shape, members)  # type: ignore[operator]
        self.width = count * width
        self.floats = max(2 * self.width, count * count * heads)
        self.depth, self.units = depth, width

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.pieces(x)
        for layer in self.layers:
            x = layer(x, mode)
        return x.flatten(2)

    def describe(self) -> str:
        pieces = f"{self.pieces.count} pieces of {self.pieces.size} steps"
        return f"transformer of {self.depth} layers and {self.units} features on {pieces}"


class GRUBody(Body):
    """A recurrent network over the pieces of a look-back; its last state goes on.

    Arguments: as for `PatchBody`; `width` units.
    """

    def __init__(
        self, lookback: int, size: int, width: int, depth: int, dropout: float, members: int
    ) -> None:
        super().__init__()
        self.pieces = Pieces(lookback, size)
        self.layers = nn.ModuleList(
            [GRU(width, return_sequences=place < depth - 1) for place in range(depth)] + [Dropout(dropout)]
        )
        shape = (self.pieces.count, self.pieces.size)
        for layer in self.layers:
            shape = layer.connect(shape, members)  # type: ignore[operator]
        self.width, self.floats = width, 3 * width * self.pieces.count
        self.depth = depth

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        x = self.pieces(x)
        for layer in self.layers:
            x = layer(x, mode)
        return x

    def describe(self) -> str:
        layers = "1 GRU" if self.depth == 1 else f"{self.depth} GRUs"
        return f"{layers} of {self.width} units on {self.pieces.count} pieces of {self.pieces.size} steps"
