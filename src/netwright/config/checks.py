"""What must be right between several keys of the config."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from netwright.config.explain import explain
from netwright.config.inputs import (
    CategoryConfig,
    DateConfig,
    ImageConfig,
    NumberConfig,
    SeriesConfig,
    SoundConfig,
    TextConfig,
)
from netwright.config.training import NetworkConfig
from netwright.errors import InputError, suggestion


def check_settings(column: str, settings: dict[str, Any], where: str) -> None:
    """A column's own settings must be right for one kind of column at least."""
    key = f"inputs.columns.{column}"
    kinds = (
        *(NumberConfig, CategoryConfig, DateConfig, TextConfig),
        *(ImageConfig, SoundConfig, SeriesConfig),
    )
    known = [name for kind in kinds for name in kind.model_fields]
    for name in settings:
        if name not in known:
            hint = suggestion(name, dict.fromkeys(known))
            raise InputError(f"unknown key '{key}.{name}'", where=where, hint=hint)
    fitting = [kind for kind in kinds if settings.keys() <= kind.model_fields.keys()]
    if not fitting:
        raise InputError(f"the settings of {key} belong to different kinds of columns", where=where)
    reasons = []
    for kind in fitting:
        try:
            kind.model_validate(settings)
        except ValidationError as error:
            reasons.append(explain(error, kind))
        else:
            return
    raise InputError(f"{key}.{reasons[0]}", where=where)


def check_layers(network: NetworkConfig, where: str) -> None:
    """Layers by hand take the place of all other settings of the network."""
    if network.layers is None:
        if network.kind == "layers":
            hint = "such as [{Dense: {units: 64, activation: relu}}, {Dropout: 0.2}]"
            raise InputError("network.kind is layers, and network.layers gives none", where=where, hint=hint)
        return
    if not network.layers:
        raise InputError("network.layers is empty", where=where, hint="give layers, or null for none")
    for name, field in NetworkConfig.model_fields.items():
        value = getattr(network, name)
        if name != "layers" and value != field.default and (name, value) != ("kind", "layers"):
            raise InputError(
                f"network.{name} is {value!r}, but network.layers says what the network is",
                where=where,
                hint=f"take one of them out; in layers it would be {LAYER_FOR[name]}",
            )


LAYER_FOR = {
    "kind": "Dense, or Residual",
    "width": "{Dense: 64}",
    "depth": "one Dense after another",
    "heads": "nothing: only tabm has heads",
    "activation": "{Dense: {units: 64, activation: relu}}",
    "normalization": "BatchNormalization or LayerNormalization",
    "dropout": "{Dropout: 0.2}",
}
