"""Metrics against scikit-learn's and formulas; batches, weights and members as the engine averages them."""

import json

import numpy as np
import pytest
import torch
from sklearn import metrics as reference

import netwright as nw
from netwright import losses, metrics
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

N, C = 200, 4
RANDOM = np.random.default_rng(0)
CODES = RANDOM.integers(0, C, N)
HOT = np.eye(C)[CODES]
SCORES = RANDOM.normal(size=(N, C)) + 2 * HOT
SHARES = np.exp(SCORES) / np.exp(SCORES).sum(1, keepdims=True)
BITS = RANDOM.integers(0, 2, N)
CHANCE = 1 / (1 + np.exp(-(RANDOM.normal(size=N) + 2 * BITS - 1)))
REAL = RANDOM.normal(size=(N, 2)) + 5
GUESS = REAL + RANDOM.normal(size=(N, 2)) * [0.3, 0.5]
BEST = SCORES.argmax(1)
HARD = CHANCE > 0.5


def cosines(y, p):
    return np.mean((y * p).sum(1) / np.sqrt((y**2).sum(1) * (p**2).sum(1)))


CASES = [
    ("binary_accuracy", BITS, CHANCE, reference.accuracy_score(BITS, HARD)),
    (metrics.BinaryAccuracy(threshold=0.3), BITS, CHANCE, reference.accuracy_score(BITS, CHANCE > 0.3)),
    ("categorical_accuracy", HOT, SHARES, reference.accuracy_score(CODES, BEST)),
    ("sparse_categorical_accuracy", CODES, SHARES, reference.accuracy_score(CODES, BEST)),
    (metrics.TopKCategoricalAccuracy(2), HOT, SHARES, reference.top_k_accuracy_score(CODES, SHARES, k=2)),
    (
        metrics.SparseTopKCategoricalAccuracy(2),
        CODES,
        SHARES,
        reference.top_k_accuracy_score(CODES, SHARES, k=2),
    ),
    ("top_k_categorical_accuracy", HOT, SHARES, 1.0),
    ("mse", REAL, GUESS, reference.mean_squared_error(REAL, GUESS)),
    ("rmse", REAL, GUESS, np.sqrt(np.mean((REAL - GUESS) ** 2))),
    ("mae", REAL, GUESS, reference.mean_absolute_error(REAL, GUESS)),
    ("mape", REAL, GUESS, 100 * reference.mean_absolute_percentage_error(REAL, GUESS)),
    ("cosine", REAL, GUESS, cosines(REAL, GUESS)),
    ("r2", REAL, GUESS, reference.r2_score(REAL, GUESS)),
    ("r2", 1e6 + REAL, 1e6 + GUESS, reference.r2_score(1e6 + REAL, 1e6 + GUESS)),
    ("precision", BITS, CHANCE, reference.precision_score(BITS, HARD)),
    ("recall", BITS, CHANCE, reference.recall_score(BITS, HARD)),
    (metrics.Precision(0.3), BITS, CHANCE, reference.precision_score(BITS, CHANCE > 0.3)),
    ("precision", HOT, SHARES, reference.precision_score(HOT, SHARES > 0.5, average="micro")),
    ("recall", CODES, SHARES, reference.recall_score(HOT, SHARES > 0.5, average="micro")),
    ("f1", BITS, CHANCE, reference.f1_score(BITS, HARD)),
    ("f1", CODES, SHARES, reference.f1_score(CODES, BEST, average="macro")),
    (metrics.F1Score("micro"), HOT, SHARES, reference.f1_score(CODES, BEST, average="micro")),
    (metrics.F1Score("weighted"), HOT, SHARES, reference.f1_score(CODES, BEST, average="weighted")),
    (
        metrics.F1Score("macro", 0.3),
        HOT,
        SHARES,
        reference.f1_score(HOT, SHARES > 0.3, average="macro"),
    ),
    ("log_cosh", REAL, GUESS, np.log(np.cosh(REAL - GUESS)).mean()),
    ("binary_crossentropy", BITS, CHANCE, reference.log_loss(BITS, CHANCE)),
    ("cce", CODES, SHARES, reference.log_loss(CODES, SHARES)),
    ("scce", HOT, SHARES, reference.log_loss(CODES, SHARES)),
    ("mse", CODES, SHARES, np.mean((HOT - SHARES) ** 2)),
    (losses.Huber(10.0), REAL, GUESS, reference.mean_squared_error(REAL, GUESS) / 2),
    (losses.mean_squared_error, REAL, GUESS, reference.mean_squared_error(REAL, GUESS)),
    (lambda y, p: (y - p).abs(), REAL, GUESS, reference.mean_absolute_error(REAL, GUESS)),
]


@pytest.mark.parametrize(("metric", "target", "output", "wanted"), CASES)
def test_values(metric, target, output, wanted):
    assert metrics.get(metric)(target, output) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize(("metric", "target", "output", "wanted"), CASES)
def test_members_and_batches(metric, target, output, wanted):
    """Three members beside each other, in two batches, are three single ones."""
    metric = metrics.get(metric)
    targets = torch.from_numpy(np.stack([target, target[::-1], np.roll(target, 7, 0)]).copy())
    output = output if output.ndim == 2 else output[:, None]
    outputs = torch.from_numpy(np.stack([output, np.roll(output, 3, 0), output]))
    if outputs.shape[-1] == 1:
        targets = targets[..., None]
    parts = [metric.sums(targets[:, cut], outputs[:, cut]) for cut in (slice(0, 77), slice(77, N))]
    assert parts[0].shape[:2] == (3, 77)
    figures = metric.finish(torch.cat(parts, 1).mean(1))
    assert figures.shape == (3,)
    for member in range(3):
        alone = metric(targets[member].numpy(), outputs[member].numpy())
        assert figures[member].item() == pytest.approx(alone, rel=1e-6)


def test_weights_are_those_of_scikit_learn():
    weight = RANDOM.uniform(0, 3, N)
    for name, wanted in [
        ("precision", reference.precision_score(BITS, HARD, sample_weight=weight)),
        ("f1", reference.f1_score(BITS, HARD, sample_weight=weight)),
        ("r2", reference.r2_score(BITS, CHANCE, sample_weight=weight)),
        ("rmse", reference.root_mean_squared_error(BITS, CHANCE, sample_weight=weight)),
    ]:
        metric = metrics.get(name)
        sums = metric.sums(torch.from_numpy(BITS)[None, :, None], torch.from_numpy(CHANCE)[None, :, None])
        share = torch.from_numpy(weight / weight.sum())[None, :, None]
        assert metric.finish((sums * share).sum(1)).item() == pytest.approx(wanted, rel=1e-5)


def test_auc_is_near_the_exact_area():
    exact = reference.roc_auc_score(BITS, CHANCE)
    assert metrics.get("auc")(BITS, CHANCE) == pytest.approx(exact, abs=2e-3)
    assert metrics.AUC(num_thresholds=20_000)(BITS, CHANCE) == pytest.approx(exact, abs=1e-4)
    assert metrics.AUC()([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]) == pytest.approx(0.75)  # Keras's own example
    assert np.isnan(metrics.AUC()([1, 1], [0.3, 0.4]))
    with pytest.raises(InputError, match="num_thresholds"):
        metrics.AUC(num_thresholds=1)


def test_what_cannot_be_divided():
    assert metrics.Precision()([0, 1], [0.1, 0.2]) == 0
    assert metrics.Recall()([0, 0], [0.1, 0.2]) == 0
    assert metrics.F1Score()([0, 0], [0.1, 0.2]) == 0
    assert np.isnan(metrics.R2Score()([0.1] * 9, list(range(9))))


def test_sequences():
    target = RANDOM.integers(0, C, (5, 7))
    output = RANDOM.uniform(size=(5, 7, C))
    wanted = reference.accuracy_score(target.ravel(), output.reshape(-1, C).argmax(1))
    assert metrics.SparseCategoricalAccuracy()(target, output) == pytest.approx(wanted)
    wanted = reference.f1_score(target.ravel(), output.reshape(-1, C).argmax(1), average="macro")
    assert metrics.F1Score()(target, output) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("loss", "shape", "wanted"),
    [
        ("bce", (1,), metrics.BinaryAccuracy()),
        ("bce", (5,), metrics.BinaryAccuracy()),
        (losses.BinaryCrossentropy(from_logits=True), (1,), metrics.BinaryAccuracy(0.0)),
        ("cce", (5,), metrics.CategoricalAccuracy()),
        ("scce", (7, 5), metrics.SparseCategoricalAccuracy()),
        ("mse", (1,), metrics.BinaryAccuracy()),
        ("mse", (3,), metrics.CategoricalAccuracy()),
        ("hinge", (1,), metrics.BinaryAccuracy(0.0)),
    ],
)
def test_accuracy_suits_the_loss(loss, shape, wanted):
    for name in ("accuracy", "acc"):
        metric = metrics.get(name, losses.get(loss), shape)
        assert metric.label == name
        assert type(metric) is type(wanted)
        assert getattr(metric, "threshold", None) == getattr(wanted, "threshold", None)


def test_accuracy_of_logits_and_margins():
    logits = np.log(CHANCE / (1 - CHANCE))
    wanted = reference.accuracy_score(BITS, HARD)
    assert metrics.BinaryAccuracy(0.0)(BITS, logits) == pytest.approx(wanted)
    assert metrics.BinaryAccuracy(0.0)(2 * BITS - 1, logits) == pytest.approx(wanted)


def test_names():
    assert metrics.get("mae").label == "mae"
    assert metrics.get(metrics.AUC).label == "auc"
    assert metrics.AUC(name="area").label == "area"
    assert metrics.get(losses.Huber()).label == "huber"
    assert metrics.get(test_names).label == "test_names"
    assert nw.metrics.TopKCategoricalAccuracy(3).label == "top_k_categorical_accuracy"
    assert metrics.MeanSquaredError().label == "mean_squared_error"
    loss = losses.SparseCategoricalCrossentropy()
    assert metrics.get("crossentropy", loss).loss == loss
    with pytest.raises(InputError, match="needs a cross-entropy as loss"):
        metrics.get("crossentropy", losses.Huber())
    with pytest.raises(InputError, match="did you mean 'accuracy'"):
        metrics.get("acuracy")
    for wrong in (3, None, dict):
        with pytest.raises(InputError, match="no metric"):
            metrics.get(wrong)
    with pytest.raises(InputError, match="unknown average 'makro'"):
        metrics.F1Score("makro")
    with pytest.raises(InputError, match="3 rows"):
        metrics.AUC()([0, 1, 1], [0.1, 0.2])


@pytest.mark.parametrize("kind", [*metrics.KNOWN.values(), metrics.LossMetric])
def test_as_json(kind):
    known = {each.__name__: each for each in [*metrics.KNOWN.values(), metrics.LossMetric]}
    if kind is metrics.LossMetric:
        known["Huber"] = losses.Huber
        metric = metrics.LossMetric(losses.Huber(2.0), name="h")
    else:
        metric = kind()
    assert from_spec(known, json.loads(json.dumps(to_spec(metric)))) == metric


def test_higher_is_better_is_said():
    good = {name for name, kind in metrics.KNOWN.items() if kind.higher}
    assert {"binary_accuracy", "auc", "f1_score", "r2_score", "recall", "cosine_similarity"} <= good
    assert not {"mean_squared_error", "mean_absolute_error", "root_mean_squared_error"} & good
