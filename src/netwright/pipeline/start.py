"""Training that starts from a network that was trained here before (`training.start_from`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from netwright.config import Config
from netwright.data.schema import Schema
from netwright.errors import InputError
from netwright.nn.network import Network
from netwright.nn.transfer import Part, transfer
from netwright.runs import bundle
from netwright.runs.bundle import Bundle
from netwright.training.population import Population

WHERE = "training.start_from"
NAMES = {"image": "pictures", "sound": "sounds", "text": "texts", "series": "series"}


def load_start(folder: str) -> Bundle:
    """The network in the folder of a run, or in its model/.

    Raises:
        InputError: there is none, or it is damaged.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(f"there is no such folder: {folder}", where=WHERE)
    for place in (path / "model", path):
        if (place / bundle.SCHEMA).is_file() or (place / bundle.NETWORK).is_file():
            break
    else:
        what = f"this folder holds neither a run nor a saved model: {folder}"
        raise InputError(what, where=WHERE, hint="give the folder of a run, or its model/ folder")
    if not (place / bundle.SCHEMA).is_file():
        raise InputError(f"a model of layers by hand cannot be the start of a run: {folder}", where=WHERE)
    return bundle.load(place)


def with_start(config: Config) -> Config:
    """The config with the settings of the earlier network, wherever it leaves them open.

    A setting is open where it has its default. So widths, depths and encoders are those that the weights fit.
    """
    folder = config.training.start_from
    if folder is None:
        return config
    saved = load_start(folder)
    config = config.model_copy(deep=True)
    config.training.start_from = str(Path(folder).expanduser().absolute())
    _fill(config.network, saved.config)
    _fill(config.inputs, saved.inputs)
    return config


def _fill(section: BaseModel, saved: BaseModel) -> None:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            _fill(value, getattr(saved, name))
        elif name != "columns" and value == field.get_default(call_default_factory=True):
            setattr(section, name, getattr(saved, name))


class Start:
    """Copies what it can of an earlier network to a population's first weights, and tells its history.

    Arguments:
        folder: of the earlier run.
        schema: of the network that will be trained.

    Raises:
        InputError: the earlier network is of another kind of data.
    """

    def __init__(self, folder: str, schema: Schema) -> None:
        self.folder, self.schema, self.saved = folder, schema, load_start(folder)
        kinds = [{column.kind for column in each.inputs} for each in (self.saved.schema, schema)]
        if not kinds[0] & kinds[1]:
            raise InputError(
                f"the network in {folder} was trained on {_kinds(self.saved.schema)}, "
                f"and this data has {_kinds(schema)}",
                where=WHERE,
                hint="start from a run of the same kind of data",
            )

    def __call__(self, population: Population) -> None:
        network = population.network
        assert isinstance(network, Network)
        count = self.saved.network.members
        sources = [member.seed % count for member in population.members]
        parts = transfer(self.saved.network, self.saved.schema, network, self.schema, sources)
        if not any(part.kept for part in parts):
            told = "; ".join(f"{part.name}: {part.why}" for part in parts if part.why)
            raise InputError(
                f"nothing of the network in {self.folder} fits here: {told}",
                where=WHERE,
                hint="its columns must have the same names and kinds; or train without --from",
            )
        population.history.start = report(self.folder, parts)


def starting(config: Config, schema: Schema) -> Start | None:
    """What gives a population its first weights; None where they are random."""
    folder = config.training.start_from
    return None if folder is None else Start(folder, schema)


def report(folder: str, parts: list[Part]) -> dict[str, Any]:
    """What was kept, as evaluation.json holds it."""
    told = [
        {"part": part.name, "kept": part.kept, "numbers": part.numbers, "why": part.why} for part in parts
    ]
    return {
        "from": folder,
        "kept": sum(part.kept for part in parts),
        "numbers": sum(part.numbers for part in parts),
        "parts": told,
    }


def start_lines(start: dict[str, Any]) -> list[str]:
    """A report in plain lines, for log and screen.

    Example:
        >>> part = {"part": "head", "kept": 5, "numbers": 9, "why": "not among the classes before: b"}
        >>> start_lines({"from": "runs/a", "kept": 5, "numbers": 9, "parts": [part]})
        ['started from runs/a: 5 of 9 parameters kept', 'head: 5 of 9 kept (not among the classes before: b)']
    """
    lines = [f"started from {start['from']}: {start['kept']:,} of {start['numbers']:,} parameters kept"]
    for part in start["parts"]:
        if part["numbers"]:
            why = f" ({part['why']})" if part["why"] else ""
            lines.append(f"{part['part']}: {part['kept']:,} of {part['numbers']:,} kept{why}")
    return lines


def _kinds(schema: Schema) -> str:
    kinds = dict.fromkeys(column.kind for column in schema.inputs)
    return ", ".join(NAMES.get(kind, f"columns of kind {kind}") for kind in kinds)
