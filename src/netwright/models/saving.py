"""Models on disk: JSON for layers, safetensors for weights. Nothing in the files is ever run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from netwright import __version__, losses, optimizers, schedules
from netwright import metrics as metric_kinds
from netwright.errors import InputError
from netwright.files import write_bytes, write_json
from netwright.layers.base import Layer, Symbol
from netwright.layers.spec import from_spec as layer_from_spec
from netwright.layers.spec import to_spec as layer_to_spec
from netwright.models.model import Model
from netwright.models.network import GraphNetwork
from netwright.models.sequential import Sequential
from netwright.nn.spec import from_spec, to_spec

FORMAT, VERSION = "netwright-layers", 1
ABOUT, WEIGHTS = "network.json", "network.safetensors"


def save(model: Model, folder: Path, *, overwrite: bool = True) -> None:
    """Writes a model into a folder. See `Model.save`."""
    network = model._built("saving")
    if folder.is_file():
        raise InputError("there is a file of that name, and a model is a folder", where=str(folder))
    others = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    if others and (not overwrite or not set(others) <= {ABOUT, WEIGHTS}):
        raise InputError(
            "the folder holds something already", where=str(folder), hint="choose another, or overwrite=True"
        )
    weights = _bytes(network)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "netwright": __version__,
        "kind": "sequential" if isinstance(model, Sequential) else "model",
        "name": model.name,
        "seed": model.seed,
        "epochs": model.epochs_done,
        **_graph(network),
        "compiled": _compiled(model),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    write_bytes(folder / WEIGHTS, weights)
    write_json(folder / ABOUT, about)


def load(folder: Path) -> Model:
    """Reads what `save` wrote.

    Raises:
        InputError: a file is missing or damaged, or a newer version wrote it.
    """
    about = read_about(folder)
    weights = _read(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != about.get("sha256"):
        raise InputError("the saved weights are damaged: their checksum differs", where=str(folder / WEIGHTS))
    try:
        model = _build(about)
        _load(model, weights, str(folder / WEIGHTS))
        if about["compiled"]:
            model.compile(**_from_compiled(about["compiled"]))
        model.epochs_done = int(about["epochs"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"the saved model does not fit together: {error}", where=str(folder)) from None
    return model


def read_about(folder: Path) -> dict[str, Any]:
    """The JSON part of a saved model, its format and version checked."""
    path = folder / ABOUT
    try:
        about = json.loads(_read(path))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise InputError("a file of the saved model is damaged: it is not JSON", where=str(path)) from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise InputError("this is no model of layers", where=str(path))
    if about.get("version") != VERSION:
        raise InputError(
            f"the model has format version {about.get('version')}; "
            f"this Netwright ({__version__}) reads version {VERSION}",
            where=str(path),
            hint="upgrade with: pip install -U netwright",
        )
    return about


def is_layers(folder: Path) -> bool:
    """Whether a folder holds a model of layers by hand."""
    try:
        about = json.loads((folder / ABOUT).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def save_weights(model: Model, path: Path) -> None:
    """Writes the weights alone. See `Model.save_weights`."""
    write_bytes(path, _bytes(model._built("saving")))


def load_weights(model: Model, path: Path) -> None:
    """Takes the weights of a file. See `Model.load_weights`."""
    _load(model, _read(path), str(path))


def _bytes(network: GraphNetwork) -> bytes:
    from safetensors.torch import save as to_bytes

    values = network.named_values().items()
    return to_bytes({_short(name): value.detach().cpu().contiguous() for name, value in values})


def _load(model: Model, content: bytes, where: str) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load as from_bytes

    network = model._built("loading")
    try:
        values = from_bytes(content)
    except SafetensorError as error:
        raise InputError(f"the file holds no weights: {error}", where=where) from None
    try:
        network.load_values({f"graph.layers.{name}": value for name, value in values.items()})
    except (KeyError, RuntimeError) as error:
        what = str(error).removeprefix("'").removesuffix("'").replace("graph.layers.", "")
        raise InputError(f"the weights are those of another model: {what}", where=where) from None
    model.fresh = False


def _short(name: str) -> str:
    return name.removeprefix("graph.layers.")


def _graph(network: GraphNetwork) -> dict[str, Any]:
    graph = network.graph
    names = {layer: name for name, layer in graph.layers.items()}
    return {
        "inputs": [
            {"name": name, "shape": list(symbol.shape), "dtype": symbol.dtype}
            for name, symbol in zip(network.input_names, graph.inputs, strict=True)
        ],
        "layers": [layer_to_spec(layer) | {"name": name} for name, layer in graph.layers.items()],  # type: ignore[arg-type]
        "nodes": [[names[node.layer], *node.sources] for node in graph.nodes],
        "outputs": list(graph.ends),
    }


def _build(about: dict[str, Any]) -> Model:
    layers: dict[str, Layer] = {spec["name"]: layer_from_spec(spec) for spec in about["layers"]}
    symbols = [
        Symbol(tuple(each["shape"]), name=each["name"], dtype=each["dtype"]) for each in about["inputs"]
    ]
    inputs = list(symbols)
    if about["kind"] == "sequential":
        model: Model = Sequential([inputs[0], *(layers[name] for name, *_ in about["nodes"])], about["name"])
    else:
        for name, *sources in about["nodes"]:
            given = [symbols[source] for source in sources]
            symbols.append(layers[name](given if layers[name].several else given[0]))
        model = Model(inputs, [symbols[place] for place in about["outputs"]], about["name"])
    model.seed = int(about["seed"])
    return model


def _compiled(model: Model) -> dict[str, Any] | None:
    """How the model is to be trained, for a training that goes on; what is code is left out."""
    if model.settings is None:
        return None
    try:
        return {
            "optimizer": to_spec(model.optimizer),
            "loss": _spec(model.settings["loss"], losses.get),
            "metrics": _spec(model.settings["metrics"], lambda each: each),
            "loss_weights": model.settings["weights"],
        }
    except InputError as error:
        raise InputError(f"the model cannot be saved: {error.what}", hint=error.hint) from None


def _spec(given: Any, get: Any) -> Any:
    """Names stay names; objects become their class and arguments."""
    if isinstance(given, dict):
        return {name: _spec(each, get) for name, each in given.items()}
    if isinstance(given, list | tuple):
        return [_spec(each, get) for each in given]
    return given if given is None or isinstance(given, str) else to_spec(get(given))


def _from_compiled(spec: dict[str, Any]) -> dict[str, Any]:
    kinds = {
        name: kind
        for module in (losses, metric_kinds, optimizers, schedules)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and hasattr(kind, "__dataclass_fields__")
    }
    measures = kinds | {name: kind for name, kind in vars(metric_kinds).items() if name in kinds}

    def objects(value: Any, known: dict[str, type]) -> Any:
        if isinstance(value, dict) and "class" not in value:
            return {name: objects(each, known) for name, each in value.items()}
        if isinstance(value, list):
            return [objects(each, known) for each in value]
        return from_spec(known, value) if isinstance(value, dict) else value

    penalties = {name: kind for name, kind in vars(losses).items() if isinstance(kind, type)}
    return {
        "optimizer": from_spec(kinds, spec["optimizer"]),
        "loss": objects(spec["loss"], penalties),
        "metrics": objects(spec["metrics"], measures),
        "loss_weights": spec["loss_weights"],
    }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("a file of the saved model is missing", where=str(path)) from None
    except OSError as error:
        raise InputError(f"the saved model cannot be read: {error.strerror}", where=str(path)) from None
