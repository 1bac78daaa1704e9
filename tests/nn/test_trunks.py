from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from netwright.nn import trunks
from netwright.nn.activations import ACTIVATIONS
from netwright.nn.member import Layout, Mode

COLUMNS = [2, 1, 3]
MEMBERS, ROWS = 2, 7


def built(
    kind: str,
    *,
    norm: str = "none",
    depth: int = 2,
    heads: int = 1,
    activation: str = "relu",
    rate: float = 0.0,
):
    """A trunk with random values for its parameters."""
    trunk = trunks.build(
        kind,
        COLUMNS,
        width=5,
        depth=depth,
        activation=activation,
        norm=norm,
        rate=trunks.as_member_rates(rate, MEMBERS),
        heads=heads,
    )
    layout = Layout(trunk)
    flat = 0.5 * torch.randn(MEMBERS, layout.size, generator=torch.Generator().manual_seed(0))
    layout.bind(flat)
    return trunk


def inputs() -> torch.Tensor:
    return torch.randn(MEMBERS, ROWS, sum(COLUMNS), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", ["mlp", "residual", "tabm"])
@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_shapes(kind, norm, depth):
    heads = 4 if kind == "tabm" else 1
    trunk = built(kind, norm=norm, depth=depth, heads=heads, rate=0.3)
    generators = [torch.Generator().manual_seed(seed) for seed in range(MEMBERS)]
    for mode in (Mode(), Mode(training=True, generators=generators)):
        assert trunk(inputs(), mode).shape == (MEMBERS, heads, ROWS, trunk.width)
    assert trunk.width == (sum(COLUMNS) if depth == 0 and kind != "residual" else 5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_mlp_equals_the_same_layers_of_torch(activation):
    trunk, x = built("mlp", norm="layer", activation=activation), inputs()
    y = trunk(x, Mode())
    for member in range(MEMBERS):
        h = x[member]
        for block in trunk.blocks:
            h = h @ block.linear.weight[member] + block.linear.bias[member]
            scale, shift = block.norm.scale[member].flatten(), block.norm.shift[member].flatten()
            h = getattr(functional, activation)(functional.layer_norm(h, (5,), scale, shift))
        torch.testing.assert_close(y[member, 0], h)


def test_residual_adds_to_what_it_is_given():
    trunk, x = built("residual", norm="layer", activation="gelu"), inputs()
    y = trunk(x, Mode())
    for member in range(MEMBERS):
        h = x[member] @ trunk.first.weight[member] + trunk.first.bias[member]
        for block in trunk.blocks:
            scale, shift = block.norm.scale[member].flatten(), block.norm.shift[member].flatten()
            inner = functional.layer_norm(h, (5,), scale, shift)
            inner = functional.gelu(inner @ block.first.weight[member] + block.first.bias[member])
            h = h + inner @ block.second.weight[member] + block.second.bias[member]
        scale, shift = trunk.norm.scale[member].flatten(), trunk.norm.shift[member].flatten()
        torch.testing.assert_close(
            y[member, 0], functional.gelu(functional.layer_norm(h, (5,), scale, shift))
        )


def test_tabm_is_one_mlp_with_a_view_of_the_inputs_for_each_head():
    trunk, x = built("tabm", heads=3), inputs()
    y = trunk(x, Mode())
    for head in range(3):
        viewed = (x * trunk.views.factors[:, head])[:, None]
        torch.testing.assert_close(y[:, head : head + 1], trunk.mlp(viewed, Mode()))


def test_views_start_as_one_sign_for_each_column():
    trunk = trunks.build(
        "tabm", COLUMNS, width=5, depth=1, activation="relu", norm="none", rate=torch.zeros(1), heads=16
    )
    layout = Layout(trunk)
    layout.bind(layout.draw(3)[None])
    factors = trunk.views.factors[0, :, 0]
    assert set(factors.flatten().tolist()) == {-1.0, 1.0}
    for part in factors.split(COLUMNS, dim=1):
        assert (part == part[:, :1]).all()
    assert len({tuple(each.tolist()) for each in factors}) > 4
    assert layout.decays()[: factors.numel()].sum() == 0


def test_rates_of_members():
    torch.testing.assert_close(trunks.as_member_rates(0.2, 3), torch.tensor([0.2, 0.2, 0.2]))
    torch.testing.assert_close(trunks.as_member_rates([0.1, 0.3], 2), torch.tensor([0.1, 0.3]))
