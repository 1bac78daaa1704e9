"""`fit(..., mixup=alpha)` of models by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import netwright as nw
from netwright import layers
from netwright.errors import InputError
from netwright.nn.mixup import draw
from netwright.training.randomness import mixing, order

ROWS = 12
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(ROWS, 3)).astype(np.float32)
Y = RANDOM.normal(size=(ROWS, 1)).astype(np.float32)


def model() -> nw.Sequential:
    nw.set_seed(4)
    made = nw.Sequential([layers.Dense(4, activation="tanh", input_dim=3), layers.Dense(1)])
    made.compile(optimizer="sgd", loss="mse")
    return made


def test_a_step_is_plain_gradient_descent_on_blended_rows():
    made = model()
    made.fit(X, Y, verbose=0)  # the first fit also finds the start
    weights = [torch.tensor(each, requires_grad=True) for each in made.get_weights()]
    made.fit(X, Y, batch_size=ROWS, mixup=0.4, verbose=0)
    rows = order(made.seed, 2, ROWS)
    x, y = torch.from_numpy(X)[rows], torch.from_numpy(Y)[rows]
    mix = draw(mixing([made.seed], 2), [0.4], ROWS, None, "cpu")
    share, partner = float(mix.share[0]), mix.partner[0]
    first, bias, second, last = weights
    output = torch.tanh((share * x + (1 - share) * x[partner]) @ first + bias) @ second + last
    loss = share * (output - y).square().mean() + (1 - share) * (output - y[partner]).square().mean()
    loss.backward()
    for ours, each in zip(made.get_weights(), weights, strict=True):
        np.testing.assert_allclose(ours, (each - 0.01 * each.grad).detach().numpy(), atol=1e-6)


def test_no_mixup_is_as_before():
    plain, none = model(), model()
    plain.fit(X, Y, verbose=0)
    none.fit(X, Y, mixup=0.0, verbose=0)
    for ours, theirs in zip(plain.get_weights(), none.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_cannot_be_mixed_is_refused():
    with pytest.raises(InputError, match="mixup is -1"):
        model().fit(X, Y, mixup=-1, verbose=0)
    coded = nw.Sequential([layers.Embedding(5, 3, input_length=2), layers.Flatten(), layers.Dense(1)])
    coded.compile(optimizer="sgd", loss="mse")
    with pytest.raises(InputError, match="mixup blends numbers"):
        coded.fit(RANDOM.integers(0, 5, (ROWS, 2)), Y, mixup=0.2, verbose=0)
