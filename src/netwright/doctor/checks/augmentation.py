"""Whether what is done to training rows on the way through the network changes what they show."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import paired, standing
from netwright.layers import noise
from netwright.nn import layers
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Trainable
from netwright.training.optimizer import Optimizer, Settings

ROWS = 400
DRAWS = 3
AGREE = 0.95  # of the marks on rows as they are
FITTED = 0.97  # of what the training rows could teach
GAIN = 0.02  # marks on validation rows
STEPS, BATCH, VALIDATION = 100, 32, 1000
SECONDS = 0.03  # of a step
QUIET = (
    nn.modules.dropout._DropoutNd,
    nn.modules.batchnorm._NormBase,
    nn.AlphaDropout,
    nn.MultiheadAttention,
    nn.RNNBase,
    noise.Dropout,
    noise.GaussianDropout,
    layers.Dropout,
)


def harmful_augmentation(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Training rows are changed at random on their way through the network, it does not fit them well, and
    some more training without the changes helps on validation rows.

    Not well: less than 97 % of what they could teach, or marks on the changed ones below 95 % of those on
    rows as they are. Helps: a copy trained for 100 steps with rows as they are is better by .02 and 2
    standard errors than one trained for as long with changed ones. That alone is no harm (digits that are
    shifted by a pixel gain .025 and .04 in two of three runs, as the last steps are less noisy): the network
    is also behind a simple model by .02 and 1.5 standard errors. Dropout and batch norm are as in evaluation
    meanwhile; nothing is said of networks of which that cannot be had.
    """
    if case.task not in ("classes", "yes_no") or case.train is None:
        raise CannotTellError("the targets are no classes")
    twin = _without_dropout(case)
    if twin is None:
        return
    rows = case.train.spread(ROWS)
    draws = [_answers(twin, rows, _training(twin, draw)) for draw in range(DRAWS)]
    if np.ptp(np.stack(draws), axis=0).max() < 1e-7:
        return  # nothing is drawn at random
    clean = case.marks(case.answers(rows), rows)
    changed = np.mean([case.marks(each, rows) for each in draws], axis=0)
    stand = standing(case)
    if case.validation is None or not len(stand.validation):
        raise CannotTellError("there are no validation rows to try it on without the random changes")
    if stand.learnt >= FITTED and changed.mean() >= AGREE * clean.mean():
        return
    as_they_are, as_now = (_trained(case, record, quiet) for quiet in (True, False))
    gain, error = paired(as_they_are, as_now)
    harmed = gain >= max(GAIN, 2 * error) and stand.behind >= max(GAIN, 1.5 * stand.error)
    if not harmed and changed.mean() >= AGREE * clean.mean():
        return
    told = ""
    if harmed:
        told = (
            f"; {STEPS} more steps without them lead to {100 * as_they_are.mean():.1f} % right on validation "
            f"rows, with them to {100 * as_now.mean():.1f} %"
        )
    yield Diagnosis(
        "harmful_augmentation",
        ("error" if gain >= 2 * GAIN else "warning") if harmed else "note",
        f"{100 * clean.mean():.1f} % of training rows are recognised as they are, and "
        f"{100 * changed.mean():.1f} % after the random changes that the network was trained with{told}",
        {
            "clean": round(float(clean.mean()), 4),
            "changed": round(float(changed.mean()), 4),
            "without": round(float(as_they_are.mean()), 4),
            "with": round(float(as_now.mean()), 4),
            "error": round(error, 4),
        },
        "changes after which a row is no longer of its class, as a 6 that is turned, or that leave "
        "too little of it",
        Fix(
            "leave out turns and flips that change the class, and make the others weaker",
            {"inputs.image.augment": "none", "inputs.image.flip": "none"},
        ),
        member=case.member,
    )


def _trained(case: Case, record: Record, quiet: bool) -> np.ndarray:
    """Marks on validation rows after some more steps, on rows as they are or changed at random. [v]"""
    twin = _without_dropout(case)
    assert twin is not None
    assert case.train is not None
    assert case.validation is not None
    roots = twin.owned if isinstance(twin, ForeignNetwork) else []
    for root in roots:
        if quiet:
            root.eval()
            root.training = True  # as the network wants it; its parts stay in evaluation mode
    flat, layout = twin.flat.detach(), twin.layout
    optimizer = Optimizer("adam", flat, Settings(), layout.rates().to(flat.device), layout.decays().to(flat))
    drawing = torch.Generator().manual_seed(0)
    rate = case.plan.learning_rate if case.plan.optimizer.startswith("adam") else 1e-3
    began = time.thread_time()
    for step in range(STEPS):
        if step == 3 and time.thread_time() - began > 3 * SECONDS:
            raise CannotTellError("a step takes too long to try it without the random changes")
        batch = case.train.at(torch.randint(len(case.train), (BATCH,), generator=drawing))
        raw, target = batch.led()
        mode = _training(twin, step)
        if quiet and not roots:
            mode = PREDICT
        optimizer.step(twin.step(raw, target, None, mode).gradient, rate)
    rows = case.validation.spread(VALIDATION)
    return case.marks(case.answers(rows, twin), rows)


def _without_dropout(case: Case) -> Trainable | None:
    """A copy without dropout and with batch norm as in evaluation; None where that cannot be had."""
    twin = case.twin()
    roots = twin.owned if isinstance(twin, ForeignNetwork) else [twin]
    if isinstance(twin, ForeignNetwork):
        for root in roots:
            root.train()
            for module in root.modules():
                if isinstance(module, QUIET):
                    for part in module.modules():
                        part.training = False
        return twin
    for module in roots[0].modules():
        if isinstance(module, layers.BatchNorm):
            return None  # its statistics would be of the batch
        if isinstance(module, layers.Dropout):
            module.active = False
        elif isinstance(module, noise.Dropout | noise.GaussianDropout):
            module.rate = 0.0
    return twin


def _training(twin: Trainable, draw: int) -> Mode:
    device = twin.flat.device
    return Mode(training=True, generators=[torch.Generator(device).manual_seed(draw)])


@torch.no_grad()
def _answers(twin: Trainable, rows: Rows, mode: Mode) -> np.ndarray:
    """As `Case.answers`, in another mode. [n, C]"""
    found = twin.answers(twin(rows.led()[0], mode))[0]
    return found.reshape(len(rows), -1).double().cpu().numpy()
