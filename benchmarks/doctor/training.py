"""A training as a user would write it: what bases make, and what faults and odd settings change."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from netwright import Trainer, optimizers
from netwright.errors import InputError, NetwrightError
from netwright.training.callbacks import Callback

Task = Literal["classes", "yes_no", "numbers"]
PARTS = ("train", "validation", "test")


@dataclass
class Rows:
    """Some rows.

    Arguments:
        x: [N, ...]
        y: class codes [N] int64; 0 or 1 [N, K]; numbers [N, K]. K is 1 in most.
    """

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def at(self, index: Any) -> Rows:
        return Rows(self.x[index].clone(), self.y[index].clone())

    def __add__(self, other: Rows) -> Rows:
        return Rows(torch.cat([self.x, other.x]), torch.cat([self.y, other.y]))


@dataclass
class Training:
    """What is trained on what, and how.

    Arguments:
        base: name of the base set-up.
        seed: of the split, the weights and the order.
        task: what is asked.
        parts: rows of "train", "validation", "test" as the user has them, and "clean": test rows as they
            ought to be, by which the network is judged.
        build: makes the network from the settings in `shape`.
        rate: of learning, for optimisers by name.
        optimizer: a name, an object of `netwright.optimizers`, or what makes one of `torch.optim` for a
            module.
        edits: what is done to the network once it is built, one after another.
        callbacks: of the user's own, and those that bring faults of the loop.
        answer: from outputs to class codes or numbers [N].
        raw: what makes the inputs raw again, for tables: (mean, spread), each [F].
    """

    base: str
    seed: int
    task: Task
    parts: dict[str, Rows]
    build: Callable[..., nn.Module]
    shape: dict[str, Any]
    loss: Any
    rate: float
    epochs: int
    batch: int = 32
    optimizer: Any = "adam"
    edits: list[Callable[[Any], nn.Module]] = field(default_factory=list)
    callbacks: list[Callback] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)
    fitting: dict[str, Any] = field(default_factory=dict)
    source: Callable[[Rows], Any] | None = None
    answer: Callable[[Tensor], Tensor] | None = None
    names: list[str] | None = None
    groups: dict[str, Sequence[Any]] | None = None
    raw: tuple[Tensor, Tensor] | None = None

    def __post_init__(self) -> None:
        self.random = np.random.default_rng([self.seed, 7])

    def module(self) -> nn.Module:
        """The network with its first weights."""
        torch.manual_seed(1000 + self.seed)
        made = self.build(**self.shape)
        for edit in self.edits:
            made = edit(made)
        return made

    def chosen(self, rows: int, share: float) -> Tensor:
        """Numbers of a share of so many rows, by chance. [n]"""
        return torch.from_numpy(self.random.permutation(rows)[: max(1, round(share * rows))])

    def change(self, function: Callable[[Tensor], Tensor], parts: Sequence[str] = (*PARTS, "clean")) -> None:
        """Changes the inputs of some parts."""
        for name in parts:
            self.parts[name].x = function(self.parts[name].x)

    def answers(self, outputs: Tensor) -> Tensor:
        """Class codes [N], or marks or numbers [N, K]."""
        if self.answer is not None:
            return self.answer(outputs)
        if self.task == "classes":
            return outputs.argmax(1)
        return (outputs > 0).long() if self.task == "yes_no" else outputs

    def score(self, outputs: Tensor, rows: Rows) -> float:
        """Accuracy, or R² above -1; 0 where the outputs are no numbers. Of several targets the mean."""
        if not bool(torch.isfinite(outputs).all()):
            return 0.0
        answers, wanted = (
            each.reshape(len(rows), -1).double() for each in (self.answers(outputs), rows.y)
        )  # [N, K]
        if self.task != "numbers":
            return float((answers == wanted).double().mean())
        left = (answers - wanted).square().mean(0) / wanted.var(0, correction=0)
        return max(-1.0, 1.0 - float(left.mean()))


@dataclass
class Result:
    """What came of a training.

    Arguments:
        score: on the clean test rows.
        reported: on the user's own test rows.
        seconds: of `fit`.
        ended: "" or why it broke off: "refused" at the door, or "diverged".
    """

    score: float
    reported: float
    seconds: float
    ended: str


def fit(training: Training, watchers: Sequence[Callback] = ()) -> Result:
    """Trains and scores; watchers see the training after the callbacks that are a part of it."""
    module = training.module()
    own = training.optimizer
    made = own if isinstance(own, str | optimizers.Optimizer) else own(module)
    rate = training.rate if isinstance(own, str) else None
    metrics = ["accuracy"] if training.task != "numbers" and training.answer is None else []
    train, validation = training.parts["train"], training.parts["validation"]
    ended = ""
    began = time.perf_counter()
    try:
        trainer = Trainer(
            module,
            training.loss,
            made,
            rate,
            metrics=metrics,
            callbacks=[*training.callbacks, *watchers],
            device="cpu",
            seed=training.seed,
            **training.options,
        )
        given = (train.x, train.y) if training.source is None else (training.source(train),)
        trainer.fit(
            *given,
            epochs=training.epochs,
            batch_size=training.batch,
            validation_data=(validation.x, validation.y),
            verbose=0,
            **training.fitting,
        )
    except InputError:
        ended = "refused"
    except NetwrightError:
        ended = "diverged"
    seconds = time.perf_counter() - began
    found = []
    module.eval()
    for name in ("clean", "test"):
        rows = training.parts[name]
        with torch.no_grad():
            found.append(training.score(module(rows.x), rows))
    return Result(found[0], found[1], seconds, ended)


def split_of(x: np.ndarray, y: np.ndarray, task: Task, seed: int, sizes: tuple[int, int]) -> dict[str, Rows]:
    """Rows drawn anew into training, validation and test parts; these are the clean ones too.

    Arguments:
        x: [N, ...]
        y: [N], or [N, K] for several targets.
        sizes: of the training and the validation part; the rest is tested on.
    """
    order = np.random.default_rng([seed, 1]).permutation(len(x))
    first, second = sizes[0], sizes[0] + sizes[1]
    places = {"train": order[:first], "validation": order[first:second], "test": order[second:]}
    target = torch.from_numpy(y)
    target = target.long() if task == "classes" else target.float().reshape(len(y), -1)
    inputs = torch.from_numpy(x)
    inputs = inputs.float() if inputs.is_floating_point() else inputs.long()
    parts = {name: Rows(inputs[place].clone(), target[place].clone()) for name, place in places.items()}
    parts["clean"] = copy.deepcopy(parts["test"])
    return parts
