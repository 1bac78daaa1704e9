"""Numbers and scores in words: what the report and the model card both say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from netwright.report.record import Record

METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "f1_weighted": "weighted F1",
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "calibration error",
    "rmse": "RMSE",
    "mae": "MAE",
    "median_absolute_error": "median absolute error",
    "mape": "MAPE",
    "r2": "R²",
    "mse": "MSE",
    "mse_scaled": "scaled MSE",
    "mae_scaled": "scaled MAE",
    "support": "rows",
}
NOTHING = "–"  # noqa: RUF001
"""stands where there is no figure"""
CONTENTS = {"image": "pictures", "sound": "sounds", "series": "series", "text": "texts"}
"""kinds of columns whose cells stand for more than a value"""
BASELINES = {"constant": "constant prediction", "linear": "linear model"}
TASKS = {
    "binary": "binary classification",
    "multiclass": "classification",
    "multilabel": "multi-label classification",
    "regression": "regression",
    "forecast": "forecasting",
}


def metric_name(metric: str, *, capital: bool = False) -> str:
    """A metric's name as it is written in a text.

    Example:
        >>> metric_name("balanced_accuracy", capital=True)
        'Balanced accuracy'
    """
    words = METRICS.get(metric, metric.replace("_", " "))
    return words[:1].upper() + words[1:] if capital else words


def number(value: Any) -> str:
    """A number with about four digits that matter; – where there is none.

    Example:
        >>> number(0.86741), number(24512.3), number(None), number(12)
        ('0.8674', '24,512', '–', '12')
    """
    if value is None:
        return NOTHING
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-3:
        return f"{value:.3g}"
    return f"{value:,.{0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 10 else 4}f}"


def share(value: float | None) -> str:
    """A share as per cent; a little is not nothing.

    Example:
        >>> share(0.7713), share(0.0002), share(0.0), share(1.0)
        ('77.1 %', '< 0.1 %', '0 %', '100 %')
    """
    if value is None:
        return NOTHING
    if 0 < value < 0.001:
        return "< 0.1 %"
    if 0.999 < value < 1:
        return "> 99.9 %"
    return f"{value * 100:.0f} %" if value in (0, 1) else f"{value * 100:.1f} %"


def shortened(name: str, most: int) -> str:
    """A name of at most `most` characters, cut in the middle: names often differ at their ends.

    Example:
        >>> shortened("sensor_17_temperature_max", 16)
        'sensor_17…re_max'
    """
    if len(name) <= most:
        return name
    tail = most * 2 // 5
    return f"{name[: most - tail - 1].rstrip()}…{name[-tail:].lstrip()}"


def sentence(words: str) -> str:
    """The words with a capital letter and a full stop; a config key keeps its letters.

    Example:
        >>> sentence("kept, with a flag"), sentence("data.kinds says otherwise")
        ('Kept, with a flag.', 'data.kinds says otherwise.')
    """
    words = words.strip()
    first = words.split(maxsplit=1)[0] if words else ""
    if first.rstrip(",;:").isalpha():
        words = words[0].upper() + words[1:]
    return words if not words or words[-1] in ".!?" else f"{words}."


def beyond_chance(slices: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The slices whose score differs from that of other rows by more than chance (p < 0.05)."""
    return [each for each in slices if (p := each.get("p_value")) is not None and p < 0.05]


def listed(names: list[str], most: int = 6) -> str:
    """Names with commas, the first few of many.

    Example:
        >>> listed(["a", "b", "c"], most=2)
        'a, b and 1 more'
    """
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def contents(record: Record) -> tuple[list[str], bool]:
    """The kinds of `CONTENTS` among the inputs, and whether there are no other inputs."""
    columns = record.part("columns") or []
    kinds = [each["kind"] for each in columns if each["kind"] not in ("id", "constant")]
    known = [kind for kind in CONTENTS if kind in kinds]
    return known, bool(known) and set(kinds) <= set(known)


def score_sentence(record: Record) -> str:
    """The headline score, with its interval and the rows it was measured on."""
    metric = record.headline
    score, rows, ends = record.scores("test").get(metric), record.rows("test"), record.interval(metric)
    if score is None:
        return f"The {metric_name(metric)} on the test rows could not be computed."
    where = f"{rows:,} test rows" if rows is not None else "the test rows"
    where += "" if record.by_hand else ", used for nothing else"  # which only a run knows
    between = f" (95 % interval {number(ends[0])} to {number(ends[1])})" if ends else ""
    return f"On {where}, the network's {metric_name(metric)} is {number(score)}{between}."


def baseline_verdict(record: Record, baseline: str) -> str | None:
    """How the network compares with a baseline on the same rows: better, worse, or level; None if unknown."""
    ends = (record.metrics.get("margin") or {}).get(baseline)
    if not ends:
        return None
    low, high = ends
    return "better than" if low > 0 else "worse than" if high < 0 else "level with"


def baseline_sentence(record: Record) -> str:
    """The network beside its baselines."""
    parts = []
    for baseline, name in BASELINES.items():
        verdict = baseline_verdict(record, baseline)
        if verdict is not None:
            value = number(record.scores(baseline)[record.headline])
            inside = ", a difference within chance" if verdict == "level with" else ""
            parts.append(f"{verdict} the {name} ({value}{inside})")
    return f"It is {' and '.join(parts)}." if parts else "No baseline was computed."


def decision_sentence(record: Record) -> str:
    """Above which probability the positive class is predicted, and why there; nothing for one half."""
    threshold, wanted = record.metrics.get("threshold"), record.config.training.threshold
    if threshold is None or wanted == "half":
        return ""
    why = (
        f"which gave the best {metric_name(wanted)} on the validation rows"
        if isinstance(wanted, str)
        else "as the config says"
    )
    positive = record.metrics.get("positive") or record.classes[-1]
    return f"“{positive}” is predicted where its probability is above {threshold:.3g}, {why}."


def members_words(record: Record) -> str:
    """How the members' predictions become one: ``averaged``, and by which weights."""
    weights = record.metrics.get("member_weights")
    if not weights:
        return "averaged"
    shown = listed([f"{each:.2g}" for each in weights], 12)
    return f"averaged by weights that validation rows chose: {shown}"


def findings_sentence(record: Record) -> str:
    """How many findings of each severity the checks had."""
    counts = {
        severity: sum(each["severity"] == severity for each in record.findings)
        for severity in ("error", "warning", "note")
    }
    said = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    return (
        f"The checks of the data gave {', '.join(said)}." if said else "The checks of the data found nothing."
    )


def doctor_sentence(record: Record) -> str:
    """What the doctor of the training said, in a sentence; nothing where there was none."""
    examination = record.examination
    if examination is None:
        return ""
    if examination.primary is None:
        return "The doctor found nothing that does harm."
    counts = {
        severity: sum(each.severity == severity for each in examination.diagnoses)
        for severity in ("error", "warning")
    }
    said = [f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts.items() if count]
    return f"The doctor gave {' and '.join(said)}; begin with: {sentence(examination.primary.message)}"


def limitations(record: Record) -> list[str]:
    """What a user of the model should know before trusting it."""
    said = []
    for baseline, name in BASELINES.items():
        verdict = baseline_verdict(record, baseline)
        if verdict in ("level with", "worse than"):
            said.append(f"The network is {verdict} the {name}: that simpler model may serve as well.")
    said += [
        f"{sentence(each['message'])} {sentence(each['action'])}".strip()
        for each in record.findings
        if each["severity"] in ("error", "warning")
    ]
    if record.examination is not None:
        said += [
            f"{sentence(each.message)} {sentence(each.fix.text)}"
            for each in record.examination.diagnoses
            if each.severity != "note"
        ]
    metric = metric_name(record.evaluation.get("slices_metric") or record.headline)
    for each in beyond_chance(record.part("slices") or [])[:3]:
        said.append(
            f"Weaker where {each['description']}: {metric} {number(each['score'])} on {each['rows']:,} rows, "
            f"{number(each['overall'])} on all."
        )
    if not record.config.data.sensitive:
        said.append("No groups of people were compared: no sensitive column was named.")
    return said
