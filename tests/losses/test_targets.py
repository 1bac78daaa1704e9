"""Targets at the door: what each loss takes, what it makes of it, and what it refuses."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from netwright import losses
from netwright.errors import InputError

HOT3 = np.eye(3)[[0, 1, 2, 0]]

GOOD = [
    ("mse", [1, 2], (1,), "linear", (2, 1)),
    ("mse", [[1], [2]], (1,), "linear", (2, 1)),
    ("mse", [[1], [2]], (), None, (2,)),
    ("mse", np.zeros((2, 3)), (3, 1), None, (2, 3, 1)),
    ("mse", HOT3, (3,), "softmax", (4, 3)),
    ("mse", [1e30, 2], (1,), "relu", (2, 1)),
    ("mse", [-1, 2], (1,), "relu", (2, 1)),
    ("mse", np.array([1, 2.5], dtype=object), (1,), None, (2, 1)),
    ("bce", [True, False], (1,), "sigmoid", (2, 1)),
    ("bce", [[0, 1, 1]], (3,), "sigmoid", (1, 3)),
    (losses.BinaryCrossentropy(from_logits=True), [0, 1], (1,), "linear", (2, 1)),
    ("scce", [0, 1, 2.0], (3,), "softmax", (3,)),
    ("scce", [[0], [2]], (3,), "softmax", (2,)),
    ("scce", [[0, 1], [2, 2]], (2, 3), "softmax", (2, 2)),
    ("scce", [[[0], [1]]], (2, 3), None, (1, 2)),
    (losses.SparseCategoricalCrossentropy(from_logits=True), [0], (2,), "linear", (1,)),
    ("cce", HOT3, (3,), "softmax", (4, 3)),
    ("cce", HOT3, (3,), None, (4, 3)),
    ("hinge", [0, 1], (1,), "tanh", (2, 1)),
    ("categorical_hinge", HOT3, (3,), "linear", (4, 3)),
    ("poisson", [0, 5], (1,), "exponential", (2, 1)),
    ("kld", [[0.5, 0.5]], (2,), "softmax", (1, 2)),
    (losses.Quantile([0.1, 0.9]), [1, 2, 3], (2,), "linear", (3, 1)),
]


@pytest.mark.parametrize(("loss", "target", "shape", "activation", "wanted"), GOOD)
def test_good_targets(loss, target, shape, activation, wanted):
    loss = losses.get(loss)
    made = loss.prepare(target, shape, activation)
    assert made.shape == wanted
    sparse = isinstance(loss, losses.SparseCategoricalCrossentropy)
    assert made.dtype == (torch.int64 if sparse else torch.float32)
    output = torch.full((1, len(made), *shape), 0.5)
    assert loss.rows(made[None], output).shape == (1, len(made))


def test_hinge_labels_become_signs():
    assert losses.Hinge().prepare([0, 1], (1,), None).flatten().tolist() == [-1, 1]
    assert losses.Hinge().prepare([-1, 1], (1,), None).flatten().tolist() == [-1, 1]


def test_targets_are_copied():
    mine = np.zeros(3, dtype=np.float32)
    made = losses.MeanSquaredError().prepare(mine, (1,), None)
    mine[0] = 7
    assert made[0, 0] == 0


BAD = [
    ("scce", [0, 1, 10, -1], (10,), "softmax", r"2 labels outside the 10 classes 0 to 9: 10 \(row 2\), -1"),
    ("scce", [1, 2, 3], (3,), "softmax", r"3 \(row 2\): they start at 1 here: give y - 1"),
    ("scce", [0, 5], (3,), "softmax", "needs 6 units"),
    ("scce", [0.5, 1], (3,), "softmax", r"no class numbers: 0.5 \(row 0\)"),
    ("scce", HOT3, (3,), "softmax", "one-hot.*use categorical_crossentropy"),
    ("scce", [[0, 1, 1]], (2, 3), "softmax", r"y has shape \[N, 3\].*\[N, 2\]"),
    ("scce", [[0, 3]], (2, 3), "softmax", r"3 \(row 0\)"),
    ("scce", [0, 1], (1,), "softmax", "softmax of one unit always gives 1"),
    ("scce", [0, 1], (1,), "sigmoid", "an output for each class.*sigmoid with binary_crossentropy"),
    ("scce", [0, 1], (3,), "sigmoid", "wants probabilities, and the layer has sigmoid: .*'softmax'"),
    ("scce", [0, 1], (3,), "relu", "the layer has relu"),
    ("scce", [0, 1], (3,), "linear", "has no activation.*from_logits=True"),
    ("cce", [0, 1, 2], (3,), "softmax", "sparse_categorical_crossentropy, or to_categorical"),
    ("cce", [[0], [2]], (3,), "softmax", "sparse_categorical_crossentropy"),
    ("cce", HOT3, (4,), "softmax", "y has 3 columns, the network gives 4 numbers.*needs 3 units"),
    ("cce", [[1, 1, 0]], (3,), "softmax", "do not sum to 1, the first is row 0.*sigmoid"),
    ("cce", [[2, -1, 0]], (3,), "softmax", "outside 0 to 1"),
    ("cce", HOT3, (3,), "gelu", "the layer has gelu"),
    (losses.CategoricalCrossentropy(from_logits=True), HOT3, (3,), "softmax", "without activation"),
    ("bce", [0, 1], (2,), "softmax", "softmax does not go with binary_crossentropy"),
    ("bce", HOT3, (3,), "softmax", "use categorical_crossentropy for one-hot"),
    ("bce", [0, 1], (1,), "softmax", "always gives 1"),
    ("bce", [0, 1], (1,), "linear", "has no activation"),
    ("bce", [0, 1], (1,), "tanh", "the layer has tanh"),
    ("bce", [0, 1], (4,), "sigmoid", "gives 4 probabilities"),
    ("bce", [1, 2], (1,), "sigmoid", "1 and 2 here: give y - 1"),
    ("bce", [-1, 1], (1,), "sigmoid", "-1 and 1 here"),
    ("bce", [0, 1, 7], (1,), "sigmoid", r"1 value outside 0 to 1: 7 \(row 2\)"),
    (losses.BinaryCrossentropy(from_logits=True), [0, 1], (1,), "sigmoid", "leave out one"),
    ("mse", [0, 1, 2], (3,), "softmax", "sparse_categorical_crossentropy"),
    ("mse", [0, 1], (1,), "softmax", "always gives 1"),
    (
        "mse",
        [0, 255],
        (1,),
        "sigmoid",
        r"sigmoid gives numbers from 0 to 1, and 1 value is outside: 255 \(row 1\)",
    ),
    ("mae", [-3, -2], (1,), "relu", "relu gives no number below 0"),
    ("mse", np.zeros((4, 3)), (2,), "linear", "y has 3 columns, the network gives 2 numbers"),
    ("mse", [1, 2], (5,), "linear", r"shape \[N\], the network gives shape \[N, 5\].*needs 1 unit"),
    ("mse", [1, np.nan, np.inf], (1,), "linear", "2 values NaN or infinite, the first in row 1"),
    ("mse", np.array([1, None], dtype=object), (1,), "linear", "1 value NaN or infinite.*row 1"),
    ("mse", [1e300], (1,), "linear", "too large"),
    ("mse", ["a", "b"], (1,), "linear", "text.*numbers"),
    ("scce", np.array(["cat", None], dtype=object), (2,), "softmax", "text"),
    ("mse", np.array([1, {}], dtype=object), (1,), "linear", "dict, int, which are not all numbers"),
    ("mse", np.array(["2020-01-01"], dtype="datetime64[D]"), (1,), "linear", "not numbers"),
    ("mse", [1 + 2j], (1,), "linear", "not numbers"),
    ("mse", [[1, 2], [3]], (1,), "linear", "differ in length"),
    ("mse", [], (1,), "linear", "empty"),
    ("mse", np.zeros((4, 0)), (1,), "linear", "empty"),
    ("hinge", [0, 1, 2], (1,), "linear", r"other than -1 and 1: .*2 \(row 2\)"),
    ("poisson", [1, 2], (1,), "linear", "'exponential' or 'softplus'"),
    ("poisson", [1, -2], (1,), "softplus", r"-2 \(row 1\)"),
    ("msle", [1, -2], (1,), "linear", "at least 0"),
    ("kld", [[0.5, 0.5]], (2,), "linear", "wants probabilities"),
    (losses.Quantile([0.1, 0.9]), [1, 2], (1,), "linear", "2 quantiles.*needs 2 units"),
]


@pytest.mark.parametrize(("loss", "target", "shape", "activation", "message"), BAD)
def test_bad_targets(loss, target, shape, activation, message):
    with pytest.raises(InputError, match=message) as caught:
        losses.get(loss).prepare(target, shape, activation)
    assert len(str(caught.value)) < 400


def test_many_wrong_labels_are_cut_short():
    with pytest.raises(InputError, match=r"100 labels .*9 \(row 4\) and 95 more"):
        losses.get("scce").prepare([9] * 100, (3,), "softmax")


@settings(deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(sorted(losses.KNOWN)),
    target=arrays.arrays(
        st.sampled_from([np.float64, np.float16, np.int64, np.uint8, np.bool_]),
        arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
    ),
    shape=st.lists(st.integers(1, 4), max_size=2).map(tuple),
    activation=st.sampled_from([None, "linear", "softmax", "sigmoid", "relu", "tanh", "mine"]),
)
def test_any_target_is_taken_or_refused(kind, target, shape, activation):
    loss = losses.get(kind)
    try:
        loss = loss.resolve(target, shape)
        made = loss.prepare(target, shape, activation)
    except InputError:
        return
    assert len(made) == len(target)
    output = torch.rand(1, len(made), *shape)
    assert loss.rows(made[None], output).shape == (1, len(made))
