"""What a study was made of, so that it goes on with the same and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from netwright.config import Config
from netwright.errors import InputError
from netwright.pipeline.prepare import Prepared
from netwright.tuning.spaces import Space, as_data

WORDS = {
    "data": "other rows: the data set has changed, or is another one",
    "target": "another target",
    "split": "another split of the rows",
    "folds": "another number of folds",
    "space": "another search space",
    "search": "another way to search",
    "prune": "another rule for ending trials early",
    "seed": "another seed",
    "settings": "other settings of network or training",
}


def origin_of(prepared: Prepared, base: Config, space: Space, search: str, prune: str) -> dict[str, Any]:
    """What the trials of a study depend on.

    Arguments:
        prepared: rows and split.
        base: resolved; what trials do not say.
        space: searched.
        search, prune: resolved.
    """
    frame = prepared.table.frame
    settings = base.model_dump(mode="json", include={"inputs", "network", "training"})
    for name in ("device", "threads", "time_limit", "precision", "seed"):
        del settings["training"][name]
    return {
        "data": _digest(json.dumps(frame.columns).encode() + frame.write_csv().encode()),
        "target": base.data.target,
        "split": _digest(prepared.split.role.tobytes()),
        "folds": base.tune.folds,
        "space": as_data(space),
        "search": search,
        "prune": prune,
        "seed": base.training.seed,
        "settings": _digest(json.dumps(settings, sort_keys=True).encode()),
    }


def check_origin(known: dict[str, Any], now: dict[str, Any], where: str) -> None:
    """Refuses to go on with something else.

    Raises:
        InputError: says what differs.
    """
    for name, words in WORDS.items():
        # Through JSON, as the known one went.
        if known.get(name) != json.loads(json.dumps(now[name])):
            hint = "start a study of its own with another --out"
            if name in ("target", "folds", "search", "prune", "seed"):
                words += f" ({known.get(name)}, now {now[name]})"
            raise InputError(f"the study was made with {words}", where=where, hint=hint)


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
