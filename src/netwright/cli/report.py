"""``netwright report``: makes a run's report again."""

from __future__ import annotations

from netwright.cli.options import Debug, Json, RunFolder
from netwright.cli.output import show, show_json


def report(run: RunFolder, as_json: Json = False, debug: Debug = False) -> None:
    """Make a run's report and model card again.

    Example: netwright report runs/adult-20260131-120000
    """
    from netwright.report import build

    page = build(run)
    if as_json:
        show_json({"run": run, "report": page, "model_card": page.with_name("model_card.md")})
    else:
        show(str(page))
