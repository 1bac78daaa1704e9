from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, r2_score, roc_auc_score

import netwright as nw
from netwright import layers
from netwright.errors import InputError
from netwright.report import build

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(240, 4)).astype(np.float32)
SIGNAL = X[:, 0] - X[:, 1] + 0.3 * RANDOM.normal(size=240)
CODES = np.digitize(SIGNAL, [-0.7, 0.7])
TRAIN, TEST = slice(0, 160), slice(160, 240)


def fitted(units: int, activation: str | None, loss: Any, y: np.ndarray, epochs: int = 5) -> nw.Sequential:
    nw.set_seed(0)
    model = nw.Sequential([layers.Dense(8, "tanh", input_dim=4), layers.Dense(units, activation)])
    model.compile(nw.optimizers.Adam(0.02), loss)
    model.fit(X[TRAIN], y[TRAIN], epochs=epochs, verbose=0)
    return model


def written(folder) -> tuple[dict[str, Any], dict[str, Any], pl.DataFrame, str]:
    metrics, evaluation = (
        json.loads((folder / name).read_text()) for name in ("metrics.json", "evaluation.json")
    )
    predictions = pl.read_csv(folder / "predictions.csv")
    return metrics, evaluation, predictions, (folder / "report.html").read_text(encoding="utf-8")


def test_a_classifier_leaves_scores_baselines_curves_drawing_and_itself(tmp_path):
    y = np.eye(3)[CODES]
    model = fitted(3, "softmax", "categorical_crossentropy", y)
    page = model.report(
        tmp_path / "r",
        X[TEST],
        y[TEST],
        train=(X[TRAIN], y[TRAIN]),
        classes=["low", "mid", "high"],
        target="z",
    )
    assert page == tmp_path / "r" / "report.html"
    metrics, evaluation, predictions, text = written(tmp_path / "r")
    given = model.predict(X[TEST])
    assert metrics["test"]["accuracy"] == pytest.approx(accuracy_score(CODES[TEST], given.argmax(1)))
    assert metrics["test"]["log_loss"] == pytest.approx(log_loss(CODES[TEST], given), rel=1e-5)
    assert metrics["rows"] == {"train": 160, "test": 80}
    most = np.bincount(CODES[TRAIN]).argmax()
    assert metrics["baseline"]["constant"]["accuracy"] == pytest.approx((CODES[TEST] == most).mean())
    assert metrics["baseline"]["linear"]["accuracy"] > 0.75
    low, high = metrics["intervals"]["accuracy"]
    assert low < metrics["test"]["accuracy"] < high
    counts = confusion_matrix(CODES[TEST], given.argmax(1))
    assert evaluation["confusion"] == {"classes": ["low", "mid", "high"], "counts": counts.tolist()}
    assert predictions["z"].to_list() == [("low", "mid", "high")[code] for code in CODES[TEST]]
    np.testing.assert_allclose(predictions["probability_high"], given[:, 2], rtol=1e-6)
    assert pl.read_csv(tmp_path / "r" / "history.csv")["epoch"].to_list() == [1, 2, 3, 4, 5]
    for picture in ("the network", "training curves", "confusion matrix", "score beside its baselines"):
        assert f'aria-label="{picture}"' in text
    assert "used for nothing else" not in text  # nobody knows what the rows were used for
    assert "netwright train" not in text
    np.testing.assert_array_equal(nw.load(tmp_path / "r").predict(X), model.predict(X))  # type: ignore[union-attr]
    assert build(tmp_path / "r").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("units", "activation", "loss"),
    [
        (1, "sigmoid", "binary_crossentropy"),
        (1, None, nw.losses.BinaryCrossentropy(from_logits=True)),
        (2, "softmax", "sparse_categorical_crossentropy"),
        (2, None, nw.losses.SparseCategoricalCrossentropy(from_logits=True)),
    ],
)
def test_two_classes_are_binary_however_they_come_out(tmp_path, units, activation, loss):
    y = (SIGNAL > 0).astype(int)
    model = fitted(units, activation, loss, y)
    model.report(tmp_path / "r", X[TEST], y[TEST])
    metrics, evaluation, predictions, text = written(tmp_path / "r")
    given = model.predict(X[TEST]).astype(float)
    score = given[:, 0] if units == 1 else given[:, 1] - given[:, 0]
    assert metrics["task"] == "binary"
    assert metrics["test"]["roc_auc"] == pytest.approx(roc_auc_score(y[TEST], score))
    logits = activation is None
    expected = 1 / (1 + np.exp(-score)) if logits else given[:, -1]
    np.testing.assert_allclose(predictions["probability_1"], expected, rtol=1e-5)
    assert metrics["baseline"] == {}
    assert "Baselines were not computed: no training rows" in text
    assert evaluation["not_computed"]


@pytest.mark.parametrize("several", [False, True])
def test_numbers_are_a_regression(tmp_path, several):
    y = np.stack([SIGNAL, X[:, 2]], axis=1) if several else SIGNAL
    model = fitted(2 if several else 1, None, "mse", y, epochs=20)
    validation = (X[100:160], y[100:160])
    model.report(tmp_path / "r", X[TEST], y[TEST], train=(X[:100], y[:100]), validation=validation)
    metrics, _, predictions, text = written(tmp_path / "r")
    assert metrics["target"] == (["y_0", "y_1"] if several else ["y"])
    assert metrics["test"]["r2"] == pytest.approx(r2_score(y[TEST], model.predict(X[TEST])), abs=1e-5)
    assert set(metrics["validation"]) == set(metrics["test"])
    assert metrics["baseline"]["linear"]["r2"] > 0.8
    assert predictions.width == (5 if several else 3)
    assert f'aria-label="residuals of {metrics["target"][0]}"' in text


def test_several_labels(tmp_path):
    y = np.stack([SIGNAL > 0, X[:, 2] > 0], axis=1).astype(float)
    model = fitted(2, "sigmoid", "binary_crossentropy", y)
    model.report(tmp_path / "r", X[TEST], y[TEST], train=(X[TRAIN], y[TRAIN]), classes=["up", "wide"])
    metrics, _, predictions, _ = written(tmp_path / "r")
    assert (metrics["task"], metrics["target"]) == ("multilabel", ["y_up", "y_wide"])
    assert predictions["y_wide"].to_list() == y[TEST, 1].astype(int).tolist()
    assert metrics["baseline"]["linear"]["f1"] > 0.8


def test_codes_have_no_linear_model_and_a_model_loaded_no_curves(tmp_path):
    words = RANDOM.integers(0, 9, (60, 5))
    y = (words[:, 0] > 4).astype(int)
    model = nw.Sequential(
        [layers.Embedding(9, 3, input_shape=(5,)), layers.Flatten(), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy")
    model.report(tmp_path / "r", words, y, train=(words, y))
    metrics, evaluation, _, _ = written(tmp_path / "r")
    assert set(metrics["baseline"]) == {"constant"}
    assert "the inputs are codes" in evaluation["baseline_note"]
    assert not (tmp_path / "r" / "history.csv").exists()


def test_only_an_earlier_report_is_overwritten(tmp_path):
    model = fitted(1, None, "mse", SIGNAL)
    model.report(tmp_path / "r", X, SIGNAL)
    with pytest.raises(InputError, match="overwrite=True"):
        model.report(tmp_path / "r", X, SIGNAL)
    model.report(tmp_path / "r", X, SIGNAL, overwrite=True)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("one")
    with pytest.raises(InputError, match="holds something already"):
        model.report(tmp_path / "thesis", X, SIGNAL, overwrite=True)


@pytest.mark.parametrize(
    ("y", "more", "said"),
    [
        (CODES[:50], {}, "numbers of rows differ"),
        (CODES + 1, {}, "other classes than 0 to 2"),
        (CODES, {"classes": ["a", "b"]}, "names 2 classes, and the model has 3"),
        (CODES, {"train": X}, "train is a pair"),
    ],
)
def test_what_does_not_fit_is_told_before_anything_is_written(tmp_path, y, more, said):
    model = fitted(3, "softmax", "sparse_categorical_crossentropy", CODES)
    with pytest.raises(InputError, match=said):
        model.report(tmp_path / "r", X, y, **more)
    assert not (tmp_path / "r").exists()


def test_models_without_one_vector_out_are_refused(tmp_path):
    x = nw.Input((4,))
    model = nw.Model(x, [layers.Dense(1)(x), layers.Dense(2)(x)])
    model.compile("adam", "mse")
    with pytest.raises(InputError, match="models of one output"):
        model.report(tmp_path / "r", X, SIGNAL)


def test_finding_a_rate_leaves_the_model_as_it_was():
    model = fitted(1, None, "mse", SIGNAL)
    before, history = model.get_weights(), model.history
    test = model.find_rate(X, SIGNAL, batch_size=16, steps=60)
    for ours, theirs in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.history is history
    assert test.losses[0] == pytest.approx(model.evaluate(X, SIGNAL, verbose=0), rel=0.8)
    untouched = fitted(1, None, "mse", SIGNAL)
    for each in (model, untouched):
        each.fit(X, SIGNAL, epochs=2, verbose=0)
    np.testing.assert_array_equal(model.predict(X), untouched.predict(X))
    fresh = nw.Sequential([layers.Dense(8, "tanh", input_dim=4), layers.Dense(1)])
    fresh.compile("adam", "mse")
    assert 1e-4 < fresh.find_rate(X, SIGNAL, batch_size=16, steps=80).suggestion < 1.0
    with pytest.raises(InputError, match="compile the model before find_rate"):
        nw.Sequential([layers.Dense(1, input_dim=4)]).find_rate(X, SIGNAL)


def test_pictures_are_at_hand():
    nw.set_seed(0)
    model = nw.Sequential([layers.Dense(3, "tanh", input_dim=2), layers.Dense(1, "sigmoid")])
    assert model.plot().axes[0].texts[0].get_text() == "2 inputs"
    figure = model.plot_surface(X[:, :2], (SIGNAL > 0).astype(int), names=["a", "b"], resolution=10)
    assert figure.axes[0].get_xlabel() == "a"
