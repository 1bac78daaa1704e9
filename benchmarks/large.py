"""A table of 494,021 rows and 42 columns without header, at effort quick: seconds and peak memory.

python benchmarks/large.py DATA
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scores import run


def main() -> None:
    data = Path(sys.argv[1]) / "kddcup99_10pct/kddcup.data_10_percent.gz"
    with tempfile.TemporaryDirectory() as out:
        arguments = ["train", str(data), "--target", "-1", "--effort", "quick", "--out"]
        began = time.monotonic()
        command = [sys.executable, "-m", "netwright", *arguments, f"{out}/one"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if line.strip().startswith("epoch 1/") or line.strip() == "training":
                    print(f"{time.monotonic() - began:6.1f} s  {line.strip()}")
                    break
            process.kill()
        result, seconds, memory = run([*arguments, f"{out}/two"])
        metrics = result["metrics"]
        print(f"whole process {seconds:.1f} s, peak memory {memory:.2f} GB; stages {metrics['seconds']}")
        linear = metrics["baseline"]["linear"]
        print(f"test accuracy {metrics['test']['accuracy']:.5f}, linear {linear['accuracy']:.5f}")


if __name__ == "__main__":
    main()
