"""The formulas of the optimisers, on flat parameters [m, P], in order of increasing complexity.

A number of the settings is a Python float where all members share it, which costs no tensor work, or a
tensor [m, 1]. Both take the same way through `add`, `mean_into`, `square_into` and `subtract_ratio`.

Where PyTorch and Keras differ, `Settings.form` says whose form is meant:

| | torch | keras |
|---|---|---|
| sgd, rmsprop with momentum | the rate multiplies the velocity | the velocity holds steps, rate included |
| rmsprop, adagrad | g / (sqrt(v) + epsilon) | g / sqrt(v + epsilon) |
| adam, adamw | epsilon is added to the corrected sqrt(v / (1 - beta2^t)) | "epsilon hat": added to sqrt(v) |
| adamax | epsilon is added to the size of the gradient | epsilon is added to the greatest size |
| muon | steps times sqrt(max(1, outputs / inputs)) | times rms_rate sqrt(max(inputs, outputs)) |
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from netwright.training.muon import Plan, orthogonal

Number = float | Tensor


@dataclass
class Settings:
    """What an optimiser is told. A `Number` may differ between members: a float, or [M, 1].

    Arguments:
        weight_decay: decoupled from the gradient for adamw, lion and muon, added to it otherwise.
        beta1, beta2: of adam, adamw, nadam, adamax and lion, and of muon's adamw.
        momentum: of sgd, rmsprop and muon.
        nesterov: of sgd and muon; the same for all members, as everything that is no `Number`.
        epsilon: keeps quotients finite.
        rho: how much rmsprop and adadelta keep of their means.
        initial_accumulator: where adagrad's sums begin.
        momentum_decay: how fast nadam's momentum comes to its full size.
        adam_weight_decay, adam_ratio: of what is no matrix under muon: its decay (`weight_decay` when None),
            and its rate as a share of the rate.
        rms_rate: size of muon's steps in Keras's form; None for no scaling.
        centered: whether rmsprop divides by the deviation.
        amsgrad: whether adam divides by the greatest mean so far.
        decoupled: how weight decay is applied where the optimiser's own way is not meant.
        form: whose form of the optimiser, see above.
        newton_schulz: iterations of muon.
        coefficients: of muon's iteration.
    """

    weight_decay: Number = 0.0
    beta1: Number = 0.9
    beta2: Number = 0.999
    momentum: Number = 0.0
    nesterov: bool = False
    epsilon: Number = 1e-8
    rho: Number = 0.99
    initial_accumulator: Number = 0.0
    momentum_decay: Number = 0.004
    adam_weight_decay: Number | None = None
    adam_ratio: Number = 1.0
    rms_rate: Number | None = 0.2
    centered: bool = False
    amsgrad: bool = False
    decoupled: bool | None = None
    form: Literal["torch", "keras"] = "torch"
    newton_schulz: int = 5
    coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315)

    def settled(self, flat: Tensor) -> Settings:
        """With floats for what all members share, and tensors [M, 1] like `flat` for the rest."""
        return replace(self, **{name: settle(value, flat) for name, value in self._tensors().items()})

    def of(self, rows: Tensor) -> Settings:
        """The settings of some members."""
        tensors = self._tensors()
        return replace(self, **{name: value[rows] for name, value in tensors.items()}) if tensors else self

    def _tensors(self) -> dict[str, Tensor]:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def settle(value: Number, flat: Tensor) -> Number:
    """A float where all members share a number [M, 1], else a tensor of `flat`'s type and place."""
    if not isinstance(value, Tensor):
        return float(value)
    different = set(value.flatten().tolist())
    return different.pop() if len(different) == 1 else value.to(flat)


@dataclass
class Move:
    """What the steps of m members are made with, in place.

    A rule is given it with a gradient [m, P], which it leaves as it is, and the learning rate: a float, or
    [m, 1], [1, P] or [m, P].

    Arguments:
        flat: the parameters. [m, P]
        state: what the optimiser remembers of each parameter.
        numbers: what it remembers of each member, a float or [m, 1] each: `step`, counted from 1.
        settings: of these members.
        scratch: room for a value of each parameter. [m, P]
        plan: what is a matrix; for muon only.
        count: room for the number of steps, where a kernel wants it as a tensor. []
        fuse: whether these settings allow adam in one pass over memory; see `can_fuse`.
        decay: decoupled weight decay that adam joins with its step, where `joins` holds.
    """

    flat: Tensor
    state: dict[str, Tensor]
    numbers: dict[str, Number]
    settings: Settings
    scratch: Tensor
    plan: Plan
    count: Tensor
    fuse: bool = False
    decay: Number | None = None


def sgd(move: Move, gradient: Tensor, rate: Number) -> None:
    """Nesterov's form as in Sutskever and others, ICML 2013."""
    flat, settings = move.flat, move.settings
    if "velocity" not in move.state:
        add(flat, gradient, -rate)
        return
    velocity = move.state["velocity"].mul_(settings.momentum)
    if settings.form == "keras":
        add(velocity, gradient, rate)
        if settings.nesterov:
            add(flat, gradient, -rate)
            add(flat, velocity, -settings.momentum)
        else:
            flat.sub_(velocity)
        return
    velocity.add_(gradient)
    if settings.nesterov:
        add(flat, gradient, -rate)
        add(flat, velocity, -rate * settings.momentum)
    else:
        add(flat, velocity, -rate)


def lion(move: Move, gradient: Tensor, rate: Number) -> None:
    """Chen and others, arXiv 2302.06675."""
    settings, mean = move.settings, move.state["mean"]
    direction = torch.lerp(mean, gradient, 1.0 - settings.beta1, out=move.scratch).sign_()  # type: ignore[call-overload]
    add(move.flat, direction, -rate)
    mean_into(mean, gradient, settings.beta2)


def adagrad(move: Move, gradient: Tensor, rate: Number) -> None:
    """Duchi, Hazan and Singer, JMLR 12 (2011)."""
    total = move.state["sum"].addcmul_(gradient, gradient)
    bottom = _root(total, move.settings, move.scratch)
    subtract_ratio(move.flat, gradient, bottom, rate)


def rmsprop(move: Move, gradient: Tensor, rate: Number) -> None:
    """Hinton, lecture 6e (2012); centred: Graves, arXiv 1308.0850."""
    settings, state, scratch = move.settings, move.state, move.scratch
    square_into(state["square"], gradient, settings.rho, scratch)
    spread = state["square"]
    if settings.centered:
        mean_into(state["mean"], gradient, settings.rho)
        spread = torch.addcmul(spread, state["mean"], state["mean"], value=-1.0, out=scratch).clamp_(min=0.0)
    bottom = _root(spread, settings, scratch)
    if "velocity" not in state:
        subtract_ratio(move.flat, gradient, bottom, rate)
        return
    velocity = state["velocity"].mul_(settings.momentum)
    if settings.form == "keras":
        subtract_ratio(velocity, gradient, bottom, -rate)
        move.flat.sub_(velocity)
    else:
        velocity.addcdiv_(gradient, bottom)
        add(move.flat, velocity, -rate)


def adadelta(move: Move, gradient: Tensor, rate: Number) -> None:
    """Zeiler, arXiv 1212.5701."""
    settings, scratch = move.settings, move.scratch
    square, moved = move.state["square"], move.state["moved"]
    square_into(square, gradient, settings.rho, scratch)
    step = (moved + settings.epsilon).sqrt_().mul_(gradient)
    step.div_(torch.add(square, settings.epsilon, out=scratch).sqrt_())
    square_into(moved, step, settings.rho, scratch)
    add(move.flat, step, -rate)


def adamax(move: Move, gradient: Tensor, rate: Number) -> None:
    """Kingma and Ba, arXiv 1412.6980, section 7.1."""
    settings, scratch, greatest = move.settings, move.scratch, move.state["greatest"]
    keras = settings.form == "keras"
    mean_into(move.state["mean"], gradient, settings.beta1)
    size = torch.abs(gradient, out=scratch)
    if not keras:
        size.add_(settings.epsilon)
    torch.maximum(greatest.mul_(settings.beta2), size, out=greatest)
    bottom = torch.add(greatest, settings.epsilon if keras else 0.0, out=scratch)
    rate = rate / correction(settings.beta1, move.numbers["step"])
    subtract_ratio(move.flat, move.state["mean"], bottom, rate)


def adam(move: Move, gradient: Tensor, rate: Number) -> None:
    """Kingma and Ba, arXiv 1412.6980; AMSGrad: Reddi, Kale and Kumar, arXiv 1904.09237.

    One formula for both places of epsilon: rate sqrt(c2) / c1 * mean / (sqrt(square) + e), where c1 and c2
    are the corrections, with e = epsilon in Keras's form and epsilon sqrt(c2) in PyTorch's.
    """
    settings, step, scratch = move.settings, move.numbers["step"], move.scratch
    mean, square = move.state["mean"], move.state["square"]
    root = correction(settings.beta2, step) ** 0.5
    if move.fuse and not isinstance(root, Tensor):
        if isinstance(rate, Tensor):  # the kernel knows one for all: a step from 0, which they scale
            start = scratch.zero_() if move.decay is None else torch.mul(move.flat, move.decay, out=scratch)
            _fused_adam(move, start, gradient, -1.0, root)
            add(move.flat, scratch, -rate)
        else:
            _fused_adam(move, move.flat, gradient, rate, root)
        return
    mean_into(mean, gradient, settings.beta1)
    square_into(square, gradient, settings.beta2, scratch)
    if settings.amsgrad:
        greatest = move.state["greatest"]
        square = torch.maximum(greatest, square, out=greatest)
    epsilon = settings.epsilon if settings.form == "keras" else settings.epsilon * root
    bottom = torch.sqrt(square, out=scratch).add_(epsilon)
    subtract_ratio(move.flat, mean, bottom, rate * root / correction(settings.beta1, step))


def joins(move: Move, rate: Number) -> bool:
    """Whether `adam` can take decoupled weight decay along at these rates, which spares two passes."""
    return move.fuse and isinstance(rate, Tensor) and not isinstance(move.numbers["step"], Tensor)


def nadam(move: Move, gradient: Tensor, rate: Number) -> None:
    """Dozat, ICLR workshop 2016. Epsilon is added to the corrected root in both forms."""
    settings, numbers, step = move.settings, move.numbers, move.numbers["step"]
    now = settings.beta1 * (1.0 - 0.5 * 0.96 ** (step * settings.momentum_decay))
    following = settings.beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1.0) * settings.momentum_decay))
    product = numbers["product"] = numbers["product"] * now
    root = correction(settings.beta2, step) ** 0.5
    mean_into(move.state["mean"], gradient, settings.beta1)
    square_into(move.state["square"], gradient, settings.beta2, move.scratch)
    bottom = torch.sqrt(move.state["square"], out=move.scratch).add_(settings.epsilon * root)
    rate = rate * root
    top = gradient * (rate * (1.0 - now) / (1.0 - product))
    add(top, move.state["mean"], rate * following / (1.0 - product * following))
    move.flat.addcdiv_(top, bottom, value=-1.0)


def muon(move: Move, gradient: Tensor, rate: Number) -> None:
    """Jordan and others (2024), kellerjordan.github.io/posts/muon; `rms_rate`: arXiv 2502.16982.

    Matrices go the nearest orthogonal way of their momentum, everything else goes AdamW's way.
    """
    settings, plan, members = move.settings, move.plan, len(move.flat)
    velocity, start = move.state["velocity"], 0
    for (inputs, outputs), starts in plan.groups.items():
        size = inputs * outputs
        joined = torch.cat([gradient[:, each : each + size] for each in starts], 1)
        momentum = velocity[:, start : start + joined.shape[1]]
        mean_into(momentum, joined, settings.momentum)
        way = torch.lerp(joined, momentum, settings.momentum) if settings.nesterov else momentum  # type: ignore[arg-type]
        way = orthogonal(
            way.reshape(-1, inputs, outputs), settings.newton_schulz, settings.coefficients
        ).view(members, -1)
        scaled = rate * _muon_scale(settings, inputs, outputs)
        for place, each in enumerate(starts):
            part = scaled
            if isinstance(scaled, Tensor) and scaled.shape[1] > 1:
                part = scaled[:, each : each + size]
            add(move.flat[:, each : each + size], way[:, place * size : (place + 1) * size], -part)
        start += joined.shape[1]
    if len(plan.rest):
        rest, rate = plan.rest, rate * settings.adam_ratio
        if isinstance(rate, Tensor) and rate.shape[1] > 1:
            rate = rate[:, rest]
        flat = move.flat[:, rest]
        adam(replace(move, flat=flat, scratch=torch.empty_like(flat)), gradient[:, rest], rate)
        move.flat[:, rest] = flat


def _muon_scale(settings: Settings, inputs: int, outputs: int) -> Number:
    if settings.form == "torch":
        return max(1.0, outputs / inputs) ** 0.5
    return 1.0 if settings.rms_rate is None else settings.rms_rate * max(inputs, outputs) ** 0.5


class Rule(NamedTuple):
    """An optimiser: how it moves, and how many values a member its state has for each name."""

    move: Callable[[Move, Tensor, Number], None]
    slots: Callable[[Settings, int, Plan], dict[str, int]]


def _adam_slots(settings: Settings, size: int, plan: Plan) -> dict[str, int]:
    return {"mean": size, "square": size} | ({"greatest": size} if settings.amsgrad else {})


def _momentum_slots(settings: Settings, size: int) -> dict[str, int]:
    still = isinstance(settings.momentum, float) and settings.momentum == 0.0
    return {} if still else {"velocity": size}


RULES: dict[str, Rule] = {
    "sgd": Rule(sgd, lambda settings, size, plan: _momentum_slots(settings, size)),
    "lion": Rule(lion, lambda settings, size, plan: {"mean": size}),
    "adagrad": Rule(adagrad, lambda settings, size, plan: {"sum": size}),
    "rmsprop": Rule(
        rmsprop,
        lambda settings, size, plan: (
            {"square": size} | ({"mean": size} if settings.centered else {}) | _momentum_slots(settings, size)
        ),
    ),
    "adadelta": Rule(adadelta, lambda settings, size, plan: {"square": size, "moved": size}),
    "adamax": Rule(adamax, lambda settings, size, plan: {"mean": size, "greatest": size}),
    "adam": Rule(adam, _adam_slots),
    "adamw": Rule(adam, _adam_slots),
    "nadam": Rule(nadam, lambda settings, size, plan: {"mean": size, "square": size}),
    "muon": Rule(
        muon,
        lambda settings, size, plan: (
            {"velocity": size - len(plan.rest)} | _adam_slots(settings, len(plan.rest), plan)
        ),
    ),
}
DECOUPLED = {"adamw", "lion", "muon"}


def add(target: Tensor, other: Tensor, factor: Number) -> None:
    """target += factor other"""
    if isinstance(factor, Tensor):
        target.addcmul_(other, factor)
    else:
        target.add_(other, alpha=factor)


def mean_into(mean: Tensor, new: Tensor, keep: Number) -> None:
    """mean = keep mean + (1 - keep) new"""
    mean.lerp_(new, 1.0 - keep)  # type: ignore[arg-type]


def square_into(mean: Tensor, new: Tensor, keep: Number, scratch: Tensor) -> None:
    """mean = keep mean + (1 - keep) new^2"""
    mean.mul_(keep)
    if isinstance(keep, Tensor):
        mean.addcmul_(torch.mul(new, 1.0 - keep, out=scratch), new)
    else:
        mean.addcmul_(new, new, value=1.0 - keep)


def subtract_ratio(target: Tensor, top: Tensor, bottom: Tensor, rate: Number) -> None:
    """target -= rate top / bottom; `bottom` may be used up."""
    if isinstance(rate, Tensor):
        target.addcdiv_(top, bottom.div_(rate), value=-1.0)  # a rate of 0: bottom is infinite, nothing moves
    else:
        target.addcdiv_(top, bottom, value=-rate)


def correction(beta: Number, step: Number) -> Number:
    """1 - beta^step, without loss of digits where beta^step is nearly 1."""
    if isinstance(beta, Tensor):
        return -torch.expm1(step * beta.log())
    if isinstance(step, Tensor):
        return -torch.expm1(step * (math.log(beta) if beta > 0.0 else -math.inf))
    return 1.0 - beta**step


def _root(value: Tensor, settings: Settings, scratch: Tensor) -> Tensor:
    """The root with epsilon where the form wants it, in `scratch`."""
    if settings.form == "keras":
        return torch.add(value, settings.epsilon, out=scratch).sqrt_()
    return torch.sqrt(value, out=scratch).add_(settings.epsilon)


def can_fuse(settings: Settings, flat: Tensor) -> bool:
    """Whether `adam` is one pass over memory with these settings, while members are equally far."""
    numbers = (settings.beta1, settings.beta2, settings.epsilon)
    alike = not any(isinstance(each, Tensor) for each in numbers)
    return alike and fused_adam_works(flat.device.type, flat.dtype)


def _fused_adam(move: Move, flat: Tensor, gradient: Tensor, rate: float, root: float) -> None:
    """All of `adam` in one pass over memory (benchmarks/optimizers.py says what that brings)."""
    settings, state = move.settings, move.state
    epsilon = settings.epsilon / root if settings.form == "keras" else settings.epsilon
    torch._fused_adam_(  # type: ignore
        [flat],
        [gradient.contiguous()],
        [state["mean"]],
        [state["square"]],
        [state["greatest"]] if settings.amsgrad else [],
        [move.count.fill_(move.numbers["step"])],
        lr=rate,  # type: ignore[arg-type]
        beta1=settings.beta1,  # type: ignore[arg-type]
        beta2=settings.beta2,  # type: ignore[arg-type]
        weight_decay=0.0,
        eps=epsilon,  # type: ignore[arg-type]
        amsgrad=settings.amsgrad,
        maximize=False,
    )


@cache
def fused_adam_works(device: str, dtype: torch.dtype) -> bool:
    """Whether PyTorch's fused kernel, which is not part of its public face, does what it should here."""
    if device not in ("cpu", "cuda") or dtype not in (torch.float32, torch.float64):
        return False
    flat, gradient, mean, square = torch.tensor([1.0, 0.5, 0.0, 0.25], device=device, dtype=dtype)[:, None]
    settings = Settings(beta1=0.5, beta2=0.75, epsilon=0.25)
    state = {"mean": mean, "square": square}
    numbers: dict[str, Number] = {"step": 1.0}
    try:
        count = torch.zeros((), dtype=torch.float32, device=device)
        move = Move(flat, state, numbers, settings, flat, Plan.none(), count)
        _fused_adam(move, flat, gradient, 0.5, 0.5)
    except (AttributeError, TypeError, RuntimeError):
        return False
    # mean .25, square .25, both corrected: .5 and 1; the step is .5 * .5 / (1 + .25)
    expected = torch.tensor([0.8, 0.25, 0.25], device=device, dtype=dtype)
    return bool(torch.allclose(torch.cat([flat, mean, square]), expected))
