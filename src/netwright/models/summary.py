"""A model as a table of its layers."""

from __future__ import annotations

from typing import Any

from netwright.models.network import GraphNetwork


def summary(title: str, network: GraphNetwork, width: int = 0) -> str:
    """The table that `Model.summary` prints: layers with their outputs' shapes and numbers of parameters.

    Arguments:
        title: the model's name.
        network: its layers.
        width: of the table at least; its first column grows.
    """
    counts: dict[str, int] = {}
    trained = 0
    for place in network.layout.places:
        owner = place.name.removeprefix("graph.layers.").split(".")[0]
        counts[owner] = counts.get(owner, 0) + place.declared.size
        trained += place.declared.size if place.declared.rate else 0
    buffers = 0
    for owner, layer in network.graph.layers.items():
        for module in layer.modules():
            for statistic in getattr(module, "statistics", ()):
                size = getattr(module, statistic)[0].numel()
                counts[owner] = counts.get(owner, 0) + size
                buffers += size
    several = network.graph.chain() is None
    inputs = network.graph.inputs
    labels = dict(enumerate(network.input_names))
    names = {layer: name for name, layer in network.graph.layers.items()}
    rows = []
    if several:
        rows = [
            [f"{labels[place]} (Input)", _shape(symbol.shape), "0", ""] for place, symbol in enumerate(inputs)
        ]
    for node in network.graph.nodes:
        name = labels[node.place] = names[node.layer]
        row = [
            f"{name} ({type(node.layer).__name__})",
            _shape(network.graph.shapes[node.place]),
            f"{counts.get(name, 0):,}",
        ]
        rows.append([*row, ", ".join(labels[source] for source in node.sources)])
    heads = ["Layer (type)", "Output shape", "Parameters", "Connected to"]
    if not several:
        rows, heads = [row[:3] for row in rows], heads[:3]
    total = network.layout.size + buffers
    ends = [
        f"Parameters: {total:,} ({_bytes(total)})",
        f"Trained: {trained:,}",
        f"Not trained: {total - trained:,}",
    ]
    return "\n".join([f'Model: "{title}"', *_table(heads, rows, width), *ends])


def _table(heads: list[str], rows: list[list[str]], width: int) -> list[str]:
    widths = [max(len(row[column]) for row in [heads, *rows]) for column in range(len(heads))]
    widths[0] += max(0, width - sum(widths) - 3 * len(widths) + 3)
    rule = "─" * (sum(widths) + 3 * len(widths) - 3)

    def line(row: list[str]) -> str:
        cells = [
            cell.rjust(width) if heads[place] == "Parameters" else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "   ".join(cells).rstrip()

    return [rule, line(heads), rule, *(line(row) for row in rows), rule]


def _shape(shape: Any) -> str:
    return "(" + ", ".join(["None", *("None" if size is None else str(size) for size in shape)]) + ")"


def _bytes(parameters: int) -> str:
    size, units = parameters * 4.0, ["bytes", "KB", "MB", "GB"]
    while size >= 1024 and len(units) > 1:
        size, units = size / 1024, units[1:]
    return f"{size:.4g} {units[0]}"
