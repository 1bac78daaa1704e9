"""Whether a network of a table trains in bfloat16, where the user left that open."""

from __future__ import annotations

import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.schema import Schema
from netwright.pipeline.resolve import products
from netwright.runs.network import build
from netwright.training.callbacks import Callback, State
from netwright.training.device import multiplies_bfloat16
from netwright.training.population import Member, Population
from netwright.training.trial import agreed_precision

WORTH_ROUNDING = 32_000_000  # products of a layer and step, from which on bfloat16 gains a quarter or more
FINE = 0.01  # of the target's variance: below it, rounding to bfloat16 would be seen in the error


def tried_precision(schema: Schema, config: Config, data: Dataset, train: torch.Tensor) -> str:
    """ "bfloat16" where the hardware multiplies it faster, steps are large enough to gain by it, and some
    steps from the same start lose no more in it than in float32. The same each time: it is no race.

    Arguments:
        schema: the columns and the target.
        config: resolved.
        data: raw tensors on the device.
        train: numbers of the training rows. [n] int64
    """
    if not multiplies_bfloat16(data.target.device) or products(config, schema) < WORTH_ROUNDING:
        return "float32"
    count, seed = int(config.training.members), config.training.seed
    network = build(schema, config.inputs, config.network, count).to(data.target.device)
    members = [Member.of(config.training, train, train[:0], seed + place) for place in range(count)]
    population = Population(network, data, members, config.training)
    population.prepare()
    return agreed_precision(population)


class Finer(Callback):
    """Goes on in float32 once a regression fits so closely that bfloat16's rounding would count."""

    remembers = ("fine",)

    def __init__(self) -> None:
        self.fine = False

    def on_epoch_start(self, state: State) -> None:
        if self.fine and state.population.config.precision == "bfloat16":  # a training is taken up
            self._go_on_finer(state)

    def on_epoch(self, state: State) -> None:
        config = state.population.config
        if config.precision == "bfloat16" and config.loss == "mse" and state.train_loss < FINE:
            self._go_on_finer(state)

    def _go_on_finer(self, state: State) -> None:
        self.fine = True
        state.population.config = state.population.config.model_copy(update={"precision": "float32"})
