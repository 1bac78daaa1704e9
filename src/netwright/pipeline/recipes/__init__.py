"""How networks of pictures, texts, sounds and series are trained by default: one file a kind."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import Any

from netwright.config import InputsConfig, Section
from netwright.data.schema import Column, Schema
from netwright.pipeline.recipes.base import Recipe
from netwright.pipeline.recipes.pretrained import pretrained_recipe

__all__ = ["Recipe", "own_settings", "recipe_of", "settle"]

JOINED: dict[str, Any] = {"kind": "mlp", "width": 128, "depth": 1, "dropout": 0.1}
"""The trunk that joins the features of such a column with those of others."""
KINDS = ("image", "sound", "series", "text")
"""The first of these that a table has says how its network is trained."""


def recipe_of(schema: Schema, inputs: InputsConfig, rows: int, effort: str) -> Recipe | None:
    """The recipe of the kind of column that dominates; None for a plain table.

    Arguments:
        schema: what the columns are.
        inputs: settled.
        rows: number of training rows.
        effort: quick, normal or best.
    """
    for kind in KINDS:
        columns = schema.of_kind(kind)  # type: ignore[arg-type]
        if columns:
            column = next((each for each in columns if each.backbone), columns[0])
            settings = own_settings(inputs, column)
            if column.backbone:
                alone = len(schema.inputs) == 1
                return pretrained_recipe(settings, rows, effort, schema.target.task, alone=alone)
            found = _module(kind).recipe(column, settings, rows, effort, schema.target.task)
            if len(schema.inputs) == len(columns):
                return found
            if kind == "text" and getattr(settings, "encoder", None) == "bag":
                return None  # a plain table, with a few more features
            return replace(found, **JOINED)
    return None


def settle(schema: Schema, inputs: InputsConfig, rows: int, effort: str) -> None:
    """Gives every "auto" of these kinds' settings its value, in place. Arguments as for `recipe_of`."""
    for kind in KINDS:
        columns = schema.of_kind(kind)  # type: ignore[arg-type]
        module = _module(kind) if columns else None
        for column in columns:
            assert module is not None
            settled = module.settle(column, own_settings(inputs, column), rows, effort)
            if len(columns) == 1:
                setattr(inputs, kind, settled)
                inputs.columns.pop(column.name, None)
            else:
                inputs.columns[column.name] = settled.model_dump()


def own_settings(inputs: InputsConfig, column: Column) -> Section:
    """The settings of one column."""
    return getattr(inputs, column.kind).model_copy(update=inputs.columns.get(column.name, {}))


def _module(kind: str) -> ModuleType:
    return import_module(f"{__name__}.{kind}")
