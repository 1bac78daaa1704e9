from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from matplotlib.figure import Figure

from netwright.report import plots
from netwright.report.canvas import SERIES, label, panels, svg


def history(members: int, epochs: int) -> pl.DataFrame:
    rows = [(member, epoch) for member in range(members) for epoch in range(1, epochs + 1 - member)]
    frame = pl.DataFrame(rows, schema=["member", "epoch"], orient="row")
    loss = 1.0 / pl.col("epoch") + pl.col("member")
    return frame.with_columns(
        train_loss=loss, validation_loss=loss + 0.1, learning_rate=pl.lit(0.001), validation_f1=1.0 - loss
    )


def in_view(figure: Figure) -> bool:
    """Whether all titles and labels lie within the figure."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    wide, high = figure.bbox.width, figure.bbox.height
    for axes in figure.axes:
        box = axes.get_tightbbox(renderer)
        assert box is not None
        if box.x0 < -1 or box.y0 < -1 or box.x1 > wide + 1 or box.y1 > high + 1:
            return False
    return True


def test_labels_lie_within_every_picture() -> None:
    generator = np.random.default_rng(0)
    long = [f"a very long name indeed, number {place}" for place in range(23)]
    truth, scores = generator.random((200, 23)) > 0.5, generator.random((200, 23))
    values = generator.lognormal(12, 1, 100)
    bins = [{"low": 0.5, "high": 1.0, "confidence": 0.8, "observed": 0.7, "rows": 123_456}]
    drops = [{"name": name, "drop": 0.1 - place / 100, "deviation": 0.01} for place, name in enumerate(long)]
    drawn = [
        plots.training_curves(history(3, 9), "f1", [4, 5, 6]),
        plots.score_comparison({"this network": 0.9, "constant prediction": 0.5}, "accuracy", [0.88, 0.92]),
        plots.confusion_matrix(generator.integers(0, 90_000, (23, 23)), long),
        plots.confusion_matrix(generator.integers(0, 90_000, (3, 2)), ["no", "yes"]),
        plots.residuals(values, values * 1.1, "a price in $ and $"),
        plots.roc_curves(truth, scores, long),
        plots.precision_recall_curves(truth, scores, long),
        plots.probability_histogram(truth[:, 0], scores[:, 0], long[0]),
        plots.reliability_diagram(bins),
        plots.importance_bars(drops, "log_loss"),
    ]
    assert [figure for figure in drawn if not in_view(figure)] == []
    for figure in drawn:
        assert all(axes.get_title("left") or axes is not figure.axes[0] for axes in figure.axes)
        assert all(axes.get_xlabel() or axes.get_ylabel() for axes in figure.axes)


def test_mean_of_members_reaches_as_far_as_all_trained() -> None:
    loss = plots.training_curves(history(3, 9), "f1", []).axes[0]
    mean = next(line for line in loss.lines if "training, mean of 3" in str(line.get_label()))
    np.testing.assert_allclose(mean.get_xdata(), np.arange(1, 8))
    np.testing.assert_allclose(mean.get_ydata(), 1 / np.arange(1, 8) + 1)


def test_training_without_a_finite_loss_still_draws() -> None:
    frame = history(1, 3).with_columns(train_loss=pl.Series([np.nan, np.inf, None], dtype=pl.Float64))
    assert "<svg" in svg(plots.training_curves(frame, None, [1]), "curves")


def test_confusion_matrix_colours_shares_and_writes_counts() -> None:
    axes = plots.confusion_matrix([[90, 10], [0, 0]], ["no", "yes"]).axes[0]
    assert [each.get_text() for each in axes.texts] == ["90\n90%", "10\n10%"]
    alphas = axes.collections[0].get_facecolor()[:, 3]
    assert alphas[0] > alphas[1]


def test_of_many_classes_the_weakest_are_drawn() -> None:
    generator = np.random.default_rng(0)
    truth = np.eye(12, dtype=bool)[generator.integers(0, 12, 600)]
    scores = truth * np.linspace(0, 2, 12) + generator.random((600, 12))
    axes = plots.roc_curves(truth, scores, [f"class{place}" for place in range(12)]).axes[0]
    shown = [str(line.get_label()).split(":")[0] for line in axes.lines]
    assert {"class0", "class1"} <= set(shown)
    assert "class11" not in shown
    assert len(shown) == len(SERIES) + 1


def test_a_class_without_rows_has_no_curve() -> None:
    truth = np.array([[True, False], [False, False]])
    axes = plots.precision_recall_curves(truth, truth * 0.5, ["seen", "unseen"]).axes[0]
    assert len(axes.lines) == 1


def test_scatter_is_sampled() -> None:
    values = np.arange(9000.0)
    scatter = plots.residuals(values, values, "y").axes[0]
    assert len(scatter.lines[0].get_xdata()) == plots.SCATTER_ROWS
    assert "2,000 of 9,000 rows" in scatter.get_xlabel()


def test_importance_skips_columns_not_reached() -> None:
    columns = [{"name": "a", "drop": 0.2, "deviation": 0.1}, {"name": "b", "drop": None, "deviation": None}]
    axes = plots.importance_bars(columns, "rmse").axes[0]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["a"]


@settings(deadline=None, max_examples=20)
@given(some.text(max_size=60))
def test_any_name_can_be_drawn(text: str) -> None:
    figure, (axes,) = panels(2, 2)
    axes.set_xlabel(label(text, 30))
    drawn = svg(figure, text)
    assert drawn.startswith("<svg role=")
    assert drawn.endswith("</svg>")


def test_svg_takes_its_colours_from_the_page() -> None:
    drawn = svg(plots.score_comparison({"a": 1.0, "b": 2.0}, "rmse"), "scores")
    assert "var(--series-0)" in drawn
    assert not any(colour in drawn for colour in SERIES[:1])


@pytest.mark.parametrize(
    ("name", "shown"), [("short", "short"), ("a$b", r"a\$b"), ("x" * 99, "x" * 14 + "…" + "x" * 9)]
)
def test_label(name: str, shown: str) -> None:
    assert label(name) == shown
