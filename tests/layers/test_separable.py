from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from netwright.errors import InputError
from netwright.layers import Conv2D, DepthwiseConv2D, SeparableConv2D


@pytest.mark.parametrize(("strides", "gap"), [(1, 1), (2, 1), (1, 2)])
def test_depthwise_equals_torch(run, normal, close, strides, gap):
    running = run(DepthwiseConv2D((2, 3), strides, depth_multiplier=2, dilation_rate=gap), (7, 8, 3))
    x = normal(1, 2, 7, 8, 3)
    weights = running.weights()
    kernel = torch.stack(  # Keras: output channel c * 2 + d comes from channel c
        [weights["kernel"][:, :, channel, depth] for channel in range(3) for depth in range(2)]
    )
    expected = functional.conv2d(
        x[0].permute(0, 3, 1, 2), kernel[:, None], weights["bias"], strides, 0, gap, groups=3
    )
    close(running(x)[0], expected.permute(0, 2, 3, 1))


def test_separable_is_depthwise_and_then_one_by_one(run, normal, close):
    running = run(SeparableConv2D(5, 3, 2, "same", depth_multiplier=2), (7, 8, 3))
    x = normal(1, 2, 7, 8, 3)
    weights = running.weights()
    first = run(DepthwiseConv2D(3, 2, "same", depth_multiplier=2, use_bias=False), (7, 8, 3))
    first.flat = weights["depthwise_kernel"].reshape(1, -1)
    second = run(Conv2D(5, 1), (4, 4, 6))
    second.flat = torch.cat([weights["pointwise_kernel"].reshape(-1), weights["bias"]])[None]
    close(running(x), second(first(x)))
    assert running.shape == (4, 4, 5)


@pytest.mark.parametrize("kind", [lambda: DepthwiseConv2D(3, 2, "same"), lambda: SeparableConv2D(4, 2)])
def test_members(alike, normal, kind):
    alike(kind, normal(3, 2, 5, 6, 2))


def test_what_does_not_fit_is_refused():
    with pytest.raises(InputError, match=r"takes pictures .* shape \(28, 28\)"):
        SeparableConv2D(4, 3).output_shape((28, 28))
    with pytest.raises(InputError, match="depth_multiplier is 0"):
        DepthwiseConv2D(3, depth_multiplier=0)
