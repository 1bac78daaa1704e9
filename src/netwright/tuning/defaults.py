"""The space that is searched where the user gives none.

Rate, decay and dropout may differ between networks that are trained as one program, so they are searched at
every effort, and alone at the normal one; what changes a network's shape has few values, so that trials share
their shapes. The ranges are
those that RealMLP (arXiv 2407.04491, table B.3) and TabM (arXiv 2410.24210, appendix D) were tuned in, around
the values that `pipeline/resolve.py` takes.
"""

from __future__ import annotations

from typing import Any

from netwright.config import Config
from netwright.data.schema import Schema

FEW_ROWS = 2_000


def default_space(config: Config, schema: Schema, rows: int) -> dict[str, Any]:
    """What is searched by default, as it would be written in YAML.

    Arguments:
        config: resolved; what the user set in it by hand stays in the space, as the first trial.
        schema: what the columns are.
        rows: number of training rows.
    """
    network, training = config.network, config.training
    rate = float(training.learning_rate)
    space: dict[str, Any] = {
        "training.learning_rate": {"low": rate / 10, "high": rate * 5, "log": True},
        "training.weight_decay": {"low": 1e-5, "high": 0.1, "log": True},
    }
    if network.kind == "layers":
        return space
    space["network.dropout"] = {"low": 0.0, "high": 0.5}
    if training.effort == "quick":
        return space
    if training.effort == "normal":
        return space  # networks of one shape: they train as one program, and the best can be averaged
    few = rows < FEW_ROWS
    space["network.depth"] = [1, 2, 3]
    space["network.width"] = [64, 128] if few else [128, 256, 384]
    numbers = len(schema.of_kind("number"))
    space["training.beta2"] = [0.95, 0.999]
    space["network.activation"] = ["relu", "silu", "mish"]
    if schema.target.task in ("binary", "multiclass"):
        space["training.label_smoothing"] = [0.0, 0.05, 0.1]
    if numbers and config.inputs.number.embedding == "piecewise":
        bins = int(config.inputs.number.bins)
        space["inputs.number.bins"] = sorted({max(4, bins // 2), bins, min(256, bins * 2)})
        space["inputs.number.size"] = [8, 16, 24]
    if network.kind == "tabm":
        space["network.heads"] = sorted({8, 16, int(network.heads)})
    size = int(training.batch_size)
    space["training.batch_size"] = sorted({max(16, size // 2), size, size * 2})
    return space
