from __future__ import annotations

import numpy as np
import pytest

from netwright import layers
from netwright.errors import InputError
from netwright.layers import Add, Average, Concatenate, Dot, Maximum, Minimum, Multiply, Subtract
from netwright.layers.base import Symbol

FORMULAS = {
    Add: lambda a, b, c: a + b + c,
    Multiply: lambda a, b, c: a * b * c,
    Average: lambda a, b, c: np.mean([a, b, c], 0),
    Maximum: lambda a, b, c: np.max([a, b, c], 0),
    Minimum: lambda a, b, c: np.min([a, b, c], 0),
}


def three(normal, *shape):
    return [normal(*shape, seed=seed) for seed in range(3)]


@pytest.mark.parametrize("kind", FORMULAS)
def test_merging_three(run, normal, kind):
    inputs = three(normal, 2, 4, 5, 3)
    found = run(kind(), [(5, 3)] * 3, 2)(inputs)
    np.testing.assert_allclose(found, FORMULAS[kind](*(each.numpy() for each in inputs)), rtol=1e-12)


def test_subtract(run, normal, close):
    a, b, _ = three(normal, 2, 4, 3)
    close(run(Subtract(), [(3,), (3,)], 2)([a, b]), a - b)


@pytest.mark.parametrize("kind", [*FORMULAS, Subtract, Concatenate, lambda: Dot(1), lambda: Dot((2, 2))])
def test_members(alike, normal, kind):
    alike(kind, *three(normal, 3, 4, 5, 5)[:2])


def test_an_axis_of_one_is_repeated(run, normal, close):
    a, b = normal(1, 4, 5, 1), normal(1, 4, 1, 3, seed=1)
    running = run(Add(), [(5, 1), (1, 3)])
    assert running.shape == (5, 3)
    close(running([a, b]), a.expand(1, 4, 5, 3) + b)
    assert Add().output_shape([(None, 3), (7, 3)]) == (7, 3)
    assert Add().output_shape([(None, 3), (None, 1)]) == (None, 3)


@pytest.mark.parametrize(
    ("axis", "shapes"), [(-1, [(5, 3), (5, 2)]), (1, [(4, 3), (1, 3)]), (2, [(5, 3), (5, 2)])]
)
def test_concatenate(run, normal, axis, shapes):
    inputs = [normal(2, 6, *shape, seed=seed) for seed, shape in enumerate(shapes)]
    running = run(Concatenate(axis), shapes, 2)
    found = running(inputs)
    assert tuple(found.shape[2:]) == running.shape
    for member in range(2):  # the axis as NumPy and Keras count it, with the batch
        expected = np.concatenate([each[member].numpy() for each in inputs], axis)
        np.testing.assert_array_equal(found[member], expected)
    assert Concatenate(1).output_shape([(None, 3), (7, 3)]) == (None, 3)


@pytest.mark.parametrize(
    ("axes", "shapes", "sums"),
    [
        (1, [(4,), (4,)], "bk,bk->b"),
        ((1, 2), [(4,), (5, 4)], "bk,bsk->bs"),
        ((2, 1), [(7, 4), (4, 5)], "brk,bks->brs"),
        (-1, [(7, 4), (5, 4)], "brk,bsk->brs"),
        ((1, 3), [(4, 2, 3), (5, 6, 4)], "bkxy,bzwk->bxyzw"),
    ],
)
def test_dot_is_a_sum_over_an_axis(run, normal, axes, shapes, sums):
    inputs = [normal(2, 6, *shape, seed=seed) for seed, shape in enumerate(shapes)]
    running = run(Dot(axes), shapes, 2)
    found = running(inputs)
    assert tuple(found.shape[2:]) == running.shape
    for member in range(2):
        expected = np.einsum(sums, *(each[member].numpy() for each in inputs))
        np.testing.assert_allclose(found[member], expected.reshape(6, *running.shape), rtol=1e-10)


def test_dot_of_what_is_normalised_is_the_cosine(run, normal):
    a, b = normal(1, 6, 4), normal(1, 6, 4, seed=1)
    found = run(Dot(1, normalize=True), [(4,), (4,)])([a, b])
    expected = (a * b).sum(-1) / (a.square().sum(-1) * b.square().sum(-1)).sqrt()
    np.testing.assert_allclose(found[..., 0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "average", "maximum", "minimum", "concatenate"]
)
def test_functions_make_the_layer(name):
    symbols = [Symbol((4,)), Symbol((4,))]
    symbol = getattr(layers, name)(symbols, name="both")
    assert type(symbol.layer).__name__.lower() == name
    assert symbol.layer.name == "both"
    assert symbol.sources == tuple(symbols)
    assert symbol.shape == ((8,) if name == "concatenate" else (4,))
    assert layers.dot(symbols, axes=1).shape == (1,)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Add().output_shape([(4,)]), "two or more"),
        (lambda: Add().output_shape((4,)), "takes a list of inputs"),
        (lambda: Subtract().output_shape([(4,)] * 3), "takes 2 inputs, and was given 3"),
        (lambda: Add().output_shape([(4,), (5,)]), r"\(4,\) and \(5,\).*Concatenate"),
        (lambda: Add().output_shape([(4,), (5, 4)]), "different numbers of axes"),
        (lambda: Concatenate().output_shape([(5, 3), (6, 3)]), "differ along axis -1 only"),
        (lambda: Concatenate(axis=0).output_shape([(3,), (3,)]), "no axis 0"),
        (lambda: Dot((1, 2)).output_shape([(4,), (5, 6)]), "differ in length: 4 and 6"),
        (lambda: Dot((1, 2, 3)), "axes is"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
