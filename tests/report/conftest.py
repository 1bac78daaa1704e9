"""Run folders as a training leaves them, with generated contents."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from netwright.config import Config

FINDINGS = [
    {
        "id": "rare_values",
        "severity": "note",
        "columns": ["native-country"],
        "rows": 41,
        "message": "native-country has 12 values with fewer than 5 rows each.",
        "action": "They share one place with unseen values.",
        "examples": [3, 9],
    },
    {
        "id": "leak",
        "severity": "error",
        "columns": ["alive"],
        "rows": None,
        "message": "alive gives the target away: it alone predicts every row.",
        "action": "Drop it: data.clean.drop_columns: [alive].",
        "examples": [],
    },
    {
        "id": "duplicate_rows",
        "severity": "warning",
        "columns": [],
        "rows": 1071,
        "message": "1,071 rows are equal to another one <b>.",
        "action": "Equal rows were kept on one side of the split.",
        "examples": [1],
    },
]


def write_folder(folder: Path, files: dict[str, Any]) -> Path:
    """A folder of the given files: texts, frames, or what becomes JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if isinstance(content, pl.DataFrame):
            content.write_csv(folder / name)
        elif isinstance(content, Config):
            (folder / name).write_text(content.to_yaml(), encoding="utf-8")
        elif isinstance(content, str):
            (folder / name).write_text(content, encoding="utf-8")
        else:
            (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return folder


def make_files(
    task: str = "binary",
    *,
    classes: int = 2,
    targets: int = 1,
    columns: int = 14,
    members: int = 1,
    rows: int = 1500,
    epochs: int = 30,
    class_names: list[str] | None = None,
    column_names: list[str] | None = None,
) -> dict[str, Any]:
    """The files of a run of the task, as `write_folder` takes them."""
    generator = np.random.default_rng(7)
    target = [f"target{place}" for place in range(targets)] if targets > 1 else ["income"]
    names = class_names or ["<=50K", ">50K"] if classes == 2 else class_names or _attacks(classes)
    names = [] if task in ("regression", "multilabel") else names
    features = column_names or [f"column_{place}_of_the_table"[: 8 + place % 18] for place in range(columns)]
    headline = {"regression": "rmse", "multilabel": "f1"}.get(task, "accuracy")
    predictions, confusion = _predictions(task, target, names, rows, generator)
    metrics = _metrics(task, target, names, rows, members)
    config = Config.parse({"data": {"path": "adult.csv.gz", "target": target, "sensitive": ["sex"]}})
    return {
        "config.yaml": config,
        "metrics.json": metrics,
        "findings.json": FINDINGS,
        "history.csv": _history(headline, members, epochs, generator),
        "predictions.csv": predictions,
        "evaluation.json": {
            **_evaluation(features, members, epochs, headline),
            "confusion": {"classes": names, "counts": confusion.tolist()} if names else None,
            "reliability": _reliability(generator) if names else None,
            "fairness": _fairness() if task == "binary" else {},
        },
    }


def _attacks(count: int) -> list[str]:
    known = [
        "normal.",
        "buffer_overflow.",
        "loadmodule.",
        "warezclient.",
        "guess_passwd.",
        "smurf.",
        "neptune.",
    ]
    return (known + [f"attack_{place}." for place in range(count)])[:count]


def _predictions(
    task: str, target: list[str], names: list[str], rows: int, generator: np.random.Generator
) -> tuple[pl.DataFrame, np.ndarray]:
    frame: dict[str, Any] = {"row": np.arange(rows)}
    if task == "regression":
        truth = {each: generator.lognormal(12, 0.4, rows) for each in target}
        frame |= truth
        frame |= {f"{each}_predicted": truth[each] * generator.normal(1, 0.12, rows) for each in target}
        return pl.DataFrame(frame), np.zeros((0, 0), int)
    if task == "multilabel":
        chance = {each: generator.random(rows) for each in target}
        frame |= {each: (chance[each] > generator.random(rows)).astype(int) for each in target}
        frame |= {f"{each}_predicted": (chance[each] > 0.5).astype(int) for each in target}
        return pl.DataFrame(frame | {f"probability_{each}": chance[each] for each in target}), np.zeros(
            (0, 0), int
        )
    weights = 1.0 / np.arange(1, len(names) + 1)
    truth = generator.choice(len(names), rows, p=weights / weights.sum())
    logits = generator.normal(0, 1, (rows, len(names)))
    logits[np.arange(rows), truth] += 1.9
    chance = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    guessed = chance.argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), int)
    np.add.at(confusion, (truth, guessed), 1)
    frame |= {target[0]: [names[place] for place in truth]}
    frame |= {f"{target[0]}_predicted": [names[place] for place in guessed]}
    frame |= {f"probability_{name}": chance[:, place] for place, name in enumerate(names)}
    return pl.DataFrame(frame), confusion


def _metrics(task: str, target: list[str], names: list[str], rows: int, members: int) -> dict[str, Any]:
    if task == "regression":
        test = {
            "r2": 0.845,
            "mse": 0.187,
            "rmse": 0.4329,
            "mae": 0.291,
            "median_absolute_error": 0.2,
            "mape": None,
        }
        interval = {"rmse": [0.412, 0.455], "r2": [0.83, 0.86]}
        worse = 1.6
    else:
        test = {
            "accuracy": 0.8674,
            "balanced_accuracy": 0.79,
            "precision": 0.78,
            "recall": 0.66,
            "f1": 0.7153,
        }
        test |= {"f1_weighted": 0.861, "roc_auc": 0.9211, "average_precision": 0.81, "log_loss": 0.29}
        test |= {"brier": 0.092, "ece": 0.0123}
        interval = {"accuracy": [0.8622, 0.8725], "f1": [0.7, 0.73], "roc_auc": [0.91, 0.93]}
        worse = 0.98
    each = {"precision": 0.8, "recall": 0.7, "f1": 0.75, "support": 120, "roc_auc": 0.93}
    per_class = dict.fromkeys(names, each)
    if task == "multilabel":
        per_class = dict.fromkeys(target, each)
    scaled = {name: value and value * worse for name, value in test.items()}
    return {
        "version": 1,
        "task": task,
        "target": target,
        "positive": names[-1] if task == "binary" else None,
        "classes": names,
        "rows": {"train": 26048, "validation": 6513, "test": rows},
        "train": {name: value and value * 1.02 for name, value in test.items()},
        "validation": {name: value and value * 1.001 for name, value in test.items()},
        "test": test,
        "intervals": interval,
        "per_class": per_class,
        "baseline": {
            "constant": test | {"accuracy": 0.7638},
            "linear": scaled,
        },
        "margin": {"constant": [0.098, 0.109], "linear": [0.013, 0.022]},
        "seconds": {"read": 0.4, "fit": 48.2, "evaluate": 3.9, "report": None, "total": 55.0},
        "parameters": 184_322,
        "members": members,
        "device": "cpu",
        "precision": "float32",
        "versions": {"netwright": "0.1.0", "python": "3.11.9", "torch": "2.13.0+cpu", "numpy": "2.4.6"},
    }


def _history(metric: str, members: int, epochs: int, generator: np.random.Generator) -> pl.DataFrame:
    rows = []
    for member in range(members):
        for epoch in range(1, epochs - 2 * member + 1):
            loss = 0.3 + 0.4 / epoch
            rows.append(
                {
                    "member": member,
                    "epoch": epoch,
                    "step": epoch * 102,
                    "seconds": epoch * 1.5,
                    "learning_rate": 0.002 * np.cos(epoch / epochs * 1.5),
                    "train_loss": loss + generator.normal(0, 0.006),
                    "validation_loss": loss + 0.02 + 0.0009 * epoch + generator.normal(0, 0.008),
                    f"validation_{metric}": 0.868 - 0.1 / epoch + generator.normal(0, 0.002),
                }
            )
    return pl.DataFrame(rows)


def _reliability(generator: np.random.Generator) -> list[dict[str, Any]]:
    bins = []
    for low in np.linspace(0.5, 0.95, 10).tolist():
        empty = low < 0.51
        middle = low + 0.025
        bins.append(
            {
                "low": low,
                "high": low + 0.05,
                "confidence": None if empty else middle,
                "observed": None if empty else float(np.clip(middle + generator.normal(0, 0.02), 0, 1)),
                "rows": 0 if empty else int(3000 * low**4),
            }
        )
    return bins


def _fairness() -> dict[str, Any]:
    rates = {
        "positive_rate": 0.3,
        "selection_rate": 0.27,
        "true_positive_rate": 0.66,
        "false_positive_rate": None,
    }
    return {
        "sex": {
            "groups": [{"group": "Female", "rows": 5421, **rates}, {"group": "Male", "rows": 10860, **rates}],
            "gaps": {
                "demographic_parity": {"value": 0.17, "low_group": "Female", "high_group": "Male"},
                "equal_opportunity": {"value": None, "low_group": None, "high_group": None},
            },
        }
    }


def _evaluation(features: list[str], members: int, epochs: int, headline: str) -> dict[str, Any]:
    kinds = ["number", "category", "boolean", "date", "text"]
    return {
        "version": 1,
        "source": {
            "name": "adult",
            "source": "adult.csv.gz",
            "rows": 48842,
            "how": {
                "format": "csv",
                "separator": ",",
                "encoding": "utf-8",
                "header": True,
                "missing": ["?", ""],
            },
        },
        "columns": [
            {
                "name": name,
                "kind": kinds[place % 5],
                "reason": "text of 9 values in 26,048 rows",
                "missing": 0.0566 if place % 4 == 1 else 0.0,
                "values": 9 + place,
                "summary": "Private 69.7 %, Self-emp-not-inc 7.9 %, Local-gov 6.4 %",
            }
            for place, name in enumerate(features)
        ],
        "split": {
            "method": "column",
            "given": True,
            "note": "The column split says which rows are which.",
            "rows": {"train": 26048, "validation": 6513, "test": 16281, "ignored": 0},
        },
        "network": {
            "kind": "tabm",
            "lines": ["numbers      [6] -> [6, 16]      piecewise-linear, 45 bins   4,416", "trunk  2 x 256"],
            "parameters": 184_322,
            "members": members,
            "best_epoch": [max(1, 21 - 3 * member) for member in range(members)],
            "epochs": epochs,
            "stopped": "early stopping",
        },
        "headline": headline,
        "importance": {
            "metric": "log_loss",
            "rows": 2000,
            "columns": [
                {"name": name, "drop": 0.21 / (1 + place) - 0.004, "deviation": 0.004}
                for place, name in enumerate(features)
            ],
        },
        "slices": [
            {
                "description": "age <= 25 and sex = Male",
                "rows": 312,
                "score": 0.71,
                "overall": 0.867,
                "p_value": 1e-9,
            },
            {
                "description": "workclass = Self-emp-inc",
                "rows": 120,
                "score": 0.74,
                "overall": 0.867,
                "p_value": 0.03,
            },
        ],
        "slices_metric": headline,
        "baseline_note": "The linear model was fitted on 20,000 of 26,048 rows.",
        "not_computed": {},
    }


@pytest.fixture
def run_files() -> Callable[..., dict[str, Any]]:
    """Makes the files of a run."""
    return make_files


@pytest.fixture
def write() -> Callable[[Path, dict[str, Any]], Path]:
    """Writes files into a folder."""
    return write_folder
