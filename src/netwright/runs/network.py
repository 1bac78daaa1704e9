"""The network of a table: encoders, the trunk that the config names, and the head."""

from __future__ import annotations

from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Schema
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
    specs = config.layers
    if specs is None:
        return Network(schema, inputs, config, members, dropout)
    from netwright.layers.trunk import LayersTrunk

    return Network(schema, inputs, config, members, trunk=lambda width: LayersTrunk(specs, width, members))
