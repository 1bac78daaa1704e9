"""Whether predicted probabilities are as often right as they say."""

from __future__ import annotations

import numpy as np

BINS = 15


def bin_of(probability: np.ndarray, bins: int) -> np.ndarray:
    """Which of `bins` equal-width bins of [0, 1] each probability falls into; 1.0 falls into the last."""
    return np.minimum((probability * bins).astype(np.int64), bins - 1)


def expected_calibration_error(target: np.ndarray, output: np.ndarray, bins: int = BINS) -> float | None:
    """Mean distance between the confidence in the predicted class and how often that class is right.

    Arguments:
        target: codes of the true classes, -1 for a class that the network does not know. [N]
        output: probabilities. [N, C]
        bins: number of equal-width bins of the confidence.

    Returns:
        The distance, weighted by the bins' rows, in [0, 1]; None without rows.

    Source: Guo et al. 2017, "On calibration of modern neural networks", arXiv 1706.04599.

    Example:
        >>> round(expected_calibration_error(np.array([1, 0]), np.array([[0.2, 0.8], [0.2, 0.8]])), 6)
        0.3
    """
    if len(target) == 0:
        return None
    excess, place = confidence_excess(target, output, bins)
    return float(np.abs(np.bincount(place, excess)).sum() / len(target))


def confidence_excess(target: np.ndarray, output: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidence minus rightness of each row's predicted class, and the bin of the confidence. [N], [N]"""
    confidence = output.max(axis=1)
    return confidence - (output.argmax(axis=1) == target), bin_of(confidence, bins)


def reliability(target: np.ndarray, output: np.ndarray, bins: int = 10) -> list[dict[str, float]]:
    """The points of a reliability diagram.

    With two classes the probability of the positive (last) one is compared with its share of the rows;
    with more, the confidence in the predicted class with how often it is right.

    Arguments:
        target: codes of the true classes, -1 for a class that the network does not know. [N]
        output: probabilities. [N, C]
        bins: number of equal-width bins.

    Returns:
        For each bin that holds rows: low and high (its edges), confidence (mean), observed (share), rows.

    Example:
        >>> reliability(np.array([1, 1]), np.array([[0.25, 0.75], [0.25, 0.75]]), bins=2)
        [{'low': 0.5, 'high': 1.0, 'confidence': 0.75, 'observed': 1.0, 'rows': 2}]
    """
    if output.shape[1] == 2:
        confidence, right = output[:, 1].astype(np.float64), target == 1
    else:
        confidence, right = output.max(axis=1).astype(np.float64), output.argmax(axis=1) == target
    place = bin_of(confidence, bins)
    rows = np.bincount(place, minlength=bins)
    sums = np.bincount(place, confidence, bins)
    hits = np.bincount(place, right, bins)
    return [
        {
            "low": each / bins,
            "high": (each + 1) / bins,
            "confidence": float(sums[each] / rows[each]),
            "observed": float(hits[each] / rows[each]),
            "rows": int(rows[each]),
        }
        for each in np.flatnonzero(rows).tolist()
    ]
