from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from netwright.nn.activations import ACTIVATIONS, GAINS
from netwright.nn.layers import BatchNorm, Dropout, LayerNorm, Linear, normalization
from netwright.nn.member import Layer, Layout, Mode

MEMBERS, HEADS, ROWS, FEATURES = 3, 2, 10, 5


def bound(layer: Layer, members: int = MEMBERS, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Random values for all parameters of a layer, bound to it. [M, P]"""
    layout = Layout(layer)
    flat = torch.randn(members, layout.size, generator=torch.Generator().manual_seed(4), dtype=dtype)
    flat.requires_grad_()
    layout.bind(flat)
    return flat


def inputs(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5), dtype=dtype)


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def test_linear_is_each_members_own():
    layer = Linear(FEATURES, 4)
    bound(layer)
    x = inputs(MEMBERS, HEADS, ROWS, FEATURES)
    y = layer(x)
    for member in range(MEMBERS):
        expected = functional.linear(x[member], layer.weight[member].T, layer.bias[member, 0])
        torch.testing.assert_close(y[member], expected)


def test_layer_norm_equals_torch():
    layer = LayerNorm(FEATURES)
    bound(layer)
    x = 3 + 2 * inputs(MEMBERS, HEADS, ROWS, FEATURES)
    y = layer(x, Mode())
    for member in range(MEMBERS):
        scale, shift = layer.scale[member].flatten(), layer.shift[member].flatten()
        torch.testing.assert_close(y[member], functional.layer_norm(x[member], (FEATURES,), scale, shift))


def test_batch_norm_equals_torch_over_several_steps_and_in_prediction():
    layer = BatchNorm(FEATURES, MEMBERS)
    bound(layer)
    references = []
    for member in range(MEMBERS):
        reference = torch.nn.BatchNorm1d(FEATURES, momentum=0.1)
        reference.weight.data = layer.scale[member].flatten().detach()
        reference.bias.data = layer.shift[member].flatten().detach()
        references.append(reference)
    for step in range(4):
        x = step + (1 + step) * inputs(MEMBERS, HEADS, ROWS, FEATURES)
        y = layer(x, Mode(training=True))
        for member, reference in enumerate(references):
            expected = reference(x[member].reshape(-1, FEATURES)).view(HEADS, ROWS, FEATURES)
            torch.testing.assert_close(y[member], expected, rtol=1e-4, atol=1e-5)
    x = inputs(MEMBERS, HEADS, ROWS, FEATURES)
    y = layer(x, Mode())
    for member, reference in enumerate(references):
        torch.testing.assert_close(layer.mean[member].flatten(), reference.running_mean)
        torch.testing.assert_close(layer.variance[member].flatten(), reference.running_var)
        expected = reference.eval()(x[member].reshape(-1, FEATURES)).view(HEADS, ROWS, FEATURES)
        torch.testing.assert_close(y[member], expected, rtol=1e-4, atol=1e-5)


def test_batch_norm_leaves_padding_rows_out():
    x = inputs(2, HEADS, ROWS, FEATURES)
    x[0, :, 6:] = 1e3  # padding of the first member
    rows = torch.ones(2, ROWS)
    rows[0, 6:] = 0.0
    masked, short = BatchNorm(FEATURES, 2), BatchNorm(FEATURES, 1)
    flat = bound(masked, 2)
    Layout(short).bind(flat[:1])
    y = masked(x, Mode(training=True, rows=rows))
    expected = short(x[:1, :, :6], Mode(training=True))
    torch.testing.assert_close(y[:1, :, :6], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(masked.mean[:1], short.mean)
    torch.testing.assert_close(masked.variance[:1], short.variance)


def test_batch_norm_of_a_member_without_rows_keeps_its_statistics():
    layer = BatchNorm(FEATURES, 2)
    bound(layer, 2)
    before = layer.mean.clone(), layer.variance.clone()
    rows = torch.ones(2, ROWS)
    rows[1] = 0.0
    y = layer(5 + inputs(2, HEADS, ROWS, FEATURES), Mode(training=True, rows=rows))
    assert torch.isfinite(y).all()
    assert torch.equal(layer.mean[1], before[0][1])
    assert torch.equal(layer.variance[1], before[1][1])
    assert not torch.equal(layer.mean[0], before[0][0])


def test_gradients_of_layers_by_finite_differences():
    x = inputs(2, HEADS, 4, 3, dtype=torch.float64)
    rows = torch.ones(2, 4, dtype=torch.float64)
    rows[1, 3:] = 0.0
    for layer in (Linear(3, 3), LayerNorm(3), BatchNorm(3, 2).double()):
        layout = Layout(layer)
        flat = bound(layer, 2, torch.float64)

        def run(values: torch.Tensor, given: torch.Tensor, layer=layer, layout=layout) -> torch.Tensor:
            layout.bind(values)
            return layer(given) if isinstance(layer, Linear) else layer(given, Mode(training=True, rows=rows))

        assert torch.autograd.gradcheck(run, (flat, x.clone().requires_grad_()))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_zeroes_the_share_and_keeps_the_mean(rate):
    layer = Dropout(torch.tensor([rate, rate]))
    x = torch.ones(2, 1, 500, 200)
    y = layer(x, Mode(training=True, generators=generators(1, 2)))
    deviation = math.sqrt(rate * (1 - rate) / x[0].numel())
    for member in range(2):
        assert (y[member] == 0).float().mean().item() == pytest.approx(rate, abs=5 * deviation)
        assert y[member].mean().item() == pytest.approx(1.0, abs=5 * deviation / (1 - rate))
        kept = y[member][y[member] != 0]
        torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - rate)))
    assert not torch.equal(y[0], y[1])


def test_dropout_is_off_in_prediction_and_at_rate_zero():
    x = inputs(2, 1, 4, 3)
    assert torch.equal(Dropout(torch.tensor([0.5, 0.5]))(x, Mode()), x)
    mode = Mode(training=True, generators=generators(1, 2))
    y = Dropout(torch.tensor([0.0, 0.5]))(x, mode)
    assert torch.equal(y[0], x[0])
    assert not torch.equal(y[1], x[1])


def test_dropout_draws_from_the_members_own_generator():
    x = torch.ones(3, 2, 7, 5)
    rates = torch.tensor([0.3, 0.5, 0.5])
    together = Dropout(rates)(x, Mode(training=True, generators=generators(1, 2, 3)))
    for member in range(3):
        mode = Mode(training=True, generators=generators(member + 1))
        alone = Dropout(rates[member : member + 1])(x[:1], mode)
        assert torch.equal(together[member : member + 1], alone)


def test_activations_keep_the_variance_that_their_gains_promise():
    """The second moment stays within a factor of 3 over one layer of 256 features."""
    x = inputs(4000, 256)
    assert set(GAINS) == set(ACTIVATIONS)
    for name, activation in ACTIVATIONS.items():
        weight = (2 * torch.rand(256, 256, generator=torch.Generator().manual_seed(6)) - 1) * GAINS[name] / 16
        after = activation(x @ weight).square().mean().item()
        assert 1 / 3 < after < 3, name
    values = torch.linspace(-3, 3, 13)
    torch.testing.assert_close(ACTIVATIONS["relu"](values), values.clamp(min=0))
    torch.testing.assert_close(ACTIVATIONS["silu"](values), values / (1 + torch.exp(-values)))
    normal = torch.distributions.Normal(0.0, 1.0).cdf(values)
    torch.testing.assert_close(ACTIVATIONS["gelu"](values), values * normal)


def test_normalization_by_name():
    assert isinstance(normalization("layer", 3, 1), LayerNorm)
    assert isinstance(normalization("batch", 3, 1), BatchNorm)
    assert normalization("none", 3, 1) is None
