"""Odd-looking trainings of the fourth part that are fine: those of the other three, and others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from first.faults import BrokenStep, Scaled, at_end, augmented
from first.healthy import HEALTHY as FIRST
from first.healthy import Odd, shaped
from fourth.bases import Pinball
from fourth.faults import replaced
from netwright import optimizers, schedules
from second.faults import steps_of
from second.healthy import HEALTHY as SECOND
from taken_over import taken_over
from third.healthy import HEALTHY as THIRD
from third.healthy import other_optimizer
from training import Training

# ------------------------------------------------------------------------------------------ the training


def falling_line(training: Training) -> None:
    """The rate falls in a straight line to nothing, from half as much again."""
    training.rate *= 1.5
    training.options["schedule"] = "linear"


def polynomial(training: Training) -> None:
    training.optimizer = optimizers.Adam(
        schedules.PolynomialDecay(1.5 * training.rate, steps_of(training), training.rate / 20.0, power=2.0)
    )


def gradient_noise(training: Training) -> None:
    """A little noise is added to each gradient (Neelakantan et al., 2015)."""
    training.callbacks.append(BrokenStep(lambda gradient: gradient.add_(1e-3 * torch.randn_like(gradient))))


def short_memory(training: Training) -> None:
    """Adam that forgets sooner than usual."""
    training.optimizer = optimizers.Adam(training.rate, beta_1=0.8, beta_2=0.98)


def head_slower(training: Training) -> None:
    """The last layer learns at a third of the rate of the others."""

    def made(module: Any) -> torch.optim.Optimizer:
        body = [each for part in module[:-1] for each in part.parameters()]
        head = {"params": list(module[-1].parameters()), "lr": training.rate / 3.0}
        return torch.optim.Adam([{"params": body}, head], lr=training.rate)

    training.optimizer = made


# ------------------------------------------------------------------------------------------- the network


class Beside(nn.Module):
    """A linear model is added to the network."""

    def __init__(self, own: nn.Module, inputs: int, outputs: int) -> None:
        super().__init__()
        self.own, self.linear = own, nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.own(x) + self.linear(x)


def linear_beside(training: Training) -> None:
    inputs, outputs = training.parts["train"].x.shape[1], training.shape["outputs"]
    training.edits.append(lambda module: Beside(module, inputs, outputs))


class TwoHeads(nn.Module):
    """The mean of two last layers. [B, C] to [B, outputs]"""

    def __init__(self, own: nn.Linear) -> None:
        super().__init__()
        self.one, self.other = own, nn.Linear(own.in_features, own.out_features)

    def forward(self, x: Tensor) -> Tensor:
        return (self.one(x) + self.other(x)) / 2.0


def two_heads(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(*module[:-1], TwoHeads(module[-1])))


def learnt_slopes(training: Training) -> None:
    """Leaky ReLUs whose slopes below zero are learnt."""
    kinds = (nn.ReLU, nn.SiLU, nn.GELU, nn.Tanh, nn.LeakyReLU)
    training.edits.append(lambda module: replaced(module, kinds, lambda part: nn.PReLU()))


class InOrder(nn.Module):
    """Answers of a row in rising order, as quantiles are. [B, K]"""

    def forward(self, x: Tensor) -> Tensor:
        return x.sort(1).values


# ---------------------------------------------------------------------------------------------- the loss


def full_likelihood(training: Training) -> None:
    """With the part of the likelihood that does not depend on the network."""
    training.loss = nn.PoissonNLLLoss(full=True)


def small_penalty(training: Training) -> None:
    own = training.loss
    training.loss = lambda output, target: own(output, target) + 1e-3 * output.square().mean()


def two_losses(training: Training) -> None:
    """Squared and absolute errors together."""
    training.loss = lambda output, target: (
        0.7 * nn.functional.mse_loss(output, target) + 0.3 * nn.functional.l1_loss(output, target)
    )


def first_mean(training: Training) -> None:
    """The last bias starts at the logarithm of the mean count."""
    mean = float(training.parts["train"].y.mean())

    def edit(module: Any) -> nn.Module:
        nn.init.constant_(module[-1].bias, torch.log(torch.tensor(mean)).item())
        return module

    training.edits.append(edit)


def summed_pinball(training: Training) -> None:
    """A sum over rows and quantiles, which does not matter to Adam."""
    training.loss = Pinball("sum")


# ---------------------------------------------------------------------------------------------- the data


def negatives(training: Training) -> None:
    """Half of the rows are made negative in training: they are as often negative without it."""
    augmented(training, torch.neg, 0.5)


def half_turns(training: Training) -> None:
    """Pictures that mean the same turned by a half are turned in training."""
    augmented(training, lambda x: x.flip(-1).flip(-2), 0.5)


def few_digits(training: Training) -> None:
    """Numbers of seven bits, in all parts alike."""
    training.change(lambda x: x.bfloat16().float())


def few_outliers(training: Training) -> None:
    """One training row in two hundred is four times as far from the middle."""
    rows = training.parts["train"]
    rows.x[training.chosen(len(rows), 0.005)] *= 4.0


def other_order(training: Training) -> None:
    """Columns in another order, in all parts alike."""
    training.change(lambda x: x.roll(3, 1))


def unit_interval(training: Training) -> None:
    """Columns from 0 to 1 by the training rows, in the place of mean 0 and spread 1."""
    x = training.parts["train"].x
    low, high = x.amin(0), x.amax(0)
    training.change(lambda x: (x - low) / (high - low))
    training.epochs = round(1.5 * training.epochs)
    training.rate *= 2.0


def filled_with_means(training: Training) -> None:
    """Two cells of a hundred were missing and hold their column's mean, in all parts alike."""
    random = torch.Generator().manual_seed(training.seed)
    training.change(lambda x: torch.where(torch.rand(x.shape, generator=random) < 0.02, 0.0, x))


def unused_codes(training: Training) -> None:
    """Vectors for three times as many letters as there are."""
    training.shape["letters"] *= 3


def few_test_rows(training: Training) -> None:
    training.parts["test"] = training.parts["test"].at(slice(0, 60))


OLD: dict[str, tuple[str, ...]] = {
    # of the first part
    "sgd_05": ("sets",),
    "dropout": ("rides",),
    "loss_gap": ("letters",),
    "sparse_units": ("pairs",),
    "best_kept": ("pairs",),
    "weighted_imbalance": ("pairs",),
    "constant_beside": ("ranks",),
    "batch_8": ("ranks",),
    "one_cycle": ("sets",),
    "from_zero": ("swing",),
    "to_zero": ("mended",),
    "fine_tuned": ("rides",),
    "frozen_on_purpose": ("letters",),
    "noise_2": ("ranks",),
    "rows_150": ("sets",),
    "duplicates_3": ("rides",),
    "target_in_units": ("swing", "mended"),
    "decay": ("prices",),
    "clipped": ("ranks",),
    "batch_norm": ("prices",),
    "layer_norm": ("sets",),
    "gelu_wide": ("ranks",),
    "tanh": ("prices",),
    "small_noise": ("sets",),
    "log_softmax": ("tiles",),
    "sigmoid": ("pairs",),
    # of the second part
    "slow_momentum": ("mended",),
    "rmsprop": ("rides",),
    "restarts": ("rides",),
    "averaged": ("sets",),
    "put_together": ("sets",),
    "tightly_clipped": ("prices",),
    "smoothed": ("letters",),
    "robust": ("mended", "swing"),
    "zero_head": ("tiles", "mended"),
    "zero_branches": ("tiles",),
    "orthogonal": ("prices",),
    "random_features": ("mended",),
    "double_columns": ("rides",),
    "idle_columns": ("prices",),
    "divided_by_group": ("ranks",),
    "given_order": ("swing",),
    "mild_noise": ("prices",),
    "rare_but_found": ("pairs",),
    "patient": ("rides",),
    "slightly_later": ("ranks",),
    "hard_to_tell": ("letters",),
    "wide_and_dropped": ("rides",),
    "pixels": ("tiles",),
    # of the third part
    "lion": ("sets",),
    "careful_epsilon": ("mended",),
    "absolute": ("mended",),
    "weighted_rows": ("sets",),
    "quick_statistics": ("tiles",),
    "bold_start": ("sets",),
    "factorised": ("ranks",),
    "falls_late": ("ranks",),
    "swa": ("letters",),
    "faint_for_adam": ("sets",),
    "giant_normalised": ("rides",),
}
"""odd ones of the other parts, and the bases that they are tried on"""

NEW = (
    Odd("adagrad", ("rides",), lambda t: other_optimizer(t, "Adagrad", 10.0)),
    Odd("short_memory", ("letters",), short_memory),
    Odd("falling_line", ("rides",), falling_line),
    Odd("polynomial", ("sets",), polynomial),
    Odd("gradient_noise", ("letters",), gradient_noise),
    Odd("head_slower", ("swing",), head_slower),
    Odd("linear_beside", ("rides",), linear_beside),
    Odd("two_heads", ("pairs",), two_heads),
    Odd("learnt_slopes", ("ranks",), learnt_slopes),
    Odd("in_order", ("prices",), lambda t: at_end(t, InOrder())),
    Odd("doubled_logits", ("letters",), lambda t: at_end(t, Scaled(2.0))),
    Odd("dropout_10", ("letters",), lambda t: shaped(t, dropout=0.1)),
    Odd("full_likelihood", ("rides",), full_likelihood),
    Odd("small_penalty", ("swing",), small_penalty),
    Odd("two_losses", ("mended",), two_losses),
    Odd("first_mean", ("rides",), first_mean),
    Odd("summed_pinball", ("prices",), summed_pinball),
    Odd("negatives", ("mended",), negatives),
    Odd("half_turns", ("tiles",), half_turns),
    Odd("few_digits", ("prices",), few_digits),
    Odd("few_outliers", ("pairs",), few_outliers),
    Odd("other_order", ("prices",), other_order),
    Odd("unit_interval", ("pairs",), unit_interval),
    Odd("filled_with_means", ("mended",), filled_with_means),
    Odd("unused_codes", ("letters",), unused_codes),
    Odd("few_test_rows", ("sets",), few_test_rows),
)

HEALTHY = (*taken_over((*FIRST, *SECOND, *THIRD), OLD), *NEW)
