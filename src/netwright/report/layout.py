"""Where the boxes of a graph stand: in levels from the inputs down, with few crossing arrows.

The way of Sugiyama, Tagawa and Toda (1981): levels by the longest path, invisible boxes where an arrow passes
a level, and sweeps that move each box to the middle of those it is joined with.
"""

from __future__ import annotations

from collections.abc import Sequence

Place = tuple[float, float]
SWEEPS = 8


def levels(sources: Sequence[tuple[int, ...]]) -> list[int]:
    """How many boxes each box comes after; sources stand before their targets.

    Example:
        >>> levels([(), (0,), (1,), (0, 2)])
        [0, 1, 2, 3]
    """
    found: list[int] = []
    for each in sources:
        found.append(1 + max((found[source] for source in each), default=-1))
    return found


def positions(
    sources: Sequence[tuple[int, ...]], level: Sequence[int]
) -> tuple[dict[int, Place], dict[tuple[int, int], list[Place]]]:
    """Places of boxes, in widths and levels from the top left, and the places that each arrow goes by.

    Arguments:
        sources: the boxes that each box is given, by number.
        level: of each box.

    Example:
        >>> positions([(), (0,), (0, 1)], [0, 1, 2])
        ({0: (0.5, 0), 1: (0.0, 1), 2: (0.5, 2)}, {(0, 1): [], (0, 2): [(1.0, 1)], (1, 2): []})
    """
    rows: list[list[int]] = [[] for _ in range(max(level) + 1)]
    near: dict[int, list[int]] = {box: [] for box in range(len(sources))}
    passing: dict[tuple[int, int], list[int]] = {}
    for box, at in enumerate(level):
        rows[at].append(box)
    number = len(sources)
    at_level = dict(enumerate(level))
    for target, each in enumerate(sources):
        for source in dict.fromkeys(each):
            path = [source]
            for between in range(level[source] + 1, level[target]):
                rows[between].append(number)
                near[number], at_level[number] = [], between
                path.append(number)
                number += 1
            passing[source, target] = path[1:]
            for above, below in zip(path, [*path[1:], target], strict=True):
                near[above].append(below)
                near[below].append(above)
    x = {box: float(place) for row in rows for place, box in enumerate(row)}
    widest = max(len(row) for row in rows)
    for sweep in range(SWEEPS):
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wanted = {box: _middle(near, x, at_level, box, down=sweep % 2 == 0) for box in row}
            row.sort(key=lambda box: (wanted[box], x[box]))
            for box, place in zip(row, _spread([wanted[box] for box in row], widest), strict=True):
                x[box] = place
    left = min(x.values())
    places: dict[int, Place] = {box: (x[box] - left, at_level[box]) for box in x}
    bends = {edge: [places[each] for each in path] for edge, path in passing.items()}
    return {box: places[box] for box in range(len(sources))}, bends


def _middle(
    near: dict[int, list[int]], x: dict[int, float], level: dict[int, int], box: int, *, down: bool
) -> float:
    """The mean place of a box's neighbours in the level looked at before."""
    side = [x[each] for each in near[box] if (level[each] < level[box]) == down]
    return sum(side) / len(side) if side else x[box]


def _spread(wanted: list[float], widest: int) -> list[float]:
    """Places at least 1 apart in that order, near the wanted ones and within the drawing."""
    places = list(wanted)
    for _ in range(20):
        for left in range(len(places) - 1):
            lack = 1.0 - (places[left + 1] - places[left])
            if lack > 0:
                places[left] -= lack / 2
                places[left + 1] += lack / 2
    first = min(max(places[0], 0.0), widest - len(places))
    fitted = [first]
    for place in places[1:]:
        fitted.append(max(place, fitted[-1] + 1.0))
    over = fitted[-1] - (widest - 1)
    if over > 0:
        fitted = [place - over for place in fitted]
        for right in range(len(fitted) - 1, 0, -1):
            fitted[right - 1] = min(fitted[right - 1], fitted[right] - 1.0)
    return fitted
