"""A search on the screen: the best trials as a live table, and how it ended."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.cli.output import say, show, show_json, table
from netwright.cli.screen import SECONDS_BETWEEN_UPDATES, Screen
from netwright.report.words import number
from netwright.training.callbacks import Callback, State

if TYPE_CHECKING:
    from netwright.tuning.search import Trial

MOST = 8
MOST_KEYS = 5


class TrialsScreen(Screen):
    """Tells on stderr how a search goes on: a live table on a terminal, a line for each batch elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        if sys.stderr.isatty():
            self.callbacks = [CrowdProgress(self.display)]
        else:
            self.callbacks = []

    def trials(self, done: int, total: int | None, trials: Sequence[Trial]) -> None:
        ranked = best_of(trials)
        of = f" of {total}" if total is not None else ""
        lost = sum(each.state in ("diverged", "failed") for each in trials)
        pruned = sum(each.state == "pruned" for each in trials)
        words = [f"{done}{of} trials"]
        words += [f"{pruned} ended early"] if pruned else []
        words += [f"{lost} lost"] if lost else []
        if ranked:
            words.append(f"best {number(ranked[0].score)} (trial {ranked[0].number})")
        if sys.stderr.isatty():
            self.display.above(trials_table(ranked[:MOST], ", ".join(words)))
        else:
            self.display.message("  " + ", ".join(words))


class CrowdProgress(Callback):
    """Moves the live bar while a batch of trials trains."""

    def __init__(self, display: Any) -> None:
        self.display = display

    def on_start(self, state: State) -> None:
        self.shown = -1.0

    def on_step(self, state: State) -> None:
        if state.seconds - self.shown >= SECONDS_BETWEEN_UPDATES:
            self.shown = state.seconds
            networks = len(state.best_epoch)
            words = f"{networks} network{'s' if networks > 1 else ''}  epoch {state.epoch}/{state.epochs}"
            self.display.step(state, words)


def best_of(trials: Sequence[Trial]) -> list[Trial]:
    """Completed trials, the best first."""
    over = [each for each in trials if each.state == "complete" and math.isfinite(each.score)]
    return sorted((each for each in over if each.same_as is None), key=lambda each: each.score)


def trials_table(ranked: Sequence[Trial], title: str) -> Any:
    """The best trials as a table of Rich's."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    keys = list(ranked[0].values)[:MOST_KEYS] if ranked else []
    for heading in ("trial", "score", "seconds", *(key.partition(".")[2] for key in keys)):
        made.add_column(heading, justify="right", no_wrap=True)
    for each in ranked:
        values = [_shown(each.values[key]) for key in keys]
        cells = [str(each.number), number(each.score), f"{each.seconds:.1f}", *values]
        made.add_row(*map(Text, cells))
    return made


def show_study(folder: Path, *, as_json: bool) -> None:
    """A finished search on stdout.

    Arguments:
        folder: the study's folder.
        as_json: as an object of study, run, winner, trials and metrics.
    """
    from netwright.cli.summary import summary
    from netwright.report.record import Record
    from netwright.report.study import read, sentences

    about, trials = read(folder)
    run = folder / about["winner"]["run"]
    record = Record.read(run)
    if as_json:
        show_json(
            {
                "study": str(folder),
                "run": str(run),
                "winner": about["winner"]["trials"],
                "importance": about["importance"],
                "trials": trials,
                "metrics": record.metrics,
            }
        )
        return
    over = [each for each in trials if each["state"] == "complete"]
    over = sorted(over, key=lambda each: each["score"])[:MOST]
    keys = list(about["space"])
    rows = [["trial", "score", *[key.partition(".")[2] for key in keys]]]
    rows += [
        [str(each["trial"]), number(each["score"]), *[_shown(each[key]) for key in keys]] for each in over
    ]
    say("")
    show(" ".join(sentences(about, trials)) + "\n")
    show(table(rows) + "\n")
    show(summary(record, run))
    show(f"{'study':<10}{folder}\n{'':<10}{folder / 'study.html'}")


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "null" if value is None else str(value)
