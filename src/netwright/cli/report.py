"""``netwright report``: makes a run's report again."""

from __future__ import annotations

from netwright.cli.options import Debug, Json, RunFolder
from netwright.cli.output import show, show_json


def report(run: RunFolder, as_json: Json = False, debug: Debug = False) -> None:
    """Make a run's report and model card again, or the page of a study.

    Example: netwright report runs/adult-20260131-120000
    """
    from netwright.report import build, study

    if (run / "study.json").is_file():
        page = study.build(run)
        if as_json:
            show_json({"study": run, "report": page})
        else:
            show(str(page))
        return
    page = build(run)
    if as_json:
        show_json({"run": run, "report": page, "model_card": page.with_name("model_card.md")})
    else:
        show(str(page))
