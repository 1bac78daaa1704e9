"""Cases of plain arrays without a network, for checks of data."""

from typing import Any

import numpy as np
import torch

from netwright.doctor.case import Case, Plan, Rows, flat_features, task_of

Part = tuple[np.ndarray, np.ndarray]


def rows_of(x: np.ndarray, y: np.ndarray) -> Rows:
    target = torch.as_tensor(y)
    target = target.float()[:, None] if target.is_floating_point() else target.long()
    return Rows({"x": torch.as_tensor(x).float()}, target, torch.ones(len(x)), torch.arange(len(x)))


def case_of_parts(parts: dict[str, Part], notes: dict[str, Any] | None = None) -> Case:
    """A case of one to three parts, by name."""
    rows = {name: rows_of(*each) for name, each in parts.items()}
    whole = np.concatenate([y for _, y in parts.values()])
    columns = 1 if whole.dtype.kind == "f" else max(2, int(whole.max()) + 1)
    task, classes = task_of(rows["train"].target, columns)
    nothing: Any = None
    return Case(
        nothing,
        rows["train"],
        rows.get("validation"),
        rows.get("test"),
        {name: len(each) for name, each in rows.items()},
        nothing,
        Plan("adam", 0.01, None, None, 32, 10),
        flat_features,
        None,
        task,
        classes,
        notes=notes or {},
    )


def parted(x: np.ndarray, y: np.ndarray, seed: int = 0) -> dict[str, Part]:
    """60, 20 and 20 % of the rows."""
    order = np.random.default_rng(seed).permutation(len(x))
    ends = [0, int(0.6 * len(x)), int(0.8 * len(x)), len(x)]
    names = ("train", "validation", "test")
    return {
        name: (x[order[a:b]], y[order[a:b]]) for name, a, b in zip(names, ends[:-1], ends[1:], strict=True)
    }


def bundled(name: str) -> Part:
    """A data set of scikit-learn, standardised."""
    from sklearn import datasets

    found = getattr(datasets, f"load_{name}")()
    x = (found.data - found.data.mean(0)) / (found.data.std(0) + 1e-9)
    y = found.target
    return x, (y - y.mean()) / y.std() if name == "diabetes" else y.astype(np.int64)
