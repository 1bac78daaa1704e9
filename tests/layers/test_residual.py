from __future__ import annotations

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import BatchNormalization, Conv1D, Conv2D, Dense, Flatten, Residual
from netwright.nn.member import Mode


def test_the_way_around_is_added(run, normal, close):
    running = run(Residual([Dense(7, "relu"), Dense(4)]), (4,))
    x = normal(1, 6, 4)
    w = running.weights()
    inner = torch.relu(x[0] @ w["layers.0.kernel"] + w["layers.0.bias"])
    close(running(x)[0], x[0] + inner @ w["layers.1.kernel"] + w["layers.1.bias"])


def test_a_projection_brings_vectors_to_the_shape(run, normal, close):
    running = run(Residual(Dense(3, "tanh"), projection="auto"), (4,))
    x = normal(1, 6, 4)
    w = running.weights()
    assert set(w) == {"layers.0.kernel", "layers.0.bias", "projection.kernel"}
    inner = torch.tanh(x[0] @ w["layers.0.kernel"] + w["layers.0.bias"])
    close(running(x)[0], x[0] @ w["projection.kernel"] + inner)


def test_a_projection_of_pictures_strides(run, normal, close):
    running = run(Residual(Conv2D(5, 3, 2, padding="same"), projection="auto"), (7, 8, 3))
    assert running.shape == (4, 4, 5)
    x = normal(1, 2, 7, 8, 3)
    w = running.weights()
    inner = run(Conv2D(5, 3, 2, padding="same"), (7, 8, 3))
    inner.flat = torch.cat([w["layers.0.kernel"].reshape(-1), w["layers.0.bias"]])[None]
    close(running(x), x[:, :, ::2, ::2] @ w["projection.kernel"][0, 0] + inner(x))


def test_no_projection_where_shapes_agree(run):
    assert run(Residual(Dense(4), projection="auto"), (4,)).weights().keys() == {
        "layers.0.kernel",
        "layers.0.bias",
    }


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: Residual([Dense(7, "relu"), BatchNormalization(), Dense(4)]), (4,)),
        (lambda: Residual([Dense(3), Residual(Dense(3, "tanh"))], projection="auto"), (5, 4)),
        (lambda: Residual(Conv1D(3, 3, 2, "same"), projection="auto"), (7, 2)),
        (lambda: Residual(Conv2D(3, 3), projection=Conv2D(3, 3, use_bias=False)), (6, 5, 2)),
    ],
)
def test_members(alike, normal, make, shape):
    alike(make, normal(3, 6, *shape), training=True)


def test_what_is_inside_stands_still_with_it(run, normal):
    running = run(Residual([Dense(4), BatchNormalization()], trainable=False), (4,))
    assert {place.declared.rate for place in running.layout.places} == {0.0}
    running(normal(1, 6, 4), Mode(training=True))
    assert not dict(running.layer.named_buffers())["layers.1.moving_mean"].any()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Residual(Dense(3)).output_shape((4,)), r"give \(3,\) for inputs of shape \(4,\).*\"auto\""),
        (lambda: Residual(Flatten(), "auto").output_shape((5, 4)), "as many axes"),
        (lambda: Residual(Conv2D(3, 3), "auto").output_shape((9, 9, 3)), 'padding="same"'),
        (lambda: Residual(Dense(3), Dense(5)).output_shape((4,)), r"its projection gives \(5,\)"),
        (lambda: Residual([]), "a layer or a list of layers"),
        (lambda: Residual("dense"), "a layer or a list of layers"),
        (lambda: Residual(Dense(3), "linear"), "projection is 'linear'"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
