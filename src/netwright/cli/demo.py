"""``netwright demo``: the main job on a small table that scikit-learn brings along."""

from __future__ import annotations

import typer

from netwright.cli.options import Debug, Json
from netwright.cli.output import say, show
from netwright.cli.screen import Screen

DATA, TARGET = "sample:breast_cancer", "target"
WELCOME = """\
Netwright goes from data to a network you can trust. This demo trains on 569 tumours, each
described by 30 numbers, to tell malignant ones from benign ones. It does what this would do:

  netwright train sample:breast_cancer --target target

It reads and checks the rows, sets a fifth aside for the final score, trains, and compares with
a constant prediction and a linear model.
"""
NEXT = """
What to do next:
  open {folder}/report.html
  netwright evaluate {folder} sample:breast_cancer
  netwright predict {folder} sample:breast_cancer -o predictions.csv
  netwright check YOUR.csv --target COLUMN
  netwright train YOUR.csv --target COLUMN"""


def demo(context: typer.Context, as_json: Json = False, debug: Debug = False) -> None:
    """See it work: trains on a bundled table in seconds."""
    say(WELCOME)
    with Screen() as screen:
        screen.stage("starting")
        from netwright.api import make_config
        from netwright.pipeline.train import train
        from netwright.runs.folder import make_folder

        folder = make_folder(None, "demo")
        config = make_config(TARGET, None, {"out": str(folder)})
        train(config, DATA, screen, began=context.obj)
    from netwright.cli.summary import show_run

    show_run(folder, as_json=as_json)
    if not as_json:
        show(NEXT.format(folder=folder))
