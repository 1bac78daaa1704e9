"""What helps a run: from a diagnosis to changes of its config, in the order to try them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from netwright.config import Config
from netwright.doctor.diagnosis import Diagnosis
from netwright.doctor.proof import proven_rate

Changes = dict[str, Any]
"""values by dotted key of the config"""

Remedy = Callable[[Diagnosis, Config], list[Changes]]
"""from a diagnosis and a resolved config to changes, the best guess first"""


CLEANING: dict[str, Changes] = {"leaking_column": {"data.clean.leaks": "drop"}}
"""what a score is not to be believed without: done at once, whatever becomes of the score"""

SQUASHING = ("sigmoid", "tanh", "hard_sigmoid", "hard_tanh", "softsign")


TOLD = ("training", "network")
"""sections of the config whose values a diagnosis may recommend without the data being read again"""


def _told(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """What the diagnosis itself recommends, as far as a program can do it."""
    changes = {
        key: value
        for key, value in diagnosis.fix.config.items()
        if key.partition(".")[0] in TOLD and value != "auto" and key != "training.epochs"
    }
    if config.network.layers is not None:
        changes = {key: value for key, value in changes.items() if not key.startswith("network.")}
    return [changes] if changes else []


def _furthest(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """The rate at which short trainings came furthest."""
    rate = proven_rate(diagnosis.evidence)
    return [] if rate is None else [{"training.learning_rate": rate}]


def _rates(*factors: float) -> Remedy:
    def changes(diagnosis: Diagnosis, config: Config) -> list[Changes]:
        rate = float(config.training.learning_rate)
        return [{"training.learning_rate": rate * factor} for factor in factors]

    return changes


def _calmer(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """Lower rates, with gradients clipped."""
    rate = float(config.training.learning_rate)
    clip = {"training.clip_norm": min(1.0, config.training.clip_norm or 1.0)}
    return [{"training.learning_rate": rate * factor, **clip} for factor in (0.1, 0.01)]


def _usual(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """What usually works: AdamW from .003 down to nothing, clipped, without decay."""
    return [
        {
            "training.optimizer": "adamw",
            "training.learning_rate": 3e-3,
            "training.schedule": "cosine",
            "training.clip_norm": 1.0,
            "training.weight_decay": 0.0,
            "training.l1": 0.0,
        }
    ]


def _freer(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """Less regularisation."""
    free: Changes = {"training.weight_decay": 0.0, "training.l1": 0.0}
    if config.network.layers is None:
        return [{**free, "network.dropout": 0.0}]
    edited = _edited(config.network.layers, _less_dropout)
    return [free if edited is None else {**free, "network.layers": edited}]


def _stricter(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """More regularisation."""
    decay = max(float(config.training.weight_decay) * 10, 1e-2)
    found: list[Changes] = [{"training.weight_decay": decay}]
    if config.network.layers is None:
        found.insert(0, {"network.dropout": min(0.5, float(config.network.dropout) + 0.2)})
    return found


def _larger(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """More units, and a quicker start."""
    rate = {"training.learning_rate": float(config.training.learning_rate) * 3}
    if config.network.layers is not None:
        return [rate]
    return [{"network.width": int(config.network.width) * 4}, rate]


def _other_units(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """ReLU with its own start, also with batch normalisation."""
    if config.network.layers is None:
        return [
            {"network.activation": "relu", "network.normalization": "batch"},
            {"network.activation": "gelu"},
        ]
    edited = _edited(config.network.layers, _rectified)
    return [] if edited is None else [{"network.layers": edited}]


def _new_start(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """The first weights that fit the activations."""
    edited = None if config.network.layers is None else _edited(config.network.layers, _own_start)
    return [{"inputs.number.scaling": "robust"}] if edited is None else [{"network.layers": edited}]


def _scaled(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    return [] if config.inputs.number.scaling != "none" else [{"inputs.number.scaling": "robust"}]


def _balanced(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    return [{"training.sampling": "balanced"}, {"training.logit_adjustment": 1.0}]


def _unchanged_pictures(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    return [dict(diagnosis.fix.config)] if diagnosis.fix.config else []


def _robust(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    if config.training.loss in ("mse", "mae", "huber"):
        return [{"training.loss": "huber"}]
    return [{"training.loss": "generalized_cross_entropy"}, {"training.label_smoothing": 0.1}]


REMEDIES: dict[str, tuple[Remedy, ...]] = {
    "not_finite_loss": (_usual, _told, _calmer),
    "exploding_gradient": (_told, _calmer, _usual),
    "loss_spike": (_told, _calmer),
    "rate_too_high": (_furthest, _told, _rates(0.1, 0.01, 0.001), _usual),
    "rate_too_low": (_furthest, _usual, _told, _rates(100.0, 10.0)),
    "slow_convergence": (_told, _rates(10.0, 3.0)),
    "oscillating_loss": (_told, _rates(0.3, 0.1)),
    "not_learning": (_usual, _rates(10.0, 0.1)),
    "cannot_overfit": (_usual, _new_start, _other_units),
    "poor_start": (_new_start,),
    "symmetric_start": (_new_start,),
    "unscaled_inputs": (_scaled,),
    "dead_units": (_other_units, _told, _rates(0.1)),
    "saturated_units": (_other_units, _told, _scaled),
    "vanishing_gradient": (_other_units, _told),
    "over_regularised": (_freer, _told),
    "modes_disagree": (_freer, _told),
    "harmful_augmentation": (_unchanged_pictures,),
    "low_precision": (_told,),
    "overfitting": (_stricter, _told),
    "underfitting": (_usual, _larger, _told),
    "class_imbalance": (_balanced,),
    "label_errors": (_robust, _told),
}
"""by diagnosis; what is not here has no setting that a program could try"""


def changes_for(diagnosis: Diagnosis, config: Config) -> list[Changes]:
    """Changes of a resolved config that may help, the best guess first; some may change nothing."""
    return [changes for remedy in REMEDIES.get(diagnosis.id, ()) for changes in remedy(diagnosis, config)]


def _edited(layers: list[Any], edit: Callable[[str, Any], tuple[str, Any]]) -> list[Any] | None:
    """Layers by hand with each (name, arguments) edited, those inside of others too; None when all stay."""
    made = [_one(layer, edit) for layer in copy.deepcopy(layers)]
    return None if made == layers else made


def _one(layer: Any, edit: Callable[[str, Any], tuple[str, Any]]) -> Any:
    if isinstance(layer, str):
        name, arguments = edit(layer, None)
        return name if arguments is None else {name: arguments}
    (name, arguments), *_ = layer.items()
    if isinstance(arguments, dict) and isinstance(arguments.get("layers"), list):
        arguments["layers"] = [_one(each, edit) for each in arguments["layers"]]
    name, arguments = edit(name, arguments)
    return {name: arguments}


def _rectified(name: str, arguments: Any) -> tuple[str, Any]:
    if name == "Activation" and arguments in SQUASHING:
        return name, "relu"
    if isinstance(arguments, dict) and arguments.get("activation") in SQUASHING and "LSTM" not in name:
        return _own_start(name, arguments | {"activation": "relu"})
    return _own_start(name, arguments)


def _own_start(name: str, arguments: Any) -> tuple[str, Any]:
    if isinstance(arguments, dict):
        left = {key: each for key, each in arguments.items() if not key.endswith("_initializer")}
        return name, left
    return name, arguments


def _less_dropout(name: str, arguments: Any) -> tuple[str, Any]:
    if name == "Dropout":
        rate = arguments.get("rate", 0.5) if isinstance(arguments, dict) else arguments
        return name, min(float(rate), 0.2)
    return name, arguments
