"""Copies of a module that are trained anew with one thing changed, as far as the training itself went."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.record import Record
from netwright.doctor.replay import steps_done
from netwright.doctor.steps import few_threads, optimizer_of
from netwright.nn.foreign import ForeignNetwork
from netwright.training.optimizer import Optimizer, Settings

MOST_STEPS, RATE, BATCH = 600, 3e-3, 32
SECONDS = 3.0


@torch.enable_grad()
def learn_anew(
    case: Case,
    record: Record,
    network: ForeignNetwork,
    loss: Callable[[Rows], Tensor],
    beside: Tensor | None = None,
) -> None:
    """Trains a copy from the first weights, for as many steps of Adam as the training had, at most 600.

    The rate is that of the training where that was Adam's too.

    Arguments:
        network: the copy; whatever is changed of it is changed already.
        loss: of some rows, which training lowers.
        beside: further numbers that it depends on and that learn with it. [1, Q]

    Raises:
        CannotTellError: rows or first weights are not known, or a step takes too long.
    """
    if case.train is None or record.start is None:
        raise CannotTellError("the training rows themselves are not known")
    flat = network.flat.detach()
    flat.copy_(record.start[None].to(flat))
    own = [(optimizer_of(network, "adam", Settings()), network.gradient)]
    if beside is not None:
        beside.grad = torch.zeros_like(beside)
        ones = torch.ones_like(beside[0])
        own.append((Optimizer("adam", beside.detach(), Settings(), ones, ones), beside.grad))
    rate = case.plan.learning_rate if case.plan.optimizer.startswith("adam") else RATE
    drawing = torch.Generator().manual_seed(0)
    size = min(len(case.train), case.plan.batch_size or BATCH)
    steps = min(MOST_STEPS, steps_done(record))
    network.attach()
    began = time.thread_time()
    with few_threads(network):
        for step in range(steps):
            if step == 3 and time.thread_time() - began > 3 * SECONDS / steps:
                raise CannotTellError("a step takes too long to train a copy anew")
            rows = case.train.at(torch.randint(len(case.train), (size,), generator=drawing))
            for _, gradient in own:
                gradient.zero_()
            loss(rows).backward()
            for optimizer, gradient in own:
                optimizer.step(gradient, rate)
    network.detach()
