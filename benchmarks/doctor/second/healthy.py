"""Odd-looking trainings of the second part that are fine: those of the first, and others."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn

from first.faults import sgd
from first.healthy import HEALTHY as FIRST
from first.healthy import Odd, shaped
from netwright import optimizers, schedules
from netwright.callbacks import EarlyStopping
from second.faults import LATER, steps_of
from taken_over import taken_over
from training import PARTS, Rows, Training


def slow_momentum(training: Training) -> None:
    """Momentum .98 with a rate that is as much smaller."""
    training.optimizer = optimizers.SGD(0.01, momentum=0.98)
    training.epochs = round(1.5 * training.epochs)


def restarts(training: Training) -> None:
    """Three waves of the rate, each half as high as the one before: the loss leaps twice, and ends well."""
    training.epochs = round(1.5 * training.epochs)
    waves = max(1, steps_of(training) // 3)
    training.optimizer = optimizers.Adam(
        schedules.CosineDecayRestarts(1.5 * training.rate, waves, t_mul=1.0, m_mul=0.5)
    )


def averaged(training: Training) -> None:
    """The mean of the last weights takes their place."""
    training.optimizer = optimizers.Adam(training.rate, use_ema=True, ema_momentum=0.95)


def put_together(training: Training) -> None:
    """Four small batches make a step."""
    training.batch = 8
    training.options["accumulate"] = 4


def tightly_clipped(training: Training) -> None:
    """Every gradient is cut to a hundredth, which Adam does not mind."""
    training.options["clip_norm"] = 0.01


def smoothed(training: Training) -> None:
    training.loss = nn.CrossEntropyLoss(label_smoothing=0.1)


def robust(training: Training) -> None:
    """An absolute loss."""
    training.loss = nn.SmoothL1Loss(beta=0.2)


def zero_head(training: Training) -> None:
    """The last layer starts at zero, on purpose: so all answers are alike at first."""

    def edit(module: Any) -> nn.Module:
        for each in module[-1].parameters():
            nn.init.zeros_(each)
        return module

    training.edits.append(edit)


def zero_branches(training: Training) -> None:
    """Each residual branch starts at zero, on purpose."""

    def edit(module: Any) -> nn.Module:
        for each in module.modules():
            if hasattr(each, "second"):
                nn.init.zeros_(each.second.weight)
                nn.init.zeros_(each.second.bias)
        return module

    training.edits.append(edit)


def orthogonal(training: Training) -> None:
    """First weights of another kind."""

    def edit(module: nn.Module) -> nn.Module:
        for each in module.modules():
            if isinstance(each, nn.Linear):
                nn.init.orthogonal_(each.weight, 1.4)
        return module

    training.edits.append(edit)


def random_features(training: Training) -> None:
    """A wide first layer that stays as it was drawn, on purpose; only what follows is trained."""
    training.shape["width"] *= 4

    def edit(module: Any) -> nn.Module:
        for each in module[0].parameters():
            each.requires_grad_(False)
        return module

    training.edits.append(edit)


def double_columns(training: Training) -> None:
    """Each column stands there twice, in another unit the second time, in all parts alike."""
    training.shape["inputs"] *= 2
    training.change(lambda x: torch.cat([x, 0.5 * x + 0.3], 1))


def idle_columns(training: Training) -> None:
    """Ten columns beside, that are nearly always 0 and say nothing."""
    training.shape["inputs"] += 10
    random = torch.Generator().manual_seed(training.seed)
    training.change(lambda x: torch.cat([x, (torch.rand(len(x), 10, generator=random) < 0.05).float()], 1))


def unlike_sizes(training: Training) -> None:
    """Columns whose spreads go from a half to four, as standardised by somebody else."""

    def change(x: torch.Tensor) -> torch.Tensor:
        return x * torch.linspace(-1.0, 2.0, x.shape[1]).exp2() + 0.5

    training.change(change)


def divided_by_group(training: Training) -> None:
    """Five measurements of each thing, all of which are in one part."""
    random = torch.Generator().manual_seed(training.seed)
    groups = {}
    for name in PARTS:
        rows = training.parts[name]
        whole = rows.at(slice(0, -(-len(rows) // 3)))
        again = Rows(whole.x.repeat(3, *[1] * (whole.x.dim() - 1)), whole.y.repeat(3, 1))
        again.x = again.x + 0.15 * torch.randn(again.x.shape, generator=random)
        training.parts[name] = again
        groups[name] = [f"{name}{place % len(whole)}" for place in range(len(again))]
    training.groups = groups


def in_given_order(training: Training) -> None:
    """Rows are not shuffled, but come in an order that means nothing."""
    training.fitting["shuffle"] = False


def few_validation_rows(training: Training) -> None:
    training.parts["validation"] = training.parts["validation"].at(slice(0, 50))


def mild_noise(training: Training) -> None:
    """A little noise on the inputs in training alone."""

    class Noise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 0.08 * torch.randn_like(x) if self.training else x

    training.edits.append(lambda module: nn.Sequential(Noise(), module))


def rare_but_found(training: Training) -> None:
    """Eight to one, and told apart by two columns, in every part."""
    for name in (*PARTS, "clean"):
        rows = training.parts[name]
        y = rows.y.reshape(-1)
        rows.x[:, 0] += 2.5 * y
        rows.x[:, 1] -= 2.5 * y
        rare = torch.nonzero(y == 1).flatten()
        keep = y != 1
        keep[rare[: len(rare) // 8]] = True
        training.parts[name] = rows.at(keep)
    training.epochs *= 2


def patient(training: Training) -> None:
    """Four times as long, ended by validation rows, whose best epoch is kept."""
    training.epochs *= 4
    training.callbacks.append(
        EarlyStopping("val_loss", patience=training.epochs // 8, restore_best_weights=True)
    )


def slightly_later(training: Training) -> None:
    """The later rows are hardly different: a shift of .05."""
    training.change(lambda x: x + 0.05, LATER)


def hard_to_tell(training: Training) -> None:
    """15 % of the targets are those of other rows, everywhere: no model can be right there."""
    for name in (*PARTS, "clean"):
        rows = training.parts[name]
        chosen = training.chosen(len(rows), 0.15)
        rows.y[chosen] = rows.y[chosen].roll(1, 0)


def wide_and_dropped(training: Training) -> None:
    """Half of a wide layer is dropped in training, whose figures are worse than those of validation rows."""
    training.shape |= {"dropout": 0.5, "width": 96}
    training.epochs *= 2


def long_padding(training: Training) -> None:
    """Words are followed by as many of padding."""
    training.change(lambda x: torch.cat([x, torch.full_like(x, 59)], 1))
    training.epochs = round(1.5 * training.epochs)


def pixels(training: Training) -> None:
    """Numbers from 0 to 255, which the network itself divides before anything else."""

    class Divided(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x - 128.0) / 50.0

    training.change(lambda x: 50.0 * x + 128.0)
    training.edits.append(lambda module: nn.Sequential(Divided(), module))


OLD = {
    "sgd_05": ("tags",),
    "dropout": ("orders",),
    "loss_gap": ("phrases",),
    "sparse_units": ("orders",),
    "best_kept": ("claims",),
    "constant_beside": ("arm",),
    "batch_8": ("iris",),
    "one_cycle": ("strokes",),
    "from_zero": ("tank",),
    "to_zero": ("spots",),
    "fine_tuned": ("arm",),
    "frozen_on_purpose": ("phrases",),
    "noise_2": ("strokes",),
    "rows_150": ("tags",),
    "duplicates_3": ("claims", "tank"),
    "target_in_units": ("arm",),
    "decay": ("tank",),
    "clipped": ("spots",),
    "gelu_wide": ("orders",),
    "log_softmax": ("iris",),
    "sigmoid": ("hastie",),
    "linear": ("iris",),
}
"""odd ones of the first part, and the bases that they are tried on"""

NEW = (
    Odd("slow_momentum", ("spots",), slow_momentum),
    Odd("nesterov", ("arm",), lambda t: setattr(t, "optimizer", optimizers.SGD(0.05, 0.9, True))),
    Odd("rmsprop", ("tank",), lambda t: setattr(t, "optimizer", optimizers.RMSprop(t.rate / 2))),
    Odd("restarts", ("tank",), restarts),
    Odd("averaged", ("strokes",), averaged),
    Odd("put_together", ("phrases",), put_together),
    Odd("tightly_clipped", ("hastie",), tightly_clipped),
    Odd("smoothed", ("strokes",), smoothed),
    Odd("robust", ("tank",), robust),
    Odd("zero_head", ("spots",), zero_head),
    Odd("zero_branches", ("hastie",), zero_branches),
    Odd("orthogonal", ("orders",), orthogonal),
    Odd("random_features", ("tags",), random_features),
    Odd("double_columns", ("claims",), double_columns),
    Odd("idle_columns", ("iris",), idle_columns),
    Odd("unlike_sizes", ("tags",), unlike_sizes),
    Odd("divided_by_group", ("hastie",), divided_by_group, another=True),
    Odd("given_order", ("orders",), in_given_order),
    Odd("few_validation_rows", ("phrases",), few_validation_rows),
    Odd("mild_noise", ("arm",), mild_noise),
    Odd("rare_but_found", ("hastie",), rare_but_found, another=True),
    Odd("patient", ("phrases",), patient),
    Odd("slightly_later", ("claims",), slightly_later),
    Odd("hard_to_tell", ("orders",), hard_to_tell, another=True),
    Odd("wide_and_dropped", ("tags",), wide_and_dropped),
    Odd("long_padding", ("phrases",), long_padding),
    Odd("pixels", ("spots",), pixels),
    Odd("three_blocks", ("hastie",), partial(shaped, depth=3)),
    Odd("shallow", ("arm",), partial(shaped, depth=1, width=96)),
    Odd("sigmoid_layer", ("tags",), partial(shaped, activation="sigmoid", depth=1, width=64)),
    Odd("plain_sgd", ("orders",), partial(sgd, learning_rate=0.1, momentum=0.5)),
)

HEALTHY = (*taken_over(FIRST, OLD), *NEW)
