"""Optimisers of flat parameters [M, P]: a handful of operations whatever the number of layers.

Each member may have its own learning rate, weight decay, betas and so on. Where all share them, a step does
no tensor work but on the parameters themselves. `rules.py` holds the formulas.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from netwright.training.clip import clip_norm
from netwright.training.muon import Plan
from netwright.training.rules import (
    DECOUPLED,
    RULES,
    Move,
    Number,
    Settings,
    adam,
    add,
    can_fuse,
    joins,
    settle,
)

__all__ = ["Optimizer", "Settings", "clip_norm"]


class Optimizer:
    """One optimiser for all members.

    Arguments:
        name: one of `rules.RULES`.
        flat: the parameters. [M, P]
        settings: of each member.
        rates: each parameter's factor on the learning rate. [P]
        decays: 1 where weight decay applies. [P]
        plan: what is a matrix; for muon.

    Example:
        >>> flat = torch.ones(1, 3)
        >>> Optimizer("sgd", flat, Settings(), torch.ones(3), torch.ones(3)).step(torch.ones(1, 3), 0.5)
        >>> flat
        tensor([[0.5000, 0.5000, 0.5000]])
    """

    def __init__(
        self,
        name: str,
        flat: Tensor,
        settings: Settings,
        rates: Tensor,
        decays: Tensor,
        plan: Plan | None = None,
    ) -> None:
        self.name, self.flat, self.rule = name, flat, RULES[name]
        self.settings = settings.settled(flat)
        self.plan = plan.to(flat.device) if plan else Plan.none()
        if name == "muon" and plan is None:
            self.plan = Plan({}, torch.arange(flat.shape[1], device=flat.device))
        self.rates = None if bool((rates == 1.0).all()) else rates.to(flat)[None]
        self.decay = self._decay(decays.to(flat))
        self.decoupled = name in DECOUPLED if settings.decoupled is None else settings.decoupled
        widths = self.rule.slots(self.settings, flat.shape[1], self.plan)
        self.slots = {slot: flat.new_zeros(len(flat), width) for slot, width in widths.items()}
        if "sum" in self.slots:
            self.slots["sum"] += self.settings.initial_accumulator
        self.numbers: dict[str, Number] = {"step": 0.0}
        if name == "nadam":
            self.numbers["product"] = 1.0
        # What a step of all members needs but for its gradient and its rate, put together once.
        self.every = Move(
            flat,
            state=self.slots,
            numbers=self.numbers,
            settings=self.settings,
            scratch=torch.empty_like(flat),
            plan=self.plan,
            count=torch.zeros((), dtype=torch.float32, device=flat.device),
            fuse=can_fuse(self.settings, flat),
        )

    def _decay(self, decays: Tensor) -> Number | None:
        """Weight decay: None, a float for all parameters, or [1, P] or [M, P]."""
        weight, rest = self.settings.weight_decay, self.settings.adam_weight_decay
        if self.name != "muon" or rest is None or rest is weight:
            if not isinstance(weight, Tensor) and (weight == 0.0 or bool((decays == 1.0).all())):
                return weight or None
            return decays[None] * weight
        members = 1 if isinstance(weight, float) and isinstance(rest, float) else len(self.flat)
        decay = (decays[None] * weight).repeat(members if not isinstance(weight, Tensor) else 1, 1)
        decay[:, self.plan.rest] = (decays[None] * rest).expand_as(decay)[:, self.plan.rest]
        return decay if bool(decay.any()) else None

    @property
    def state(self) -> list[Tensor]:
        """What is remembered of each parameter. Each [M, ...]"""
        return list(self.slots.values())

    @property
    def steps(self) -> Tensor:
        """Steps done by each member. [M, 1]"""
        return self._spread(self.numbers["step"])

    def state_dict(self) -> dict[str, Tensor]:
        """Everything that the steps to come depend on beside the parameters, as tensors of its own."""
        slots = {name: slot.clone() for name, slot in self.slots.items()}
        return slots | {name: self._spread(number).clone() for name, number in self.numbers.items()}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Takes what `state_dict` gave. Raises KeyError or RuntimeError where names or shapes differ."""
        for name, slot in self.slots.items():
            slot.copy_(state[name])
        self.numbers.update({name: settle(state[name], self.flat) for name in self.numbers})

    def step(self, gradient: Tensor, rate: Number, active: Tensor | None = None) -> None:
        """Moves the parameters of the active members.

        Arguments:
            gradient: without a history, as the parameters are. [M, P]
            rate: learning rate in this step, of each member [M, 1] or a float for all.
            active: which members move; all when None. [M] bool
        """
        if isinstance(rate, Tensor) and rate.device.type == "cpu":
            rate = settle(rate, self.flat)  # elsewhere looking at it would wait for the device
        if active is None:
            self._make(self.every, gradient, rate, self.decay)
            return
        rows = torch.nonzero(active).flatten()
        if not len(rows):
            return
        flat, slots = self.flat[rows], {name: slot[rows] for name, slot in self.slots.items()}
        spread = {name: self._spread(number) for name, number in self.numbers.items()}
        numbers: dict[str, Number] = {name: number[rows] for name, number in spread.items()}
        move = replace(self.every, flat=flat, state=slots, numbers=numbers, settings=self.settings.of(rows))
        move.scratch = move.scratch[: len(rows)]
        part = rate[rows] if isinstance(rate, Tensor) else rate
        each = isinstance(self.decay, Tensor) and len(self.decay) > 1
        self._make(move, gradient[rows], part, self.decay[rows] if each else self.decay)  # type: ignore[index]
        self.flat[rows] = flat
        for name, slot in self.slots.items():
            slot[rows] = slots[name]
        for name, number in spread.items():
            number[rows] = numbers[name]
        self.numbers.update(spread)

    def _make(self, move: Move, gradient: Tensor, rate: Number, decay: Number | None) -> None:
        """A step of the members of `move`, with weight decay."""
        move.numbers["step"] = move.numbers["step"] + 1.0
        if self.rates is not None:
            rate = rate * self.rates  # [1, P] or [m, P]
        move.decay = None
        if decay is not None and self.decoupled and self.rule.move is adam and joins(move, rate):
            move.decay = decay
        elif decay is not None and self.decoupled:
            _shrink(move.flat, rate, decay, move.scratch)
        elif decay is not None:
            gradient = gradient.clone()
            add(gradient, move.flat, decay)
        self.rule.move(move, gradient, rate)

    def _spread(self, number: Number) -> Tensor:
        """A number of each member. [M, 1]"""
        if isinstance(number, Tensor):
            return number
        return torch.full((len(self.flat), 1), number, dtype=self.flat.dtype, device=self.flat.device)


def _shrink(flat: Tensor, rate: Number, decay: Number, scratch: Tensor) -> None:
    """flat *= 1 - rate decay"""
    if not isinstance(decay, Tensor):
        flat.mul_(1.0 - rate * decay)
    elif isinstance(rate, Tensor):
        flat.addcmul_(flat, torch.mul(decay.expand_as(flat), rate, out=scratch), value=-1.0)
    else:
        flat.addcmul_(flat, decay, value=-rate)
