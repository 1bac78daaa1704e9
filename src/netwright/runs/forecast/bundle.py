"""A forecasting network on disk: safetensors and JSON, nothing that runs code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from netwright import __version__
from netwright.config import ForecastConfig, NetworkConfig
from netwright.data.forecast.schema import ForecastSchema
from netwright.errors import InputError
from netwright.files import write_bytes, write_json
from netwright.nn.forecast.network import ForecastNetwork
from netwright.runs.bundle import NETWORK, SCHEMA, WEIGHTS, check_version, parsed, read_file
from netwright.runs.forecast.network import build

FORMAT, VERSION = "netwright-forecast", 1
SETTINGS = ("network", "normalization", "patch", "trend", "quantiles")
"""of the config's forecast section, that the network is built from"""


@dataclass
class ForecastBundle:
    """What a saved forecasting model holds.

    Arguments:
        network: fitted.
        schema: columns and steps.
        config, trunk: what it was built from.
        missing: words that mean a missing value in text sources.
        deviation: of each target on the training rows. [C]
        mean: the same. [C]
    """

    network: ForecastNetwork
    schema: ForecastSchema
    config: ForecastConfig
    trunk: NetworkConfig
    missing: list[str] | str
    mean: np.ndarray
    deviation: np.ndarray


def is_forecast(folder: str | Path) -> bool:
    """Whether a folder holds a saved forecasting network."""
    path = Path(folder) / NETWORK
    return path.is_file() and parsed(path.read_bytes(), path).get("format") == FORMAT


def save(folder: Path, saved: ForecastBundle) -> None:
    """Writes the three files of a model into a folder, which is made when it is not there."""
    from safetensors.torch import save

    network = saved.network
    values = {name: value.detach().cpu().contiguous() for name, value in network.named_values().items()}
    weights = save(values)
    settings = saved.config.model_dump(mode="json")
    about = {
        "format": FORMAT,
        "version": VERSION,
        "netwright": __version__,
        "members": network.members,
        "forecast": {name: settings[name] for name in SETTINGS},
        "network": saved.trunk.model_dump(mode="json"),
        "point": network.point,
        "mean": saved.mean.tolist(),
        "deviation": saved.deviation.tolist(),
        "missing": saved.missing,
        "parameters": network.parameter_count * network.members,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    write_bytes(folder / WEIGHTS, weights)
    write_json(folder / SCHEMA, saved.schema.model_dump(mode="json"))
    write_json(folder / NETWORK, about)


def load(folder: Path) -> ForecastBundle:
    """Reads what `save` wrote. Nothing in the files is ever run.

    Raises:
        InputError: a file is missing or damaged, or a newer version wrote it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as to_tensors

    about = parsed(read_file(folder / NETWORK), folder / NETWORK)
    if about.get("format") != FORMAT:
        raise InputError("this is no forecasting model of Netwright's", where=str(folder / NETWORK))
    check_version(about, folder / NETWORK)
    described = parsed(read_file(folder / SCHEMA), folder / SCHEMA)
    check_version(described, folder / SCHEMA)
    weights = read_file(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != about.get("sha256"):
        raise InputError("the saved weights are damaged: their checksum differs", where=str(folder / WEIGHTS))
    try:
        schema = ForecastSchema.model_validate(described)
        config = ForecastConfig.model_validate(about["forecast"])
        trunk = NetworkConfig.model_validate(about["network"])
        network = build(schema, config, trunk, int(about["members"]))
        network.load_values(to_tensors(weights))
        if about["point"] not in ("mean", "median"):
            raise ValueError("the point forecast is neither mean nor median")
        network.point = about["point"]
        mean, deviation = (np.array(about[name], dtype=np.float64) for name in ("mean", "deviation"))
        if not len(mean) == len(deviation) == len(schema.targets) or not (deviation > 0).all():
            raise ValueError("means and deviations do not fit the targets")
    except (ValidationError, SafetensorError, KeyError, RuntimeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"the saved model does not fit together: {reason}", where=str(folder)) from None
    return ForecastBundle(network, schema, config, trunk, about["missing"], mean, deviation)
