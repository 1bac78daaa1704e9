"""Pictures, texts, series, sounds and forecasts: each data set by its official split, without options.

python benchmarks/kinds.py DATA [--sets fashion_mnist,sst2] [--seeds 0,1,2]

Each set is one `netwright train` in a process of its own; seconds are those of the whole process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

BORDERS = {"train": 8640, "validation": 11520, "test": 14400}  # of ETTh1
Make = Callable[[Path, Path], list[str]]


def fashion_mnist(data: Path, work: Path) -> list[str]:
    return [str(data / "fashion_mnist")]


def digits(data: Path, work: Path) -> list[str]:
    """75/25 with random_state 42, as scikit-learn's examples split it."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    count = len(load_digits().target)
    _, test = train_test_split(np.arange(count), test_size=0.25, random_state=42)
    bunch = load_digits()
    rows = np.arange(count)
    part = np.where(np.isin(rows, test), "test", "train")
    folder = work / "digits"
    folder.mkdir()
    from PIL import Image

    names = []
    for row, picture in enumerate(np.rint(bunch.images * 255 / 16).astype(np.uint8)):
        names.append(f"digits/{row}.png")
        Image.fromarray(picture).save(work / names[-1])
    table = work / "digits.csv"
    pl.DataFrame({"image": names, "label": bunch.target, "part": part}).write_csv(table)
    return [str(table), "--target", "label", "--split-column", "part"]


def fsdd(data: Path, work: Path) -> list[str]:
    """The digit is the first character of a file's name, its index the last: 0 to 4 are for the test."""
    with zipfile.ZipFile(data / "fsdd" / "recordings.zip") as archive:
        archive.extractall(work)
    files = sorted(path.relative_to(work) for path in work.rglob("*.wav"))
    index = [int(path.stem.split("_")[2]) for path in files]
    table = pl.DataFrame(
        {
            "file": [str(path) for path in files],
            "label": [path.name[0] for path in files],
            "split": ["test" if number < 5 else "train" for number in index],
        }
    )
    table.write_csv(work / "fsdd.csv")
    return [str(work / "fsdd.csv"), "--target", "label", "--split-column", "split"]


def sst2(data: Path, work: Path) -> list[str]:
    train, dev, test = (str(data / "sst2" / f"{name}.tsv") for name in ("train", "dev", "test"))
    reading = ["--set", "data.read.quote=none", "--set", "data.read.header=false"]
    return [train, "--target", "1", "--validation", dev, "--test", test, *reading]


def sms_spam(data: Path, work: Path) -> list[str]:
    return [str(data / "sms_spam" / "sms_spam.csv"), "--target", "0"]


def gun_point(data: Path, work: Path) -> list[str]:
    return [str(data / "ucr_GunPoint")]


def japanese_vowels(data: Path, work: Path) -> list[str]:
    return [str(data / "ucr_JapaneseVowels")]


def hymenoptera(data: Path, work: Path) -> list[str]:
    return [str(next((data / "hymenoptera").glob("*.zip")))]


def etth1(data: Path, work: Path) -> list[str]:
    frame = pl.read_csv(data / "ett" / "ETTh1.csv.gz")
    part = np.full(frame.height, "ignore", dtype=object)
    begin = 0
    for name, end in BORDERS.items():
        part[begin:end], begin = name, end
    frame.with_columns(pl.Series("part", part.tolist(), dtype=pl.String)).write_csv(work / "ETTh1.csv")
    targets = ",".join(name for name in frame.columns if name != "date")
    route = ["--time", "date", "--split-column", "part", "--horizon", "96", "--lookback", "96"]
    return [str(work / "ETTh1.csv"), "--target", targets, *route]


# By name: what is trained, the metric, what is asked of it, and the minutes that it may take.
SETS: dict[str, tuple[Make, str, str, float]] = {
    "fashion_mnist": (fashion_mnist, "accuracy", ">= .930", 8),
    "digits": (digits, "accuracy", ">= .985", 1),
    "fsdd": (fsdd, "accuracy", ">= .97", 6),
    "sst2": (sst2, "accuracy", ">= .815", 3),
    "sms_spam": (sms_spam, "accuracy", ">= .98", 1),
    "ucr_GunPoint": (gun_point, "accuracy", ">= .98", 2),
    "ucr_JapaneseVowels": (japanese_vowels, "accuracy", ">= .975", 2),
    "ETTh1": (etth1, "mse_scaled", "<= .395", 5),
    "hymenoptera": (hymenoptera, "accuracy", "about .70", 6),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--seeds", default="0")
    options = parser.parse_args()
    print(f"{'set':<20}{'seed':>5}{'score':>9}  {'asked':<12}{'seconds':>8}{'allowed':>9}  baselines")
    for name in options.sets.split(","):
        make, metric, asked, minutes = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            arguments = make(options.data, Path(folder))
            for seed in options.seeds.split(","):
                out = Path(folder) / f"run-{seed}"
                command = [sys.executable, "-m", "netwright", "train", *arguments, "--seed", seed]
                began = time.monotonic()
                subprocess.run(
                    [*command, "--out", str(out)],
                    check=True,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                seconds = time.monotonic() - began
                metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
                others = {
                    each: round(scores[metric], 4)
                    for each, scores in metrics["baseline"].items()
                    if scores.get(metric) is not None
                }
                more = f", F1 {metrics['test']['f1']:.4f}" if metrics["task"] == "binary" else ""
                print(
                    f"{name:<20}{seed:>5}{metrics['test'][metric]:>9.4f}  {asked:<12}{seconds:>8.0f}"
                    f"{60 * minutes:>9.0f}  {others}{more}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
