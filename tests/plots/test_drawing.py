from __future__ import annotations

import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import netwright as nw
from netwright import layers, plots
from netwright.errors import InputError
from netwright.report.canvas import SERIES
from netwright.report.layout import levels, positions


def texts(figure) -> list[str]:
    return [each.get_text() for each in figure.axes[0].texts]


def test_a_small_dense_chain_is_circles_and_lines_of_its_weights():
    model = nw.Sequential([layers.Dense(3, "relu", input_dim=2), layers.Dropout(0.5), layers.Dense(1)])
    kernel = np.array([[1.0, -2.0, 0.5], [0.25, 4.0, -1.5]])
    model.set_weights([kernel, np.array([0.0, 1.0, -1.0]), np.ones((3, 1)), np.zeros(1)])
    axes = plots.network(model).axes[0]
    first, second = (each for each in axes.collections if isinstance(each, LineCollection))
    order = np.argsort(np.abs(kernel), axis=None)
    colours = [to_hex(each, keep_alpha=False) for each in first.get_edgecolors()]
    assert colours == [SERIES[0] if value > 0 else SERIES[1] for value in kernel.ravel()[order]]
    widths = np.asarray(first.get_linewidths())
    assert (np.diff(widths) > 0).all()
    np.testing.assert_allclose((widths - 0.3) / 2.5, np.abs(kernel).ravel()[order] / 4.0)
    strongest = first.get_segments()[-1]  # from the second input to the second unit
    circles = [each.get_offsets() for each in axes.collections if isinstance(each, PathCollection)]
    np.testing.assert_allclose(strongest, [circles[0][1], circles[1][1]])
    assert [len(each) for each in circles] == [2, 3, 1]
    assert len(second.get_segments()) == 3
    assert texts(axes.figure) == ["2 inputs", "dense\nrelu\ndropout 0.5", "dense_1"]


def test_a_graph_is_boxes_with_shapes_and_parameters_joined_by_arrows():
    picture, facts = nw.Input((8, 8, 1), name="picture"), nw.Input((5,), name="facts")
    seen = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(picture))
    joined = layers.Concatenate()([seen, facts, layers.Dense(2)(facts)])
    model = nw.Model([picture, facts], layers.Dense(1, name="age")(joined))
    axes = plots.network(model).axes[0]
    patches = axes.patches
    assert sum(isinstance(each, FancyBboxPatch) for each in patches) == 7
    assert sum(isinstance(each, FancyArrowPatch) for each in patches) == 7
    said = texts(axes.figure)
    assert {"picture", "conv2d, relu", "concatenate", "age: Dense"} <= set(said)
    assert {"input (8, 8, 1)", "(6, 6, 4)  40 parameters", "(11)", "(1)  12 parameters"} <= set(said)


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Dense(64, "relu", input_dim=100), layers.Dense(64, "relu"), layers.Dense(10, "softmax")],
        [layers.LSTM(4, input_shape=(None, 3)), layers.Dense(1)],
        [layers.Dense(4, input_dim=2), layers.LayerNormalization(), layers.Dense(1)],
    ],
)
def test_large_and_other_chains_are_boxes_from_top_to_bottom(stack):
    axes = plots.network(nw.Sequential(stack)).axes[0]
    boxes = [each for each in axes.patches if isinstance(each, FancyBboxPatch)]
    assert len(boxes) == len(stack) + 1
    heights = [box.get_y() for box in boxes]
    assert heights == sorted(heights, reverse=True)
    assert len({box.get_x() for box in boxes}) == 1


def test_what_cannot_be_drawn_is_told():
    with pytest.raises(InputError, match="no shape yet"):
        plots.network(nw.Sequential([layers.Dense(4)]))
    with pytest.raises(InputError, match="a dict cannot be drawn"):
        plots.network({})


def test_levels_and_places_keep_boxes_apart_and_lead_arrows_around_them():
    # A ladder of skips: every box also reads the one before its source.
    sources = [(), (), (0, 1), (2, 0), (3, 2), (4, 3), (5, 1)]
    level = levels(sources)
    assert level == [0, 0, 1, 2, 3, 4, 5]
    places, bends = positions(sources, level)
    taken: dict[float, list[float]] = {}
    for x, y in [*places.values(), *(place for each in bends.values() for place in each)]:
        taken.setdefault(y, []).append(x)
    for row in taken.values():
        assert np.diff(sorted(row)).min(initial=1.0) >= 1.0 - 1e-9
    assert [y for _, y in bends[1, 6]] == [1, 2, 3, 4]
    assert min(x for row in taken.values() for x in row) == 0.0


def test_the_schedule_is_drawn_as_it_is():
    rate = nw.schedules.ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)
    for given in (rate, nw.optimizers.Adam(rate)):
        (line,) = plots.schedule(given, steps=21).axes[0].lines
        np.testing.assert_allclose(line.get_ydata()[[0, 10, 20]], [0.1, 0.05, 0.025], rtol=1e-6)
    (flat,) = plots.schedule(1e-3, steps=5).axes[0].lines
    np.testing.assert_allclose(flat.get_ydata(), 1e-3)
    with pytest.raises(InputError, match="steps"):
        plots.schedule(1e-3, steps=0)
