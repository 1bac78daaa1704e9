"""Equal rows become one that counts as often as they did, in an order that is the rows' own.

So a fit depends on nothing but which rows there are and how much they weigh: a row of weight 2 is that row
twice to the last bit, a row of weight 0 is not there, and the order of the rows does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from netwright.nn.weighted import as_counts

MOST_REPEATED = 1_000_000  # rows, repeated as often as they count, up to which an epoch is one over all


@dataclass(frozen=True)
class Rows:
    """Rows that differ from each other, in ascending order.

    Arguments:
        frame: the inputs. [N]
        target: [N] or [N, T]
        counts: how often each counts; whole numbers, or of mean 1. [N] float64
    """

    frame: pl.DataFrame
    target: np.ndarray
    counts: np.ndarray

    def __len__(self) -> int:
        return len(self.counts)

    @property
    def total(self) -> int:
        """How many rows there would be if each stood as often as it counts."""
        return max(1, round(float(self.counts.sum())))

    @property
    def repeats(self) -> bool:
        """Whether rows are trained on as often as they count; else the loss weighs them."""
        return self.total <= MOST_REPEATED and bool((self.counts == np.floor(self.counts)).all())

    def numbers(self, of: np.ndarray) -> np.ndarray:
        """Row numbers of one epoch over the rows `of`. int64"""
        return np.repeat(of, self.counts[of].astype(np.int64)) if self.repeats else of

    @property
    def weights(self) -> np.ndarray:
        """What the loss weighs each row by. [N] float32"""
        return (np.ones(len(self)) if self.repeats else self.counts).astype(np.float32)


def merge(frame: pl.DataFrame, target: np.ndarray, weight: np.ndarray) -> Rows:
    """Rows without their repetitions.

    Arguments:
        frame: the inputs. [N]
        target: numbers or codes. [N] or [N, T]
        weight: at least 0, not all 0. [N]

    Example:
        >>> frame = pl.DataFrame({"x": [2.0, 1.0, 2.0, 3.0]})
        >>> rows = merge(frame, np.array([1, 0, 1, 1]), np.array([1.0, 1.0, 2.0, 0.0]))
        >>> rows.frame["x"].to_list(), rows.target.tolist(), rows.counts.tolist()
        ([1.0, 2.0], [0, 1], [1.0, 3.0])
    """
    inputs = frame.columns
    targets = pl.DataFrame(target.reshape(len(target), -1), schema=[f"y{n}" for n in range(_width(target))])
    keys = [f"x{place}" for place in range(len(inputs))] + targets.columns
    joined = pl.DataFrame(
        [*frame.rename(dict(zip(inputs, keys, strict=False))), *targets, pl.Series("weight", weight)]
    )
    # Equal rows of different weights are added in ascending order, for the sum's last bit.
    ordered = joined.filter(pl.col("weight") > 0).sort([*keys, "weight"])
    merged = ordered.group_by(keys, maintain_order=True).agg(pl.col("weight").sum())
    found = merged.select(targets.columns).to_numpy()
    total = merged["weight"].to_torch()
    counts = as_counts(total)
    return Rows(
        merged.select(keys[: len(inputs)]).rename(dict(zip(keys, inputs, strict=False))),
        found[:, 0] if target.ndim == 1 else found,
        np.ones(len(total)) if counts is None else counts.numpy(),
    )


def _width(target: np.ndarray) -> int:
    return 1 if target.ndim == 1 else target.shape[1]
