"""The faults: what each changes of a healthy training, and what may rightly be called its cause.

A fault is applied to the bases that it is named with. Whether it hurts there is measured (`run.py`): those
that do not are left out of all scores.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from netwright import optimizers, schedules
from netwright.nn.trainable import Step
from netwright.training.callbacks import Callback, State
from training import PARTS, Rows, Training

DENSE = (
    "cancer",
    "wine",
    "diabetes",
    "digits",
    "moons",
    "circles",
    "blobs",
    "friedman",
    "mixture",
    "surface",
)
TABLES = DENSE
CURVED = ("moons", "circles", "friedman", "mixture", "surface")
ALL = (*DENSE, "digits_cnn", "reviews", "waves", "rhythm")
CLASSES = ("cancer", "wine", "digits", "digits_cnn", "blobs", "reviews", "waves", "rhythm")
YES_NO = ("moons", "circles", "mixture")
NUMBERS = ("diabetes", "friedman", "surface")


@dataclass(frozen=True)
class Fault:
    """One thing done wrong.

    Arguments:
        expected: the symptoms of the catalogue that name its cause rightly.
        bases: where it makes sense.
        apply: changes a healthy training.
        leak: whether it harms by a test score that is too good, where others harm by answers that are bad.
    """

    name: str
    expected: tuple[str, ...]
    bases: tuple[str, ...]
    apply: Callable[[Training], None]
    leak: bool = False


# -------------------------------------------------------------------------------------------- the loop


class BrokenStep(Callback):
    """A loop that does something wrong with its gradient [M, P] in each step."""

    def __init__(self, broken: Callable[[Tensor], Any]) -> None:
        self.broken = broken

    def on_start(self, state: State) -> None:
        network = state.population.network
        original = network.step

        def step(*arguments: Any, **named: Any) -> Step:
            found = original(*arguments, **named)
            self.broken(found.gradient)
            return found

        network.step = step


class Accumulated:
    """Gradients that are never set to zero."""

    def __init__(self) -> None:
        self.sum: Tensor | None = None

    def __call__(self, gradient: Tensor) -> None:
        found = self.sum = gradient.clone() if self.sum is None else self.sum + gradient
        gradient.copy_(found)


def rate(training: Training, factor: float) -> None:
    training.rate *= factor


def sgd(training: Training, learning_rate: float, momentum: float = 0.9) -> None:
    training.optimizer = optimizers.SGD(learning_rate, momentum=momentum)


def single_rows(training: Training) -> None:
    """One row a step, at a rate for batches and beyond."""
    training.batch, training.rate = 1, training.rate * 10
    training.epochs = max(2, training.epochs // 10)


def no_zero_grad(training: Training) -> None:
    sgd(training, 0.05, 0.0)
    training.callbacks.append(BrokenStep(Accumulated()))


def flipped_sign(training: Training) -> None:
    training.callbacks.append(BrokenStep(lambda gradient: gradient.neg_()))


def body_forgotten(training: Training) -> None:
    """The optimiser is given the last layer only: all others of a small network keep their first weights."""
    training.shape["width"] = 8
    training.optimizer = lambda module: torch.optim.Adam(list(module.parameters())[-2:], lr=training.rate)


class Cut(nn.Module):
    """Lets no gradient through."""

    def forward(self, x: Tensor) -> Tensor:
        return x.detach()


def detached(training: Training) -> None:
    """`.detach()` before the last layer of a small network."""
    training.shape["width"] = 8
    training.edits.append(lambda module: nn.Sequential(*list(module)[:-1], Cut(), module[-1]))


def early_decay(training: Training) -> None:
    steps = math.ceil(len(training.parts["train"]) / training.batch)
    training.optimizer = optimizers.Adam(schedules.ExponentialDecay(training.rate, max(1, steps // 4), 0.3))


def too_few_epochs(training: Training) -> None:
    training.epochs, training.rate = 2, training.rate / 10


# ------------------------------------------------------------------------------- start and architecture


def start(training: Training, function: Callable[[Tensor], Any]) -> None:
    """Sets the first values of all matrices."""

    def edit(module: nn.Module) -> nn.Module:
        with torch.no_grad():
            for each in module.parameters():
                if each.dim() > 1:
                    function(each)
        return module

    training.edits.append(edit)


def all_start(training: Training, value: float) -> None:
    def edit(module: nn.Module) -> nn.Module:
        with torch.no_grad():
            for each in module.parameters():
                each.fill_(value)
        return module

    training.edits.append(edit)


def loud_start(training: Training, spread: float) -> None:
    start(training, lambda each: each.normal_(0.0, spread))


def tiny_start(training: Training) -> None:
    training.shape["depth"] = 6
    sgd(training, 0.05)
    start(training, lambda each: each.normal_(0.0, 1e-3))


def deep(training: Training, activation: str, depth: int) -> None:
    training.shape |= {"activation": activation, "depth": depth}
    sgd(training, 0.1)


def saturated_tanh(training: Training) -> None:
    training.shape["activation"] = "tanh"
    start(training, lambda each: each.mul_(40.0))


def dead_biases(training: Training) -> None:
    """All hidden units start below zero for every row."""

    def edit(module: nn.Module) -> nn.Module:
        layers = [each for each in module.modules() if isinstance(each, nn.Linear | nn.Conv2d | nn.Conv1d)]
        with torch.no_grad():
            for each in layers[:-1]:
                assert each.bias is not None
                each.bias.fill_(-20.0)
        return module

    training.shape["activation"] = "relu"
    training.edits.append(edit)


def no_activation(training: Training) -> None:
    training.shape["activation"] = "none"


class Stale(nn.Module):
    """Normalises by the batch in training, and by statistics that were never brought up to date after it."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(size, momentum=0.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x)


def stale_statistics(training: Training) -> None:
    """Batch norm with momentum 0 on inputs that are not standardised."""
    for rows in training.parts.values():
        rows.x = rows.x * 3.0 + 2.0
    training.edits.append(lambda module: nn.Sequential(Stale(training.parts["train"].x.shape[1]), module))


def slow_statistics(training: Training) -> None:
    training.shape["norm"] = "batch"

    def edit(module: nn.Module) -> nn.Module:
        for each in module.modules():
            if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
                each.momentum = 1e-5
        return module

    training.edits.append(edit)
    start(training, lambda each: each.mul_(4.0))


class UnscaledDropout(nn.Module):
    """Dropout that forgets to make up for what it drops."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand_like(x) > 0.85) if self.training else x


def unscaled_dropout(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(*list(module)[:-1], UnscaledDropout(), module[-1]))


def dropout(training: Training, share: float) -> None:
    training.shape["dropout"] = share


class View(nn.Module):
    """A view where a transpose is meant: numbers of other rows come in. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[1], x.shape[0]).t()


class Subtracted(nn.Module):
    """Takes the mean over the batch away and divides by the batch's largest. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return 3.0 * (x - x.mean(0)) / x.abs().amax(0).clamp(min=1e-6) - x.roll(1, 0)


class Attention(nn.Module):
    """Attention whose weights go over the rows of the batch. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x @ x.t() / 10.0, 1) @ x


def before_head(training: Training, part: type[nn.Module]) -> None:
    training.edits.append(lambda module: nn.Sequential(*list(module)[:-1], part(), module[-1]))


def at_end(training: Training, *parts: nn.Module) -> None:
    training.edits.append(lambda module: nn.Sequential(module, *parts))


class Scaled(nn.Module):
    """Multiplies."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor


class HalfPart(torch.autograd.Function):
    """Numbers and gradients pass in 16 bits, gradients at a scale."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return x.half().float()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return (gradients[0] * ctx.factor).half().float() / ctx.factor, None


class Half(nn.Module):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return HalfPart.apply(x, self.factor)  # type: ignore[return-value]


def half_overflow(training: Training) -> None:
    """Numbers beyond 65504 in 16 bits."""

    def edit(module: Any) -> nn.Module:
        parts = list(module)
        return nn.Sequential(*parts[:-1], Scaled(3e4), Half(), Scaled(1 / 3e4), parts[-1])

    training.edits.append(edit)


def half_underflow(training: Training) -> None:
    """Gradients below 6e-8 in 16 bits."""
    training.shape["width"] = 6

    def edit(module: Any) -> nn.Module:
        parts = list(module)
        return nn.Sequential(*parts[:-1], Half(1e-7), parts[-1])

    training.edits.append(edit)


def too_small(training: Training) -> None:
    training.shape["width"] = 1


def inputs_lost(training: Training) -> None:
    """The network multiplies its inputs by nothing: a mask that is always 0."""
    training.edits.append(lambda module: nn.Sequential(Scaled(0.0), module))


# ------------------------------------------------------------------------------------------ loss and head


def sigmoid_twice(training: Training) -> None:
    """Probabilities under a loss that takes logits, and read as probabilities."""
    at_end(training, nn.Sigmoid())
    training.answer = lambda outputs: (outputs[:, 0] > 0.5).long()


def one_number_for_classes(training: Training) -> None:
    """Class codes as numbers under the squared error."""
    training.shape["outputs"] = 1
    training.loss = nn.MSELoss()
    most = int(training.parts["train"].y.max())
    for rows in training.parts.values():
        rows.y = rows.y.float().reshape(-1, 1)
    training.answer = lambda outputs: outputs[:, 0].round().clamp(0, most)


def stretched_loss(training: Training) -> None:
    """[B, 1] minus [B] is [B, B]."""

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return (output - target).square().mean()

    training.loss = loss
    for rows in training.parts.values():
        rows.y = rows.y.reshape(-1)


def summed_loss(training: Training) -> None:
    """A sum over rows at a rate made for means."""
    training.loss.reduction = "sum"
    sgd(training, 0.1)


def faint_loss(training: Training) -> None:
    """The loss is divided by a million."""
    own = training.loss
    training.loss = lambda output, target: own(output, target) * 1e-6
    sgd(training, 0.05)


def shifted_labels(training: Training) -> None:
    """Targets one row off in all that is trained and validated on."""
    for name in ("train", "validation"):
        training.parts[name].y = training.parts[name].y.roll(1, 0)


# ---------------------------------------------------------------------------------------- regularisation


def decay(training: Training, share: float) -> None:
    training.optimizer = optimizers.AdamW(training.rate, weight_decay=share)


def few_rows(training: Training, rows: int) -> None:
    training.parts["train"] = training.parts["train"].at(slice(0, rows))
    training.epochs *= 3
    if "width" in training.shape or training.base in DENSE:
        training.shape["width"] = 64


def memorised(training: Training) -> None:
    """Half the rows, a network far too large, and training on and on."""
    size = len(training.parts["train"])
    training.parts["train"] = training.parts["train"].at(slice(0, size // 3))
    training.shape["width"] = 128
    training.epochs *= 4
    training.rate *= 2


class Augment(nn.Module):
    """Changes half of the rows in training."""

    def __init__(self, function: Callable[[Tensor], Tensor], share: float = 0.5) -> None:
        super().__init__()
        self.function, self.share = function, share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        chosen = torch.rand(len(x)) < self.share
        return torch.where(chosen.reshape(-1, *[1] * (x.dim() - 1)), self.function(x), x)


def augmented(training: Training, function: Callable[[Tensor], Tensor], share: float) -> None:
    training.edits.append(lambda module: nn.Sequential(Augment(function, share), module))


# ----------------------------------------------------------------------------------------------------- data


def scaled(training: Training, factor: float, shift: float = 0.0) -> None:
    training.change(lambda x: x * factor + shift)
    sgd(training, 0.02)


def giant_column(training: Training) -> None:
    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, 0] = x[:, 0] * 1e4 + 3e4
        return x

    training.change(change)


def raw_columns(training: Training) -> None:
    assert training.raw is not None
    mean, spread = training.raw
    training.change(lambda x: x * spread + mean)
    sgd(training, 0.01)


def units_of_all_sizes(training: Training) -> None:
    """Grams beside tonnes: columns from 1e-2 to 1e4."""
    size = training.parts["train"].x.shape[1]
    factors = (
        10.0 ** torch.linspace(-2, 4, size)[torch.from_numpy(np.random.default_rng(3).permutation(size))]
    )
    training.change(lambda x: x * factors)


def raw_target(training: Training) -> None:
    for rows in training.parts.values():
        rows.y = rows.y * 100.0 + 2000.0


class Plain(Dataset[Any]):
    """Rows one at a time, as loaders take them: nothing looks through them beforehand."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        return self.rows.x[place], self.rows.y[place]


def holes(training: Training, value: float) -> None:
    """A few numbers are missing, in rows that a data set gives."""
    rows = training.parts["train"]
    for place in training.chosen(len(rows), 0.02).tolist():
        rows.x[place].view(-1)[int(training.random.integers(0, rows.x[place].numel()))] = value
    training.source = Plain


def other_labels(training: Training, rows: Rows, chosen: Tensor) -> Tensor:
    """Targets of some rows, each another one than its own."""
    own = rows.y[chosen]
    if training.task == "numbers":
        return torch.from_numpy(training.random.normal(0.0, 1.5, tuple(own.shape))).float()
    if training.task == "yes_no":
        return 1.0 - own
    classes = int(training.parts["clean"].y.max()) + 1
    return (own + torch.from_numpy(training.random.integers(1, classes, len(own)))) % classes


def label_noise(training: Training, share: float, parts: tuple[str, ...] = PARTS) -> None:
    for name in parts:
        rows = training.parts[name]
        chosen = training.chosen(len(rows), share)
        rows.y[chosen] = other_labels(training, rows, chosen)


def one_way_noise(training: Training) -> None:
    """45 % of one class are called another one."""
    for name in PARTS:
        rows = training.parts[name]
        chosen = (rows.y.reshape(-1) == 0) & (torch.from_numpy(training.random.random(len(rows))) < 0.45)
        rows.y[chosen] = 1


def imbalanced(training: Training, share: float) -> None:
    """Of the second half of the classes only so many rows are left."""
    classes = int(training.parts["clean"].y.max()) + 1
    for name in PARTS:
        rows = training.parts[name]
        rare = rows.y.reshape(-1) >= classes / 2
        keep = ~rare
        found = torch.nonzero(rare).flatten()
        keep[found[: max(3, round(share * len(found)))]] = True
        training.parts[name] = rows.at(keep)


def missing_class(training: Training) -> None:
    """No row of the last class is trained on."""
    rows = training.parts["train"]
    training.parts["train"] = rows.at(rows.y.reshape(-1) < rows.y.max())


def conflicts(training: Training) -> None:
    """Each second row stands there again with another target."""
    for name in ("train", "validation"):
        rows = training.parts[name]
        chosen = training.chosen(len(rows), 0.6)
        again = rows.at(chosen)
        again.y = other_labels(training, rows, chosen)
        training.parts[name] = rows + again


def scaled_by_others(training: Training, factor: float, shift: float) -> None:
    """Validation and test rows were standardised in another way than the training rows."""
    training.change(lambda x: x * factor + shift, ("validation", "test", "clean"))


def sorted_rows(training: Training) -> None:
    """Sorted by target, and not shuffled."""
    rows = training.parts["train"]
    training.parts["train"] = rows.at(torch.argsort(rows.y.reshape(-1), stable=True))
    training.fitting["shuffle"] = False


# ---------------------------------------------------------------------------------------- leaks and bias


def noisy_and_large(training: Training, share: float = 0.25) -> None:
    """A hard task, and a network that learns rows by heart: with it a row that it has seen is worth much."""
    label_noise(training, share, (*PARTS, "clean"))
    if "width" in training.shape or training.base in DENSE:
        training.shape["width"] = 128
    training.epochs *= 3


def shared(training: Training, noise: float) -> None:
    """40 % of validation and test rows are training rows, or hardly different."""
    noisy_and_large(training)
    train = training.parts["train"]
    for name in ("validation", "test"):
        rows = training.parts[name]
        chosen = training.chosen(len(rows), 0.4)
        copied = train.at(torch.from_numpy(training.random.integers(0, len(train), len(chosen))))
        rows.x[chosen] = (
            copied.x
            + noise * torch.randn(copied.x.shape, generator=torch.Generator().manual_seed(training.seed))
            if noise
            else copied.x
        )
        rows.y[chosen] = copied.y


def grouped(training: Training) -> None:
    """Several rows of each patient, who is known by the inputs and has one answer, split by row."""
    patients = 60
    marks = np.random.default_rng([training.seed, 9])
    size = training.parts["train"].x.shape[1]
    where = torch.from_numpy(marks.normal(0.0, 2.0, (2 * patients, size))).float()
    if training.task == "numbers":
        answers = torch.from_numpy(marks.normal(0.0, 1.0, 2 * patients)).float()
    else:
        classes = max(2, int(training.parts["clean"].y.max()) + 1)
        answers = torch.from_numpy(marks.integers(0, classes, 2 * patients))
    groups: dict[str, list[str]] = {}
    for name, rows in training.parts.items():
        # Whom the network will meet later are others than those that it was tested on.
        first = patients if name == "clean" else 0
        whose = torch.from_numpy(training.random.integers(first, first + patients, len(rows)))
        rows.x = 0.5 * rows.x + where[whose]
        told = answers[whose].reshape(rows.y.shape).to(rows.y.dtype)
        own = torch.from_numpy(training.random.random(len(rows)) < 0.4).reshape(rows.y.shape)
        rows.y = torch.where(own, rows.y, told)
        groups[name] = [f"p{each}" for each in whose.tolist()]
    training.groups = {name: groups[name] for name in PARTS}


def target_leak(training: Training, noise: float) -> None:
    """A column that is only known once the answer is: in use it holds nothing."""
    for name, rows in training.parts.items():
        y = rows.y.reshape(len(rows), -1)[:, 0].float()
        column = (y - y.mean()) / y.std() + noise * torch.from_numpy(
            training.random.normal(size=len(y))
        ).float()
        rows.x[:, 0] = (
            torch.from_numpy(training.random.normal(size=len(y))).float() if name == "clean" else column
        )


def id_column(training: Training) -> None:
    """Rows are numbered in the order of their targets."""
    rows = [training.parts[name] for name in PARTS]
    y = torch.cat([each.y.reshape(len(each), -1)[:, 0].float() for each in rows])
    ties = torch.from_numpy(training.random.random(len(y))).float() * 1e-3
    number = torch.argsort(torch.argsort(y + ties)).float()
    number = (number - number.mean()) / number.std()
    for each, part in zip(rows, number.split([len(each) for each in rows]), strict=True):
        each.x[:, 0] = part
    clean = training.parts["clean"]
    clean.x[:, 0] = torch.from_numpy(training.random.normal(size=len(clean))).float()


def covariate_drift(training: Training) -> None:
    """Validation and test rows were measured by another instrument."""
    size = training.parts["train"].x.shape[1]
    marks = np.random.default_rng(4)
    shift = torch.from_numpy(marks.choice([-1.5, 0.0, 1.5], size)).float()
    training.change(lambda x: 0.7 * x + shift, ("validation", "test", "clean"))


def label_drift(training: Training) -> None:
    """One half of the classes is rare in the training rows, the other half in those to come."""
    classes = int(training.parts["clean"].y.max()) + 1
    for name, rows in training.parts.items():
        late = rows.y.reshape(-1) >= classes / 2
        rare = late if name == "train" else ~late
        found = torch.nonzero(rare).flatten()
        keep = ~rare
        keep[found[: max(2, round(0.06 * len(found)))]] = True
        training.parts[name] = rows.at(keep)


def weak_slice(training: Training) -> None:
    """A fifth of the rows, known by one column, has inputs that say nothing about the target."""
    for rows in training.parts.values():
        chosen = training.chosen(len(rows), 0.2)
        shape = (len(chosen), *rows.x.shape[1:])
        rows.x[chosen] = torch.from_numpy(training.random.normal(size=shape)).float()
        flag = torch.zeros(len(rows))
        flag[chosen] = 3.0
        rows.x[:, 0] = flag


HIGH = ("rate_too_high", "not_finite_loss", "exploding_gradient")
UNSTEADY = ("rate_too_high", "oscillating_loss", "loss_spike")
LOW = ("rate_too_low", "slow_convergence")
MIXED = ("mixed_rows",)
HEAD = ("wrong_head",)
OVER = ("over_regularised",)
CHAINS = (*DENSE, "digits_cnn", "waves")

FAULTS = (
    # optimisation
    Fault(
        "rate_x1000",
        HIGH,
        ("cancer", "digits", "digits_cnn", "moons", "friedman", "surface", "waves", "rhythm", "wine"),
        partial(rate, factor=1000),
    ),
    Fault(
        "rate_x100",
        (*HIGH, "oscillating_loss"),
        ("cancer", "diabetes", "blobs", "mixture", "circles", "reviews", "rhythm", "digits"),
        partial(rate, factor=100),
    ),
    Fault(
        "sgd_unstable",
        (*UNSTEADY, *HIGH[1:]),
        ("diabetes", "digits", "friedman", "mixture", "blobs", "waves"),
        partial(sgd, learning_rate=3.0),
    ),
    Fault(
        "rate_over_1e4",
        LOW,
        ("cancer", "diabetes", "digits", "moons", "friedman", "reviews", "waves", "rhythm", "wine"),
        partial(rate, factor=1e-4),
    ),
    Fault(
        "rate_over_100",
        LOW,
        ("diabetes", "digits_cnn", "circles", "blobs", "mixture", "surface", "wine"),
        partial(rate, factor=1e-2),
    ),
    Fault("single_rows", UNSTEADY, ("diabetes", "digits", "friedman", "surface", "rhythm"), single_rows),
    Fault(
        "no_zero_grad",
        ("exploding_gradient", "rate_too_high", "oscillating_loss"),
        ("diabetes", "blobs", "digits", "mixture", "friedman", "waves"),
        no_zero_grad,
    ),
    Fault(
        "flipped_sign",
        ("not_learning", "cannot_overfit"),
        ("cancer", "digits", "moons", "friedman", "reviews", "rhythm"),
        flipped_sign,
    ),
    Fault(
        "body_forgotten",
        ("untrained_layer",),
        ("digits", "circles", "mixture", "surface", "friedman", "waves"),
        body_forgotten,
    ),
    Fault(
        "detached", ("untrained_layer",), ("digits", "circles", "mixture", "friedman", "digits_cnn"), detached
    ),
    Fault("early_decay", LOW, ("diabetes", "digits", "circles", "friedman", "reviews", "waves"), early_decay),
    Fault(
        "too_few_epochs", LOW, ("digits", "moons", "friedman", "reviews", "rhythm", "wine"), too_few_epochs
    ),
    # start and architecture
    Fault(
        "zero_start",
        ("symmetric_start", "poor_start"),
        ("digits", "moons", "friedman", "waves", "wine"),
        partial(all_start, value=0.0),
    ),
    Fault(
        "constant_start",
        ("symmetric_start", "poor_start"),
        ("digits", "circles", "mixture", "surface", "digits_cnn"),
        partial(all_start, value=0.1),
    ),
    Fault(
        "loud_start",
        ("poor_start", "exploding_gradient", "saturated_units"),
        ("diabetes", "digits", "friedman", "mixture", "surface", "waves"),
        partial(loud_start, spread=3.0),
    ),
    Fault(
        "tiny_start",
        ("vanishing_gradient", "poor_start", "symmetric_start"),
        ("cancer", "digits", "friedman", "mixture", "surface"),
        tiny_start,
    ),
    Fault(
        "deep_sigmoid",
        ("vanishing_gradient", "saturated_units"),
        ("cancer", "digits", "moons", "friedman", "mixture", "wine"),
        partial(deep, activation="sigmoid", depth=8),
    ),
    Fault(
        "saturated_tanh",
        ("saturated_units", "poor_start"),
        ("diabetes", "digits", "friedman", "mixture", "surface", "waves"),
        saturated_tanh,
    ),
    Fault(
        "dead_biases",
        ("dead_units", "poor_start"),
        ("diabetes", "digits", "moons", "friedman", "digits_cnn", "waves", "wine"),
        dead_biases,
    ),
    Fault("no_activation", ("missing_nonlinearity",), (*CURVED, "waves"), no_activation),
    Fault(
        "stale_statistics",
        ("modes_disagree",),
        ("cancer", "digits", "moons", "friedman", "blobs"),
        stale_statistics,
    ),
    Fault(
        "slow_statistics",
        ("modes_disagree",),
        ("digits", "friedman", "mixture", "digits_cnn", "surface"),
        slow_statistics,
    ),
    Fault(
        "unscaled_dropout",
        ("modes_disagree",),
        ("diabetes", "friedman", "surface", "circles", "digits", "digits_cnn"),
        unscaled_dropout,
    ),
    Fault(
        "dropout_95",
        OVER,
        ("diabetes", "digits", "friedman", "reviews", "mixture", "waves", "surface"),
        partial(dropout, share=0.95),
    ),
    Fault(
        "view_for_transpose",
        MIXED,
        ("diabetes", "digits", "moons", "friedman", "digits_cnn"),
        partial(before_head, part=View),
    ),
    Fault(
        "batch_subtracted",
        MIXED,
        ("cancer", "blobs", "surface", "digits"),
        partial(before_head, part=Subtracted),
    ),
    Fault(
        "attention_over_rows",
        MIXED,
        ("digits", "mixture", "friedman", "blobs"),
        partial(before_head, part=Attention),
    ),
    Fault(
        "softmax_over_rows",
        (*MIXED, *HEAD),
        ("digits", "blobs", "waves", "cancer"),
        lambda t: at_end(t, nn.Softmax(0)),
    ),
    Fault(
        "half_overflow",
        ("low_precision", "not_finite_loss"),
        ("diabetes", "digits", "friedman", "digits_cnn"),
        half_overflow,
    ),
    Fault(
        "half_underflow",
        ("low_precision", "vanishing_gradient", "untrained_layer"),
        ("digits", "circles", "mixture", "friedman"),
        half_underflow,
    ),
    Fault(
        "too_small",
        ("underfitting",),
        ("digits", "blobs", "circles", "friedman", "mixture", "surface", "waves"),
        too_small,
    ),
    Fault("inputs_lost", ("input_ignored",), ("cancer", "friedman", "digits", "wine", "waves"), inputs_lost),
    # loss and head
    Fault(
        "double_softmax",
        HEAD,
        ("digits", "digits_cnn", "blobs", "waves", "reviews"),
        lambda t: at_end(t, nn.Softmax(1)),
    ),
    Fault(
        "relu_head",
        HEAD,
        ("diabetes", "friedman", "surface", "digits", "blobs", "circles"),
        lambda t: at_end(t, nn.ReLU()),
    ),
    Fault("sigmoid_head", HEAD, ("diabetes", "friedman", "surface"), lambda t: at_end(t, nn.Sigmoid())),
    Fault("sigmoid_twice", HEAD, ("moons", "mixture", "circles"), sigmoid_twice),
    Fault("one_number", HEAD, ("digits", "blobs", "waves", "digits_cnn"), one_number_for_classes),
    Fault(
        "stretched_loss",
        ("wrong_head", "mixed_rows", "not_learning"),
        ("diabetes", "friedman", "surface"),
        stretched_loss,
    ),
    Fault("summed_loss", HIGH, ("diabetes", "digits", "friedman", "mixture", "waves"), summed_loss),
    Fault(
        "faint_loss",
        (*LOW, "vanishing_gradient"),
        ("diabetes", "digits", "moons", "blobs", "waves"),
        faint_loss,
    ),
    Fault(
        "shifted_labels",
        ("label_errors", "not_learning", "cannot_overfit"),
        ("cancer", "digits", "friedman", "reviews", "wine", "blobs"),
        shifted_labels,
    ),
    # regularisation
    Fault(
        "decay_10",
        OVER,
        ("cancer", "diabetes", "digits", "friedman", "waves", "surface", "mixture"),
        partial(decay, share=100.0),
    ),
    Fault(
        "few_rows",
        ("overfitting",),
        ("digits", "friedman", "mixture", "diabetes", "waves", "digits_cnn"),
        partial(few_rows, rows=40),
    ),
    Fault("memorised", ("overfitting",), ("diabetes", "friedman", "reviews", "surface", "blobs"), memorised),
    Fault(
        "turned_pictures",
        ("harmful_augmentation", "modes_disagree"),
        ("digits_cnn",),
        partial(augmented, function=lambda x: x.flip(-1).flip(-2), share=0.9),
    ),
    Fault(
        "mirrored_inputs",
        ("harmful_augmentation", "modes_disagree"),
        ("friedman", "surface", "blobs", "mixture"),
        partial(augmented, function=torch.neg, share=0.6),
    ),
    Fault(
        "drowned_inputs",
        ("harmful_augmentation", "over_regularised", "modes_disagree"),
        ("digits", "friedman", "circles", "waves", "moons"),
        partial(augmented, function=lambda x: x + 4.0 * torch.randn_like(x), share=1.0),
    ),
    # data
    Fault(
        "inputs_x100",
        ("unscaled_inputs",),
        ("diabetes", "digits", "moons", "friedman", "mixture", "waves"),
        partial(scaled, factor=100.0, shift=100.0),
    ),
    Fault(
        "giant_column",
        ("unscaled_inputs",),
        ("cancer", "diabetes", "friedman", "mixture", "wine", "blobs"),
        giant_column,
    ),
    Fault("raw_columns", ("unscaled_inputs",), ("cancer", "wine"), raw_columns),
    Fault(
        "units_of_all_sizes",
        ("unscaled_inputs",),
        ("digits", "friedman", "mixture", "blobs", "surface"),
        units_of_all_sizes,
    ),
    Fault(
        "raw_target",
        ("poor_start", "rate_too_low", "slow_convergence"),
        ("diabetes", "friedman", "surface"),
        raw_target,
    ),
    Fault(
        "missing_numbers",
        ("not_finite_data",),
        ("cancer", "friedman", "waves"),
        partial(holes, value=math.nan),
    ),
    Fault("infinite_numbers", ("not_finite_data",), ("moons", "diabetes"), partial(holes, value=math.inf)),
    Fault(
        "noise_20",
        ("label_errors",),
        ("diabetes", "digits", "digits_cnn", "friedman", "mixture", "wine", "reviews"),
        partial(label_noise, share=0.2),
    ),
    Fault(
        "noise_40",
        ("label_errors",),
        ("cancer", "blobs", "digits", "moons", "surface", "waves", "circles", "rhythm"),
        partial(label_noise, share=0.4),
    ),
    Fault("one_way_noise", ("label_errors",), ("cancer", "mixture", "reviews", "rhythm"), one_way_noise),
    Fault(
        "imbalanced",
        ("class_imbalance",),
        ("cancer", "mixture", "digits", "reviews", "waves", "blobs", "circles"),
        partial(imbalanced, share=0.02),
    ),
    Fault("missing_class", ("class_imbalance", "drift"), ("digits", "blobs", "waves", "wine"), missing_class),
    Fault(
        "conflicts",
        ("conflicting_labels", "label_errors"),
        ("digits", "blobs", "mixture", "moons", "friedman", "reviews"),
        conflicts,
    ),
    Fault(
        "scaled_by_others",
        ("drift",),
        ("cancer", "digits", "friedman", "moons", "waves", "diabetes"),
        partial(scaled_by_others, factor=2.5, shift=1.0),
    ),
    Fault(
        "sorted_rows",
        ("unshuffled",),
        ("digits", "friedman", "blobs", "waves", "digits_cnn", "mixture"),
        sorted_rows,
    ),
    # leaks and bias
    Fault(
        "shared_rows",
        ("shared_rows",),
        ("diabetes", "digits", "friedman", "mixture", "moons", "waves"),
        partial(shared, noise=0.0),
        leak=True,
    ),
    Fault(
        "nearly_shared",
        ("shared_rows",),
        ("digits", "friedman", "blobs", "mixture", "surface"),
        partial(shared, noise=0.01),
        leak=True,
    ),
    Fault(
        "groups_split",
        ("shared_rows",),
        ("friedman", "mixture", "blobs", "diabetes", "surface"),
        grouped,
        leak=True,
    ),
    Fault(
        "target_leak",
        ("leaking_column", "too_good"),
        ("diabetes", "friedman", "mixture", "moons", "surface"),
        partial(target_leak, noise=0.02),
        leak=True,
    ),
    Fault(
        "id_column",
        ("leaking_column",),
        ("diabetes", "friedman", "cancer", "mixture", "blobs"),
        id_column,
        leak=True,
    ),
    Fault(
        "covariate_drift",
        ("drift",),
        ("cancer", "blobs", "friedman", "mixture", "surface", "digits"),
        covariate_drift,
    ),
    Fault(
        "label_drift",
        ("drift", "class_imbalance"),
        ("digits", "blobs", "mixture", "reviews", "waves"),
        label_drift,
    ),
    Fault(
        "weak_slice",
        ("weak_slice",),
        ("friedman", "mixture", "blobs", "cancer", "surface", "diabetes"),
        weak_slice,
    ),
)
