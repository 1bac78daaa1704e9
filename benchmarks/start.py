"""How long a user waits: `netwright --help`, and a small training from start to report.

python benchmarks/start.py DATA
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median


def seconds(arguments: list[str], runs: int) -> list[float]:
    found = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as out:
            began = time.monotonic()
            command = [
                sys.executable,
                "-m",
                "netwright",
                *(part.replace("OUT", f"{out}/run") for part in arguments),
            ]
            subprocess.run(command, check=True, capture_output=True, cwd=out)
            found.append(time.monotonic() - began)
    return found


def main() -> None:
    titanic = str(Path(sys.argv[1]).absolute() / "titanic/train.csv")
    for name, arguments, runs in (
        ("--help", ["--help"], 9),
        ("titanic", ["train", titanic, "--target", "Survived", "--out", "OUT"], 5),
        ("demo", ["demo"], 3),
    ):
        found = seconds(arguments, runs)
        print(f"{name:10s} median {median(found):.2f} s, {min(found):.2f} to {max(found):.2f}")


if __name__ == "__main__":
    main()
