"""Training in bfloat16 where it is asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import netwright as nw
from netwright import layers
from netwright.errors import InputError
from netwright.models import model as models


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """Bright upper or lower halves. [64, 8, 8, 1], [64]"""
    random = np.random.default_rng(0)
    codes = random.integers(0, 2, 64)
    x = random.normal(size=(64, 8, 8, 1)).astype(np.float32)
    x[codes == 0, :4] += 1.5
    x[codes == 1, 4:] += 1.5
    return x, codes


def network(**compiled: Any) -> nw.Sequential:
    nw.set_seed(0)
    model = nw.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", **compiled)
    return model


def test_bfloat16_learns_alike_with_weights_in_float32() -> None:
    x, y = pictures()
    losses = {}
    for precision in ("float32", "bfloat16"):
        model = network(precision=precision)
        losses[precision] = model.fit(x, y, epochs=6, verbose=0).history["loss"]
        assert model.network is not None
        assert model.network.flat.dtype == torch.float32
        assert model.predict(x).dtype == np.float32
    assert losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.05)
    assert losses["bfloat16"] != losses["float32"]


def test_dense_layers_alone_are_rounded_too() -> None:
    found = []
    for precision in ("float32", "bfloat16"):
        nw.set_seed(0)
        model = nw.Sequential([layers.Dense(4, "relu", input_dim=3), layers.Dense(1)])
        model.compile("sgd", "mse", precision=precision)
        x = np.random.default_rng(0).normal(size=(32, 3))
        model.fit(x, x[:, :1], verbose=0)
        found.append(np.concatenate([each.ravel() for each in model.get_weights()]))
    assert (found[0] != found[1]).any()
    assert found[0] == pytest.approx(found[1], abs=2e-3)


def test_auto_is_found_once_where_a_step_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = pictures()
    asked: list[int] = []
    monkeypatch.setattr(models, "multiplies_bfloat16", lambda device: True)
    monkeypatch.setattr(models, "agreed_precision", lambda population: asked.append(1) or "bfloat16")
    small = network(precision="auto")
    small.fit(x, y, verbose=0)
    assert (small.used_precision, asked) == ("float32", [])
    monkeypatch.setattr(models, "SMALL_STEP", 1)
    large = network(precision="auto")
    large.fit(x, y, verbose=0)
    large.fit(x, y, verbose=0)
    assert (large.used_precision, asked) == ("bfloat16", [1])


def test_it_is_saved(tmp_path: Any) -> None:
    x, y = pictures()
    model = network(precision="bfloat16")
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "model")
    again: Any = nw.load(tmp_path / "model")
    assert again.precision == "bfloat16"
    histories = [each.fit(x, y, verbose=0).history["loss"] for each in (model, again)]
    assert histories[0] == histories[1]


def test_an_unknown_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"unknown precision 'bfloat61'.*did you mean.*bfloat16"):
        network(precision="bfloat61")


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_pooling_before_relu_is_pooling_after_it(padding: str) -> None:
    """The same outputs and the same training as with a layer between that keeps them in the user's order."""
    x, y = pictures()
    found = []
    for between in ([], [layers.Reshape((6, 6, 8))]):
        nw.set_seed(0)
        convolution = layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1), name="convolution")
        pooling = layers.MaxPooling2D(3, 2, padding=padding)
        end = [layers.Flatten(), layers.Dense(2, activation="softmax", name="end")]
        model = nw.Sequential([convolution, *between, pooling, *end])
        model.compile("adam", "sparse_categorical_crossentropy")
        assert model.network is not None
        assert len(model.network.graph.postponed) == (not between)
        history = model.fit(x, y, epochs=3, verbose=0).history["loss"]
        found.append((history, model.predict(x)))
    assert found[0][0] == found[1][0]
    assert (found[0][1] == found[1][1]).all()


def test_an_activation_that_is_read_elsewhere_is_not_postponed() -> None:
    x = nw.Input((8, 8, 1))
    hidden = layers.Conv2D(4, 3, activation="relu")(x)
    pooled = layers.MaxPooling2D()(hidden)
    model = nw.Model(x, [hidden, pooled])
    assert model.network is not None
    assert not model.network.graph.postponed
    assert model.predict(pictures()[0])[0].min() == 0.0
