"""Models of several inputs and outputs, shared layers, branches, sequences of unknown length."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import layers
from netwright.errors import InputError


def two_by_two() -> nw.Model:
    one, two = nw.Input((3,), name="one"), nw.Input((2,), name="two")
    both = layers.concatenate([layers.Dense(4, "tanh")(one), two])
    model = nw.Model(
        [one, two], [layers.Dense(1, name="height")(both), layers.Dense(3, "softmax", name="kind")(both)]
    )
    model.compile(
        nw.optimizers.SGD(0.1),
        {"height": "mse", "kind": "sparse_categorical_crossentropy"},
        metrics={"kind": ["accuracy"]},
        loss_weights={"kind": 0.5},
    )
    return model


@pytest.fixture
def data(numbers: Any) -> tuple[Any, Any]:
    codes = np.random.default_rng(2).integers(0, 3, 20)
    return [numbers(20, 3), numbers(20, 2, seed=1)], [numbers(20, 1, seed=3), codes]


def test_by_list_and_by_name_are_the_same(data: Any) -> None:
    x, y = data
    found = []
    for given in (x, {"two": x[1], "one": x[0]}):
        for wanted in (y, {"kind": y[1], "height": y[0]}):
            nw.set_seed(1)
            model = two_by_two()
            history = model.fit(given, wanted, epochs=2, verbose=0, validation_split=0.25).history
            found.append((history, model.evaluate(given, wanted, verbose=0), model.get_weights()))
    for history, told, weights in found[1:]:
        assert history == found[0][0]
        assert told == found[0][1]
        assert all(np.array_equal(a, b) for a, b in zip(weights, found[0][2], strict=True))


def test_losses_of_outputs_add_up_with_their_weights(data: Any) -> None:
    x, y = data
    model = two_by_two()
    told = model.evaluate(x, y, verbose=0, return_dict=True)
    height, kind = model.predict(x)
    mse = ((height - y[0]) ** 2).mean()
    entropy = -np.log(kind[np.arange(20), y[1]]).mean()
    assert list(told) == ["loss", "height_loss", "kind_loss", "kind_accuracy"]
    assert told["height_loss"] == pytest.approx(mse, rel=1e-5)
    assert told["kind_loss"] == pytest.approx(entropy, rel=1e-5)
    assert told["loss"] == pytest.approx(mse + 0.5 * entropy, rel=1e-5)
    assert told["kind_accuracy"] == pytest.approx((kind.argmax(1) == y[1]).mean())


def test_an_output_without_loss_is_not_trained(data: Any) -> None:
    x, y = data
    model = two_by_two()
    model.compile("sgd", {"height": "mse"})
    model.fit(x, y, verbose=0)  # the start quietens all outputs
    weights = model.get_weights()[-2:]
    model.fit(x, y, verbose=0)
    for one, other in zip(weights, model.get_weights()[-2:], strict=True):
        np.testing.assert_array_equal(one, other)


def test_branches_and_shared_layers_compute_what_they_say(numbers: Any) -> None:
    x = nw.Input((3,))
    shared = layers.Dense(3, "tanh")
    model = nw.Model(x, layers.add([x, shared(shared(x))]))
    kernel, bias = numbers(3, 3, seed=1), numbers(3, seed=2)
    model.set_weights([kernel, bias])
    given = numbers(5, 3)
    expected = given + np.tanh(np.tanh(given @ kernel + bias) @ kernel + bias)
    np.testing.assert_allclose(model.predict(given), expected, rtol=1e-5, atol=1e-6)
    assert model.count_params() == 12


def test_layers_of_two_models_have_one_set_of_weights(numbers: Any) -> None:
    x = nw.Input((4,))
    code = layers.Dense(2, "tanh", name="code")(x)
    encoder, auto = nw.Model(x, code), nw.Model(x, layers.Dense(4)(code))
    given = numbers(30, 4)
    auto.compile("adam", "mse")
    auto.fit(given, given, epochs=3, verbose=0)
    late = nw.Model(auto.inputs, code)
    kernel, bias = auto.get_weights()[:2]
    expected = np.tanh(given @ kernel + bias)
    np.testing.assert_allclose(encoder.predict(given), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(late.predict(given), expected, rtol=1e-5, atol=1e-6)
    encoder.set_weights([np.zeros((4, 2)), np.ones(2)])
    np.testing.assert_array_equal(auto.get_weights()[0], np.zeros((4, 2)))
    np.testing.assert_array_equal(late.get_weights()[1], np.ones(2))


def test_adding_and_taking_away_keeps_the_other_layers_weights(numbers: Any) -> None:
    x, y = numbers(20, 3), numbers(20, 1, seed=1)
    model = nw.Sequential([layers.Dense(4, "relu", input_dim=3), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(x, y, epochs=2, verbose=0)
    before = model.get_weights()[:2]
    model.pop()
    model.add(layers.Dense(2))
    for one, other in zip(before, model.get_weights(), strict=False):
        np.testing.assert_array_equal(one, other)
    assert model.predict(x).shape == (20, 2)
    # What was trained is not started again; what is new is.
    model.layers[0].trainable = False
    model.fit(x, numbers(20, 2), verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    np.testing.assert_array_equal(model.get_weights()[1], before[1])


def test_codes_and_sequences_of_any_length() -> None:
    words = nw.Input((None,), name="words", dtype="int32")
    model = nw.Model(words, layers.Dense(1, "sigmoid")(layers.LSTM(4)(layers.Embedding(5, 3)(words))))
    model.compile("adam", "binary_crossentropy")
    random = np.random.default_rng(0)
    for length in (4, 7):
        codes = random.integers(0, 5, (12, length))
        model.fit(codes, random.integers(0, 2, 12), verbose=0)
        assert model.predict(codes).shape == (12, 1)
        np.testing.assert_array_equal(model.predict(codes.astype(float)), model.predict(codes))
    with pytest.raises(
        InputError, match=r"x holds the code 5, and layer 'embedding' knows 0 to 4.*input_dim=6"
    ):
        model.predict([[1, 5]])
    with pytest.raises(InputError, match=r"x holds the code -1.*counted from 0"):
        model.predict([[1, -1]])
    with pytest.raises(InputError, match="x holds fractions, and codes are whole numbers"):
        model.predict([[1.5, 2.0]])


def test_wrong_numbers_of_inputs_and_outputs(data: Any) -> None:
    x, y = data
    model = two_by_two()
    cases = [
        ((x[0], y), r"the model has 2 inputs, and x holds 1.*in the order one, two"),
        (([*x, x[0]], y), r"2 inputs, and x holds 3"),
        (({"one": x[0]}, y), r"x lacks the input 'two'"),
        (({"one": x[0], "tow": x[1]}, y), r"no input 'tow' \(x\): did you mean 'two'"),
        ((x, y[0]), r"2 outputs, and y holds 1.*in the order height, kind"),
        ((x, {"height": y[0]}), r"y lacks the output 'kind'"),
        ((x, {"height": y[0], "kinds": y[1]}), r"no output 'kinds' \(y\): did you mean 'kind'"),
        (([x[0], x[1][:7]], y), r"x\['one'\] 20, x\['two'\] 7"),
        ((x, [y[0], y[1][:7]]), r"y\['kind'\] 7"),
        (([x[0], x[1][:, :1]], y), r"x\['two'\] has shape \(20, 1\), and layer 'concatenate' wants \(N, 2\)"),
        ((x, [y[0], y[1] + 1]), r"y\['kind'\].*3"),
    ]
    for (given, wanted), message in cases:
        with pytest.raises(InputError, match=message):
            model.fit(given, wanted, verbose=0)
    with pytest.raises(InputError, match="class_weight is for models of one output"):
        model.fit(x, y, class_weight={0: 1.0}, verbose=0)


def test_wrong_settings_of_several_outputs() -> None:
    model = two_by_two()
    cases: list[tuple[Any, str]] = [
        ({"loss": ["mse"]}, "loss holds 1 entries for 2 outputs"),
        ({"loss": {"hight": "mse"}}, "loss names 'hight', which is no output: did you mean 'height'"),
        ({"loss": "mse", "loss_weights": {"height": -1}}, "the loss weight of 'height' is -1"),
        ({"loss": "mse", "loss_weights": [1, "a"]}, "the loss weight of 'kind' is 'a'"),
        ({"loss": {}}, "no output has a loss"),
        ({"loss": "mse", "metrics": {"kin": "mae"}}, "metrics names 'kin'"),
    ]
    for settings, message in cases:
        with pytest.raises(InputError, match=message):
            model.compile("sgd", **settings)


def test_graphs_that_cannot_be() -> None:
    x, other = nw.Input((3,), name="x"), nw.Input((3,), name="other")
    y = layers.Dense(2)(x)
    with pytest.raises(InputError, match="depends on an input 'x' that is not among the inputs"):
        nw.Model(other, y)
    with pytest.raises(InputError, match="same input is given twice"):
        nw.Model([x, x], y)
    with pytest.raises(InputError, match=r"outputs are what Input and layers give, not .*Dense"):
        nw.Model(x, layers.Dense(2))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="there are no inputs"):
        nw.Model([], y)
    with pytest.raises(InputError, match="the name 'a' is taken"):
        nw.Model(x, layers.Dense(2, name="a")(layers.Dense(2, name="a")(x)))


def test_a_model_is_no_layer() -> None:
    inner = nw.Sequential([layers.Dense(2, input_dim=3)], name="inner")
    with pytest.raises(InputError, match=r"'inner' cannot be a layer of another model.*share their weights"):
        inner(nw.Input((3,)))
    with pytest.raises(InputError, match="'inner' cannot be a layer of another model"):
        nw.Sequential([inner, layers.Dense(1)])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["values", "type", "train", "forward", "keys", "float"])
def test_any_name_will_do(name: str, numbers: Any) -> None:
    model = nw.Sequential([layers.Dense(2, name=name, input_dim=3)])
    assert model.get_layer(name) is model.layers[0]
    assert model.predict(numbers(2, 3)).shape == (2, 2)


def test_weights_are_in_keras_order() -> None:
    model = nw.Sequential(
        [
            layers.Embedding(9, 6, input_shape=(8,)),
            layers.Conv1D(5, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.GRU(3),
            layers.Dense(2),
            layers.PReLU(),
        ]
    )
    assert [each.shape for each in model.get_weights()] == [
        (9, 6),
        *((3, 6, 5), (5,)),
        *((5,), (5,), (5,), (5,)),  # gamma, beta, moving mean, moving variance
        *((5, 16), (4, 16), (16,), (5, 16), (4, 16), (16,)),  # forward, then backward
        *((8, 9), (3, 9), (2, 9)),
        *((3, 2), (2,)),
        (2,),
    ]
    gamma, beta, mean, variance = model.get_weights()[3:7]
    assert (gamma == 1).all()
    assert (variance == 1).all()
    assert not beta.any()
    assert not mean.any()
