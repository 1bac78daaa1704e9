"""Against PyTorch's own convolutions, and against sums over windows written out."""

from __future__ import annotations

import itertools
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from netwright.errors import InputError
from netwright.layers import Conv1D, Conv2D, Layer
from netwright.layers.windows import margins
from netwright.nn.member import Mode

# What Keras on TensorFlow adds (before, after) with padding "same": size, kernel, stride.
SAME = {
    (28, 3, 1): (1, 1),
    (28, 3, 2): (0, 1),
    (7, 3, 2): (1, 1),
    (6, 2, 1): (0, 1),
    (224, 7, 2): (2, 3),
    (5, 2, 2): (0, 1),
    (4, 1, 2): (0, 0),
    (3, 5, 4): (1, 1),
    (2, 5, 4): (1, 2),
}


def first_place(size: int, reach: int, stride: int, padding: str) -> int:
    """Where the first window starts: TensorFlow's documented rule for "same"."""
    if padding == "valid":
        return 0
    if padding == "causal":
        return 1 - reach
    beyond = reach - (size % stride or stride)
    return -(max(beyond, 0) // 2)


def written_out(x: Tensor, kernel: Tensor, bias: Tensor, layer, shape: tuple[int, ...]) -> Tensor:
    """[B, *axes, C] to [B, *shape], value by value, with zeros outside."""
    axes = range(len(layer.kernel_size))
    filters, width = layer.filters, x.shape[-1] // layer.groups
    starts = [
        first_place(x.shape[axis + 1], layer.reach[axis], layer.strides[axis], layer.padding) for axis in axes
    ]
    values = []
    for out in itertools.product(*(range(size) for size in shape[:-1])):
        for unit in range(filters):
            part = slice(unit // (filters // layer.groups) * width, None)
            value = bias[unit].expand(len(x))
            for tap in itertools.product(*(range(size) for size in layer.kernel_size)):
                place = [
                    starts[axis] + out[axis] * layer.strides[axis] + tap[axis] * layer.dilation_rate[axis]
                    for axis in axes
                ]
                if all(0 <= place[axis] < x.shape[axis + 1] for axis in axes):
                    seen = x[(slice(None), *place)][:, part][:, :width]
                    value = value + seen @ kernel[(*tap, slice(None), unit)]
            values.append(value)
    return torch.stack(values, 1).view(len(x), *shape)


def check(running, x: Tensor, normal, close) -> None:
    """Values and gradients of a convolution of one member are those of the sums written out."""
    x = x.requires_grad_()
    y = running(x)
    weights = {name: value.requires_grad_() for name, value in running.weights().items()}
    expected = written_out(x[0], weights["kernel"], weights["bias"], running.layer, running.shape)
    close(y[0], expected)
    flat, back = running.gradients(y, x)
    loss = (expected * normal(*expected.shape, seed=98)).sum()
    wanted = torch.autograd.grad(loss, [x, *weights.values()])
    close(back, wanted[0])
    close(flat[0], torch.cat([each.reshape(-1) for each in wanted[1:]]))


@pytest.mark.parametrize(("size", "kernel", "stride"), SAME)
def test_same_adds_the_odd_zero_at_the_end(size, kernel, stride):
    assert margins([size], [kernel], [stride], "same") == [SAME[size, kernel, stride]]


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
@pytest.mark.parametrize(
    ("kernel", "stride", "gap", "groups"), [(3, 1, 1, 1), (2, 2, 1, 2), (2, 1, 3, 1), (3, 3, 2, 1)]
)
def test_conv1d_is_its_sums(run, normal, close, padding, kernel, stride, gap, groups):
    layer = Conv1D(4, kernel, stride, padding, dilation_rate=gap, groups=groups)
    check(run(layer, (8, 2)), normal(1, 2, 8, 2), normal, close)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(
    ("kernel", "strides", "gaps", "groups"),
    [(3, 1, 1, 1), ((2, 3), (2, 1), 1, 2), (2, 1, (2, 3), 1), (3, (3, 2), 1, 1), (1, 2, 1, 2)],
)
def test_conv2d_is_its_sums(run, normal, close, padding, kernel, strides, gaps, groups):
    layer = Conv2D(4, kernel, strides, padding, dilation_rate=gaps, groups=groups)
    check(run(layer, (6, 5, 2)), normal(1, 2, 6, 5, 2), normal, close)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(5, 12), st.integers(5, 12)),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    gaps=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    groups=st.sampled_from([1, 2, 4]),
)
def test_conv2d_equals_torch(run, normal, close, sizes, kernel, strides, gaps, groups):
    running = run(Conv2D(8, kernel, strides, dilation_rate=gaps, groups=groups), (*sizes, 4))
    x = normal(1, 3, *sizes, 4)
    weights = running.weights()
    kernel_first = weights["kernel"].permute(3, 2, 0, 1)
    expected = functional.conv2d(
        x[0].permute(0, 3, 1, 2), kernel_first, weights["bias"], strides, 0, gaps, groups
    )
    found = running(x)[0]
    close(found, expected.permute(0, 2, 3, 1))
    assert tuple(found.shape[1:]) == running.shape


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    gaps=st.integers(1, 2),
)
def test_same_without_strides_equals_torchs_same(run, normal, close, sizes, kernel, gaps):
    running = run(Conv2D(2, kernel, padding="same", dilation_rate=gaps, use_bias=False), (*sizes, 3))
    x = normal(1, 2, *sizes, 3)
    reference = torch.nn.Conv2d(3, 2, kernel, padding="same", dilation=gaps, bias=False).double()
    reference.weight.data = running.weights()["kernel"].permute(3, 2, 0, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a copy that even kernels need
        expected = reference(x[0].permute(0, 3, 1, 2))
    close(running(x)[0], expected.permute(0, 2, 3, 1))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    size=st.integers(1, 20),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 4),
    gap=st.integers(1, 3),
    padding=st.sampled_from(["valid", "same", "causal"]),
)
def test_lengths_are_what_comes_out(run, normal, size, kernel, stride, gap, padding):
    layer = Conv1D(2, kernel, stride, padding, dilation_rate=gap)
    if padding == "valid" and size < (kernel - 1) * gap + 1:
        with pytest.raises(InputError, match="smaller"):
            layer.output_shape((size, 3))
        return
    running = run(layer, (size, 3))
    assert tuple(running(normal(1, 2, size, 3)).shape[2:]) == running.shape
    assert layer.output_shape((None, 3)) == (None, 2)


def test_causal_sees_nothing_later(run, normal, close):
    running = run(Conv1D(3, 3, padding="causal", dilation_rate=2), (None, 2))
    x = normal(1, 2, 9, 2)
    changed = x.clone()
    changed[:, :, 6:] = 7.0
    before, after = running(x), running(changed)
    close(before[:, :, :6], after[:, :, :6])
    assert (before[:, :, 6:] != after[:, :, 6:]).all()


@pytest.mark.parametrize(("padding", "strides", "groups"), [("valid", 1, 1), ("same", 2, 2), ("same", 1, 4)])
def test_members_of_conv2d(alike, normal, padding, strides, groups):
    alike(lambda: Conv2D(4, 3, strides, padding, groups=groups, activation="tanh"), normal(3, 2, 6, 5, 4))


@pytest.mark.parametrize("padding", ["valid", "same", "causal"])
def test_members_of_conv1d(alike, normal, padding):
    alike(lambda: Conv1D(4, 3, 2, padding, use_bias=False), normal(3, 2, 8, 2))


def test_one_member_is_not_copied(run, normal):
    """The values keep their places: what comes out is channels last in memory again."""
    running = run(Conv2D(4, 3), (9, 9, 3))
    assert running(normal(1, 2, 9, 9, 3), Mode()).is_contiguous()


def shapes(layer: Layer) -> dict[str, tuple[int, ...]]:
    return {name: each.shape for name, each in layer.declared.items()}


def test_kernels_have_keras_shapes():
    layer = Conv2D(8, (3, 5), groups=2)
    layer.connect((9, 9, 4), 1)
    assert {name: each.shape for name, each in layer.declared.items()} == {
        "kernel": (3, 5, 2, 8),
        "bias": (8,),
    }
    layer = Conv1D(8, 3, use_bias=False)
    layer.connect((9, 4), 1)
    assert shapes(layer) == {"kernel": (3, 4, 8)}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            lambda: Conv2D(4, 3).output_shape((28, 28)),
            r"pictures \[height, width, channels\].*\(28, 28\).*Reshape",
        ),
        (lambda: Conv1D(4, 3).output_shape((28,)), r"sequences \[length, channels\].*\(28,\)"),
        (lambda: Conv2D(4, 3).output_shape((28, 28, None)), "must be known"),
        (lambda: Conv2D(4, 5).output_shape((9, 4, 1)), r"kernel reaches over \(5, 5\).*\(9, 4, 1\)"),
        (lambda: Conv2D(4, 3, groups=3), "4 filters do not divide into 3 groups"),
        (lambda: Conv2D(4, 3, groups=2).output_shape((9, 9, 3)), "3 channels .* do not divide into 2"),
        (lambda: Conv2D(4, 3, padding="causal"), "padding is 'causal'"),
        (lambda: Conv1D(4, 3, padding="sme"), "did you mean 'same'"),
        (lambda: Conv2D(4, (3, 3, 3)), "kernel_size is .*2 of them"),
        (lambda: Conv2D(4, 0), "kernel_size is 0"),
        (lambda: Conv2D(0, 3), "filters is 0"),
        (lambda: Conv2D(4, 3, data_format="channels_first"), "channels are always the last axis"),
        (lambda: Conv2D(4, 3, kernel="x"), "no argument 'kernel'"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
