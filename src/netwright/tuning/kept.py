"""Networks of the best trials on disk, so that the winner need not be trained again."""

from __future__ import annotations

import json
import os
from pathlib import Path

from netwright.pipeline.crowd import Plan, Trained, buckets

FOLDER = "weights"


def keep(folder: Path, plans: dict[int, Plan], trained: dict[int, Trained], most: int) -> None:
    """Keeps the networks of the best trials of each shape, and drops those that they beat.

    Arguments:
        folder: the study's.
        plans: of the trials that may win, by number, the best first.
        trained: networks that are new.
        most: of each shape.
    """
    from safetensors.torch import save_file

    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    numbers = list(plans)
    kept = {numbers[each] for bucket in buckets(list(plans.values())) for each in bucket[:most]}
    there = {int(path.stem): path for path in place.glob("*.safetensors")}
    for number in kept & trained.keys() - there.keys():
        each = trained[number]
        about = {
            "rows": json.dumps(each.rows),
            "best_epoch": str(each.best_epoch),
            "ending": each.ending,
            "score": repr(each.score),
        }
        values = {name: value.detach().cpu().contiguous() for name, value in each.values.items()}
        save_file(values, place / f"{number}.writing", metadata=about)
        os.replace(place / f"{number}.writing", place / f"{number}.safetensors")
    for number in there.keys() - kept:
        there[number].unlink()


def fetch(folder: Path, number: int, plan: Plan) -> Trained | None:
    """A trial's network as it was kept; None where it was not."""
    from safetensors import safe_open

    path = folder / FOLDER / f"{number}.safetensors"
    if not path.is_file():
        return None
    with safe_open(path, "pt") as file:
        about = file.metadata()
        values = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    rows = json.loads(about["rows"])
    return Trained(plan, values, rows, float(about["score"]), int(about["best_epoch"]), about["ending"])
