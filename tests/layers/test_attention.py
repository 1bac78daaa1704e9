from __future__ import annotations

import math

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import Dense, MultiHeadAttention
from netwright.layers.base import Symbol
from netwright.nn.member import Mode


def generators(*seeds: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def reference(weights, features: int, heads: int) -> torch.nn.MultiheadAttention:
    """PyTorch's layer with Keras's weights: [D, heads, key_dim] to rows of heads side by side."""
    layer = torch.nn.MultiheadAttention(features, heads, batch_first=True).double()
    kernels = [weights[f"{name}_kernel"].reshape(features, -1).T for name in ("query", "key", "value")]
    biases = [weights[f"{name}_bias"].reshape(-1) for name in ("query", "key", "value")]
    layer.load_state_dict(
        {
            "in_proj_weight": torch.cat(kernels),
            "in_proj_bias": torch.cat(biases),
            "out_proj.weight": weights["output_kernel"].reshape(-1, features).T,
            "out_proj.bias": weights["output_bias"],
        }
    )
    return layer


@pytest.mark.parametrize("causal", [False, True])
def test_self_attention_equals_torch(causal, run, normal, close):
    layer = run(MultiHeadAttention(2, 4, causal=causal), (6, 8), members=2)
    x = normal(2, 3, 6, 8).requires_grad_()
    y = layer(x)
    assert layer.shape == (6, 8)
    flat, given = layer.gradients(y, x)
    for member in range(2):
        other = reference(layer.weights(member), 8, 2)
        mask = torch.ones(6, 6, dtype=torch.bool).triu(1) if causal else None
        expected, _ = other(x[member], x[member], x[member], attn_mask=mask)
        close(y[member], expected)
        loss = (expected * normal(*expected.shape, seed=98)).sum()
        wanted, wanted_weight, wanted_bias = torch.autograd.grad(
            loss, [x, other.in_proj_weight, other.out_proj.bias]
        )
        close(given[member], wanted[member])
        close(flat[member, :64], wanted_weight[:8].T.reshape(-1))  # the query's kernel [8, 2, 4]
        close(flat[member, -8:], wanted_bias)


def test_query_value_and_key_equal_torch(run, normal, close):
    layer = run(MultiHeadAttention(2, 4), [(6, 8), (5, 8), (5, 8)])
    query, value, key = normal(1, 3, 6, 8), normal(1, 3, 5, 8, seed=1), normal(1, 3, 5, 8, seed=2)
    other = reference(layer.weights(), 8, 2)
    close(layer([query, value, key])[0], other(query[0], key[0], value[0])[0])
    close(layer([query, value])[0], other(query[0], value[0], value[0])[0])


def test_other_sizes_by_the_formula(run, normal, close):
    """Also what training with dropout computes, at a rate so small that nothing is dropped."""
    arguments = {"value_dim": 5, "output_shape": 7, "use_bias": False, "causal": True}
    layer = run(MultiHeadAttention(2, 3, dropout=1e-9, **arguments), [(6, 8), (4, 9)])
    assert layer.shape == (6, 7)
    w = layer.weights()
    assert {name: tuple(value.shape) for name, value in w.items()} == {
        "query_kernel": (8, 2, 3),
        "key_kernel": (9, 2, 3),
        "value_kernel": (9, 2, 5),
        "output_kernel": (2, 5, 7),
    }
    query, value = normal(1, 3, 6, 8), normal(1, 3, 4, 9, seed=1)
    q, k, v = (
        torch.einsum("btd,dhk->bhtk", x[0], w[f"{name}_kernel"])
        for x, name in ((query, "query"), (value, "key"), (value, "value"))
    )
    scores = torch.einsum("bhtk,bhsk->bhts", q, k) / math.sqrt(3)
    for t in range(6):
        scores[:, :, t, t + 1 :] = -math.inf
    expected = torch.einsum("bhts,bhsv,hvd->btd", scores.softmax(-1), v, w["output_kernel"])
    close(layer([query, value])[0], expected)
    torch.testing.assert_close(
        layer([query, value], Mode(True, generators(0)))[0], expected, rtol=1e-6, atol=1e-6
    )


def test_dropout_of_weights(run):
    """Values of 1 everywhere: the outputs are sums of weights that are 0 or 2 / T."""
    layer = run(MultiHeadAttention(1, 1, dropout=0.5, use_bias=False), (8, 1))
    with torch.no_grad():
        layer.flat[:] = torch.tensor([0.0, 0.0, 1.0, 1.0])  # query, key, value, output
    x = torch.ones(1, 50, 8, 1, dtype=torch.float64)
    y = layer(x, Mode(True, generators(0)))
    assert set((y * 4).round(decimals=6).unique().tolist()) <= set(range(9))
    assert abs(y.mean().item() - 1) < 0.05
    assert y.std() > 0.2
    assert (layer(x) == 1).all()


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_members(dropout, alike, normal):
    alike(lambda: MultiHeadAttention(2, 4, dropout=dropout), normal(3, 2, 5, 8), training=True)


def test_a_later_step_changes_nothing_before_it(run, normal, close):
    layer = run(MultiHeadAttention(2, 4, causal=True), (6, 8))
    x = normal(1, 2, 6, 8)
    changed = x.clone()
    changed[:, :, 4:] += 1
    close(layer(x)[:, :, :4], layer(changed)[:, :, :4])
    assert not torch.allclose(layer(x)[:, :, 4:], layer(changed)[:, :, 4:])


def test_called_on_symbols():
    x, y = Symbol((6, 8)), Symbol((4, 9))
    alone = MultiHeadAttention(2, 4)
    assert alone(x).shape == (6, 8)
    assert alone(x).sources == (x,)
    assert not alone.several
    for call in (
        lambda layer: layer(x, y),
        lambda layer: layer([x, y]),
        lambda layer: layer(query=x, value=y),
        lambda layer: layer(x, value=y, use_causal_mask=True),
    ):
        layer = MultiHeadAttention(2, 4)
        symbol = call(layer)
        assert symbol.sources == (x, y)
        assert symbol.shape == (6, 8)
        assert layer.several
    assert layer.causal
    assert layer.arguments["causal"] is True
    assert MultiHeadAttention(2, 4)(x, x).sources == (x, x)


def test_learns_to_look_back(run, normal):
    """The output at each step is the first step's value."""
    layer = run(MultiHeadAttention(2, 4), (5, 6), noise=0)
    read = run(Dense(1), (6,), noise=0)
    x = normal(1, 32, 5, 6)
    x[..., 0] = 0
    x[:, :, 0, 0] = 3
    target = x[:, :, :1, 1:2].expand(-1, -1, 5, -1)
    optimizer = torch.optim.Adam([layer.flat, read.flat], 0.02)
    loss = torch.zeros(())
    for _ in range(200):
        loss = (read(layer(x)) - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.02 * target.var()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: MultiHeadAttention(0, 4), "num_heads is 0"),
        (lambda: MultiHeadAttention(2, 4).output_shape((8,)), r"\[time, features\].*\(8,\)"),
        (lambda: MultiHeadAttention(2, 4).output_shape([(4, 8), (5, 8), (6, 8)]), "value has 5.*key 6"),
        (lambda: MultiHeadAttention(2, 4).output_shape([(4, 8)] * 4), "given 4 inputs"),
        (lambda: MultiHeadAttention(2, 4, dropout=2), "dropout is 2"),
        (lambda: MultiHeadAttention(2, 4).output_shape((4, None)), "last axis"),
    ],
)
def test_errors(make, what):
    with pytest.raises(InputError, match=what):
        make()
