from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.errors import InputError
from netwright.layers import (
    AveragePooling1D,
    AveragePooling2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPooling1D,
    MaxPooling2D,
)

KINDS = {"max": (MaxPooling1D, MaxPooling2D, np.max), "mean": (AveragePooling1D, AveragePooling2D, np.mean)}


def windows(size: int, pool: int, stride: int, padding: str) -> list[slice]:
    """Which values each window takes, cut at the ends: TensorFlow's documented rule for "same"."""
    if padding == "valid":
        return [slice(start, start + pool) for start in range(0, size - pool + 1, stride)]
    before = max(pool - (size % stride or stride), 0) // 2
    starts = range(-before, size - before, stride)
    return [slice(max(start, 0), min(start + pool, size)) for start in starts][: -(-size // stride)]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    pool=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.sampled_from(["valid", "same"]),
)
def test_pooling_of_pictures_is_that_of_each_window(run, normal, kind, sizes, pool, strides, padding):
    running = run(KINDS[kind][1](pool, strides, padding), (*sizes, 3))
    x = normal(2, 2, *sizes, 3)
    found = running(x)
    rows, columns = (
        windows(size, each, step, padding)
        for size, each, step in zip(sizes, pool, strides or pool, strict=True)
    )
    assert running.shape == (len(rows), len(columns), 3) == tuple(found.shape[2:])
    for row, high in enumerate(rows):
        for column, wide in enumerate(columns):
            expected = KINDS[kind][2](x.numpy()[:, :, high, wide], axis=(2, 3))
            np.testing.assert_allclose(found[:, :, row, column], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("size", "pool", "strides"), [(9, 2, None), (10, 3, 2), (5, 2, 4), (7, 4, 1)])
def test_pooling_of_sequences_is_that_of_each_window(run, normal, kind, padding, size, pool, strides):
    running = run(KINDS[kind][0](pool, strides, padding), (size, 3))
    x = normal(2, 2, size, 3)
    expected = [
        KINDS[kind][2](x.numpy()[:, :, part], axis=2)
        for part in windows(size, pool, strides or pool, padding)
    ]
    found = running(x)
    assert tuple(found.shape[2:]) == running.shape
    np.testing.assert_allclose(found, np.stack(expected, 2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_equal_torchs(run, normal, close, kind):
    running = run(KINDS[kind][1](2), (6, 7, 3))
    x = normal(1, 2, 6, 7, 3).requires_grad_()
    reference = {"max": torch.nn.MaxPool2d(2), "mean": torch.nn.AvgPool2d(2)}[kind]
    (found,) = running.gradients(running(x), x)
    expected = reference(x[0].permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    (wanted,) = torch.autograd.grad((expected * normal(*expected.shape, seed=98)).sum(), x)
    close(found, wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_at_the_edges_by_finite_differences(run, normal, kind):
    running = run(KINDS[kind][1](3, 2, "same"), (4, 5, 2))
    assert torch.autograd.gradcheck(running, normal(1, 2, 4, 5, 2).requires_grad_())


@pytest.mark.parametrize("keepdims", [False, True])
def test_global_pooling(run, normal, keepdims):
    x = normal(2, 3, 4, 5, 6)
    steps = x.flatten(2, 3)
    for kind, given_, function, axes in (
        (GlobalMaxPooling1D, steps, np.max, (2,)),
        (GlobalMaxPooling2D, x, np.max, (2, 3)),
        (GlobalAveragePooling1D, steps, np.mean, (2,)),
        (GlobalAveragePooling2D, x, np.mean, (2, 3)),
    ):
        running = run(kind(keepdims=keepdims), tuple(given_.shape[2:]))
        found = running(given_)
        assert tuple(found.shape[2:]) == running.shape
        np.testing.assert_allclose(found, function(given_.numpy(), axis=axes, keepdims=keepdims), rtol=1e-12)


@pytest.mark.parametrize(
    "make", [MaxPooling2D, lambda: AveragePooling2D(3, 2, "same"), GlobalMaxPooling2D, GlobalAveragePooling2D]
)
def test_members(alike, normal, make):
    alike(make, normal(3, 2, 5, 6, 2))


def test_lengths_may_be_unknown():
    assert MaxPooling1D().output_shape((None, 3)) == (None, 3)
    assert AveragePooling2D(padding="same").output_shape((None, 5, 3)) == (None, 3, 3)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: MaxPooling2D().output_shape((28, 28)), r"pictures .*\(28, 28\).*Reshape"),
        (
            lambda: MaxPooling2D(4).output_shape((3, 9, 1)),
            r"window reaches over \(4, 4\).*\(3, 9, 1\).*smaller",
        ),
        (lambda: AveragePooling1D(0), "pool_size is 0"),
        (lambda: AveragePooling1D(padding="causal"), "padding is 'causal'"),
        (lambda: GlobalMaxPooling1D().output_shape((2, 3, 4)), r"sequences .*\(2, 3, 4\)"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
