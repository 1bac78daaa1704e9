"""Whether the training loss goes anywhere at all."""

from __future__ import annotations

from collections.abc import Iterator

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import standing


def not_learning(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The network answers its own training rows hardly better than a constant, and simple models can."""
    stand = standing(case)
    if stand.learnt > 0.05 or not stand.bad:
        return
    yield Diagnosis(
        "not_learning",
        "error",
        f"the network has learnt {100 * max(0.0, stand.learnt):.0f} % of what its training rows could teach",
        {"learnt": round(stand.learnt, 4), "series": {"train_loss": record.train_loss.tolist()}},
        "the learning rate, a network whose gradients do not reach its layers, or targets that do not belong "
        "to their rows",
        Fix("try another learning rate; `netwright tune` searches it", {"training.learning_rate": "auto"}),
        member=case.member,
    )
