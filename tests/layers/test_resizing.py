from __future__ import annotations

import numpy as np
import pytest

from netwright.errors import InputError
from netwright.layers import Cropping1D, Cropping2D, UpSampling1D, UpSampling2D, ZeroPadding1D, ZeroPadding2D

ALIKE = [(0, 0), (0, 0)]


@pytest.mark.parametrize(
    ("layer", "shape", "around"),
    [
        (ZeroPadding1D(2), (5, 3), [(2, 2)]),
        (ZeroPadding1D((0, 3)), (5, 3), [(0, 3)]),
        (ZeroPadding2D(1), (5, 4, 3), [(1, 1), (1, 1)]),
        (ZeroPadding2D((1, 2)), (5, 4, 3), [(1, 1), (2, 2)]),
        (ZeroPadding2D(((1, 0), (2, 3))), (5, 4, 3), [(1, 0), (2, 3)]),
    ],
)
def test_padding_and_its_way_back(run, normal, close, layer, shape, around):
    running = run(layer, shape)
    x = normal(2, 3, *shape)
    found = running(x)
    assert tuple(found.shape[2:]) == running.shape
    np.testing.assert_array_equal(found, np.pad(x.numpy(), [*ALIKE, *around, (0, 0)]))
    kind = Cropping1D if len(shape) == 2 else Cropping2D
    back = run(kind(around[0] if len(shape) == 2 else around), running.shape)
    assert back.shape == shape
    close(back(found), x)


def test_upsampling_repeats(run, normal):
    x = normal(2, 3, 4, 5, 2)
    running = run(UpSampling2D((2, 3)), (4, 5, 2))
    assert running.shape == (8, 15, 2)
    np.testing.assert_array_equal(running(x), x.numpy().repeat(2, 2).repeat(3, 3))
    running = run(UpSampling1D(3), (5, 2))
    assert running.shape == (15, 2)
    np.testing.assert_array_equal(running(x[:, :, 0]), x[:, :, 0].numpy().repeat(3, 2))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Cropping2D(2).output_shape((4, 9, 1)), "leaves nothing"),
        (lambda: ZeroPadding2D(-1), "padding is -1"),
        (lambda: ZeroPadding2D((1, 2, 3)), "2 of them"),
        (lambda: ZeroPadding1D().output_shape((4,)), "takes sequences"),
        (lambda: UpSampling2D(interpolation="bilinear"), 'only "nearest"'),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
