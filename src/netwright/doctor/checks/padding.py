"""Whether most of the tokens of sequences are padding."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from netwright.doctor.case import Case
from netwright.doctor.diagnosis import Diagnosis, Fix
from netwright.doctor.flow import flow_of

MOST = 0.5
LEAST_STEPS = 4


def padding(case: Case) -> Iterator[Diagnosis]:
    """More than half of the tokens that an embedding looks up are one value at the ends of the sequences."""
    flow = flow_of(case)
    assert case.train is not None
    if not flow.trace.of({"embedding"}):
        return
    for name, codes in case.train.raw.items():
        if codes.is_floating_point() or codes.dim() != 2 or codes.shape[1] < LEAST_STEPS:
            continue
        value = int(codes.reshape(-1).mode().values)
        there = codes == value  # [n, T]
        share = float(there.double().mean())
        if share <= MOST or not _at_ends(there):
            continue
        length = float((~there).double().sum(1).mean())
        yield Diagnosis(
            "padding",
            "note",
            f"{share:.0%} of the tokens of {name} are {value}, which fills up the sequences: they are "
            f"{codes.shape[1]} long and hold {length:.1f} others on average",
            {"input": name, "value": value, "share": round(share, 4), "length": codes.shape[1]},
            "sequences are filled up to the length of the longest",
            Fix("cut them at a length that most stay below, or batch sequences of like lengths"),
        )


def _at_ends(there: Tensor) -> bool:
    """Whether what fills up stands together at the start or the end of nearly all sequences."""
    switches = (there[:, 1:] != there[:, :-1]).sum(1)
    ends = there[:, 0] | there[:, -1] | ~there.any(1)
    return float(((switches <= 1) & ends).double().mean()) > 0.95
