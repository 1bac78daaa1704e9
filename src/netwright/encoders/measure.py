"""How much a network of layers computes for one row."""

from __future__ import annotations

import math

from torch import nn

from netwright.layers.base import Layer


def costs(body: nn.Module) -> tuple[list[int], list[int]]:
    """Multiplications and numbers given out of each layer of a built network, for one row."""
    products, floats = [0], [0]
    for layer in body.modules():
        if not isinstance(layer, Layer) or layer.built_for is None:
            continue
        given = layer.output_shape(layer.built_for)
        places = math.prod(size or 1 for size in given[:-1])
        products.append(places * sum(d.size for d in layer.declared.values() if len(d.shape) > 1))
        floats.append(places * (given[-1] or 1))
    return products, floats


def largest(body: nn.Module) -> tuple[int, int]:
    """Multiplications of the largest layer, and numbers of the largest activation, for one row.

    Example:
        >>> from netwright.layers import Conv2D
        >>> layer = Conv2D(8, 3, padding="same")
        >>> _ = layer.connect((10, 10, 2), 1)
        >>> largest(layer)
        (14400, 800)
    """
    products, floats = costs(body)
    return max(products), max(floats)
