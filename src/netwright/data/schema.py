"""What the columns of a table are, as decided on the rows that may be learnt from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from netwright.config import Kind

Task = Literal["binary", "multiclass", "multilabel", "regression"]


class Column(BaseModel):
    """One input column: its kind, and the dictionary that turns its cells into raw codes.

    Arguments:
        name: the column's name.
        kind: number, category, boolean, date, text, image, sound, series, id or constant. The last two are
            no inputs.
        reason: why it was taken for that kind, in a few words.
        categories: the texts that have a code of their own (category, boolean), sorted.
        spellings: texts that are read as another one before they are looked up.
        date_format: the format of dates in text (strptime's), None for typed dates.
        decimal_comma: whether numbers in text are written with a decimal comma.
        buckets: places that hashed n-grams fall into (text).
        values: how many different values the fitting rows have.
        shape: of one cell's raw tensor: [T] n-grams or words of a text, [H, W, C] of a picture, [L] samples
            of a sound, [T, C] of a series.
        rate: samples a second (sound).
        channels: names of a series' channels.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    kind: Kind
    reason: str = ""
    categories: list[str] = Field(default_factory=list)
    spellings: dict[str, str] = Field(default_factory=dict)
    date_format: str | None = None
    decimal_comma: bool = False
    buckets: int = 0
    values: int = 0
    shape: list[int] = Field(default_factory=list)
    rate: int = 0
    channels: list[str] = Field(default_factory=list)


class Target(BaseModel):
    """What is predicted.

    Arguments:
        columns: names of the target columns.
        task: binary, multiclass, multilabel or regression.
        classes: texts of the classes, in the order of the outputs (multilabel: none).
        positive: the positive class (binary); it is the last of `classes`.
    """

    model_config = ConfigDict(extra="forbid")

    columns: list[str]
    task: Task
    classes: list[str] = Field(default_factory=list)
    positive: str | None = None


class Schema(BaseModel):
    """All columns of a table, and its target. Saved as `schema.json`."""

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    columns: list[Column]
    target: Target

    def of_kind(self, *kinds: Kind) -> list[Column]:
        return [column for column in self.columns if column.kind in kinds]

    @property
    def inputs(self) -> list[Column]:
        """The columns that the network sees."""
        return self.of_kind("number", "category", "boolean", "date", "text", "image", "sound", "series")

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
