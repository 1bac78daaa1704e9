"""Whether the same network, trained in the usual way, is clearly better: what nothing else has explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from netwright.doctor.again import Again, Change, again, better, compared
from netwright.doctor.case import Case
from netwright.doctor.checks.overfitting import RIGHT
from netwright.doctor.checks.start import drawn_anew
from netwright.doctor.checks.underfitting import NARROW
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import modules_of
from netwright.doctor.record import Record
from netwright.doctor.replay import unregularised
from netwright.doctor.standing import standing
from netwright.doctor.trouble import drawn, kernels, troubled
from netwright.doctor.usual_loss import NAMES, asks_otherwise, is_usual
from netwright.nn.foreign import ForeignNetwork

VAGUE = ("underfitting", "not_learning", "cannot_overfit", "overfitting", "label_errors", "weak_slice")
"""what may have any cause"""

WORTH = 0.02  # of accuracy or R²
FITTED = 0.95  # of what the training rows could teach; no start is to blame for the rest
ERRORS, LEAST = 3.0, 0.04  # standard errors; marks
MOST = 0.7  # of the gain; what brings it alone is the cause
SHORT, LONG = 3e-4, 0.03  # change of a step as a share of the weights
ADAM = Fix("Adam at .003, to compare with", {"training.optimizer": "adam", "training.learning_rate": 0.003})
CAUSES = {
    "over_regularised": (
        "dropout, weight decay or penalties that outweigh the data",
        Fix("less of them", {"network.dropout": 0.0, "training.weight_decay": 0.0}),
    ),
    "untrained_layer": ("layers that are frozen", Fix("let them train")),
    "poor_start": (
        "first weights that are no start to learn from",
        Fix("draw the weights anew: He's start for ReLU, Glorot's for others"),
    ),
    "rate_too_low": (
        "an optimiser whose steps are too small",
        ADAM,
    ),
    "rate_too_high": (
        "an optimiser whose steps are too large",
        ADAM,
    ),
    "slow_convergence": (
        "an optimiser, a rate or a schedule that does not suit the network",
        ADAM,
    ),
    "underfitting": (
        "several settings together, or one that was not tried out",
        Fix("begin from the usual settings, and change one at a time"),
    ),
}


def is_vague(diagnosis: Diagnosis) -> bool:
    """Whether it may have any cause: none that it names itself, such as a layer of hardly any units."""
    narrow = diagnosis.evidence.get("narrowest")
    named = "neck" in diagnosis.evidence or (narrow is not None and narrow <= NARROW)
    return diagnosis.id in VAGUE and not named


def below_usual(case: Case, record: Record) -> Iterator[Diagnosis]:
    """As many steps of Adam without clipping, dropout and penalties, of all parameters, lead to a better
    network, by 3 standard errors, .04 of sharp marks and .02 of accuracy (of R² for numbers) on validation
    rows, and better on training rows.

    The cause is what brings .7 of the gain alone: no regularisation, nothing frozen, another optimiser, or
    other first weights. Where nothing does, and the training itself was as good after one of its epochs, its
    last steps were bad luck, as those of a high rate that never falls may be, and nothing is said. Of 176
    healthy trainings, odd ones among them, none gained .02 and 2.5 errors.
    """
    known = record.start is not None and case.train is not None and case.validation is not None
    if record.stopped == "diverged" or not known:
        return
    usual = Change(usual=True, calm=True, free=True)
    found = better(case, record, usual)
    if found is None and standing(case).learnt < FITTED:
        found = better(case, record, _fresh(case, record, usual))
    if found is None or not _is_clear(found):
        yield from _other_loss(case, record, usual)
        return
    id = _cause(case, record, found)
    if id == "underfitting" and _was_as_good(case, record, found):
        return
    cause, fix = CAUSES[id]
    yield Diagnosis(
        id,
        "warning",
        f"the same network trained in the usual way is better: {found.steps} steps of Adam, of all "
        f"parameters and without regularisation, lead to {compared(case, found)}",
        {"gained": found.as_dict(), "series": {"train_loss": drawn(record.train_loss)}},
        cause,
        fix,
        member=case.member,
    )


def _is_clear(found: Again) -> bool:
    clear = found.gain > max(ERRORS * found.error, LEAST)
    return clear and found.after - found.before >= WORTH


def _was_as_good(case: Case, record: Record, found: Again) -> bool:
    """Whether the training itself came most of the way after one of its epochs, by what was told of them: the
    accuracy of validation rows, or their loss."""
    name = next((each for each in RIGHT if each in record.metrics), None)
    if name is not None and case.task in ("classes", "yes_no"):
        best = float(np.nanmax(record.metrics[name], initial=-np.inf))
        return best >= found.before + MOST * (found.after - found.before)
    assert case.validation is not None
    now = case.loss(case.validation)
    lowest = float(np.nanmin(record.validation_loss, initial=np.inf))
    return found.held < now and lowest <= now - MOST * (now - found.held)


def _other_loss(case: Case, record: Record, usual: Change) -> Iterator[Diagnosis]:
    """The same with the usual loss of the task, where the module's is a function of the user's own, or
    softens or sums up what others take as it is, and brings more than the other usual settings do.

    Losses with weights of classes are meant, and so is what numbers are asked for by one's own unless simple
    models are better; or where it is no mean that is asked for, see `usual_loss.asks_otherwise`. Outputs
    that are not one for each class, as of a loss of distances, are none to compare.
    """
    network = case.network
    if not isinstance(network, ForeignNetwork) or is_usual(network.goal, case.task):
        return
    if case.task == "numbers" and (not troubled(case, record) or asks_otherwise(case)):
        return
    if not _are_of_classes(case):
        return
    found = better(case, record, replace(usual, loss=True))
    if found is None or not _is_clear(found) or found.gain - again(case, record, usual).gain <= LEAST:
        return
    yield Diagnosis(
        "wrong_head",
        "warning",
        f"the same network trained with the usual loss is better: {found.steps} steps of Adam by "
        f"{NAMES[case.task]} lead to {compared(case, found)}",
        {"loss": case.purpose.loss, "gained": found.as_dict()},
        "a loss that does not ask for what is wanted of the answers",
        Fix(f"{NAMES[case.task]} as the loss, to compare with"),
        member=case.member,
    )


def _are_of_classes(case: Case) -> bool:
    """Whether there is an output for each class, where the targets are classes."""
    if case.task != "classes" or case.train is None:
        return True
    codes = case.wanted(case.train)
    return codes.min() >= 0 and codes.max() + 1 == case.classes


def _cause(case: Case, record: Record, found: Again) -> str:
    """The symptom that the one change stands for which brings most of the gain; "underfitting" where none
    does, or where the same training made once more brings it."""
    other = not case.plan.repeatable  # it cannot be made again
    tried = {} if other else {"underfitting": Change()}
    if unregularised(case) is not None or case.plan.weight_decay:
        tried["over_regularised"] = Change(usual=other, calm=True)
    if _is_frozen(case):
        tried["untrained_layer"] = Change(usual=other, free=True)
    tried |= {"steps": Change(usual=True), "poor_start": _fresh(case, record, Change(usual=other))}
    for id, change in tried.items():
        try:
            alone = better(case, record, change)
        except CannotTellError:
            continue
        if alone is not None and alone.gain > MOST * found.gain:
            return _of_steps(record) if id == "steps" else id
    return "underfitting"


def _is_frozen(case: Case) -> bool:
    own = [each for module in modules_of(case) for each in module.parameters()]
    return any(not each.requires_grad for each in own) or bool((case.network.layout.rates() == 0).any())


def _of_steps(record: Record) -> str:
    """What is wrong with an optimiser's steps, by their length."""
    updates = [np.median(each.update) for each in kernels(record)]
    longest = float(np.nan_to_num(max(updates, default=0.0), posinf=1e6))
    if not updates or SHORT <= longest <= LONG:
        return "slow_convergence"
    return "rate_too_low" if longest < SHORT else "rate_too_high"


def _fresh(case: Case, record: Record, change: Change) -> Change:
    """The same from first weights that are drawn anew."""
    return replace(change, start=drawn_anew(case, record))
