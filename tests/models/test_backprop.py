"""Back-propagation written out against autograd, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from netwright import losses
from netwright.errors import NetwrightError
from netwright.layers import Activation, Dense, Dropout, Flatten, GaussianNoise, Layer, Reshape
from netwright.layers.base import Symbol
from netwright.models.backprop import Chain
from netwright.models.backprop_numpy import ArrayChain
from netwright.models.network import Goal, GraphNetwork
from netwright.models.sequential import Sequential
from netwright.nn.member import Mode

ROWS = 6


def network(
    layers: list[Layer], shape: tuple[int, ...], loss: Any, members: int, kind: torch.dtype = torch.float64
) -> GraphNetwork:
    """A chain with parameters away from their start."""
    first = symbol = Symbol(shape)
    for layer in layers:
        symbol = layer(symbol)
    made = GraphNetwork([first], [symbol], members).to(kind)
    made.initialise(list(range(members)))
    with torch.no_grad():
        made.flat += 0.3 * torch.randn(made.flat.shape, generator=torch.Generator().manual_seed(1))
    made.aim([Goal(losses.get(loss))])
    made.use_chain(ROWS)
    return made


def both(
    made: GraphNetwork, x: Tensor, target: Tensor, weight: Tensor | None, *, tell: bool
) -> tuple[Any, Any]:
    """A step by the chain, and one by autograd with the same randomness."""

    def step() -> Any:
        generators = [torch.Generator().manual_seed(member) for member in range(made.members)]
        found = made.step({"x": x}, target, weight, Mode(True, generators))
        return found._replace(gradient=found.gradient.clone())

    made.tell_losses = tell
    chained = step()
    made.chain, made.tell_losses = None, True
    return chained, step()


def shapes(target: str, members: int, outputs: int) -> Tensor:
    random = np.random.default_rng(2)
    if target == "codes":
        return torch.from_numpy(random.integers(0, outputs, (members, ROWS)))
    if target == "one-hot":
        return torch.eye(outputs, dtype=torch.float64)[shapes("codes", members, outputs)]
    return torch.from_numpy(random.integers(0, 2, (members, ROWS, outputs)).astype(float))


CHAINS: dict[str, Callable[[], list[Layer]]] = {
    "relu": lambda: [Dense(5, "relu"), Dense(3)],
    "tanh": lambda: [Dense(5, "tanh"), Dense(3)],
    "sigmoid": lambda: [Dense(5, "sigmoid"), Dense(3)],
    "no bias": lambda: [Dense(5, "relu", use_bias=False), Dense(3, use_bias=False)],
    "one layer": lambda: [Dense(3)],
    "wide": lambda: [Dense(20, "relu"), Dense(17, "tanh"), Dense(3)],
    "activations apart": lambda: [Dense(5), Activation("relu"), Dense(4), Activation("tanh"), Dense(3)],
    "activation twice": lambda: [Dense(5, "tanh"), Activation("sigmoid"), Dense(3)],
    "activation first": lambda: [Activation("relu"), Dense(5), Activation("linear"), Dense(3)],
    "dropout": lambda: [
        Dropout(0.3),
        Dense(5, "relu"),
        Dropout(0.5),
        Dense(4, "tanh"),
        Dropout(0.0),
        Dense(3),
    ],
    "dropout last": lambda: [Dense(5, "relu"), Dense(3), Dropout(0.4)],
    "shapes": lambda: [Reshape((2, 2)), Flatten(), Dense(6, "relu"), Reshape((3, 2)), Flatten(), Dense(3)],
}
ENDS = [
    (None, "mse", "numbers"),
    (None, "mae", "numbers"),
    ("sigmoid", "mse", "numbers"),
    ("softmax", "categorical_crossentropy", "one-hot"),
    ("softmax", losses.CategoricalCrossentropy(label_smoothing=0.1), "one-hot"),
    ("softmax", "sparse_categorical_crossentropy", "codes"),
    ("softmax", losses.SparseCategoricalCrossentropy(label_smoothing=0.1), "codes"),
    ("sigmoid", "binary_crossentropy", "numbers"),
    ("sigmoid", losses.BinaryCrossentropy(label_smoothing=0.2), "numbers"),
    (None, losses.BinaryCrossentropy(from_logits=True), "numbers"),
    (None, losses.SparseCategoricalCrossentropy(from_logits=True), "codes"),
]


@pytest.mark.parametrize("members", [1, 3, 5])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end[0]}, {str(end[1])[:24]}, {end[2]}")
def test_gradients_are_autograds(
    end: tuple[str | None, Any, str], chain: str, weighted: bool, members: int
) -> None:
    activation, loss, target = end
    layers = CHAINS[chain]()
    if activation is not None:
        layers.append(Activation(activation))
    made = network(layers, (4,), loss, members)
    assert made.chain is not None
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(members, ROWS, 4)))
    weight = torch.rand(members, ROWS, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    if weighted:
        weight[:, -1] = 0.0
    chained, plain = both(made, x, shapes(target, members, 3), weight if weighted else None, tell=True)
    close = {"rtol": 1e-10, "atol": 1e-12}
    torch.testing.assert_close(chained.gradient, plain.gradient, **close)
    torch.testing.assert_close(chained.losses, plain.losses, **close)
    torch.testing.assert_close(chained.output[0], plain.output[0].detach(), **close)


@pytest.mark.parametrize("rows", [1, ROWS])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("chain", [*CHAINS, "pictures"])
@pytest.mark.parametrize("end", ENDS, ids=lambda end: f"{end[0]}, {str(end[1])[:24]}, {end[2]}")
def test_small_chains_of_one_network_run_on_numpy(
    end: tuple[str | None, Any, str], chain: str, weighted: bool, rows: int
) -> None:
    activation, loss, target = end
    layers = pictures(3) if chain == "pictures" else CHAINS[chain]()
    if activation is not None:
        layers.append(Activation(activation))
    shape = (2, 2, 3) if chain == "pictures" else (4,)
    made = network(layers, shape, loss, 1, torch.float32)
    assert isinstance(made.chain, ArrayChain)
    y = shapes(target, 1, 3)
    y = y if target == "codes" else y.float()
    x = torch.randn(1, ROWS, *shape, generator=torch.Generator().manual_seed(0))
    weight = torch.rand(1, ROWS, generator=torch.Generator().manual_seed(4)) if weighted else None
    # A short last batch is a piece of a longer tensor, and comes after others.
    made.step({"x": x}, y, weight, Mode(True, [torch.Generator()]))
    cut = slice(ROWS - rows, ROWS)
    few = None if weight is None else weight[:, cut]
    chained, plain = both(made, x[:, cut], y[:, cut], few, tell=True)
    close = {"rtol": 2e-5, "atol": 2e-6}
    torch.testing.assert_close(chained.gradient, plain.gradient, **close)
    torch.testing.assert_close(chained.losses, plain.losses, **close)
    torch.testing.assert_close(chained.output[0], plain.output[0].detach(), **close)


def test_numpy_gives_the_same_bits_wherever_the_rows_lie() -> None:
    layers = [Dense(37, "tanh"), Dropout(0.2), Dense(21, "sigmoid"), Dense(9, "relu"), Dense(10, "softmax")]
    made = network(layers, (13,), "sparse_categorical_crossentropy", 1, torch.float32)
    assert isinstance(made.chain, ArrayChain)
    x = torch.randn(1, 32, 13, generator=torch.Generator().manual_seed(0))
    target = torch.arange(32)[None] % 10
    found = set()
    for place in range(0, 20, 3):
        room = torch.zeros(32 * 13 + 20)
        there = room[place : place + 32 * 13].view(1, 32, 13).copy_(x)
        step = made.step({"x": there}, target, None, Mode(True, [torch.Generator().manual_seed(1)]))
        found.add((step.gradient.numpy().tobytes(), step.output[0].numpy().tobytes()))
    assert len(found) == 1


def test_weights_run_away_in_silence() -> None:
    model = Sequential([Dense(5, "relu", input_dim=4), Dense(3)])
    model.compile("sgd", "mse")
    x, y = np.full((ROWS, 4), 3e38, dtype=np.float32), np.zeros((ROWS, 3))
    with pytest.raises(NetwrightError, match="ran away"):  # and NumPy has not warned of it
        model.fit(x, y, verbose=0)
    assert model.network is not None
    assert isinstance(model.network.chain, ArrayChain)
    with pytest.raises(NetwrightError):
        model.find_rate(x, y)


@pytest.mark.parametrize(
    ("rows", "members", "kind"),
    [(100_000, 1, torch.float32), (ROWS, 2, torch.float32), (ROWS, 1, torch.float64)],
)
def test_all_else_runs_on_pytorch(rows: int, members: int, kind: torch.dtype) -> None:
    made = network([Dense(5, "relu"), Dense(3)], (4,), "mse", members, kind)
    made.use_chain(rows)
    assert type(made.chain) is Chain


def test_losses_may_be_left_out() -> None:
    made = network([Dense(5, "relu"), Dense(3, "softmax")], (4,), "sparse_categorical_crossentropy", 2)
    x = torch.randn(2, ROWS, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    chained, plain = both(made, x, shapes("codes", 2, 3), None, tell=False)
    torch.testing.assert_close(chained.gradient, plain.gradient, rtol=1e-10, atol=1e-12)


def test_softmax_in_the_last_dense_layer_is_left_to_the_loss() -> None:
    made = network([Dense(3, "softmax")], (4,), "categorical_crossentropy", 1)
    x = torch.randn(1, ROWS, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    target = shapes("one-hot", 1, 3)
    chained, _ = both(made, x, target, None, tell=True)
    kernel, bias = made.flat.detach().split([12, 3], dim=1)
    slope = torch.softmax(x[0] @ kernel.view(4, 3) + bias, -1) - target[0]
    torch.testing.assert_close(chained.gradient[0, :12].view(4, 3), x[0].T @ slope / ROWS)


def pictures(outputs: int) -> list[Layer]:
    return [Flatten(), Dense(5, "relu"), Dense(outputs)]


def test_pictures_are_flattened_first() -> None:
    made = network(pictures(1), (2, 2, 3), "mse", 2)
    x = torch.randn(2, ROWS, 2, 2, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    chained, plain = both(made, x, shapes("numbers", 2, 1), None, tell=True)
    torch.testing.assert_close(chained.gradient, plain.gradient, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "shape", "loss"),
    [
        ([Dense(3, "gelu"), Dense(1)], (4,), "mse"),  # another activation
        ([Dense(3), Dense(1)], (2, 4), "mse"),  # sequences
        ([Dense(3), GaussianNoise(0.1), Dense(1)], (4,), "mse"),  # another layer
        ([Dense(3), Dense(1)], (4,), "huber"),  # no gradient written out
        ([Dense(3), Dense(2)], (4,), "categorical_crossentropy"),  # not on logits
        ([Dropout(0.5), Flatten()], (4,), "mse"),  # nothing to learn
        ([Dense(3), Dense(2, "softmax")], (4,), "mse"),  # a softmax that is not joined
    ],
)
def test_all_else_is_autograds(layers: list[Layer], shape: Any, loss: str) -> None:
    assert network(layers, shape, loss, 1).chain is None


def test_shared_and_branching_layers_are_no_chain() -> None:
    x = Symbol((4,))
    shared = Dense(4)
    twice = GraphNetwork([x], [shared(shared(x))])
    twice.aim([Goal(losses.get("mse"))])
    twice.use_chain(ROWS)
    assert twice.chain is None
