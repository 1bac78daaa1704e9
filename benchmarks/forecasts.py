"""Scaled MSE of ETTh1, 96 steps ahead from 96, all seven columns, by the published borders.

python benchmarks/forecasts.py ETTh1.csv [--networks auto nlinear dlinear patch gru] [--threads 2]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

import netwright as nw

BORDERS = {"train": 8640, "validation": 11520, "test": 14400}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--networks", nargs="+", default=["auto"])
    parser.add_argument("--threads", type=int, default=None)
    options = parser.parse_args()
    frame = pl.read_csv(options.data)
    targets = [name for name in frame.columns if name != "date"]
    part = np.full(frame.height, "ignore", dtype=object)
    begin = 0
    for name, end in BORDERS.items():
        part[begin:end], begin = name, end
    frame = frame.with_columns(pl.Series("part", part.tolist(), dtype=pl.String))
    for network in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            wall, cpu = time.monotonic(), time.process_time()
            run = nw.train(
                *(frame, targets),
                time="date",
                split_column="part",
                horizon=96,
                lookback=96,
                forecast__network=network,
                training__threads=options.threads,
                out=Path(folder) / "run",
                progress=False,
            )
            wall, cpu = time.monotonic() - wall, time.process_time() - cpu
            naive = run.metrics["baseline"]["seasonal_naive"]["mse_scaled"]
            score = run.metrics["test"]["mse_scaled"]
            print(f"{network:<8} {score:.4f}  seasonal-naive {naive:.4f}  {wall:.0f} s, {cpu:.0f} s of CPU")


if __name__ == "__main__":
    main()
