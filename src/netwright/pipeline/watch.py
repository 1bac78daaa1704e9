"""Who is told how a run goes on. The pipeline itself writes nothing to any screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netwright.data.finding import Finding
from netwright.training.callbacks import Callback


class Watch:
    """Override what is needed; this one is silent."""

    callbacks: Sequence[Callback] = ()

    def stage(self, text: str) -> None:
        """A stage of the run begins."""

    def findings(self, findings: list[Finding]) -> None:
        """The checks are done."""

    def trials(self, done: int, total: int | None, trials: Sequence[Any]) -> None:
        """Trials of a search are over: how many, of how many (None where time decides), and all of them."""

    def cut_short(self, text: str) -> None:
        """The run ends before it is complete, and leaves something all the same."""

    def done(self) -> None:
        """The last stage is over."""
