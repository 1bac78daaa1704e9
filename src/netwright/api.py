"""The few functions that most users need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.config import Config, set_key
from netwright.data.finding import Finding
from netwright.errors import InputError, suggestion
from netwright.models import Model
from netwright.models.saving import is_layers
from netwright.models.saving import load as load_layers
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resume import is_finished, settings_of
from netwright.pipeline.train import train as _train
from netwright.pipeline.watch import Watch
from netwright.runs.folder import is_run, is_unfinished
from netwright.runs.forecast import ForecastModel, is_forecast
from netwright.runs.model import TableModel
from netwright.runs.run import Run

if TYPE_CHECKING:
    from netwright.tuning.study import Study

# Short names of the settings that most runs need, and where they stand in the config.
SHORT = {
    "split_column": "split.column",
    "group": "split.group",
    "time": "split.time",
    "horizon": "forecast.horizon",
    "lookback": "forecast.lookback",
    "series": "forecast.series",
    "validation": "split.validation_file",
    "test": "split.test_file",
    "task": "data.task",
    "positive": "data.positive",
    "sensitive": "data.sensitive",
    "kinds": "data.kinds",
    "effort": "training.effort",
    "epochs": "training.epochs",
    "time_limit": "training.time_limit",
    "members": "training.members",
    "seed": "training.seed",
    "start_from": "training.start_from",
    "pretrained": "inputs.pretrained",
    "device": "training.device",
    "preflight": "doctor.preflight",
    "repair": "doctor.repair",
    "out": "output.folder",
    "overwrite": "output.overwrite",
}


def make_config(
    target: str | int | Sequence[str | int] | None = None,
    config: Config | dict[str, Any] | str | Path | None = None,
    settings: dict[str, Any] | None = None,
) -> Config:
    """A config from a base and the settings of a call; see `train`."""
    base = _base(config)
    values = base.model_dump(mode="json")
    if target is not None:
        values["data"]["target"] = _names(target)
    for name, value in (settings or {}).items():
        key = SHORT.get(name, name.replace("__", "."))
        if "." not in key and key not in values:
            raise InputError(f"unknown setting {name!r}", hint=suggestion(name, SHORT))
        if name == "sensitive":
            value = _names(value)
        set_key(values, key, str(value) if isinstance(value, Path) else value, where="settings")
    return Config.parse(values, where="settings")


def _base(config: Config | dict[str, Any] | str | Path | None) -> Config:
    if config is None:
        return Config()
    if isinstance(config, Config):
        return config
    return Config.parse(config) if isinstance(config, dict) else Config.load(config)


def _names(value: Any) -> list[str]:
    if isinstance(value, str):
        return [name.strip() for name in value.split(",")] if "," in value else [value]
    return [str(value)] if isinstance(value, int) else [str(each) for each in value]


def train(
    data: Any = None,
    target: str | int | Sequence[str | int] | None = None,
    *,
    config: Config | dict[str, Any] | str | Path | None = None,
    resume: str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Goes the whole way from data to a trained, evaluated and documented network.

    Arguments:
        data: a path, ``sample:NAME``, a database URL with a query, a polars or pandas frame, an array.
        target: the column to predict: its name or number; several as a list or with commas.
        config: a `Config`, nested dictionaries, or the path of a YAML file to start from.
        resume: the folder of a training that was broken off (killed, or out of power) and goes on, to the
            same weights. Its settings are known; data is needed only where it was given in Python. Beside
            it, time_limit and device may be given. A finished run is given back as it is.
        progress: whether to show how the training goes on.
        **settings: split_column, group, time, horizon, lookback, series, validation, test, task, positive,
            sensitive, kinds, effort, epochs, time_limit, members, seed, start_from, pretrained, device,
            preflight, repair, out,
            overwrite; or any key of the config with two underscores for its dot, such as
            ``training__learning_rate=1e-3``.

    Returns:
        The run: metrics, history, findings, predictions, and the model.

    Raises:
        InputError: whatever is wrong with the data or the settings.

    Example:
        >>> import netwright as nw
        >>> run = nw.train("sample:iris", target="target", effort="quick")  # doctest: +SKIP
        >>> run.metrics["test"]["accuracy"] > 0.9  # doctest: +SKIP
        True
    """
    if resume is None:
        return Run(_train(make_config(target, config, settings), data, _watch(progress)))
    if is_finished(resume):
        return Run(resume)
    others = {"target": target, "config": config, **settings}
    known = settings_of(resume, [name for name, value in others.items() if value is not None])
    return Run(_train(make_config(None, known, settings), data, _watch(progress), resume=True))


def cross_validate(
    data: Any = None,
    target: str | int | Sequence[str | int] | None = None,
    *,
    folds: int | None = None,
    repeats: int | None = None,
    config: Config | dict[str, Any] | str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Scores every row by networks that have not seen it; all folds train together.

    Folds are in proportion for classes, by group where `group` is given, blocks in the order of `time` where
    that is; equal rows stay in one fold. In each fold a share of the training rows chooses the best epoch
    (`cv__validation`, .2), never the scored rows. All rows are in folds unless a column or a file gives test
    rows, or `cv__test` a share of them.

    Arguments:
        data, target, config, progress: as for `train`.
        folds: K; 5 unless given.
        repeats: how often the rows are divided anew; 1 unless given.
        **settings: as for `train`.

    Returns:
        The run: `metrics` has "folds", "mean" and "deviation", and the folder out_of_fold.csv. It predicts by
        the mean of the folds' networks.

    Raises:
        InputError: whatever is wrong with the data or the settings, such as more folds than rows of a class.

    Example:
        >>> import netwright as nw
        >>> run = nw.cross_validate("sample:iris", target="target", folds=5)  # doctest: +SKIP
        >>> run.metrics["mean"]["accuracy"], run.metrics["deviation"]["accuracy"]  # doctest: +SKIP
        (0.9533333333333333, 0.0298142396999972)
    """
    from netwright.pipeline.cv import cross_validate as go

    own = {"cv__folds": folds, "cv__repeats": repeats}
    given = {name: value for name, value in own.items() if value is not None}
    return Run(go(make_config(target, config, given | settings), data, _watch(progress)))


def learning_curve(
    data: Any = None,
    target: str | int | Sequence[str | int] | None = None,
    *,
    fractions: Sequence[float] | None = None,
    repeats: int | None = None,
    metric: str | None = None,
    config: Config | dict[str, Any] | str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Would more rows help? Trains on more and more of the training rows.

    All networks are scored on the same validation rows; test rows are left alone.

    Arguments:
        data, target, config, progress: as for `train`.
        fractions: shares of the training rows; 8 steps by one factor to all of them unless given.
        repeats: networks of each share, from rows drawn anew; 3 unless given.
        metric: which metric is looked at; the task's headline unless given.
        **settings: as for `train`.

    Returns:
        The run: `metrics` has "points", "fit", "twice" and "answer"; `plot` draws the curve.

    Raises:
        InputError: whatever is wrong with the data or the settings.

    Example:
        >>> import netwright as nw
        >>> run = nw.learning_curve("sample:digits", target="target")  # doctest: +SKIP
        >>> print(run.metrics["answer"][0])  # doctest: +SKIP
    """
    from netwright.pipeline.learning_curve import learning_curve as go

    own = {
        "learning_curve__fractions": None if fractions is None else list(fractions),
        "learning_curve__repeats": repeats,
        "learning_curve__metric": metric,
    }
    given = {name: value for name, value in own.items() if value is not None}
    return Run(go(make_config(target, config, given | settings), data, _watch(progress)))


def tune(
    data: Any = None,
    target: str | int | Sequence[str | int] | None = None,
    *,
    trials: int | None = None,
    folds: int | None = None,
    search: str | None = None,
    space: dict[str, Any] | str | Path | None = None,
    ensemble: int | None = None,
    resume: str | Path | None = None,
    config: Config | dict[str, Any] | str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Study:
    """Searches settings; the best trial, or an average of the best, becomes a run.

    Trials are scored by their loss on the validation rows, or on folds of all rows but the test rows. The
    test rows score the winner, once.

    Arguments:
        data, target, config, progress: as for `train`.
        trials: networks to try; 32, or as many as `time_limit` allows, unless given.
        folds: K; each trial is then K networks, and its score their mean.
        search: tpe (the default), random, grid, gp or cmaes.
        space: {config key: {low, high, log, step} or a list of values}, or a YAML file of it; a good one for
            the network unless given.
        ensemble: how many of the best trials of one shape are averaged; 1 unless given.
        resume: the folder of a study that goes on; data and settings are known then.
        **settings: as for `train`; `tune__prune`, `tune__batch` and `tune__storage` too.

    Returns:
        The study: `trials`, `best_run`, `best_config`, `plot`.

    Raises:
        InputError: whatever is wrong with the data, the settings or the space.
        NetwrightError: no trial came to a score.

    Example:
        >>> import netwright as nw
        >>> study = nw.tune("sample:wine", target="target", trials=40)  # doctest: +SKIP
        >>> study.best_config.training.learning_rate  # doctest: +SKIP
    """
    from netwright.tuning.files import settings_of
    from netwright.tuning.spaces import load_space
    from netwright.tuning.study import Study
    from netwright.tuning.tune import tune as go

    own = {"tune.trials": trials, "tune.folds": folds, "tune.search": search, "tune.ensemble": ensemble}
    own["tune.space"] = load_space(space) if isinstance(space, str | Path) else space
    given = {name: value for name, value in own.items() if value is not None}
    base = settings_of(resume) if resume is not None and config is None else config
    return Study(go(make_config(target, base, given | settings), data, _watch(progress), resume=resume))


def _watch(progress: bool) -> Watch:
    if not progress:
        return Watch()
    from netwright.cli.screen import Screen

    return Screen()


def check(
    data: Any = None,
    target: str | int | Sequence[str | int] | None = None,
    *,
    config: Config | dict[str, Any] | str | Path | None = None,
    **settings: Any,
) -> list[Finding]:
    """What is wrong with data, worst first. Arguments as for `train`.

    Example:
        >>> import netwright as nw
        >>> [finding.id for finding in nw.check("sample:iris", target="target")]
        ['duplicate_rows', 'sorted_rows']
    """
    return prepare(make_config(target, config, settings), data, Watch()).findings


def load(folder: str | Path) -> Run | Study | TableModel | ForecastModel | Model:
    """A run or a study from its folder, or a model that was saved alone: of a table, or of layers by hand.

    Raises:
        InputError: the folder holds neither, is damaged, or was written by a newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder))
    if is_run(folder):
        return Run(folder)
    if (folder / "study.json").is_file():
        from netwright.tuning.study import Study

        return Study(folder)
    for place in (folder, folder / "model"):
        if is_layers(place):
            return load_layers(place)
        if is_forecast(place):
            return ForecastModel.load(place)
        if (place / "network.json").is_file():
            return TableModel.load(place)
    hint = f"its training was broken off: nw.train(resume={str(folder)!r})" if is_unfinished(folder) else None
    raise InputError("this folder holds neither a run nor a saved model", where=str(folder), hint=hint)
