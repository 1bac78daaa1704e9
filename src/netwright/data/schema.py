"""What the columns of a table are, as decided on the rows that may be learnt from."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from netwright.config import Kind, SeriesTableConfig

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
        buckets: n-grams, words or pieces that have a vector (text).
        units: what a text is read as: grams (words and pairs), grams and parts (letters of words too), words
            or pieces.
        vocabulary: the pieces, as JSON of the package tokenizers.
        values: how many different values the fitting rows have.
        shape: of one cell's raw tensor: [T] n-grams or words of a text, [H, W, C] of a picture, [L] samples
            of a sound, [T, C] of a series.
        rate: samples a second (sound); steps that one is the mean of (series).
        channels: names of a series' channels.
        backbone: a network that was trained elsewhere: its type, config, preprocess (how it wants its inputs)
            and sha256 (of its weights); empty where there is none.
        tokenizer: how that network reads texts, as `tokenizers` writes it.
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
    units: Literal["", "grams", "grams and parts", "words", "pieces"] = ""
    vocabulary: str = ""
    values: int = 0
    shape: list[int] = Field(default_factory=list)
    rate: int = 0
    channels: list[str] = Field(default_factory=list)
    backbone: dict[str, Any] = Field(default_factory=dict)
    tokenizer: str = ""


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
    """All columns of a table, and its target. Saved as `schema.json`.

    Arguments:
        columns: in the table's order.
        target: what is predicted.
        series: how rows of a table were joined into whole series, where they were.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    columns: list[Column]
    target: Target
    series: SeriesTableConfig = Field(default_factory=SeriesTableConfig)

    def of_kind(self, *kinds: Kind) -> list[Column]:
        return [column for column in self.columns if column.kind in kinds]

    @property
    def inputs(self) -> list[Column]:
        """The columns that the network sees."""
        return self.of_kind("number", "category", "boolean", "date", "text", "image", "sound", "series")

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)
