"""Odd-looking trainings of the third part that are fine: those of the first two, and others."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from first.faults import augmented, giant_column
from first.healthy import HEALTHY as FIRST
from first.healthy import Odd
from netwright import optimizers, schedules
from netwright.callbacks import StochasticWeightAveraging
from second.faults import steps_of
from second.healthy import HEALTHY as SECOND
from taken_over import taken_over
from training import Training


def other_optimizer(training: Training, kind: str, share: float, **settings: Any) -> None:
    training.optimizer = getattr(optimizers, kind)(share * training.rate, **settings)


def absolute(training: Training) -> None:
    training.loss = nn.L1Loss()
    training.epochs = round(1.5 * training.epochs)


def mild_weights(training: Training) -> None:
    """Classes weigh by the root of their rarity."""
    counts = torch.bincount(training.parts["train"].y).float()
    training.loss = nn.CrossEntropyLoss(weight=(counts.mean() / counts).sqrt())


def weighted_rows(training: Training) -> None:
    """Each row has a weight of its own, from a half to one and a half."""
    rows = len(training.parts["train"])
    training.fitting["sample_weight"] = training.random.uniform(0.5, 1.5, rows)


def quick_statistics(training: Training) -> None:
    """Running means of batch norm that follow the last few batches."""

    def edit(module: nn.Module) -> nn.Module:
        for each in module.modules():
            if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
                each.momentum = 0.4
        return module

    training.edits.append(edit)


def coarse(training: Training) -> None:
    """Columns are measured in steps of a quarter."""
    training.change(lambda x: (4.0 * x).round() / 4.0)


def mirrored_rightly(training: Training) -> None:
    """Pictures that are the same mirrored are mirrored in training."""
    augmented(training, lambda x: x.flip(-1), 0.5)


def start_times(training: Training, factor: float) -> None:
    """First matrices larger or smaller than usual."""

    def edit(module: nn.Module) -> nn.Module:
        with torch.no_grad():
            for each in module.parameters():
                if each.dim() > 1:
                    each.mul_(factor)
        return module

    training.edits.append(edit)


def factorised(training: Training) -> None:
    """The second matrix is a product of two narrow ones, which saves weights."""

    def edit(module: Any) -> nn.Module:
        parts = list(module)
        place = [place for place, each in enumerate(parts) if isinstance(each, nn.Linear)][1]
        own = parts[place]
        narrow = nn.Sequential(nn.Linear(own.in_features, 16, bias=False), nn.Linear(16, own.out_features))
        return nn.Sequential(*parts[:place], narrow, *parts[place + 1 :])

    training.edits.append(edit)


def falls_late(training: Training) -> None:
    """A tenth of the rate in the last quarter."""
    steps = steps_of(training)
    training.optimizer = optimizers.SGD(
        schedules.PiecewiseConstantDecay([3 * steps // 4], [training.rate, training.rate / 10]), momentum=0.9
    )


def swa(training: Training) -> None:
    """The mean of the last epochs' weights is kept."""
    training.epochs = round(1.5 * training.epochs)
    training.callbacks.append(StochasticWeightAveraging(training.epochs // 2))


def prior_bias(training: Training) -> None:
    """The last bias starts at the logarithm of the odds."""
    share = float(training.parts["train"].y.float().mean())

    def edit(module: Any) -> nn.Module:
        nn.init.constant_(module[-1].bias, torch.logit(torch.tensor(share)).item())
        return module

    training.edits.append(edit)


def times(training: Training, rate: float, epochs: float) -> None:
    """Another rate, and more or fewer epochs."""
    training.rate *= rate
    training.epochs = round(epochs * training.epochs)


def faint_for_adam(training: Training) -> None:
    """The loss is divided by a thousand, which does not matter to Adam."""
    own = training.loss
    training.loss = lambda output, target: own(output, target) / 1000.0


def summed_for_adam(training: Training) -> None:
    """The loss is a sum over rows, which does not matter to Adam either."""
    training.loss.reduction = "sum"


def few_inputs_dropped(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(nn.Dropout(0.05), module))


def giant_normalised(training: Training) -> None:
    """A column ten thousand times as large as the others, and batch norm before anything else."""
    giant_column(training)
    training.shape["first"] = "batch"


def hundredth_shared(training: Training) -> None:
    """One test row in a hundred is a training row too."""
    train, test = training.parts["train"], training.parts["test"]
    chosen = training.chosen(len(test), 0.01)
    test.x[chosen], test.y[chosen] = train.x[: len(chosen)], train.y[: len(chosen)]


def zeros_behind(training: Training) -> None:
    """Words are followed by twice as many zeros."""
    training.change(lambda x: torch.cat([x, torch.zeros_like(x), torch.zeros_like(x)], 1))


OLD: dict[str, tuple[str, ...]] = {
    # of the first part
    "sgd_05": ("yields",),
    "sgd_10": ("alarms",),
    "nearly_all_right": ("alarms",),
    "dropout": ("notes",),
    "loss_gap": ("notes", "calls"),
    "sparse_units": ("alarms",),
    "best_kept": ("yields",),
    "weighted_imbalance": ("needles",),
    "normalised_first": ("incomes",),
    "constant_beside": ("findings",),
    "batch_8": ("incomes",),
    "batch_200": ("yields",),
    "one_cycle": ("figures", "plant"),
    "from_zero": ("incomes", "calls"),
    "to_zero": ("findings",),
    "fine_tuned": ("yields",),
    "frozen_on_purpose": ("needles",),
    "bayes_limit": ("alarms",),
    "noise_2": ("findings",),
    "heavy_target": ("plant",),
    "rows_150": ("calls",),
    "duplicates_3": ("plant",),
    "target_in_units": ("yields",),
    "decay": ("notes", "figures"),
    "clipped": ("plant",),
    "batch_norm": ("alarms",),
    "layer_norm": ("needles",),
    "gelu_wide": ("incomes",),
    "tanh": ("alarms",),
    "log_softmax": ("figures",),
    "sigmoid": ("alarms",),
    # of the second part
    "slow_momentum": ("plant",),
    "nesterov": ("findings",),
    "rmsprop": ("yields",),
    "restarts": ("figures",),
    "averaged": ("needles",),
    "put_together": ("plant",),
    "tightly_clipped": ("yields",),
    "smoothed": ("incomes",),
    "zero_head": ("notes",),
    "orthogonal": ("plant",),
    "random_features": ("findings",),
    "double_columns": ("alarms",),
    "idle_columns": ("alarms",),
    "unlike_sizes": ("findings",),
    "divided_by_group": ("findings",),
    "given_order": ("incomes",),
    "few_validation_rows": ("needles",),
    "mild_noise": ("calls",),
    "patient": ("yields",),
    "slightly_later": ("findings",),
    "hard_to_tell": ("notes",),
    "pixels": ("figures",),
    "three_blocks": ("alarms",),
}
"""odd ones of the other parts, and the bases that they are tried on"""

NEW = (
    Odd("lion", ("notes",), partial(other_optimizer, kind="Lion", share=0.2)),
    Odd("adamax", ("incomes",), partial(other_optimizer, kind="Adamax", share=2.0)),
    Odd("careful_epsilon", ("yields",), partial(other_optimizer, kind="Adam", share=1.0, epsilon=1e-3)),
    Odd("absolute", ("yields",), absolute),
    Odd("mild_weights", ("incomes",), mild_weights),
    Odd("weighted_rows", ("findings",), weighted_rows),
    Odd("quick_statistics", ("figures",), quick_statistics),
    Odd("coarse", ("alarms",), coarse),
    Odd("mirrored_rightly", ("figures",), mirrored_rightly),
    Odd("quiet_start", ("needles",), partial(start_times, factor=0.3)),
    Odd("bold_start", ("yields",), partial(start_times, factor=2.0)),
    Odd("factorised", ("needles",), factorised),
    Odd("falls_late", ("findings",), falls_late),
    Odd("swa", ("calls",), swa),
    Odd("prior_bias", ("alarms",), prior_bias),
    Odd("twice_the_rate", ("notes",), partial(times, rate=2.0, epochs=1.0)),
    Odd("half_the_rate", ("calls",), partial(times, rate=0.5, epochs=1.5)),
    Odd("faint_for_adam", ("calls",), faint_for_adam),
    Odd("summed_for_adam", ("notes",), summed_for_adam),
    Odd("few_inputs_dropped", ("needles",), few_inputs_dropped),
    Odd("giant_normalised", ("findings",), giant_normalised),
    Odd("hundredth_shared", ("findings",), hundredth_shared),
    Odd("zeros_behind", ("notes",), zeros_behind),
)

HEALTHY = (*taken_over((*FIRST, *SECOND), OLD), *NEW)
