"""The result of a database query. SQLite needs nothing but Python; other databases go through SQLAlchemy."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl

from netwright.data.read.typed import column
from netwright.errors import InputError, MissingExtra, nearest


def read_database(url: str, query: str) -> pl.DataFrame:
    """Runs a query and gives its rows.

    Arguments:
        url: such as ``sqlite:///folder/file.db`` or any other URL that SQLAlchemy knows.
        query: one SQL query.

    Raises:
        InputError: there is no such database, or it refuses the query (with its own words).
        MissingExtra: the database is not SQLite and SQLAlchemy is not installed.
    """
    if not query.strip():
        raise InputError("the query is empty", where=hide_password(url), hint="give one SELECT")
    if url.startswith("sqlite:///"):
        names, rows = _sqlite(url.removeprefix("sqlite:///"), query)
    else:
        names, rows = _sqlalchemy(url, query)
    repeated = dict.fromkeys(name for name in names if names.count(name) > 1)
    if repeated:
        raise InputError(
            f"column names repeat: {', '.join(map(repr, repeated))}",
            where=hide_password(url),
            hint="name each in the query: SELECT a.id AS a_id, ...",
        )
    cells = zip(*rows, strict=True) if rows else ((),) * len(names)
    return pl.DataFrame([column(name, list(values)) for name, values in zip(names, cells, strict=True)])


def hide_password(url: str) -> str:
    """The URL without its password, for messages and records."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)


def _sqlite(path: str, query: str) -> tuple[list[str], list[tuple]]:
    file = Path(path).expanduser()
    if not file.is_file():
        known = [each.name for each in file.parent.iterdir()] if file.parent.is_dir() else []
        best = nearest(file.name, known)
        hint = f"did you mean {str(file.parent / best)!r}?" if best else None
        raise InputError("there is no such database file", where=path, hint=hint)
    try:
        # Read only: a query must not change the data.
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            if cursor.description is None:
                raise InputError("the query gives no rows", where=path, hint="give one SELECT")
            return [each[0] for each in cursor.description], cursor.fetchall()
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise InputError(f"the database refuses the query: {error}", where=path) from None


def _sqlalchemy(url: str, query: str) -> tuple[list[str], list[tuple]]:
    try:
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
    except ImportError:
        raise MissingExtra("sqlalchemy", "sql", "a database other than SQLite") from None
    where = hide_password(url)
    try:
        engine = sqlalchemy.create_engine(url)
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InputError(f"the database cannot be opened: {_first_line(error)}", where=where) from None
    try:
        with engine.connect() as connection:
            result = connection.execute(sqlalchemy.text(query))
            if not result.returns_rows:
                raise InputError("the query gives no rows", where=where, hint="give one SELECT")
            return list(result.keys()), [tuple(row) for row in result]
    except SQLAlchemyError as error:
        raise InputError(f"the database refuses the query: {_first_line(error)}", where=where) from None
    finally:
        engine.dispose()


def _first_line(error: BaseException) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]
