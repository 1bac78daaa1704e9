"""Models on disk: bit for bit there and back, and nothing in the files is trusted."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import netwright as nw
from netwright import constraints, initializers, layers, losses, metrics, optimizers, regularizers, schedules
from netwright.errors import InputError
from netwright.layers.spec import known
from netwright.models.saving import is_layers

VECTOR, SEQUENCE, PICTURE = (4,), (5, 4), (6, 6, 2)
# Each layer with arguments away from their defaults, and the shape of its input.
KINDS: dict[str, tuple[tuple[int, ...], Callable[[], Any]]] = {
    "Activation": (VECTOR, lambda: layers.Activation("gelu")),
    "ELU": (VECTOR, lambda: layers.ELU(0.5)),
    "LeakyReLU": (VECTOR, lambda: layers.LeakyReLU(0.1)),
    "PReLU": (VECTOR, lambda: layers.PReLU(initializers.Constant(0.2))),
    "ReLU": (VECTOR, lambda: layers.ReLU(6.0, 0.1, 0.2)),
    "Softmax": (VECTOR, layers.Softmax),
    "Dense": (
        VECTOR,
        lambda: layers.Dense(
            3,
            "selu",
            kernel_initializer=initializers.HeNormal(),
            kernel_regularizer=regularizers.L1L2(0.1, 0.2),
            kernel_constraint=constraints.MaxNorm(2.0),
            bias_initializer="ones",
        ),
    ),
    "BatchNormalization": (VECTOR, lambda: layers.BatchNormalization(momentum=0.5, epsilon=0.1)),
    "LayerNormalization": (VECTOR, lambda: layers.LayerNormalization(epsilon=0.1)),
    "GroupNormalization": (VECTOR, lambda: layers.GroupNormalization(2)),
    "Dropout": (VECTOR, lambda: layers.Dropout(0.3)),
    "GaussianDropout": (VECTOR, lambda: layers.GaussianDropout(0.3)),
    "GaussianNoise": (VECTOR, lambda: layers.GaussianNoise(0.3)),
    "RepeatVector": (VECTOR, lambda: layers.RepeatVector(3)),
    "Reshape": (VECTOR, lambda: layers.Reshape((2, -1))),
    "Residual": (VECTOR, lambda: layers.Residual([layers.Dense(4, "tanh"), layers.Dropout(0.1)])),
    "Flatten": (SEQUENCE, layers.Flatten),
    "Permute": (SEQUENCE, lambda: layers.Permute((2, 1))),
    "Conv1D": (SEQUENCE, lambda: layers.Conv1D(3, 2, padding="causal", dilation_rate=2)),
    "SpatialDropout1D": (SEQUENCE, lambda: layers.SpatialDropout1D(0.3)),
    "AveragePooling1D": (SEQUENCE, lambda: layers.AveragePooling1D(3, padding="same")),
    "MaxPooling1D": (SEQUENCE, lambda: layers.MaxPooling1D(2, strides=1)),
    "GlobalAveragePooling1D": (SEQUENCE, layers.GlobalAveragePooling1D),
    "GlobalMaxPooling1D": (SEQUENCE, layers.GlobalMaxPooling1D),
    "Cropping1D": (SEQUENCE, lambda: layers.Cropping1D((1, 2))),
    "UpSampling1D": (SEQUENCE, lambda: layers.UpSampling1D(3)),
    "ZeroPadding1D": (SEQUENCE, lambda: layers.ZeroPadding1D((1, 2))),
    "SimpleRNN": (SEQUENCE, lambda: layers.SimpleRNN(3, "relu", return_sequences=True)),
    "LSTM": (SEQUENCE, lambda: layers.LSTM(3, recurrent_dropout=0.1, go_backwards=True)),
    "GRU": (SEQUENCE, lambda: layers.GRU(3, reset_after=False)),
    "Bidirectional": (SEQUENCE, lambda: layers.Bidirectional(layers.LSTM(3), merge_mode="sum")),
    "TimeDistributed": (SEQUENCE, lambda: layers.TimeDistributed(layers.Dense(2, "relu"))),
    "PositionalEncoding": (SEQUENCE, layers.PositionalEncoding),
    "TransformerEncoder": (SEQUENCE, lambda: layers.TransformerEncoder(2, 8)),
    "Conv2D": (PICTURE, lambda: layers.Conv2D(3, (2, 3), strides=2, padding="same", use_bias=False)),
    "Conv2DTranspose": (PICTURE, lambda: layers.Conv2DTranspose(3, 2, strides=2)),
    "DepthwiseConv2D": (PICTURE, lambda: layers.DepthwiseConv2D(2, depth_multiplier=2)),
    "SeparableConv2D": (PICTURE, lambda: layers.SeparableConv2D(3, 2)),
    "SpatialDropout2D": (PICTURE, lambda: layers.SpatialDropout2D(0.3)),
    "AveragePooling2D": (PICTURE, lambda: layers.AveragePooling2D((2, 3))),
    "MaxPooling2D": (PICTURE, lambda: layers.MaxPooling2D(3, 1, "same")),
    "GlobalAveragePooling2D": (PICTURE, layers.GlobalAveragePooling2D),
    "GlobalMaxPooling2D": (PICTURE, layers.GlobalMaxPooling2D),
    "Cropping2D": (PICTURE, lambda: layers.Cropping2D(((1, 0), (2, 1)))),
    "UpSampling2D": (PICTURE, lambda: layers.UpSampling2D((2, 3))),
    "ZeroPadding2D": (PICTURE, lambda: layers.ZeroPadding2D((1, 2))),
}
MERGES = ["Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"]


def stirred(model: nw.Model) -> nw.Model:
    """With weights that no start gives."""
    random = np.random.default_rng(5)
    model.set_weights([each + random.uniform(0.1, 0.5, each.shape) for each in model.get_weights()])
    return model


def there_and_back(model: nw.Model, x: Any, folder: Path) -> nw.Model:
    model.save(folder / "model")
    found = nw.load(folder / "model")
    assert type(found) is type(model)
    assert [layer.name for layer in found.layers] == [layer.name for layer in model.layers]
    for one, other in zip(found.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.predict(x), model.predict(x))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_layer_there_and_back(kind: str, tmp_path: Path, numbers: Any) -> None:
    shape, make = KINDS[kind]
    there_and_back(stirred(nw.Sequential([nw.Input(shape), make()])), numbers(3, *shape), tmp_path)


@pytest.mark.parametrize("kind", MERGES)
def test_merging_there_and_back(kind: str, tmp_path: Path, numbers: Any) -> None:
    one, two = nw.Input((3,), name="one"), nw.Input((3,), name="two")
    model = nw.Model([one, two], getattr(layers, kind)()([layers.Dense(3)(one), two]))
    there_and_back(stirred(model), [numbers(4, 3), numbers(4, 3, seed=1)], tmp_path)


def test_the_rest_there_and_back(tmp_path: Path, numbers: Any) -> None:
    codes = nw.Input((5,), name="codes", dtype="int32")
    embedded = layers.Embedding(7, 4)(codes)
    looked = layers.MultiHeadAttention(2, 3, name="look")([embedded, embedded])
    model = nw.Model(codes, layers.Dot(axes=2)([embedded, looked]))
    there_and_back(stirred(model), np.random.default_rng(0).integers(0, 7, (3, 5)), tmp_path)
    assert set(known()) == {*KINDS, *MERGES, "Dot", "Embedding", "MultiHeadAttention"}


def test_graphs_there_and_back(tmp_path: Path, numbers: Any) -> None:
    one, two = nw.Input((3,), name="one"), nw.Input((None, 3), name="two")
    shared = layers.Dense(3, "tanh", name="shared")
    first = layers.add([shared(one), shared(shared(one))])
    second = layers.LSTM(3)(two)
    model = nw.Model([one, two], [layers.Dense(1, name="a")(first), layers.add([first, second])], "mine")
    model.save(tmp_path / "model")
    found = nw.load(tmp_path / "model")
    x = {"one": numbers(4, 3), "two": numbers(4, 6, 3)}
    for a, b in zip(found.predict(x), model.predict(x), strict=True):
        np.testing.assert_array_equal(a, b)
    assert found.name == "mine"
    assert [each.shape for each in found.get_weights()] == [each.shape for each in model.get_weights()]


OPTIMIZERS = [
    optimizers.Adam(schedules.CosineDecay(0.01, 100)),
    optimizers.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=1.0),
    optimizers.RMSprop(0.01),
    optimizers.AdamW(0.01, weight_decay=0.1),
    optimizers.Muon(0.01),
    optimizers.Nadam(0.01),
]


def compiled(optimizer: Any, loss: Any = "sparse_categorical_crossentropy") -> nw.Sequential:
    model = nw.Sequential(
        [
            layers.Dense(6, "relu", input_dim=4, kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(3, "softmax", trainable=True),
        ]
    )
    model.compile(optimizer, loss, metrics=["accuracy", metrics.TopKCategoricalAccuracy(2, name="two")])
    return model


@pytest.fixture
def data(numbers: Any) -> tuple[np.ndarray, np.ndarray]:
    return numbers(30, 4), np.random.default_rng(1).integers(0, 3, 30)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda each: type(each).__name__)
def test_training_goes_on_as_if_never_saved(optimizer: Any, data: Any, tmp_path: Path) -> None:
    model = compiled(optimizer, losses.SparseCategoricalCrossentropy(label_smoothing=0.1))
    model.fit(*data, epochs=2, batch_size=8, verbose=0)
    found = there_and_back(model, data[0], tmp_path)
    assert found.optimizer == optimizer
    assert found.evaluate(*data, verbose=0, return_dict=True) == model.evaluate(
        *data, verbose=0, return_dict=True
    )
    one = model.fit(*data, epochs=2, batch_size=8, verbose=0).history
    two = found.fit(*data, epochs=2, batch_size=8, verbose=0).history
    assert one == two
    for a, b in zip(model.get_weights(), found.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_frozen_later_is_saved(data: Any, tmp_path: Path) -> None:
    model = compiled("adam")
    model.layers[0].trainable = False
    found = there_and_back(model, data[0], tmp_path)
    assert not found.layers[0].trainable
    assert found.layers[3].trainable


def test_a_loss_of_ones_own_is_left_out(data: Any, tmp_path: Path) -> None:
    model = compiled("adam", lambda y_true, y_pred: ((y_pred - y_true) ** 2).mean(-1))
    found = there_and_back(model, data[0], tmp_path)
    with pytest.raises(InputError, match="compile the model before fit"):
        found.fit(*data)


def test_layers_of_ones_own_save_weights_only(data: Any, tmp_path: Path) -> None:
    class Double(layers.Layer):
        def forward(self, x: Any, mode: Any) -> Any:
            return 2 * x

    def made() -> nw.Sequential:
        return nw.Sequential([layers.Dense(2, input_dim=4), Double()])

    model, other = made(), made()
    with pytest.raises(InputError, match=r"cannot be saved.*layer 'double', Double.*save_weights"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    model.save_weights(tmp_path / "w.safetensors")
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(model.predict(data[0]), other.predict(data[0]))
    assert set(load_file(tmp_path / "w.safetensors")) == {"dense.kernel", "dense.bias"}


def test_folders_of_others_are_left_alone(tmp_path: Path) -> None:
    model = compiled("adam")
    (tmp_path / "network.json").write_text("{}")
    with pytest.raises(InputError, match="holds something already"):
        model.save(tmp_path)
    with pytest.raises(InputError, match="a file of that name"):
        model.save(tmp_path / "network.json")
    model.save(tmp_path / "a")
    model.save(tmp_path / "a")
    with pytest.raises(InputError, match="overwrite=True"):
        model.save(tmp_path / "a", overwrite=False)
    assert is_layers(tmp_path / "a")


def test_saving_before_there_is_a_shape(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no shape yet, so saving is not possible"):
        nw.Sequential([layers.Dense(2)]).save(tmp_path / "a")


# What may be wrong with the files.


@pytest.fixture
def saved(data: Any, tmp_path: Path) -> Path:
    model = compiled(optimizers.Adam(0.01))
    model.fit(*data, verbose=0)
    model.save(tmp_path / "model")
    return tmp_path / "model"


def refused(folder: Path, match: str = ".") -> None:
    with pytest.raises(InputError, match=match):
        nw.load(folder)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all fields in nested JSON."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, each in inside for found in [(*path, key), *places(each, (*path, key))]]


WRONG = [
    None,
    True,
    -1,
    0,
    1.5,
    1e308,
    10**15,
    "x",
    "",
    [],
    [None],
    [10**9],
    {},
    {"class": "Dense"},
    {"class": 3},
]


def test_any_field_may_be_anything(saved: Path) -> None:
    about = json.loads((saved / "network.json").read_text())
    for path in places(about):
        for wrong in WRONG:
            changed: Any = copy.deepcopy(about)
            inner = changed
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = wrong
            (saved / "network.json").write_text(json.dumps(changed))
            try:
                found = nw.load(saved)
            except InputError:
                continue
            assert isinstance(found, nw.Sequential), (path, wrong)


def test_any_field_may_be_missing(saved: Path) -> None:
    about = json.loads((saved / "network.json").read_text())
    for path in places(about):
        changed: Any = copy.deepcopy(about)
        inner = changed
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        (saved / "network.json").write_text(json.dumps(changed))
        try:
            nw.load(saved)
        except InputError:
            continue


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\ud800", "[" * 100_000, '{"format": 1}'])
def test_files_that_are_no_json(text: str, saved: Path) -> None:
    (saved / "network.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    refused(saved)


def changed(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    about = json.loads((folder / "network.json").read_text())
    change(about)
    (folder / "network.json").write_text(json.dumps(about))


def test_a_newer_version_is_told(saved: Path) -> None:
    changed(saved, lambda about: about.update(version=2))
    refused(saved, r"format version 2; this Netwright .* reads version 1.*upgrade")


def test_sizes_that_are_not_there_are_not_made(saved: Path) -> None:
    changed(saved, lambda about: about["layers"][0].update(units=10**6))
    refused(saved, "more parameters than the file of weights holds")
    changed(saved, lambda about: about["layers"][0].update(units=10**11))
    refused(saved, "too large to be true")
    changed(saved, lambda about: about["layers"][0].update(units=2))
    changed(saved, lambda about: about["inputs"][0].update(shape=[10**11]))
    refused(saved, "too large to be true")


@pytest.mark.parametrize("name", ["network.safetensors", "optimizer.safetensors"])
def test_damaged_and_missing_weights(name: str, saved: Path) -> None:
    content = (saved / name).read_bytes()
    (saved / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    refused(saved, "damaged: their checksum differs")
    (saved / name).unlink()
    refused(saved, "a file of the saved model is missing")


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("exploded"),))


def test_nothing_is_unpickled(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(Bomb())
    file = tmp_path / "model.pkl"
    file.write_bytes(bomb)
    with pytest.raises(InputError):
        nw.load(file)
    model = compiled("adam")
    with pytest.raises(InputError, match="holds no weights"):
        model.load_weights(file)
    (saved / "network.json").write_bytes(bomb)
    refused(saved)
    assert not (tmp_path / "exploded").exists()


def test_classes_that_are_no_layers(saved: Path) -> None:
    changed(saved, lambda about: about["layers"][0].update({"class": "Layer"}))
    refused(saved, "unknown layer 'Layer'")
    changed(saved, lambda about: about["layers"][0].update({"class": "add"}))
    refused(saved, "unknown layer 'add'")
    changed(saved, lambda about: about["layers"][0].update({"class": "os.system"}))
    refused(saved, "unknown layer")


def test_weights_of_another_model(saved: Path, tmp_path: Path) -> None:
    other = nw.Sequential([layers.Dense(5, input_dim=4), layers.Dense(1)])
    other.save_weights(tmp_path / "w")
    with pytest.raises(InputError, match="those of another model"):
        nw.load(saved).load_weights(tmp_path / "w")
    with pytest.raises(InputError, match="missing"):
        other.load_weights(tmp_path / "nowhere")


def test_a_folder_that_is_none_of_ours(tmp_path: Path) -> None:
    refused(tmp_path, "neither a run nor a saved model")
    refused(tmp_path / "nowhere", "no such folder")
