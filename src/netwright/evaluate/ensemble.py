"""How much each member of an ensemble counts."""

from __future__ import annotations

import numpy as np

from netwright.data.schema import Task

ROUNDS = 50


def greedy_weights(
    task: Task,
    target: np.ndarray,
    outputs: np.ndarray,
    weight: np.ndarray | None = None,
    rounds: int = ROUNDS,
) -> list[float]:
    """Weights of members by greedy selection with replacement: again and again the member is added with which
    the average of all that were chosen is best, and the best average on the way is kept.

    The best single member and the average of all are candidates too, so that on these rows the result is no
    worse than either.

    Arguments:
        task: log loss counts for classes and labels, the squared error in units of each target's variance for
            numbers.
        target: as for `score`; rows of unknown classes and unknown labels or numbers are left out.
            [N], [N, L] or [N, T]
        outputs: of the members, on rows that they were not trained on: validation rows, or out of fold.
            [M, N, C]
        weight: the rows' weights; all alike unless given. [N]
        rounds: how many members are added.

    Returns:
        M numbers of at least 0 whose sum is 1.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes 2004, "Ensemble selection from libraries of models".

    Example:
        >>> good, bad = np.array([[0.1, 0.9]]), np.array([[0.9, 0.1]])
        >>> greedy_weights("binary", np.array([1]), np.stack([good, bad]))
        [1.0, 0.0]
    """
    members = len(outputs)
    loss = _loss(task, target, weight, outputs.shape[2])
    counts = np.zeros(members, dtype=np.int64)
    total = np.zeros(outputs.shape[1:], dtype=np.float64)
    best, kept = loss(outputs.mean(0, dtype=np.float64)), np.ones(members, dtype=np.int64)
    for size in range(1, rounds + 1):
        losses = [loss((total + each) / size) for each in outputs]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total += outputs[chosen]
        if losses[chosen] < best - 1e-9 * abs(best):  # more than rounding
            best, kept = losses[chosen], counts.copy()
    return (kept / kept.sum()).tolist()


def _loss(task: Task, target: np.ndarray, weight: np.ndarray | None, outputs: int):
    """A function from averaged outputs [N, C] to the loss."""
    weight = np.ones(len(target)) if weight is None else np.asarray(weight, dtype=np.float64)
    tiny = np.finfo(np.float32).eps
    if task in ("binary", "multiclass"):
        known = np.flatnonzero(target >= 0)
        codes, share = target[known], weight[known]
        return lambda output: -float(share @ np.log(np.clip(output[known, codes], tiny, 1.0)))
    target = np.asarray(target, dtype=np.float64).reshape(len(target), outputs)
    known = np.isfinite(target)
    share = weight[:, None] * known
    truth = np.where(known, target, 0.0)
    if task == "multilabel":
        return lambda output: (
            -float((share * np.log(np.clip(np.where(truth > 0.5, output, 1.0 - output), tiny, 1.0))).sum())
        )
    mean = (share * truth).sum(0) / share.sum(0)
    spread = (share * (truth - mean) ** 2).sum(0)
    scale = share / np.where(spread > 0, spread, 1.0)
    return lambda output: float((scale * (truth - output) ** 2).sum())
