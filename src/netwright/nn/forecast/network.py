"""M networks that forecast the next steps of series from a look-back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from netwright.nn import initial
from netwright.nn.forecast.bodies import Body
from netwright.nn.forecast.quantiles import median_of, ordered, pinball
from netwright.nn.layers import Linear, affine
from netwright.nn.member import PREDICT, Layer, Mode
from netwright.nn.objective import Objective
from netwright.nn.trainable import Trainable, weighted_mean

EPSILON = 1e-3
"""added to the variance of a look-back, in variances of the training rows"""
EFFECT_WIDTH = 32
FLOATS = 4_000_000


class ForecastNetwork(Trainable):
    """Look-backs to forecasts: their mean, and quantiles that never cross.

    Each target is standardised by the training rows and goes through the same body by itself. What
    `normalization` takes out of a look-back its forecast gets back (RevIN, Kim et al. 2022, without its
    affine part). Of inputs that are known ahead a small network finds the effect on each target; the body
    sees the look-back without it, and the forecast gets that of the steps to come.

    Raw tensors: past [N, C, L] float64 without NaN, and known [N, K, L + H] where K > 0. Targets
    [N, H, C] float64, NaN where unknown. Outputs [M, B, H, C, 1 + Q]: mean and quantiles, standardised.

    Arguments:
        targets: C.
        known: K.
        horizon: H.
        quantiles: ascending, Q of them.
        normalization: instance (mean and deviation), last (the last value), or none.
        body: for look-backs of L steps.
        members: M.

    Attributes:
        point: which output is the forecast, mean or median.
    """

    point: Literal["mean", "median"] = "mean"
    levels: Tensor

    def __init__(
        self,
        targets: int,
        known: int,
        horizon: int,
        quantiles: Sequence[float],
        normalization: str,
        body: Body,
        members: int = 1,
    ) -> None:
        super().__init__(members)
        self.targets, self.known_inputs, self.horizon = targets, known, horizon
        self.quantiles, self.normalization = list(quantiles), normalization
        self.body = body
        self.head = Map(body.width, horizon * (1 + len(self.quantiles)))
        self.effect = Effect(known, targets) if known else None
        self.objective = Objective()
        self.scaling, self.known_scaling = Scaling(targets, members), Scaling(known, members)
        self.register_buffer("levels", torch.tensor(self.quantiles), persistent=False)
        self.lay_out()

    def set_objective(self, objective: Objective) -> None:
        self.objective = objective

    @torch.no_grad()
    def fit_preparation(
        self,
        member: int,
        raw: dict[str, Tensor],
        target: Tensor,
        weight: Tensor,
        rows: Tensor,
        balanced: bool = False,
    ) -> None:
        """Fits means and deviations of the steps that the member's windows cover."""
        past = raw["past"]
        covered = _covered(rows, past.shape[-1] + self.horizon, len(past) + past.shape[-1] + self.horizon - 1)
        series = torch.cat([past[:, :, 0], past[-1, :, 1:].T, target[-1]])[covered]
        self.scaling.fit(member, series)
        if self.effect is not None:
            known = raw["known"]
            series = torch.cat([known[:, :, 0], known[-1, :, 1:].T])[covered]
            self.known_scaling.fit(member, series)

    def forward(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> Tensor:
        """Raw tensors [M, B, ...] to forecasts [M, B, H, C, 1 + Q]."""
        self.layout.bind(self.flat)
        past = self.scaling(raw["past"]).to(self.flat.dtype)  # [M, B, C, L]
        members, batch, targets, lookback = past.shape
        ahead = None
        if self.effect is not None:
            known = self.known_scaling(raw["known"]).to(self.flat.dtype)
            effect = self.effect(known.nan_to_num())  # [M, B, C, L + H]
            past, ahead = past - effect[..., :lookback], effect[..., lookback:]
        level, spread = self._taken(past)  # [M, B, C, 1]
        if level is not None:
            past = past - level
        if spread is not None:
            past = past / spread
        features = self.body(past.reshape(members, batch * targets, lookback), mode)  # [M, B * C, D]
        outputs = 1 + len(self.quantiles)
        found = self.head(features).view(members, batch, targets, self.horizon, outputs)
        found = found.float() if found.dtype == torch.bfloat16 else found
        found = torch.cat([found[..., :1], ordered(found[..., 1:], self.quantiles)], dim=-1)
        if spread is not None:
            found = found * spread[..., None]
        if level is not None:
            found = found + level[..., None]
        if ahead is not None:
            found = found + ahead[..., None]
        return found.transpose(2, 3)

    def _taken(self, past: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Level and spread that are taken out of look-backs. Each [M, B, C, 1]"""
        if self.normalization == "none":
            return None, None
        if self.normalization == "last":
            return past[..., -1:], None
        variance, mean = torch.var_mean(past, dim=-1, keepdim=True, correction=0)
        return mean, (variance + EPSILON).sqrt()

    def _errors(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Standardised truths, which of them are there, and how many in each window.

        [M, B, H, C], [M, B, H, C], [M, B]
        """
        wanted = self.scaling(target.transpose(2, 3)).transpose(2, 3).to(output.dtype)
        there = ~torch.isnan(wanted)
        return wanted.nan_to_num(), there, there.sum((2, 3)).clamp(min=1)

    def losses(
        self, output: Tensor, target: Tensor, weight: Tensor | None = None, smoothing: Tensor | None = None
    ) -> Tensor:
        return weighted_mean(self._loss(output, *self._errors(output, target)), weight)

    def _loss(self, output: Tensor, wanted: Tensor, there: Tensor, count: Tensor) -> Tensor:
        """Of the mean (squared, or the config's) and of the quantiles, by window. [M, B]"""
        losses = self.objective.of_number(output[..., 0] - wanted)
        losses = losses + pinball(output[..., 1:], wanted, self.levels)
        return (losses * there).sum((2, 3)) / count

    def scores(self, output: Tensor, target: Tensor) -> dict[str, Tensor]:
        wanted, there, count = self._errors(output, target)
        error = (output[..., 0] - wanted) * there
        return {
            "loss": self._loss(output, wanted, there, count),
            "mse_scaled": error.square().sum((2, 3)) / count,
            "mae_scaled": error.abs().sum((2, 3)) / count,
        }

    @torch.inference_mode()
    def predict(self, raw: dict[str, Tensor], rows: Tensor | None = None) -> Tensor:
        """Forecasts in the targets' own units, averaged over the members. [N, H, C, 1 + Q] float64

        Arguments:
            raw: raw tensors. [N, ...]
            rows: numbers of the windows wanted; all unless given.
        """
        total = len(raw["past"]) if rows is None else len(rows)
        size = self.rows_at_a_time()
        scaling = self.scaling
        centre, scale = (each.transpose(2, 3)[..., None] for each in (scaling.centre, scaling.scale))
        parts = []
        for start in range(0, max(total, 1), size):
            piece = slice(start, start + size) if rows is None else rows[start : start + size]
            part = {name: tensor[piece][None].expand(self.members, *[-1] * 3) for name, tensor in raw.items()}
            parts.append((self(part).double() * scale + centre).mean(0))
        return torch.cat(parts)

    def forecast(self, predicted: Tensor) -> Tensor:
        """The forecast among the outputs, as `point` says. [..., 1 + Q] to [...]"""
        return predicted[..., 0 if self.point == "mean" else 1 + median_of(self.quantiles)]

    def rows_at_a_time(self) -> int:
        floats = max(self.body.floats, self.horizon * (1 + len(self.quantiles))) * self.targets * self.members
        return max(8, min(4096, FLOATS // max(1, floats)))

    def describe(self) -> list[str]:
        """A line for each part: what it is, and a member's parameters."""
        counts: dict[str, int] = {}
        for place in self.layout.places:
            owner = place.name.partition(".")[0]
            counts[owner] = counts.get(owner, 0) + place.declared.size
        taken = {"instance": "mean and deviation", "last": "last value", "none": "nothing"}[
            self.normalization
        ]
        lines = [f"taken out of each look-back, and given back: {taken}"]
        if self.effect is not None:
            lines.append(f"effect of {self.known_inputs} known inputs: {counts['effect']:,} parameters")
        lines.append(f"{self.body.describe()}: {counts.get('body', 0):,} parameters")
        outputs = f"mean and {len(self.quantiles)} quantiles"
        lines.append(f"linear map to {self.horizon} steps, {outputs}: {counts['head']:,} parameters")
        return lines


class Scaling(nn.Module):
    """Means and deviations of each member's training steps. Series go as [M, B, C, T].

    Arguments:
        columns: C.
        members: M.
    """

    centre: Tensor
    scale: Tensor

    def __init__(self, columns: int, members: int) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(members, 1, columns, 1, dtype=torch.float64))
        self.register_buffer("scale", torch.ones(members, 1, columns, 1, dtype=torch.float64))

    def fit(self, member: int, series: Tensor) -> None:
        """Fits one member on steps [T, C], NaN where missing; 0 and 1 where nothing is there."""
        there = ~torch.isnan(series)
        count = there.sum(0).clamp(min=1)
        mean = series.nan_to_num().sum(0) / count
        deviation = (((series - mean).nan_to_num().square() * there).sum(0) / count).sqrt()
        spread = deviation > 1e-9 * mean.abs().clamp(min=1e-300)
        self.centre[member, 0, :, 0], self.scale[member, 0, :, 0] = mean, torch.where(spread, deviation, 1.0)

    def forward(self, series: Tensor) -> Tensor:
        return (series - self.centre) / self.scale


class Map(Layer):
    """A linear map that starts at 0: the first forecast is what was taken out of the look-back."""

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.declare("weight", (inputs, outputs), initial.zeros)
        self.biased = bias
        if bias:
            self.declare("bias", (1, outputs), initial.zeros, decay=False)

    def forward(self, x: Tensor) -> Tensor:
        return affine(x, self.weight, self.bias if self.biased else None)


class Effect(nn.Module):
    """What inputs that are known ahead do to each target at a step. [M, B, K, T] to [M, B, C, T]"""

    def __init__(self, known: int, targets: int) -> None:
        super().__init__()
        self.first = Linear(known, EFFECT_WIDTH)
        # What is the same at every step is taken out of the look-back: a bias would be moved by rounding.
        self.last = Map(EFFECT_WIDTH, targets, bias=False)

    def forward(self, known: Tensor) -> Tensor:
        return self.last(functional.gelu(self.first(known.transpose(2, 3)))).transpose(2, 3)


def _covered(rows: Tensor, size: int, steps: int) -> Tensor:
    """Which steps windows of that size cover. [steps] bool"""
    changes = torch.zeros(steps + 1, dtype=torch.int64, device=rows.device)
    ones = torch.ones_like(rows)
    changes.index_add_(0, rows, ones).index_add_(0, rows + size, -ones)
    return changes.cumsum(0)[:steps] > 0
