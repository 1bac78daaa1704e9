"""Small pieces of HTML. Whatever comes from a file goes through `text`."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from netwright.report.canvas import svg
from netwright.report.words import shortened

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def text(value: Any, most: int | None = None) -> str:
    """Anything as escaped text; longer than `most` characters it is cut, and whole on hovering.

    Example:
        >>> text("a < b")
        'a &lt; b'
    """
    plain = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in str(value))
    if most is None or len(plain) <= most:
        return html.escape(plain)
    return f'<span title="{html.escape(plain)}">{html.escape(shortened(plain, most))}</span>'


def look_of(look: str) -> str:
    """The class attribute for a look of the style sheet; nothing for none."""
    return f' class="{look}"' if look else ""


def table(
    head: Sequence[str], rows: Iterable[Sequence[str]], align: str, *, marked: int | None = None
) -> str:
    """A table of escaped cells.

    Arguments:
        head: names of the columns, already escaped.
        rows: the cells, already escaped.
        align: l or r for each column.
        marked: the row that is set off.
    """
    classes = [look_of("right" if each == "r" else "") for each in align]
    top = "".join(f'<th scope="col"{look}>{cell}</th>' for cell, look in zip(head, classes, strict=True))
    body = []
    for place, row in enumerate(rows):
        cells = "".join(f"<td{look}>{cell}</td>" for cell, look in zip(row, classes, strict=True))
        body.append(f"<tr{look_of('marked' if place == marked else '')}>{cells}</tr>")
    lines = "\n".join(body)
    return f'<div class="wide"><table><thead><tr>{top}</tr></thead>\n<tbody>{lines}</tbody></table></div>'


def pairs(items: Iterable[tuple[str, str]]) -> str:
    """A list of names and values, already escaped; those without a value are left out."""
    lines = "\n".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in items if value)
    return f"<dl>{lines}</dl>" if lines else ""


def picture(drawn: Figure, title: str, caption: str = "", *, wide: bool = False) -> str:
    """A figure with its caption (already escaped).

    Arguments:
        title: what is shown; unique in the page.
        wide: over both columns.
    """
    below = f"<figcaption>{caption}</figcaption>" if caption else ""
    width = drawn.get_size_inches()[0]
    # Text in all pictures has one size: they are scaled alike, 1.27 pixels a point.
    return (
        f'<figure{look_of("whole" if wide else "")}><div style="max-width:{width * 91.5:.0f}px">'
        f"{svg(drawn, title)}</div>{below}</figure>"
    )


def pictures(figures: Sequence[str]) -> str:
    """Figures side by side."""
    return f'<div class="figures">{"".join(figures)}</div>' if figures else ""


def paragraph(words: str, look: str = "") -> str:
    """A paragraph of escaped words; nothing for none."""
    return f"<p{look_of(look)}>{words}</p>" if words else ""


def folded(summary: str, inside: str, *, opened: bool = False) -> str:
    """Something to unfold."""
    return f"<details{' open' if opened else ''}><summary>{summary}</summary>{inside}</details>"


def section(anchor: str, title: str, *inside: str) -> str:
    """A section of the page; empty where nothing is inside."""
    content = "\n".join(each for each in inside if each)
    return f'<section id="{anchor}"><h2>{title}</h2>\n{content}</section>' if content else ""
