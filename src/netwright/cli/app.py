"""The application: its commands, and how it ends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from typer.main import get_command

from netwright.cli.check import check
from netwright.cli.compare import compare
from netwright.cli.cv import cv
from netwright.cli.demo import demo
from netwright.cli.doctor import doctor
from netwright.cli.evaluate import evaluate
from netwright.cli.failure import INTERRUPTED, fail
from netwright.cli.init import init
from netwright.cli.learning_curve import learning_curve
from netwright.cli.predict import predict
from netwright.cli.report import report
from netwright.cli.train import train
from netwright.cli.tune import tune

EPILOG = "Start with: netwright demo"

app = typer.Typer(
    name="netwright",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
COMMANDS = (demo, check, init, train, cv, tune, learning_curve, evaluate, predict, report, compare, doctor)
for command in COMMANDS:
    app.command(command.__name__.replace("_", "-"))(command)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    """From data to a deep neural network that its owner can trust."""
    if version:
        from netwright import __version__

        typer.echo(f"netwright {__version__}")
    elif context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main(arguments: list[str], began: float | None = None) -> int:
    """Runs one command; whatever goes wrong is told in a few plain lines.

    Arguments:
        arguments: as typed, without the program's name.
        began: when the process began, by `time.monotonic`; a time limit counts from there.

    Returns:
        The exit code: 0 success, 2 bad input or usage, 130 Ctrl-C, 1 any other failure.

    Example:
        >>> main(["--version"])
        netwright 0.1.0
        0
    """
    # Looked for by hand: they must work even where the rest cannot be parsed.
    as_json, debug = "--json" in arguments, "--debug" in arguments
    try:
        code = get_command(app)(arguments, prog_name="netwright", standalone_mode=False, obj=began)
        sys.stdout.flush()
    except SystemExit as end:  # Typer's answer to a closed pipe
        return int(end.code or 0)
    except BaseException as error:  # a panic in Polars is no Exception
        return fail(error, as_json=as_json, debug=debug)
    return fail(KeyboardInterrupt(), as_json=as_json, debug=False) if code == INTERRUPTED else code or 0
