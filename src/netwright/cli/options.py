"""Options that several commands share, and the config that they make."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from netwright.config import Config

DATA_HELP = (
    "File (CSV, Parquet, Arrow, JSON lines, ARFF, .ts; plain, compressed or zipped), folder or zip of "
    "pictures, sounds or texts, sample:NAME, or URL::QUERY."
)

Data = Annotated[str, typer.Argument(metavar="DATA", help=DATA_HELP)]
DataOrConfig = Annotated[
    str | None, typer.Argument(metavar="DATA", help=DATA_HELP + " Not needed where the config names it.")
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run or of a saved model.")]

Target = Annotated[
    str | None,
    typer.Option(
        metavar="T", help="Column to predict: a name, several with commas, or a number (-1 is the last)."
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="YAML config to start from; see: netwright init."),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Any key of the config; can be repeated, wins over all else."
    ),
]
SplitColumn = Annotated[
    str | None, typer.Option(metavar="C", help="Column of train, validation (or val), test, ignore.")
]
Group = Annotated[
    str | None, typer.Option(metavar="C", help="Rows of one group stay on one side of the split.")
]
Time = Annotated[
    str | None,
    typer.Option(
        metavar="C",
        help="Split by time: earlier rows train, later rows test; of a forecast also year,month,day,hour.",
    ),
]
Horizon = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Forecast so many steps ahead; needs --time.")
]
Lookback = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Steps back that a forecast is made from.")
]
Series = Annotated[
    str | None, typer.Option(metavar="C", help="Column that says which series a row is of (forecasts).")
]
Validation = Annotated[
    str | None, typer.Option(metavar="FILE", help="Validation rows in a file of their own.")
]
Test = Annotated[str | None, typer.Option(metavar="FILE", help="Test rows in a file of their own.")]
Sensitive = Annotated[
    str | None, typer.Option(metavar="C,C", help="Columns whose groups are compared in the report.")
]
Positive = Annotated[
    str | None, typer.Option(metavar="LABEL", help="The positive class of two; the rarer one unless given.")
]
Out = Annotated[
    str | None, typer.Option(metavar="DIR", help="The run's folder; runs/NAME-DATE-TIME unless given.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Effort = Annotated[
    Literal["quick", "normal", "best"] | None,
    typer.Option(help="How much work: quick (seconds), normal (the default), best (up to an hour)."),
]
Epochs = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="Passes over the training rows, at most.")
]
TimeLimit = Annotated[
    float | None, typer.Option(metavar="S", help="Seconds for the whole process, report included.")
]
Members = Annotated[
    int | None, typer.Option(metavar="N", min=1, max=256, help="Networks from different seeds, averaged.")
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", min=0, help="Of the split, the weights and the order.")
]
StartFrom = Annotated[
    str | None,
    typer.Option("--from", metavar="RUN", help="Folder of a run whose network is the start of this one."),
]
Pretrained = Annotated[
    str | None,
    typer.Option(metavar="NAME|FOLDER", help="Network of Hugging Face transformers to start from."),
]
Device = Annotated[Literal["auto", "cpu", "cuda", "mps"] | None, typer.Option(help="Where to train.")]
NoPreflight = Annotated[
    bool, typer.Option("--no-preflight", help="Do not look at the network before the first step.")
]
Repair = Annotated[
    bool, typer.Option("--repair", help="Try what may help where something does harm; keep what does.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def config_of(
    target: str | None, config: Path | Config | None, changes: list[str] | None, **settings: Any
) -> Config:
    """The config that a command's options describe.

    Arguments:
        target: as typed.
        config: what to start from, or its file.
        changes: ``key=value`` settings, which win over all else.
        **settings: short names of `netwright.train`; None where an option was not given.
    """
    from netwright.api import make_config

    given = {name: value for name, value in settings.items() if value is not None}
    return make_config(target, config, given).with_values(changes or [])
