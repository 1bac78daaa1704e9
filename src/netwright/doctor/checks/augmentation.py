"""Whether what is done to training rows on the way through the network changes what they show."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.proof import bounded
from netwright.doctor.record import Record
from netwright.doctor.standing import paired, standing
from netwright.doctor.steps import optimizer_of
from netwright.doctor.trace import trace
from netwright.doctor.trouble import marked
from netwright.layers import noise
from netwright.nn import layers
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.member import PREDICT, Mode
from netwright.nn.trainable import Trainable
from netwright.training.optimizer import Settings

ROWS = 400
DRAWS = 3
AGREE = 0.95  # of the marks on rows as they are
FITTED = 0.97  # of what the training rows could teach
GAIN = 0.02  # marks on validation rows
FAR, FAR_ERRORS = 0.1, 4.0  # the same that needs no simple model to be better; standard errors
MOVED = 0.01  # of the answers' deviation
NOTHING = 0.05  # of what the training rows could teach
STEPS, LONGER, BATCH, VALIDATION = 100, 300, 32, 1000
SECONDS = 3.0  # of all steps
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
    rows as they are. Helps: a copy trained for 100 steps (or 300) with rows as they are is better by .02 and
    2 standard errors than one trained for as long with changed ones. That alone is no harm (digits that are
    shifted by a pixel gain .025 and .04 in two of three runs, as the last steps are less noisy): the network
    is also behind a simple model by .02 and 1.5 standard errors, or the gain is .1 and 4 standard errors
    (shapes turned by a quarter, or rows mixed with others of other targets: .16 to .3). So is what is done in
    training alone without any chance in it, but for dropout and batch norm. Where it has learnt next to
    nothing, as its units have died of it, both copies begin at the first weights. Dropout and batch norm are
    as in evaluation meanwhile; nothing is said of networks of which that cannot be had.
    """
    if case.task not in ("classes", "yes_no", "numbers") or case.train is None:
        raise CannotTellError("the targets are neither classes nor numbers")
    twin = _without_dropout(case)
    if twin is None:
        return
    rows = case.train.spread(ROWS)
    draws = [_answers(twin, rows, _training(twin, draw)) for draw in range(DRAWS)]
    answers = case.answers(rows)
    away = float(np.abs(draws[0] - answers).max())
    changes = _differ(draws) or away > MOVED * float(answers.std())
    if not (changes or _drawn_at_first(twin, rows, record)):
        return  # rows are as they are in evaluation
    clean = bounded(case.marks(answers, rows)).mean()
    changed = np.mean([bounded(case.marks(each, rows)) for each in draws])
    stand = standing(case)
    if case.validation is None or not len(stand.validation):
        raise CannotTellError("there are no validation rows to try it on without the random changes")
    agree = changed >= AGREE * clean
    if stand.learnt >= FITTED and agree:
        return
    behind = stand.behind >= max(GAIN, 1.5 * stand.error)
    found = _Try(case, STEPS)
    if behind and not found.helps:
        from_start = stand.learnt <= NOTHING and record.start is not None
        found = _Try(case, STEPS, record.start) if from_start else _Try(case, LONGER)
    far = found.gain >= max(FAR, FAR_ERRORS * found.error) and _of_inputs(case, twin, rows)
    harmed = found.helps and (behind or far)
    if not harmed and agree:
        return
    told = f"; {found}" if harmed else ""
    yield Diagnosis(
        "harmful_augmentation",
        ("error" if found.gain >= 2 * GAIN else "warning") if harmed else "note",
        f"{marked(case, float(clean))} on training rows as they are, and "
        f"{marked(case, float(changed))} after the changes that the network was trained with{told}",
        {
            "clean": round(float(clean), 4),
            "changed": round(float(changed), 4),
            "without": round(float(found.without.mean()), 4),
            "with": round(float(found.as_now.mean()), 4),
            "error": round(found.error, 4),
        },
        "changes after which a row no longer has its target, as a 6 that is turned, or that leave "
        "too little of it",
        Fix(
            "leave out turns and flips that change the target, and make the others weaker",
            {"inputs.image.augment": "none", "inputs.image.flip": "none"},
        ),
        member=case.member,
    )


class _Try:
    """Two copies that are trained for some steps, on rows as they are and on changed ones.

    Arguments:
        start: parameters that they begin at; those of the trained network unless given. [P]
    """

    def __init__(self, case: Case, steps: int, start: Tensor | None = None) -> None:
        self.case, self.steps = case, steps
        self.after = "more steps" if start is None else "steps from the first weights"
        self.without, self.as_now = (_trained(case, quiet, steps, start) for quiet in (True, False))
        self.gain, self.error = paired(self.without, self.as_now)

    @property
    def helps(self) -> bool:
        return self.gain >= max(GAIN, 2 * self.error)

    def __str__(self) -> str:
        return (
            f"{self.steps} {self.after} without them lead to {marked(self.case, self.without)} on validation "
            f"rows, with them to {marked(self.case, self.as_now)}"
        )


def _differ(draws: list[np.ndarray]) -> bool:
    return bool(np.ptp(np.stack(draws), axis=0).max() >= 1e-7)


def _of_inputs(case: Case, twin: Trainable, rows: Rows) -> bool:
    """Whether the first thing that is learnt sees other numbers than in evaluation, so that it is the rows
    that are changed and not what the network makes of them."""
    if not isinstance(twin, ForeignNetwork):
        return True
    module = twin.owned[0]
    changed = trace(lambda: twin.call(0, rows.raw, training=True), module)
    first, second = (
        next((each.inputs[0] for each in made.calls if each.learnt), None)
        for made in (case.trace(rows), changed)
    )
    if first is None or second is None or first.shape != second.shape:
        return True
    return not torch.equal(first, second)


def _drawn_at_first(twin: Trainable, rows: Rows, record: Record) -> bool:
    """Whether answers are drawn at random with the first weights; with units that have died none are."""
    if record.start is None:
        return False
    with torch.no_grad():
        twin.flat.copy_(record.start[None].to(twin.flat))
    return _differ([_answers(twin, rows, _training(twin, draw)) for draw in range(DRAWS)])


def _trained(case: Case, quiet: bool, steps: int, start: Tensor | None) -> np.ndarray:
    """Marks on validation rows after some steps more, or from `start` [P], on rows as they are or changed at
    random. [v]"""
    twin = _without_dropout(case)
    assert twin is not None
    if start is not None:
        with torch.no_grad():
            twin.flat.copy_(start[None].to(twin.flat))
    assert case.train is not None
    assert case.validation is not None
    roots = twin.owned if isinstance(twin, ForeignNetwork) else []
    for root in roots:
        if quiet:
            root.eval()
            root.training = True  # as the network wants it; its parts stay in evaluation mode
    optimizer = optimizer_of(twin, "adam", Settings())
    drawing = torch.Generator().manual_seed(0)
    rate = case.plan.learning_rate if case.plan.optimizer.startswith("adam") else 1e-3
    began = time.thread_time()
    for step in range(steps):
        if step == 3 and time.thread_time() - began > 3 * SECONDS / steps:
            raise CannotTellError("a step takes too long to try it without the random changes")
        batch = case.train.at(torch.randint(len(case.train), (BATCH,), generator=drawing))
        raw, target = batch.led()
        mode = _training(twin, step)
        if quiet and not roots:
            mode = PREDICT
        optimizer.step(twin.step(raw, target, None, mode).gradient, rate)
    rows = case.validation.spread(VALIDATION)
    return bounded(case.marks(case.answers(rows, twin), rows))


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
