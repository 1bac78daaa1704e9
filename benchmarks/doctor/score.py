"""Scores of detectors, from what `run.py` wrote.

    python benchmarks/doctor/score.py results.jsonl [--wrong] [--sealed]

Set-ups are the independent units: a figure is the mean over set-ups of the mean over their seeds, and its
95 % interval is that of 2000 resamples of whole set-ups. An alarm is at least one error or warning; one at E
at least one error. A diagnosis is right when it is one of the symptoms that name the fault's cause; the share
is that of all harmful runs, found or not. With --sealed both are told apart for kinds of faults that only the
sealed part has (novel) and the others (known).
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from detectors import means_of
from harm import harms
from run import read
from setups import Setup, setups

Found = list[tuple[str, str]]
Means = dict[str, tuple[str, ...]]
RESAMPLES = 2000


def alarms(found: Found) -> list[str]:
    """Rules that fired as errors or warnings."""
    return [rule for rule, severity in found if severity != "note"]


def right(found: Found, setup: Setup, means: Means, most: int) -> bool:
    """Whether one of the first alarms names the cause."""
    first = alarms(found)[:most]
    return any(symptom in setup.expected for rule in first for symptom in means.get(rule, (rule,)))


def by_setup(values: dict[str, list[float]]) -> np.ndarray:
    """The mean of each set-up. [S]"""
    return np.array([np.mean(each) for each in values.values()])


def interval(*groups: np.ndarray, of: Any = np.mean) -> tuple[float, float, float]:
    """A figure of the means of set-ups, with its interval: set-ups drawn anew within each group."""
    random = np.random.default_rng(0)
    whole = of(*groups)
    drawn = [
        of(*[each[random.integers(0, len(each), len(each))] for each in groups]) for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(whole), float(low), float(high)


def table(rows: list[dict[str, Any]], chosen: dict[str, Setup], detector: str) -> list[tuple[str, str]]:
    """The figures of a detector, by their names."""
    means = means_of(detector)
    healthy: dict[str, dict[str, list[float]]] = {"E": defaultdict(list), "W": defaultdict(list)}
    harmful: dict[str, dict[str, list[float]]] = {
        name: defaultdict(list) for name in ("any", "E", "first", "three")
    }
    for row in rows:
        setup = chosen[row["setup"]]
        found: Found = [(rule, severity) for rule, severity in row["detectors"][detector]["found"]]
        error = any(severity == "error" for _, severity in found)
        if not setup.fault:
            healthy["E"][setup.name].append(error)
            healthy["W"][setup.name].append(bool(alarms(found)))
            continue
        harmful["any"][setup.name].append(bool(alarms(found)))
        harmful["E"][setup.name].append(error)
        harmful["first"][setup.name].append(right(found, setup, means, 1))
        harmful["three"][setup.name].append(right(found, setup, means, 3))
    if not healthy["E"] or not harmful["any"]:
        return [("set-ups", "too few")]
    wrong, bad = ({name: by_setup(each) for name, each in kind.items()} for kind in (healthy, harmful))

    def balanced(found: np.ndarray, alarm: np.ndarray) -> float:
        return float((found.mean() + 1.0 - alarm.mean()) / 2.0)

    figures = {
        "false alarms, E": interval(wrong["E"]),
        "false alarms, E or W": interval(wrong["W"]),
        "found, E or W": interval(bad["any"]),
        "found, E": interval(bad["E"]),
        "balanced, E or W": interval(bad["any"], wrong["W"], of=balanced),
        "balanced, E": interval(bad["E"], wrong["E"], of=balanced),
        "cause right, first": interval(bad["first"]),
        "cause right, first three": interval(bad["three"]),
    }
    new = np.array([chosen[name].novel for name in harmful["any"]])
    for kind, own in (("known", ~new), ("novel", new)) if new.any() else ():
        told = {"found, E or W": "any", "cause right, first": "first", "cause right, first three": "three"}
        figures |= {f"{kind}: {name}": interval(bad[key][own]) for name, key in told.items() if own.any()}
    counts = [("set-ups, healthy / harmful", f"{len(wrong['E'])} / {len(bad['any'])}")]
    return counts + [(name, f"{a:.3f} [{b:.3f}, {c:.3f}]") for name, (a, b, c) in figures.items()]


def show_wrong(rows: list[dict[str, Any]], chosen: dict[str, Setup], detector: str) -> None:
    """False alarms, what was missed and what was called by another name; and which rules did it."""
    means = means_of(detector)
    count: Counter[str] = Counter()
    for row in sorted(rows, key=lambda row: (bool(chosen[row["setup"]].fault), row["setup"], row["seed"])):
        setup, own = chosen[row["setup"]], row["detectors"][detector]
        found: Found = [(rule, severity) for rule, severity in own["found"]]
        said = ", ".join(f"{rule} ({severity[0].upper()})" for rule, severity in found) or "nothing"
        score = f"{row.get('score', float('nan')):.3f}"
        if not setup.fault and alarms(found):
            count.update(
                f"false alarm: {rule} ({severity})" for rule, severity in found if severity != "note"
            )
            first = own.get("messages", {}).get(alarms(found)[0], "")
            print(f"FALSE   {setup.name} {row['seed']} {score}: {said}\n          {first}")
        elif setup.fault and not alarms(found):
            count["missed"] += 1
            print(f"MISSED  {setup.name} {row['seed']} {score} {row.get('ended', '')}: {said}")
        elif setup.fault and not right(found, setup, means, 1):
            late = "late" if right(found, setup, means, 3) else "OTHER"
            print(
                f"{late:7} {setup.name} {row['seed']} {score}: {said}; expected {', '.join(setup.expected)}"
            )
        if "error" in row:
            print(f"CRASHED {setup.name} {row['seed']}: {row['error'].strip().splitlines()[-1]}")
    for name, times in count.most_common():
        print(f"{times:4} x {name}")


def same(rows: list[dict[str, Any]], watched: list[dict[str, Any]]) -> str:
    """Of how many trainings the network is the same with and without anybody who watches."""
    plain = {(row["setup"], row["seed"]): row["score"] for row in rows if row["kind"] == "plain"}
    both = [row for row in watched if "score" in row and (row["setup"], row["seed"]) in plain]
    count = sum(row["score"] == plain[row["setup"], row["seed"]] for row in both)
    return f"{count} of {len(both)}"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--sealed", action="store_true", help="the sealed part in the place of the other")
    parser.add_argument("--wrong", action="store_true", help="list what is wrong")
    parser.add_argument("--detector", default="", help="only this one")
    options = parser.parse_args()
    rows, every = read(options.files), setups()
    measured = harms(rows, every)
    # Faults that do no harm and odd ones that do some are left out.
    chosen = {
        each.name: each
        for each in every
        if each.sealed == options.sealed
        and each.name in measured
        and measured[each.name].hurts == bool(each.fault)
    }
    kept: dict[str, dict[tuple[str, int], dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        if row["kind"] == "watch" and row["setup"] in chosen:
            for detector in row["detectors"]:
                kept[detector][row["setup"], row["seed"]] = row  # the latest
    print("the sealed part" if options.sealed else "the development part", end="\n\n")
    shown = {name: list(own.values()) for name, own in kept.items() if options.detector in ("", name)}
    columns = [
        {"": name}
        | dict(table(own, chosen, name))
        | {"same score unwatched": same(rows, own)}
        | {"crashed": str(sum("error" in row for row in own))}
        for name, own in shown.items()
    ]
    for figure in dict.fromkeys(figure for column in columns for figure in column):
        print(f"{figure:34}" + "".join(f"{column.get(figure, ''):24}" for column in columns).rstrip())
    if options.wrong:
        for name, own in shown.items():
            print(f"\n{name}")
            show_wrong(own, chosen, name)


if __name__ == "__main__":
    main()
