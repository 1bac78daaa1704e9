"""Findings of data checks as diagnoses, on tables with one fault each."""

import numpy as np
import polars as pl

import netwright as nw
from netwright.doctor.diagnosis import Diagnosis, ranked
from netwright.doctor.findings import diagnoses_of


def _table(rows: int = 300) -> pl.DataFrame:
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, rows))
    y = np.where(a + b + random.normal(size=rows) > 0, "yes", "no")
    return pl.DataFrame({"a": a, "b": b, "y": y})


def test_a_sound_table_has_no_diagnosis() -> None:
    assert diagnoses_of(nw.check(_table(), "y")) == []


def test_a_leak_is_the_first_error_and_names_its_column() -> None:
    table = _table().with_columns(told=pl.when(pl.col("y") == "yes").then(5.0).otherwise(2.0))
    found = ranked(diagnoses_of(nw.check(table, "y")))
    assert (found[0].id, found[0].severity, found[0].primary) == ("leaking_column", "error", True)
    assert found[0].evidence["columns"] == ["told"]
    assert found[0].fix.config == {"data.clean.leaks": "drop"}


def test_a_leak_that_was_dropped_is_a_note() -> None:
    table = _table().with_columns(told=pl.col("y") + "!")
    found = diagnoses_of(nw.check(table, "y", **{"data.clean.leaks": "drop"}))
    assert [(each.id, each.severity) for each in found] == [("leaking_column", "note")]


def test_rows_of_both_parts_are_counted() -> None:
    few, many = _shared(5), _shared(60)
    assert (few.id, few.severity, few.evidence["rows"]) == ("shared_rows", "warning", 5)
    assert (many.id, many.severity, many.evidence["rows"]) == ("shared_rows", "error", 60)


def _shared(rows: int) -> Diagnosis:
    table = _table().with_columns(part=pl.Series(["train"] * 180 + ["validation"] * 60 + ["test"] * 60))
    again = table.slice(0, rows).with_columns(part=pl.lit("test"))
    both = pl.concat([table, again])
    findings = nw.check(both, "y", **{"split.column": "part"})
    return next(each for each in diagnoses_of(findings) if each.id == "shared_rows")
