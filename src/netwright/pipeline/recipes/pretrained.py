"""Networks from elsewhere: a head on features that do not change, or a careful training of all.

The values are the usual ones of such trainings (as in arXiv 1810.04805 for texts, 2010.11929 for pictures).
"""

from __future__ import annotations

from typing import Any

from netwright.pipeline.recipes.base import Recipe

HEAD_EPOCHS = {"quick": 20, "normal": 60, "best": 120}
EPOCHS = {"quick": 3, "normal": 8, "best": 20}
FEW = 1_000  # rows below which there are more epochs


def pretrained_recipe(settings: Any, rows: int, effort: str, task: str, *, alone: bool) -> Recipe:
    """How a network with a pretrained one in it is trained.

    Arguments:
        settings: of the column, settled.
        rows: number of training rows.
        effort: quick, normal or best.
        task: as in `Target`.
        alone: whether there is no other column.
    """
    frozen = settings.tune == "frozen"
    epochs = (HEAD_EPOCHS if frozen else EPOCHS)[effort] * (2 if rows < FEW else 1)
    return Recipe(
        epochs=epochs,
        batch_size=64 if frozen and rows > FEW else 16 if rows < 16 * FEW else 32,
        learning_rate=1e-3,
        weight_decay=0.05,
        label_smoothing=0.0 if task == "regression" else 0.05,
        warmup=0.1,
        patience=max(5, epochs // 4) if frozen else 0,
        members=1,
        kind="mlp",
        width=128,
        depth=0 if alone else 1,
        heads=1,
        dropout=0.0 if alone else 0.1,
    )
