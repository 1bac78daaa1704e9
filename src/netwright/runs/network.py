"""The network of a table: encoders, the trunk that the config names, and the head."""

from __future__ import annotations

from collections.abc import Mapping

from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Schema
from netwright.nn.encoders import Maker
from netwright.nn.network import Network


def build(
    schema: Schema,
    inputs: InputsConfig,
    config: NetworkConfig,
    members: int = 1,
    dropout: list[float] | None = None,
) -> Network:
    """A network with all weights at zero. All "auto" settings must be resolved before.

    Arguments:
        schema: the columns and the target.
        inputs: the encoders' settings.
        config: the trunk's settings, or its layers.
        members: M.
        dropout: one rate for each member, where they differ from the config's.

    Raises:
        InputError: the layers of the config do not fit.
    """
    specs, encoders = config.layers, _encoders(schema)
    if specs is None:
        return Network(schema, inputs, config, members, dropout, encoders=encoders)
    from netwright.layers.trunk import LayersTrunk

    def trunk(width: int) -> LayersTrunk:
        return LayersTrunk(specs, width, members)

    return Network(schema, inputs, config, members, trunk=trunk, encoders=encoders)


def _encoders(schema: Schema) -> Mapping[str, Maker]:
    """The encoders that are networks of layers; plain tables need not import them."""
    if not schema.of_kind("text", "image", "sound", "series"):
        return {}
    from netwright.encoders import ENCODERS

    return ENCODERS
