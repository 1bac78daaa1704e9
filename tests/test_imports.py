"""The rooms of the house: each imports only from rooms below it, and heavy packages come when needed."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import netwright
from netwright import layers

HOUSE = Path(netwright.__file__).parent
# From the ground up. `__init__` gives names of all rooms when asked for, `__main__` is the door.
ROOMS = [
    *("errors", "arguments", "files", "config", "data", "nn", "activations"),
    *("initializers", "regularizers", "constraints", "losses", "metrics", "utils", "layers", "encoders"),
    *("training", "schedules", "optimizers", "evaluate", "doctor", "callbacks", "report", "plots"),
    *("runs", "models", "trainer", "pipeline", "tuning", "api", "estimators", "cli"),
]
DOORS = {"__init__", "__main__"}
# Imports inside functions that look up the stairs, with the reason that they may.
UPSTAIRS = {
    ("api.py", "netwright.cli.screen"),  # nw.train shows its progress
    ("callbacks.py", "netwright.report.canvas"),  # history.plot() draws
    ("layers/base.py", "netwright.models"),  # layer.get_weights() asks a model that it is a part of
    ("utils.py", "netwright.plots"),  # plot_model draws
    ("training/finder.py", "netwright.report.canvas"),  # and so does a range test
}
HEAVY = {"sklearn", "matplotlib", "pandas", "sqlalchemy", "optuna", "scipy", "transformers", "tokenizers"}


def files() -> list[Path]:
    return sorted(HOUSE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(HOUSE).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules that a file imports, and whether it does so when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types(function)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield each.name, node not in inside
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: imports are absolute"
            if node.module == "netwright":
                for each in node.names:
                    yield f"netwright.{each.name}", node not in inside
            else:
                yield node.module, node not in inside


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_from_rooms_below(path):
    if path.stem in DOORS and path.parent == HOUSE:
        return
    room = room_of(path)
    level = ROOMS.index(room)
    for module, _ in imports(path):
        parts = module.split(".")
        if parts[0] != "netwright" or len(parts) < 2 or parts[1] == "__version__":
            continue
        if (str(path.relative_to(HOUSE)), module) in UPSTAIRS:
            continue
        assert ROOMS.index(parts[1]) <= level, (
            f"{room} stands below {parts[1]}, so it must not import {module}"
        )


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_heavy_packages_are_imported_inside_functions(path):
    heavy = HEAVY - (
        {"matplotlib"} if path.name == "picture.py" else set()
    )  # a kind of figure, imported late
    if room_of(path) == "estimators":
        heavy = heavy - {"sklearn", "scipy"}  # its base classes; the room itself is imported late
    at_import = {module.split(".")[0] for module, top in imports(path) if top}
    assert not at_import & heavy


def test_rooms_without_tensors_know_no_torch():
    raw = {"media", "forecast"}  # where cells become raw tensors, as in dataset.py
    for path in files():
        if path.name == "dataset.py" or raw & set(path.parts):
            continue
        if room_of(path) in ("errors", "config", "data", "evaluate", "report"):
            assert "torch" not in {module.split(".")[0] for module, _ in imports(path)}, path


def test_what_looks_upstairs_still_does():
    for name, module in UPSTAIRS:
        assert (module, False) in set(imports(HOUSE / name)), f"{name} no longer imports {module}"


def loaded_by(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_netwright_is_light():
    assert not loaded_by("import netwright") & (HEAVY | {"torch", "numpy", "polars", "pydantic"})


def test_the_whole_way_is_imported_without_what_only_some_runs_need():
    assert not loaded_by("import netwright.api") & HEAVY


def test_the_command_line_starts_without_torch():
    assert not loaded_by("import netwright.__main__, netwright.cli.app") & (HEAVY | {"torch"})


def test_no_room_takes_the_name_of_a_public_function():
    """An imported room would take its place: `import netwright.train` makes `nw.train` a module."""
    rooms = {path.stem for path in Path(netwright.__file__).parent.iterdir()}
    assert not rooms & {*netwright.__all__, *netwright._LAYERS}


def test_every_public_name_is_there():
    for name in netwright.__all__:
        assert getattr(netwright, name) is not None
    for name in netwright._MODULES:
        assert getattr(netwright, name).__name__ == f"netwright.{name}"
    classes = {name for name in layers.__all__ if isinstance(getattr(layers, name), type)}
    assert set(netwright._LAYERS) == classes
    for name in classes:
        assert getattr(netwright, name) is getattr(layers, name)
    assert dir(netwright) == sorted({*netwright.__all__, *netwright._LAYERS, *netwright._MODULES})
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        netwright.trian  # noqa: B018
