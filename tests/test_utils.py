"""One-hot columns, seeds of all kinds, unit lengths."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.preprocessing import normalize as sklearn_normalize

import netwright as nw
from netwright.errors import InputError
from netwright.nn.seed import default_seed, set_seed
from netwright.utils import normalize, set_random_seed, to_categorical


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20))
def test_to_categorical_is_a_row_of_the_identity(labels):
    np.testing.assert_array_equal(to_categorical(labels, 7), np.eye(7)[labels])
    np.testing.assert_array_equal(to_categorical(labels), np.eye(max(labels) + 1)[labels])
    np.testing.assert_array_equal(to_categorical(np.array(labels)[:, None], 7), np.eye(7)[labels])
    assert to_categorical(labels).dtype == np.float32


def test_to_categorical_of_other_shapes_and_kinds():
    assert to_categorical([[0, 1], [2, 3]]).shape == (2, 2, 4)
    assert to_categorical(2, 3).tolist() == [0, 0, 1]
    assert to_categorical(np.array([1.0, 0.0])).tolist() == [[0, 1], [1, 0]]
    assert to_categorical([True, False]).tolist() == [[0, 1], [1, 0]]
    assert to_categorical([], 3).shape == (0, 3)
    assert nw.utils.to_categorical is to_categorical


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        ([0, 5], 3, "class 5, and classes are 0 to 2"),
        ([-1, 0], None, "class -1"),
        ([0.5], None, "whole numbers"),
        ([float("nan")], 2, "whole numbers"),
        (["a"], None, "np.unique"),
        ([], None, "no labels"),
    ],
)
def test_to_categorical_refuses(labels, classes, message):
    with pytest.raises(InputError, match=message):
        to_categorical(labels, classes)


def test_set_random_seed_sets_them_all():
    def draw():
        set_random_seed(5)
        return random.random(), np.random.random(), torch.rand(1).item(), default_seed()  # noqa: NPY002

    try:
        assert draw() == draw()
        assert draw()[3] == 5
        for wrong in (-1, "a", 2**32):
            with pytest.raises(InputError, match="seed is"):
                set_random_seed(wrong)
        assert nw.set_seed is set_seed
    finally:
        set_seed(None)


@given(arrays.arrays(np.float64, (4, 3), elements=st.floats(-100, 100, width=16)))
def test_normalize_is_that_of_scikit_learn(x):
    np.testing.assert_allclose(normalize(x), sklearn_normalize(x), atol=1e-12)
    np.testing.assert_allclose(normalize(x, axis=0), sklearn_normalize(x, axis=0), atol=1e-12)
    np.testing.assert_allclose(normalize(x, order=1), sklearn_normalize(x, norm="l1"), atol=1e-12)


def test_normalize_refuses_text():
    with pytest.raises(InputError, match="needs numbers"):
        normalize(["a"])
