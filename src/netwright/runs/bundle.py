"""A model on disk: safetensors and JSON, nothing that runs code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netwright import __version__
from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Schema
from netwright.errors import InputError
from netwright.files import write_bytes, write_json
from netwright.nn.network import Network
from netwright.runs.network import build

VERSION = 1
WEIGHTS, NETWORK, SCHEMA = "network.safetensors", "network.json", "schema.json"
CONSTANT = "constant/"  # before the names of what all members share
MEMORY = Path("model")  # named in errors when there is no folder


@dataclass
class Bundle:
    """What a saved model holds.

    Arguments:
        network: fitted.
        schema, inputs, config: what it was built from.
        missing: words that mean a missing value in text sources.
    """

    network: Network
    schema: Schema
    inputs: InputsConfig
    config: NetworkConfig
    missing: list[str] | str = "auto"


def save(folder: Path, bundle: Bundle) -> None:
    """Writes the three files of a model into a folder, which is made when it is not there."""
    about, schema, weights = _contents(bundle)
    write_bytes(folder / WEIGHTS, weights)
    write_json(folder / SCHEMA, schema)
    write_json(folder / NETWORK, about)


def to_bytes(bundle: Bundle) -> dict[str, bytes]:
    """The contents of the three files by their names; what is pickled of a network."""
    about, schema, weights = _contents(bundle)
    return {WEIGHTS: weights, SCHEMA: json.dumps(schema).encode(), NETWORK: json.dumps(about).encode()}


def _contents(bundle: Bundle) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    from safetensors.torch import save

    values = {
        name: value.detach().cpu().contiguous() for name, value in bundle.network.named_values().items()
    }
    for name, value in bundle.network.encoders.constants().items():
        values[CONSTANT + name] = value.detach().cpu().contiguous()
    weights = save(values)
    about = {
        "format": "netwright-network",
        "version": VERSION,
        "netwright": __version__,
        "members": bundle.network.members,
        "inputs": bundle.inputs.model_dump(mode="json"),
        "network": bundle.config.model_dump(mode="json"),
        "missing": bundle.missing,
        "member_weights": bundle.network.member_weights,
        "threshold": bundle.network.threshold,
        "parameters": bundle.network.parameter_count * bundle.network.members,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    return about, bundle.schema.model_dump(mode="json"), weights


def load(folder: Path) -> Bundle:
    """Reads what `save` wrote. Nothing in the files is ever run.

    Raises:
        InputError: a file is missing or damaged, or a newer version wrote it.
    """
    return from_bytes({name: read_file(folder / name) for name in (NETWORK, SCHEMA, WEIGHTS)}, folder)


def from_bytes(files: dict[str, bytes], folder: Path = MEMORY) -> Bundle:
    """What `to_bytes` gave, from its contents. Arguments and errors as for `load`."""
    from safetensors import SafetensorError
    from safetensors.torch import load as to_tensors

    about = parsed(files[NETWORK], folder / NETWORK)
    if about.get("format") != "netwright-network":
        raise InputError("this is no model of Netwright's", where=str(folder / NETWORK))
    check_version(about, folder / NETWORK)
    described = parsed(files[SCHEMA], folder / SCHEMA)
    check_version(described, folder / SCHEMA)
    weights = files[WEIGHTS]
    if hashlib.sha256(weights).hexdigest() != about.get("sha256"):
        raise InputError("the saved weights are damaged: their checksum differs", where=str(folder / WEIGHTS))
    try:
        schema = Schema.model_validate(described)
        inputs = InputsConfig.model_validate(about["inputs"])
        config = NetworkConfig.model_validate(about["network"])
        network = build(schema, inputs, config, int(about["members"]))
        values = to_tensors(weights)
        network.load_values(values)
        constants = {name.removeprefix(CONSTANT): each for name, each in values.items() if CONSTANT in name}
        network.encoders.take_constants(constants)
        missing = about["missing"]
        _check_parts(schema, missing)
        _read_decisions(network, about)
    except (ValidationError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the saved model does not fit together: {reason}", where=str(folder)) from None
    return Bundle(network, schema, inputs, config, missing)


def read_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("a file of the saved model is missing", where=str(path)) from None
    except OSError as error:
        raise InputError(f"the saved model cannot be read: {error.strerror}", where=str(path)) from None


def parsed(data: bytes, path: Path) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):  # of JSON, of UTF-8, or nested without end
        raise InputError("a file of the saved model is damaged: it is not JSON", where=str(path)) from None
    if not isinstance(content, dict):
        raise InputError("a file of the saved model is damaged", where=str(path))
    return content


def _check_parts(schema: Schema, missing: Any) -> None:
    """What the weights' shapes do not tell."""
    if schema.target.task == "binary" and len(schema.target.classes) != 2:
        raise ValueError(f"{len(schema.target.classes)} classes for a binary task")
    if missing != "auto" and not (
        isinstance(missing, list) and all(isinstance(each, str) for each in missing)
    ):
        raise ValueError("the words for missing are no list of words")


def _read_decisions(network: Network, about: dict[str, Any]) -> None:
    """How members are averaged and classes decided; older models tell neither."""
    weights, threshold = about.get("member_weights"), about.get("threshold", 0.5)
    if weights is not None:
        weights = [float(each) for each in weights]
        if len(weights) != network.members or min(weights) < 0 or abs(sum(weights) - 1) > 1e-6:
            raise ValueError("the members' weights are no shares of its members")
    if not 0 < float(threshold) < 1:
        raise ValueError("the threshold is no number between 0 and 1")
    network.member_weights, network.threshold = weights, float(threshold)


def check_version(content: dict[str, Any], path: Path) -> None:
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise InputError("a file of the saved model is damaged: it tells no version", where=str(path))
    if version != VERSION:
        raise InputError(
            f"the model has format version {version}; this Netwright ({__version__}) reads version {VERSION}",
            where=str(path),
            hint="upgrade with: pip install -U netwright",
        )
