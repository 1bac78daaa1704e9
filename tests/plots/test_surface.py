from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.collections import PathCollection, QuadMesh

from netwright.errors import InputError
from netwright.plots import surface

SQUARE = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])


class Known:
    """A model that is a formula; keeps what it was asked."""

    def __init__(self, formula: Any, classes: Any = None) -> None:
        self.formula = formula
        if classes is not None:
            self.classes_ = np.asarray(classes)
            self.predict_proba = self.predict

    def predict(self, x: Any) -> np.ndarray:
        self.asked = x
        return self.formula(np.asarray(x))


def only(axes: Any, kind: type) -> Any:
    found = [each for each in axes.collections if type(each) is kind]
    return found[0] if len(found) == 1 else found


def test_the_plane_shows_what_the_model_answers_there():
    figure = surface(Known(lambda x: 3 * x[:, 0] - x[:, 1]), SQUARE, [1.0, 2.0, 3.0, 4.0], resolution=5)
    axes = figure.axes[0]
    mesh = only(axes, QuadMesh)
    side = np.linspace(-1.16, 1.16, 5)
    expected = 3 * side[None, :] - side[:, None]  # rows go up, columns to the right
    np.testing.assert_allclose(np.asarray(mesh.get_array()).reshape(5, 5), expected, atol=1e-5)
    points = only(axes, PathCollection)
    np.testing.assert_array_equal(points.get_offsets(), SQUARE)
    assert points.get_clim() == mesh.get_clim()  # points and plane are on one scale
    assert mesh.get_clim() == pytest.approx((-4.64, 4.64), abs=1e-5)
    assert axes.get_title(loc="left") == ""


@pytest.mark.parametrize(
    ("formula", "y", "words", "middle"),
    [
        (lambda x: 1 / (1 + np.exp(-x[:, :1])), [0, 0, 1, 1], "probability of 1", 0.5),
        (lambda x: 7 * x[:, :1], [0, 0, 1, 1], "output", 0.0),  # logits
        (lambda x: np.tanh(x[:, :1]), [-1, -1, 1, 1], "output", 0.0),  # hinge
    ],
)
def test_two_classes_part_where_the_decision_changes(formula, y, words, middle):
    figure = surface(Known(formula), SQUARE, y)
    axes, bar = figure.axes
    assert bar.get_ylabel() == words
    low, high = only(axes, QuadMesh).get_clim()
    assert (low + high) / 2 == pytest.approx(middle)
    (border,) = [each for each in axes.collections if type(each).__name__ == "QuadContourSet"]
    (line,) = border.allsegs[0]
    np.testing.assert_allclose(line[:, 0], 0.0, atol=1e-6)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [str(y[0]), str(y[-1])]


def test_several_classes_have_a_colour_each_that_fades_where_unsure():
    def formula(x: np.ndarray) -> np.ndarray:
        logits = np.stack([-4 * x[:, 0], 4 * x[:, 0], np.full(len(x), -9.0)], axis=1)
        return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)

    y = np.eye(3)[[0, 0, 1, 1]]
    figure = surface(Known(formula, ["a", "b", "c"]), SQUARE, np.array(["a", "a", "b", "b"]), resolution=51)
    image = np.asarray(figure.axes[0].images[0].get_array())
    left, middle, right = image[25, 0], image[25, 25], image[25, -1]
    assert left[2] > left[0] + 0.3  # blue
    assert right[0] > right[2] + 0.3  # orange
    assert middle.min() > 0.8  # nearly white
    one_hot = surface(Known(formula), SQUARE, y, resolution=51)
    np.testing.assert_array_equal(image, one_hot.axes[0].images[0].get_array())
    logits = surface(Known(lambda x: np.log(formula(x)) + 5), SQUARE, y, resolution=51)
    np.testing.assert_allclose(image, logits.axes[0].images[0].get_array(), atol=1e-6)


def test_a_classifier_without_probabilities_gives_plain_regions():
    class Names:
        classes_ = np.array(["no", "yes"])

        def predict(self, x: np.ndarray) -> np.ndarray:
            return np.where(x[:, 0] > 0, "yes", "no")

    figure = surface(Names(), SQUARE, ["no", "no", "yes", "yes"])
    assert set(np.unique(only(figure.axes[0], QuadMesh).get_array())) == {0.0, 1.0}


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_a_frame_gives_its_names_to_the_axes_and_to_the_model(kind):
    frame = kind({"width": SQUARE[:, 0], "$height$": SQUARE[:, 1]})
    model = Known(lambda x: x[:, 0])
    figure = surface(model, frame, resolution=4)
    assert type(model.asked) is kind
    assert list(model.asked.columns) == ["width", "$height$"]
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("width", r"\$height\$")
    named = surface(model, frame, names=["a", "b"], resolution=4)
    assert named.axes[0].get_ylabel() == "b"


def test_many_points_are_thinned_and_a_flat_axis_does_no_harm():
    x = np.stack([np.arange(5000.0), np.full(5000, 2.0)], axis=1)
    figure = surface(Known(lambda x: 0 * x[:, 0]), x, np.arange(5000.0), resolution=4)
    assert len(only(figure.axes[0], PathCollection).get_offsets()) == 2000


@pytest.mark.parametrize("x", [np.ones((4, 3)), np.ones(4), np.ones((0, 2))])
def test_other_than_two_inputs_are_refused(x):
    with pytest.raises(InputError, match="two inputs"):
        surface(Known(lambda x: x[:, 0]), x)


def test_values_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="not finite"):
        surface(Known(lambda x: x[:, 0]), np.array([[0.0, np.nan], [1.0, 2.0]]))
