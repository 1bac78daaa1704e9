"""Pieces of look-backs, and bodies made of them."""

from __future__ import annotations

import pytest
import torch

from netwright.encoders.forecast import GRUBody, PatchBody, Pieces


@pytest.mark.parametrize(("lookback", "size"), [(96, 16), (10, 4), (11, 4), (3, 8), (1, 16)])
def test_the_newest_steps_are_in_the_last_piece_and_all_steps_in_some(lookback, size):
    pieces = Pieces(lookback, size)
    x = torch.arange(1.0, lookback + 1)[None, None]
    found = pieces(x)
    assert found.shape == (1, 1, pieces.count, pieces.size)
    assert found[0, 0, -1, -1] == lookback
    assert set(found.flatten().tolist()) == set(range(1, lookback + 1))


@pytest.mark.parametrize("body", [PatchBody, GRUBody])
def test_bodies_give_what_they_say(body):
    from netwright.nn.member import Layout, Mode

    made = body(20, 8, 12, 2, 0.1, 3)
    layout = Layout(made)
    layout.bind(torch.randn(3, layout.size, generator=torch.Generator().manual_seed(0)))
    assert made(torch.zeros(3, 5, 20), Mode()).shape == (3, 5, made.width)
