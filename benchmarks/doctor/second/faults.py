"""Faults of the second part: those of the first that make sense there, and others.

What names a cause rightly was decided from the texts of the catalogue, before any detector was asked.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from first.faults import FAULTS as FIRST
from first.faults import (
    HEAD,
    HIGH,
    LOW,
    MIXED,
    OVER,
    UNSTEADY,
    BrokenStep,
    Fault,
    at_end,
    before_head,
    label_noise,
    sgd,
)
from netwright import optimizers, schedules
from netwright.callbacks import EarlyStopping
from taken_over import taken_over
from training import PARTS, Rows, Training

LATER = ("validation", "test", "clean")

# -------------------------------------------------------------------------------------------- the loop


def steps_of(training: Training) -> int:
    """Steps of the whole training."""
    return training.epochs * -(-len(training.parts["train"]) // training.batch)


def huge_epsilon(training: Training) -> None:
    """Adam divides by the gradient's size plus 30."""
    training.optimizer = optimizers.Adam(training.rate, epsilon=30.0)


def decay_of_everything(training: Training) -> None:
    """A decay for Adam's decoupled one, given to SGD, biases and normalisation included."""
    training.optimizer = lambda module: torch.optim.SGD(
        module.parameters(), lr=0.05, momentum=0.9, weight_decay=0.3
    )


class Lasso(torch.optim.Adam):
    """Adam with an absolute penalty of .3 on all weights."""

    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            for each in group["params"]:
                if each.grad is not None:
                    each.grad.add_(each.detach().sign(), alpha=0.3)
        return super().step(closure)


def lasso(training: Training) -> None:
    training.optimizer = lambda module: Lasso(module.parameters(), lr=training.rate)


def clipped_to_nothing(training: Training) -> None:
    sgd(training, 0.05)
    training.options["clip_norm"] = 1e-4


class Undivided:
    """The gradients of 16 small batches are added up, and not divided by 16."""

    def __init__(self) -> None:
        self.sum: Tensor | None = None
        self.count = 0

    def __call__(self, gradient: Tensor) -> None:
        found = self.sum = gradient.clone() if self.sum is None else self.sum + gradient
        self.count += 1
        if self.count % 16:
            gradient.zero_()
        else:
            gradient.copy_(found)
            self.sum = None


def undivided(training: Training) -> None:
    training.batch = 16
    sgd(training, 0.3)
    training.callbacks.append(BrokenStep(Undivided()))


def restarts_too_high(training: Training) -> None:
    """Each restart ten times as high as the one before, in the place of a tenth."""
    waves = steps_of(training) // 4
    training.optimizer = optimizers.Adam(
        schedules.CosineDecayRestarts(training.rate, max(1, waves), t_mul=1.0, m_mul=10.0)
    )


def endless_warm_up(training: Training) -> None:
    """A rise for a training of five hundred times as many steps."""
    training.optimizer = optimizers.Adam(
        schedules.PolynomialDecay(1e-9, 500 * steps_of(training), training.rate)
    )


def one_batch(training: Training) -> None:
    """All rows in one batch, and as few epochs as before."""
    training.batch = len(training.parts["train"])


def impatient(training: Training) -> None:
    """Ends as soon as an epoch gains less than .35 of loss."""
    training.rate /= 3
    training.callbacks.append(EarlyStopping("val_loss", patience=0, min_delta=0.35))


def adam_at_sgds_rate(training: Training) -> None:
    training.optimizer = optimizers.Adam(0.5)


def two_rows(training: Training) -> None:
    """Batch norm over two rows."""
    training.shape["norm"] = "batch"
    training.batch, training.epochs = 2, 2


# ------------------------------------------------------------------------------------------ the network


def frozen_at_zero(training: Training) -> None:
    """Vectors of words or codes that were to be loaded and are not, and are not trained either."""

    def edit(module: nn.Module) -> nn.Module:
        for each in module.modules():
            if isinstance(each, nn.Embedding):
                nn.init.zeros_(each.weight)
                each.weight.requires_grad_(False)
        return module

    training.edits.append(edit)


def left_frozen(training: Training) -> None:
    """All layers of a narrow network but the last are frozen, as for a trained one; this one is new."""
    training.shape["width"] = 4

    def edit(module: Any) -> nn.Module:
        for each in module[:-1].parameters():
            each.requires_grad_(False)
        return module

    training.edits.append(edit)


class MeanOfRows(nn.Module):
    """The mean over the rows in the place of that over something else. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(0, keepdim=True).expand_as(x)


def batch_for_time(training: Training) -> None:
    """`batch_first` was forgotten."""
    training.shape["batch_first"] = False


class AlwaysDropped(nn.Module):
    """`functional.dropout`, which is not told that training is over."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.75)


class Logarithm(nn.Module):
    """Of what a ReLU leaves, which may be 0. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(torch.relu(x))


def input_dropout(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(nn.Dropout(0.75), module))


def bottleneck(training: Training) -> None:
    """One number is all that reaches the last layer."""

    def edit(module: Any) -> nn.Module:
        head = module[-1]
        return nn.Sequential(
            *list(module)[:-1], nn.Linear(head.in_features, 1), nn.Tanh(), nn.Linear(1, head.out_features)
        )

    training.edits.append(edit)


def deep_and_plain(training: Training) -> None:
    """Sixteen ReLU layers with PyTorch's own first weights, and nothing that helps."""
    training.shape |= {"depth": 16, "width": 16, "activation": "relu", "norm": ""}
    sgd(training, 0.05)


# ----------------------------------------------------------------------------------------- loss and head


def softmax_of_one(training: Training) -> None:
    """Over a single column it is always 1."""
    at_end(training, nn.Softmax(1))
    training.loss = nn.BCELoss()
    training.answer = lambda outputs: (outputs > 0.5).long()


def likelihood_of_logits(training: Training) -> None:
    """`NLLLoss` wants logarithms of probabilities, and is given numbers of any size."""
    training.loss = nn.NLLLoss()


# ---------------------------------------------------------------------------------------------- the data


def targets_scaled_later(training: Training) -> None:
    """The targets of the training rows were standardised, those of the others were not."""
    for name in LATER:
        training.parts[name].y = training.parts[name].y * 2.5 + 2.0


def raw_later(training: Training) -> None:
    """The training rows were standardised, the others were not."""
    assert training.raw is not None
    mean, spread = training.raw
    training.change(lambda x: x * spread + mean, LATER)


def other_column_order(training: Training) -> None:
    training.change(lambda x: x.roll(1, 1), LATER)


def copied_column(training: Training) -> None:
    """The first column stands in the place of the second and third, in the training rows only."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, 1:3] = x[:, :1]
        return x

    training.change(change, ("train",))


def codes_anew(training: Training) -> None:
    """Categories or words were numbered anew for the later rows."""
    places = 3 if training.base == "orders" else training.parts["train"].x.shape[1]

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        if training.base == "orders":
            for place, count in enumerate((8, 12, 5)[:places]):
                x[:, place] = (x[:, place] + count // 2) % count
            return x
        return torch.where(x < 30, (x + 13) % 30, x)

    training.change(change, LATER)


def inverted_later(training: Training) -> None:
    """White on black in training, black on white later."""
    training.change(lambda x: 0.8 - x, LATER)


def partly_permuted(training: Training) -> None:
    """The targets of 65 % of the training rows were given to one another."""
    rows = training.parts["train"]
    chosen = training.chosen(len(rows), 0.65)
    rows.y[chosen] = rows.y[chosen].roll(1, 0)


def typing_errors(training: Training) -> None:
    """One target of a hundred is a thousand times too large."""
    rows = training.parts["train"]
    chosen = training.chosen(len(rows), 0.01)
    rows.y[chosen] = rows.y[chosen].abs() * 1000.0


def sentinels(training: Training) -> None:
    """-999 where nothing is known, in a tenth of the cells."""
    random = torch.Generator().manual_seed(training.seed)
    training.change(lambda x: torch.where(torch.rand(x.shape, generator=random) < 0.1, -999.0, x))


def cut_from_sorted(training: Training) -> None:
    """A sorted file, whose end is what is validated on."""
    train, validation = training.parts["train"], training.parts["validation"]
    both = train + validation
    both = both.at(torch.argsort(both.y.reshape(-1), stable=True))
    training.parts["train"] = both.at(slice(0, len(train)))
    training.parts["validation"] = both.at(slice(len(train), None))


# ----------------------------------------------------------------------------------------------- leaks


def divided(training: Training, rows: Rows) -> None:
    """All rows are shuffled and cut into parts as large, one beside another, as before."""
    rows = rows.at(torch.from_numpy(training.random.permutation(len(rows))))
    sizes = [len(training.parts[name]) for name in PARTS]
    share = len(rows) / sum(sizes)
    first, second = round(share * sizes[0]), round(share * (sizes[0] + sizes[1]))
    for name, part in zip(PARTS, (slice(0, first), slice(first, second), slice(second, None)), strict=True):
        training.parts[name] = rows.at(part)


def together(training: Training) -> Rows:
    parts = [training.parts[name] for name in PARTS]
    return parts[0] + parts[1] + parts[2]


def oversampled_before_split(training: Training) -> None:
    """A rare class is drawn up to the size of the others, and then the rows are divided."""
    rows = together(training)
    rare = torch.nonzero(rows.y.reshape(-1) == 1).flatten()
    others = torch.nonzero(rows.y.reshape(-1) != 1).flatten()
    some = rare[: len(rare) // 15]
    drawn = some[torch.from_numpy(training.random.integers(0, len(some), len(rare)))]
    divided(training, rows.at(torch.cat([others, drawn])))
    training.epochs = round(1.5 * training.epochs)


def frames_split(training: Training) -> None:
    """Five hardly different measurements of each moment, with one target, divided by measurement."""
    label_noise(training, 0.3, (*PARTS, "clean"))
    rows = together(training)
    few = rows.at(slice(0, len(rows) // 5))
    again = Rows(few.x.repeat(5, *[1] * (few.x.dim() - 1)), few.y.repeat(5, *[1] * (few.y.dim() - 1)))
    random = torch.Generator().manual_seed(training.seed)
    again.x = again.x + 0.02 * torch.randn(again.x.shape, generator=random)
    divided(training, again)
    training.shape["width"] *= 2
    training.epochs = round(1.5 * training.epochs)


def target_encoded(training: Training) -> None:
    """Codes of hardly more than a row each are told by the mean target of their rows, this one's too."""
    rows = together(training)
    y = rows.y.reshape(len(rows), -1)[:, 0].double()
    codes = torch.from_numpy(training.random.integers(0, len(y), len(y)))
    total = torch.zeros(len(y)).double().index_add_(0, codes, y - y.mean())
    mean = (total / codes.bincount(minlength=len(y)).clamp(min=1))[codes].float()
    start = 0
    for name in PARTS:
        part = training.parts[name]
        part.x[:, 0] = 2.0 * mean[start : start + len(part)]
        start += len(part)
    training.parts["clean"].x[:, 0] = 0.0  # codes that were never seen


def future_seen(training: Training) -> None:
    """The last step is one too late: the level that is asked for has been measured."""
    for name in PARTS:
        rows = training.parts[name]
        rows.x[:, -1, 0] = rows.y[:, 0]


def marked_pictures(training: Training) -> None:
    """A mark at the edge, put there by those who named the pictures."""
    if training.task == "classes":
        label_noise(training, 0.25, (*PARTS, "clean"))
    for name in (*PARTS, "clean"):
        rows = training.parts[name]
        y = rows.y.reshape(len(rows), -1)[:, 0].float()
        if name == "clean":
            y = y[torch.from_numpy(training.random.permutation(len(y)))]
        mark = (y - y.mean()) / y.std()
        if training.task == "classes":
            rows.x[:, 0, :] = functional.one_hot(y.long(), 10)[:, :8] * 2.0 - 0.6
            rows.x[:, 7, :2] = functional.one_hot(y.long(), 10)[:, 8:] * 2.0 - 0.6
        else:
            rows.x[:, 0, 0, 0] = 2.0 * mark


# ------------------------------------------------------------------------------------------------ tables

OLD = {
    "rate_x1000": ("hastie", "strokes"),
    "rate_x100": ("tags", "orders"),
    "sgd_unstable": ("arm", "tags"),
    "rate_over_1e4": ("iris", "phrases"),
    "rate_over_100": ("hastie", "spots"),
    "single_rows": ("iris",),
    "no_zero_grad": ("arm", "orders"),
    "flipped_sign": ("tank", "phrases"),
    "body_forgotten": ("strokes", "hastie"),
    "detached": ("arm", "phrases"),
    "early_decay": ("orders", "tank"),
    "too_few_epochs": ("claims", "strokes"),
    "zero_start": ("tags", "phrases"),
    "constant_start": ("spots", "tank"),
    "loud_start": ("orders", "tank"),
    "tiny_start": ("tags",),
    "deep_sigmoid": ("iris", "tags"),
    "saturated_tanh": ("phrases", "orders"),
    "dead_biases": ("tags", "phrases"),
    "no_activation": ("phrases", "orders"),
    "stale_statistics": ("hastie", "arm"),
    "slow_statistics": ("claims", "spots"),
    "unscaled_dropout": ("arm",),
    "dropout_95": ("tank", "hastie"),
    "view_for_transpose": ("strokes",),
    "batch_subtracted": ("phrases",),
    "attention_over_rows": ("orders",),
    "softmax_over_rows": ("phrases",),
    "half_overflow": ("spots",),
    "half_underflow": ("tags",),
    "too_small": ("tags", "tank"),
    "inputs_lost": ("strokes", "spots"),
    "double_softmax": ("iris", "phrases"),
    "relu_head": ("arm", "tank"),
    "sigmoid_head": ("claims",),
    "sigmoid_twice": ("hastie", "orders"),
    "one_number": ("strokes", "phrases"),
    "stretched_loss": ("tank",),
    "summed_loss": ("tank", "arm"),
    "faint_loss": ("tags",),
    "shifted_labels": ("orders", "spots"),
    "decay_10": ("strokes", "arm"),
    "few_rows": ("hastie", "spots"),
    "memorised": ("claims", "orders"),
    "turned_pictures": ("spots",),
    "mirrored_inputs": ("arm",),
    "drowned_inputs": ("iris", "tank"),
    "inputs_x100": ("arm", "tags"),
    "giant_column": ("hastie", "tags"),
    "units_of_all_sizes": ("iris", "arm"),
    "raw_target": ("tank",),
    "missing_numbers": ("arm", "strokes"),
    "noise_20": ("arm", "claims"),
    "noise_40": ("tags", "orders"),
    "one_way_noise": ("hastie",),
    "imbalanced": ("hastie", "strokes"),
    "missing_class": ("iris", "phrases"),
    "conflicts": ("phrases",),
    "scaled_by_others": ("spots", "tank"),
    "sorted_rows": ("strokes", "claims"),
    "shared_rows": ("orders", "claims"),
    "nearly_shared": ("hastie", "tags"),
    "groups_split": ("claims",),
    "target_leak": ("hastie",),
    "id_column": ("claims",),
    "covariate_drift": ("arm", "iris"),
    "label_drift": ("phrases", "orders"),
    "weak_slice": ("tags", "claims"),
}
"""faults of the first part, and the bases that they are tried on"""

NEW = (
    # the loop
    Fault("huge_epsilon", LOW, ("hastie", "strokes"), huge_epsilon),
    Fault(
        "momentum_999",
        (*UNSTEADY, *HIGH[1:]),
        ("tags", "spots", "tank"),
        partial(sgd, learning_rate=0.05, momentum=0.999),
    ),
    Fault("decay_of_everything", OVER, ("arm", "orders"), decay_of_everything),
    Fault("lasso", OVER, ("hastie", "spots", "phrases"), lasso),
    Fault("clipped_to_nothing", LOW, ("spots", "orders"), clipped_to_nothing),
    Fault("undivided", (*UNSTEADY, *HIGH[1:]), ("tags", "tank", "spots"), undivided),
    Fault("restarts_too_high", (*UNSTEADY, *HIGH[1:]), ("hastie", "strokes", "arm"), restarts_too_high),
    Fault("endless_warm_up", LOW, ("claims", "orders"), endless_warm_up),
    Fault("one_batch", LOW, ("tags", "spots"), one_batch),
    Fault("impatient", LOW, ("hastie", "phrases"), impatient),
    Fault("sgd_at_adams_rate", LOW, ("tags", "tank"), partial(sgd, learning_rate=0.001)),
    Fault("adam_at_sgds_rate", (*HIGH, "oscillating_loss"), ("strokes", "tank"), adam_at_sgds_rate),
    Fault("two_rows", ("modes_disagree", "oscillating_loss"), ("claims", "spots"), two_rows),
    # the network
    Fault(
        "frozen_at_zero",
        ("untrained_layer", "symmetric_start", "input_ignored"),
        ("orders", "phrases"),
        frozen_at_zero,
    ),
    Fault("left_frozen", ("untrained_layer",), ("strokes", "spots", "tank"), left_frozen),
    Fault("mean_of_rows", MIXED, ("arm", "spots", "phrases"), partial(before_head, part=MeanOfRows)),
    Fault("batch_for_time", MIXED, ("tank", "strokes"), batch_for_time),
    Fault(
        "always_dropped",
        ("modes_disagree",),
        ("hastie", "tank", "arm"),
        partial(before_head, part=AlwaysDropped),
    ),
    Fault("log_of_zero", ("not_finite_loss",), ("arm", "spots"), partial(before_head, part=Logarithm)),
    Fault("input_dropout", OVER, ("strokes", "arm", "claims"), input_dropout),
    Fault("bottleneck", ("underfitting",), ("strokes", "tags", "arm"), bottleneck),
    Fault("deep_and_plain", ("vanishing_gradient", "poor_start"), ("tags", "orders"), deep_and_plain),
    # loss and head
    Fault("softmax_of_one", HEAD, ("hastie", "orders"), softmax_of_one),
    Fault("sigmoid_before_loss", HEAD, ("iris", "strokes", "phrases"), lambda t: at_end(t, nn.Sigmoid())),
    Fault("tanh_head", HEAD, ("arm", "tank", "spots"), lambda t: at_end(t, nn.Tanh())),
    Fault("likelihood_of_logits", HEAD, ("iris", "strokes", "phrases"), likelihood_of_logits),
    # the data
    Fault("targets_scaled_later", ("drift",), ("arm", "tank"), targets_scaled_later),
    Fault("raw_later", ("drift",), ("iris", "arm"), raw_later),
    Fault("other_column_order", ("drift",), ("iris", "arm", "tags"), other_column_order),
    Fault("copied_column", ("drift",), ("claims", "tags", "hastie"), copied_column),
    Fault("codes_anew", ("drift",), ("orders", "phrases"), codes_anew),
    Fault("inverted_later", ("drift",), ("strokes", "spots"), inverted_later),
    Fault("partly_permuted", ("label_errors",), ("arm", "strokes", "hastie"), partly_permuted),
    Fault(
        "typing_errors",
        ("label_errors", "exploding_gradient", "loss_spike"),
        ("arm", "tank", "spots"),
        typing_errors,
    ),
    Fault("sentinels", ("unscaled_inputs",), ("iris", "hastie", "arm"), sentinels),
    Fault(
        "cut_from_sorted",
        ("drift", "unshuffled", "class_imbalance"),
        ("claims", "strokes", "phrases"),
        cut_from_sorted,
    ),
    # leaks
    Fault(
        "oversampled_before_split",
        ("shared_rows",),
        ("hastie", "orders", "phrases"),
        oversampled_before_split,
        leak=True,
    ),
    Fault("frames_split", ("shared_rows",), ("tank", "spots", "claims"), frames_split, leak=True),
    Fault("target_encoded", ("leaking_column",), ("claims", "hastie"), target_encoded, leak=True),
    Fault("future_seen", ("leaking_column", "too_good"), ("tank",), future_seen, leak=True),
    Fault(
        "marked_pictures", ("leaking_column", "too_good"), ("spots", "strokes"), marked_pictures, leak=True
    ),
)

FAULTS = (*taken_over(FIRST, OLD), *NEW)
