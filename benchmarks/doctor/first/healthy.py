"""The healthy controls: each base as it is, and trainings that look odd and are fine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from first.faults import label_noise, raw_columns, sgd
from netwright import callbacks, optimizers
from netwright.schedules import PiecewiseConstantDecay
from training import PARTS, Training


@dataclass(frozen=True)
class Odd:
    """Something unusual that does no harm.

    Arguments:
        bases: where it is tried.
        apply: changes a healthy training.
        another: whether the task itself becomes another one, so that its score is not to be compared with the
            base's: with simple models on the same rows instead.
    """

    name: str
    bases: tuple[str, ...]
    apply: Callable[[Training], None]
    another: bool = False


def nothing(training: Training) -> None:
    pass


def cleaner(training: Training) -> None:
    """Classes far apart: 99 % of the validation rows are right."""
    for rows in training.parts.values():
        y = rows.y.reshape(-1)
        rows.x[:, 0] += 2.0 * (y - y.float().mean())
        rows.x[:, 1] -= 2.0 * (y - y.float().mean())


def dropout(training: Training) -> None:
    """Training figures with dropout are worse than those of the validation rows."""
    training.shape |= {"dropout": 0.3, "width": 64}
    training.epochs = round(1.5 * training.epochs)


def long(training: Training) -> None:
    """The loss of the training rows goes to 0, that of the validation rows rises, the accuracy stays."""
    training.epochs *= 4


def sparse(training: Training) -> None:
    """60 to 70 % of what comes out of the ReLUs is 0."""

    def edit(module: nn.Module) -> nn.Module:
        layers = [each for each in module.modules() if isinstance(each, nn.Linear)]
        with torch.no_grad():
            for each in layers[:-1]:
                each.bias.sub_(0.3)
        return module

    training.shape["width"] = 64
    training.edits.append(edit)


def best_kept(training: Training) -> None:
    """Overfits late; the best epoch's weights are put back."""
    training.epochs *= 5
    training.shape["width"] = 64
    patience = training.epochs // 4
    training.callbacks.append(
        callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)
    )


def weighted(training: Training) -> None:
    """Ten of one class for each of the other, with weights."""
    for name in PARTS:
        rows = training.parts[name]
        rare = torch.nonzero(rows.y.reshape(-1) == 1).flatten()
        keep = rows.y.reshape(-1) != 1
        keep[rare[: max(8, len(rare) // 8)]] = True
        training.parts[name] = rows.at(keep)
    y = training.parts["train"].y.reshape(-1).long()
    counts = torch.bincount(y).float()
    training.fitting["sample_weight"] = (len(y) / (len(counts) * counts))[y].numpy()


def normalised_first(training: Training) -> None:
    """Raw columns, and batch norm as the first layer."""
    raw_columns(training)
    training.optimizer = "adam"
    training.rate = 0.01
    training.shape["first"] = "batch"


def constant_columns(training: Training) -> None:
    """Three columns, or the corners of pictures, always hold the same."""

    def change(x: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        if x.dim() == 4:
            x[:, :, :, 0] = x[:, :, :, 7] = -0.6
        else:
            x[:, -2:] = torch.tensor([0.0, 1.0])
        return x

    training.change(change)


def wider(training: Training) -> None:
    """Columns that are always 0 and always 1 stand beside the others."""
    training.shape["inputs"] += 2
    training.change(lambda x: torch.cat([x, torch.zeros(len(x), 1), torch.ones(len(x), 1)], 1))


def small_batches(training: Training) -> None:
    training.batch, training.rate = 8, training.rate / 2


def large_batches(training: Training) -> None:
    training.batch, training.rate = 200, training.rate * 4
    training.epochs *= 2


def warm_up(training: Training) -> None:
    training.options["schedule"] = "one-cycle"
    training.rate *= 2


def from_zero(training: Training) -> None:
    """The rate rises from 0 in the first epochs."""
    steps = -(-len(training.parts["train"]) // training.batch)
    places = [steps // 4, steps // 2, steps, 2 * steps]
    rates = [share * training.rate for share in (1e-6, 0.05, 0.2, 0.5, 1.0)]
    training.optimizer = optimizers.Adam(PiecewiseConstantDecay(places, rates))


def to_zero(training: Training) -> None:
    """The rate ends at 0."""
    training.options["schedule"] = "cosine"
    training.rate *= 1.5
    training.epochs = round(1.3 * training.epochs)


def trained_before(training: Training, epochs: int, module: nn.Module) -> nn.Module:
    """The network after a training of its own on the same rows."""
    rows = training.parts["train"]
    optimizer = torch.optim.Adam(module.parameters(), lr=training.rate)
    random = torch.Generator().manual_seed(training.seed)
    for _ in range(epochs):
        for place in torch.randperm(len(rows), generator=random).split(32):
            optimizer.zero_grad()
            training.loss(module(rows.x[place]), rows.y[place]).backward()
            optimizer.step()
    return module


def fine_tuned(training: Training) -> None:
    """A network that is good already goes on at 1e-5."""
    training.edits.append(partial(trained_before, training, training.epochs))
    training.epochs = max(4, training.epochs // 4)
    training.optimizer = optimizers.Adam(1e-5)


def frozen_on_purpose(training: Training) -> None:
    """The layers but the last are from another training and stay as they are (`requires_grad` is off)."""

    def edit(module: Any) -> nn.Module:
        made: Any = trained_before(training, training.epochs, module)
        for each in made[:-1].parameters():
            each.requires_grad_(False)
        nn.init.xavier_uniform_(made[-1].weight)
        return made

    training.edits.append(edit)


def hard_task(training: Training) -> None:
    """Clouds that overlap so that no model can be right in more than some 75 %."""
    random = np.random.default_rng([training.seed, 11])
    training.change(lambda x: x + torch.from_numpy(random.normal(0.0, 1.2, tuple(x.shape))).float())


def heavy_target(training: Training) -> None:
    """A target with a long tail."""
    for rows in training.parts.values():
        rows.y = (torch.exp(0.8 * rows.y) - 1.3) / 1.5
    training.loss = nn.HuberLoss()
    training.epochs = round(1.5 * training.epochs)


def few_rows(training: Training) -> None:
    """150 rows to train on, and a network and a number of epochs that fit them."""
    training.parts["train"] = training.parts["train"].at(slice(0, 150))
    training.shape["width"] = 16
    training.epochs = round(1.5 * training.epochs)


def natural_duplicates(training: Training) -> None:
    """3 % of the training rows stand there twice, as in any collection of measurements."""
    rows = training.parts["train"]
    training.parts["train"] = rows + rows.at(training.chosen(len(rows), 0.03))


def target_in_units(training: Training) -> None:
    """A target of mean 3 and spread 2."""
    for rows in training.parts.values():
        rows.y = rows.y * 2.0 + 3.0
    training.epochs = round(1.5 * training.epochs)


def decayed(training: Training) -> None:
    training.optimizer = optimizers.AdamW(training.rate, weight_decay=0.05)


def clipped(training: Training) -> None:
    """The gradient is cut in nearly each step."""
    training.options["clip_norm"] = 0.5


def shaped(training: Training, **shape: object) -> None:
    training.shape |= shape


def useful_augmentation(training: Training) -> None:
    """A little noise in training."""

    class Noise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + 0.1 * torch.randn_like(x) if self.training else x

    training.edits.append(lambda module: nn.Sequential(Noise(), module))


def softmax_and_logarithm(training: Training) -> None:
    """LogSoftmax at the end, with the loss that belongs to it."""
    training.edits.append(lambda module: nn.Sequential(module, nn.LogSoftmax(1)))
    training.loss = nn.NLLLoss()


def sigmoid_and_its_loss(training: Training) -> None:
    training.edits.append(lambda module: nn.Sequential(module, nn.Sigmoid()))
    training.loss = nn.BCELoss()
    training.answer = lambda outputs: (outputs[:, 0] > 0.5).long()


def linear_model(training: Training) -> None:
    """No hidden layer: as good as any other here."""
    training.shape["depth"] = 0
    training.rate *= 3


def mild_imbalance(training: Training) -> None:
    """Five to one, well told apart."""
    cleaner(training)
    for name in (*PARTS, "clean"):
        rows = training.parts[name]
        rare = torch.nonzero(rows.y.reshape(-1) == 1).flatten()
        keep = rows.y.reshape(-1) != 1
        keep[rare[: len(rare) // 5]] = True
        training.parts[name] = rows.at(keep)


HEALTHY = (
    Odd("sgd_05", ("cancer", "digits", "waves"), partial(sgd, learning_rate=0.05)),
    Odd("sgd_10", ("blobs", "mixture", "moons"), partial(sgd, learning_rate=0.1)),
    Odd("nearly_all_right", ("cancer", "moons", "blobs"), cleaner, another=True),
    Odd("dropout", ("digits", "cancer", "reviews", "mixture"), dropout),
    Odd("loss_gap", ("digits", "digits_cnn", "mixture", "waves"), long),
    Odd("sparse_units", ("digits", "blobs", "moons", "friedman"), sparse),
    Odd("best_kept", ("diabetes", "digits", "reviews", "blobs"), best_kept),
    Odd("weighted_imbalance", ("cancer", "mixture", "circles"), weighted, another=True),
    Odd("normalised_first", ("cancer", "wine", "diabetes"), normalised_first),
    Odd("constant_columns", ("digits_cnn",), constant_columns),
    Odd("constant_beside", ("digits", "friedman", "wine"), wider),
    Odd("batch_8", ("cancer", "diabetes", "surface"), small_batches),
    Odd("batch_200", ("digits", "mixture"), large_batches),
    Odd("one_cycle", ("digits", "friedman", "reviews"), warm_up),
    Odd("from_zero", ("digits", "mixture", "waves"), from_zero),
    Odd("to_zero", ("moons", "digits_cnn", "surface"), to_zero),
    Odd("fine_tuned", ("digits", "friedman", "mixture"), fine_tuned),
    Odd("frozen_on_purpose", ("digits", "mixture", "digits_cnn"), frozen_on_purpose),
    Odd("bayes_limit", ("blobs", "moons"), hard_task, another=True),
    Odd("noise_2", ("digits", "mixture", "cancer", "waves"), partial(label_noise, share=0.02)),
    Odd("heavy_target", ("friedman", "surface"), heavy_target, another=True),
    Odd("rows_150", ("cancer", "moons", "blobs"), few_rows, another=True),
    Odd("duplicates_3", ("digits", "mixture", "friedman", "diabetes"), natural_duplicates),
    Odd("target_in_units", ("friedman", "diabetes"), target_in_units),
    Odd("decay", ("digits", "friedman", "reviews"), decayed),
    Odd("clipped", ("blobs", "rhythm", "waves"), clipped),
    Odd("batch_norm", ("digits", "mixture", "digits_cnn"), partial(shaped, norm="batch")),
    Odd("layer_norm", ("friedman", "blobs"), partial(shaped, norm="layer")),
    Odd("gelu_wide", ("cancer", "surface"), partial(shaped, activation="gelu", width=96)),
    Odd("tanh", ("digits", "circles"), partial(shaped, activation="tanh")),
    Odd("small_noise", ("digits", "waves"), useful_augmentation),
    Odd("log_softmax", ("digits", "blobs"), softmax_and_logarithm),
    Odd("sigmoid", ("moons", "mixture"), sigmoid_and_its_loss),
    Odd("linear", ("cancer", "diabetes", "wine"), linear_model),
    Odd("mild_imbalance", ("mixture", "cancer"), mild_imbalance, another=True),
)
