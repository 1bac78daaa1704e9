from __future__ import annotations

import math

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import Dense, PositionalEncoding, TransformerEncoder

NAMES = ("query", "key", "value")


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [True, False])
def test_block_equals_torch(norm_first, run, normal, close):
    layer = run(TransformerEncoder(2, 16, norm_first=norm_first), (6, 8))
    assert layer.shape == (6, 8)
    w = layer.weights()
    other = torch.nn.TransformerEncoderLayer(
        8, 2, 16, 0.0, "gelu", batch_first=True, norm_first=norm_first
    ).double()
    other.load_state_dict(
        {
            "self_attn.in_proj_weight": torch.cat(
                [w[f"attention.{name}_kernel"].reshape(8, 8).T for name in NAMES]
            ),
            "self_attn.in_proj_bias": torch.cat([w[f"attention.{name}_bias"].reshape(8) for name in NAMES]),
            "self_attn.out_proj.weight": w["attention.output_kernel"].reshape(8, 8).T,
            "self_attn.out_proj.bias": w["attention.output_bias"],
            "linear1.weight": w["expand.kernel"].T,
            "linear1.bias": w["expand.bias"],
            "linear2.weight": w["contract.kernel"].T,
            "linear2.bias": w["contract.bias"],
            "norm1.weight": w["attention_norm.gamma"],
            "norm1.bias": w["attention_norm.beta"],
            "norm2.weight": w["dense_norm.gamma"],
            "norm2.bias": w["dense_norm.beta"],
        }
    )
    x = normal(1, 3, 6, 8).requires_grad_()
    y, expected = layer(x), other(x[0])
    close(y[0], expected)
    _, given = layer.gradients(y, x)
    close(given, torch.autograd.grad((expected * normal(*expected.shape, seed=98)).sum(), x)[0])


@pytest.mark.parametrize("causal", [False, True])
def test_members_of_the_block(causal, alike, normal):
    alike(lambda: TransformerEncoder(2, 6, dropout=0.3, causal=causal), normal(3, 2, 5, 4), training=True)


def test_causal_block(run, normal, close):
    layer = run(TransformerEncoder(2, 6, causal=True), (6, 4))
    x = normal(1, 2, 6, 4)
    changed = x.clone()
    changed[:, :, 3:] += 1
    close(layer(x)[:, :, :3], layer(changed)[:, :, :3])


def test_frozen_block(run):
    layer = run(TransformerEncoder(2, 6, trainable=False), (6, 4))
    assert {place.declared.rate for place in layer.layout.places} == {0.0}


def test_errors_of_the_block():
    with pytest.raises(InputError, match="10 features cannot be shared by 4 heads"):
        TransformerEncoder(4, 8).output_shape((6, 10))
    with pytest.raises(InputError, match=r"\[time, features\]"):
        TransformerEncoder(4, 8).output_shape((8,))
    with pytest.raises(InputError, match="gleu") as caught:
        TransformerEncoder(4, 8, activation="gleu")
    assert "gelu" in str(caught.value.hint)


def test_block_learns_the_order_with_positions(run, normal):
    """The sign of the first step's first feature, at each step: only positions tell which is the first."""
    layers = [
        run(PositionalEncoding("learned"), (3, 8), noise=0.5),
        run(TransformerEncoder(2, 16), (3, 8), noise=0),
        run(Dense(1), (8,), noise=0),
    ]
    x = normal(1, 32, 3, 8)
    target = torch.sign(x[:, :, :1, :1]).expand(-1, -1, 3, -1)
    optimizer = torch.optim.Adam([layer.flat for layer in layers], 0.01)
    loss = torch.zeros(())
    for _ in range(150):
        y = x
        for layer in layers:
            y = layer(y)
        loss = (y - target).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.1


@pytest.mark.parametrize("features", [6, 7])
def test_sinusoids(features, run, normal, close):
    layer = run(PositionalEncoding(), (None, features))
    x = normal(1, 2, 5, features)
    expected = torch.zeros(5, features, dtype=torch.float64)
    for position in range(5):
        for column in range(features):
            angle = position / 10000 ** (2 * (column // 2) / features)
            expected[position, column] = math.cos(angle) if column % 2 else math.sin(angle)
    close(layer(x), x + expected)


def test_learned_positions(run, normal, close, alike):
    layer = run(PositionalEncoding("learned", max_length=9), (None, 4))
    x = normal(1, 2, 5, 4)
    close(layer(x)[0], x[0] + layer.weights()["embeddings"][:5])
    assert layer.weights()["embeddings"].shape == (9, 4)
    alike(lambda: PositionalEncoding("learned"), normal(3, 2, 5, 4))
    alike(lambda: PositionalEncoding("learned"), normal(3, 2, 6, 5, 4))  # further axes before the time
    with pytest.raises(InputError, match="has 10 steps, and at most 9"):
        layer(normal(1, 2, 10, 4))


def test_errors_of_positions():
    with pytest.raises(InputError, match="is not known") as caught:
        PositionalEncoding("learned").output_shape((None, 4))
    assert "max_length" in str(caught.value.hint)
    with pytest.raises(InputError, match="kind is 'sinus'") as caught:
        PositionalEncoding("sinus")
    assert "sinusoidal" in str(caught.value.hint)
    with pytest.raises(InputError, match="takes sequences"):
        PositionalEncoding().output_shape((4,))
