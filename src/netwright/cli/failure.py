"""What went wrong, in plain words, and the exit code that says so to scripts."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass

import typer

from netwright.cli.output import say, show_json
from netwright.errors import InputError, NetwrightError

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Problem:
    """An error for its reader.

    Arguments:
        kind: input, usage, failure or interrupted.
        message: what is wrong, and where.
        hint: what to do about it.
    """

    kind: str
    message: str
    hint: str | None = None


def fail(error: BaseException, *, as_json: bool, debug: bool) -> int:
    """Tells an error on stderr, and on stdout too where JSON is expected there.

    Returns:
        The exit code.
    """
    if isinstance(error, BrokenPipeError):
        # The reader has gone. Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    if debug:
        import traceback

        traceback.print_exception(error)
    code, problem = explain(error)
    say(f"error: {problem.message}" if problem.kind != "interrupted" else problem.message)
    if problem.hint:
        say(f"  {problem.hint}")
    if as_json:
        show_json({"error": asdict(problem)})
    return code


def explain(error: BaseException) -> tuple[int, Problem]:
    """The exit code for an error, and the error in words."""
    if isinstance(error, InputError):
        message = f"{error.what} ({error.where})" if error.where else error.what
        return BAD_INPUT, Problem("input", message, error.hint)
    if isinstance(error, NetwrightError):
        return FAILED, Problem("failure", str(error))
    if isinstance(error, typer.TyperException):
        return BAD_INPUT, Problem("usage", _plain(error.format_message()), _help_of(error))
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED, Problem("interrupted", str(error) or "interrupted")
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # PyTorch's own words
        return FAILED, Problem(
            "failure", "the memory is not enough", "try fewer rows or columns, a smaller network or batch"
        )
    first = str(error).strip().partition("\n")[0]
    message = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return FAILED, Problem("failure", message, "run again with --debug for the traceback")


def _plain(message: str) -> str:
    """Typer's words without those of its parser."""
    message = message.replace("Value error, ", "").replace("Input should", "it should").removesuffix(".")
    return message[:1].lower() + message[1:]


def _help_of(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)  # only errors that belong to a command have one
    command = context.command_path if context else "netwright"
    return f"see: {command} --help"
