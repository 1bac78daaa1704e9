from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.errors import InputError
from netwright.layers import GRU, LSTM, Dense, SimpleRNN, TimeDistributed
from netwright.nn.member import Mode

KINDS = [SimpleRNN, LSTM, GRU]
# (layer, PyTorch's, gates, which of Keras's gates stands where in PyTorch's weights)
TORCH = [
    (SimpleRNN, nn.RNN, [0]),
    (LSTM, nn.LSTM, [0, 1, 2, 3]),  # i f c o
    (GRU, nn.GRU, [1, 0, 2]),  # z r h, and PyTorch's r z n
]


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def torch_order(weight: Tensor, order: list[int]) -> Tensor:
    """Keras's [..., G U] to PyTorch's [G U, ...]."""
    gates = weight.chunk(len(order), -1)
    return torch.cat([gates[gate] for gate in order], -1).movedim(-1, 0)


def reference(kind: Any, weights: dict[str, Tensor], order: list[int]) -> tuple[Any, dict[str, Tensor]]:
    """PyTorch's layer as a function of Keras's weights, which ask for gradients."""
    weights = {name: value.requires_grad_() for name, value in weights.items()}
    bias = weights["bias"]
    first, second = bias if bias.dim() == 2 else (bias, torch.zeros_like(bias))
    state = {
        "weight_ih_l0": torch_order(weights["kernel"], order),
        "weight_hh_l0": torch_order(weights["recurrent_kernel"], order),
        "bias_ih_l0": torch_order(first, order),
        "bias_hh_l0": torch_order(second, order),
    }
    layer = kind(len(weights["kernel"]), len(weights["recurrent_kernel"]), batch_first=True).double()
    return lambda x: torch.func.functional_call(layer, state, (x,))[0], weights


@pytest.mark.parametrize("fused_members", [0, 2])
@pytest.mark.parametrize(("kind", "torch_kind", "order"), TORCH)
def test_values_and_gradients_are_pytorchs(
    kind, torch_kind, order, fused_members, run, normal, close, monkeypatch
):
    monkeypatch.setattr(kind, "fused_members", fused_members if kind.torch_kernel else 0)
    layer = run(kind(5, return_sequences=True), (7, 3), 2)
    x = normal(2, 4, 7, 3).requires_grad_()
    y = layer(x)
    assert layer.shape == (7, 5)
    flat, given = layer.gradients(y, x)
    for member in range(2):
        other, weights = reference(torch_kind, layer.weights(member), order)
        expected = other(x[member])
        close(y[member], expected)
        loss = (expected * normal(*expected.shape, seed=98)).sum()
        *wanted, wanted_x = torch.autograd.grad(loss, [*weights.values(), x])
        close(flat[member], torch.cat([each.reshape(-1) for each in wanted]))
        close(given[member], wanted_x[member])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("arguments", [{}, {"return_sequences": True}, {"go_backwards": True}])
@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_loop_and_kernel_agree(kind, arguments, bias, run, normal, monkeypatch):
    layer = run(kind(5, use_bias=bias, **arguments), (6, 3))
    x = normal(1, 4, 6, 3).requires_grad_()
    by_kernel = layer(x)
    kernel_gradients = layer.gradients(by_kernel, x)
    monkeypatch.setattr(kind, "fused_members", 0)
    by_loop = layer(x)
    for found, expected in zip(
        [by_loop, *layer.gradients(by_loop, x)], [by_kernel, *kernel_gradients], strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_the_last_output_and_backwards(run, normal, close):
    x = normal(1, 4, 6, 3)
    for kind in KINDS:
        every, last, back = (
            run(kind(5, **more), (6, 3))(x if not more.get("go_backwards") else x.flip(2))
            for more in ({"return_sequences": True}, {}, {"return_sequences": True, "go_backwards": True})
        )
        close(last, every[:, :, -1])
        close(back, every)


def test_gru_with_reset_before(run, normal, close):
    layer = run(GRU(4, activation="relu", recurrent_activation="hard_sigmoid", reset_after=False), (5, 3))
    w = layer.weights()
    assert w["bias"].shape == (12,)
    (wz, wr, wh), (uz, ur, uh), (bz, br, bh) = (
        w[name].chunk(3, -1) for name in ("kernel", "recurrent_kernel", "bias")
    )
    x = normal(1, 2, 5, 3)
    h = torch.zeros(2, 4, dtype=torch.float64)
    for step in x[0].unbind(1):
        z = ((step @ wz + h @ uz + bz) / 6 + 0.5).clamp(0, 1)
        r = ((step @ wr + h @ ur + br) / 6 + 0.5).clamp(0, 1)
        h = z * h + (1 - z) * torch.relu(step @ wh + (r * h) @ uh + bh)
    close(layer(x)[0], h)


def test_lstm_of_other_activations(run, normal, close):
    layer = run(LSTM(4, activation="softsign", recurrent_activation="hard_sigmoid", use_bias=False), (5, 3))
    w = layer.weights()
    x = normal(1, 2, 5, 3)
    h = c = torch.zeros(2, 4, dtype=torch.float64)
    for step in x[0].unbind(1):
        i, f, g, o = (step @ w["kernel"] + h @ w["recurrent_kernel"]).chunk(4, -1)
        i, f, o = (((gate / 6) + 0.5).clamp(0, 1) for gate in (i, f, o))
        c = f * c + i * g / (1 + g.abs())
        h = o * c / (1 + c.abs())
    close(layer(x)[0], h)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_of_inputs_is_the_same_at_all_steps(kind, run):
    layer = run(kind(4, dropout=0.5, return_sequences=True), (1, 6))
    seen = []
    layer.layer.fused_members = 0
    inputs = layer.layer.inputs
    layer.layer.inputs = lambda x: seen.append(x) or inputs(x)
    layer(torch.ones(1, 8, 5, 6, dtype=torch.float64), Mode(True, generators(1)))
    (x,) = seen
    assert set(x.unique().tolist()) == {0.0, 2.0}
    assert (x == x[:, :, :1]).all()
    assert not (x == x[:, :1]).all()  # rows differ
    layer(torch.ones(1, 8, 5, 6, dtype=torch.float64))
    assert (seen[1] == 1).all()


@pytest.mark.parametrize("kind", KINDS)
def test_recurrent_dropout_is_the_same_at_all_steps(kind, run, normal, close):
    """Values with a mask found from the generator: the same layer with rows of U zeroed or doubled."""
    layer = run(kind(4, recurrent_dropout=0.5), (5, 3))
    x = normal(1, 1, 5, 3)
    mask = layer.layer.recurrent_drops(torch.ones(1, 1, 4, dtype=torch.float64), Mode(True, generators(3)))
    assert 0 < mask.sum() < 8
    dropped = layer(x, Mode(True, generators(3)))
    with torch.no_grad():
        place = next(place for place in layer.layout.places if place.attribute == "recurrent_kernel")
        size = place.declared.size
        layer.flat[:, place.start : place.start + size] *= mask[0, 0].repeat_interleave(size // 4)
    close(dropped, layer(x))


@pytest.mark.parametrize("more", [{}, {"dropout": 0.3, "recurrent_dropout": 0.4, "return_sequences": True}])
@pytest.mark.parametrize("kind", KINDS)
def test_members(kind, more, alike, normal):
    alike(lambda: kind(4, **more), normal(3, 2, 5, 3), training=True)


def test_starts(run):
    weights = run(LSTM(6), (5, 3), noise=0).weights()
    assert weights["bias"].tolist() == [0] * 6 + [1] * 6 + [0] * 12
    recurrent = weights["recurrent_kernel"]
    torch.testing.assert_close(recurrent @ recurrent.T, torch.eye(6).double(), atol=1e-5, rtol=0)
    assert weights["kernel"].abs().max() <= np.sqrt(6 / (3 + 24))
    assert not run(LSTM(6, unit_forget_bias=False), (5, 3), noise=0).weights()["bias"].any()
    shapes = {name: tuple(value.shape) for name, value in run(GRU(6), (5, 3)).weights().items()}
    assert shapes == {"kernel": (3, 18), "recurrent_kernel": (6, 18), "bias": (2, 18)}


def test_groups(run):
    layer = run(GRU(2, recurrent_regularizer="l2", trainable=False), (5, 3)).layer
    assert layer.declared["recurrent_kernel"].l2 == 0.01
    assert {each.rate for each in layer.declared.values()} == {0.0}


def test_unknown_lengths_and_other_lengths(run, normal):
    layer = run(GRU(4, return_sequences=True), (None, 3))
    assert layer.shape == (None, 4)
    assert layer(normal(1, 2, 9, 3)).shape == (1, 2, 9, 4)
    assert layer(normal(1, 2, 1, 3)).shape == (1, 2, 1, 4)


@pytest.mark.parametrize("members", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_learns_to_remember_the_first_step(kind, members, run):
    layer = run(kind(8), (6, 1), members, noise=0)
    read = run(Dense(1), (8,), members, noise=0)
    x = torch.from_numpy(np.random.default_rng(1).choice([-1.0, 1.0], (members, 32, 6, 1)))
    optimizer = torch.optim.Adam([layer.flat, read.flat], 0.03)
    loss = torch.zeros(())
    for _ in range(150):
        loss = (read(layer(x)) - x[:, :, 0]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02


def test_bfloat16_runs_in_the_kernel(run, normal):
    layer = run(LSTM(4), (5, 3))
    x = normal(1, 2, 5, 3)
    with torch.autocast("cpu", torch.bfloat16):
        found = layer(x.bfloat16())
    torch.testing.assert_close(found, layer(x), atol=0.05, rtol=0.05)


@pytest.mark.parametrize(
    ("make", "what", "hint"),
    [
        (
            lambda: LSTM(4).output_shape((10,)),
            r"sequences \[time, features\].*\(10,\)",
            r"Reshape\(\(10, 1\)\)",
        ),
        (lambda: LSTM(4).output_shape((5, 5, 3)), r"has shape \(5, 5, 3\)", None),
        (lambda: GRU(4).output_shape((5, None)), "last axis", None),
        (lambda: GRU(4, return_state=True), "return_state", "return_sequences"),
        (lambda: GRU(0), "units is 0", "at least 1"),
        (lambda: LSTM(4, recurrent_activation="sigmod"), "sigmod", "sigmoid"),
        (lambda: LSTM(4, dropout=1.0), "dropout is 1.0", "below 1"),
        (lambda: SimpleRNN(4, recurrent_initializer="ortogonal"), "ortogonal", "orthogonal"),
        (lambda: LSTM(4, return_sequence=True), "return_sequence", "return_sequences"),
    ],
)
def test_errors(make, what, hint):
    with pytest.raises(InputError, match=what) as caught:
        make()
    if hint:
        assert re.search(hint, str(caught.value.hint))


def test_time_distributed(run, normal, close, alike):
    layer = run(TimeDistributed(LSTM(4)), (3, 5, 2))
    assert layer.shape == (3, 4)
    x = normal(1, 2, 3, 5, 2)
    alone = run(LSTM(4), (5, 2))
    alone.flat = layer.flat
    y = layer(x)
    for step in range(3):
        close(y[:, :, step], alone(x[:, :, step]))
    alike(lambda: TimeDistributed(Dense(4)), normal(3, 2, 5, 3))
    frozen = run(TimeDistributed(Dense(4), trainable=False), (5, 3)).layer
    assert frozen.layer.declared["kernel"].rate == 0
    with pytest.raises(InputError, match="takes sequences"):
        TimeDistributed(Dense(4)).output_shape((5,))
    with pytest.raises(InputError, match="is no layer"):
        TimeDistributed("dense")  # type: ignore[arg-type]
