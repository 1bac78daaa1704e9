"""What a user of Keras reaches for: properties, copies, steps on batches, names of files."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import netwright as nw
from netwright import layers, models
from netwright.errors import InputError


@pytest.fixture
def data(numbers: Any) -> tuple[np.ndarray, np.ndarray]:
    return numbers(24, 2), numbers(24, seed=1)


def branched() -> nw.Model:
    x, other = nw.Input((2,), name="x"), nw.Input((3,), name="other")
    hidden = layers.Dense(4, "relu")(x)
    joined = layers.Concatenate()([layers.Residual([layers.Dense(4)])(hidden), other])
    return nw.Model([x, other], [layers.Dense(2, name="a")(joined), layers.Dense(1, name="b")(hidden)])


def norm() -> nw.Sequential:
    model = nw.Sequential([layers.Dense(3, input_dim=2), layers.BatchNormalization(), layers.Dense(1)])
    model.compile(nw.optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize(
    "first",
    [
        [layers.Input((2,)), layers.Dense(3)],
        [layers.InputLayer(input_shape=(2,)), layers.Dense(3)],
        [layers.InputLayer(batch_shape=(None, 2)), layers.Dense(3, dtype="float32")],
        [layers.Dense(3, batch_input_shape=(None, 2))],
        [nw.Dense(3, batch_shape=(8, 2))],
    ],
)
def test_ways_to_say_the_shape(first: list[Any]) -> None:
    model = nw.Sequential(first)
    assert (model.input_shape, model.output_shape) == ((None, 2), (None, 3))
    with pytest.raises(InputError, match="Input needs a shape"):
        layers.Input()


def test_what_a_model_tells() -> None:
    model = branched()
    assert model.input_shape == [(None, 2), (None, 3)]
    assert model.output_shape == [(None, 2), (None, 1)]
    assert (model.loss, model.metrics_names) == (None, [])
    model.compile("sgd", {"a": "mse", "b": "mae"}, metrics={"a": ["mae"], "b": ["mse", "mae"]})
    assert model.loss == {"a": "mse", "b": "mae"}
    x, y = {"x": np.ones((4, 2)), "other": np.ones((4, 3))}, {"a": np.ones((4, 2)), "b": np.ones(4)}
    assert list(model.evaluate(x, y, verbose=0, return_dict=True)) == model.metrics_names
    one = nw.Sequential([layers.Dense(1, input_dim=2)])
    assert (one.input.shape, one.output.shape) == ((2,), (1,))


def test_weights_of_a_layer(numbers: Any) -> None:
    model = norm()
    dense, batch, _ = model.layers
    assert [each.shape for each in dense.get_weights()] == [(2, 3), (3,)]
    assert (dense.count_params(), batch.count_params()) == (9, 12)
    kernel, bias = numbers(2, 3, seed=5), numbers(3, seed=6)
    dense.set_weights([kernel, bias])
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_array_equal(dense.weights[1], bias)
    assert (len(model.weights), len(model.trainable_weights), len(model.non_trainable_weights)) == (8, 6, 2)
    dense.trainable = False
    assert (len(model.trainable_weights), len(model.non_trainable_weights)) == (4, 4)
    with pytest.raises(InputError, match="layer 'dense' has 2 arrays of weights, and 1 were given"):
        dense.set_weights([kernel])
    with pytest.raises(InputError, match="no model yet"):
        layers.Dense(3).get_weights()


def test_frozen_layers_stay_when_a_summary_comes_between(data: Any) -> None:
    """A momentum of the steps before would move them on."""
    model = nw.Sequential([layers.Dense(3, input_dim=2), layers.Dense(1)])
    model.compile(nw.optimizers.SGD(0.1, momentum=0.9), "mse")
    model.fit(*data, verbose=0)
    model.layers[0].trainable = False
    model.summary(print_fn=lambda text: None)
    before = model.layers[0].get_weights()
    model.fit(*data, verbose=0)
    for then, now in zip(before, model.layers[0].get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)


def test_a_model_up_to_a_layer(data: Any) -> None:
    model = norm()
    hidden = nw.Model(model.input, model.layers[0].output)
    kernel, bias = model.layers[0].get_weights()
    np.testing.assert_allclose(hidden.predict(data[0]), data[0] @ kernel + bias, rtol=1e-5, atol=1e-6)
    assert model.layers[1].input is model.layers[0].output
    joined = branched()  # weights and symbols go with the model
    join = next(layer for layer in joined.layers if layer.several)
    assert [each.shape for each in join.input] == [(4,), (3,)]


def test_summary_goes_where_it_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    norm().summary(line_length=90, print_fn=told.append)
    assert capsys.readouterr().out == ""
    assert max(len(line) for line in told[0].splitlines()) == 90
    norm().summary()
    assert "Parameters: 25 (100 bytes)" in told[0]
    assert capsys.readouterr().out.startswith('Model: "sequential"\n')


def test_a_step_on_a_batch_is_a_step_of_the_textbook(data: Any, small: nw.Sequential) -> None:
    x, y = data
    module = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    small.train_on_batch(x, y)  # the start is over
    values = [torch.from_numpy(each).double() for each in small.get_weights()]
    with torch.no_grad():
        for place, value in zip(module.parameters(), values, strict=True):
            place.copy_(value.T if value.dim() == 2 else value)
    torch_x, torch_y = torch.from_numpy(x).double(), torch.from_numpy(y).double()[:, None]
    for _ in range(3):
        loss = (module(torch_x) - torch_y).square().mean()
        module.zero_grad()
        loss.backward()
        with torch.no_grad():
            for place in module.parameters():
                place -= 0.1 * place.grad  # type: ignore[operator]
        assert small.train_on_batch(x, y) == pytest.approx(loss.item(), rel=1e-4)
    wanted = (module(torch_x) - torch_y).square().mean().item()
    assert small.test_on_batch(x, y) == pytest.approx(wanted, rel=1e-4)
    assert small.test_on_batch(x, y, return_dict=True) == {"loss": small.test_on_batch(x, y)}
    np.testing.assert_array_equal(small.predict_on_batch(x), small.predict(x))


def test_an_assigned_rate_acts_from_the_next_fit_on(data: Any, small: nw.Sequential) -> None:
    small.fit(*data, verbose=0)
    assert small.optimizer is not None
    small.optimizer.learning_rate = 0.025
    assert small.fit(*data, verbose=0).rates == pytest.approx([0.025])


def test_a_rate_that_a_callback_assigns_acts_from_the_next_epoch_on(data: Any, small: nw.Sequential) -> None:
    class Halved(nw.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.optimizer.learning_rate /= 2

    rates = small.fit(*data, epochs=3, verbose=0, callbacks=[Halved()]).rates
    assert rates == pytest.approx([0.1, 0.05, 0.025])


@pytest.mark.parametrize("way", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_on_as_the_model_does_and_share_nothing(way: Any, data: Any) -> None:
    model = norm()
    model.fit(*data, epochs=2, verbose=0)
    other = way(model)
    before = other.get_weights()
    figures = model.fit(*data, epochs=2, verbose=0).history
    for then, now in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(then, now)
    assert other.fit(*data, epochs=2, verbose=0).history == figures


def test_copies_of_graphs_and_of_code() -> None:
    model = branched()
    x = [np.ones((2, 2)), np.ones((2, 3))]
    for mine, theirs in zip(model.predict(x), copy.deepcopy(model).predict(x), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    own = nw.Sequential([layers.Dense(2, torch.sin, input_dim=2)])
    np.testing.assert_array_equal(own.predict(x[0]), copy.deepcopy(own).predict(x[0]))
    with pytest.raises(InputError, match="code, not data"):
        pickle.dumps(own)
    bare = copy.deepcopy(nw.Sequential([layers.Dense(2)]))
    assert bare.network is None
    assert len(bare.layers) == 1


def test_a_clone_is_drawn_anew(data: Any) -> None:
    model = branched()
    other = models.clone_model(model)
    assert [each.shape for each in other.get_weights()] == [each.shape for each in model.get_weights()]
    assert not np.array_equal(other.get_weights()[0], model.get_weights()[0])
    assert not {*other.layers} & {*model.layers}
    assert other.optimizer is None
    assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
    chain = norm()
    chain.layers[0].trainable = False
    assert [layer.trainable for layer in models.clone_model(chain).layers] == [False, True, True]


def test_names_of_kerass_files_are_taken_with_a_warning(tmp_path: Path, data: Any) -> None:
    model = norm()
    model.fit(*data, verbose=0)
    with pytest.warns(UserWarning, match="model.keras is a folder of safetensors and JSON"):
        model.save(tmp_path / "model.keras")
    again = models.load_model(tmp_path / "model.keras")
    assert again.evaluate(*data, verbose=0) == model.evaluate(*data, verbose=0)
    assert models.load_model(tmp_path / "model.keras", compile=False).optimizer is None
    with pytest.warns(UserWarning, match="m.weights.h5 is a file of safetensors"):
        model.save_weights(tmp_path / "m.weights.h5")
    other = norm()
    other.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(other.predict(data[0]), model.predict(data[0]))


def test_files_that_keras_wrote_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match=r"a file of HDF5.*set_weights"):
        norm().load_weights(tmp_path / "a.h5")
    with pytest.raises(InputError, match=r"models are folders.*set_weights"):
        models.load_model(tmp_path / "a.h5")
    with pytest.raises(InputError, match="no such folder"):
        models.load_model(tmp_path / "none")


def test_what_gives_batches_is_refused() -> None:
    class Batches:
        def __iter__(self) -> Any:
            yield np.ones((2, 2)), np.ones(2)

    class Counted(Batches):
        def __len__(self) -> int:
            return 1

    rows = torch.utils.data.TensorDataset(torch.ones(4, 2), torch.ones(4))
    for given in (Batches(), Counted(), iter(Batches()), rows, torch.utils.data.DataLoader(rows)):
        for call in (norm().fit, norm().evaluate):
            with pytest.raises(InputError, match=r"models by hand take arrays whole.*nw.Trainer"):
                call(given)


def test_a_drawing_in_a_file(tmp_path: Path) -> None:
    nw.utils.plot_model(norm(), to_file=tmp_path / "model.svg", show_shapes=True)
    assert "<svg" in (tmp_path / "model.svg").read_text(encoding="utf-8")
