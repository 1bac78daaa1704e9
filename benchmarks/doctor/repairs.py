"""Repairs on the harmful and the healthy set-ups, beside random search at equal cost.

    python benchmarks/doctor/repairs.py --out repairs.jsonl --limit 20
    python benchmarks/doctor/repairs.py --out repairs.jsonl --plain results.jsonl
    python benchmarks/doctor/repairs.py --out repairs.jsonl --sealed

Each training is made by `Trainer.repair`, with a doctor that is told what a user can tell, and is scored
before and after on the clean test rows, which no repair sees. Random search has as many trials of as many
epochs, and a whole training of the best by the validation rows, which it keeps when that is better there; and
all of it twice, also where the repair is done with one round. It draws rate, optimiser, clipping,
standardisation, activation, dropout and start. Results are lines of JSON; what stands in the file already is
not run again. `--plain` takes over which faults hurt from what `run.py` wrote.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import math
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from detectors import TimedDoctor
from fourth.faults import BEYOND as BEYOND_4
from harm import SEEDS, harms
from netwright import Trainer, optimizers
from netwright.doctor.proof import most_trials, trial_epochs
from netwright.errors import NetwrightError
from netwright.trainer import surgery
from netwright.trainer.course import Course, follow
from netwright.trainer.repair import ROUNDS, course_of
from run import Job, read, run_all
from score import by_setup, interval
from setups import Setup, setups
from third.faults import BEYOND as BEYOND_3
from training import Training

NEAR = 0.02
BEYOND = {
    **dict.fromkeys(("flipped_sign", "no_zero_grad", "undivided"), "the loop itself is wrong"),
    **dict.fromkeys(
        ("shared_rows", "nearly_shared", "groups_split", "oversampled_before_split", "frames_split"),
        "the rows have to be divided anew",
    ),
    **dict.fromkeys(
        ("covariate_drift", "label_drift", "scaled_by_others", "targets_scaled_later", "raw_later"),
        "other rows are answered than trained on",
    ),
    **dict.fromkeys(
        ("other_column_order", "copied_column", "codes_anew", "inverted_later"),
        "other rows are answered than trained on",
    ),
    **dict.fromkeys(("shifted_labels", "conflicts", "partly_permuted"), "the targets have to be corrected"),
    **dict.fromkeys(
        ("missing_class", "few_rows", "imbalanced", "weak_slice", "cut_from_sorted"), "rows are missing"
    ),
    **dict.fromkeys(("inputs_lost",), "the inputs do not arrive"),
    **dict.fromkeys(("detached",), "the network's own code cuts the gradient off"),
    **dict.fromkeys(("missing_numbers", "infinite_numbers"), "they come as a data set, not as arrays"),
    **BEYOND_3,
    **BEYOND_4,
}
"""faults that no change of settings can undo, and why; the share without them is told apart"""


def trainer_of(training: Training) -> Trainer:
    """As `training.fit` makes it."""
    module, own = training.module(), training.optimizer
    made = own if isinstance(own, str | optimizers.Optimizer) else own(module)
    return Trainer(
        module,
        training.loss,
        made,
        training.rate if isinstance(own, str) else None,
        callbacks=training.callbacks,
        device="cpu",
        seed=training.seed,
        **training.options,
    )


def plan_of(training: Training) -> dict[str, Any]:
    return {"epochs": training.epochs, "batch_size": training.batch, **training.fitting}


def scores(training: Training, module: nn.Module, usual: bool) -> tuple[float, float]:
    """On clean test rows, and on the user's own.

    Arguments:
        usual: whether the outputs mean what they usually do, where the training has another way to read them.
    """
    reader = copy.copy(training)
    reader.answer = None if usual else training.answer
    found = []
    module.eval()
    for name in ("clean", "test"):
        rows = training.parts[name]
        with torch.no_grad():
            found.append(reader.score(module(rows.x), rows))
    return found[0], found[1]


def repaired(setup: Setup, seed: int) -> dict[str, Any]:
    """A line of results: the doctor's repair."""
    training = setup.make(seed)
    rows = training.parts
    began = time.perf_counter()
    original = trainer_of(setup.make(seed))
    train, held = rows["train"], (rows["validation"].x, rows["validation"].y)
    plan = plan_of(training)
    if training.source is not None:
        return {"skipped": "a data set, not arrays"}
    with suppress(NetwrightError):
        original.fit(train.x, train.y, validation_data=held, verbose=0, **plan)
    once = time.perf_counter() - began
    before, reported = scores(training, original.module, usual=False)
    test = (rows["test"].x, rows["test"].y)
    doctor = TimedDoctor(test=test, groups=training.groups, names=training.names, verbose=0)
    trainer = trainer_of(training)
    began = time.perf_counter()
    row: dict[str, Any] = {"before": before, "before_reported": reported}
    try:
        found = trainer.repair(train.x, train.y, validation_data=held, doctor=doctor, **plan)
    except NetwrightError as error:
        row |= {"after": before, "after_reported": reported, "accepted": [], "cost": 0.0, "ended": str(error)}
    else:
        usual = any(word.startswith(("no activation", "cross", "binary")) for word in found.accepted)
        after, told = scores(training, found.module, usual)
        row |= {"after": after, "after_reported": told, "accepted": list(found.accepted), "cost": found.cost}
        row["attempts"] = [each.as_dict() for each in found.attempts]
    seconds = time.perf_counter() - began
    row["diagnoses"] = [(each.id, each.severity) for each in doctor.diagnoses]
    return row | {
        "seconds": round(seconds, 3),
        "once": round(once, 3),
        "examining": round(doctor.examining, 3),
    }


def drawn(course: Course, random: np.random.Generator) -> Course:
    """Other settings by chance."""
    rate = 10.0 ** random.uniform(-5, 0)
    makers = [
        optimizers.Adam(rate),
        optimizers.AdamW(rate),
        optimizers.SGD(rate, momentum=0.9),
        optimizers.RMSprop(rate),
    ]
    module = copy.deepcopy(course.module)
    if (kind := [None, nn.ReLU, nn.GELU, nn.Tanh][random.integers(4)]) is not None:
        kinds = (*surgery.SQUASHING, *surgery.RECTIFYING, nn.GELU)
        module = surgery.hidden_activations(module, kinds, kind) or module
    if (share := [None, 0.0, 0.2, 0.5][random.integers(4)]) is not None:
        for part in module.modules():
            if isinstance(part, surgery.DROPOUTS):
                part.p = share
    if random.random() < 0.5:
        module = surgery.restarted(module, int(random.integers(2**31)))
    if random.random() < 0.5 and course.x.is_floating_point():
        module = surgery.Standardised(module, *surgery.scale_of(course.x))
    return replace(
        course,
        module=module,
        optimizer=makers[random.integers(len(makers))],
        learning_rate=None,
        schedule="constant",
        clip_norm=[None, 1.0][random.integers(2)],
    )


def searched(setup: Setup, seed: int) -> dict[str, Any]:
    """A line of results: random search with the epochs that a repair may cost."""
    training = setup.make(seed)
    if training.source is not None:
        return {"skipped": "a data set, not arrays"}
    rows = training.parts
    train, held = rows["train"], (rows["validation"].x, rows["validation"].y)
    trainer = trainer_of(training)
    plan = {"weight": training.fitting.get("sample_weight"), "shuffle": training.fitting.get("shuffle", True)}
    plan |= {"epochs": training.epochs, "batch_size": training.batch}
    course = replace(course_of(trainer, train.x, train.y, held, **plan), seed=training.seed)
    random = np.random.default_rng([seed, 11, *setup.name.encode()])
    original = follow(course)
    before, _ = scores(training, original.module, usual=False)
    cost, kept = 0.0, original
    for _ in range(ROUNDS):
        tried = []
        for _ in range(most_trials(course.epochs)):
            changed = drawn(course, random)
            trial = follow(changed, trial_epochs(course.epochs))
            cost += trial.epochs / course.epochs
            tried.append((trial.score, len(tried), changed))
        whole = follow(max(tried)[2])
        cost += whole.epochs / course.epochs
        if whole.score > kept.score or kept.failure is not None:
            kept = whole
    after, told = scores(training, kept.module, usual=False)
    return {
        "before": before,
        "after": after,
        "after_reported": told,
        "kept": kept is not original,
        "cost": cost,
    }


def work(job: Job) -> dict[str, Any]:
    """One repair or search, as a line of results."""
    kind, name, seed, _ = job
    setup = next(each for each in setups() if each.name == name)
    found = (repaired if kind == "repair" else searched)(setup, seed)
    return {"kind": kind, "setup": name, "seed": seed, **found}


def is_repaired(row: dict[str, Any], setup: Setup, healthy: float) -> bool:
    """Whether it is within 2 points of healthy; a leak: whether the score that is told is the true one."""
    if setup.leak:
        return row["after_reported"] - row["after"] <= NEAR
    return row["after"] >= healthy - NEAR


def harmed(row: dict[str, Any], rows: int) -> bool:
    """Whether the test score fell by more than two standard errors of it."""
    share = min(1.0, max(0.0, row["before"]))
    error = math.sqrt(max(share * (1 - share), 0.01) / rows)
    return row["before"] - row["after"] > 2 * error


def table(
    rows: list[dict[str, Any]], chosen: dict[str, Setup], healthy: dict[tuple[str, int], float]
) -> None:
    for kind in ("repair", "random"):
        own = [row for row in rows if row["kind"] == kind and row["setup"] in chosen]
        groups: dict[str, dict[str, list[float]]] = {}

        def note(name: str, setup: str, value: float, groups: Any = groups) -> None:
            groups.setdefault(name, {}).setdefault(setup, []).append(value)

        for row in own:
            setup = chosen[row["setup"]]
            beyond = setup.fault in BEYOND
            if "skipped" in row:
                note("repaired, all", setup.name, 0.0)
                continue
            if not setup.fault:
                size = len(setup.make(row["seed"]).parts["clean"])
                note("harm to healthy", setup.name, harmed(row, size))
                note("healthy changed", setup.name, row["after"] != row["before"])
                continue
            value = is_repaired(row, setup, healthy[setup.base, row["seed"]])
            note("repaired, all", setup.name, value)
            note("beyond settings" if beyond else "repaired, of those that could be", setup.name, value)
            if kind == "repair":
                tried = [each for each in row.get("attempts", []) if each["accepted"]]
                note("something kept", setup.name, bool(tried))
        print(f"\n{kind}")
        for name, values in groups.items():
            figure, low, high = interval(by_setup(values))
            print(f"  {name:34}{figure:.3f} [{low:.3f}, {high:.3f}]   {len(values)} set-ups")
        costs = [row["cost"] for row in own if row.get("cost")]
        if costs:
            print(f"  {'cost, epochs (median)':34}{np.median(costs):.2f}   of {len(costs)} with any")
        timed = [row for row in own if row.get("cost") and "once" in row]
        if timed:
            more = [(row["seconds"] - row["examining"]) / row["once"] - 1 for row in timed]
            looked = [row["examining"] for row in timed]
            told = f"trainings, and {np.median(looked):.1f} s of examination"
            print(f"  {'cost, seconds (median)':34}{np.median(more):.2f}   {told}")


def show(rows: list[dict[str, Any]], chosen: dict[str, Setup], healthy: dict[tuple[str, int], float]) -> None:
    """Each repair in a line."""
    for row in rows:
        setup = chosen.get(row["setup"])
        if setup is None or row["kind"] != "repair" or "skipped" in row:
            continue
        good = is_repaired(row, setup, healthy[setup.base, row["seed"]]) if setup.fault else None
        state = {True: "good", False: "LEFT", None: "fine"}[good]
        told = [f"{id} ({severity[0]})" for id, severity in row["diagnoses"] if severity != "note"]
        print(
            f"{state} {row['setup']} {row['seed']}: {row['before']:.3f} to {row['after']:.3f}, healthy "
            f"{healthy[setup.base, row['seed']]:.3f}, cost {row['cost']:.1f}; {', '.join(told[:3])}; "
            f"{', '.join(row['accepted']) or 'nothing kept'}; {BEYOND.get(setup.fault, '')}"
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--plain", type=Path, nargs="*", default=[], help="what run.py wrote: which faults hurt"
    )
    parser.add_argument("--sealed", action="store_true", help="the sealed part in the place of the other")
    parser.add_argument("--limit", type=int, default=None, help="so many set-ups, a fifth of them healthy")
    parser.add_argument("--only", default="", help="parts of names of set-ups, with commas between them")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--show", action="store_true", help="each repair in a line")
    parser.add_argument("--no-random", action="store_true", help="without random search")
    options = parser.parse_args()
    everything = setups()
    known = [row for row in read(options.plain) if row["kind"] == "plain"] + read([options.out])
    asked = [each for each in everything if each.sealed == options.sealed]
    if options.only:
        asked = [each for each in asked if any(part in each.name for part in options.only.split(","))]
    # In an order that has nothing to do with what they are, so that a part stands for all.
    asked.sort(key=lambda each: hashlib.sha256(each.name.encode()).digest()[1:])
    if options.limit is not None:
        few = max(1, options.limit // 5)
        asked = [each for each in asked if each.fault][: options.limit - few] + [
            each for each in asked if not each.fault
        ][:few]
    names = {each.base for each in asked} | {each.name for each in asked}
    plain: list[Job] = [("plain", name, seed, ()) for seed in range(SEEDS) for name in sorted(names)]
    found = run_all(plain, options.out, options.jobs, known)
    measured = harms(found, everything)
    chosen = {each.name: each for each in asked if measured[each.name].hurts == bool(each.fault)}
    print(f"{len(chosen)} of {len(asked)} set-ups: faults that hurt, and healthy ones that are healthy")
    kinds = ("repair",) if options.no_random else ("repair", "random")
    jobs: list[Job] = [
        (kind, name, seed, ()) for seed in range(options.seeds) for name in chosen for kind in kinds
    ]
    found = run_all(jobs, options.out, options.jobs, found, work)
    healthy = {
        (row["setup"], row["seed"]): row["score"]
        for row in found
        if row["kind"] == "plain" and "/" not in row["setup"]
    }
    if options.show:
        show(found, chosen, healthy)
    table(found, chosen, healthy)


if __name__ == "__main__":
    main()
