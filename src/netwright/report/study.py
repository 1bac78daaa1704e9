"""study.html: how a search went, as one page that needs nothing beside itself."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from netwright.errors import InputError
from netwright.files import write_text
from netwright.report import study_plots as plots
from netwright.report.markup import paragraph, picture, section, table, text
from netwright.report.record import Record
from netwright.report.words import TASKS, metric_name, number, score_sentence

MOST_TRIALS = 200
SEARCHES = {
    "random": "random search",
    "grid": "a grid",
    "tpe": "tree-structured Parzen estimators (TPE)",
    "gp": "a Gaussian process",
    "cmaes": "CMA-ES",
}
PRUNES = {"none": "", "halving": "successive halving", "hyperband": "Hyperband"}


def build(folder: str | Path) -> Path:
    """Writes study.html into a study's folder, from study.json, trials.csv and the winner's run.

    Returns:
        The page's path.

    Raises:
        InputError: the folder holds no study.
    """
    folder = Path(folder)
    about, trials = read(folder)
    winner = folder / about["winner"]["run"] if about.get("winner") else None
    record = Record.read(winner) if winner is not None and (winner / "metrics.json").is_file() else None
    write_text(folder / "study.html", page(about, trials, record))
    return folder / "study.html"


def read(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """study.json, and the rows of trials.csv."""
    try:
        about = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        trials = pl.read_csv(folder / "trials.csv", infer_schema_length=None).to_dicts()
    except FileNotFoundError:
        raise InputError("this is not the folder of a study", where=str(folder)) from None
    return about, trials


def page(about: dict[str, Any], trials: list[dict[str, Any]], record: Record | None) -> str:
    """The whole page as one HTML document; the same files always give the same text.

    Arguments:
        about: study.json.
        trials: the rows of trials.csv.
        record: the winner's run.
    """
    made = {
        "history": section("history", "History", _history(trials)),
        "importance": section("importance", "What mattered", *_importance(about)),
        "values": section("values", "Values and scores", *_values(about, trials)),
        "trials": section("trials", "Trials", *_trials(about, trials)),
        "space": section("space", "Space", _space(about)),
    }
    made = {anchor: inside for anchor, inside in made.items() if inside}
    titles = {"history": "History", "importance": "Importance", "values": "Values", "trials": "Trials"}
    titles["space"] = "Space"
    links = "".join(f'<a href="#{anchor}">{titles[anchor]}</a>' for anchor in made)
    style = files("netwright.report").joinpath("style.css").read_text(encoding="utf-8")
    targets = " ".join(f"<code>{text(name, 40)}</code>" for name in about["target"][:6])
    sections = "\n".join(made.values())
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{text(about["name"])}: search of settings, Netwright</title>
<style>{style}</style>
</head>
<body>
<nav><a class="home" href="#top">Netwright</a>{links}</nav>
<main id="top">
<header><p class="over">search of settings · {text(TASKS.get(about["task"], about["task"]))}</p>
<h1>{text(about["name"], 60)}</h1>
<p class="target">predicts {targets}</p></header>
{_summary(about, trials, record)}
{sections}
</main>
</body>
</html>
"""


def _summary(about: dict[str, Any], trials: list[dict[str, Any]], record: Record | None) -> str:
    best = _best(trials)
    box = ""
    if record is not None:
        score = number(record.scores("test").get(record.headline))
        box = (
            f'<div class="headline"><p class="score">{score}</p>'
            f'<p class="metric">{text(metric_name(record.headline))} of the winner on test</p></div>'
        )
    said = [text(each) for each in sentences(about, trials)]
    if record is not None:
        winner = about["winner"]
        link = f'<a href="{text(winner["run"])}/report.html">its report</a>'
        said.append(f"{text(score_sentence(record))} The test rows took no part in the search; see {link}.")
    lost = [each for each in trials if each["state"] in ("diverged", "failed")]
    lines = "".join(f"<li>{each}</li>" for each in said)
    if lost:
        lines += f'<li class="warning">{_lost(lost)}</li>'
    values = table(
        ["best trial", *[f"<code>{text(key)}</code>" for key in about["space"]]],
        [[str(best["trial"]), *[text(_cell(best[key])) for key in about["space"]]]],
        "l" * (1 + len(about["space"])),
    ) if best else ""  # fmt: skip
    top = f'<div class="top">{box}</div>' if box else ""
    return f'<section class="summary" id="summary">{top}<ul>{lines}</ul>{values}</section>'


def sentences(about: dict[str, Any], trials: list[dict[str, Any]]) -> list[str]:
    """What there is to say of a search, in plain words."""
    count = {
        state: sum(each["state"] == state for each in trials) for state in ("complete", "pruned", "stopped")
    }
    rows = f"{about['folds']} folds" if about["folds"] else "the validation rows"
    search = SEARCHES.get(about["search"], about["search"])
    said = [f"{len(trials)} trials chosen by {search}, scored by their loss on {rows}, lower is better."]
    if count["pruned"]:
        share = f"{count['pruned']} of them were given up early ({PRUNES[about['prune']]})"
        said.append(f"{share}: the others were better at the same epoch.")
    if count["stopped"]:
        said.append(f"{count['stopped']} were cut off when the time was over; they do not count.")
    winner = about.get("winner")
    if winner and len(winner["trials"]) > 1:
        numbers = ", ".join(map(str, winner["trials"]))
        said.append(f"The winner is the average of trials {numbers}: the best ones of the best one's shape.")
    elif winner:
        said.append(f"The winner is trial {winner['trials'][0]}.")
    return said


def _lost(lost: list[dict[str, Any]]) -> str:
    first = lost[0]
    words = f"{len(lost)} trial{'s' if len(lost) > 1 else ''} lost without a score"
    return text(f"{words}; trial {first['trial']}: {first['note']}.")


def _best(trials: list[dict[str, Any]]) -> dict[str, Any] | None:
    over = [each for each in trials if each["state"] == "complete" and each["score"] is not None]
    return min(over, key=lambda each: each["score"], default=None)


def _history(trials: list[dict[str, Any]]) -> str:
    if not any(each["score"] is not None for each in trials):
        return ""
    return picture(plots.search_history(trials), "scores of the trials in their order", wide=True)


def _importance(about: dict[str, Any]) -> list[str]:
    if not about.get("importance"):
        return []
    words = (
        "How much of the differences between scores each setting explains by itself, by a forest of trees "
        "fitted to the completed trials (Hutter and others, 2014). With few trials it is a rough guide."
    )
    return [
        paragraph(text(words)),
        picture(plots.importance_shares(about["importance"]), "importance", wide=True),
    ]


def _values(about: dict[str, Any], trials: list[dict[str, Any]]) -> list[str]:
    if sum(each["score"] is not None for each in trials) < 2:
        return []
    keys = [*about.get("importance", {})]
    keys += [key for key in about["space"] if key not in keys]
    caption = "A line is a trial; darker lines are better, the best one is orange."
    return [
        picture(
            plots.parallel_coordinates(trials, about["space"], keys),
            "parallel coordinates",
            caption,
            wide=True,
        ),
        picture(plots.slices(trials, about["space"], keys), "scores by value", wide=True),
    ]


def _trials(about: dict[str, Any], trials: list[dict[str, Any]]) -> list[str]:
    metrics = [key for key in (trials[0] if trials else {}) if key.startswith("validation_")]
    order = {"complete": 0, "pruned": 1, "stopped": 2}
    ranked = sorted(
        trials, key=lambda each: (order.get(each["state"], 3), each["score"] is None, each["score"] or 0.0)
    )
    head = [
        "trial",
        "state",
        "score",
        *[text(metric_name(key.removeprefix("validation_"))) for key in metrics],
    ]
    head += ["seconds", "epoch", *[f"<code>{text(key.partition('.')[2])}</code>" for key in about["space"]]]
    rows = [
        [
            str(each["trial"]),
            _state(each),
            number(each["score"]),
            *[number(each[key]) for key in metrics],
            f"{each['seconds']:.1f}",
            str(each["epoch"]),
            *[text(_cell(each[key]), 24) for key in about["space"]],
        ]
        for each in ranked[:MOST_TRIALS]
    ]
    align = "rl" + "r" * (3 + len(metrics)) + "r" * len(about["space"])
    more = (
        f"The best {MOST_TRIALS} of {len(trials):,}; trials.csv has all." if len(trials) > MOST_TRIALS else ""
    )
    return [table(head, rows, align, marked=0 if _best(trials) else None), paragraph(more, "small")]


def _state(trial: dict[str, Any]) -> str:
    same = f" (as trial {trial['same_as']})" if trial["same_as"] is not None else ""
    note = f' title="{text(trial["note"])}"' if trial["note"] else ""
    return f"<span{note}>{text(trial['state'])}{same}</span>"


def _space(about: dict[str, Any]) -> str:
    rows = []
    for key, part in about["space"].items():
        if isinstance(part, list):
            words = ", ".join(_cell(each) for each in part)
        else:
            words = f"{number(part['low'])} to {number(part['high'])}"
            words += ", logarithmic" if part.get("log") else ""
            words += f", in steps of {number(part['step'])}" if part.get("step") else ""
        rows.append([f"<code>{text(key)}</code>", text(words)])
    return table(["key", "values"], rows, "ll")


def _cell(value: Any) -> str:
    if value is None or isinstance(value, bool | list | dict):
        return json.dumps(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
