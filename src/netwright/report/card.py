"""model_card.md: what the model is for, how good it is, and where not to trust it.

The headings follow Mitchell et al. (2019), "Model Cards for Model Reporting", and the front matter that the
Hugging Face hub reads.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import yaml

from netwright.report.words import (
    BASELINES,
    CONTENTS,
    METRICS,
    NOTHING,
    TASKS,
    baseline_sentence,
    contents,
    decision_sentence,
    doctor_sentence,
    limitations,
    listed,
    members_words,
    metric_name,
    number,
    score_sentence,
    sentence,
    share,
)

if TYPE_CHECKING:
    from netwright.report.record import Record

COLUMNS = 100
TASKS_BY = {"image": "image", "sound": "audio", "series": "time-series", "text": "text"}
"""how names of tasks begin on the hub; tabular for everything else"""


def card(record: Record) -> str:
    """The model card as Markdown.

    Arguments:
        record: the run's files.

    Returns:
        The text; the same record always gives the same.
    """
    parts = [
        _front_matter(record),
        f"# {_plain(record.title)}",
        f"{_plain(score_sentence(record))} {_plain(baseline_sentence(record))}",
        _section("Intended use", _intended_use(record)),
        _section("Data", _data(record)),
        _section("Split", _split(record)),
        _section("Metrics", _metrics(record)),
        _section("Fairness", _fairness(record)),
        _section("Limitations", "\n".join(f"- {_plain(each)}" for each in limitations(record))),
        _section("How to use", _how_to_use(record)),
        _section("Network and training", _network(record)),
        _section("Versions", _versions(record)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _section(title: str, inside: str) -> str:
    return f"## {title}\n\n{inside}" if inside else ""


def _plain(value: Any) -> str:
    """Text from a file that Markdown shall not read as markup."""
    words = " ".join(str(value).split())
    for sign in "\\`*_|[]<>#":
        words = words.replace(sign, f"\\{sign}")
    return words


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _front_matter(record: Record) -> str:
    kind = "regression" if record.task == "regression" else "classification"
    kinds, alone = contents(record)
    form = TASKS_BY[kinds[0]] if alone and len(kinds) == 1 else "tabular"
    tags = [f"{form}-{kind}", "netwright", *(TASKS_BY[each] for each in kinds if form == "tabular")]
    values: dict[str, Any] = {"library_name": "netwright", "tags": tags}
    measured = {name: score for name, score in record.scores("test").items() if score is not None}
    if measured:
        values["model-index"] = [
            {
                "name": record.name,
                "results": [
                    {
                        "task": {"type": f"{form}-{kind}"},
                        "dataset": {"name": record.title, "type": form, "split": "test"},
                        "metrics": [{"type": name, "value": score} for name, score in measured.items()],
                    }
                ],
            }
        ]
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True).strip()}\n---"


def _intended_use(record: Record) -> str:
    targets = listed([_plain(each) for each in record.targets])
    kind = TASKS.get(record.task, record.task)
    kinds, alone = contents(record)
    named = " and ".join(CONTENTS[each] for each in kinds)
    if alone:
        said = [f"Predicts {targets} from {named} like those that it was trained on ({kind})."]
    else:
        among = f", {named} among them" if kinds else ""
        said = [
            f"Predicts {targets} from the other columns of a table like the one it was trained on{among} "
            f"({kind})."
        ]
    if record.classes:
        said.append(f"Classes: {listed([_plain(each) for each in record.classes], 30)}.")
    if record.metrics.get("positive") is not None:
        said.append(f"The positive class is {_plain(record.metrics['positive'])}.")
    said.append(_plain(decision_sentence(record)))
    said.append(
        "It is not meant for rows of another origin, nor for decisions about people without someone who "
        "answers for them."
    )
    return " ".join(each for each in said if each)


def _data(record: Record) -> str:
    source = record.part("source") or {}
    columns = record.part("columns") or []
    said = f"Source: {_plain(source.get('source') or record.config.data.path or 'not recorded')}"
    if source.get("rows") is not None:
        said += f", {source['rows']:,} rows"
    rows = [
        [_plain(each["name"]), _plain(_kind(each)), share(each.get("missing")), number(each.get("values"))]
        for each in columns[:COLUMNS]
    ]
    parts = [f"{said}."]
    if rows:
        parts.append(_table(["column", "kind", "missing", "values"], rows))
    if len(columns) > COLUMNS:
        parts.append(f"The first {COLUMNS} of {len(columns):,} columns are listed.")
    return "\n\n".join(parts)


def _kind(column: dict[str, Any]) -> str:
    """A column's kind; of pictures and the like with what the network reads of them."""
    told = column.get("summary") if column["kind"] in CONTENTS else ""
    return f"{column['kind']} ({told})" if told else column["kind"]


def _split(record: Record) -> str:
    info = record.part("split") or {}
    rows = info.get("rows") or record.metrics.get("rows") or {}
    counts = [f"{part} {count:,}" for part, count in rows.items() if count]
    how = "given by the user" if info.get("given") else "made by Netwright"
    method = f" ({_plain(info['method'])}, {how})" if info.get("method") else ""
    note = f" {_plain(sentence(info['note']))}" if info.get("note") else ""
    return f"Rows{method}: {', '.join(counts)}.{note}" if counts else ""


def _metrics(record: Record) -> str:
    test = record.scores("test")
    baselines = [name for name in BASELINES if record.scores(name)]
    rows = []
    for metric in [each for each in METRICS if each in test] + [each for each in test if each not in METRICS]:
        ends = record.interval(metric)
        rows.append(
            [
                _plain(metric_name(metric)),
                number(test[metric]),
                f"{number(ends[0])} to {number(ends[1])}" if ends else NOTHING,
                number(record.scores("validation").get(metric)),
                *(number(record.scores(name).get(metric)) for name in baselines),
            ]
        )
    if not rows:
        return ""
    head = ["metric", "test", "95 % interval", "validation", *(BASELINES[name] for name in baselines)]
    note = record.evaluation.get("baseline_note")
    return _table(head, rows) + (f"\n\n{_plain(sentence(note))}" if note else "")


def _fairness(record: Record) -> str:
    parts = []
    for column, info in (record.part("fairness") or {}).items():
        gaps = [
            [
                _plain(metric_name(key)),
                number(gap["value"]),
                _plain(gap.get("low_group") or NOTHING),
                _plain(gap.get("high_group") or NOTHING),
            ]
            for key, gap in (info.get("gaps") or {}).items()
        ]
        if gaps:
            parts.append(
                f"### {_plain(column)}\n\n{_table(['gap', 'size', 'lowest in', 'highest in'], gaps)}"
            )
    return "\n\n".join(parts)


def _how_to_use(record: Record) -> str:
    folder = record.name
    return f"""```shell
netwright predict {shlex.quote(folder)} new_rows.csv -o predictions.csv
```

```python
import netwright as nw

run = nw.load({folder!r})
predictions = run.predict("new_rows.csv")
```"""


def _network(record: Record) -> str:
    info = record.part("network") or {}
    training = record.config.training
    parameters = info.get("parameters") or record.metrics.get("parameters")
    said = [f"Kind: {_plain(info.get('kind') or record.config.network.kind)}."]
    if parameters is not None:
        said.append(f"Parameters: {parameters:,}.")
    if info.get("members", 1) > 1:
        said.append(f"{info['members']} members, {members_words(record)}.")
    said.append(
        f"Optimizer {training.optimizer}, learning rate {training.learning_rate}, seed {training.seed}."
    )
    if "epochs" in info:
        said.append(f"Epochs: {info['epochs']} ({_plain(info.get('stopped') or 'end not recorded')}).")
    said.append(_plain(doctor_sentence(record)))
    return " ".join(each for each in said if each)


def _versions(record: Record) -> str:
    versions = record.metrics.get("versions") or {}
    return ", ".join(f"{_plain(name)} {_plain(version)}" for name, version in versions.items())
