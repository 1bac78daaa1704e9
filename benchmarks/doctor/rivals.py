"""Other detectors, made anew from what is published of them, so that they watch the same trainings.

Papers and documentation are followed to the letter where they say what is done, and where they leave it open,
what gives fewer false alarms is taken; each class says which that is. Two more are used as they are, where
they are installed (`pip install torch-audit trainproof`). None is needed by anything else.
"""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from detectors import Detector, Verdict
from netwright.training.callbacks import Callback, State
from training import Rows, Training


@dataclass
class Layer:
    """What a module without modules inside did with a batch: inputs and outputs [B, ...]."""

    name: str
    module: nn.Module
    given: Tensor
    output: Tensor


class Rival(Detector, Callback):
    """Base of those that only watch: gradients and losses of the steps, and copies of the module.

    Whatever is computed is computed on copies, and random numbers are put back: the training is the same.
    """

    def watch(self, training: Training) -> Callback:
        self.training = training
        self.found: dict[str, str] = {}
        self.begin()
        return self

    def verdict(self) -> Verdict:
        return Verdict(list(self.found.items()))

    def alarm(self, rule: str, severity: str = "error") -> None:
        """A rule fired; they are told in the order in which they did first."""
        self.found.setdefault(rule, severity)

    # ------------------------------------------------------------------------------- what a rival says

    def begin(self) -> None:
        """Before the training."""

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        """In each step between the gradient and the update; `first` of its epoch."""

    def on_row(self, epoch: int, row: dict[str, float]) -> None:
        """After an epoch, counted from 0, also where the training breaks off in it."""

    # ---------------------------------------------------------------------------------- what they see

    def on_start(self, state: State) -> None:
        self.population = state.population
        self.network = state.population.network
        self.module: nn.Module = self.network.owned[0]
        self.places = self.network.layout.places
        self.seen_epoch = 0

    def gradient_hook(self) -> Callable[[State], None]:
        return self._gradient

    def _gradient(self, state: State) -> None:
        first, self.seen_epoch = state.epoch != self.seen_epoch, state.epoch
        self.state = state
        self.on_gradient(state.step, first, float(state.step_losses[0]))

    def on_epoch(self, state: State) -> None:
        self.on_row(state.epoch - 1, state.rows[0])

    def on_end(self, state: State) -> None:
        history = state.population.history
        if history.stopped == "diverged" and history.rows:  # then `on_epoch` has not been told
            self.on_row(state.epoch - 1, history.rows[-1])

    def parts(self, flat: Tensor) -> dict[str, Tensor]:
        """Gradients or weights [P] by the names of the parameters."""
        pieces = flat.split(self.network.layout.sizes)
        own = self.network.parameters_of[0]
        return {
            place.name: piece.view(each.shape)
            for place, piece, each in zip(self.places, pieces, own, strict=True)
        }

    def gradients(self) -> dict[str, Tensor]:
        return self.parts(self.state.gradient[0])

    def weights(self) -> dict[str, Tensor]:
        return self.parts(self.network.flat.detach()[0])

    def batch(self) -> Tensor:
        """The inputs of the step that is going on. [B, ...]"""
        return next(iter(self.state.batch.raw.values()))[0]

    def first_batch(self) -> Tensor:
        """The first training rows, as many as a batch has. [B, ...]"""
        return self.training.parts["train"].x[: self.training.batch]

    @torch.no_grad()
    def outputs(self, x: Tensor) -> Tensor:
        """Of the network as it predicts."""
        twin = copy.deepcopy(self.module).eval()
        with torch.random.fork_rng(devices=[]):
            return twin(x)

    @torch.no_grad()
    def layers(self, x: Tensor, *, train: bool) -> list[Layer]:
        """What each layer does with inputs, in the order in which they do it."""
        twin = copy.deepcopy(self.module).train(train)
        found: list[Layer] = []

        def look(name: str) -> Callable[..., None]:
            def hook(module: nn.Module, given: tuple[Any, ...], output: Any) -> None:
                output = output[0] if isinstance(output, tuple) else output
                found.append(Layer(name, module, given[0].detach().float(), output.detach().float()))

            return hook

        for name, each in twin.named_modules():
            if not list(each.children()):
                each.register_forward_hook(look(name))
        with torch.random.fork_rng(devices=[]):
            twin(x)
        return found

    def score(self, rows: Rows) -> float:
        """Accuracy or R²."""
        return self.training.score(self.outputs(rows.x), rows)


def kernels(parts: dict[str, Tensor]) -> dict[str, Tensor]:
    """What is no bias and no factor of a normalisation."""
    return {name: each for name, each in parts.items() if each.dim() > 1}


def units(values: Tensor) -> Tensor:
    """Rows and places of each unit. [B, C, ...] to [C, N]"""
    return values.transpose(0, 1).flatten(1) if values.dim() > 1 else values[None]


def finite(value: float) -> bool:
    return math.isfinite(value)


# ------------------------------------------------------------------------------------------- AUTOTRAINER


class AutoTrainer(Rival):
    """AUTOTRAINER: Zhang, Zhai, Ma and Shen, ICSE 2021, with the settings of its authors.

    After each third epoch: the ratio of the norms of the first and the last layer's gradient (below 1e-3 with
    a first norm below 1e-4: vanishing; above 70: exploding), the share of gradients that are 0 (from 70 %:
    dying ReLU), from 30 % of the epochs on the accuracies of training and validation rows (never 60 %, or
    never a rise of 1 point: bad), and reversals of the training accuracy by 3 points in 20 % of the epochs
    (oscillating loss). NaN, or a validation loss of 1e5, is an explosion at once; gradients are judged, and
    slow convergence is told, only where the accuracy is bad; oscillation only where it is not. The first
    verdict stops the training, so it is the only one.

    Otherwise than there: gradients are those of the epoch's first batch in the training itself, and where
    numbers are asked for, which it was not made for, R² stands in the place of accuracy.
    """

    means = {  # noqa: RUF012
        "vanishing gradient": ("vanishing_gradient",),
        "exploding gradient": ("exploding_gradient", "not_finite_loss"),
        "dying ReLU": ("dead_units",),
        "oscillating loss": ("oscillating_loss",),
        "slow convergence": ("slow_convergence", "rate_too_low", "not_learning"),
    }
    EVERY, JUDGED, ENOUGH, RISE = 3, 0.3, 0.6, 0.01
    RATIO, LEAST, MOST, ZEROS = 1e-3, 1e-4, 70.0, 0.7
    SWING, SWINGS, HUGE = 0.03, 0.2, 1e5

    def begin(self) -> None:
        self.scores: dict[str, list[float]] = {"train": [], "validation": []}
        self.dead = self.exploded = self.vanished = self.bad = self.stuck = self.swinging = False

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        if first:
            self.gradient = {name: each.clone() for name, each in self.gradients().items()}

    def on_row(self, epoch: int, row: dict[str, float]) -> None:
        if self.found:
            return
        for name, known in self.scores.items():
            known.append(self.score(self.training.parts[name]))
        losses = [row["train_loss"], row["validation_loss"]]
        every = torch.cat([each.flatten() for each in self.gradient.values()])
        if not (all(map(finite, losses)) and bool(torch.isfinite(every).all())):
            self.alarm("exploding gradient")
            return
        if epoch % self.EVERY:
            return
        if losses[1] >= self.HUGE:
            self.alarm("exploding gradient")
            return
        norms = [float(each.norm()) for each in kernels(self.gradient).values()]
        ratio = norms[0] / norms[-1] if norms[-1] else math.nan
        self.vanished |= ratio < self.RATIO and norms[0] < self.LEAST
        self.exploded |= ratio > self.MOST
        self.dead |= float((every == 0).float().mean()) >= self.ZEROS
        if epoch + 1 >= self.JUDGED * self.population.epochs:
            self.bad |= any(max(known) < self.ENOUGH for known in self.scores.values())
            self.stuck |= all(rise(known) < self.RISE for known in self.scores.values())
            self.swinging |= swings(self.scores["train"], self.SWING) >= self.SWINGS * (epoch + 1)
        if self.bad or self.stuck:
            if self.dead:
                self.alarm("dying ReLU")
            elif self.exploded:
                self.alarm("exploding gradient")
            elif self.vanished:
                self.alarm("vanishing gradient")
            elif self.stuck:
                self.alarm("slow convergence")
        elif self.swinging:
            self.alarm("oscillating loss")


def rise(values: Sequence[float]) -> float:
    """The greatest step upwards."""
    return max((after - before for before, after in itertools.pairwise(values)), default=0.0)


def swings(values: Sequence[float], least: float) -> int:
    """How many peaks stand so high above the dip of the same number."""
    inner = range(1, len(values) - 1)
    peaks = [values[n] for n in inner if values[n] >= max(values[n - 1], values[n + 1])]
    dips = [values[n] for n in inner if values[n] <= min(values[n - 1], values[n + 1])]
    return sum(peak - dip >= least for peak, dip in zip(peaks, dips, strict=False))


# -------------------------------------------------------------------------------------- SageMaker Debugger


class SageMaker(Rival):
    """Built-in rules of Amazon SageMaker Debugger with their defaults, from its developer guide.

    VanishingGradient: mean absolute gradient of a tensor below 1e-7. ExplodingTensor: anything NaN or
    infinite. LossNotDecreasing: the loss is not less than at least 10 steps ago (0.1 %). Overfit: validation
    loss more than 10 % above the training loss (patience 1). Overtraining: no optimum that is better by 0.1
    for 5 saved steps of the training and 10 of the validation loss. WeightUpdateRatio: mean absolute change
    of a weight over its mean absolute value above 10 or below 1e-8. AllZero: all of a weight or gradient.
    UnchangedTensor: a weight that `allclose` finds equal (1e-5, 1e-8) in three saved steps.
    PoorWeightInitialization, in the first 10 steps: variances of the inputs of ReLUs apart by more than 10
    times, a gradient whose 5th and 95th percentile are closer than 0.001, or a loss that has not fallen for 5
    steps. DeadRelu: more than half of the units active on less than 1 %. SaturatedActivation: more than half
    of the units of a tanh (beyond 9.4999) or sigmoid (-23, 16.99999) with less than 1 % inside.
    ClassImbalance, after 500 rows: more than 10 to 1, or 70 % of a class mispredicted.

    Otherwise than there: what is saved are the first step of each epoch and the epoch's mean losses (the
    default is each 500th step, which most of these trainings do not have); the loss that has to decrease is
    that of the training rows (the validation rows' is the default where it is saved, and rises more often);
    Overfit asks for more than one epoch, and Overtraining for both losses.
    """

    means = {  # noqa: RUF012
        "VanishingGradient": ("vanishing_gradient",),
        "ExplodingTensor": ("not_finite_loss", "exploding_gradient", "not_finite_data"),
        "LossNotDecreasing": ("not_learning", "slow_convergence"),
        "Overfit": ("overfitting",),
        "Overtraining": ("overfitting",),
        "WeightUpdateRatio, large": ("rate_too_high",),
        "WeightUpdateRatio, small": ("rate_too_low", "untrained_layer"),
        "AllZero": ("dead_units", "symmetric_start", "untrained_layer"),
        "UnchangedTensor": ("untrained_layer", "rate_too_low"),
        "PoorWeightInitialization": ("poor_start", "symmetric_start"),
        "DeadRelu": ("dead_units",),
        "SaturatedActivation": ("saturated_units",),
        "ClassImbalance": ("class_imbalance",),
    }
    TINY, STEPS, FALL, GAP, PATIENCE = 1e-7, 10, 0.001, 0.1, 1
    NOT_TRAINED, NOT_VALIDATED, DELTA = 5, 10, 0.1
    LARGE, SMALL, EPSILON = 10.0, 1e-8, 1e-9
    RATIO, RANGE, STARTING, WAIT = 10.0, 0.001, 10, 5
    ACTIVE, UNITS = 0.01, 0.5
    TANH, SIGMOID = (-9.4999, 9.4999), (-23.0, 16.99999)
    ROWS, IMBALANCE, MISSED = 500, 10.0, 0.7

    def begin(self) -> None:
        self.saved: list[dict[str, Tensor]] = []  # weights of the last three saved steps
        self.before: dict[str, Tensor] | None = None  # weights of the step before
        self.starting: list[float] = []
        self.losses: list[tuple[int, float]] = []
        self.train: list[float] = []
        self.validation: list[float] = []
        self.above = 0

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        if self.before is not None:
            self._updated(self.before)
            self.before = None
        early = step < self.STARTING
        if first:
            self._saved(loss)
        if first or early:
            self._activations(early)
        if early:
            self.starting.append(loss)
            ranges = [spread(each) for each in self._weights(self.gradients()).values()]
            lowest = min(range(len(self.starting)), key=lambda n: self.starting[n])
            if min(ranges) < self.RANGE or len(self.starting) - 1 - lowest >= self.WAIT:
                self.alarm("PoorWeightInitialization")

    @staticmethod
    def _weights(parts: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: each for name, each in parts.items() if "weight" in name}

    def _saved(self, loss: float) -> None:
        gradients = self.gradients()
        weights = {name: each.clone() for name, each in self._weights(self.weights()).items()}
        tensors = [*gradients.values(), *self.weights().values()]
        if any(float(each.abs().mean()) < self.TINY for each in gradients.values()):
            self.alarm("VanishingGradient")
        if not finite(loss) or not all(bool(torch.isfinite(each).all()) for each in tensors):
            self.alarm("ExplodingTensor")
        if any(not bool(each.any()) for each in [*gradients.values(), *weights.values()]):
            self.alarm("AllZero")
        self.saved = [*self.saved[-2:], weights]
        last = self.saved[-1]
        if len(self.saved) == 3 and any(
            all(torch.allclose(each[name], last[name], 1e-5, 1e-8) for each in self.saved) for name in last
        ):
            self.alarm("UnchangedTensor")
        self.before = weights

    def _updated(self, before: dict[str, Tensor]) -> None:
        now = self.weights()
        for name, old in before.items():
            ratio = float((now[name] - old).abs().mean() / (old.abs().mean() + self.EPSILON))
            if ratio > self.LARGE:
                self.alarm("WeightUpdateRatio, large")
            elif ratio < self.SMALL:
                self.alarm("WeightUpdateRatio, small")

    def _activations(self, early: bool) -> None:
        variances = []
        for layer in self.layers(self.batch(), train=True):
            if isinstance(layer.module, nn.ReLU):
                variances.append(float(layer.given.var()))
                active = (units(layer.output) > 0).float().mean(1)
                if float((active < self.ACTIVE).float().mean()) > self.UNITS:
                    self.alarm("DeadRelu")
            elif isinstance(layer.module, nn.Tanh | nn.Sigmoid):
                low, high = self.TANH if isinstance(layer.module, nn.Tanh) else self.SIGMOID
                given = units(layer.given)
                inside = ((given > low) & (given < high)).float().mean(1)
                if float((inside < self.ACTIVE).float().mean()) > self.UNITS:
                    self.alarm("SaturatedActivation")
        if early and variances and max(variances) > self.RATIO * min(variances):
            self.alarm("PoorWeightInitialization")

    def on_row(self, epoch: int, row: dict[str, float]) -> None:
        step, train, validation = int(row["step"]), row["train_loss"], row["validation_loss"]
        if not (finite(train) and finite(validation)):
            self.alarm("ExplodingTensor")
        earlier = [loss for at, loss in self.losses if at <= step - self.STEPS]
        if earlier and not train < earlier[-1] - self.FALL * abs(earlier[-1]):
            self.alarm("LossNotDecreasing")
        self.losses.append((step, train))
        self.above = self.above + 1 if validation - train > self.GAP * train else 0
        if self.above > self.PATIENCE:
            self.alarm("Overfit")
        self.train.append(train)
        self.validation.append(validation)
        both = ((self.train, self.NOT_TRAINED), (self.validation, self.NOT_VALIDATED))
        if all(waited(losses, self.DELTA) >= patience for losses, patience in both):
            self.alarm("Overtraining")
        self._classes(epoch)

    def _classes(self, epoch: int) -> None:
        rows = self.training.parts["train"]
        if self.training.task == "numbers" or len(rows) * (epoch + 1) < self.ROWS:
            return
        labels = rows.y.reshape(-1).long()
        counts = labels.bincount()
        wrong = (self.training.answers(self.outputs(rows.x)).reshape(-1) != labels).float()
        missed = torch.zeros(len(counts)).index_add_(0, labels, wrong) / counts.clamp(min=1)
        present = counts[counts > 0]
        if int(present.max()) > self.IMBALANCE * int(present.min()) or bool((missed > self.MISSED).any()):
            self.alarm("ClassImbalance")


def spread(values: Tensor) -> float:
    """From the 5th to the 95th percentile."""
    ends = torch.quantile(values.flatten().float(), torch.tensor([0.05, 0.95]))
    return float(ends[1] - ends[0])


def waited(losses: Sequence[float], delta: float) -> int:
    """How long ago the last optimum was found that is better by so much than the one before it."""
    best, at = math.inf, 0
    for place, loss in enumerate(losses):
        if loss < best - delta:
            best, at = loss, place
    return len(losses) - 1 - at


# ------------------------------------------------------------------------------------------ DeepDiagnosis


SYMPTOMS: dict[str, tuple[str, ...]] = {
    "out of range": ("wrong_head",),
    "numerical error": (
        "not_finite_loss",
        "not_finite_data",
        "exploding_gradient",
        "symmetric_start",
        "dead_units",
    ),
    "dead node": ("dead_units",),
    "saturated activation": ("saturated_units",),
    "vanishing gradient": ("vanishing_gradient",),
    "unchanged tensor": ("untrained_layer",),
    "invalid loss": ("not_finite_loss", "not_finite_data"),
    "invalid accuracy": ("not_learning",),
    "loss not decreasing": ("not_learning", "rate_too_low"),
    "accuracy not increasing": ("not_learning",),
}
CAUSES: dict[str, tuple[str, ...]] = {
    "": (),
    "poor weights": ("poor_start", "symmetric_start"),
    "data not normalised": ("unscaled_inputs",),
    "learning rate": ("rate_too_high", "rate_too_low"),
}
NAMES = {
    f"{symptom}: {cause}" if cause else symptom: (*ids, *more)
    for symptom, ids in SYMPTOMS.items()
    for cause, more in CAUSES.items()
}


class DeepDiagnosis(Rival):
    """DeepDiagnosis: Wardat, Cruz, Le and Rajan, ICSE 2022, with the thresholds of its authors.

    After each epoch, on the first rows of the training data and layer by layer: a mean output, weight or
    gradient that is NaN, infinite or exactly 0 (numerical error); a mean absolute gradient below 1e-7
    (vanishing gradient); a loss that is NaN, an accuracy that is NaN or 0. Each fifth epoch: means that were
    exactly the same five times (unchanged tensor, or loss not decreasing); inputs of sigmoid or tanh that are
    5 or more for more than half of the values (saturated activation). Each 20th: the same accuracy 20 times.
    After the first: outputs that cannot be the targets, or reach ten times as far (out of range). After the
    last: 70 % zeros after a ReLU (dead node). The first symptom ends the training, so it is the only one.

    The cause is then looked for, in its order: weights whose variance is not within 1e-5..10, inputs outside
    of -1..1, rate x gradient over weight not within 1e-5..1e-1. What a symptom is called here holds both, and
    either may be what is right.

    Otherwise than there: gradients are those of the epoch's first batch; logits of a cross entropy are not
    out of range, as those of its softmax would not be; rules of accuracy are left out where numbers are asked
    for; what comes before the first parameter may be always the same; of the weights, all count for the
    variance, not their mean alone.
    """

    means = NAMES
    NO_DATA = ("vanishing gradient", "unchanged tensor", "invalid loss", "invalid accuracy")
    TINY, BEYOND, SATURATED, DEAD, FAR = 1e-7, 5.0, 0.5, 0.7, 10.0
    FEW, MANY = 5, 20
    VARIANCE, UPDATE = (1e-5, 10.0), (1e-5, 1e-1)

    def begin(self) -> None:
        self.kept: dict[str, list[float]] = {}
        self.gradient: dict[str, Tensor] = {}

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        if first:
            self.gradient = {name: each.clone() for name, each in kernels(self.gradients()).items()}
            self.rate = self.population.rate_now()

    def on_row(self, epoch: int, row: dict[str, float]) -> None:
        symptom = None if self.found else self._symptom(epoch, row)
        if symptom is not None:
            cause = self._cause(symptom)
            self.alarm(f"{symptom}: {cause}" if cause else symptom)

    def _same(self, name: str, value: float, times: int) -> bool:
        """Whether a value was the same so many times; looked at each time when they are so many."""
        known = self.kept.setdefault(name, [])
        known.append(value)
        if len(known) < times:
            return False
        self.kept[name] = []
        return sum(known) / times == max(known)

    def _symptom(self, epoch: int, row: dict[str, float]) -> str | None:
        layers = self.layers(self.first_batch(), train=False)
        fifth, last = (epoch + 1) % self.FEW == 0, epoch + 1 == self.population.epochs
        if epoch == 0 and self._out_of_range(layers[-1]):
            return "out of range"
        for layer in layers:
            if bad(float(layer.output.mean())):
                return "numerical error"
            zeros = float((layer.output <= 0).float().mean())
            if last and isinstance(layer.module, nn.ReLU) and zeros >= self.DEAD:
                return "dead node"
            beyond = float((layer.given.abs() >= self.BEYOND).float().mean())
            if fifth and isinstance(layer.module, nn.Tanh | nn.Sigmoid) and beyond > self.SATURATED:
                return "saturated activation"
        learnt = [any(True for _ in layer.module.parameters()) for layer in layers]
        begun = learnt.index(True) if True in learnt else 0
        same = [
            self._same(f"out {layer.name}", float(layer.output.mean()), self.FEW)
            for layer in layers[begun:-1]
        ]
        if any(same):
            return "unchanged tensor"
        if not finite(row["train_loss"]):
            return "invalid loss"
        if self._same("loss", row["train_loss"], self.FEW):
            return "loss not decreasing"
        if "train_accuracy" in row:
            if bad(row["train_accuracy"]):
                return "invalid accuracy"
            if self._same("accuracy", row["train_accuracy"], self.MANY):
                return "accuracy not increasing"
        return self._backward()

    def _backward(self) -> str | None:
        weights = self.weights()
        for name in reversed(self.gradient):
            gradient = self.gradient[name]
            if bad(float(gradient.mean())) or bad(float(weights[name].mean())):
                return "numerical error"
            if float(gradient.abs().mean()) < self.TINY:
                return "vanishing gradient"
        same = [
            self._same(f"{kind} {name}", float(each.mean()), self.FEW)
            for kind, every in (("gradient", self.gradient), ("weight", kernels(weights)))
            for name, each in every.items()
        ]
        return "unchanged tensor" if any(same) else None

    def _out_of_range(self, layer: Layer) -> bool:
        """Whether the last layer cannot give the targets, or gives far more than them."""
        y = self.training.parts["train"].y.float()
        if isinstance(layer.module, nn.Softmax) or self.training.task == "classes":
            return False
        if isinstance(layer.module, nn.Sigmoid):
            return bool(y.min() < 0) or bool(y.max() > 1)
        if isinstance(layer.module, nn.Tanh):
            return bool(y.min() < -1) or bool(y.max() > 1)
        if isinstance(layer.module, nn.ReLU):
            return bool(y.min() < 0)
        return self.training.task == "numbers" and float(layer.output.max() - layer.output.min()) > (
            self.FAR * float(y.max() - y.min())
        )

    def _cause(self, symptom: str) -> str:
        weights = {name: each for name, each in self.weights().items() if name in self.gradient}
        outside = [not self.VARIANCE[0] <= float(each.var()) <= self.VARIANCE[1] for each in weights.values()]
        x = self.training.parts["train"].x
        if symptom == "out of range":
            return ""
        if symptom not in ("vanishing gradient", "invalid loss", "invalid accuracy") and any(outside):
            return "poor weights"
        if symptom not in self.NO_DATA and (bool(x.min() < -1) or bool(x.max() > 1)):
            return "data not normalised"
        ratios = [
            self.rate * float(self.gradient[name].norm() / each.norm().clamp(min=1e-12))
            for name, each in weights.items()
        ]
        if any(not self.UPDATE[0] <= ratio <= self.UPDATE[1] for ratio in ratios):
            return "learning rate"
        return ""


def bad(value: float) -> bool:
    """NaN, infinite or exactly 0."""
    return not math.isfinite(value) or value == 0.0


# --------------------------------------------------------------------------------------- what pip installs


class TorchAudit(Rival):
    """torch-audit (0.3.0), as it is: its static, start, data, forward and gradient rules.

    It looks at a copy of the module in the first step of each epoch (each 1000th step is its default) and in
    the first that is not finite, with that step's batch and gradients. Its severities are taken over; hints
    to make things faster are notes. netwright's own optimisers cannot be shown to it, those of `torch.optim`
    are.
    """

    means = {  # noqa: RUF012
        "TA100": ("not_finite_loss", "not_finite_data", "exploding_gradient"),
        "TA102": ("exploding_gradient", "rate_too_high"),
        "TA103": ("dead_units", "untrained_layer", "vanishing_gradient"),
        "TA104": ("untrained_layer",),
        "TA105": ("dead_units",),
        "TA301": ("unscaled_inputs",),
        "TA302": ("input_ignored",),
        "TA304": ("oscillating_loss",),
        "TA305": ("not_finite_data",),
        "TA405": ("symmetric_start", "poor_start"),
        "TA500": ("untrained_layer",),
    }
    SEVERITY = {"INFO": "note", "WARN": "warning", "ERROR": "error", "FATAL": "error"}  # noqa: RUF012

    def begin(self) -> None:
        self.broken = False

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        broken = not (finite(loss) and finite(float(self.state.gradient.sum())))
        if self.broken or not (first or broken):
            return
        self.broken = broken
        from torch_audit import Auditor  # type: ignore[import-not-found]

        twin = copy.deepcopy(self.module).train()
        own: Any = self.training.optimizer
        optimizer: Any = own(twin) if callable(own) and step == 0 else None
        auditor = Auditor(twin, optimizer=optimizer, every_n_steps=1)
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), auditor:
            auditor.audit_static()
            if step == 0:
                auditor.audit_init()
            auditor.forward(self.batch())
            gradients = self.gradients()
            for name, each in twin.named_parameters():
                each.grad = gradients[name].clone() if name in gradients else None
            auditor.backward(torch.zeros((), requires_grad=True))  # the gradients are there already
        result = auditor.finish()
        for finding in result.findings:
            slow = result.rules[finding.rule_id].category == "Performance"
            self.alarm(finding.rule_id, "note" if slow else self.SEVERITY[finding.severity.value])


class TrainProof(Rival):
    """trainproof (0.22), as it is: its rules for the log of a run, without those of times.

    The log holds a line for each epoch: mean training loss, validation loss, and the gradient norm and rate
    of its last step. (Fifty lines for a training gave as many alarms on 15 faults, and errors on 5 of 14
    healthy set-ups in the place of none.) FAIL is an error.
    """

    means = {  # noqa: RUF012
        "TP-NAN": ("not_finite_loss", "not_finite_data"),
        "TP-NAN-GRAD": ("not_finite_loss", "not_finite_data", "exploding_gradient"),
        "TP-FLAT": ("not_learning", "rate_too_low"),
        "TP-DIVERGE": ("rate_too_high", "exploding_gradient"),
        "TP-DEAD-RUN": ("not_learning", "rate_too_low", "slow_convergence", "cannot_overfit"),
        "TP-ZERO-GRAD": ("vanishing_gradient", "untrained_layer", "dead_units"),
        "TP-GRAD-SPIKE": ("exploding_gradient", "loss_spike"),
        "TP-ZERO-LR": ("rate_too_low",),
        "TP-ZERO-LR-PARTIAL": ("rate_too_low",),
        "TP-OVERFIT": ("overfitting",),
    }
    SEVERITY = {"FAIL": "error", "WARN": "warning", "INFO": "note"}  # noqa: RUF012

    def begin(self) -> None:
        self.log: list[dict[str, float]] = []

    def on_gradient(self, step: int, first: bool, loss: float) -> None:
        self.last = {"grad_norm": float(self.state.gradient[0].norm()), "lr": self.population.rate_now()}

    def on_row(self, epoch: int, row: dict[str, float]) -> None:
        losses = {"loss": row["train_loss"], "eval_loss": row["validation_loss"]}
        self.log.append({"step": float(row["step"]), **losses, **self.last})

    def verdict(self) -> Verdict:
        from trainproof.epoch import check_records  # type: ignore[import-not-found]

        if self.log:
            for finding in check_records(self.log)["findings"]:
                if finding["level"] in self.SEVERITY:
                    self.alarm(finding["id"], self.SEVERITY[finding["level"]])
        return super().verdict()


# ----------------------------------------------------------------------------------------------------- all

EVERY: dict[str, type[Rival]] = {
    "autotrainer": AutoTrainer,
    "sagemaker": SageMaker,
    "deepdiagnosis": DeepDiagnosis,
    "torch-audit": TorchAudit,
    "trainproof": TrainProof,
}
MISSING = [name for name in ("torch-audit", "trainproof") if find_spec(name.replace("-", "_")) is None]
RIVALS: dict[str, Callable[[], Detector]] = {
    name: made for name, made in EVERY.items() if name not in MISSING
}
