"""What a run folder holds, read once for the report and the model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.config import Config
from netwright.doctor.diagnosis import Examination
from netwright.errors import InputError
from netwright.evaluate.forecast import BASELINES as FORECASTS
from netwright.evaluate.metrics import PRIMARY
from netwright.report.words import BASELINES

if TYPE_CHECKING:
    import polars as pl

SEVERITIES = ("error", "warning", "note")
TRUE_WORDS = frozenset({"1", "1.0", "true", "yes"})


@dataclass(frozen=True)
class Record:
    """A run folder's files, as they are read.

    Arguments:
        name: the folder's name.
        config: the resolved config; what nothing says, where the network was made by hand.
        config_text: the same as it stands in the file; "" where there is none.
        metrics: metrics.json.
        evaluation: evaluation.json; empty where the run has none.
        findings: findings.json, the worst first.
        examination: diagnoses.json; None where no doctor looked at the training.
        history: history.csv.
        predictions: predictions.csv, every cell as text.
        out_of_fold: out_of_fold.csv of a cross-validation, every cell as text.
        examples: examples/examples.json; empty where the run has none.
        pictures: the PNG files beside it, by their names.
    """

    name: str
    config: Config
    config_text: str
    metrics: dict[str, Any]
    evaluation: dict[str, Any] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)
    examination: Examination | None = None
    history: pl.DataFrame | None = None
    predictions: pl.DataFrame | None = None
    out_of_fold: pl.DataFrame | None = None
    examples: dict[str, Any] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Record:
        """The record of a run folder; files other than config.yaml and metrics.json may be missing.

        A network made by hand has no config.yaml; its evaluation.json tells the settings.

        Raises:
            InputError: the folder is no run, or one of its files is damaged.
        """
        evaluation = _json(folder / "evaluation.json", dict)
        configured = (folder / "config.yaml").is_file()
        if not (configured or _by_hand(evaluation)) or not (folder / "metrics.json").is_file():
            hint = "a finished run holds config.yaml and metrics.json"
            raise InputError("this is not the folder of a finished run", where=str(folder), hint=hint)
        findings = _json(folder / "findings.json", list)
        diagnoses = folder / "diagnoses.json"
        metrics = _json(folder / "metrics.json", dict)
        if metrics.get("task") not in (*PRIMARY, "forecast"):
            raise InputError(
                "the file is damaged: it tells no known task", where=str(folder / "metrics.json")
            )
        return cls(
            name=folder.resolve().name,
            config=Config.load(folder / "config.yaml") if configured else Config(),
            config_text=(folder / "config.yaml").read_text(encoding="utf-8") if configured else "",
            metrics=metrics,
            evaluation=evaluation,
            findings=sorted(findings, key=lambda each: SEVERITIES.index(each["severity"])),
            examination=Examination.read(diagnoses) if diagnoses.is_file() else None,
            history=_csv(folder / "history.csv"),
            predictions=_csv(folder / "predictions.csv", as_text=True),
            out_of_fold=_csv(folder / "out_of_fold.csv", as_text=True),
            examples=_json(folder / "examples" / "examples.json", dict),
            pictures={path.name: path.read_bytes() for path in (folder / "examples").glob("*.png")},
        )

    @property
    def by_hand(self) -> bool:
        """Whether the network was made of layers by hand, without a config."""
        return _by_hand(self.evaluation)

    @property
    def task(self) -> str:
        return self.metrics.get("task", "")

    @property
    def command(self) -> str:
        """The command that the folder is of: train, cv or learning-curve."""
        return "cv" if "folds" in self.metrics else "learning-curve" if "points" in self.metrics else "train"

    @property
    def targets(self) -> list[str]:
        return self.metrics.get("target") or []

    @property
    def classes(self) -> list[str]:
        return [str(each) for each in self.metrics.get("classes") or []]

    @property
    def headline(self) -> str:
        """The metric by which the run is judged."""
        return self.evaluation.get("headline") or PRIMARY[self.metrics["task"]]

    def scores(self, part: str) -> dict[str, float | None]:
        """Metrics on train, validation or test, or of a baseline, such as constant or linear (on test)."""
        if part in (*BASELINES, *FORECASTS):
            return (self.metrics.get("baseline") or {}).get(part) or {}
        return self.metrics.get(part) or {}

    def interval(self, metric: str) -> list[float] | None:
        """Low and high end of the 95 % interval of a test score."""
        ends = (self.metrics.get("intervals") or {}).get(metric)
        return ends if ends and None not in ends else None

    def rows(self, part: str) -> int | None:
        return (self.metrics.get("rows") or {}).get(part)

    def part(self, name: str) -> Any:
        """A part of evaluation.json, None where it is empty or missing."""
        return self.evaluation.get(name) or None

    def why_missing(self, name: str) -> str | None:
        """Why a part was not computed, None where nothing is said about it."""
        return (self.evaluation.get("not_computed") or {}).get(name)

    @cached_property
    def title(self) -> str:
        return (self.part("source") or {}).get("name") or self.name

    @cached_property
    def class_scores(self) -> tuple[list[str], np.ndarray, np.ndarray] | None:
        """Names [C], truth [N, C] and probabilities [N, C] of the positive class, each class or target."""
        frame = self.predictions
        names = self.targets if self.task == "multilabel" else self.classes
        names = names[-1:] if self.task == "binary" else names
        wanted = [f"probability_{each}" for each in names]
        if frame is None or not frame.height or not names or not set(wanted) <= set(frame.columns):
            return None
        scores = _floats(frame, wanted)
        if self.task == "multilabel":
            truth = [frame[each].str.to_lowercase().is_in(TRUE_WORDS).to_numpy() for each in names]
        else:
            truth = [(frame[self.targets[0]] == each).fill_null(value=False).to_numpy() for each in names]
        known = np.isfinite(scores).all(axis=1)
        return names, np.column_stack(truth)[known], scores[known]

    @cached_property
    def regressions(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """{target: (true [N], predicted [N])} where both are there."""
        if self.task != "regression" or self.predictions is None:
            return {}
        pairs = {}
        for target in self.targets:
            wanted = [target, f"{target}_predicted"]
            if set(wanted) <= set(self.predictions.columns):
                values = _floats(self.predictions, wanted)
                values = values[np.isfinite(values).all(axis=1)]
                if len(values):
                    pairs[target] = (values[:, 0], values[:, 1])
        return pairs


def _by_hand(evaluation: dict[str, Any]) -> bool:
    return bool((evaluation.get("network") or {}).get("settings"))


def _floats(frame: pl.DataFrame, columns: list[str]) -> np.ndarray:
    import polars as pl

    return frame.select(pl.col(columns).cast(pl.Float64, strict=False)).to_numpy().astype(np.float64)


def _json(path: Path, kind: type[Any]) -> Any:
    if not path.is_file():
        return kind()
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError("the file is damaged", where=str(path), hint=str(error)) from None
    if not isinstance(value, kind):
        raise InputError("the file does not hold what it should", where=str(path))
    return value


def _csv(path: Path, *, as_text: bool = False) -> pl.DataFrame | None:
    import polars as pl

    if not path.is_file() or not path.stat().st_size:
        return None
    try:
        # Text stays text: a class called 01 is not the number 1.
        return pl.read_csv(path, infer_schema=not as_text, infer_schema_length=None)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        raise InputError("the file is damaged", where=str(path), hint=str(error).splitlines()[0]) from None
