from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import nn

from netwright.nn import initial
from netwright.nn.layers import LayerNorm, Linear
from netwright.nn.member import Layout


def stack(*sizes: int) -> nn.Module:
    layers = nn.ModuleList(Linear(left, right) for left, right in pairwise(sizes))
    layers.append(LayerNorm(sizes[-1]))
    return layers


def test_the_flat_tensor_holds_every_parameter_once():
    root = stack(4, 3, 2)
    layout = Layout(root)
    assert layout.size == (4 * 3 + 3) + (3 * 2 + 2) + 2 + 2
    flat = torch.arange(2.0 * layout.size).view(2, -1)
    layout.bind(flat)
    parts = [getattr(place.layer, place.attribute).reshape(2, -1) for place in layout.places]
    assert torch.equal(torch.cat(parts, dim=1), flat)
    assert root[0].weight.shape == (2, 4, 3)
    assert [place.name for place in layout.places][:2] == ["0.weight", "0.bias"]


def test_gradients_reach_the_flat_tensor():
    root = stack(4, 3)
    layout = Layout(root)
    flat = torch.zeros(2, layout.size, requires_grad=True)
    layout.bind(flat)
    root[0](torch.ones(2, 1, 5, 4)).sum().backward()
    assert flat.grad is not None
    assert torch.equal(flat.grad[:, : 4 * 3 + 3], torch.full((2, 15), 5.0))
    assert torch.equal(flat.grad[:, 15:], torch.zeros(2, 6))


def test_groups_of_parameters():
    root = stack(4, 3)
    root[0].declare("frequencies", (2,), initial.zeros, rate=0.1)
    layout = Layout(root)
    names = ["0.weight"] * 12 + ["0.bias"] * 3 + ["0.frequencies"] * 2 + ["1.scale"] * 3 + ["1.shift"] * 3
    rates = [0.1 if name == "0.frequencies" else 1.0 for name in names]
    torch.testing.assert_close(layout.rates(), torch.tensor(rates))
    assert layout.decays().tolist() == [float(name in ("0.weight", "0.frequencies")) for name in names]


def test_a_draw_depends_on_seed_and_name_only():
    small, large = Layout(stack(4, 3)), Layout(stack(4, 3, 7))
    first = small.draw(1)[: 4 * 3 + 3]
    assert torch.equal(large.draw(1)[: 4 * 3 + 3], first)
    assert not torch.allclose(small.draw(2)[: 4 * 3 + 3], first)
    weights = large.draw(1)
    assert not torch.allclose(weights[:12], weights[15:27])  # two layers of one network differ


def test_starts_have_the_variance_they_promise():
    random = initial.generator(0, "x")
    inputs = 400
    plain = initial.fan_in_uniform(inputs)(random, (inputs, 300))
    assert abs(plain).max() <= 1 / math.sqrt(inputs)
    he = initial.fan_in_uniform(inputs, math.sqrt(6.0))(random, (inputs, 300))
    assert abs(he.std() * math.sqrt(inputs / 2) - 1) < 0.01
    assert abs(initial.normal(0.5)(random, (200, 200)).std() - 0.5) < 0.01
    signs = initial.signs(random, (200, 200))
    assert set(signs.flatten()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 0.03


def test_features_of_one_column_share_a_sign():
    signs = initial.chunked_signs([2, 1, 5])(initial.generator(0, "x"), (50, 8))
    assert (signs[:, :2] == signs[:, :1]).all()
    assert (signs[:, 3:] == signs[:, 3:4]).all()
    assert (signs[:, 0] != signs[:, 2]).any()
    assert (signs[:, 2] != signs[:, 3]).any()
