"""Whether inputs and targets are numbers, and targets such as the loss wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.network import Network

PASSED_OVER = -100  # PyTorch's code of a target that does not count


def not_finite_data(case: Case) -> Iterator[Diagnosis]:
    """Missing or infinite numbers among inputs and targets, and targets that the loss does not know.

    Networks for tables take missing cells as such. Inputs that the network itself makes finite are a note;
    test rows, which change nothing of the training, a warning.
    """
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    parts = {"training": case.train, "validation": case.validation, "test": case.test}
    for part, rows in parts.items():
        if rows is None or not len(rows):
            continue
        bad = None if isinstance(case.network, Network) else _inputs(case, part, rows)
        found = bad or _targets(case, part, rows) or _range(case, part, rows)
        if found is not None:
            yield found
            return


def not_finite_seen(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The same of rows that come from a loader: a batch was seen with such numbers."""
    part = {"inputs": "inputs", "targets": "targets"}.get(record.first_bad_cause or "")
    if part is None or case.train is not None:
        return
    yield Diagnosis(
        "not_finite_data",
        "error",
        f"the {part} of a batch hold numbers that are missing or infinite, first at step {record.first_bad}",
        {"step": record.first_bad, "part": part},
        "missing values that were read as NaN, or divisions by 0 on the way to the loader",
        Fix("fill or leave out such rows before they are given to the loader"),
        member=case.member,
    )


def _inputs(case: Case, part: str, rows: Rows) -> Diagnosis | None:
    counts: dict[str, int] = {}
    hit = torch.zeros(len(rows), dtype=torch.bool)
    infinite = False
    for name, values in rows.raw.items():
        if not values.is_floating_point():
            continue
        wrong = ~torch.isfinite(values.reshape(len(rows), -1)).cpu()
        if not bool(wrong.any()):
            continue
        infinite = infinite or bool(torch.isinf(values).any())
        hit |= wrong.any(1)
        columns = wrong.sum(0)
        for column in columns.nonzero()[:, 0].tolist():
            named = case.names is not None and len(case.names) == len(columns)
            own = case.names[column] if named and case.names else f"input {column + 1}"
            counts[own if len(rows.raw) == 1 else f"{name}: {own}"] = int(columns[column])
    if not counts:
        return None
    some = rows.at(hit.nonzero()[:64, 0].to(rows.weight.device))
    handled = bool(_finite(case.output(some)))
    worst = sorted(counts, key=lambda name: -counts[name])[:3]
    kind = "missing (NaN) or infinite" if infinite else "missing (NaN)"
    return _said(
        case,
        "note" if handled else "warning" if part == "test" else "error",
        f"{int(hit.sum()):,} of {len(rows):,} {part} rows hold {kind} numbers, in {', '.join(worst)}"
        + (f" and {len(counts) - 3} more columns" if len(counts) > 3 else "")
        + ("; the network copes with them" if handled else ""),
        {"part": part, "rows": _numbers(rows, hit), "columns": counts},
        "cells that were empty, a division by 0, or numbers too large for 32 bits: one of them makes the "
        "loss and with it all weights NaN",
        "fill them in (the training rows' median, and a column that says where), or leave the rows out",
    )


def _finite(output: Any) -> bool:
    if isinstance(output, Tensor):
        return bool(torch.isfinite(output).all())
    return all(_finite(each) for each in (output.values() if isinstance(output, dict) else output))


def _targets(case: Case, part: str, rows: Rows) -> Diagnosis | None:
    target = rows.target
    if not isinstance(target, Tensor) or not target.is_floating_point():
        return None
    wrong = ~torch.isfinite(target.reshape(len(rows), -1)).all(1)
    known = case.network.known(target[None])
    wrong = wrong if known is None else wrong & known[0].bool()
    if not bool(wrong.any()):
        return None
    return _said(
        case,
        "warning" if part == "test" else "error",
        f"{int(wrong.sum()):,} of {len(rows):,} {part} targets are missing (NaN) or infinite",
        {"part": part, "rows": _numbers(rows, wrong)},
        "empty cells, or a logarithm or quotient that is not defined: one of them makes all weights NaN",
        "leave these rows out",
    )


def _range(case: Case, part: str, rows: Rows) -> Diagnosis | None:
    """Targets outside of what the loss is defined for."""
    target, (loss, _) = rows.target, case.network.purpose()
    if not isinstance(target, Tensor):
        return None
    flat = target.reshape(len(rows), -1)
    floating = target.is_floating_point()
    if loss == "binary_cross_entropy" or (loss == "cross_entropy" and floating):
        wrong, wanted = ((flat < 0) | (flat > 1)).any(1), "between 0 and 1"
    elif loss == "cross_entropy":
        classes = _classes(case, rows)
        wrong = (((flat < 0) | (flat >= classes)) & (flat != PASSED_OVER)).any(1)
        wanted = f"codes from 0 to {classes - 1}"
    else:
        return None
    if not bool(wrong.any()):
        return None
    low, high = float(flat.min()), float(flat.max())
    return _said(
        case,
        "warning" if part == "test" else "error",
        f"{int(wrong.sum()):,} of {len(rows):,} {part} targets are none that the loss knows: they go from "
        f"{low:g} to {high:g}, and {loss.replace('_', ' ')} wants {wanted}",
        {"part": part, "rows": _numbers(rows, wrong), "lowest": low, "highest": high},
        "classes that are counted from 1 or written as -1 and 1, or a loss for another kind of target",
        "number the classes from 0, or take a loss for numbers, such as mse",
    )


def _classes(case: Case, rows: Rows) -> int:
    output = case.output(rows.at(slice(0, 2)))
    while not isinstance(output, Tensor):
        output = output[0]
    axis = 1 if isinstance(case.network, ForeignNetwork) else -1  # PyTorch's losses have classes second
    return output.shape[axis]


def _numbers(rows: Rows, wrong: Tensor) -> list[int]:
    """Numbers of the first rows concerned."""
    places = wrong.nonzero()[:20, 0].cpu()
    return (places if rows.numbers is None else rows.numbers.cpu()[places]).tolist()


def _said(
    case: Case, severity: Any, message: str, evidence: dict[str, Any], cause: str, todo: str
) -> Diagnosis:
    return Diagnosis("not_finite_data", severity, message, evidence, cause, Fix(todo), member=case.member)
