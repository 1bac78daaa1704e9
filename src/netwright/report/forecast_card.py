"""model_card.md of a forecast; see `netwright.report.card`."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import yaml

from netwright.evaluate.forecast import BASELINES
from netwright.report.card import _data, _network, _plain, _section, _split, _table, _versions
from netwright.report.forecast import METRICS, interval_words, score_words, verdict
from netwright.report.words import listed, metric_name, number, sentence

if TYPE_CHECKING:
    from netwright.report.record import Record


def card(record: Record) -> str:
    """The model card as Markdown; the same record always gives the same."""
    parts = [
        _front_matter(record),
        f"# {_plain(record.title)}",
        " ".join(_plain(each) for each in (score_words(record), verdict(record)) if each),
        _section("Intended use", _intended_use(record)),
        _section("Data", _data(record)),
        _section("Split", _split(record)),
        _section("Metrics", _metrics(record)),
        _section("Limitations", _limitations(record)),
        _section("How to use", _how_to_use(record)),
        _section("Network and training", _network(record)),
        _section("Versions", _versions(record)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(record: Record) -> str:
    measured = [
        {"type": name, "value": score}
        for name, score in record.scores("test").items()
        if isinstance(score, float)
    ]
    values: dict[str, Any] = {
        "library_name": "netwright",
        "tags": ["time-series-forecasting", "netwright"],
        "model-index": [
            {
                "name": record.name,
                "results": [
                    {
                        "task": {"type": "time-series-forecasting"},
                        "dataset": {"name": record.title, "type": "tabular", "split": "test"},
                        "metrics": measured,
                    }
                ],
            }
        ],
    }
    return f"---\n{yaml.safe_dump(values, sort_keys=False, allow_unicode=True).strip()}\n---"


def _intended_use(record: Record) -> str:
    info = record.part("forecast") or {}
    targets = listed([_plain(each) for each in record.targets])
    horizon, lookback = info.get("horizon"), info.get("lookback")
    return (
        f"Forecasts {targets}: the next {horizon:,} steps ({info.get('step')} each) from the last "
        f"{lookback:,}, with {interval_words(info.get('quantiles') or [0.5])}. "
        "It is not meant for series of another origin."
    )


def _metrics(record: Record) -> str:
    test, known = record.scores("test"), record.metrics.get("baseline") or {}
    head = ["metric", "test", *(BASELINES[each] for each in known)]
    rows = [
        [metric_name(each), number(test[each]), *(number(scores.get(each)) for scores in known.values())]
        for each in METRICS
        if each in test
    ]
    return _table(head, rows)


def _limitations(record: Record) -> str:
    said = [
        "The future is taken to be like the past: after a break in the series the forecasts are wrong until "
        "the look-back is past it, and the intervals are too narrow.",
    ]
    worse = verdict(record)
    if worse and worse.startswith("The network is no better"):
        said.append(worse)
    said += [
        f"{sentence(each['message'])} {sentence(each['action'])}".strip()
        for each in record.findings
        if each["severity"] in ("error", "warning")
    ]
    return "\n".join(f"- {_plain(each)}" for each in said)


def _how_to_use(record: Record) -> str:
    folder = record.name
    return f"""```shell
netwright predict {shlex.quote(folder)} rows_until_now.csv -o forecast.csv
```

```python
import netwright as nw

run = nw.load({folder!r})
forecast = run.predict("rows_until_now.csv")
```"""
