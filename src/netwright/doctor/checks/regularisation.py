"""Whether weight decay, L1 or dropout leave the network nothing to learn with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor.again import Change, better, compared
from netwright.doctor.case import Case
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.replay import BETTER, dropouts, replay
from netwright.doctor.standing import standing
from netwright.doctor.trouble import drawn, kernels, troubled

SHRUNK = 0.2  # of the length at the start
STRONG = 0.1  # weight decay; usual are .0001 to .05
MOST_DROPPED = 0.6
FITTED = 0.95  # of what the training rows could teach; more is no lack of capacity


def over_regularised(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The network does not even fit its training rows, and a short training from the same start without
    weight decay and dropout fits them better.

    Asked for beside it: weights that shrink to a fifth, or a penalty that takes away more than the whole of
    them in the steps of the training, or dropout of 60 % and more.
    """
    if not troubled(case, record):
        yield from _costs(case, record)
        return
    if standing(case).learnt > FITTED:
        return
    penalty, dropped = _penalty(case), dropouts(case)
    most = max(dropped.values(), default=0.0)
    if not penalty and most < MOST_DROPPED:
        return
    try:
        found = replay(case, record)
        proof = found.calm < BETTER * found.now
        evidence = found.as_dict() | {"without": float(f"{found.calm:.5g}")}
        told = f": {found.now:.3g}, where {found.longer} steps without it reach {found.calm:.3g}"
    except CannotTellError:
        proof, evidence, told = False, {}, ""
    shares = _lengths(record)
    shrunk = float(np.median(shares[:, -1])) if len(shares) else 1.0
    if penalty and (shrunk < SHRUNK or (proof and penalty >= STRONG)):
        yield Diagnosis(
            "over_regularised",
            "error",
            f"the weights are at {100 * shrunk:.2g} % of their first length, and the loss of training rows "
            f"stays high{told}",
            evidence
            | {
                "weight_decay": case.plan.weight_decay,
                "l1": case.plan.l1,
                "shrunk": shrunk,
                "series": {"weights, share of the first length": drawn(np.median(shares, axis=0))},
                "line": SHRUNK,
            },
            f"a penalty on the weights of {penalty:g} that outweighs the data",
            Fix(
                f"weight decay of {min(0.01, penalty / 10):g}",
                {"training.weight_decay": min(0.01, penalty / 10), "training.l1": 0.0}
                if case.plan.l1
                else {"training.weight_decay": min(0.01, penalty / 10)},
            ),
            member=case.member,
        )
    elif most >= MOST_DROPPED and proof:
        where = max(dropped, key=lambda name: dropped[name])
        yield Diagnosis(
            "over_regularised",
            "error",
            f"dropout of {100 * most:.0f} % in {where or 'the network'} leaves too little to learn with; the "
            f"loss of training rows stays high{told}",
            evidence | {"dropout": dropped, "series": {"train_loss": drawn(record.train_loss)}},
            "dropout above 50 %",
            _less_dropout(most),
            member=case.member,
        )


def _costs(case: Case, record: Record) -> Iterator[Diagnosis]:
    """As many steps without dropout of 60 % and more, or without a weight decay of .1 and more, lead to a
    clearly better network, though this one is not worse than simple models."""
    penalty, dropped = _penalty(case), dropouts(case)
    most = max(dropped.values(), default=0.0)
    if penalty < STRONG and most < MOST_DROPPED:
        return
    found = better(case, record, Change(calm=True))
    if found is None:
        return
    if most >= MOST_DROPPED:
        where = max(dropped, key=lambda name: dropped[name])
        told = f"dropout of {100 * most:.0f} % in {where or 'the network'}"
        fix = _less_dropout(most)
    else:
        told = f"a penalty on the weights of {penalty:g}"
        less = min(0.01, penalty / 10)
        fix = Fix(f"weight decay of {less:g}", {"training.weight_decay": less})
    yield Diagnosis(
        "over_regularised",
        "warning",
        f"{told} leaves too little to learn with: as many steps without it lead to {compared(case, found)}",
        {"dropout": dropped, "weight_decay": case.plan.weight_decay, "gained": found.as_dict()},
        "regularisation that outweighs the data",
        fix,
        member=case.member,
    )


def _less_dropout(most: float) -> Fix:
    """Half of the units less are dropped, from .1 to .5."""
    less = round(max(0.1, min(0.5, most - 0.5)), 1)
    return Fix(f"dropout of {less:g}", {"network.dropout": less})


def _penalty(case: Case) -> float:
    """The greatest penalty on weights, of the optimiser or of a layer; 0 for none."""
    own = [each.declared for each in case.network.layout.places]
    return max(
        case.plan.weight_decay or 0.0, case.plan.l1, *(each.l1 for each in own), *(each.l2 for each in own)
    )


def _lengths(record: Record) -> np.ndarray:
    """Lengths of the kernels, as shares of the first. [layers, Q]"""
    found = [each.weight / max(each.weight[0], 1e-12) for each in kernels(record)]
    return np.array(found) if found else np.zeros((0, 1))
