"""What the engine trains: M networks of one shape, with all their parameters in one flat tensor."""

from __future__ import annotations

import copy
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from netwright.nn.member import PREDICT, Layout, Mode
from netwright.nn.objective import Objective


class Step(NamedTuple):
    """What one pass forward and backward gives.

    Arguments:
        losses: of each member; whatever is quick where `Trainable.tell_losses` is False. [M]
        gradient: of the sum of losses. [M, P]
        output: what `forward` gave.
    """

    losses: Tensor
    gradient: Tensor
    output: Any


class Purpose(NamedTuple):
    """What a network is trained for, as far as it can be told.

    Arguments:
        loss: "cross_entropy", "binary_cross_entropy", "mse", "mae", "huber", or another name.
        takes: what the loss wants of the network: "logits", "probabilities", "log_probabilities", "numbers",
            or "unknown".
    """

    loss: str
    takes: str


class Trainable(nn.Module):
    """Base of all networks that a `Population` can train. `forward` gives what `losses` and `scores` take.

    A row of weight None weighs 1. Axes: M members, B batch, P parameters of one member.

    Attributes:
        members: M.
        flat: all parameters. [M, P]
        layout: what lies where in it.
    """

    tell_losses = True  # whether a step's losses are looked at; they can be had of its output too
    constrained = False  # whether `constrain` has anything to do

    def __init__(self, members: int) -> None:
        super().__init__()
        self.members = members

    def lay_out(self) -> None:
        """To be called when all parts are there: gives their parameters places in the flat tensor."""
        self.layout = Layout(self)
        self.flat = nn.Parameter(torch.zeros(self.members, self.layout.size))

    def initialise(self, seeds: list[int]) -> None:
        """Draws each member's first weights from its seed."""
        with torch.no_grad():
            for member, seed in enumerate(seeds):
                self.flat[member] = self.layout.draw(seed)

    def fit_preparation(
        self,
        member: int,
        raw: dict[str, Tensor],
        target: Any,
        weight: Tensor,
        rows: Tensor,
        balanced: bool = False,
    ) -> None:
        """Fits all buffers of one member on its training rows, and on nothing else. Some have none.

        Arguments:
            member: which.
            raw: raw tensors of all rows. [N, ...]
            target: [N, ...]
            weight: [N]
            rows: numbers of the member's training rows.
            balanced: whether the classes will be drawn equally often.
        """

    def set_objective(self, objective: Objective) -> None:
        """Sets the members' losses, before they are fitted, where the network has a choice."""

    def forward(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> Any:
        """The outputs for raw tensors [M, B, ...]."""
        raise NotImplementedError

    def known(self, target: Any) -> Tensor | None:
        """Which rows have a target that a loss can be computed of; None when all have. [M, B]"""
        return None

    def losses(
        self, output: Any, target: Any, weight: Tensor | None = None, smoothing: Tensor | None = None
    ) -> Tensor:
        """The mean loss of each member, weighted by `weight` [M, B]. [M]

        Arguments:
            smoothing: label smoothing of each member. [M]
        """
        raise NotImplementedError

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        """Loss and metrics of each row, to be averaged over rows. Each [M, B] or [M, B, S]"""
        raise NotImplementedError

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        """The scores' values from their means over rows. Each [M]"""
        return means

    def purpose(self) -> Purpose:
        """What it is trained for."""
        return Purpose("unknown", "unknown")

    def answers(self, output: Any) -> Tensor:
        """What `forward` gave as a user sees it: probabilities or numbers. [M, B, C]

        Raises:
            TypeError: there are several outputs.
        """
        if not isinstance(output, Tensor):
            raise TypeError("the network has several outputs")
        return output

    def step(
        self,
        raw: dict[str, Tensor],
        target: Any,
        weight: Tensor | None,
        mode: Mode,
        smoothing: Tensor | None = None,
    ) -> Step:
        """Forward, loss and back-propagation, without any update."""
        with torch.enable_grad():
            output = self(raw, mode)
            losses = self.losses(output, target, weight, smoothing)
            if mode.mix is not None:
                others, theirs = mode.mix.partners(target), mode.mix.partners(weight)
                losses = mode.mix.join(losses, self.losses(output, others, theirs, smoothing))
            self.flat.grad = None
            losses.sum().backward()
        assert self.flat.grad is not None
        return Step(losses.detach(), self.flat.grad, output)

    def constrain(self) -> None:
        """Brings parameters back to what is allowed, after each step."""

    def live(self) -> list[Tensor]:
        """What training changes beside the parameters, such as batch norm's statistics. Each [M, ...]"""
        return []

    def select(self, places: list[int]) -> Trainable:
        """A network of some of the members, with copies of all that is theirs."""
        self.layout.release()
        made = copy.deepcopy(self)
        made.members = len(places)
        made.flat = nn.Parameter(self.flat.detach()[places].clone())
        for module in made.modules():
            lasting = set(module.state_dict(keep_vars=True)) if module is not made else {"flat"}
            for name, buffer in list(module._buffers.items()):
                if buffer is not None and (name in lasting or name in getattr(module, "of_members", ())):
                    module._buffers[name] = buffer[places].clone()
            if hasattr(module, "members"):
                module.members = len(places)  # type: ignore[assignment]
        return made

    def rows_at_a_time(self) -> int:
        """Rows whose activations stay within some tens of megabytes."""
        return 4096

    @property
    def parameter_count(self) -> int:
        """Parameters of one member."""
        return self.layout.size

    def named_values(self) -> dict[str, Tensor]:
        """All parameters and fitted buffers by name, each [M, ...]; what a bundle stores."""
        pieces = self.flat.detach().split(self.layout.sizes, dim=1)
        values = {
            place.name: piece.reshape(self.members, *place.declared.shape)
            for place, piece in zip(self.layout.places, pieces, strict=True)
        }
        return values | {name: value for name, value in self.state_dict().items() if name != "flat"}

    def load_values(self, values: dict[str, Tensor]) -> None:
        """Takes what `named_values` gave. Raises KeyError or RuntimeError where names or shapes differ."""
        buffers = {name: value for name, value in self.state_dict().items() if name != "flat"}
        with torch.no_grad():
            for name, buffer in buffers.items():
                _copy(buffer, values[name], name)
            for place in self.layout.places:
                _copy(place.of(self.flat), values[place.name], place.name)


def weighted_mean(rows: Tensor, weight: Tensor | None) -> Tensor:
    """The mean over rows [M, B] with their weights [M, B]. [M]"""
    if weight is None:
        return rows.sum(1) / rows.shape[1]
    return (rows * weight).sum(1) / weight.sum(1).clamp(min=1e-12)


def _copy(into: Tensor, value: Tensor, name: str) -> None:
    if into.shape != value.shape:
        raise RuntimeError(f"{name}: shape {tuple(value.shape)} where {tuple(into.shape)} is expected")
    into.copy_(value)
