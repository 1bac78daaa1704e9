"""`NetClassifier` and `NetRegressor` by scikit-learn's own checks, and by what it promises beside them."""

from __future__ import annotations

import io
import pickle
from typing import Any

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import netwright as nw

SMALL: dict[str, Any] = {"width": 8, "epochs": 3, "random_state": 0}
SCORED = ("check_classifiers_train", "check_regressors_train")  # how good the defaults are, once each


@parametrize_with_checks([nw.NetClassifier(), nw.NetRegressor()])
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    if check.func.__name__ not in SCORED or check.keywords:
        estimator = clone(estimator).set_params(epochs=2)
    check(estimator)


def mixed(rows: int = 80) -> tuple[pd.DataFrame, np.ndarray]:
    """A frame of all kinds of columns; the class is in the colour and the size."""
    random = np.random.default_rng(0)
    colour = random.choice(["red", "green", "blue"], rows)
    size = random.normal(size=rows)
    frame = pd.DataFrame(
        {
            "colour": np.where(random.random(rows) < 0.05, None, colour),
            "shape": pd.Categorical(random.integers(0, 3, rows).astype(str)),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 300, rows), unit="D"),
            "new": random.random(rows) < 0.5,
            "size": np.where(random.random(rows) < 0.1, np.nan, size),
        }
    )
    return frame, np.where((colour == "red") | (size > 1), "yes", "no")


def fitted_values(estimator: Any) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in estimator.model_.network.named_values().items()}


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True}, {"dropout": 0.3, "batch_size": 7}])
@pytest.mark.parametrize("whole", [True, False])
def test_weights_are_repetitions_to_the_last_bit(whole, settings):
    """Also where rows have missing cells, with dropout, with batches and with validation rows."""
    frame, classes = mixed()
    random = np.random.default_rng(1)
    counts = random.integers(0, 4, len(frame))
    repeated = frame.loc[frame.index.repeat(counts)], np.repeat(classes, counts)
    order = random.permutation(len(frame))
    weight = counts[order] * (1 if whole else 0.25)
    one = nw.NetClassifier(**SMALL, **settings).fit(
        *repeated, sample_weight=None if whole else np.full(counts.sum(), 0.25)
    )
    two = nw.NetClassifier(**SMALL, **settings).fit(frame.iloc[order], classes[order], sample_weight=weight)
    for name, value in fitted_values(one).items():
        np.testing.assert_array_equal(fitted_values(two)[name], value, err_msg=name)
    np.testing.assert_array_equal(one.predict_proba(frame), two.predict_proba(frame))


def test_weights_change_a_fit():
    X, y = load_diabetes(return_X_y=True)
    weight = np.where(y > np.median(y), 5.0, 0.5)
    plain = nw.NetRegressor(**SMALL).fit(X, y)
    weighted = nw.NetRegressor(**SMALL).fit(X, y, sample_weight=weight)
    scale = nw.NetRegressor(**SMALL).fit(X, y, sample_weight=weight * 2.0**20 / 10)
    assert weighted.predict(X).mean() > plain.predict(X).mean() + 5
    np.testing.assert_allclose(scale.predict(X), weighted.predict(X), rtol=1e-3)


@pytest.mark.parametrize(
    "as_frame", [lambda frame: frame, pl.from_pandas, lambda frame: frame.to_numpy(object)]
)
def test_frames_of_all_kinds_of_columns(as_frame):
    frame, classes = mixed(300)
    X = as_frame(frame)
    model = nw.NetClassifier(random_state=0, epochs=12).fit(X, classes)
    assert model.score(X, classes) > 0.9
    assert set(model.predict(X)) == {"yes", "no"}
    assert model.model_.schema.columns[0].kind == "category"
    if not isinstance(X, np.ndarray):
        assert model.feature_names_in_.tolist() == list(frame.columns)
        assert model.model_.schema.column("shape").kind == "category"
        assert model.model_.schema.column("day").kind == "date"
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(X[list(reversed(frame.columns))])


def test_what_the_model_predicts_is_what_the_estimator_predicts(tmp_path):
    frame, classes = mixed()
    model = nw.NetClassifier(**SMALL).fit(frame, classes)
    model.model_.save(tmp_path / "model")
    loaded = nw.load(tmp_path / "model")
    np.testing.assert_allclose(loaded.predict_proba(frame), model.predict_proba(frame), atol=1e-5)


def test_pickles_hold_the_network_as_data_only():
    frame, classes = mixed()
    model = nw.NetClassifier(**SMALL).fit(frame, classes)
    data = pickle.dumps(model)
    assert b"torch" not in data
    np.testing.assert_array_equal(pickle.loads(data).predict_proba(frame), model.predict_proba(frame))
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    np.testing.assert_array_equal(joblib.load(file).predict_proba(frame), model.predict_proba(frame))


def test_a_pickle_in_between_changes_nothing_for_partial_fit():
    X, y = load_iris(return_X_y=True)
    whole = nw.NetClassifier(**SMALL)
    for start in range(3):
        whole.partial_fit(X[start::3], y[start::3], classes=[0, 1, 2])
    parts = nw.NetClassifier(**SMALL)
    for start in range(3):
        parts.partial_fit(X[start::3], y[start::3], classes=[0, 1, 2])
        parts = pickle.loads(pickle.dumps(parts))
    np.testing.assert_array_equal(parts.predict_proba(X), whole.predict_proba(X))


def test_partial_fit_learns_on_and_reaches_new_targets():
    X, y = load_diabetes(return_X_y=True)
    low = y < 150
    model = nw.NetRegressor(random_state=0).partial_fit(X[low], y[low])
    assert model.predict(X).max() < 150
    for _ in range(25):
        model.partial_fit(X, y)
    assert model.predict(X).max() > 180
    assert model.score(X, y) > 0.4


def test_partial_fit_needs_all_classes_at_first():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="classes must be passed"):
        nw.NetClassifier().partial_fit(X[:60], y[:60])
    model = nw.NetClassifier(**SMALL).partial_fit(X[:60], y[:60], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (150, 3)
    with pytest.raises(ValueError, match="does not know"):
        model.partial_fit(X, y + 1)


def test_warm_start_goes_on():
    X, y = load_breast_cancer(return_X_y=True)
    settings = SMALL | {"schedule": "constant", "epochs": 1}
    cold = nw.NetClassifier(**settings).fit(X, y)
    warm = nw.NetClassifier(**settings, warm_start=True)
    for _ in range(4):
        warm.fit(X, y)
    assert warm.loss_curve_[-1] < 0.7 * cold.loss_curve_[-1]


def test_in_pipelines_and_searches():
    X, y = load_iris(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), nw.NetClassifier(**SMALL, learning_rate=0.02)).set_output(
        transform="pandas"
    )
    grid = GridSearchCV(pipeline, {"netclassifier__epochs": np.array([1, 15])}, cv=2).fit(X, y)
    assert grid.best_params_["netclassifier__epochs"] == 15
    assert cross_val_score(clone(grid.best_estimator_), X, y, cv=2).mean() > 0.75


def test_several_quantities_and_labels():
    X, y = load_diabetes(return_X_y=True)
    both = np.stack([y, -2 * y], axis=1)
    model = nw.NetRegressor(random_state=0).fit(X, both)
    assert model.predict(X).shape == both.shape
    assert model.score(X, both) > 0.4
    labels = np.stack([y > 150, y < 100], axis=1).astype(int)
    classifier = nw.NetClassifier(random_state=0).fit(X, labels)
    assert classifier.predict_proba(X).shape == labels.shape
    assert (classifier.predict(X) == labels).mean() > 0.75


def test_bad_input():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(nw.InputError, match=r"network\.kind"):
        nw.NetClassifier(network="mpl").fit(X, y)
    with pytest.raises(ValueError, match="infinity"):
        nw.NetClassifier().fit(np.where(X > 7, np.inf, X), y)
    with pytest.raises(ValueError, match="NaN"):
        nw.NetRegressor().fit(X, np.where(y == 1, np.nan, y))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        nw.NetRegressor().fit(X, y, sample_weight=y - 1.0)
    with pytest.raises(nw.InputError, match="zip"):
        nw.NetClassifier(kinds={"zip": "category"}).fit(X, y)
    frame, classes = mixed()
    with pytest.raises(ValueError, match="infinity in column 'size'"):
        nw.NetClassifier().fit(frame.assign(size=np.inf), classes)


def test_hidden_layers_can_be_given_one_by_one():
    X, y = load_iris(return_X_y=True)
    layers = [{"Dense": {"units": 16, "activation": "relu"}}, "BatchNormalization", {"Dropout": 0.1}]
    fitted = clone(nw.NetClassifier(layers, random_state=0)).fit(X, y)
    assert fitted.score(X, y) > 0.9
    np.testing.assert_array_equal(
        pickle.loads(pickle.dumps(fitted)).predict_proba(X), fitted.predict_proba(X)
    )


def test_arrays_of_pictures_and_series():
    random = np.random.default_rng(0)
    y = np.arange(60) % 2
    pictures = random.integers(0, 100, (60, 8, 8), dtype=np.uint8) + (y * 120).astype(np.uint8)[:, None, None]
    classifier = nw.NetClassifier(random_state=0, effort="quick", epochs=12).fit(pictures, y)
    assert classifier.score(pictures, y) > 0.9
    assert (pickle.loads(pickle.dumps(classifier)).predict(pictures) == classifier.predict(pictures)).all()
    with pytest.raises(ValueError, match="array of series, but NetClassifier was fitted on image"):
        classifier.predict(random.normal(size=(3, 8, 8)))
    with pytest.raises(ValueError, match="expecting 1 features"):
        classifier.predict(np.zeros((3, 5)))
    series = random.normal(size=(60, 12, 2)) + y[:, None, None]
    regressor = nw.NetRegressor(random_state=0, effort="quick", epochs=3).fit(series, 10.0 * y)
    assert regressor.predict(series).shape == (60,)


def test_callbacks_watch_the_training_and_change_nothing():
    X, y = (each[::3] for each in load_iris(return_X_y=True))
    doctor = nw.callbacks.Doctor(verbose=0)
    watched = nw.NetClassifier(**SMALL, callbacks=[doctor]).fit(X, y)
    alone = nw.NetClassifier(**SMALL).fit(X, y)
    assert len(doctor.records[0].train_loss) == 3
    assert np.array_equal(watched.predict_proba(X), alone.predict_proba(X))
    with pytest.raises(ValueError, match="is no callback"):
        nw.NetClassifier(epochs=1, callbacks=["doctor"]).fit(X, y)
