"""A graph of layers as a network that the engine can train, with the losses and metrics of its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from netwright.data.dataset import Dataset
from netwright.layers.base import Activated, Layer, Symbol
from netwright.losses import Loss
from netwright.losses.purpose import loss_purpose
from netwright.metrics import Metric
from netwright.models import backprop, backprop_numpy
from netwright.models.backprop_numpy import ArrayChain
from netwright.models.graph import Graph
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Purpose, Step, Trainable, weighted_mean
from netwright.training.feed import ResidentFeed
from netwright.training.population import Totals


@dataclass
class Goal:
    """What one output is trained for.

    Arguments:
        loss: None where an output has no part in the training.
        weight: of its loss among those of several outputs.
        metrics: told beside the loss.
    """

    loss: Loss | None = None
    weight: float = 1.0
    metrics: list[Metric] = field(default_factory=list)


class GraphNetwork(Trainable):
    """M networks of one graph of layers.

    Targets are a tensor, or tensors by the outputs' names where there are several outputs.

    Arguments:
        inputs, outputs: symbols; see `Graph`.
        members: M.

    Attributes:
        names: of the inputs and outputs, which raw tensors and targets go by.
    """

    def __init__(self, inputs: Sequence[Symbol], outputs: Sequence[Symbol], members: int = 1) -> None:
        super().__init__(members)
        self.graph = Graph(inputs, outputs, members)
        self.input_names = _unique([symbol.name or "x" for symbol in inputs])
        ends = [self.graph.last_layer(place) for place in range(len(outputs))]
        self.output_names = _unique([layer.name if layer is not None else "output" for layer in ends])
        self.goals = [Goal() for _ in outputs]
        self.chain: backprop.Chain | None = None
        self.lay_out()
        self.constrained = any(place.declared.constraint for place in self.layout.places)
        penalties = self.layout.penalties()
        self.penalized = penalties is not None
        if penalties is not None:
            self.register_buffer("l1", penalties[0], persistent=False)
            self.register_buffer("l2", penalties[1], persistent=False)
        self.register_buffer("moving", None, persistent=False)
        self.freeze()
        self.aim(self.goals)

    l1: Tensor
    l2: Tensor
    frozen = False  # whether any parameter is
    moving: Tensor | None  # 1 where a parameter is trained, 0 where not; None when all are. [P]

    def freeze(self) -> bool:
        """Takes each layer's `trainable` as it is now; says whether that changed anything."""
        for layer in self.graph.layers.values():
            if not layer.trainable:
                for inner in layer.modules():
                    if isinstance(inner, Layer):
                        inner.trainable = False
        if not self.layout.places:
            return False
        before = self.layout.rates()
        for number, place in enumerate(self.layout.places):
            rate = float(place.layer.trainable)  # type: ignore[arg-type]
            if rate != place.declared.rate:
                self.layout.places[number] = replace(place, declared=replace(place.declared, rate=rate))
        rates = self.layout.rates()
        self.frozen = not bool(rates.all())
        self.moving = rates.to(self.flat.device) if self.frozen else None
        return bool((rates != before).any())

    def output_shape(self, place: int) -> tuple[int, ...]:
        """The shape of an output, without the batch."""
        return self.graph.shapes[self.graph.ends[place]]

    def aim(self, goals: list[Goal]) -> None:
        """Sets what the outputs are trained for."""
        self.goals = goals
        joined = set()
        self.logits = []
        for place, goal in enumerate(goals):
            layer = self.graph.last_layer(place)
            end = self.graph.ends[place]
            join = (
                goal.loss is not None
                and isinstance(layer, Activated)
                and layer.activation_name == goal.loss.joins
                and self.graph.ends.count(end) == 1
                and not any(end in node.sources for node in self.graph.nodes)
            )
            self.logits.append(join)
            if join:
                joined.add(end)
        self.joined = frozenset(joined)
        self.chain = None

    def use_chain(self, rows: int) -> None:
        """Takes the written-out back-propagation where there is one, on the parameters where they lie.

        Arguments:
            rows: of a step, which the faster way depends on.
        """
        if torch.is_autocast_enabled(self.flat.device.type):
            return
        layers, loss = self.graph.chain(), self.goals[0].loss
        if layers and loss is not None and backprop.fits(layers, self.graph.shapes, loss, self.logits[0]):
            kind = ArrayChain if backprop_numpy.works(self.flat, rows) else backprop.Chain
            self.chain = kind(layers, loss, self.logits[0], self.layout, self.flat)

    def select(self, places: list[int]) -> GraphNetwork:
        """A network of some of the members, with copies of all that is theirs."""
        made = super().select(places)
        assert isinstance(made, GraphNetwork)
        made.chain = None  # it is written out on the parameters of this one
        return made

    def forward(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> list[Tensor]:
        """Outputs [M, B, ...]; those that are joined with their loss before the last activation."""
        self.layout.bind(self.flat if torch.is_grad_enabled() else self.flat.detach())
        given = [raw[name] for name in self.input_names]
        if mode.mix is not None:
            given = [mode.mix.blend(each) for each in given]
        return self.graph.run(given, mode, self.joined)

    def purpose(self) -> Purpose:
        """Of the first output."""
        loss = self.goals[0].loss
        if loss is None:
            return Purpose("unknown", "unknown")
        takes = "logits" if self.logits[0] or getattr(loss, "from_logits", False) else None
        return loss_purpose(loss, takes)

    def answers(self, output: list[Tensor]) -> Tensor:
        if len(self.goals) > 1:
            raise TypeError("the network has several outputs")
        return self.activated([_wide(output[0])])[0]

    def activated(self, outputs: list[Tensor]) -> list[Tensor]:
        """Outputs after their last activation."""
        found = []
        for place, (output, joined) in enumerate(zip(outputs, self.logits, strict=True)):
            layer = self.graph.last_layer(place)
            found.append(layer.activate(output) if joined and isinstance(layer, Activated) else output)
        return found

    @torch.no_grad()
    def predict(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> list[Tensor]:
        """Outputs for raw tensors [M, B, ...] as a user wants them."""
        return self.activated(self(raw, mode))

    @torch.no_grad()
    def evaluate(self, data: Dataset, size: int) -> dict[str, float]:
        """Loss and metrics of the first member on all rows, so many at a time."""
        totals = Totals(self.members, self.flat.device)
        for batch in ResidentFeed(data, [torch.arange(len(data.weight))], [0], 1).pieces(size):
            totals.add(self.scores(self(batch.raw), batch.target), batch)
        return {name: float(value[0]) for name, value in self.finish(totals.means()).items()}

    def losses(
        self, output: Any, target: Any, weight: Tensor | None = None, smoothing: Tensor | None = None
    ) -> Tensor:
        total: Any = 0.0
        for place, goal in enumerate(self.goals):
            if goal.loss is not None:
                rows = self._rows(goal.loss, place, output, target)
                total = total + goal.weight * weighted_mean(rows, weight)
        return total

    def _rows(self, loss: Loss, place: int, output: list[Tensor], target: Any) -> Tensor:
        """The loss of each row for one output. [M, B]"""
        return loss.rows(self._target(target, place), _wide(output[place]), logits=self.logits[place])

    def _target(self, target: Any, place: int) -> Tensor:
        return target[self.output_names[place]] if isinstance(target, dict) else target

    def step(
        self,
        raw: dict[str, Tensor],
        target: Any,
        weight: Tensor | None,
        mode: Mode,
        smoothing: Tensor | None = None,
    ) -> Step:
        if self.chain is None:
            step = super().step(raw, target, weight, mode, smoothing)
        else:
            step = self.chain.step(raw[self.input_names[0]], target, weight, mode, tell=self.tell_losses)
        if self.penalized:
            flat = self.flat.detach()
            step.gradient.addcmul_(self.l1, flat.sign()).addcmul_(self.l2, flat, value=2.0)
            penalty = self.penalty()
            # Scores are taken some steps later, and the penalty is to be that of this step.
            told = penalty[:, None].expand(-1, step.output[0].shape[1])  # [M, B]
            step = step._replace(losses=step.losses + penalty, output=[*step.output, told])
        if self.frozen:
            step.gradient.mul_(self.moving)  # type: ignore[arg-type]
        return step

    def penalty(self) -> Tensor:
        """What the layers' regularisers add to the loss. [M]"""
        flat = self.flat.detach()
        return (self.l1 * flat.abs() + self.l2 * flat.square()).sum(1)

    def constrain(self) -> None:
        """Brings parameters back to what their constraints allow."""
        with torch.no_grad():
            self.layout.constrain(self.flat)

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        """The loss of each row, and what the metrics average; several outputs have their names in front."""
        found: dict[str, Tensor] = {}
        given = [_wide(each) for each in output[: len(self.goals)]]
        if not all(metric.ranks for goal in self.goals for metric in goal.metrics):
            given = self.activated(given)
        several = len(self.goals) > 1
        total: Any = 0.0
        for place, goal in enumerate(self.goals):
            name = f"{self.output_names[place]}_" if several else ""
            if goal.loss is not None:
                rows = self._rows(goal.loss, place, output, target)
                total = total + goal.weight * rows
                if several:
                    found[f"{name}loss"] = rows
            for metric in goal.metrics:
                found[f"{name}{metric.label}"] = metric.sums(self._target(target, place), given[place])
        if self.penalized and isinstance(total, Tensor):
            total = total + (output[-1] if len(output) > len(self.goals) else self.penalty()[:, None])
        return {"loss": total} | found

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        metrics = self.metrics()
        return {name: metrics[name].finish(mean) if name in metrics else mean for name, mean in means.items()}

    def metrics(self) -> dict[str, Metric]:
        """All metrics by the names that they have in a history."""
        several = len(self.goals) > 1
        return {
            f"{self.output_names[place]}_{metric.label}" if several else metric.label: metric
            for place, goal in enumerate(self.goals)
            for metric in goal.metrics
        }

    def live(self) -> list[Tensor]:
        return [
            getattr(module, name)
            for module in self.graph.modules()
            for name in getattr(module, "statistics", ())
        ]

    def rows_at_a_time(self) -> int:
        largest = max((_size(shape) for shape in self.graph.shapes), default=1) * self.members
        return max(16, min(16_384, 8_000_000 // max(1, largest)))


def _wide(output: Tensor) -> Tensor:
    """Losses are computed in float32 at least."""
    return output.float() if output.dtype in (torch.bfloat16, torch.float16) else output


def _size(shape: tuple[int | None, ...]) -> int:
    size = 1
    for each in shape:
        size *= 64 if each is None else each
    return size


def _unique(names: list[str]) -> list[str]:
    """Names that differ: x, x_1, ..."""
    found: list[str] = []
    for name in names:
        number, given = 0, name
        while given in found:
            number += 1
            given = f"{name}_{number}"
        found.append(given)
    return found
