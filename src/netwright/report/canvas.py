"""The ground of all pictures: palette, panels with room for their labels, and SVG to put into a page."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING, Any

from netwright.report.words import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, MUTED, LINE = "#1c2430", "#5d6878", "#d5dae1"
# Okabe and Ito (2008), told apart by colour-blind readers too; yellow is left out, it fades on white.
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f5539", "#8a94a3")
# In a page the colours are CSS variables, so that pictures follow its dark mode.
VARIABLES = {INK: "ink", MUTED: "muted", LINE: "line"} | {
    colour: f"series-{place}" for place, colour in enumerate(SERIES)
}
CHARACTER = 0.067
"""inches that one character of a tick label takes"""


def panels(
    width: float,
    height: float,
    *,
    rows: int = 1,
    columns: int = 1,
    left: float = 0.62,
    right: float = 0.14,
    top: float = 0.36,
    bottom: float = 0.5,
    gap: float = 0.62,
    heights: list[float] | None = None,
) -> tuple[Figure, list[Axes]]:
    """A figure and its panels, row by row; all measures are inches.

    Margins are given rather than solved for: a layout engine takes three times as long as the drawing.
    """
    from netwright.report.picture import Picture

    figure = Picture(figsize=(width, height), facecolor="none")
    inner_width = (width - left - right - gap * (columns - 1)) / columns
    inner_height = (height - top - bottom - gap * (rows - 1)) / rows
    grid = figure.add_gridspec(
        rows,
        columns,
        left=left / width,
        right=1 - right / width,
        top=1 - top / height,
        bottom=bottom / height,
        wspace=gap / inner_width,
        hspace=gap / inner_height,
        height_ratios=heights,
    )
    return figure, [_calm(figure.add_subplot(place)) for place in grid]


def _calm(axes: Axes) -> Axes:
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(LINE)
    axes.tick_params(colors=MUTED, labelsize=8, length=3, width=0.6)
    axes.grid(color=LINE, linewidth=0.5, alpha=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    return axes


def name(axes: Axes, title: str, x: str, y: str) -> None:
    """Title and axis labels in the report's type."""
    # y is given, or matplotlib measures all labels once more to find it.
    axes.set_title(title, loc="left", y=1.0, pad=8, fontsize=9.5, fontweight="bold", color=INK)
    axes.set_xlabel(x, fontsize=8.5, color=MUTED)
    axes.set_ylabel(y, fontsize=8.5, color=MUTED)


def legend(axes: Axes, loc: Any = "best", anchor: tuple[float, float] | None = None) -> None:
    """A legend without a frame."""
    axes.legend(
        loc=loc,
        bbox_to_anchor=anchor,
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        handlelength=1.4,
        borderaxespad=0.3,
    )


def label(text: object, most: int = 24) -> str:
    """A name from the data as a label: one line, cut with … where it is long, never read as a formula.

    Example:
        >>> label("price in $")
        'price in \\\\$'
    """
    plain = "".join(sign if sign.isprintable() else " " for sign in str(text))
    return shortened(plain, most).replace("$", r"\$")


def svg(figure: Figure, title: str) -> str:
    """The figure as an `<svg>` element for a page.

    The page's style sheet gives the fonts and the colours (`VARIABLES`). The same figure always gives the
    same text.

    Arguments:
        figure: what is drawn.
        title: what it shows; read aloud by screen readers, and the salt of the ids, so unique in a page.

    Returns:
        One element, without XML header.
    """
    import html

    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    stream = io.StringIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": f"netwright {title}"}),
        warnings.catch_warnings(),
    ):
        # The browser has the glyphs that the bundled font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        FigureCanvasSVG(figure).print_svg(stream, metadata={"Date": None, "Creator": None})
    drawn = stream.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r' id="[a-zA-Z0-9.]+_\d+"| xmlns(:xlink)?="[^"]*"| version="1.1"', "", drawn)
    drawn = re.sub(r"\n\s*", "\n", drawn)
    drawn = re.sub(r'^<svg ([^>]*?)width="[^"]*" ?', r"<svg \1", drawn)
    drawn = re.sub(r'^<svg ([^>]*?)height="[^"]*" ?', r"<svg \1", drawn)
    for colour, variable in VARIABLES.items():
        drawn = drawn.replace(colour, f"var(--{variable})")
    return drawn.replace("<svg", f'<svg role="img" aria-label="{html.escape(title)}"', 1).strip()
