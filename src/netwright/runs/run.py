"""A run: its folder, and everything in it as Python objects."""

from __future__ import annotations

import csv
import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from netwright.config import Config
from netwright.errors import InputError
from netwright.runs.folder import is_run
from netwright.runs.forecast import ForecastModel, is_forecast
from netwright.runs.model import TableModel
from netwright.training.history import History


class Run:
    """What a training leaves.

    Arguments:
        folder: the run's folder.

    Attributes:
        metrics, findings: as in metrics.json and findings.json.
        diagnoses: as in diagnoses.json.
        config: resolved; training with it again gives the same weights.
        history: a row for each epoch.
        model: the network; `predict`, `predict_proba` and `evaluate` use it.

    Example:
        >>> run = nw.train("sample:iris", target="target")  # doctest: +SKIP
        >>> run.metrics["test"]["accuracy"]  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not is_run(self.folder):
            raise InputError("this is not the folder of a run", where=str(folder))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        return self._json("metrics.json")

    @cached_property
    def findings(self) -> list[dict[str, Any]]:
        return self._json("findings.json")

    @cached_property
    def diagnoses(self) -> list[dict[str, Any]]:
        """What the doctor said, what to begin with first, as in diagnoses.json; [] where none looked."""
        if not (self.folder / "diagnoses.json").is_file():
            return []
        return self._json("diagnoses.json")["diagnoses"]

    @cached_property
    def evaluation(self) -> dict[str, Any]:
        """Confusion matrix, calibration, importance, slices and fairness, as in evaluation.json."""
        return self._json("evaluation.json")

    @cached_property
    def config(self) -> Config:
        return Config.load(self.folder / "config.yaml")

    @cached_property
    def model(self) -> TableModel | ForecastModel:
        folder = self.folder / "model"
        return ForecastModel.load(folder) if is_forecast(folder) else TableModel.load(folder)

    @cached_property
    def history(self) -> History:
        network = self.evaluation.get("network", {})
        path = self.folder / "history.csv"
        with path.open(newline="", encoding="utf-8") as file:
            rows = [{name: _value(name, text) for name, text in row.items()} for row in csv.DictReader(file)]
        return History(
            rows,
            network.get("best_epoch", []),
            network.get("epochs", 0),
            network.get("stopped", "all epochs"),
            self.config.training.stop_step,
        )

    @property
    def predictions(self) -> pl.DataFrame:
        """The test rows' true and predicted targets."""
        return pl.read_csv(self.folder / "predictions.csv")

    def _json(self, name: str) -> Any:
        path = self.folder / name
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError("the run is not complete: a file is missing", where=str(path)) from None
        except ValueError:
            raise InputError("a file of the run is damaged: it is not JSON", where=str(path)) from None

    def predict(self, source: Any) -> np.ndarray:
        """Predicted classes or values for a path, a frame, an array, ... See `TableModel.predict`.

        Of a forecast: the steps after the last row with a target. See `ForecastModel.predict`.
        """
        return self.model.predict(source)

    def predict_proba(self, source: Any) -> np.ndarray:
        """Probabilities of the classes. [N, C]"""
        if isinstance(self.model, ForecastModel):
            raise InputError("a forecast has no probabilities", hint="model.predict_frame gives quantiles")
        return self.model.predict_proba(source)

    def evaluate(self, source: Any) -> dict[str, Any]:
        """All metrics on labelled rows."""
        return self.model.evaluate(source)

    def save(self, folder: str | Path) -> Path:
        """Writes the model alone into a folder; `nw.load` reads it."""
        return self.model.save(folder)

    def report(self) -> Path:
        """Makes report.html and model_card.md again; returns the page's path."""
        from netwright.report import build

        return build(self.folder)

    def plot(self) -> Any:
        """Training curves, or the learning curve, as a matplotlib figure, which a notebook shows."""
        from netwright.report.learning import curve
        from netwright.report.plots import training_curves

        if "points" in self.metrics:
            return curve(self.metrics)
        return training_curves(
            pl.DataFrame(self.history.rows), self.evaluation["headline"], self.history.best_epoch
        )

    def __repr__(self) -> str:
        headline = self.evaluation.get("headline", "")
        part = "mean" if "folds" in self.metrics else "test"
        value = self.metrics.get(part, {}).get(headline)
        score = f", {part} {headline} {value:.4f}" if value is not None else ""
        first = "".join(f", doctor: {each['id']}" for each in self.diagnoses if each["primary"])
        return f"Run({str(self.folder)!r}{score}{first})"

    def _repr_html_(self) -> str:
        from html import escape

        part = "mean" if "folds" in self.metrics else "test"
        rows = [(part, self.metrics.get(part, {}))]
        rows += [(f"{name} baseline", scores) for name, scores in self.metrics.get("baseline", {}).items()]
        names = [name for name, value in rows[0][1].items() if not isinstance(value, dict)]
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(
            f"<tr><th>{escape(label)}</th>"
            + "".join(f"<td>{_shown(scores.get(name))}</td>" for name in names)
            + "</tr>"
            for label, scores in rows
        )
        return f"<p><b>Run</b> {escape(str(self.folder))}</p><table><tr><th></th>{head}</tr>{body}</table>"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _value(name: str, text: str) -> float | int | None:
    if text == "":
        return None
    return int(text) if name in ("member", "epoch", "step") else float(text)
