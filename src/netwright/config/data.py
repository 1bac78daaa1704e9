"""Where the rows come from, what is done about what is wrong with them, and how they are divided."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from netwright.config.section import Names, Section, Share

Kind = Literal["number", "category", "boolean", "date", "text", "image", "sound", "series", "id", "constant"]


class ReadConfig(Section):
    """How the source is read. All of it is found out from the content unless given."""

    format: Literal["auto", "csv", "parquet", "arrow", "jsonl", "arff", "ts", "idx"] = "auto"
    """what the source is"""
    separator: str | None = None
    """one character between cells (csv); "tab" is understood"""
    encoding: str | None = None
    """such as utf-8, cp1252, utf-16 (csv, arff)"""
    header: bool | None = None
    """whether the first line holds the names (csv)"""
    quote: str | None = None
    """the quoting character (csv); "none" reads quotes as plain characters"""
    member: str | None = None
    """which file of a zip is meant"""


class CleanConfig(Section):
    """What is done about what the checks find, beside reporting it. Counts go to findings.json."""

    missing_target: Literal["drop", "error"] = "drop"
    """rows without a target"""
    duplicates: Literal["keep", "drop"] = "keep"
    """fully equal rows: keep all, or the first of each"""
    outliers: Literal["keep", "clip", "drop"] = "keep"
    """numbers beyond 10 robust deviations: keep, clip inside the network, or drop such training rows"""
    spellings: Literal["keep", "merge"] | dict[str, dict[str, str]] = "keep"
    """near-equal category spellings: keep, merge into the most frequent, or {column: {from: to}}"""
    drop_columns: Names = Field(default_factory=list)
    """columns that are never used as inputs"""
    leaks: Literal["keep", "drop"] = "keep"
    """columns that give the target away: keep (and say so), or drop"""


class SeriesTableConfig(Section):
    """How rows of a table become whole series: many columns of one row, or many rows with one id."""

    wide: Names = Field(default_factory=list)
    """columns with the values of a series, in order of time; a pattern such as t_* is one channel"""
    id: str | None = None
    """column that says which series a row belongs to"""
    time: str | None = None
    """column that a series' rows are sorted by; in the order of the table unless given"""
    values: Names = Field(default_factory=list)
    """columns with the values, one for each channel; unless given, all numbers that change within a series"""
    decimal_comma: bool | Literal["auto"] = "auto"
    """whether numbers in text have a comma before the decimals; found in the training table unless given"""


class DataConfig(Section):
    """Where the rows come from and what their columns are."""

    path: str | None = None
    """file, zip, sample:NAME, or a database URL::SELECT ..."""
    target: Names = Field(default_factory=list)
    """name of the target column; several for several targets"""
    task: Literal["auto", "binary", "multiclass", "multilabel", "regression"] = "auto"
    """what is predicted"""
    positive: str | None = None
    """the positive class of a binary task; the rarer one unless given"""
    kinds: dict[str, Kind] = Field(default_factory=dict)
    """kinds of columns, where they differ from what is found"""
    missing: list[str] | Literal["auto"] = "auto"
    """words that mean a missing value in text sources"""
    sensitive: Names = Field(default_factory=list)
    """columns whose groups are compared in the report"""
    weight: str | None = None
    """column of row weights"""
    read: ReadConfig = Field(default_factory=ReadConfig)
    series: SeriesTableConfig = Field(default_factory=SeriesTableConfig)
    clean: CleanConfig = Field(default_factory=CleanConfig)


class SplitConfig(Section):
    """Which rows train, which stop the training, and which give the final score."""

    method: Literal["auto", "random", "stratified", "group", "time", "column", "files"] = "auto"
    """how rows are divided"""
    column: str | None = None
    """a column of train, validation (or val), test, ignore"""
    group: str | None = None
    """rows of one group stay on one side"""
    time: str | None = None
    """earlier rows train, later rows test"""
    validation: Share = 0.16
    """share of the rows for validation"""
    test: Share = 0.20
    """share of the rows for the test"""
    validation_file: str | None = None
    """validation rows from a file of their own"""
    test_file: str | None = None
    """test rows from a file of their own"""
