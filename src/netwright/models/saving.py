"""Models on disk: JSON for layers, safetensors for weights. Nothing in the files is ever run."""

from __future__ import annotations

import hashlib
import json
import math
import warnings
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes

from netwright import __version__, losses, optimizers, schedules
from netwright import metrics as metric_kinds
from netwright.errors import InputError
from netwright.files import write_bytes, write_json
from netwright.layers.base import Layer, Symbol, as_shape
from netwright.layers.spec import from_spec as layer_from_spec
from netwright.layers.spec import to_spec as layer_to_spec
from netwright.models import sharing
from netwright.models.graph import Graph
from netwright.models.model import Model
from netwright.models.network import GraphNetwork
from netwright.models.sequential import Sequential
from netwright.nn.member import Layout
from netwright.nn.spec import from_spec, to_spec

FORMAT, VERSION = "netwright-layers", 1
ABOUT, WEIGHTS, MOMENTS = "network.json", "network.safetensors", "optimizer.safetensors"
LARGEST = 2**28  # size of a row's values, or of any number that layers are made with
# What goes wrong when a file says something that no `save` would have written.
DAMAGE = (
    *(KeyError, TypeError, ValueError, IndexError, AttributeError, RuntimeError, OverflowError),
    *(MemoryError, ZeroDivisionError, AssertionError, SafetensorError),
)


def save(model: Model, folder: Path, *, overwrite: bool = True) -> None:
    """Writes a model into a folder. See `Model.save`."""
    model._built("saving")
    if folder.is_file():
        raise InputError("there is a file of that name, and a model is a folder", where=str(folder))
    _warn_of_name(folder, (".keras", ".h5", ".hdf5"), "a folder of safetensors and JSON")
    others = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    ours = is_layers(folder) and others <= {ABOUT, WEIGHTS, MOMENTS}
    if others and not (overwrite and ours):
        raise InputError(
            "the folder holds something already", where=str(folder), hint="choose another, or overwrite=True"
        )
    about, weights, moments = parts(model)
    write_bytes(folder / WEIGHTS, weights)
    if moments is not None:
        write_bytes(folder / MOMENTS, moments)
    else:
        (folder / MOMENTS).unlink(missing_ok=True)
    write_json(folder / ABOUT, about)


def parts(model: Model) -> tuple[dict[str, Any], bytes, bytes | None]:
    """What `save` writes: layers and settings, weights, and the optimiser's moments where it has some."""
    network = model._built("saving")
    weights, compiled = _bytes(network), _compiled(model)
    moments = None
    if compiled is not None and model.engine is not None:
        moments = to_bytes({name: each.contiguous() for name, each in model.engine.state_dict().items()})
    about = {
        "format": FORMAT,
        "version": VERSION,
        "netwright": __version__,
        "kind": "sequential" if isinstance(model, Sequential) else "model",
        "name": model.name,
        "seed": model.seed,
        "epochs": model.epochs_done,
        **_graph(network),
        "compiled": compiled,
        "sha256": hashlib.sha256(weights).hexdigest(),
        "moments": None if moments is None else hashlib.sha256(moments).hexdigest(),
    }
    return about, weights, moments


def load(folder: Path) -> Model:
    """Reads what `save` wrote.

    Raises:
        InputError: a file is missing or damaged, or a newer version wrote it.
    """
    if folder.is_file():
        raise InputError(
            "this is a file, and Netwright's models are folders",
            where=str(folder),
            hint="a model that Keras wrote is taken over by set_weights(model_of_keras.get_weights())",
        )
    about = read_about(folder)
    weights = _checked(folder / WEIGHTS, about.get("sha256"))
    moments = None
    if about.get("moments") is not None:
        moments = _checked(folder / MOMENTS, about["moments"])
    return from_parts(about, weights, moments, str(folder))


def from_parts(
    about: dict[str, Any], weights: bytes, moments: bytes | None, where: str = "a pickled model"
) -> Model:
    """The model of which `parts` gave these."""
    try:
        model = _build(about, len(weights))
        _load(model, weights, where)
        if about["compiled"] is not None:
            model.compile(**_from_compiled(about["compiled"]))
        if moments is not None and model.optimizer is not None:
            network = model._built("loading")
            model.engine = model.optimizer.build(network.flat.detach(), network.layout)
            model.engine.load_state_dict(from_bytes(moments))
    except DAMAGE as error:  # RecursionError is a RuntimeError
        raise InputError(f"the saved model does not fit together: {error}", where=where) from None
    return model


def _checked(path: Path, digest: Any) -> bytes:
    """A file's bytes, held against their checksum."""
    content = _read(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise InputError("the saved weights are damaged: their checksum differs", where=str(path))
    return content


def read_about(folder: Path) -> dict[str, Any]:
    """The JSON part of a saved model, its format and version checked."""
    path = folder / ABOUT
    try:
        about = json.loads(_read(path))
    except (ValueError, RecursionError):
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
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(about, dict) and about.get("format") == FORMAT


def save_weights(model: Model, path: Path) -> None:
    """Writes the weights alone. See `Model.save_weights`."""
    content = _bytes(model._built("saving"))
    _warn_of_name(path, (".h5", ".hdf5", ".keras"), "a file of safetensors")
    write_bytes(path, content)


def _warn_of_name(path: Path, endings: tuple[str, ...], what: str) -> None:
    """Keras's endings are taken: an error after a long training would cost it. What is written is told."""
    if path.suffix in endings:
        warnings.warn(
            f"{path} is {what}, whatever its name says: Netwright reads it, Keras does not", stacklevel=5
        )


def load_weights(model: Model, path: Path) -> None:
    """Takes the weights of a file. See `Model.load_weights`."""
    _load(model, _read(path), str(path))


def _bytes(network: GraphNetwork) -> bytes:
    values = network.named_values().items()
    return to_bytes({_short(name): value.detach().cpu().contiguous() for name, value in values})


def _load(model: Model, content: bytes, where: str) -> None:
    network = model._built("loading")
    if content.startswith(b"\x89HDF"):
        hint = "take weights over from Keras by set_weights(model_of_keras.get_weights())"
        raise InputError(
            "this is a file of HDF5, and weights are files of safetensors", where=where, hint=hint
        )
    try:
        values = from_bytes(content)
    except SafetensorError as error:
        raise InputError(f"the file holds no weights: {error}", where=where) from None
    try:
        network.load_values({f"graph.layers.{name}": value for name, value in values.items()})
    except (KeyError, RuntimeError) as error:
        what = str(error).removeprefix("'").removesuffix("'").replace("graph.layers.", "")
        raise InputError(f"the weights are those of another model: {what}", where=where) from None
    sharing.tell(network)


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
        "layers": [_layer_spec(layer, name) for name, layer in graph.layers.items()],  # type: ignore[arg-type]
        "nodes": [[names[node.layer], *node.sources] for node in graph.nodes],
        "outputs": list(graph.ends),
    }


def _layer_spec(layer: Layer, name: str) -> dict[str, Any]:
    spec = layer_to_spec(layer) | {"name": name}
    return spec if layer.trainable else spec | {"trainable": False}


def _build(about: dict[str, Any], most: int) -> Model:
    """The model that is described.

    Arguments:
        about: of `read_about`.
        most: bytes that its parameters may take: those of the file of weights.
    """
    _sane(about["layers"])
    layers: dict[str, Layer] = {spec["name"]: _layer(spec) for spec in about["layers"]}
    symbols = [_input(spec) for spec in about["inputs"]]
    inputs, nodes = list(symbols), about["nodes"]
    for name, *sources in nodes:
        given = [symbols[source] for source in sources]
        symbols.append(layers[name](given if layers[name].several else given[0]))
    outputs = [symbols[place] for place in about["outputs"]]
    for symbol in symbols:
        _sane(math.prod(size or 1 for size in symbol.shape))
    # Declares the parameters and makes none: a file may say that there are more than any memory holds.
    if Layout(Graph(inputs, outputs, 1)).size * 4 > most:
        raise InputError("the layers have more parameters than the file of weights holds")
    name = _text(about["name"])
    if about["kind"] == "sequential":
        sequence = Sequential(name=name)
        sequence._fill([inputs[0], *(layers[name] for name, *_ in nodes)])
        model: Model = sequence
    elif about["kind"] == "model":
        model = Model(inputs, outputs, name)
    else:
        raise InputError(f"there is no kind of model {about['kind']!r}")
    model.seed, model.epochs_done = _count(about["seed"]), _count(about["epochs"])
    return model


def _sane(value: Any) -> None:
    """Refuses sizes that only a hostile file says, before anything of that size is made."""
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            _sane(each)
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise InputError(f"a layer says {value}, which is too large to be true")


def _layer(spec: dict[str, Any]) -> Layer:
    _text(spec["name"])
    return layer_from_spec(spec)


def _input(spec: dict[str, Any]) -> Symbol:
    return Symbol(as_shape(spec["shape"], "inputs"), name=_text(spec["name"]), dtype=_text(spec["dtype"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(f"{value!r} stands where a name is expected")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InputError(f"{value!r} stands where a whole number is expected")
    return value


def _compiled(model: Model) -> dict[str, Any] | None:
    """How the model is to be trained, for a training that goes on; None where that is code of the user's."""
    if model.settings is None:
        return None
    try:
        return {
            "optimizer": to_spec(model.optimizer),
            "loss": _spec(model.settings.loss, losses.get),
            "metrics": _spec(model.settings.metrics, metric_kinds.get),
            "loss_weights": to_spec(model.settings.weights),
            "precision": model.precision,
        }
    except InputError:
        return None


def _spec(given: Any, get: Any) -> Any:
    """Names stay names; objects become their class and arguments."""
    if isinstance(given, dict):
        return {name: _spec(each, get) for name, each in given.items()}
    if isinstance(given, list | tuple):
        return [_spec(each, get) for each in given]
    return given if given is None or isinstance(given, str) else to_spec(get(given))


def _from_compiled(spec: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile`."""
    known = _kinds(losses, losses.Loss)
    return {
        "optimizer": from_spec(
            _kinds(optimizers, optimizers.Optimizer) | _kinds(schedules, schedules.LearningRateSchedule),
            spec["optimizer"],
        ),
        "loss": _objects(spec["loss"], known),
        "metrics": _objects(spec["metrics"], known | _kinds(metric_kinds, metric_kinds.Metric)),
        "loss_weights": spec["loss_weights"],
        "precision": spec.get("precision", "float32"),
    }


def _kinds(module: ModuleType, base: type) -> dict[str, type]:
    """The classes of a module that can be written down."""
    return {
        name: kind
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, base) and is_dataclass(kind)
    }


def _objects(value: Any, known: dict[str, type]) -> Any:
    """Objects in lists and dictionaries of `compile`."""
    if isinstance(value, dict) and "class" not in value:
        return {name: _objects(each, known) for name, each in value.items()}
    if isinstance(value, list):
        return [_objects(each, known) for each in value]
    return from_spec(known, value) if isinstance(value, dict) else value


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError("a file of the saved model is missing", where=str(path)) from None
    except OSError as error:
        raise InputError(f"the saved model cannot be read: {error.strerror}", where=str(path)) from None
