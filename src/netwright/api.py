"""The few functions that most users need."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from netwright.config import Config, set_key
from netwright.data.finding import Finding
from netwright.errors import InputError, suggestion
from netwright.models import Model
from netwright.models.saving import is_layers
from netwright.models.saving import load as load_layers
from netwright.pipeline.prepare import prepare
from netwright.pipeline.train import train as _train
from netwright.pipeline.watch import Watch
from netwright.runs.folder import is_run
from netwright.runs.model import TableModel
from netwright.runs.run import Run

# Short names of the settings that most runs need, and where they stand in the config.
SHORT = {
    "split_column": "split.column",
    "group": "split.group",
    "time": "split.time",
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
    "device": "training.device",
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
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Goes the whole way from data to a trained, evaluated and documented network.

    Arguments:
        data: a path, ``sample:NAME``, a database URL with a query, a polars or pandas frame, an array.
        target: the column to predict: its name or number; several as a list or with commas.
        config: a `Config`, nested dictionaries, or the path of a YAML file to start from.
        progress: whether to show how the training goes on.
        **settings: split_column, group, time, validation, test, task, positive, sensitive, kinds, effort,
            epochs, time_limit, members, seed, device, out, overwrite; or any key of the config with two
            underscores for its dot, such as ``training__learning_rate=1e-3``.

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
    made = make_config(target, config, settings)
    return Run(_train(made, data, _watch(progress)))


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


def load(folder: str | Path) -> Run | TableModel | Model:
    """A run from its folder, or a model that was saved alone: of a table, or of layers by hand.

    Raises:
        InputError: the folder holds neither, is damaged, or was written by a newer version.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder))
    if is_run(folder):
        return Run(folder)
    for place in (folder, folder / "model"):
        if is_layers(place):
            return load_layers(place)
        if (place / "network.json").is_file():
            return TableModel.load(place)
    raise InputError("this folder holds neither a run nor a saved model", where=str(folder))
