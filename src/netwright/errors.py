"""Errors written for the one who reads them: what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NetwrightError(Exception):
    """Base of all errors that Netwright raises on purpose. The command line exits 1."""


class InputError(NetwrightError, ValueError):
    """The user's own data, option or config is wrong. The command line exits 2, without a traceback.

    Arguments:
        what: what is wrong, one sentence.
        where: file, row, column or option concerned.
        hint: what to do about it.

    Example:
        >>> print(InputError("no column 'incme'", where="adult.csv", hint="did you mean 'income'?"))
        no column 'incme' (adult.csv): did you mean 'income'?
    """

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        self.what, self.where, self.hint = what, where, hint
        text = f"{what} ({where})" if where else what
        super().__init__(f"{text}: {hint}" if hint else text)


class MissingExtra(InputError):
    """A package that only some tasks need is not installed.

    Arguments:
        package: the package's name on PyPI.
        extra: Netwright's extra that brings it.
        need: what needs it, as the subject of a sentence.
    """

    def __init__(self, package: str, extra: str, need: str) -> None:
        super().__init__(
            f"{need} needs the package {package!r}, which is not installed",
            hint=f"pip install 'netwright[{extra}]'",
        )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is near.

    Example:
        >>> nearest("incme", ["age", "income"])
        'income'
    """
    names = [str(each) for each in known]
    folded = {each.casefold(): each for each in reversed(names)}
    found = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return folded[found[0]] if found else None


def suggestion(name: str, known: Iterable[str], *, most: int = 12) -> str:
    """A hint that offers the nearest right name, else the names there are.

    Example:
        >>> suggestion("adm", ["adam", "sgd"])
        "did you mean 'adam'?"
    """
    names = [str(each) for each in known]
    best = nearest(name, names)
    if best is not None:
        return f"did you mean {best!r}?"
    shown = ", ".join(names[:most]) + (f", ... ({len(names)} in all)" if len(names) > most else "")
    return f"there are: {shown}" if names else "there are none"
