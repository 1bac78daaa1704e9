"""Faults of the third part: those of the first two that make sense there, and others.

What names a cause rightly was decided from the texts of the catalogue; no detector was asked.
"""

from __future__ import annotations

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
    augmented,
    before_head,
    noisy_and_large,
    sgd,
)
from netwright import optimizers, schedules
from netwright.callbacks import EarlyStopping, ReduceLROnPlateau
from second.faults import FAULTS as SECOND
from second.faults import LATER
from taken_over import taken_over
from training import Training

# -------------------------------------------------------------------------------------------- the loop


def zero_grad_too_late(training: Training) -> None:
    """Gradients are set to zero between the backward pass and the step."""
    training.callbacks.append(BrokenStep(lambda gradient: gradient.zero_()))


class OnceAnEpoch:
    """The step stands outside of the loop over batches: only the last one of an epoch counts."""

    def __init__(self, steps: int) -> None:
        self.steps, self.count = steps, 0

    def __call__(self, gradient: Tensor) -> None:
        self.count += 1
        if self.count % self.steps:
            gradient.zero_()


def step_once_an_epoch(training: Training) -> None:
    sgd(training, 0.05, 0.0)
    steps = -(-len(training.parts["train"]) // training.batch)
    training.callbacks.append(BrokenStep(OnceAnEpoch(steps)))


def steps_of_one_length(training: Training) -> None:
    """Each gradient is divided by its length, so that steps never become smaller."""
    sgd(training, 2.0, 0.0)
    training.callbacks.append(BrokenStep(lambda gradient: gradient.div_(gradient.norm())))


def ends_when_better(training: Training) -> None:
    """Early stopping that takes a falling loss for a bad sign."""
    training.rate /= 3
    training.callbacks.append(EarlyStopping("val_loss", mode="max", patience=1))


def plateau_at_once(training: Training) -> None:
    """The rate falls to a tenth after each epoch that does not halve the loss."""
    training.callbacks.append(ReduceLROnPlateau("val_loss", factor=0.1, patience=0, min_delta=1.0))


def rate_grows(training: Training) -> None:
    """A decay whose factor is above 1."""
    steps = -(-len(training.parts["train"]) // training.batch)
    training.optimizer = optimizers.Adam(schedules.ExponentialDecay(training.rate, steps, 1.8))


def adadelta_as_given(training: Training) -> None:
    """Adadelta at the rate that its library gives it, a thousandth of the paper's."""
    training.optimizer = optimizers.Adadelta(0.001)


class Clamped(torch.optim.Adam):
    """Adam that cuts all weights to 2 % after each step, as those of critics are cut."""

    def step(self, closure: Any = None) -> Any:
        found = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for each in group["params"]:
                    each.clamp_(-0.02, 0.02)
        return found


def clamped_weights(training: Training) -> None:
    training.optimizer = lambda module: Clamped(module.parameters(), lr=0.003)


# ------------------------------------------------------------------------------------------ the network


def far_bias(training: Training) -> None:
    """The last bias starts at 40."""

    def edit(module: Any) -> nn.Module:
        nn.init.constant_(module[-1].bias, 40.0)
        return module

    training.edits.append(edit)


class Signs(nn.Module):
    """Only signs go on, which have no slope. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sign(x)


def signs_only(training: Training) -> None:
    training.shape["width"] = 8
    before_head(training, Signs)


class OneMean(nn.Module):
    """The mean over channels in the place of that over something else. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True).expand_as(x)


class UnitColumns(nn.Module):
    """Columns of the batch, in the place of its rows, are given unit length. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return 5.0 * functional.normalize(x, dim=0)


# ----------------------------------------------------------------------------------------- loss and head


def softmax_for_marks(training: Training) -> None:
    """Marks that do not exclude each other share one softmax."""
    at_end(training, nn.Softmax(1))
    training.loss = nn.BCELoss()
    training.answer = lambda outputs: (outputs > 0.5).long()


def minus_one_for_no(training: Training) -> None:
    """Targets of -1 and 1 for a loss that wants 0 and 1."""
    for name in ("train", "validation"):
        training.parts[name].y = 2.0 * training.parts[name].y - 1.0


def ignored_class(training: Training) -> None:
    """Class 0 is taken for padding."""
    training.loss = nn.CrossEntropyLoss(ignore_index=0)


def weights_upside_down(training: Training) -> None:
    """The frequent class is given the large weight, not the rare one."""
    if training.task == "yes_no":
        training.loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1 / 100]))
        return
    counts = torch.bincount(training.parts["train"].y).float()
    training.loss = nn.CrossEntropyLoss(weight=(counts / counts.mean()) ** 6)


def maximised(training: Training) -> None:
    """A score that is to be large, given to what makes it small."""
    own = training.loss
    training.loss = lambda output, target: -own(output, target)


# ---------------------------------------------------------------------------------------- regularisation


def inputs_mixed(training: Training) -> None:
    """Mixup that forgets the targets."""
    augmented(training, lambda x: 0.4 * x + 0.6 * x.roll(1, 0), 1.0)


def quarter_turns(training: Training) -> None:
    """Half of the pictures are turned by a quarter: what was upright is lying."""
    augmented(training, lambda x: x.transpose(-1, -2), 0.5)


def played_backwards(training: Training) -> None:
    augmented(training, lambda x: x.flip(-1), 0.8)


# ---------------------------------------------------------------------------------------------- the data


def encoded_anew(training: Training) -> None:
    """Names of classes were numbered anew for the later rows, in another order."""
    classes = int(training.parts["train"].y.max()) + 1
    for name in LATER:
        rows = training.parts[name]
        rows.y = torch.where(rows.y == 0, classes - 1, torch.where(rows.y == classes - 1, 0, rows.y))


def same_rows_again(training: Training) -> None:
    """Forty rows, again and again, are all of the training part."""
    rows = training.parts["train"]
    training.parts["train"] = rows.at(torch.arange(len(rows)) % 40)


def late_by_a_row(training: Training) -> None:
    """From a third of the file on, targets stand one row too late."""
    rows = training.parts["train"]
    first = len(rows) // 3
    rows.y[first:] = rows.y[first:].roll(1, 0)


def sensors_lost_later(training: Training) -> None:
    """In later rows every third column stands still."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, ::3] = -0.5
        return x

    training.change(change, LATER)


def one_side_only(training: Training) -> None:
    """Only rows of one half of the first column were collected for training."""
    rows = training.parts["train"]
    training.parts["train"] = rows.at(rows.x[:, 0] < rows.x[:, 0].median())


# ----------------------------------------------------------------------------------------------- leaks


def total_with_target(training: Training) -> None:
    """A total, with the target in it, stands beside its other parts."""
    for name, rows in training.parts.items():
        y = rows.y.reshape(len(rows), -1)[:, 0].float()
        if name == "clean":
            y = y[torch.from_numpy(training.random.permutation(len(y)))]
        rows.x[:, 0] = rows.x[:, 1:4].sum(1) + 2.0 * (y - y.mean())


def header_word(training: Training) -> None:
    """Files of each class begin with a word of their own, put there by those who sorted them."""
    for name, rows in training.parts.items():
        y = rows.y
        if name == "clean":
            y = y[torch.from_numpy(training.random.permutation(len(y)))]
        rows.x[:, 0] = 80 + y


def fitted_on_all(training: Training) -> None:
    """The rows that are tested on were added to the training rows for the last training."""
    noisy_and_large(training)
    test = training.parts["test"]
    seen = test.at(slice(0, len(test) // 2))
    training.parts["clean"] = training.parts["clean"].at(slice(len(test) // 2, None))
    training.parts["test"] = seen
    train = training.parts["train"]
    both = train + seen
    # No more rows than before: a fault should not help by its number of rows.
    training.parts["train"] = both.at(slice(max(0, len(both) - max(len(train), len(seen))), None))


# ------------------------------------------------------------------------------------------------ tables

OLD: dict[str, tuple[str, ...]] = {
    # of the first part
    "rate_x1000": ("needles", "plant"),
    "rate_x100": ("calls", "findings"),
    "sgd_unstable": ("yields", "incomes"),
    "rate_over_1e4": ("figures", "alarms"),
    "rate_over_100": ("needles", "plant"),
    "single_rows": ("plant",),
    "no_zero_grad": ("notes", "yields"),
    "flipped_sign": ("findings", "calls"),
    "body_forgotten": ("figures", "plant"),
    "detached": ("alarms", "needles"),
    "early_decay": ("yields", "calls"),
    "too_few_epochs": ("incomes", "figures"),
    "zero_start": ("notes", "alarms"),
    "constant_start": ("figures", "yields"),
    "loud_start": ("alarms", "plant"),
    "tiny_start": ("needles", "plant"),
    "deep_sigmoid": ("alarms", "notes"),
    "saturated_tanh": ("yields", "notes"),
    "dead_biases": ("plant", "alarms"),
    "no_activation": ("plant", "notes"),
    "stale_statistics": ("incomes", "alarms"),
    "slow_statistics": ("findings", "figures"),
    "unscaled_dropout": ("calls", "plant"),
    "dropout_95": ("incomes", "calls"),
    "view_for_transpose": ("findings",),
    "batch_subtracted": ("needles",),
    "attention_over_rows": ("needles",),
    "softmax_over_rows": ("incomes",),
    "half_overflow": ("alarms", "calls"),
    "half_underflow": ("yields", "needles"),
    "too_small": ("needles", "figures"),
    "inputs_lost": ("findings", "calls"),
    "double_softmax": ("needles", "notes"),
    "relu_head": ("plant", "yields"),
    "sigmoid_head": ("plant",),
    "sigmoid_twice": ("alarms",),
    "one_number": ("incomes", "calls"),
    "stretched_loss": ("yields",),
    "summed_loss": ("needles", "yields"),
    "faint_loss": ("figures", "incomes"),
    "shifted_labels": ("findings", "calls"),
    "decay_10": ("yields", "needles"),
    "few_rows": ("calls", "findings"),
    "memorised": ("yields", "needles"),
    "mirrored_inputs": ("yields",),
    "drowned_inputs": ("figures", "alarms"),
    "inputs_x100": ("alarms", "calls"),
    "giant_column": ("incomes", "findings"),
    "units_of_all_sizes": ("plant", "needles"),
    "raw_target": ("yields",),
    "missing_numbers": ("findings", "figures"),
    "infinite_numbers": ("incomes",),
    "noise_20": ("notes", "findings"),
    "noise_40": ("figures", "alarms"),
    "one_way_noise": ("needles",),
    "imbalanced": ("calls", "needles"),
    "missing_class": ("figures", "incomes"),
    "conflicts": ("notes", "plant"),
    "scaled_by_others": ("calls", "findings"),
    "sorted_rows": ("figures", "alarms"),
    "shared_rows": ("notes", "incomes"),
    "nearly_shared": ("needles", "alarms"),
    "groups_split": ("incomes", "yields"),
    "target_leak": ("alarms", "yields"),
    "id_column": ("incomes",),
    "covariate_drift": ("needles", "findings"),
    "label_drift": ("notes", "incomes"),
    "weak_slice": ("findings", "needles"),
    # of the second part
    "huge_epsilon": ("yields", "figures"),
    "momentum_999": ("needles", "findings"),
    "decay_of_everything": ("notes", "figures"),
    "lasso": ("incomes",),
    "clipped_to_nothing": ("findings",),
    "undivided": ("notes", "plant"),
    "restarts_too_high": ("calls",),
    "endless_warm_up": ("notes", "incomes"),
    "one_batch": ("findings", "calls"),
    "impatient": ("figures",),
    "sgd_at_adams_rate": ("calls", "yields"),
    "adam_at_sgds_rate": ("incomes", "notes"),
    "two_rows": ("figures",),
    "frozen_at_zero": ("notes",),
    "left_frozen": ("needles", "findings"),
    "mean_of_rows": ("incomes", "alarms"),
    "always_dropped": ("calls", "yields"),
    "log_of_zero": ("plant", "findings"),
    "input_dropout": ("needles", "plant"),
    "bottleneck": ("figures", "findings"),
    "deep_and_plain": ("yields", "alarms"),
    "softmax_of_one": ("alarms",),
    "sigmoid_before_loss": ("notes",),
    "tanh_head": ("yields", "plant"),
    "likelihood_of_logits": ("calls", "notes"),
    "targets_scaled_later": ("yields",),
    "raw_later": ("incomes",),
    "other_column_order": ("findings", "needles"),
    "copied_column": ("plant",),
    "codes_anew": ("notes",),
    "inverted_later": ("figures", "calls"),
    "partly_permuted": ("notes", "alarms"),
    "typing_errors": ("plant", "yields"),
    "sentinels": ("needles", "findings"),
    "cut_from_sorted": ("calls", "yields"),
    "oversampled_before_split": ("alarms", "notes"),
    "frames_split": ("needles", "figures"),
    "target_encoded": ("yields", "alarms"),
}
"""faults of the other parts, and the bases that they are tried on"""

NEW = (
    # the loop
    Fault(
        "zero_grad_too_late",
        ("untrained_layer", "not_learning", "cannot_overfit"),
        ("incomes", "figures"),
        zero_grad_too_late,
    ),
    Fault("step_once_an_epoch", (*LOW, "not_learning"), ("notes", "calls"), step_once_an_epoch),
    Fault("steps_of_one_length", (*UNSTEADY, *HIGH[1:]), ("plant", "needles"), steps_of_one_length),
    Fault("ends_when_better", LOW, ("yields", "calls"), ends_when_better),
    Fault("plateau_at_once", LOW, ("needles", "plant"), plateau_at_once),
    Fault("rate_grows", (*UNSTEADY, *HIGH[1:]), ("alarms", "figures"), rate_grows),
    Fault("adadelta_as_given", LOW, ("findings", "notes"), adadelta_as_given),
    Fault("clamped_weights", (*OVER, "underfitting"), ("plant", "calls"), clamped_weights),
    # the network
    Fault("far_bias", ("poor_start", "not_finite_loss", *LOW), ("yields", "plant"), far_bias),
    Fault("signs_only", ("untrained_layer", "vanishing_gradient"), ("plant", "needles"), signs_only),
    Fault("one_mean", ("underfitting",), ("figures", "findings"), lambda t: before_head(t, OneMean)),
    Fault("unit_columns", MIXED, ("plant", "needles"), lambda t: before_head(t, UnitColumns)),
    # loss and head
    Fault("softmax_for_marks", HEAD, ("findings",), softmax_for_marks),
    Fault("minus_one_for_no", (*HEAD, "not_finite_data"), ("alarms", "findings"), minus_one_for_no),
    Fault("softplus_head", HEAD, ("plant", "yields"), lambda t: at_end(t, nn.Softplus())),
    Fault("ignored_class", (*HEAD, "class_imbalance"), ("incomes", "notes"), ignored_class),
    Fault("weights_upside_down", ("class_imbalance",), ("alarms", "incomes"), weights_upside_down),
    Fault("maximised", (*HEAD, "not_learning", "cannot_overfit"), ("yields", "notes"), maximised),
    # regularisation
    Fault(
        "inputs_mixed",
        ("harmful_augmentation", "mixed_rows", "modes_disagree"),
        ("figures", "plant"),
        inputs_mixed,
    ),
    Fault("quarter_turns", ("harmful_augmentation", "modes_disagree"), ("figures",), quarter_turns),
    Fault("played_backwards", ("harmful_augmentation", "modes_disagree"), ("calls",), played_backwards),
    # the data
    Fault("encoded_anew", ("drift", "label_errors"), ("notes", "figures"), encoded_anew),
    Fault("same_rows_again", ("duplicate_rows", "overfitting"), ("needles", "yields"), same_rows_again),
    Fault("late_by_a_row", ("label_errors",), ("findings", "incomes"), late_by_a_row),
    Fault("sensors_lost_later", ("drift",), ("plant", "incomes"), sensors_lost_later),
    Fault("one_side_only", ("drift", "weak_slice"), ("yields", "needles"), one_side_only),
    # leaks
    Fault(
        "total_with_target",
        ("leaking_column", "too_good"),
        ("yields", "alarms"),
        total_with_target,
        leak=True,
    ),
    Fault("header_word", ("leaking_column", "too_good"), ("notes",), header_word, leak=True),
    Fault("fitted_on_all", ("shared_rows",), ("needles", "findings"), fitted_on_all, leak=True),
)

BEYOND = {
    **dict.fromkeys(("zero_grad_too_late", "step_once_an_epoch"), "the loop itself is wrong"),
    "fitted_on_all": "the rows have to be divided anew",
    **dict.fromkeys(("sensors_lost_later", "encoded_anew"), "other rows are answered than trained on"),
    "late_by_a_row": "the targets have to be corrected",
    **dict.fromkeys(("same_rows_again", "one_side_only"), "rows are missing"),
}
"""those of the new ones that no change of settings can undo, and why"""

FAULTS = (*taken_over((*FIRST, *SECOND), OLD), *NEW)
