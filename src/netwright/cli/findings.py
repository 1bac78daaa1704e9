"""What the checks saw, as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from netwright.cli.output import counted, paragraph
from netwright.data.finding import Finding
from netwright.report.words import sentence

if TYPE_CHECKING:
    from netwright.doctor.diagnosis import Diagnosis

MOST_SHOWN = 8
SEVERITIES = ("error", "warning", "note")


def headline(findings: Sequence[Finding | Diagnosis]) -> str:
    """How many of each severity.

    Example:
        >>> headline([Finding("a", "warning", "", ""), Finding("b", "note", "", "")])
        '1 warning, 1 note'
    """
    counts = {severity: sum(each.severity == severity for each in findings) for severity in SEVERITIES}
    return ", ".join(counted(count, severity) for severity, count in counts.items() if count) or "nothing"


def lines(finding: Finding, width: int | None, indent: str = "  ") -> str:
    """A finding with what to do about it, broken at a width."""
    text = f"{finding.severity}  {sentence(finding.message)} {sentence(finding.action)}".rstrip()
    return paragraph(text, width, indent, indent + "  ")
