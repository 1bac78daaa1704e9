from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from netwright.errors import InputError
from netwright.layers import Conv2D, Conv2DTranspose


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    padding=st.sampled_from(["valid", "same"]),
    gaps=st.integers(1, 2),
)
def test_it_is_the_gradient_of_a_convolution(run, normal, close, sizes, kernel, strides, padding, gaps):
    """By definition: it passes back what Conv2D of the same kernel would, from its output to its input."""
    back = run(Conv2DTranspose(2, kernel, strides, padding, dilation_rate=gaps), (*sizes, 3))
    weights = back.weights()
    forth = run(Conv2D(3, kernel, strides, padding, dilation_rate=gaps, use_bias=False), back.shape)
    forth.flat = weights["kernel"].reshape(1, -1)
    x = normal(1, 2, *sizes, 3)
    given_ = normal(1, 2, *back.shape, seed=1).requires_grad_()
    there = forth(given_)
    assert there.shape == x.shape
    (expected,) = torch.autograd.grad((there * x).sum(), given_)
    close(back(x), expected + weights["bias"])


def test_valid_equals_torch(run, normal, close):
    running = run(Conv2DTranspose(4, 3, 2, activation="relu"), (5, 6, 2))
    x, weights = normal(1, 2, 5, 6, 2), running.weights()
    kernel = weights["kernel"].permute(3, 2, 0, 1)
    expected = functional.conv_transpose2d(x[0].permute(0, 3, 1, 2), kernel, weights["bias"], 2)
    close(running(x)[0], torch.relu(expected).permute(0, 2, 3, 1))


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_members(alike, normal, padding):
    alike(lambda: Conv2DTranspose(4, 3, 2, padding), normal(3, 2, 3, 4, 2))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"takes pictures .* shape \(7,\)"):
        Conv2DTranspose(4, 3).output_shape((7,))
