"""Encoders, trunk and head as one network of M members, from raw tensors to predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Schema
from netwright.nn import chain, heads, trunks
from netwright.nn.encoders import Encoders, Maker
from netwright.nn.member import PREDICT, Layer, Mode
from netwright.nn.objective import Objective
from netwright.nn.trainable import Purpose, Step, Trainable
from netwright.nn.weighted import as_counts


class Network(Trainable):
    """M networks of one shape that are computed as one. All "auto" settings must be resolved before.

    Arguments:
        schema: the columns and the target.
        inputs: the encoders' settings.
        config: the trunk's settings.
        members: M.
        dropout: one rate for each member, where they differ from the config's.
        trunk: makes one for so many features, in the place of the config's.
        encoders: classes of encoders by kind of column, beside those of plain tables.

    Attributes:
        flat: all parameters. [M, P]
        layout: what lies where in it.
        member_weights: how much each counts in `predict_mean`, 1 in all; None when all count alike. M of them
        threshold: probability above which the positive one of two classes is predicted.
    """

    member_weights: list[float] | None = None
    threshold: float = 0.5

    def __init__(
        self,
        schema: Schema,
        inputs: InputsConfig,
        config: NetworkConfig,
        members: int = 1,
        dropout: list[float] | None = None,
        trunk: Callable[[int], trunks.Trunk] | None = None,
        encoders: Mapping[str, Maker] | None = None,
    ) -> None:
        super().__init__(members)
        self.encoders = Encoders(schema, inputs, members, encoders)
        if trunk is not None:
            self.trunk = trunk(sum(self.encoders.columns))
        else:
            self.trunk = trunks.build(
                config.kind,
                self.encoders.columns,
                width=int(config.width),
                depth=int(config.depth),
                activation=config.activation,
                norm=config.normalization,
                rate=trunks.as_member_rates(dropout or float(config.dropout), members),
                heads=int(config.heads),
            )
        self.head = heads.build(schema.target, self.trunk.width, self.trunk.heads, members)
        self.lay_out()
        self.constrained = any(place.declared.constraint for place in self.layout.places)
        self.penalties = self.layout.penalties()
        self.written_out = chain.fits(self.trunk) and self.encoders.constant and self.penalties is None
        self.chain: chain.Chain | None = None

    def fit_preparation(
        self,
        member: int,
        raw: dict[str, Tensor],
        target: Tensor,
        weight: Tensor,
        rows: Tensor,
        balanced: bool = False,
    ) -> None:
        """Fits all buffers of one member on its training rows, and on nothing else.

        Arguments:
            member: which.
            raw: raw tensors of all rows. [N, ...]
            target: [N, ...]
            weight: [N]; a row of weight 2 counts as that row twice, one of weight 0 as none.
            rows: numbers of the member's training rows.
            balanced: whether the classes will be drawn equally often, which the head then starts from.
        """
        with torch.no_grad():
            # A row without a weight or a target that can be learnt is nowhere.
            rows = rows[self.head.known(target[rows][None])[0] & (weight[rows] > 0)]
            target, weight = target[rows], weight[rows]
            self.encoders.fit(member, raw, rows, as_counts(weight))
            if balanced:
                weight = weight / target.bincount()[target]
            self.head.fit(member, target, weight)

    def set_objective(self, objective: Objective) -> None:
        self.head.aim(objective)

    def forward(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> Tensor:
        """Raw tensors [M, B, ...] to the outputs of all heads [M, K, B, C]."""
        self.layout.bind(self.flat)
        features = self.encoders(raw, mode)  # [M, B, D]
        return self.head(self.trunk(features, mode), mode)

    @torch.no_grad()
    def encode(self, raw: dict[str, Tensor], batch: int = 16_384) -> Tensor:
        """The features of all rows for each member. Raw tensors [N, ...] to [M, N, D]"""
        pieces = zip(*(tensor.split(batch) for tensor in raw.values()), strict=True)
        rows = (dict(zip(raw, piece, strict=True)) for piece in pieces)
        return torch.cat([self.encoders(self._shared(each), PREDICT) for each in rows], 1)

    def _shared(self, raw: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same rows [n, ...] for each member. [M, n, ...]"""
        return {
            name: tensor.expand(self.members, -1, *[-1] * (tensor.dim() - 1)) for name, tensor in raw.items()
        }

    def known(self, target: Tensor) -> Tensor:
        return self.head.known(target)

    def losses(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None, smoothing: Tensor | None = None
    ) -> Tensor:
        losses = self.head.loss(_wide(output), target, weight, smoothing)
        if self.penalties is None:
            return losses
        l1, l2 = (each.to(self.flat) for each in self.penalties)  # [P]
        return losses + (l1 * self.flat.abs() + l2 * self.flat.square()).sum(1)

    def step(
        self,
        raw: dict[str, Tensor],
        target: Tensor,
        weight: Tensor | None,
        mode: Mode,
        smoothing: Tensor | None = None,
    ) -> Step:
        plain = self.written_out and mode.mix is None
        if not plain or torch.is_autocast_enabled(self.flat.device.type):
            return super().step(raw, target, weight, mode, smoothing)
        if self.chain is None or self.chain.start != self.flat.data_ptr():
            self.chain = chain.Chain(self.trunk, self.head, self.layout, self.flat)  # type: ignore[arg-type]
        with torch.no_grad():
            return self.chain.step(self.encoders(raw, mode), target, weight, mode, smoothing)

    def constrain(self) -> None:
        with torch.no_grad():
            self.layout.constrain(self.flat)

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        return self.head.scores(_wide(output), target)

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.head.finish(means)

    def purpose(self) -> Purpose:
        return self.head.purpose()

    def answers(self, output: Tensor) -> Tensor:
        return self.head.predict(_wide(output))

    def live(self) -> list[Tensor]:
        layers = [module for module in self.modules() if isinstance(module, Layer)]
        return [getattr(layer, name) for layer in layers for name in layer.statistics]

    @torch.inference_mode()
    def outputs(self, raw: dict[str, Tensor], rows: Tensor | None = None, batch: int | None = None) -> Tensor:
        """The outputs of all members and heads for rows they share. [M, K, N, C]

        Arguments:
            raw: raw tensors. [N, ...]
            rows: numbers of the rows wanted; all unless given.
            batch: rows computed at a time; chosen by the network's size unless given.
        """
        total = len(next(iter(raw.values()))) if rows is None else len(rows)
        batch = batch or self.rows_at_a_time()
        parts = []
        for start in range(0, max(total, 1), batch):
            piece = slice(start, start + batch) if rows is None else rows[start : start + batch]
            parts.append(self(self._shared({name: tensor[piece] for name, tensor in raw.items()})))
        return torch.cat(parts, dim=2)

    def predict(self, raw: dict[str, Tensor], rows: Tensor | None = None) -> Tensor:
        """Each member's probabilities or values, averaged over its heads. [M, N, C]"""
        return self.head.predict(self.outputs(raw, rows))

    def predict_mean(self, raw: dict[str, Tensor], rows: Tensor | None = None) -> Tensor:
        """The members' predictions, averaged by their weights. [N, C]"""
        each = self.predict(raw, rows)  # [M, N, C]
        if self.member_weights is None:
            return each.mean(0)
        return torch.tensordot(each.new_tensor(self.member_weights), each, dims=1)

    def rows_at_a_time(self) -> int:
        """Rows whose activations stay within some tens of megabytes."""
        width = max(self.trunk.width * self.trunk.heads, self.encoders.floats) * self.members
        return max(64, min(16_384, 4_000_000 // max(width, 1)))

    def describe(self) -> list[str]:
        """A line for each part: what it is, and a member's parameters."""
        counts: dict[str, int] = {}
        for place in self.layout.places:
            owner = place.name.rsplit(".", 1)[0]
            counts[owner] = counts.get(owner, 0) + place.declared.size
        lines = []
        for number, part in enumerate(self.encoders.list):
            own = f"encoders.parts.{number}"
            owners = [owner for owner in counts if owner == own or owner.startswith(f"{own}.")]
            count = sum(counts.pop(owner) for owner in owners)
            lines.append(f"{part.describe()}, {count:,} parameters")
        told = self.trunk.describe()
        lines += told
        for owner, count in counts.items():
            if told and owner.startswith("trunk."):
                continue
            name = (
                owner.removeprefix("trunk.")
                .removeprefix("mlp.")
                .replace("blocks.", "layer ")
                .replace(".", " ")
            )
            lines.append(f"{name.replace('.', ' ')}: {count:,} parameters")
        return lines


def _wide(output: Tensor) -> Tensor:
    """Losses are computed in float32 at least."""
    return output.float() if output.dtype == torch.bfloat16 else output
