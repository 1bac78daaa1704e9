"""Faults of the fourth part: those of the other three that make sense there, and others.

What names a cause rightly was decided from the texts of the catalogue; no detector was asked.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import Dataset

from first.faults import FAULTS as FIRST
from first.faults import (
    HEAD,
    HIGH,
    LOW,
    MIXED,
    OVER,
    UNSTEADY,
    Fault,
    Scaled,
    at_end,
    augmented,
    before_head,
    label_noise,
)
from fourth.bases import Highest, LastState, Weighed
from netwright import optimizers, schedules
from netwright.callbacks import EarlyStopping
from second.faults import FAULTS as SECOND
from second.faults import LATER, divided, together
from taken_over import taken_over
from third.faults import FAULTS as THIRD
from training import PARTS, Rows, Training


def replaced(module: Any, kinds: tuple[type[nn.Module], ...], other: Any) -> Any:
    """The chain with its direct parts of some kinds exchanged for `other(part)`."""
    return nn.Sequential(*(other(each) if isinstance(each, kinds) else each for each in module))


# -------------------------------------------------------------------------------------------- the loop


def scheduler_each_batch(training: Training) -> None:
    """A rate that is to be halved every second epoch is halved every second batch."""
    training.optimizer = optimizers.Adam(schedules.ExponentialDecay(training.rate, 2, 0.5, staircase=True))


def head_replaced_late(training: Training) -> None:
    """The last layer was exchanged for a new one after the optimiser had been made."""
    training.shape["width"] = 6
    training.optimizer = lambda module: torch.optim.Adam(
        [each for part in module[:-1] for each in part.parameters()], lr=training.rate
    )


def average_too_slow(training: Training) -> None:
    """What is kept is an average of weights that would need ten times as many steps."""
    steps = training.epochs * len(training.parts["train"]) // training.batch
    training.optimizer = optimizers.Adam(training.rate, use_ema=True, ema_momentum=1.0 - 0.1 / steps)


def worst_kept(training: Training) -> None:
    """Of all epochs the one with the greatest loss is put back."""
    training.rate /= 3
    training.callbacks.append(
        EarlyStopping("val_loss", mode="max", patience=training.epochs, restore_best_weights=True)
    )


def betas_exchanged(training: Training) -> None:
    """Adam's two memories in each other's place."""
    training.optimizer = optimizers.Adam(training.rate, beta_1=0.999, beta_2=0.9)


class Coarse(torch.optim.Adam):
    """Adam whose weights are kept in steps of 1/16."""

    def step(self, closure: Any = None) -> Any:
        found = super().step(closure)
        with torch.no_grad():
            for group in self.param_groups:
                for each in group["params"]:
                    each.copy_((16.0 * each).round() / 16.0)
        return found


def coarse_weights(training: Training) -> None:
    training.optimizer = lambda module: Coarse(module.parameters(), lr=training.rate)


def reversed_warm_up(training: Training) -> None:
    """The rate begins a thousand times too high and falls to what is usual in an epoch."""
    steps = -(-len(training.parts["train"]) // training.batch)
    training.optimizer = optimizers.Adam(
        schedules.PolynomialDecay(1000.0 * training.rate, steps, training.rate)
    )


class FirstBatch(Dataset[Any]):
    """A loader that is begun anew for each batch: it only ever gives its first rows."""

    def __init__(self, rows: Rows, batch: int) -> None:
        self.rows, self.batch = rows, batch

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        return self.rows.x[place % self.batch], self.rows.y[place % self.batch]


def always_first_batch(training: Training) -> None:
    training.source = lambda rows: FirstBatch(rows, training.batch)


# ------------------------------------------------------------------------------------------ the network


class FirstPlace(nn.Module):
    """The first step in the place of the last one, or of all. [B, C, T] or [B, T, C] to [B, C]"""

    def __init__(self, last: bool) -> None:
        super().__init__()
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        return x[..., 0] if self.last else x[:, 0]


class FirstState(nn.Module):
    """A GRU of which the first state is read."""

    def __init__(self, own: LastState) -> None:
        super().__init__()
        self.gru = own.gru

    def forward(self, x: Tensor) -> Tensor:
        return self.gru(x)[0][:, 0]


def first_place_only(training: Training) -> None:
    """A wrong index: only the first step is read."""

    def other(part: nn.Module) -> nn.Module:
        return FirstState(part) if isinstance(part, LastState) else FirstPlace(isinstance(part, Highest))

    training.edits.append(lambda module: replaced(module, (LastState, Highest, Weighed), other))


class Unswitched(nn.Module):
    """A chain that is never told that training is over."""

    def __init__(self, own: nn.Module) -> None:
        super().__init__()
        self.own = own

    def train(self, mode: bool = True) -> Unswitched:
        super().train(True)
        self.training = mode
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x)


def eval_forgotten(training: Training) -> None:
    training.shape["dropout"] = 0.6
    training.edits.append(Unswitched)


def norm_at_end(training: Training) -> None:
    """Layer normalisation goes over the answers themselves."""
    at_end(training, nn.LayerNorm(training.shape["outputs"]))


class FirstThird(nn.Module):
    """A slice that is too short: all but the first third of the columns stay 0. [B, F]"""

    def forward(self, x: Tensor) -> Tensor:
        kept = x[:, : x.shape[1] // 3]
        return functional.pad(kept, (0, x.shape[1] - kept.shape[1]))


def columns_cut_off(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(FirstThird(), *module))


def slope_of_one(training: Training) -> None:
    """A leaky ReLU that is as steep below zero as above."""
    kinds = (nn.ReLU, nn.SiLU, nn.GELU, nn.Tanh, nn.LeakyReLU)
    training.edits.append(lambda module: replaced(module, kinds, lambda part: nn.LeakyReLU(1.0)))


class SoftmaxInside(nn.Module):
    """Hidden units that share one. [B, C]"""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x, 1)


class SortedRows(nn.Module):
    """Rows are sorted for the network, and their answers are not put back. [B, ...]"""

    def __init__(self, own: nn.Module) -> None:
        super().__init__()
        self.own = own

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x[torch.argsort(x.reshape(len(x), -1)[:, 0].float(), stable=True)])


def great_stride(training: Training) -> None:
    """The first convolution leaves out most places."""

    def edit(module: nn.Module) -> nn.Module:
        own = next(each for each in module.modules() if isinstance(each, nn.Conv1d | nn.Conv2d))
        own.stride = tuple(5 for _ in own.stride)
        return module

    training.edits.append(edit)


class Rounded(nn.Module):
    """Whole numbers, which have no slope."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.round(x)


# ----------------------------------------------------------------------------------------- loss and head


def log_input_forgotten(training: Training) -> None:
    """The loss is told that outputs are counts, and they are any numbers."""
    training.loss = nn.PoissonNLLLoss(log_input=False)
    training.answer = None


def scale_free_loss(training: Training) -> None:
    """One minus the likeness of directions: how large the answers are, nobody says."""

    def loss(output: Tensor, target: Tensor) -> Tensor:
        return 1.0 - functional.cosine_similarity(output, target, dim=1).mean()

    training.loss = loss


def activity_penalty(training: Training) -> None:
    """Twice the square of the answers is added to the loss."""
    own = training.loss
    training.loss = lambda output, target: own(output, target) + 2.0 * output.square().mean()


def targets_mixed(training: Training) -> None:
    """Mixup of the targets, of which the inputs know nothing."""
    own = training.loss
    training.loss = lambda output, target: 0.4 * own(output, target) + 0.6 * own(output, target.roll(1, 0))


# ---------------------------------------------------------------------------------------- regularisation


def erased_mostly(training: Training) -> None:
    """Four of five numbers, or letters, of each row are blanked out in training."""

    def erased(x: Tensor) -> Tensor:
        return torch.where(torch.rand(x.shape) < 0.8, torch.zeros_like(x), x)

    augmented(training, erased, 1.0)


def shuffled_steps(training: Training) -> None:
    """Steps in another order in each batch."""
    augmented(training, lambda x: x[:, torch.randperm(x.shape[1])], 0.8)


# ---------------------------------------------------------------------------------------------- the data


def targets_in_other_order(training: Training) -> None:
    """Columns of the targets stand in another order in the later rows."""
    for name in LATER:
        training.parts[name].y = training.parts[name].y.roll(1, 1)


def misjoined(training: Training) -> None:
    """Two tables were put beside each other, one of them a row too late from a quarter of the rows on."""
    for name in ("train", "validation"):
        rows = training.parts[name]
        first, half = len(rows) // 4, rows.x.shape[1] // 2
        rows.x[first:, :half] = rows.x[first:, :half].roll(1, 0)


def slipped_points(training: Training) -> None:
    """In one training row of fifty a decimal point has slipped by four places."""
    rows = training.parts["train"]
    for place in training.chosen(len(rows), 0.02).tolist():
        rows.x[place].view(-1)[int(training.random.integers(0, rows.x[place].numel()))] *= 1e4


def middle_only(training: Training) -> None:
    """Only rows with targets in the lower half were collected for training."""
    for name in ("train", "validation"):
        rows = training.parts[name]
        y = rows.y[:, 0]
        training.parts[name] = rows.at(y <= y.quantile(0.5))


def mounted_the_other_way(training: Training) -> None:
    """Later, each second sensor points the other way: its numbers have the other sign."""

    def change(x: Tensor) -> Tensor:
        x = x.clone()
        x[:, ::2] = -x[:, ::2]
        return x

    training.change(change, LATER)


def two_numberings(training: Training) -> None:
    """Rows of two sources, 45 % from the one that numbers its classes from the other end."""
    classes = int(training.parts["train"].y.max()) + 1
    for name in ("train", "validation"):
        rows = training.parts[name]
        chosen = training.chosen(len(rows), 0.45)
        rows.y[chosen] = classes - 1 - rows.y[chosen]


# ----------------------------------------------------------------------------------------------- leaks


def copies_before_split(training: Training) -> None:
    """Each row was copied four times with a small change, to have more, and then the rows were divided."""
    label_noise(training, 0.3, (*PARTS, "clean"))
    training.shape["width"] = 32
    training.epochs *= 2
    rows = together(training)
    few = rows.at(slice(0, len(rows) // 4))
    random = torch.Generator().manual_seed(training.seed)
    copies = []
    for place in range(4):
        again = few.at(slice(None))
        if again.x.is_floating_point():
            if place % 2:
                again.x = again.x.flip(-1).flip(-2)
            again.x = again.x + 0.02 * torch.randn(again.x.shape, generator=random)
        else:
            again.x[:, place] = torch.randint(0, 12, (len(again),), generator=random)
        copies.append(again)
    divided(training, copies[0] + copies[1] + copies[2] + copies[3])


def blank_where_high(training: Training) -> None:
    """A number is missing, -5 in its place, where the target is high: it was no longer asked for."""
    for name in PARTS:
        rows = training.parts[name]
        y = rows.y[:, 0]
        rows.x[y > y.median() if training.task == "numbers" else y > 0, 0] = -5.0


# ------------------------------------------------------------------------------------------------ tables

OLD: dict[str, tuple[str, ...]] = {
    # of the first part
    "rate_x1000": ("tiles",),
    "rate_x100": ("pairs",),
    "sgd_unstable": ("prices",),
    "rate_over_1e4": ("sets",),
    "rate_over_100": ("rides", "pairs"),
    "single_rows": ("mended",),
    "no_zero_grad": ("sets",),
    "flipped_sign": ("ranks",),
    "body_forgotten": ("swing",),
    "detached": ("tiles",),
    "early_decay": ("ranks", "swing"),
    "too_few_epochs": ("tiles", "rides"),
    "zero_start": ("sets",),
    "constant_start": ("pairs",),
    "loud_start": ("rides",),
    "tiny_start": ("prices",),
    "deep_sigmoid": ("prices",),
    "saturated_tanh": ("pairs",),
    "dead_biases": ("sets", "rides"),
    "no_activation": ("rides", "prices"),
    "stale_statistics": ("pairs",),
    "slow_statistics": ("tiles",),
    "unscaled_dropout": ("swing",),
    "dropout_95": ("letters",),
    "view_for_transpose": ("swing",),
    "batch_subtracted": ("rides",),
    "attention_over_rows": ("prices",),
    "half_overflow": ("mended",),
    "half_underflow": ("rides",),
    "too_small": ("sets", "prices"),
    "inputs_lost": ("pairs",),
    "double_softmax": ("tiles",),
    "relu_head": ("swing",),
    "sigmoid_head": ("mended",),
    "one_number": ("letters", "sets"),
    "summed_loss": ("prices", "tiles"),
    "faint_loss": ("sets",),
    "shifted_labels": ("tiles", "prices"),
    "decay_10": ("letters",),
    "few_rows": ("sets",),
    "memorised": ("prices", "pairs"),
    "mirrored_inputs": ("swing", "ranks"),
    "drowned_inputs": ("sets",),
    "inputs_x100": ("ranks", "swing"),
    "giant_column": ("prices",),
    "units_of_all_sizes": ("pairs",),
    "raw_target": ("swing", "prices"),
    "missing_numbers": ("sets", "rides"),
    "infinite_numbers": ("mended",),
    "noise_20": ("ranks",),
    "noise_40": ("sets", "pairs"),
    "one_way_noise": ("tiles",),
    "imbalanced": ("letters", "tiles"),
    "missing_class": ("letters",),
    "conflicts": ("letters",),
    "scaled_by_others": ("mended", "rides"),
    "sorted_rows": ("letters", "prices"),
    "shared_rows": ("prices",),
    "nearly_shared": ("ranks", "prices"),
    "groups_split": ("pairs", "prices"),
    "target_leak": ("prices", "pairs"),
    "id_column": ("rides",),
    "covariate_drift": ("ranks",),
    "label_drift": ("letters", "tiles"),
    "weak_slice": ("ranks", "rides"),
    # of the second part
    "huge_epsilon": ("tiles", "swing"),
    "momentum_999": ("sets",),
    "decay_of_everything": ("pairs",),
    "lasso": ("swing",),
    "clipped_to_nothing": ("tiles",),
    "undivided": ("rides",),
    "restarts_too_high": ("pairs",),
    "endless_warm_up": ("letters",),
    "one_batch": ("tiles", "ranks"),
    "impatient": ("letters", "sets"),
    "sgd_at_adams_rate": ("rides",),
    "adam_at_sgds_rate": ("ranks", "sets"),
    "two_rows": ("tiles",),
    "frozen_at_zero": ("letters",),
    "left_frozen": ("pairs", "swing"),
    "mean_of_rows": ("sets",),
    "batch_for_time": ("swing",),
    "always_dropped": ("prices",),
    "log_of_zero": ("sets",),
    "input_dropout": ("ranks",),
    "bottleneck": ("letters", "sets"),
    "deep_and_plain": ("ranks",),
    "softmax_of_one": ("pairs",),
    "sigmoid_before_loss": ("tiles",),
    "tanh_head": ("swing", "mended"),
    "likelihood_of_logits": ("tiles",),
    "targets_scaled_later": ("swing", "mended"),
    "other_column_order": ("prices", "ranks"),
    "copied_column": ("prices", "rides"),
    "inverted_later": ("sets",),
    "partly_permuted": ("rides", "tiles"),
    "typing_errors": ("mended", "swing"),
    "sentinels": ("pairs", "prices"),
    "cut_from_sorted": ("letters", "rides"),
    "oversampled_before_split": ("pairs",),
    "frames_split": ("mended",),
    "target_encoded": ("prices", "pairs"),
    "future_seen": ("swing",),
    # of the third part
    "zero_grad_too_late": ("pairs",),
    "step_once_an_epoch": ("rides", "ranks"),
    "steps_of_one_length": ("mended",),
    "ends_when_better": ("letters", "tiles"),
    "plateau_at_once": ("sets", "mended"),
    "rate_grows": ("mended",),
    "adadelta_as_given": ("ranks",),
    "clamped_weights": ("letters",),
    "far_bias": ("swing", "mended"),
    "signs_only": ("ranks",),
    "one_mean": ("tiles",),
    "unit_columns": ("mended",),
    "softmax_for_marks": ("ranks",),
    "minus_one_for_no": ("ranks", "pairs"),
    "softplus_head": ("mended",),
    "ignored_class": ("tiles", "letters"),
    "weights_upside_down": ("pairs",),
    "maximised": ("prices",),
    "inputs_mixed": ("mended", "sets"),
    "quarter_turns": ("tiles",),
    "played_backwards": ("letters",),
    "encoded_anew": ("letters", "tiles"),
    "same_rows_again": ("prices", "pairs"),
    "late_by_a_row": ("mended",),
    "sensors_lost_later": ("mended", "ranks"),
    "one_side_only": ("rides", "ranks"),
    "total_with_target": ("prices", "pairs"),
    "fitted_on_all": ("ranks",),
}
"""faults of the other parts, and the bases that they are tried on"""

NEW = (
    # the loop
    Fault("scheduler_each_batch", LOW, ("sets", "mended"), scheduler_each_batch),
    Fault("head_replaced_late", ("untrained_layer",), ("letters", "mended"), head_replaced_late),
    Fault("average_too_slow", (*LOW, "not_learning"), ("tiles", "rides"), average_too_slow),
    Fault("worst_kept", (*LOW, "not_learning"), ("pairs", "sets"), worst_kept),
    Fault("betas_exchanged", (*UNSTEADY, *HIGH[1:]), ("sets", "mended"), betas_exchanged),
    Fault(
        "coarse_weights",
        ("low_precision", "untrained_layer", "not_learning", *LOW),
        ("rides", "pairs"),
        coarse_weights,
    ),
    Fault(
        "reversed_warm_up",
        (*UNSTEADY, *HIGH[1:], "dead_units", "saturated_units"),
        ("sets", "mended"),
        reversed_warm_up,
    ),
    Fault("always_first_batch", ("duplicate_rows", "overfitting"), ("ranks", "letters"), always_first_batch),
    # the network
    Fault("first_place_only", ("input_ignored", "underfitting"), ("letters", "swing"), first_place_only),
    Fault("eval_forgotten", ("modes_disagree",), ("ranks", "rides"), eval_forgotten),
    Fault("norm_at_end", (*HEAD, "input_ignored", "underfitting"), ("swing", "rides"), norm_at_end),
    Fault("columns_cut_off", ("input_ignored", "underfitting"), ("prices", "pairs"), columns_cut_off),
    Fault("slope_of_one", ("missing_nonlinearity", "underfitting"), ("ranks", "mended"), slope_of_one),
    Fault(
        "softmax_inside",
        ("vanishing_gradient", "underfitting", *LOW),
        ("swing", "ranks"),
        lambda t: before_head(t, SoftmaxInside),
    ),
    Fault(
        "not_sorted_back",
        (*MIXED, "not_learning", "cannot_overfit"),
        ("letters", "swing"),
        lambda t: t.edits.append(SortedRows),
    ),
    Fault("great_stride", ("underfitting",), ("letters", "tiles"), great_stride),
    # loss and head
    Fault(
        "rounded_answers",
        (*HEAD, "untrained_layer", "not_learning", "vanishing_gradient"),
        ("swing", "pairs"),
        lambda t: at_end(t, Rounded()),
    ),
    Fault(
        "hot_logits",
        ("poor_start", *HIGH),
        ("tiles", "letters"),
        lambda t: at_end(t, Scaled(200.0)),
    ),
    Fault(
        "dropped_answers",
        (*OVER, *HEAD, "modes_disagree"),
        ("swing", "mended"),
        lambda t: at_end(t, nn.Dropout(0.5)),
    ),
    Fault("log_input_forgotten", (*HEAD, "not_finite_loss"), ("rides",), log_input_forgotten),
    Fault("scale_free_loss", HEAD, ("swing", "mended"), scale_free_loss),
    Fault("activity_penalty", OVER, ("mended", "swing"), activity_penalty),
    Fault(
        "targets_mixed",
        (*HEAD, "harmful_augmentation", "cannot_overfit"),
        ("rides", "prices"),
        targets_mixed,
    ),
    # regularisation
    Fault(
        "erased_mostly",
        ("harmful_augmentation", *OVER, "modes_disagree"),
        ("letters", "tiles"),
        erased_mostly,
    ),
    Fault("shuffled_steps", ("harmful_augmentation", "modes_disagree"), ("letters", "swing"), shuffled_steps),
    # the data
    Fault("targets_in_other_order", ("drift", "label_errors"), ("swing", "ranks"), targets_in_other_order),
    Fault("misjoined", ("label_errors", "drift"), ("ranks", "rides"), misjoined),
    Fault(
        "slipped_points",
        ("unscaled_inputs", "exploding_gradient", "loss_spike"),
        ("rides", "prices"),
        slipped_points,
    ),
    Fault("middle_only", ("drift",), ("prices", "rides"), middle_only),
    Fault("mounted_the_other_way", ("drift",), ("ranks", "prices"), mounted_the_other_way),
    Fault("two_numberings", ("label_errors", "conflicting_labels"), ("tiles", "sets"), two_numberings),
    # leaks
    Fault("copies_before_split", ("shared_rows",), ("tiles", "letters"), copies_before_split, leak=True),
    Fault(
        "blank_where_high", ("leaking_column", "too_good"), ("pairs", "prices"), blank_where_high, leak=True
    ),
)

BEYOND = {
    "not_sorted_back": "the network's own code gives answers to other rows",
    **dict.fromkeys(
        ("targets_in_other_order", "mounted_the_other_way"), "other rows are answered than trained on"
    ),
    "always_first_batch": "they come as a data set, not as arrays",
    "misjoined": "the rows have to be corrected",
    "two_numberings": "the targets have to be corrected",
    "middle_only": "rows are missing",
    "columns_cut_off": "the inputs do not arrive",
    "first_place_only": "the network's own code reads one step alone",
    "copies_before_split": "the rows have to be divided anew",
}
"""those of the new ones that no change of settings can undo, and why"""

FAULTS = (*taken_over((*FIRST, *SECOND, *THIRD), OLD), *NEW)
