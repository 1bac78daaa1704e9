"""What a model of two inputs answers everywhere, with the data's points on top."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from netwright.errors import InputError
from netwright.report.canvas import INK, LINE, MUTED, SERIES, label, name, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 2000
MARKERS = "os^DvP*X"
DEPTH = 0.6  # how much of its colour a class has where the model is sure of it
WIDTH = 5.6  # inches
MARGIN = 0.08  # of the points' range, around them


def surface(
    model: Any, x: Any, y: Any = None, *, names: Sequence[str] | None = None, resolution: int = 240
) -> Figure:
    """The answers of a model over the plane of its two inputs.

    Two classes shade from one colour to the other, several have a colour each, which fades where the model is
    unsure; a dark line is where the decision changes. Numbers are shown on one scale with the points' own.

    Arguments:
        model: anything with `predict_proba` or `predict`: models by hand, scikit-learn's and our estimators.
        x: rows, an array or a frame of pandas or polars. [N, 2]
        y: what is true of them: classes (codes, names, or one-hot rows) or numbers; only the plane unless
            given. [N]
        names: of both inputs; a frame's own unless given.
        resolution: places computed along each axis.

    Raises:
        InputError: x has not two columns of finite numbers.

    Example:
        >>> class Ring:
        ...     def predict(self, x):
        ...         return (x**2).sum(1)
        >>> figure = surface(Ring(), np.array([[-1.0, 0.0], [1.0, 1.0]]))
    """
    points = np.asarray(x, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        raise InputError(
            f"x has shape {points.shape}", where="surface", hint="a surface has two inputs: [N, 2]"
        )
    if not np.isfinite(points).all():
        raise InputError("x holds values that are not finite", where="surface")
    columns = [str(each) for each in getattr(x, "columns", ["first input", "second input"])]
    low, high = points.min(0), points.max(0)
    edge = MARGIN * np.where(high > low, high - low, 1.0)
    low, high = low - edge, high + edge
    across, up = (np.linspace(low[axis], high[axis], resolution) for axis in (0, 1))
    grid = np.stack([each.ravel() for each in np.meshgrid(across, up)], axis=1)
    given = _answers(model, _like(x, grid))  # [N, C]
    figure, (axes,) = panels(WIDTH, 4.3, top=0.14 if y is None else 0.36, right=0.2)
    plane = (across, up, given.reshape(resolution, resolution, -1))
    truth = None if y is None else _column(y)
    shown = np.sort(np.random.default_rng(0).permutation(len(points))[:POINTS])
    points, truth = points[shown], truth if truth is None else truth[shown]
    known = _names(model, truth)
    if given.shape[1] > 1:
        _classes(axes, plane, points, truth, known or list(range(given.shape[1])))
    elif known is not None and len(known) == 2:
        _two(axes, plane, points, truth, known)
    else:
        _numbers(axes, plane, points, truth)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.grid(visible=False)
    name(axes, "", *(label(each) for each in (names or columns)))
    return figure


Plane = tuple[np.ndarray, np.ndarray, np.ndarray]


def _like(x: Any, grid: np.ndarray) -> Any:
    """The grid as the same kind of thing that x is, so that named columns keep their names."""
    if not hasattr(x, "columns"):
        return grid.astype(np.float32)
    if type(x).__module__.startswith("polars"):
        return type(x)(grid, schema=list(x.columns))
    return type(x)(grid, columns=x.columns)


def _answers(model: Any, rows: Any) -> np.ndarray:
    """Probabilities of the classes, scores or values. [N, C]"""
    if hasattr(model, "predict_proba"):
        found = np.asarray(model.predict_proba(rows), dtype=np.float64)
        return found[:, 1:] if found.shape[1] == 2 else found
    found = np.asarray(model.predict(rows))
    if hasattr(model, "classes_"):  # a classifier that gives classes alone
        found = (found.reshape(-1, 1) == np.asarray(model.classes_)).astype(np.float64)
        return found[:, 1:] if found.shape[1] == 2 else found
    found = found.reshape(len(found), -1).astype(np.float64)
    if found.shape[1] == 1:
        return found
    if (found < 0).any() or not np.allclose(found.sum(1), 1.0, atol=1e-3):  # logits
        found = np.exp(found - found.max(1, keepdims=True))
        found /= found.sum(1, keepdims=True)
    return found


def _column(y: Any) -> np.ndarray:
    """One value for each row; a one-hot row is the number of its class. [N]"""
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] > 1:
        return values.argmax(1)
    return values.reshape(-1)


def _names(model: Any, truth: np.ndarray | None) -> list[Any] | None:
    """The classes in the order of the model's outputs, or the two values of y; None where neither is."""
    if hasattr(model, "classes_"):
        return list(model.classes_)
    if truth is None:
        return None
    found = np.unique(truth)
    return found.tolist() if len(found) == 2 else None


def _two(axes: Axes, plane: Plane, points: np.ndarray, truth: np.ndarray | None, names: list[Any]) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    across, up, values = plane
    share = values[:, :, 0]
    probable = share.min() >= 0 and share.max() <= 1 and min(names, key=str) != -1
    middle = 0.5 if probable else 0.0
    reach = 0.5 if probable else float(np.abs(share).max()) or 1.0
    colours = LinearSegmentedColormap.from_list("two", [_tint(SERIES[0]), "#ffffff", _tint(SERIES[1])])
    image = axes.pcolormesh(
        across, up, share, cmap=colours, vmin=middle - reach, vmax=middle + reach, rasterized=True
    )
    _border(axes, across, up, share - middle)
    words = f"probability of {label(names[1], 16)}" if probable else "output"
    _bar(axes, image, words)
    _points(axes, points, truth, names)


def _classes(
    axes: Axes, plane: Plane, points: np.ndarray, truth: np.ndarray | None, names: list[Any]
) -> None:
    from matplotlib.colors import to_rgb

    across, up, values = plane
    count = values.shape[2]
    names = names if len(names) == count else list(range(count))
    colours = np.array([to_rgb(SERIES[place % len(SERIES)]) for place in range(count)])
    best = values.argmax(2)
    sure = DEPTH * (values.max(2) - 1 / count) / (1 - 1 / count)
    blend = 1 + sure[:, :, None] * (colours[best] - 1)
    axes.imshow(
        blend,
        origin="lower",
        extent=(across[0], across[-1], up[0], up[-1]),
        aspect="auto",
        interpolation="bilinear",
    )
    for place in range(count):
        others = np.delete(values, place, axis=2).max(2)
        _border(axes, across, up, values[:, :, place] - others)
    _points(axes, points, truth, names)


def _numbers(axes: Axes, plane: Plane, points: np.ndarray, truth: np.ndarray | None) -> None:
    across, up, values = plane
    seen = values if truth is None else np.concatenate([values.ravel(), truth.astype(np.float64)])
    low, high = float(np.nanmin(seen)), float(np.nanmax(seen))
    scale: dict[str, Any] = {"cmap": "cividis", "vmin": low, "vmax": high}
    image = axes.pcolormesh(across, up, values[:, :, 0], rasterized=True, **scale)
    if high > low:
        lines = axes.contour(across, up, values[:, :, 0], levels=8, colors="white", linewidths=0.6, alpha=0.7)
        axes.clabel(lines, fontsize=6.5, fmt="%.3g")
    if truth is not None:
        axes.scatter(*points.T, c=truth, s=_size(points), edgecolors="white", linewidths=0.6, **scale)
    _bar(axes, image, "output")


def _border(axes: Axes, across: np.ndarray, up: np.ndarray, margin: np.ndarray) -> None:
    if margin.min() < 0 < margin.max():
        axes.contour(across, up, margin, levels=[0.0], colors=INK, linewidths=1.1)


def _points(axes: Axes, points: np.ndarray, truth: np.ndarray | None, names: list[Any]) -> None:
    if truth is None:
        return
    for place, each in enumerate(names):
        rows = points[truth == each]
        axes.scatter(
            *rows.T,
            s=_size(points),
            marker=MARKERS[place % len(MARKERS)],
            color=SERIES[place % len(SERIES)],
            edgecolors="white",
            linewidths=0.6,
            label=label(each, 16),
        )
    # Above the panel, where it covers no point.
    axes.legend(
        loc="lower left",
        bbox_to_anchor=(-0.02, 1.0),
        ncols=min(len(names), 5),
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handletextpad=0.2,
        columnspacing=1.2,
        borderaxespad=0.2,
    )


def _size(points: np.ndarray) -> float:
    return 26.0 if len(points) <= 300 else 14.0 if len(points) <= 1000 else 8.0


def _bar(axes: Axes, image: Any, words: str) -> None:
    """The scale to the right of the panel."""
    figure = axes.figure
    left, low, width, height = axes.get_position().bounds
    inch = 1 / WIDTH
    axes.set_position((left, low, width - 0.75 * inch, height))
    beside = figure.add_axes((left + width - 0.63 * inch, low, 0.14 * inch, height))  # type: ignore[union-attr]
    bar = figure.colorbar(image, cax=beside)
    bar.set_label(words, fontsize=8.5, color=MUTED)
    beside.tick_params(colors=MUTED, labelsize=8, length=3, width=0.6)
    bar.outline.set_edgecolor(LINE)  # type: ignore[operator]


def _tint(colour: str) -> tuple[float, ...]:
    """A colour with white mixed in, on which points of the pure colour are seen."""
    from matplotlib.colors import to_rgb

    return tuple(1 + DEPTH * (part - 1) for part in to_rgb(colour))
