"""Runs the benchmark: first which faults hurt, then what detectors say of those and of the healthy set-ups.

    python benchmarks/doctor/run.py --smoke --out results.jsonl
    python benchmarks/doctor/run.py --part dev --jobs 2 --out results.jsonl
    python benchmarks/doctor/run.py --part dev --rivals --plain results.jsonl --out rivals.jsonl
    python benchmarks/doctor/run.py --part sealed --harm --out results.jsonl
    python benchmarks/doctor/run.py --part sealed --sealed --out results.jsonl

Results are lines of JSON; what stands in the file already is not run again. `--harm` measures only which
faults hurt: that needs no detector and may be done for all set-ups. Whoever looks at what detectors say of
the sealed part says so with `--sealed`: it is to be looked at once, when nothing will be changed any more.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from detectors import detectors
from harm import SEEDS, harms
from references import references
from rivals import MISSING, RIVALS
from setups import Setup, setups
from training import fit

WATCHED = 3  # seeds of which detectors are asked
Job = tuple[str, str, int, tuple[str, ...]]
"""kind ("plain" or "watch"), set-up, seed, detectors"""


def work(job: Job) -> dict[str, Any]:
    """One training, as a line of results."""
    kind, name, seed, asked = job
    setup = next(each for each in setups() if each.name == name)
    row: dict[str, Any] = {"kind": kind, "setup": name, "seed": seed}
    training = setup.make(seed)
    if kind == "plain":
        result = fit(training)
        if not setup.fault and (setup.another or setup.name == setup.base):
            row["references"] = {key: round(value, 5) for key, value in references(training).items()}
    else:
        known = detectors()
        made = {each: known[each]() for each in asked}
        watching = [detector.watch(training) for detector in made.values()]
        try:
            result = fit(training, watching)
        except Exception:
            return row | {
                "detectors": {each: {"found": []} for each in asked},
                "error": traceback.format_exc(),
            }
        told = {each: detector.verdict() for each, detector in made.items()}
        row["detectors"] = {
            each: {"found": verdict.found, "seconds": round(verdict.seconds, 3), **verdict.notes}
            for each, verdict in told.items()
        }
    return row | {
        "score": round(result.score, 5),
        "reported": round(result.reported, 5),
        "seconds": round(result.seconds, 3),
        "ended": result.ended,
    }


def start_worker() -> None:
    torch.set_num_threads(1)


def key(row: dict[str, Any]) -> Job:
    return row["kind"], row["setup"], row["seed"], tuple(sorted(row.get("detectors", {})))


def read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Results so far."""
    lines = [line for path in paths if path.exists() for line in path.read_text().splitlines()]
    return [json.loads(line) for line in lines if line.endswith("}")]


def run_all(
    jobs: list[Job],
    out: Path,
    processes: int,
    known: list[dict[str, Any]],
    do: Callable[[Job], dict[str, Any]] = work,
) -> list[dict[str, Any]]:
    """Runs what has not been run, and gives all results; `do` makes a line of them."""
    done = {key(row) for row in known}
    left = [job for job in jobs if job not in done]
    began, found = time.monotonic(), list(known)
    context = get_context("spawn")
    with (
        ProcessPoolExecutor(processes, mp_context=context, initializer=start_worker) as pool,
        out.open("a") as file,
    ):
        waiting = [pool.submit(do, job) for job in left]
        for count, each in enumerate(as_completed(waiting), 1):
            row = each.result()
            found.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            seconds = time.monotonic() - began
            rest = seconds / count * (len(left) - count)
            line = f"{row['kind']} {count}/{len(left)}, {seconds:.0f} s, {rest:.0f} s to go: {row['setup']}"
            print(f"\r{line[:100]:100}", end="", file=sys.stderr, flush=True)
    if left:
        print(file=sys.stderr)
    return found


def smoke() -> list[Setup]:
    """A quick part of the development set-ups: every fourth healthy set-up, and one of each third fault."""
    seen = [each for each in setups() if not each.sealed]
    healthy = [each for each in seen if not each.fault]
    first: dict[str, Setup] = {}
    for each in seen:
        if each.fault:
            first.setdefault(each.fault, each)
    return healthy[::4] + list(first.values())[::3]


def chosen(options: argparse.Namespace) -> list[Setup]:
    """The set-ups that are asked for, and the bases that they are compared with."""
    if options.smoke:
        found = smoke()
    else:
        found = [
            each for each in setups() if options.part == "all" or each.sealed == (options.part == "sealed")
        ]
    if options.only:
        found = [each for each in found if any(part in each.name for part in options.only.split(","))]
    return found


def asked_of(options: argparse.Namespace) -> tuple[str, ...]:
    """The detectors that are to watch, by name."""
    names = set(options.detectors.split(",")) - {""}
    if options.rivals:
        names |= set(RIVALS)
        if MISSING:
            print(f"not installed, and left out: {', '.join(MISSING)} (pip install {' '.join(MISSING)})")
    return tuple(sorted(names or {"doctor"}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true", help="some ten minutes")
    parser.add_argument("--part", choices=["dev", "sealed", "all"], default="dev")
    parser.add_argument("--sealed", action="store_true", help="yes, ask detectors of the sealed part")
    parser.add_argument("--harm", action="store_true", help="only measure which faults hurt")
    parser.add_argument("--only", default="", help="parts of names of set-ups, with commas between them")
    parser.add_argument("--detectors", default="", help="their names, with commas; the doctor unless given")
    parser.add_argument("--rivals", action="store_true", help="the rivals (beside what --detectors names)")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--plain", type=Path, nargs="*", default=[], help="other files with results to use")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.part != "dev" and not (options.sealed or options.harm):
        parser.error("the sealed part is looked at once, at the end: --sealed says that this is it")
    everything, asked = setups(), chosen(options)
    bases = {each.base for each in asked}
    known = read([*options.plain, options.out])
    given = {each.name for each in asked}
    beside = [each for each in everything if each.name in bases and each.name not in given]
    plain: list[Job] = [("plain", each.name, seed, ()) for seed in range(SEEDS) for each in [*beside, *asked]]
    found = run_all(plain, options.out, options.jobs, known)
    measured = harms(found, everything)
    hurts = [each for each in asked if each.fault and measured[each.name].hurts]
    healthy = [each for each in asked if not each.fault and not measured[each.name].hurts]
    ill = [each.name for each in asked if not each.fault and measured[each.name].hurts]
    faults = sum(bool(each.fault) for each in asked)
    print(
        f"{len(hurts)} of {faults} faults hurt; {len(healthy)} of {len(healthy) + len(ill)} are healthy {ill}"
    )
    if options.harm:
        return
    names = asked_of(options)
    seeds = 1 if options.smoke else WATCHED
    run_all(
        [("watch", each.name, seed, names) for seed in range(seeds) for each in [*healthy, *hurts]],
        options.out,
        options.jobs,
        found,
    )


if __name__ == "__main__":
    main()
