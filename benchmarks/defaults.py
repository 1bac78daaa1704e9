"""Measures candidate defaults on VALIDATION rows; the test rows are never scored.

    python benchmarks/defaults.py DATA --tables titanic,heart --seeds 0,1,2 \
        base  "small=network.width=64,training.epochs=30"

Each candidate is a name and config keys. For each table and candidate: the mean over seeds (split and
weights) of the best epoch's validation loss and metric, of seconds and of the best epoch.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from statistics import mean

import torch

from netwright.api import make_config
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch
from tables import TABLES


def measure(table: str, data: Path, changes: list[str], seed: int) -> dict[str, float]:
    """Validation scores of one training."""
    bench = TABLES[table]
    config = make_config(bench.target, None, {**bench.settings, "seed": seed}).with_values(changes)
    prepared = prepare(config, data / bench.path, Watch())
    config, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    began = time.monotonic()
    _, history, _ = fit(prepared, config, prepared.dataset().to(device), (), None)
    seconds = time.monotonic() - began
    best = history.best_epoch[0]
    row = next(row for row in history.rows if row["member"] == 0 and row["epoch"] == best)
    scores = {
        name.removeprefix("validation_"): value
        for name, value in row.items()
        if name.startswith("validation_")
    }
    return scores | {"seconds": seconds, "best": best, "epochs": history.epochs}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("candidates", nargs="+", help="NAME or NAME=key=value,key=value")
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for table in options.tables.split(","):
        for candidate in options.candidates:
            name, _, text = candidate.partition("=")
            changes = text.split(",") if text else []
            found = [measure(table, options.data, changes, int(seed)) for seed in options.seeds.split(",")]
            means = {key: mean(each[key] for each in found) for key in found[0]}
            figures = "  ".join(f"{key} {value:.4f}" for key, value in means.items())
            print(f"{table:15s} {name:22s} {figures}", flush=True)


if __name__ == "__main__":
    main()
