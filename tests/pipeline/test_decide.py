"""What is chosen on validation rows, and options that do not fit a task."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch

from netwright.config import Config
from netwright.errors import InputError
from netwright.evaluate.threshold import choose
from netwright.runs import bundle
from netwright.runs.model import TableModel

TRAINING = {"epochs": 4, "members": 3, "learning_rate": 0.02}


@pytest.fixture(scope="module")
def decided(table, train, tmp_path_factory):
    """Trains three members: `decided(training={...}, ensemble={...})`."""

    def make(target: str = "y", **settings: Any):
        settings["training"] = TRAINING | settings.get("training", {})
        return train(table, tmp_path_factory.mktemp("decided"), target, **settings)

    return make


def about(made) -> dict[str, Any]:
    return json.loads(made.files()["network.json"])


def test_the_threshold_is_chosen_on_validation_rows_saved_and_used(decided):
    made = decided(training={"threshold": "f1"})
    model, prepared = made.model(), made.prepared
    rows, truth = prepared.split.validation, prepared.target
    output = model.network.predict_mean(prepared.dataset().raw).double().numpy()
    expected = choose(truth[rows], output[rows, 1], "f1")
    assert model.threshold == about(made)["threshold"] == expected != 0.5
    frame = prepared.table.frame
    said = model.predict(frame)
    np.testing.assert_array_equal(said == "yes", output[:, 1] > expected)
    scores = model.evaluate(frame)
    assert scores["accuracy"] == pytest.approx(np.mean(said == frame["y"].to_numpy()))


def test_the_config_repeats_weights_threshold_and_decisions_to_the_bit(decided):
    options = {"sampling": "balanced", "mixup": 0.2, "loss": "focal", "threshold": "balanced_accuracy"}
    first = decided(training=options, ensemble={"weights": "greedy"})
    again = decided(training=first.config.training.model_dump(), ensemble={"weights": "greedy"})
    assert first.files() == again.files()
    assert first.config.training.threshold == "balanced_accuracy"


def test_a_threshold_of_ones_own(decided):
    model = decided(training={"threshold": 0.2}).model()
    assert model.threshold == 0.2
    output = model.outputs(decided().prepared.table.frame)
    np.testing.assert_array_equal(model.decide(output) == "yes", output[:, 1] > 0.2)


def test_test_rows_choose_nothing(table, train, tmp_path):
    """Other labels in the test rows change neither threshold nor weights."""
    import polars as pl

    settings = {"training": TRAINING | {"threshold": "accuracy"}, "ensemble": {"weights": "greedy"}}
    turned = pl.when(pl.col("split") == "test").then(
        pl.when(pl.col("y") == "yes").then(pl.lit("no")).otherwise(pl.lit("yes"))
    )
    other = table.with_columns(turned.otherwise(pl.col("y")).alias("y"))
    ours, theirs = train(table, tmp_path / "a", **settings), train(other, tmp_path / "b", **settings)
    assert ours.files() == theirs.files()


def test_greedy_weights_average_the_members(decided):
    made = decided(ensemble={"weights": "greedy"})
    model = made.model()
    weights = about(made)["member_weights"]
    assert model.network.member_weights == weights
    assert sum(weights) == pytest.approx(1)
    raw = made.prepared.dataset().raw
    each = model.network.predict(raw)
    expected = sum(weight * part for weight, part in zip(weights, each, strict=True))
    torch.testing.assert_close(model.network.predict_mean(raw), expected)
    np.testing.assert_allclose(model.outputs(made.prepared.table.frame), expected.numpy(), atol=1e-6)
    plain = decided().model().network
    assert plain.member_weights is None
    assert torch.equal(plain.predict_mean(raw), plain.predict(raw).mean(0))


def test_a_refit_keeps_what_was_chosen_before_it(decided):
    settings = {"training": {"threshold": "f1"}, "ensemble": {"weights": "greedy"}}
    first = decided(**settings)
    again = decided(training={"threshold": "f1", "refit": True}, ensemble={"weights": "greedy"})
    for key in ("threshold", "member_weights"):
        assert about(first)[key] == about(again)[key]


def test_models_from_before_still_load(decided, tmp_path):
    made = decided()
    old = about(made)
    del old["threshold"], old["member_weights"]
    for name, content in made.files().items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / bundle.NETWORK).write_text(json.dumps(old))
    model = TableModel.load(tmp_path)
    assert (model.threshold, model.network.member_weights) == (0.5, None)
    for wrong in ({"threshold": 1.5}, {"member_weights": [0.5, 0.5]}, {"member_weights": [2.0, -1.0, 0.0]}):
        (tmp_path / bundle.NETWORK).write_text(json.dumps(old | wrong))
        with pytest.raises(InputError, match="does not fit together"):
            TableModel.load(tmp_path)


BAD = [
    ("price", {"sampling": "balanced"}, "sampling is balanced.*draws classes.*regression.*plain"),
    ("price", {"logit_adjustment": 1.0}, "logit_adjustment is 1.0.*for classes.*regression"),
    ("price", {"threshold": "f1"}, "threshold is f1.*two classes.*regression.*half"),
    ("price", {"loss": "focal"}, "loss is focal.*classes and labels.*possible here: mse, huber, mae"),
    ("y", {"loss": "huber"}, "loss is huber.*numbers.*possible here: cross_entropy, focal"),
    ("y", {"sampling": "balanced", "class_weights": "balanced"}, "counts rare classes twice"),
    (
        "y",
        {"loss": "symmetric_cross_entropy", "symmetric_alpha": 0, "symmetric_beta": 0},
        "symmetric_alpha and symmetric_beta are 0",
    ),
]


@pytest.mark.parametrize(("target", "training", "message"), BAD)
def test_an_option_that_does_not_fit_the_task_says_so(decided, target, training, message):
    with pytest.raises(InputError, match=message):
        decided(target, training=training)


def test_choices_need_validation_rows(table, train, tmp_path):
    without = {"column": None, "validation": 0.0}
    for settings, message in (
        ({"training": {"threshold": "f1"}}, "threshold is f1, and no validation rows"),
        (
            {"training": {"members": 3}, "ensemble": {"weights": "greedy"}},
            "weights is greedy, and no validation",
        ),
    ):
        with pytest.raises(InputError, match=message):
            train(table.drop("split"), tmp_path, split=without, **settings)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", 1.0),
        ("threshold", "best"),
        ("generalized_q", 0),
        ("mixup", -1),
        ("logit_adjustment", -0.5),
        ("loss", "hubr"),
        ("huber_delta", 0),
    ],
)
def test_values_out_of_range_are_refused(key, value):
    with pytest.raises(InputError, match=f"training.{key}"):
        Config.parse({"training": {key: value}})
