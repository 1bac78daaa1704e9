from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from netwright.errors import InputError
from netwright.layers import BatchNormalization, GroupNormalization, LayerNormalization
from netwright.nn.member import Mode

SHAPES = [(4,), (7, 4), (3, 5, 4)]


def train(rows: torch.Tensor | None = None) -> Mode:
    return Mode(training=True, rows=rows)


@pytest.mark.parametrize("shape", SHAPES)
def test_batch_normalization_equals_torch(run, normal, close, shape):
    running = run(BatchNormalization(), shape)
    x = (3 + 2 * normal(1, 6, *shape)).requires_grad_()
    y = running(x, train())
    weights = running.weights()
    gamma, beta = (weights[name].requires_grad_() for name in ("gamma", "beta"))
    expected = functional.batch_norm(
        x[0].movedim(-1, 1), None, None, gamma, beta, training=True, eps=1e-3
    ).movedim(1, -1)
    close(y[0], expected)
    flat, back = running.gradients(y, x)
    wanted = torch.autograd.grad((expected * normal(*expected.shape, seed=98)).sum(), [gamma, beta, x])
    torch.testing.assert_close(flat[0], torch.cat(wanted[:2]), rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(back, wanted[2], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", SHAPES)
def test_moving_statistics_are_keras_ones(run, normal, shape):
    """moving = .9 moving + .1 batch's, where the batch's variance is the biased one."""
    running = run(BatchNormalization(momentum=0.9), shape)
    mean, variance = np.zeros(4), np.ones(4)
    for step in range(3):
        x = 3 + 2 * normal(1, 6, *shape, seed=step)
        running(x, train())
        values = x.numpy().reshape(-1, 4)
        mean = 0.9 * mean + 0.1 * values.mean(0)
        variance = 0.9 * variance + 0.1 * values.var(0)
    np.testing.assert_allclose(running.layer.moving_mean[0], mean, rtol=1e-12)
    np.testing.assert_allclose(running.layer.moving_variance[0], variance, rtol=1e-12)
    x = normal(1, 2, *shape, seed=9)
    weights = {name: value.numpy() for name, value in running.weights().items()}
    expected = (x.numpy() - mean) / np.sqrt(variance + 1e-3) * weights["gamma"] + weights["beta"]
    np.testing.assert_allclose(running(x).detach(), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(running.layer.moving_mean[0], mean, rtol=1e-12)  # prediction moves nothing


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_that_are_padding_do_not_count(run, normal, close, shape):
    """A member with 4 rows of 6 is what it is in a batch of 4, whatever the others hold."""
    x = normal(2, 6, *shape)
    rows = torch.ones(2, 6)
    rows[1, 4:] = 0
    padded = x.clone()
    padded[1, 4:] = 1e3
    together = run(BatchNormalization(momentum=0.5), shape, 2)
    y = together(padded, train(rows))
    for member, count in ((0, 6), (1, 4)):
        alone = run(BatchNormalization(momentum=0.5), shape)
        alone.flat = together.flat.detach()[member : member + 1]
        expected = alone(x[member : member + 1, :count], train())
        torch.testing.assert_close(y[member, :count], expected[0], rtol=1e-9, atol=1e-9)
        for name in BatchNormalization.statistics:
            torch.testing.assert_close(
                getattr(together.layer, name)[member], getattr(alone.layer, name)[0], rtol=1e-9, atol=1e-9
            )


def test_a_member_without_rows_keeps_its_statistics(run, normal):
    running = run(BatchNormalization(momentum=0.5), (4,), 2)
    rows = torch.ones(2, 6)
    rows[1] = 0
    y = running(normal(2, 6, 4), train(rows))
    assert torch.isfinite(y).all()
    assert (running.layer.moving_mean[0] != 0).all()
    assert (running.layer.moving_mean[1] == 0).all()
    assert (running.layer.moving_variance[1] == 1).all()


def test_one_value_has_variance_zero(run, normal, close):
    running = run(BatchNormalization(), (4,))
    y = running(normal(1, 1, 4), train())
    close(y[0, 0], running.weights()["beta"])
    close(running.layer.moving_variance[0], torch.full((4,), 0.99, dtype=torch.float64))


def test_what_is_not_trainable_stands_still(run, normal, close):
    running = run(BatchNormalization(trainable=False), (4,))
    x = normal(1, 6, 4)
    close(running(x, train()), running(x))
    assert (running.layer.moving_mean == 0).all()
    assert {each.rate for each in running.layer.declared.values()} == {0.0}


def test_other_axes_are_normalised_as_the_last(run, normal, close):
    first, last = run(BatchNormalization(axis=1), (4, 7)), run(BatchNormalization(), (7, 4))
    x = normal(1, 6, 4, 7)
    close(first(x, train()), last(x.transpose(2, 3), train()).transpose(2, 3))


@pytest.mark.parametrize(("center", "scale"), [(False, True), (True, False), (False, False)])
@pytest.mark.parametrize(
    "kind", [BatchNormalization, LayerNormalization, lambda **g: GroupNormalization(2, **g)]
)
def test_gamma_and_beta_can_be_left_out(alike, normal, kind, center, scale):
    running = alike(lambda: kind(center=center, scale=scale), normal(3, 6, 5, 4), training=True)
    assert list(running.weights()) == ["gamma"] * scale + ["beta"] * center


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_members_of_batch_normalization(alike, normal, shape, training):
    alike(BatchNormalization, normal(3, 6, *shape), training=training)


def test_members_of_batch_normalization_with_padding(alike, normal):
    rows = torch.tensor([[1.0, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]])
    alike(BatchNormalization, normal(3, 4, 5), training=True, rows=rows)


@pytest.mark.parametrize(
    ("shape", "axis", "over"), [((4,), -1, 1), ((7, 4), 2, 1), ((3, 5, 4), [1, 2, 3], 3)]
)
def test_layer_normalization_equals_torch(run, normal, close, shape, axis, over):
    running = run(LayerNormalization(axis), shape)
    x = (3 + 2 * normal(1, 6, *shape)).requires_grad_()
    y = running(x)
    reference = torch.nn.LayerNorm(shape[-over:], eps=1e-3).double()
    weights = running.weights()
    reference.load_state_dict({"weight": weights["gamma"], "bias": weights["beta"]})
    expected = reference(x[0])
    close(y[0], expected)
    flat, back = running.gradients(y, x)
    loss = (expected * normal(*expected.shape, seed=98)).sum()
    wanted = torch.autograd.grad(loss, [reference.weight, reference.bias, x])
    close(flat[0], torch.cat([each.reshape(-1) for each in wanted[:2]]))
    close(back, wanted[2])


@pytest.mark.parametrize("axis", [-1, [-2, -1]])
def test_members_of_layer_normalization(alike, normal, axis):
    alike(lambda: LayerNormalization(axis), normal(3, 6, 5, 4))


@pytest.mark.parametrize("groups", [1, 2, -1])
@pytest.mark.parametrize("shape", [(7, 4), (3, 5, 4)])
def test_group_normalization_equals_torch(run, normal, close, groups, shape):
    running = run(GroupNormalization(groups), shape)
    x = 3 + 2 * normal(1, 6, *shape)
    reference = torch.nn.GroupNorm(4 if groups == -1 else groups, 4, eps=1e-3).double()
    weights = running.weights()
    reference.load_state_dict({"weight": weights["gamma"], "bias": weights["beta"]})
    close(running(x)[0], reference(x[0].movedim(-1, 1)).movedim(1, -1))


def test_members_of_group_normalization(alike, normal):
    alike(lambda: GroupNormalization(2), normal(3, 6, 5, 4))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: BatchNormalization(axis=0).output_shape((4,)), "no axis 0.*0 is the batch"),
        (lambda: BatchNormalization(axis=3).output_shape((5, 4)), "no axis 3"),
        (lambda: BatchNormalization(momentum=99), "momentum is 99"),
        (lambda: BatchNormalization(epsilon=0), "epsilon is 0"),
        (lambda: BatchNormalization().output_shape((5, None)), "must be known"),
        (lambda: LayerNormalization(axis=1).output_shape((5, 4)), "name the last axes"),
        (lambda: GroupNormalization(3).output_shape((5, 4)), "4 channels .* 3 groups"),
        (lambda: GroupNormalization(axis=1).output_shape((5, 4)), "channels come last"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
