"""How groups of people fare, and weights that make a target independent of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from netwright.data.schema import Task
from netwright.errors import InputError
from netwright.evaluate.calibration import expected_calibration_error
from netwright.evaluate.scorers import decided

FEWEST_ROWS = 20
MISSING = "(missing)"

Rates = dict[str, float | None]


def by_group(
    task: Task, groups: pl.Series, target: np.ndarray, output: np.ndarray, threshold: float = 0.5
) -> dict[str, Any]:
    """Rates of each group and the gaps between groups.

    Arguments:
        task: binary, multiclass, multilabel or regression.
        groups: each row's group; missing ones are a group of their own. [N]
        target: as for `score`; the positive class of a binary task is code 1. [N], [N, L] or [N, T]
        output, threshold: as for `score`.

    Returns:
        {"groups": [{"group", "rows", rate...}], "gaps": {name: {"value", "low_group", "high_group"}}}.
        Binary rates: positive_rate (of the labels), selection_rate (predicted positive), accuracy,
        true_positive_rate, false_positive_rate, calibration (mean predicted minus observed), ece.
        Multiclass: accuracy, ece; multilabel: accuracy (share of labels right); regression: mean_error
        (predicted minus true), mae. None where a rate cannot be computed. Gaps are highest minus lowest
        (demographic_parity_ratio: lowest over highest) among groups of at least 20 rows; equalized_odds is
        the larger of the gaps in true and false positive rate.

    Source: Hardt, Price and Srebro 2016, "Equality of opportunity in supervised learning", arXiv 1610.02413.

    Example:
        >>> sex = pl.Series(["f"] * 20 + ["m"] * 20)
        >>> output = np.repeat([[0.9, 0.1], [0.1, 0.9]], 20, axis=0)
        >>> by_group("binary", sex, np.ones(40, int), output)["gaps"]["equal_opportunity"]["value"]
        1.0
    """
    names = groups.cast(pl.String).fill_null(MISSING).to_numpy()
    rates = partial(_binary_rates, threshold=threshold) if task == "binary" else _RATES[task]
    found = [
        {"group": str(name), "rows": int(rows.sum()), **rates(target[rows], output[rows])}
        for name in np.unique(names)
        for rows in [names == name]
    ]
    return {"groups": found, "gaps": _gaps([each for each in found if each["rows"] >= FEWEST_ROWS])}


def _share(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None


def _binary_rates(target: np.ndarray, output: np.ndarray, threshold: float = 0.5) -> Rates:
    predicted = decided(output, threshold)
    positive, selected = target == 1, predicted == 1
    return {
        "positive_rate": _share(positive),
        "selection_rate": _share(selected),
        "accuracy": _share(predicted == target),
        "true_positive_rate": _share(selected[positive]),
        "false_positive_rate": _share(selected[~positive]),
        "calibration": _share(output[:, 1] - positive),
        "ece": expected_calibration_error(target, output),
    }


def _class_rates(target: np.ndarray, output: np.ndarray) -> Rates:
    return {
        "accuracy": _share(output.argmax(axis=1) == target),
        "ece": expected_calibration_error(target, output),
    }


def _label_rates(target: np.ndarray, output: np.ndarray) -> Rates:
    known = np.isfinite(target)
    return {"accuracy": _share(((output > 0.5) == (target == 1))[known])}


def _number_rates(target: np.ndarray, output: np.ndarray) -> Rates:
    error = (output - target)[np.isfinite(target)]
    return {"mean_error": _share(error), "mae": _share(np.abs(error))}


_RATES: dict[Task, Callable[[np.ndarray, np.ndarray], Rates]] = {
    "binary": _binary_rates,
    "multiclass": _class_rates,
    "multilabel": _label_rates,
    "regression": _number_rates,
}

_GAPS = {
    "demographic_parity_difference": "selection_rate",
    "equal_opportunity": "true_positive_rate",
    "false_positive_rate": "false_positive_rate",
    "accuracy": "accuracy",
    "calibration": "calibration",
    "mean_error": "mean_error",
    "mae": "mae",
}


def _gaps(groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    gaps: dict[str, dict[str, Any]] = {}
    for name, rate in _GAPS.items():
        known = [each for each in groups if each.get(rate) is not None]
        if len(known) < 2:
            continue
        low, high = (choose(known, key=lambda each: each[rate]) for choose in (min, max))
        ends = {"low_group": low["group"], "high_group": high["group"]}
        gaps[name] = {"value": high[rate] - low[rate], **ends}
        if rate == "selection_rate" and high[rate] > 0:
            gaps["demographic_parity_ratio"] = {"value": low[rate] / high[rate], **ends}
    odds = [gaps[name] for name in ("equal_opportunity", "false_positive_rate") if name in gaps]
    if len(odds) == 2:
        gaps["equalized_odds"] = max(odds, key=lambda gap: gap["value"])
    return gaps


def reweighing(groups: pl.Series, target: np.ndarray) -> np.ndarray:
    """Weights of rows that make target and group independent: P(group) P(class) / P(group, class).

    Arguments:
        groups: each row's group; missing ones are a group of their own. [N]
        target: codes of the classes. [N]

    Returns:
        Weights with mean 1. [N]

    Raises:
        InputError: the target is not one of classes.

    Source: Kamiran and Calders 2012, "Data preprocessing techniques for classification without
    discrimination".

    Example:
        >>> reweighing(pl.Series(["f", "f", "f", "m"]), np.array([0, 1, 1, 1])).round(2).tolist()
        [0.75, 1.12, 1.12, 0.75]
    """
    if target.ndim != 1 or not np.issubdtype(target.dtype, np.integer):
        raise InputError(
            "reweighing needs one target of classes",
            where="training.reweigh",
            hint="set training.reweigh to false",
        )
    group = np.unique(groups.cast(pl.String).fill_null(MISSING).to_numpy(), return_inverse=True)[1]
    label = np.unique(target, return_inverse=True)[1]
    cell = group * (label.max() + 1) + label
    expected = np.bincount(group)[group] * np.bincount(label)[label] / len(target)
    return expected / np.bincount(cell)[cell]
