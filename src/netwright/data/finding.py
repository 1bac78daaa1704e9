"""What a check saw in the data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing that a check saw: what, where, how bad, and what was done or should be done.

    Arguments:
        id: the check's name, for programs (``duplicate_rows``).
        severity: ``error`` (the result cannot be believed), ``warning`` (look at it), ``note``.
        message: what was seen, in one or two plain sentences.
        action: what was done about it, or what the user should do, with the config key that does it.
        columns: names of the columns concerned.
        rows: how many rows are concerned; None where rows are not the point.
        examples: numbers of the first few rows concerned, as they stand in the source, from 0.
    """

    id: str
    severity: Severity
    message: str
    action: str
    columns: list[str] = field(default_factory=list)
    rows: int | None = None
    examples: list[int] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
