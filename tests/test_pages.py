"""The examples in the pages run one after another, and the tables of names are complete."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from netwright import (
    callbacks,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    schedules,
    utils,
)
from netwright.nn import activations

HOME = Path(__file__).parent.parent
PAGES = [
    *("README.md", "docs/keras.md", "docs/sklearn.md", "docs/pytorch.md", "docs/pretrained.md"),
    *(
        "docs/images.md",
        "docs/text.md",
        "docs/series.md",
        "docs/sound.md",
        "docs/forecasting.md",
        "docs/doctor.md",
    ),
]
NOT_RUN = "<!-- not run: "  # stands above an example that needs what a test has not, with the reason
WHOLE = ("README.md", "docs/doctor.md", "docs/pytorch.md", "docs/keras.md")
"""pages whose runs have their doctor and their report; for the others they would take most of the time"""
KERAS = (HOME / "docs/keras.md").read_text(encoding="utf-8")


def examples(text: str) -> list[tuple[int, str]]:
    """The Python blocks of a page with their first lines' numbers."""
    found = []
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if not text[: block.start()].rstrip().rpartition("\n")[2].startswith(NOT_RUN):
            found.append((text[: block.start(1)].count("\n"), block[1]))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    if page not in WHOLE:
        monkeypatch.setattr("netwright.pipeline.physician.Physician._hurried", lambda doctor: True)
        monkeypatch.setattr("netwright.report.build", lambda folder: folder)
    blocks = examples((HOME / page).read_text(encoding="utf-8"))
    assert blocks
    names: dict[str, object] = {"__name__": "page"}
    for line, block in blocks:
        # Empty lines in front, so that an error tells the line of the page.
        exec(compile("\n" * line + block, str(HOME / page), "exec"), names)


@pytest.mark.parametrize("page", [*PAGES, "docs/architecture.md", "docs/tables.md", "CONTRIBUTING.md"])
def test_what_a_page_links_to_is_there(page):
    text = (HOME / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if not target.startswith("http"):
            assert ((HOME / page).parent / target).exists(), target


def test_the_rooms_of_the_architecture_are_those_of_the_house():
    text = (HOME / "docs/architecture.md").read_text(encoding="utf-8")
    block = text.partition("\n## Rooms\n")[2].split("```")[1]
    named = [name for line in block.strip().splitlines() for name in re.split(r"\s{3,}", line)[0].split()]
    house = [path.stem for path in (HOME / "src/netwright").iterdir() if not path.stem.startswith("_")]
    assert sorted(named) == sorted(house)
    rooms = re.search(r"ROOMS = \[(.*?)\]", (HOME / "tests/test_imports.py").read_text(), re.DOTALL)
    assert rooms
    assert named == re.findall(r'"(\w+)"', rooms[1])


def table(heading: str) -> list[list[list[str]]]:
    """The names in each cell of the first table below a heading, without the head."""
    part = KERAS.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")][2:]
    assert lines, heading
    return [[re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")] for line in lines]


def first_column(heading: str) -> list[str]:
    return [name for row in table(heading) for name in row[0]]


@pytest.mark.parametrize(
    ("heading", "known"),
    [
        ("Layers", layers.__all__),
        ("Optimisers", optimizers.OPTIMIZERS),
        ("Schedules", schedules.SCHEDULES),
        ("Callbacks", callbacks.__all__),
        (
            "Helps",
            [
                name
                for name, value in vars(utils).items()
                if getattr(value, "__module__", "") == utils.__name__
            ],
        ),
    ],
)
def test_tables_hold_every_name_once(heading, known):
    assert sorted(first_column(heading)) == sorted(known)


@pytest.mark.parametrize(
    ("heading", "known", "aliases"),
    [
        ("Initialisers", initializers.KNOWN, initializers.ALIASES),
        ("Losses", losses.KNOWN, losses.ALIASES),
        ("Metrics", metrics.KNOWN, metrics.ALIASES),
        ("Regularisers and constraints", regularizers.KNOWN | constraints.KNOWN, {}),
    ],
)
def test_tables_hold_every_class_with_its_names(heading, known, aliases):
    rows = table(heading)
    kinds = {name: kind if isinstance(kind, type) else type(kind) for name, kind in known.items()}
    assert {row[1][0]: row[0][0] for row in rows} == {name: kind.__name__ for name, kind in kinds.items()}
    assert len(rows) == len(known)
    also = {name: row[0][0] for row in rows for name in (row[2] if len(row) > 2 else [])}
    assert also == {name: kind.__name__ for name, kind in aliases.items()}


def test_the_table_of_activations_is_complete():
    rows = table("Activations")
    assert sorted(name for row in rows for name in row[0]) == sorted(activations.FUNCTIONS)
    assert {name: row[0][0] for row in rows for name in row[1]} == activations.ALIASES


def test_learning_rates_in_the_table_are_the_defaults():
    part = KERAS.partition("\n### Optimisers\n")[2].partition("\n### ")[0]
    told = dict(re.findall(r"^\| `(\w+)` \| ([.\d]+) \|", part, re.MULTILINE))
    defaults = {name: kind().learning_rate for name, kind in optimizers.OPTIMIZERS.items()}
    assert {name: float(rate) for name, rate in told.items()} == defaults
    for row, kind in zip(table("Optimisers"), optimizers.OPTIMIZERS.values(), strict=True):
        assert set(row[2]) <= set(inspect.signature(kind).parameters)
