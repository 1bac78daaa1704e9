"""Whole `netwright train` processes, with no option but target and split column, over seeds.

    python benchmarks/scores.py DATA --tables adult,california --seeds 0,1,2
    python benchmarks/scores.py DATA --tables adult,california --seeds 0,1,2 --minutes 10  # of `tune`

For each table: the headline metric on the test rows for each seed and their mean, the linear baseline's, the
interval of the margin to it, whole-process seconds and where they go, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

from tables import TABLES


def run(arguments: list[str]) -> tuple[dict, float, float]:
    """The JSON object that the command prints, its wall seconds and its peak memory in GB."""
    began = time.monotonic()
    command = [sys.executable, "-m", "netwright", *arguments, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed: {printed.decode()}")
    return json.loads(printed), time.monotonic() - began, usage.ru_maxrss / 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--tables", default=",".join(TABLES))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--minutes", type=float, help="search so long with `netwright tune`")
    parser.add_argument("--set", action="append", default=[], help="a config key to try, KEY=VALUE")
    options = parser.parse_args()
    for table in options.tables.split(","):
        bench = TABLES[table]
        found = []
        for seed in options.seeds.split(","):
            with tempfile.TemporaryDirectory() as out:
                arguments = [
                    "tune" if options.minutes else "train",
                    str(options.data / bench.path),
                    "--target",
                    bench.target,
                    "--out",
                    f"{out}/run",
                ]
                for name, value in bench.settings.items():
                    arguments += [f"--{name.replace('_', '-')}", value]
                if options.minutes:
                    arguments += ["--time-limit", str(60 * options.minutes)]
                for change in options.set:
                    arguments += ["--set", change]
                result, seconds, memory = run([*arguments, "--seed", seed])
                metrics = result["metrics"]
                metric = "rmse" if metrics["task"] == "regression" else "accuracy"
                score, linear = metrics["test"][metric], metrics["baseline"]["linear"][metric]
                validation = metrics["validation"][metric]
                found.append((score, linear, seconds))
                spent = " ".join(f"{stage} {value:.1f}" for stage, value in metrics["seconds"].items())
                low, high = metrics["margin"]["linear"] or (float("nan"), float("nan"))
                print(
                    f"{table:15s} seed {seed}: test {metric} {score:.4f} (validation {validation:.4f}), "
                    f"linear {linear:.4f}, margin {low:.4g} to {high:.4g}, "
                    f"{seconds:.1f} s ({spent}), {memory:.2f} GB",
                    flush=True,
                )
        score, linear, seconds = (mean(values) for values in zip(*found, strict=True))
        print(f"{table:15s} mean: {score:.4f}, linear {linear:.4f}, {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
