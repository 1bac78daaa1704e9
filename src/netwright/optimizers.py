"""Optimisers under Keras's names, with Keras's defaults and formulas.

>>> get("adam")
Adam(learning_rate=0.001)

Weight decay is decoupled from the gradient in all of them, as in Keras. It leaves biases and norms alone,
which Keras's does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from numbers import Real
from typing import Any, ClassVar

import torch
from torch import Tensor

from netwright import schedules as schedules
from netwright.arguments import Checked
from netwright.errors import InputError, suggestion
from netwright.nn.member import Layout
from netwright.schedules import LearningRateSchedule
from netwright.training.averaging import MovingAverage
from netwright.training.clip import Clip, PercentileClip
from netwright.training.muon import Plan
from netwright.training.optimizer import Optimizer as Engine
from netwright.training.rules import Settings

_ABOVE_0 = ("greater than 0", lambda value: 0.0 < value < math.inf)
_FROM_0 = ("0 or more", lambda value: 0.0 <= value < math.inf)
_SHARE = ("0 or more and less than 1", lambda value: 0.0 <= value < 1.0)
# What each argument may be, where it is a number.
LIMITS = {
    "learning_rate": _ABOVE_0,
    "weight_decay": _FROM_0,
    "clipnorm": _ABOVE_0,
    "clipvalue": _ABOVE_0,
    "global_clipnorm": _ABOVE_0,
    "clip_percentile": ("greater than 0 and at most 100", lambda value: 0.0 < value <= 100.0),
    "ema_momentum": ("between 0 and 1", lambda value: 0.0 <= value <= 1.0),
    "momentum": ("between 0 and 1", lambda value: 0.0 <= value <= 1.0),
    "rho": _SHARE,
    "beta_1": _SHARE,
    "beta_2": _SHARE,
    "epsilon": _FROM_0,
    "initial_accumulator_value": _FROM_0,
    "adam_beta_1": _SHARE,
    "adam_beta_2": _SHARE,
    "adam_weight_decay": _FROM_0,
    "adam_lr_ratio": _ABOVE_0,
    "rms_rate": _ABOVE_0,
    "ns_steps": ("a whole number, 1 or more", lambda value: value >= 1 and value == int(value)),
}
CLIPS = ("clipnorm", "clipvalue", "global_clipnorm", "clip_percentile")
OPTIONAL = {"weight_decay", "adam_weight_decay", "rms_rate", *CLIPS}  # None is allowed too


@dataclass(repr=False)
class Optimizer(Checked):
    """Base of all optimisers.

    Arguments:
        learning_rate: a number, or one of `netwright.schedules`.
        weight_decay: share of each weight, times the learning rate, that is taken away in a step.
        clipnorm: greatest norm of the gradient of each parameter by itself.
        clipvalue: greatest size of each value of the gradient.
        global_clipnorm: greatest norm of the gradient of all parameters together.
        clip_percentile: the greatest norm is this percentile of the norms seen so far, such as 90. Keras has
            it not.
        use_ema: whether an exponential moving average of the weights takes their place when training ends.
        ema_momentum: how much of the average is kept in a step.
        ema_overwrite_frequency: the average takes the weights' place every so many steps; None for the end.
        name: for programs written for Keras; not used.

    Raises:
        InputError: an argument that is not allowed.

    `optimizer.learning_rate = 1e-4` sets the rate of the next `fit`, in one that goes on that of the next
    epoch; the other arguments stay as they were given.
    """

    learning_rate: float | LearningRateSchedule = 0.001
    weight_decay: float | None = field(default=None, kw_only=True)
    clipnorm: float | None = field(default=None, kw_only=True)
    clipvalue: float | None = field(default=None, kw_only=True)
    global_clipnorm: float | None = field(default=None, kw_only=True)
    clip_percentile: float | None = field(default=None, kw_only=True)
    use_ema: bool = field(default=False, kw_only=True)
    ema_momentum: float = field(default=0.99, kw_only=True)
    ema_overwrite_frequency: int | None = field(default=None, kw_only=True)
    name: str | None = field(default=None, kw_only=True)

    rule: ClassVar[str]

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if each.name in LIMITS and not (value is None and each.name in OPTIONAL):
                self._check(each.name, value)
        given = [name for name in CLIPS if getattr(self, name) is not None]
        if len(given) > 1:
            raise InputError(
                f"{' and '.join(given)} cannot be given together",
                where=type(self).__name__,
                hint="choose one",
            )
        frequency = self.ema_overwrite_frequency
        if frequency is not None and (not isinstance(frequency, int) or frequency < 1):
            raise InputError(
                f"ema_overwrite_frequency must be a whole number, 1 or more, or None, not {frequency!r}",
                where=type(self).__name__,
            )

    def __setattr__(self, name: str, value: Any) -> None:
        if name in self.__dict__:  # it is made already
            if name != "learning_rate":
                raise InputError(
                    f"{name} of an optimizer stays as it was made",
                    where=type(self).__name__,
                    hint=f"compile with a new one: optimizers.{type(self).__name__}({name}={value!r})",
                )
            self._check(name, value)
        super().__setattr__(name, value)

    def _check(self, name: str, value: Any) -> None:
        allowed, holds = LIMITS[name]
        if name == "learning_rate":
            if isinstance(value, LearningRateSchedule):
                return
            allowed += ", or one of netwright.schedules"
        if isinstance(value, bool) or not isinstance(value, Real) or not holds(float(value)):
            optional = ", or None" if name in OPTIONAL else ""
            raise InputError(f"{name} must be {allowed}{optional}, not {value!r}", where=type(self).__name__)

    def __repr__(self) -> str:
        """The learning rate and whatever is not as usual."""
        shown = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.name == "learning_rate" or getattr(self, each.name) != each.default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 0.

        Example:
            >>> Adam(schedules.ExponentialDecay(0.1, 10, 0.5)).rate_at(10)
            0.05
        """
        rate = self.learning_rate
        return rate(step) if isinstance(rate, LearningRateSchedule) else float(rate)

    def build(self, flat: Tensor, layout: Layout, members: Sequence[Optimizer] | None = None) -> Engine:
        """The engine's optimiser for the flat parameters of a network.

        Arguments:
            flat: the parameters, without a gradient of their own. [M, P]
            layout: what lies where in them.
            members: where members differ: M optimisers of this class, which may differ in numbers only.
        """
        every = [each._settings() for each in members or [self]]
        merged = {name: _merge([each[name] for each in every], name) for name in every[0]}
        settings = Settings(form="keras", decoupled=True, **merged)
        return Engine(self.rule, flat, settings, layout.rates(), layout.decays(), self._plan(layout))

    def clip(self, layout: Layout, members: int) -> Clip | None:
        """What is to be done to the gradient before each step, for M members; None for nothing."""
        if self.clip_percentile is not None:
            return Clip(percentile=PercentileClip(members, self.clip_percentile))
        if self.clipnorm is None and self.clipvalue is None and self.global_clipnorm is None:
            return None
        return Clip(self.global_clipnorm, self.clipvalue, self.clipnorm, sizes=layout.sizes)

    def average(self, flat: Tensor) -> MovingAverage | None:
        """The moving average of the parameters [M, P], to be updated after each step; None for none."""
        if not self.use_ema:
            return None
        return MovingAverage(flat, self.ema_momentum, self.ema_overwrite_frequency)

    def _settings(self) -> dict[str, Any]:
        """What the engine calls this optimiser's arguments."""
        return {"weight_decay": self.weight_decay or 0.0}

    def _plan(self, layout: Layout) -> Plan | None:
        return None


@dataclass(repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent; with momentum, velocity = momentum velocity - rate gradient.

    Arguments:
        momentum: 0 for none.
        nesterov: whether the gradient is, in effect, taken one step ahead.
        others: see `Optimizer`.

    Example:
        >>> SGD(0.1, momentum=0.9)
        SGD(learning_rate=0.1, momentum=0.9)
    """

    learning_rate: float | LearningRateSchedule = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    rule = "sgd"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"momentum": self.momentum, "nesterov": self.nesterov}


@dataclass(repr=False)
class RMSprop(Optimizer):
    """rate gradient / sqrt(mean square of the gradient + epsilon) (Hinton, lecture 6e, 2012).

    Arguments:
        rho: how much of the mean is kept in a step.
        momentum: of the steps; 0 for none.
        epsilon: added below the root.
        centered: whether the gradient's variance is taken in the place of its mean square.
        others: see `Optimizer`.
    """

    rho: float = 0.9
    momentum: float = 0.0
    epsilon: float = 1e-7
    centered: bool = False

    rule = "rmsprop"

    def _settings(self) -> dict[str, Any]:
        own = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon, "centered": self.centered}
        return super()._settings() | own


@dataclass(repr=False)
class Adagrad(Optimizer):
    """rate gradient / sqrt(sum of squares of the gradient + epsilon) (JMLR 12, 2011).

    Arguments:
        initial_accumulator_value: where the sums begin.
        epsilon: added below the root.
        others: see `Optimizer`.
    """

    initial_accumulator_value: float = 0.1
    epsilon: float = 1e-7

    rule = "adagrad"

    def _settings(self) -> dict[str, Any]:
        own = {"initial_accumulator": self.initial_accumulator_value, "epsilon": self.epsilon}
        return super()._settings() | own


@dataclass(repr=False)
class Adadelta(Optimizer):
    """Steps in the size of the steps so far (arXiv 1212.5701). The paper's own learning rate is 1.

    Arguments:
        rho: how much of the means is kept in a step.
        epsilon: added below the roots.
        others: see `Optimizer`.
    """

    rho: float = 0.95
    epsilon: float = 1e-7

    rule = "adadelta"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"rho": self.rho, "epsilon": self.epsilon}


@dataclass(repr=False)
class _Moments(Optimizer):
    """What Adam and its kin share."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def _settings(self) -> dict[str, Any]:
        own = {"beta1": self.beta_1, "beta2": self.beta_2, "epsilon": self.epsilon}
        return super()._settings() | own


@dataclass(repr=False)
class Adam(_Moments):
    """The gradient's mean over the root of its mean square, both corrected for their start (arXiv 1412.6980).

    Arguments:
        beta_1: how much of the mean is kept in a step.
        beta_2: how much of the mean square.
        epsilon: "epsilon hat" of the paper: added to the root before the correction.
        amsgrad: whether the greatest mean square so far is taken (arXiv 1904.09237).
        others: see `Optimizer`.
    """

    amsgrad: bool = False

    rule = "adam"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"amsgrad": self.amsgrad}


@dataclass(repr=False)
class AdamW(Adam):
    """Adam with weight decay (arXiv 1711.05101); as in Keras, weight_decay is the second argument.

    Arguments:
        weight_decay: see `Optimizer`.
        others: see `Adam`.
    """

    weight_decay: float | None = 0.004

    rule = "adamw"


@dataclass(repr=False)
class Nadam(_Moments):
    """Adam with Nesterov's momentum (Dozat, ICLR workshop 2016). Arguments: see `Adam`."""

    rule = "nadam"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"momentum_decay": 1.0}


@dataclass(repr=False)
class Adamax(_Moments):
    """Adam over the greatest gradient in the place of the mean square (arXiv 1412.6980).

    Arguments: see `Adam`.
    """

    rule = "adamax"


@dataclass(repr=False)
class Lion(Optimizer):
    """rate times the sign of a mean of the gradient (arXiv 2302.06675). Wants a tenth of Adam's rate or less.

    Arguments:
        beta_1: share of the mean in the sign.
        beta_2: how much of the mean is kept in a step.
        others: see `Optimizer`.
    """

    beta_1: float = 0.9
    beta_2: float = 0.99

    rule = "lion"

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {"beta1": self.beta_1, "beta2": self.beta_2}


@dataclass(repr=False)
class Muon(Optimizer):
    """The orthogonal matrix nearest to the momentum for kernels, AdamW for the rest (Jordan, 2024).

    A convolution's kernel is a matrix of all its axes but the last, and the last; Keras gives it to AdamW.

    Arguments:
        adam_beta_1, adam_beta_2, adam_weight_decay, epsilon: of AdamW.
        weight_decay: of matrices.
        exclude_layers: regular expressions; a parameter whose name holds one goes to AdamW. The last layer is
            best given here.
        exclude_embeddings: embeddings always go to AdamW; for programs written for Keras.
        muon_a, muon_b, muon_c: coefficients of Newton and Schulz's iteration.
        adam_lr_ratio: AdamW's learning rate as a share of the learning rate.
        momentum: of the gradient of matrices.
        ns_steps: iterations.
        nesterov: whether the momentum is Nesterov's.
        rms_rate: steps are rms_rate sqrt(max(inputs, outputs)) times an orthogonal matrix, as long as Adam's
            (arXiv 2502.16982); None for no scaling.
        others: see `Optimizer`.
    """

    adam_beta_1: float = 0.9
    adam_beta_2: float = 0.999
    adam_weight_decay: float | None = 0.004
    epsilon: float = 1e-7
    weight_decay: float | None = field(default=0.004, kw_only=True)
    exclude_layers: Sequence[str] | None = field(default=None, kw_only=True)
    exclude_embeddings: bool = field(default=True, kw_only=True)
    muon_a: float = field(default=3.4445, kw_only=True)
    muon_b: float = field(default=-4.7750, kw_only=True)
    muon_c: float = field(default=2.0315, kw_only=True)
    adam_lr_ratio: float = field(default=1.0, kw_only=True)
    momentum: float = field(default=0.95, kw_only=True)
    ns_steps: int = field(default=5, kw_only=True)
    nesterov: bool = field(default=True, kw_only=True)
    rms_rate: float | None = field(default=0.2, kw_only=True)

    rule = "muon"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.exclude_embeddings:
            raise InputError("exclude_embeddings=False is not supported", where="Muon", hint="leave it out")

    def _settings(self) -> dict[str, Any]:
        return super()._settings() | {
            "beta1": self.adam_beta_1,
            "beta2": self.adam_beta_2,
            "adam_weight_decay": self.adam_weight_decay or 0.0,
            "epsilon": self.epsilon,
            "adam_ratio": self.adam_lr_ratio,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "newton_schulz": self.ns_steps,
            "coefficients": (self.muon_a, self.muon_b, self.muon_c),
            "rms_rate": self.rms_rate,
        }

    def _plan(self, layout: Layout) -> Plan:
        return Plan.of(layout, self.exclude_layers or ())


OPTIMIZERS: dict[str, type[Optimizer]] = {
    each.__name__: each for each in (SGD, RMSprop, Adagrad, Adadelta, Adam, AdamW, Nadam, Adamax, Lion, Muon)
}


def get(identifier: str | Optimizer | type[Optimizer]) -> Optimizer:
    """An optimiser by its name, in any case, with its defaults; an optimiser is given back as it is.

    Raises:
        InputError: there is no such optimiser.

    Example:
        >>> get("SGD"), get("adamw")
        (SGD(learning_rate=0.01), AdamW(learning_rate=0.001))
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        return identifier()
    folded = {name.lower(): each for name, each in OPTIMIZERS.items()}
    if isinstance(identifier, str) and identifier.lower() in folded:
        return folded[identifier.lower()]()
    if isinstance(identifier, str):
        raise InputError(f"no optimizer {identifier!r}", hint=suggestion(identifier, folded))
    raise InputError(
        f"an optimizer is a name such as 'adam' or one of netwright.optimizers, not {identifier!r}"
    )


def _merge(values: list[Any], name: str) -> Any:
    """One value for all members, or a tensor [M, 1] of numbers that differ."""
    if all(value == values[0] for value in values):
        return values[0]
    if any(isinstance(value, bool | tuple | None) or name == "newton_schulz" for value in values):
        raise InputError(f"{name} must be the same for all members, not {values}")
    return torch.tensor(values, dtype=torch.float64)[:, None]
