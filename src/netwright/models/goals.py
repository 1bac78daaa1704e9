"""What `compile` says, as goals of the outputs: losses, their weights, and metrics."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from netwright import losses, metrics
from netwright.errors import InputError
from netwright.models import matching
from netwright.models.network import Goal, GraphNetwork


@dataclass
class Settings:
    """Losses, metrics and the losses' weights as a user gave them: for all outputs, in order, or by name."""

    loss: Any
    metrics: Any
    weights: Any

    @classmethod
    def of(cls, loss: Any, wanted: Any, weighted: Any, weights: Any) -> Settings:
        """Checked as far as they can be before the outputs are known.

        Raises:
            InputError: no loss, or an unknown name.
        """
        if loss is None:
            raise InputError(
                "compile needs a loss", hint="such as loss='mse' or loss='categorical_crossentropy'"
            )
        for each in matching.leaves(loss):
            if each is not None:
                losses.get(each)
        told = [each for given in (wanted, weighted) if given is not None for each in _listed(given)]
        for each in told if not isinstance(wanted, dict) else []:
            for one in matching.leaves(each):
                if one is not None and one != "crossentropy":
                    metrics.get(one)
        return cls(loss, wanted if isinstance(wanted, dict) else told, weights)


def goals(
    settings: Settings, network: GraphNetwork, targets: dict[str, np.ndarray] | None = None
) -> list[Goal]:
    """The goal of each output.

    Arguments:
        settings: of `compile`.
        network: whose outputs they are for.
        targets: by the outputs' names; their form decides what "crossentropy" is.

    Raises:
        InputError: what does not go with the outputs.
    """
    names = network.output_names
    given = matching.by_output(settings.loss, names, "loss")
    weights = matching.by_output(settings.weights, names, "loss_weights", each=1.0)
    several = len(names) > 1 or isinstance(settings.metrics, dict)
    wanted = (
        matching.by_output(settings.metrics, names, "metrics", each=[])
        if several
        else {names[0]: settings.metrics}
    )
    found = []
    for place, name in enumerate(names):
        shape = network.output_shape(place)
        loss = None if given[name] is None else losses.get(given[name])
        if loss is not None and targets is not None:
            loss = loss.resolve(targets[name], shape)
        told = [] if loss is None else [metrics.get(each, loss, shape) for each in _listed(wanted[name])]
        found.append(Goal(loss, _weight(weights[name], name), told))
    if all(goal.loss is None for goal in found):
        raise InputError("no output has a loss", hint="give one in compile")
    return found


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple) else [given]


def _weight(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) < math.inf:
        raise InputError(f"the loss weight of {name!r} is {value!r}", hint="give a number from 0 on")
    return float(value)
