"""Whether the answer for a row depends on the rows beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows, seeded
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.flow import cycled, flow_of, row_axis, single, spoken, stuck_in
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.doctor.trace import Trace

CLOSE = 1e-3
"""of the deviation of the outputs; in float32 the same rows give the same numbers to about 1e-6 of it"""
ALONE = 200  # rows
LOST = 0.05  # marks


def mixed_rows(case: Case) -> Iterator[Diagnosis]:
    """In evaluation mode, the answers for half of the rows change when the other half is exchanged.

    The first operation where that is so is named. While training, batch normalisation mixes rows by design;
    nothing is said of that, and where a module never leaves its training mode, that is told instead. A
    warning: a network that mixes may still do well on whole batches; `mixed_after` says whether it does harm.
    """
    flow = flow_of(case)
    if stuck_in(case, training=True):
        return
    order = torch.randperm(flow.count, generator=torch.Generator().manual_seed(0))
    half, base = flow.count // 2, _answers(case, flow.rows)
    spread = float(base.double().std()) + 1e-12
    for kept, changed in ((order[:half], order[half:]), (order[half:], order[:half])):
        others = _exchanged(case, flow.rows, changed)
        both = (base, _answers(case, others))
        first, second = (_kept(each, flow.count, kept) for each in both)
        if not bool(torch.isfinite(first).all() & torch.isfinite(second).all()):
            raise CannotTellError("the outputs are no finite numbers")
        change = (first - second).abs().flatten(1).amax(1) / spread
        if float(change.max()) > CLOSE:
            break
    else:
        return
    where = _where([_trace(case, rows) for rows in (flow.rows, others)], flow.count, kept)
    unkept = where is not None and where.startswith("batch_norm")
    share = float((change > CLOSE).double().mean())
    yield Diagnosis(
        "mixed_rows",
        "warning",
        f"the answers for {share:.0%} of the rows change, by {float(change.mean()):.2g} deviations, with the "
        "other rows of the batch" + (f"; it begins in {where}" if where else ""),
        {"share_of_rows": round(share, 4), "change": float(change.mean()), "operation": where},
        "batch normalisation without running statistics"
        if unkept
        else "an operation over the axis of the rows: view or reshape where a transpose is meant, a softmax "
        "or mean over dim 0, or time and rows exchanged (batch_first)",
        Fix(
            "let it keep running statistics (track_running_stats=True)"
            if unkept
            else "let each operation keep the rows on the first axis and work on the others"
        ),
    )


def mixed_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """Rows are still mixed, and it does harm: the network is bad, or worse where each row comes alone."""
    del record
    found = list(mixed_rows(case))
    if not found:
        return
    stand = standing(case)
    assert case.validation is not None
    rows = case.validation.spread(ALONE)
    together = case.marks(case.answers(rows), rows)
    answers = [case.answers(rows.at(slice(place, place + 1))) for place in range(len(rows))]
    alone = case.marks(np.concatenate(answers), rows)
    lost = np.clip(together, -10, 1) - np.clip(np.nan_to_num(alone, nan=-10.0), -10, 1)
    harm = float(lost.mean()) > max(LOST, 3 * float(lost.std()) / len(lost) ** 0.5)
    if not (harm or stand.bad or stand.useless):
        return
    for each in found:
        evidence = {**each.evidence, "marks_lost_alone": round(float(lost.mean()), 4)}
        yield replace(each, severity="error", evidence=evidence, member=case.member)


def _exchanged(case: Case, rows: Rows, changed: Tensor) -> Rows:
    """The same rows but for some, in whose places stand others: their neighbours' and new ones by turns."""
    assert case.train is not None
    fresh = cycled(case.train, len(rows), start=1)
    own, new = changed[::2], changed[1::2]
    raw = {}
    for name, each in rows.raw.items():
        other = each.clone()
        other[own] = each[(own + 1) % len(rows)]
        other[new] = fresh.raw[name][new]
        raw[name] = other
    return replace(rows, raw=raw)


def _answers(case: Case, rows: Rows) -> Tensor:
    seeded(0)  # noise that a network draws by itself is the same each time
    return single(case.output(rows))


def _trace(case: Case, rows: Rows) -> Trace:
    seeded(0)
    with torch.no_grad():
        return case.trace(rows)


def _kept(output: Tensor, count: int, kept: Tensor) -> Tensor:
    """Of some of the rows, these on the first axis."""
    return output.movedim(row_axis(output, count), 0)[kept].double()


def _where(traces: list[Trace], count: int, kept: Tensor) -> str | None:
    """The first operation that mixes."""
    for one, other in zip(traces[0].calls, traces[1].calls, strict=False):
        shapes_differ = one.output.shape != other.output.shape
        if shapes_differ or list(one.output.shape).count(count) != 1:
            continue
        first, second = _kept(one.output, count, kept), _kept(other.output, count, kept)
        scale = float(first.abs().max()) + 1e-12
        if float((first - second).abs().max()) > CLOSE * scale:
            return spoken(one)
    return None
