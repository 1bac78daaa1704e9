"""The one description of a run, read from and written to YAML."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError

from netwright.config.checks import check_layers, check_settings
from netwright.config.data import DataConfig, SplitConfig
from netwright.config.explain import explain
from netwright.config.forecast import ForecastConfig
from netwright.config.inputs import InputsConfig
from netwright.config.many import CrossValidationConfig, EnsembleConfig, LearningCurveConfig, TuneConfig
from netwright.config.reading import parse_yaml
from netwright.config.section import Section
from netwright.config.training import NetworkConfig, TrainingConfig
from netwright.errors import InputError, suggestion


class DoctorConfig(Section):
    """What looks at data, network and training, and says what is wrong."""

    watch: bool = True
    """look at all during and after the training; off: nothing is looked at but the data"""
    preflight: bool = True
    """look at the network, for a second or two, before the first step"""
    repair: bool = False
    """try what may help where something does harm, and keep what does on the validation rows"""


class OutputConfig(Section):
    """Where the run goes."""

    folder: str | None = None
    """the run's folder; runs/NAME-DATE-TIME unless given"""
    overwrite: bool = False


class Config(Section):
    """One run: data, split, inputs, network, training, ensemble, tune, cv, learning_curve,
    forecast, doctor, output.

    Example:
        >>> config = Config.parse({"data": {"path": "adult.csv", "target": "income"}})
        >>> config.training.optimizer
        'adamw'
    """

    data: DataConfig = Field(default_factory=DataConfig)
    split: SplitConfig = Field(default_factory=SplitConfig)
    inputs: InputsConfig = Field(default_factory=InputsConfig)
    network: NetworkConfig = Field(default_factory=NetworkConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    ensemble: EnsembleConfig = Field(default_factory=EnsembleConfig)
    tune: TuneConfig = Field(default_factory=TuneConfig)
    cv: CrossValidationConfig = Field(default_factory=CrossValidationConfig)
    learning_curve: LearningCurveConfig = Field(default_factory=LearningCurveConfig)
    forecast: ForecastConfig = Field(default_factory=ForecastConfig)
    doctor: DoctorConfig = Field(default_factory=DoctorConfig)
    output: OutputConfig = Field(default_factory=OutputConfig)

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "config") -> Config:
        """A checked config from nested dictionaries.

        Raises:
            InputError: an unknown key or a wrong value; names the key and what is allowed.
        """
        if not isinstance(values, dict):
            raise InputError("a config is a mapping of sections", where=where, hint=_sections())
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            raise InputError(explain(error, cls), where=where) from None
        for column, settings in config.inputs.columns.items():
            check_settings(column, settings, where)
        check_layers(config.network, where)
        return config

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """Reads a config from a YAML file."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError("no such config file", where=str(path)) from None
        except UnicodeDecodeError:
            raise InputError("the config is not text in UTF-8", where=str(path)) from None
        except OSError as error:
            raise InputError(f"the config cannot be read: {error.strerror}", where=str(path)) from None
        values = parse_yaml(text, where=str(path))
        return cls.parse(values or {}, where=str(path))

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)

    def with_values(self, changes: Iterable[str], *, where: str = "--set") -> Config:
        """A copy with ``key=value`` settings applied, such as ``training.epochs=20``."""
        values = self.model_dump(mode="json")
        for change in changes:
            key, equals, text = change.partition("=")
            if not equals:
                raise InputError(f"{change!r} is not of the form key=value", where=where)
            set_key(values, key.strip(), parse_yaml(text, where=f"{where} {change}"), where=where)
        return Config.parse(values, where=where)


FREE = ("data.kinds", "data.clean.spellings", "inputs.columns", "training.class_weights", "tune.space")
"""sections whose keys are the user's: names of columns, classes or spellings"""


def set_key(values: dict[str, Any], key: str, value: Any, *, where: str) -> None:
    """Sets ``a.b.c`` in nested dictionaries; unknown sections are refused with the nearest right one."""
    *sections, last = key.split(".")
    place: Any = values
    for depth, section in enumerate(sections):
        name = ".".join(sections[: depth + 1])
        free = name.startswith(FREE)
        if section not in place and not free:
            raise InputError(f"unknown key {name!r}", where=where, hint=suggestion(section, place))
        if free and not isinstance(place.get(section), dict):
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise InputError(f"{name!r} holds a value, not a section", where=where)
    if last not in place and not key.startswith(FREE):
        raise InputError(f"unknown key {key!r}", where=where, hint=_hint_for_key(last, sections, place))
    place[last] = value


def _hint_for_key(last: str, sections: list[str], place: dict[str, Any]) -> str:
    """The nearest key; of one without its section, the whole key."""
    if not sections:
        for name, field in Config.model_fields.items():
            if last in getattr(field.annotation, "model_fields", {}):
                return f"did you mean '{name}.{last}'?"
    return suggestion(last, place)


def _sections() -> str:
    return "its sections are " + ", ".join(Config.model_fields)
