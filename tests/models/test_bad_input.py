"""What careless users give to models by hand: a short, clear answer to each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

import netwright as nw
from netwright import layers
from netwright.errors import InputError

X = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 2, 10)


def model(last: Any = None, loss: Any = "mse", **settings: Any) -> nw.Sequential:
    made = nw.Sequential([layers.Dense(4, "relu", input_dim=2), last or layers.Dense(1)])
    made.compile("sgd", loss, **settings)
    return made


def binary() -> nw.Sequential:
    return model(layers.Dense(1, "sigmoid"), "binary_crossentropy")


def classes(loss: str = "sparse_categorical_crossentropy") -> nw.Sequential:
    return model(layers.Dense(3, "softmax"), loss)


def changed(place: tuple[int, int], value: float) -> np.ndarray:
    x = X.copy()
    x[place] = value
    return x


def frame(column: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": X[:, 0], "b": column})


FIT: list[tuple[Callable[[], Any], Any, Any, dict[str, Any], str]] = [
    # Shapes: which layer, what came, what was expected.
    (model, X[:, :1], Y, {}, r"x has shape \(10, 1\), and layer 'dense' wants \(N, 2\).*input_shape"),
    (model, X[:, 0], Y, {}, r"x has shape \(10,\), and layer 'dense' wants \(N, 2\)"),
    (model, X[:, None], Y, {}, r"x has shape \(10, 1, 2\), and layer 'dense' wants \(N, 2\)"),
    (model, X, X, {}, "y has 2 columns, the network gives 1 number a row"),
    (model, X, Y[:7], {}, "numbers of rows differ: x 10, y 7"),
    (model, X[:0], Y[:0], {}, "x is empty"),
    (model, X, Y[:0], {}, "y is empty"),
    (model, 3.0, Y, {}, "x is a single number"),
    (model, X, 1, {}, "y is a single value"),
    (model, None, Y, {}, "fit needs x"),
    (model, X, None, {}, "fit needs y"),
    (model, [[1.0, 2.0], [3.0]], [0, 1], {}, "the rows of x have different lengths.*pad"),
    (model, X[:2], [[1.0], [1.0, 2.0]], {}, "the rows of y have different lengths"),
    # Values.
    (model, changed((3, 1), np.nan), Y, {}, r"x holds 1 missing value, in row 3, column 1.*NetClassifier"),
    (model, np.full((10, 2), np.nan), Y, {}, r"x holds 20 missing values, the first in row 0, column 0"),
    (model, changed((9, 0), -np.inf), Y, {}, r"x holds 1 infinite value, in row 9, column 0"),
    (model, X.astype(np.float64) * 1e300, Y, {}, "x holds values that are too large for float32"),
    (
        model,
        X,
        np.where(np.arange(10) == 4, np.nan, 1.0),
        {},
        "y has 1 value NaN or infinite, the first in row 4",
    ),
    (model, frame(["u"] * 10), Y, {}, "x holds values that are no numbers, such as 'u'"),
    (model, frame(pd.array([1, None] * 5, dtype="Int64")), Y, {}, "x holds .*missing value"),
    (model, X.astype(complex), Y, {}, "type complex128, which are no numbers"),
    (model, np.array([["1", "b"]] * 10), Y, {}, "no numbers, such as 'b'"),
    (model, X, ["yes"] * 10, {}, r"y holds text \('yes'\).*np.unique"),
    (classes, X, Y + 2, {}, r"y has 5 labels outside the 3 classes 0 to 2: 3 \(row 1\)"),
    (classes, X, Y - 1, {}, r"5 labels outside the 3 classes 0 to 2: -1 \(row 0\).*start at 0"),
    (
        classes,
        X,
        np.eye(3)[Y],
        {},
        r"y has a column for each class \(one-hot\), where class numbers are wanted",
    ),
    (
        lambda: classes("categorical_crossentropy"),
        X,
        Y,
        {},
        r"y holds a number for each row.*to_categorical\(y, 3\)",
    ),
    (binary, X, Y + 1, {}, r"y has 5 values outside 0 to 1: 2 \(row 1\).*give y - 1"),
    # Last layers that cannot fit the loss.
    (lambda: model(layers.Dense(2, "softmax"), "binary_crossentropy"), X, Y, {}, "softmax does not go with"),
    (lambda: model(layers.Dense(1, "softmax")), X, Y, {}, "a softmax of one unit always gives 1"),
    (
        lambda: model(layers.Dense(1, "relu"), "binary_crossentropy"),
        X,
        Y,
        {},
        "binary_crossentropy wants probabilities, and the layer has relu",
    ),
    (
        lambda: model(layers.Dense(1), "sparse_categorical_crossentropy"),
        X,
        Y,
        {},
        "needs an output for each class.*one number",
    ),
    (
        lambda: model(layers.Dense(1, "sigmoid")),
        X,
        100.0 * X[:, 0],
        {},
        "the last layer cannot fit y: sigmoid",
    ),
    # Arguments.
    (model, X, Y, {"epochs": 0}, "epochs is 0: give a whole number, at least 1"),
    (model, X, Y, {"epochs": 2.0}, "epochs is 2.0"),
    (model, X, Y, {"epochs": True}, "epochs is True"),
    (model, X, Y, {"batch_size": 0}, "batch_size is 0"),
    (model, X, Y, {"batch_size": -4}, "batch_size is -4"),
    (model, X, Y, {"batch_size": "32"}, "batch_size is '32'"),
    (model, X, Y, {"initial_epoch": 1}, "epochs is 1 and initial_epoch 1: nothing is left"),
    (model, X, Y, {"verbose": "loud"}, "verbose is 'loud'.*0 for silence"),
    (model, X, Y, {"callbacks": ["early"]}, r"'early' is no callback \(callbacks\)"),
    (model, X, Y, {"validation_split": 1.0}, "validation_split is 1.0"),
    (model, X, Y, {"validation_split": -0.1}, "validation_split is -0.1"),
    (model, X, Y, {"validation_split": "a"}, "validation_split is 'a'"),
    (model, X, Y, {"validation_split": np.nan}, "validation_split is nan"),
    (
        model,
        X[:1],
        Y[:1],
        {"validation_split": 0.2},
        "validation_split 0.2 of 1 rows leaves none for training",
    ),
    (model, X, Y, {"validation_split": 1e-17}, "leaves none for validation"),
    (model, X, Y, {"validation_data": X}, r"validation_data is \(x, y\)"),
    (model, X, Y, {"validation_data": (X[:, :1], Y)}, r"validation_x has shape \(10, 1\)"),
    (model, X, Y, {"validation_data": (X, Y[:5])}, "validation_x 10, validation_y 5"),
    (classes, X, Y, {"validation_data": (X, Y + 2)}, "validation_y has 5 labels outside the 3 classes"),
    (model, X, Y, {"sample_weight": [1.0] * 9}, "sample_weight has 9 values for 10 rows"),
    (model, X, Y, {"sample_weight": [-1.0] + [1.0] * 9}, "below 0, the first in row 0"),
    (model, X, Y, {"sample_weight": [0.0] * 10}, "all of sample_weight is 0"),
    (model, X, Y, {"sample_weight": [np.nan] * 10}, "sample_weight holds 10 missing values"),
    (model, X, Y, {"sample_weight": X}, r"sample_weight has shape \(10, 2\)"),
    (model, X, Y, {"sample_weight": {"a": 1}}, "not a dictionary"),
    (classes, X, Y, {"class_weight": {3: 1.0}}, "class_weight names 3, which is no class of y.*0, 1, 2"),
    (classes, X, Y, {"class_weight": {"a": 1.0}}, "class_weight names 'a'"),
    (classes, X, Y, {"class_weight": {0: -1.0}}, "the weight of class 0 is -1.0"),
    (classes, X, Y, {"class_weight": {0: "1"}}, "the weight of class 0 is '1'"),
    (classes, X, Y, {"class_weight": [1.0, 2.0]}, "class_weight is a dictionary"),
    (classes, X, Y, {"class_weight": {0: 0.0, 1: 0.0}}, "all rows to train on have the weight 0"),
]


@pytest.mark.parametrize(("make", "x", "y", "more", "message"), FIT)
def test_fit_says_what_is_wrong(make: Any, x: Any, y: Any, more: dict[str, Any], message: str) -> None:
    made = make()
    before = made.get_weights()
    with pytest.raises(InputError, match=message):
        made.fit(x, y, **({"verbose": 0} | more))
    for one, other in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


COMPILE: list[tuple[dict[str, Any], str]] = [
    ({"optimizer": "adamm"}, "no optimizer 'adamm': did you mean 'adam'"),
    ({"optimizer": 3}, "3"),
    ({"loss": "binary_crosentropy"}, "unknown loss 'binary_crosentropy': did you mean 'binary_crossentropy'"),
    ({"loss": 3}, "3 is no loss"),
    ({"loss": None}, "compile needs a loss"),
    ({"metrics": ["acuracy"]}, "unknown metric 'acuracy': did you mean 'accuracy'"),
    ({"metrics": [3]}, "3 is no metric"),
]


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(("settings", "message"), COMPILE)
def test_compile_says_what_is_wrong(settings: dict[str, Any], message: str, built: bool) -> None:
    made = nw.Sequential([layers.Dense(1, input_dim=2 if built else None)])
    with pytest.raises(InputError, match=message):
        made.compile(**({"optimizer": "sgd", "loss": "mse"} | settings))


def test_what_is_forgotten() -> None:
    made = nw.Sequential([layers.Dense(1)])
    with pytest.raises(InputError, match=r"compile the model before fit: model.compile"):
        made.fit(X, Y)
    with pytest.raises(InputError, match="compile the model before evaluate"):
        made.evaluate(X, Y)
    for use in (made.predict, made.set_weights, made):
        with pytest.raises(InputError, match=r"no shape yet.*input_shape, or fit the model first"):
            use(X)
    for use in (made.summary, made.get_weights, made.count_params):
        with pytest.raises(InputError, match="no shape yet"):
            use()
    empty = nw.Sequential()
    empty.compile("sgd", "mse")
    with pytest.raises(InputError, match="the model has no layers"):
        empty.fit(X, Y)
    with pytest.raises(InputError, match="no layer to take away"):
        empty.pop()
    nothing = nw.Sequential([layers.Flatten()])
    nothing.compile("sgd", "mse")
    with pytest.raises(InputError, match="no weights to train"):
        nothing.fit(X, X)


def test_layers_that_do_not_fit_are_not_added() -> None:
    made = nw.Sequential([layers.Dense(3, input_dim=2)])
    with pytest.raises(InputError, match="conv2d"):
        made.add(layers.Conv2D(3, 2))
    with pytest.raises(InputError, match=r"Dense is no layer.*layers.Dense\(64\)"):
        made.add(layers.Dense)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="it is in the model already"):
        made.add(made.layers[0])
    assert len(made.layers) == 1
    assert made.predict(X).shape == (10, 3)


def test_the_first_rows_may_be_wrong_once() -> None:
    made = nw.Sequential([layers.Conv1D(2, 3), layers.Flatten(), layers.Dense(1)])
    made.compile("sgd", "mse")
    with pytest.raises(InputError, match="conv1d"):
        made.fit(X, Y, verbose=0)
    made.fit(X.reshape(2, 5, 2), Y[:2], verbose=0)


def test_pictures_tell_where_channels_belong() -> None:
    made = nw.Sequential([layers.Conv2D(2, 3, input_shape=(6, 6, 1))])
    with pytest.raises(InputError, match=r"axis of channels: x\[\.\.\., None\]"):
        made.predict(np.zeros((4, 6, 6)))
    made = nw.Sequential([layers.Conv2D(2, 3, input_shape=(6, 6, 3))])
    with pytest.raises(InputError, match=r"channels come last: x.transpose\(0, 2, 3, 1\)"):
        made.predict(np.zeros((4, 3, 6, 6)))


def test_weights_that_do_not_fit() -> None:
    made = model()
    good = made.get_weights()
    with pytest.raises(InputError, match="has 4 arrays of weights, and 3 were given"):
        made.set_weights(good[:3])
    with pytest.raises(InputError, match=r"dense.kernel has shape \(2, 4\), and \(4, 2\) was given"):
        made.set_weights([good[0].T, *good[1:]])
    with pytest.raises(InputError, match=r"dense\.kernel hold NaN"):
        made.set_weights([good[0] * np.nan, *good[1:]])
    with pytest.raises(InputError, match="no numbers"):
        made.set_weights([np.full((2, 4), "a"), *good[1:]])
    with pytest.raises(InputError, match="no layer 'dens': did you mean 'dense'"):
        made.get_layer("dens")


def test_whatever_holds_numbers_is_taken() -> None:
    table = pd.DataFrame(X, columns=["a", "b"], index=range(50, 60))
    forms = [
        (X, Y),
        (X.tolist(), Y.tolist()),
        (X.astype(np.float64), Y.astype(bool)),
        (table, pd.Series(Y)),
        (table, pd.DataFrame({"y": Y})),
        (pl.DataFrame(X, schema=["a", "b"]), pl.Series(Y)),
        (torch.tensor(X, requires_grad=True), torch.tensor(Y)),
        (torch.tensor(X), torch.tensor(Y)[:, None].float()),
        ([X], Y[:, None]),
        (list(torch.tensor(X)), list(torch.tensor(Y))),
        (np.array(X.tolist(), dtype=object), Y.astype(np.uint8)),
        (np.asfortranarray(X)[::1], Y[::-1][::-1]),
    ]
    found = []
    for x, y in forms:
        nw.set_seed(0)
        made = binary()
        made.fit(x, y, verbose=0)
        found.append(made.predict(x))
    for each in found:
        np.testing.assert_array_equal(each, found[0])


def test_one_feature_may_be_a_plain_list() -> None:
    made = nw.Sequential([layers.Dense(1)])
    made.compile("sgd", "mse")
    made.fit([1, 2, 3], [2, 4, 6], verbose=0)
    np.testing.assert_array_equal(made.predict([1, 2]), made.predict([[1.0], [2.0]]))


def test_brain_floats_are_taken() -> None:
    made = model()
    x = torch.tensor(X).bfloat16()
    np.testing.assert_array_equal(made.predict(x), made.predict(x.float()))


def test_one_metric_needs_no_list() -> None:
    for metric in ("accuracy", nw.metrics.BinaryAccuracy(name="accuracy")):
        made = model(layers.Dense(1, "sigmoid"), "binary_crossentropy", metrics=metric)
        assert list(made.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss", "accuracy"]
