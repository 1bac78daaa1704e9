"""A study: its folder, and what is in it as Python objects."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from netwright.config import Config
from netwright.errors import InputError
from netwright.runs.run import Run
from netwright.tuning.files import ABOUT, TRIALS, WINNER, is_study


class Study:
    """What a search leaves.

    Arguments:
        folder: the study's folder.

    Attributes:
        about: study.json: the space, the importance of its keys, which trials won.
        trials: a row for each trial: its number, state, score, seconds and values.
        best_config: the winner's config, resolved.
        best_run: the winner's run; `predict`, `predict_proba` and `evaluate` use its model.

    Raises:
        InputError: the folder holds no study.

    Example:
        >>> study = nw.tune("adult.csv", target="income", trials=40)  # doctest: +SKIP
        >>> study.trials.sort("score").head()  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not is_study(self.folder):
            raise InputError("this is not the folder of a study", where=str(folder))

    @cached_property
    def about(self) -> dict[str, Any]:
        return json.loads((self.folder / ABOUT).read_text(encoding="utf-8"))

    @cached_property
    def trials(self) -> pl.DataFrame:
        return pl.read_csv(self.folder / TRIALS, infer_schema_length=None)

    @cached_property
    def best_run(self) -> Run:
        return Run(self.folder / WINNER)

    @property
    def best_config(self) -> Config:
        return self.best_run.config

    @property
    def importance(self) -> dict[str, float]:
        """Each key's share of the scores' variance, highest first."""
        return self.about["importance"]

    def predict(self, source: Any) -> Any:
        """Predictions of the winner; see `Run.predict`."""
        return self.best_run.predict(source)

    def predict_proba(self, source: Any) -> Any:
        """Probabilities of the classes by the winner. [N, C]"""
        return self.best_run.predict_proba(source)

    def evaluate(self, source: Any) -> dict[str, float | None]:
        """All metrics of the winner on labelled rows."""
        return self.best_run.evaluate(source)

    def report(self) -> Path:
        """Makes study.html again; returns its path."""
        from netwright.report.study import build

        return build(self.folder)

    def plot(self) -> Any:
        """The history of the search as a matplotlib figure, which a notebook shows."""
        from netwright.report.study_plots import search_history

        return search_history(self.trials.to_dicts())

    def __repr__(self) -> str:
        best = self.trials["score"].min()
        score = f", best {best:.4g}" if isinstance(best, float) else ""
        return f"Study({str(self.folder)!r}, {len(self.trials)} trials{score})"
