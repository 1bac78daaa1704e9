"""Search spaces as data: which values each key of the config may take."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.config import Config, set_key
from netwright.config.reading import parse_yaml
from netwright.errors import InputError, suggestion

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

SECTIONS = ("inputs", "network", "training")
FIXED = {
    "training.device": "where it is computed is no setting of a network",
    "training.threads": "it is a setting of the machine",
    "training.time_limit": "it bounds the whole search: --time-limit",
    "training.stop_step": "it records how a training ended",
    "training.members": "for an average of several trials there is --ensemble",
    "training.refit": "it concerns the winner alone",
    "training.reweigh": "it changes what is scored",
}
WORDS = ("low", "high", "log", "step")


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, both included.

    Arguments:
        low, high: the ends.
        log: whether orders of magnitude are equally likely.
        step: between neighbours; None for all numbers.
        whole: whole numbers only.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import FloatDistribution, IntDistribution

        step = None if self.step is None else self._exact(self.step)
        if self.whole:
            return IntDistribution(int(self.low), int(self.last), self.log, 1 if step is None else int(step))
        return FloatDistribution(float(self.low), float(self.last), self.log, step)

    @property
    def last(self) -> float:
        """The highest value that steps from `low` reach."""
        if self.step is None:
            return self.high
        return self._exact(self.low + math.floor((self.high - self.low) / self.step + 1e-9) * self.step)

    def points(self) -> list[Any] | None:
        """All values, where they can be counted."""
        step = self.step or (1 if self.whole and not self.log else None)
        if step is None:
            return None
        count = math.floor((self.high - self.low) / step + 1e-9) + 1
        return [self._exact(self.low + place * step) for place in range(count)]

    def holds(self, value: Any) -> bool:
        """Whether a value lies in it."""
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.last
        ):
            return False
        return self.step is None or math.isclose((value - self.low) / self.step % 1 % 1, 0, abs_tol=1e-9)

    def as_data(self) -> dict[str, Any]:
        """As it is written."""
        data: dict[str, Any] = {"low": self.low, "high": self.high}
        data |= {"log": True} if self.log else {}
        return data | ({"step": self.step} if self.step is not None else {})

    def _exact(self, value: float) -> Any:
        """Without the last digits that adding up steps leaves."""
        return round(value) if self.whole else float(f"{value:.12g}")


@dataclass(frozen=True)
class Choices:
    """A few values in no order.

    Arguments:
        values: anything that YAML can hold.
    """

    values: tuple[Any, ...]

    def distribution(self) -> BaseDistribution:
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution([as_choice(value) for value in self.values])

    def points(self) -> list[Any]:
        return list(self.values)

    def holds(self, value: Any) -> bool:
        return any(as_choice(value) == as_choice(each) for each in self.values)

    def as_data(self) -> list[Any]:
        return list(self.values)


Space = dict[str, Range | Choices]


def as_choice(value: Any) -> Any:
    """A value in a form that Optuna can store: lists and mappings as JSON.

    Example:
        >>> as_choice(64), as_choice([64, 32])
        (64, '[64, 32]')
    """
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def load_space(path: str | Path) -> dict[str, Any]:
    """A space from a YAML file, not checked yet.

    Raises:
        InputError: there is no such file, or it is not YAML.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the space cannot be read: {error.strerror}", where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("the space is not text in UTF-8", where=str(path)) from None
    values = parse_yaml(text, where=str(path))
    if not isinstance(values, dict):
        hint = "such as training.learning_rate: {low: 1e-4, high: 1e-2, log: true}"
        raise InputError("a space is a mapping of config keys", where=str(path), hint=hint)
    return values


def make_space(values: dict[str, Any], base: Config, *, where: str = "tune.space") -> Space:
    """A checked space.

    Arguments:
        values: {config key: {low, high, log, step}, or {choices: [...]}, or a list}; sections may be nested.
        base: the config whose keys are searched; every value must be one that it allows.
        where: what errors call the place.

    Raises:
        InputError: an unknown key, an empty range, a logarithm of 0, or a value that the config refuses.

    Example:
        >>> space = make_space({"network.dropout": {"low": 0, "high": 0.5}}, Config())
        >>> space["network.dropout"]
        Range(low=0.0, high=0.5, log=False, step=None, whole=False)
    """
    flat = _flat(values, base.model_dump(mode="json"))
    if not flat:
        raise InputError("the space is empty", where=where, hint="name a key of the config")
    return {key: _part(key, value, base, f"{where}, {key}") for key, value in flat.items()}


def as_data(space: Space) -> dict[str, Any]:
    """A space as it is written in YAML."""
    return {key: part.as_data() for key, part in space.items()}


def grid(space: Space) -> list[dict[str, Any]]:
    """All points of a space, the last key changing fastest.

    Raises:
        InputError: a range without step has no end of points.
    """
    axes = []
    for key, part in space.items():
        points = part.points()
        if points is None:
            hint = "give it a step, or a list of values"
            raise InputError("a grid needs values that can be counted", where=f"tune.space, {key}", hint=hint)
        axes.append(points)
    return [dict(zip(space, point, strict=True)) for point in product(*axes)]


def config_with(base: Config, values: dict[str, Any]) -> Config:
    """A config with the values of a trial.

    Raises:
        InputError: the values do not go together.
    """
    dumped = base.model_dump(mode="json")
    for key, value in values.items():
        set_key(dumped, key, value, where="trial")
    return Config.parse(dumped, where="trial")


def value_at(config: Config, key: str) -> Any:
    """What a config holds under ``a.b.c``; None where nothing stands there."""
    place: Any = config.model_dump(mode="json")
    for name in key.split("."):
        place = place.get(name) if isinstance(place, dict) else None
    return place


def _flat(values: dict[str, Any], known: Any, prefix: str = "") -> dict[str, Any]:
    """{dotted key: description} from sections that may be nested."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        key = f"{prefix}{name}"
        place: Any = known
        for part in key.split("."):
            place = place.get(part) if isinstance(place, dict) else None
        nested = (
            isinstance(place, dict) and isinstance(value, dict) and not {*WORDS, "choices"} & value.keys()
        )
        flat |= _flat(value, known, f"{key}.") if nested else {key: value}
    return flat


def _part(key: str, value: Any, base: Config, where: str) -> Range | Choices:
    section = key.partition(".")[0]
    if "." in key and section in Config.model_fields and section not in SECTIONS:
        hint = "it may hold keys of " + ", ".join(SECTIONS)
        raise InputError(f"{section!r} cannot be searched", where=where, hint=hint)
    if key in FIXED:
        raise InputError(f"{key!r} cannot be searched", where=where, hint=FIXED[key])
    if isinstance(value, dict) and set(value) == {"choices"}:
        value = value["choices"]
    if isinstance(value, list):
        return _choices(key, value, base, where)
    if not isinstance(value, dict):
        _allowed(key, value, base, where)  # an unknown key is the graver fault
        hint = "give {low: ..., high: ...}, or a list of values"
        raise InputError(f"{value!r} is neither a range nor a list", where=where, hint=hint)
    return _range(key, value, base, where)


def _choices(key: str, values: list[Any], base: Config, where: str) -> Choices:
    if not values:
        raise InputError("the list of values is empty", where=where)
    for value in values:
        _allowed(key, value, base, where)
    texts = [json.dumps(value) for value in values]
    if len(set(texts)) < len(texts):
        raise InputError("a value stands twice in the list", where=where)
    return Choices(tuple(values))


def _range(key: str, value: dict[str, Any], base: Config, where: str) -> Range:
    for name in value:
        if name not in WORDS:
            raise InputError(
                f"unknown word {name!r}", where=where, hint=suggestion(name, (*WORDS, "choices"))
            )
    missing = [name for name in ("low", "high") if name not in value]
    if missing:
        raise InputError(f"the range has no {' and no '.join(missing)}", where=where)
    low, high, step = (_number(value, name, where) for name in ("low", "high", "step"))
    assert low is not None
    assert high is not None
    log = value.get("log", False)
    if not isinstance(log, bool):
        raise InputError(f"log is {log!r}; it should be true or false", where=where)
    ends = [_allowed(key, end, base, where) for end in (low, high)]
    if low > high:
        raise InputError(f"the range is empty: low {low:g} is above high {high:g}", where=where)
    if log and low <= 0:
        raise InputError(
            f"a logarithmic range cannot begin at {low:g}", where=where, hint="give a low above 0"
        )
    if step is not None and step <= 0:
        raise InputError(f"step is {step:g}; it should be above 0", where=where)
    if log and step is not None:
        raise InputError("a logarithmic range has no step", where=where, hint="give a list of values instead")
    whole = all(isinstance(end, int) for end in ends)
    if whole and step is not None and step != round(step):
        raise InputError(f"step is {step:g}, but {key} is a whole number", where=where)
    return Range(low if whole else float(low), high if whole else float(high), log, step, whole)


def _number(value: dict[str, Any], name: str, where: str) -> float | None:
    number = value.get(name)
    if number is None and name == "step":
        return None
    if isinstance(number, str):  # YAML reads 1e-4 as text, since it has no dot
        try:
            number = float(number)
        except ValueError:
            number = None
    if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
        raise InputError(f"{name} is {value.get(name)!r}; it should be a number", where=where)
    return number


def _allowed(key: str, value: Any, base: Config, where: str) -> Any:
    """The value as the config holds it."""
    dumped = base.model_dump(mode="json")
    set_key(dumped, key, value, where=where)
    if key in ("inputs", "network", "training"):
        raise InputError(f"{key!r} is a section, not a key", where=where)
    return value_at(Config.parse(dumped, where=where), key)
