"""Whether the training goes anywhere at all, and in the right direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.checks.rates import slow_convergence
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.replay import replay
from netwright.doctor.standing import Standing, standing
from netwright.doctor.trouble import drawn, troubled

SURELY_APART = 3.0  # standard errors
FEWEST = 40  # validation rows
SURELY = 2.5  # standard errors by which models are better than a constant in the mean: something is learnt
RARE = 0.9  # share of the commonest class
LEARNT = 0.05  # of what the training rows could teach


def not_learning(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The network answers its own training rows hardly better than a constant, though simple models can; or
    its loss only rises; or what it learns of the training rows holds for no others, for no model."""
    stand, trouble = standing(case), troubled(case, record)
    wrong = _wrong_way(case, record, stand) if trouble else None
    if wrong:
        message, cause, evidence = wrong
        yield Diagnosis(
            "not_learning",
            "error",
            message,
            evidence | {"series": {"train_loss": drawn(record.train_loss)}},
            cause,
            Fix(
                "look at the sign of the loss and of the update: optimisers subtract the gradient of what is "
                "to become small"
            ),
            member=case.member,
        )
    elif trouble and stand.bad and stand.learnt <= LEARNT:
        if any(True for _ in (*over_regularised(case, record), *slow_convergence(case, record))):
            return  # these say why
        yield Diagnosis(
            "not_learning",
            "error",
            f"the network has learnt {100 * max(0.0, stand.learnt):.0f} % of what its training rows could "
            f"teach; {_named(stand.best)} learn from the same rows",
            {
                "learnt": round(stand.learnt, 4),
                "behind": round(stand.behind, 4),
                "series": {"train_loss": drawn(record.train_loss)},
            },
            "gradients that do not reach the layers, targets that do not belong to their rows, or a loss "
            "that asks for something else",
            Fix(
                "see whether it can learn 32 rows by heart; if it cannot, the fault is in network or loss, "
                "and if it can, in data or settings (`netwright tune` searches these)"
            ),
            member=case.member,
        )
    elif nobody_learns(case, stand):
        yield Diagnosis(
            "not_learning",
            "warning",
            "neither the network nor simple models answer validation rows better than a constant, though the "
            f"network has learnt {100 * max(0.0, stand.learnt):.0f} % of its training rows",
            {
                "learnt": round(stand.learnt, 4),
                "gains": {
                    name: round(float((marks - stand.references["constant"]).mean()), 4)
                    for name, marks in stand.references.items()
                },
            },
            "targets that do not belong to their rows (shuffled, or shifted by a row), or inputs that say "
            "nothing of them",
            Fix("compare some rows and their targets with the source of the data"),
            member=case.member,
        )


def _wrong_way(case: Case, record: Record, stand: Standing) -> tuple[str, str, dict[str, Any]] | None:
    """What shows that training goes away from what is wanted."""
    losses = record.train_loss[np.isfinite(record.train_loss)]
    if len(losses) and losses[-1] < 0 and losses[-1] < losses[0] and stand.learnt < 0:
        return (
            f"the loss falls to {losses[-1]:.3g} while the answers get worse than those of a constant",
            "a loss with the wrong sign: the training makes it small, and it should be large",
            {"loss": round(float(losses[-1]), 4), "learnt": round(stand.learnt, 4)},
        )
    steps = record.step_loss[np.isfinite(record.step_loss)]
    try:
        found = replay(case, record)
    except CannotTellError:
        return None
    if len(steps) < 8 or stand.learnt > LEARNT or found.calm >= 0.99 * found.first:
        return None
    width = max(1, len(steps) // 10)
    level = np.array([np.median(part) for part in np.array_split(steps, len(steps) // width)])
    if level[-1] < 1.2 * level[0] or level.min() < 0.97 * level[0] or np.mean(np.diff(level) > 0) < 0.7:
        return None
    return (
        f"the training loss rises from {level[0]:.3g} to {level[-1]:.3g} and never falls, while "
        f"{found.longer} plain steps from the same start with the same learning rate lower it from "
        f"{found.first:.3g} to {found.calm:.3g}",
        "updates that go uphill: the sign of the gradient, or an optimiser told to maximise",
        found.as_dict() | {"uphill": True},
    )


def nobody_learns(case: Case, stand: Standing) -> bool:
    """Whether neither the network nor any simple model tells rows that it has not seen from each other, while
    the network has begun to learn its own by heart.

    Gains over a constant in standard errors: out of fold at most 1.5 each, with the validation rows at most 1
    on average. Tasks at their limit with any signal at all reach 3 and more out of fold.
    """
    if case.task == "labels" or len(stand.validation) < FEWEST or stand.learnt < LEARNT:
        return False
    if tells_apart(stand.answers, stand.wanted):
        return False  # rare classes can be told without ever being the likeliest
    assert case.train is not None
    wanted = case.wanted(case.train)
    share = 0.0 if case.task == "numbers" else float(np.bincount(wanted).max() / len(wanted))
    if share > RARE:
        return False  # no answer but the commonest class can be right more often
    constant = stand.references["constant"]
    judged = [_errors(marks - constant) for name, marks in stand.references.items() if name != "constant"]
    judged.append(_errors(stand.validation - constant))
    if np.mean(judged) > SURELY:
        return False
    folded = [_errors(marks - share) for marks in stand.folded.values()]
    return bool(folded) and max(folded) <= 1.5 and float(np.mean(folded + judged)) <= 1.0


def tells_apart(answers: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether answers put rows in the right order by more than chance, by three standard errors.

    Of the area under the ROC curve for any class (Mann and Whitney 1947), or of Spearman's correlation for a
    target that is a number.

    Arguments:
        answers: [v, C]
        wanted: codes [v], or numbers [v, T].

    Example:
        >>> codes = np.arange(40) % 2
        >>> tells_apart(codes[:, None] + 0.1 * np.arange(40)[:, None], codes)
        False
        >>> tells_apart(np.stack([1 - codes, codes], 1), codes)
        True
    """
    from scipy.stats import rankdata

    if not np.isfinite(answers).all() or len(answers) < FEWEST:
        return False
    ranks = np.apply_along_axis(rankdata, 0, answers)  # [v, C]
    if wanted.ndim == 1:
        columns = [1] if answers.shape[1] == 1 else range(answers.shape[1])
        for place, label in enumerate(columns):
            inside = wanted == label
            few, many = int(inside.sum()), int((~inside).sum())
            if few and many:
                won = ranks[inside, place].sum() - few * (few + 1) / 2
                if won / (few * many) > 0.5 + SURELY_APART * np.sqrt((few + many + 1) / (12 * few * many)):
                    return True
        return False
    truth = np.apply_along_axis(rankdata, 0, wanted)  # [v, T]
    with np.errstate(all="ignore"):  # of constant answers
        found = [
            np.corrcoef(ranks[:, n], truth[:, n])[0, 1] for n in range(min(ranks.shape[1], truth.shape[1]))
        ]
    return any(each > SURELY_APART / np.sqrt(len(ranks) - 1) for each in found)


def _errors(gain: np.ndarray) -> float:
    """A mean gain in standard errors."""
    return float(gain.mean() / max(gain.std() / np.sqrt(len(gain)), 1e-9))


def _named(reference: str) -> str:
    words = {"linear": "linear models", "neighbours": "nearest neighbours", "trees": "trees"}
    return words.get(reference, "simple models")
