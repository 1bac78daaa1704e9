"""Layers are copied with their state, whatever their arguments are."""

from __future__ import annotations

import copy
import pickle

import torch

from netwright.layers import GRU, Dense, Permute
from netwright.nn.member import Mode


def test_copies_are_layers_of_their_own_with_the_same_state():
    for layer, shape in ((Dense(3, "relu"), (4,)), (GRU(3), (5, 4)), (Permute((2, 1)), (5, 4))):
        given = layer.connect(shape, 2)
        for made in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert made is not layer
            assert made.arguments == layer.arguments
            assert made.connect(shape, 2) == given
            assert made.declared.keys() == layer.declared.keys()
            for name, declared in made.declared.items():
                made.__dict__[name] = torch.ones(2, *declared.shape)
            assert made(torch.ones(2, 6, *shape), Mode()).shape == (2, 6, *given)
            assert not any(name in layer.__dict__ for name in made.declared)
