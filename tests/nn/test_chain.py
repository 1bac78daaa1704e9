"""The gradient that is written out is autograd's."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Column, Schema, Target
from netwright.nn.member import Mode
from netwright.nn.mixup import Mix
from netwright.nn.network import Network
from netwright.nn.objective import Objective
from netwright.nn.trainable import Step, Trainable

MEMBERS, ROWS = 3, 9
TARGETS = {
    "binary": Target(columns=["y"], task="binary", classes=["a", "b"], positive="b"),
    "multiclass": Target(columns=["y"], task="multiclass", classes=["a", "b", "c"]),
    "multilabel": Target(columns=["y", "z"], task="multilabel"),
    "regression": Target(columns=["y", "z"], task="regression"),
}


def network_of(task: str = "binary", dropout: list[float] | None = None, **settings: Any) -> Network:
    columns = [Column(name=f"n{place}", kind="number", values=ROWS) for place in range(4)]
    columns.append(Column(name="c", kind="category", categories=["u", "v"]))
    inputs = InputsConfig.model_validate(
        {
            "number": {"embedding": settings.pop("embedding", "none"), "bins": 4, "size": 3},
            "category": {"size": 2},
        }
    )
    defaults = {"kind": "mlp", "width": 20, "depth": 2, "heads": 1, "normalization": "none", "dropout": 0.0}
    config = NetworkConfig.model_validate(defaults | settings)
    made = Network(Schema(columns=columns, target=TARGETS[task]), inputs, config, MEMBERS, dropout).double()
    with torch.no_grad():
        made.flat.copy_(torch.randn(made.flat.shape, generator=torch.Generator().manual_seed(1)) / 3)
    made.head.offset.fill_(0.3)
    return made


def batch_of(task: str) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    random = np.random.default_rng(2)
    raw = {
        "number": torch.from_numpy(random.normal(size=(MEMBERS, ROWS, 4))),
        "category": torch.from_numpy(random.integers(0, 4, (MEMBERS, ROWS, 1)).astype(np.int32)),
    }
    if task == "regression":
        return raw, torch.from_numpy(random.normal(size=(MEMBERS, ROWS, 2)))
    if task == "multilabel":
        return raw, torch.from_numpy(random.integers(0, 2, (MEMBERS, ROWS, 2)).astype(np.float32))
    codes = random.integers(-1, len(TARGETS[task].classes), (MEMBERS, ROWS))
    return raw, torch.from_numpy(codes.astype(np.int64))


def fitted(network: Network, task: str) -> Network:
    """Its encoders see some rows; the head stays as it is."""
    raw, _ = batch_of(task)
    for member in range(MEMBERS):
        network.encoders.fit(member, {name: each[member] for name, each in raw.items()}, torch.arange(ROWS))
    return network


def mode(**settings: Any) -> Mode:
    generators = [torch.Generator().manual_seed(seed) for seed in range(MEMBERS)]
    return Mode(training=True, generators=generators, **settings)


def both_ways(network: Network, task: str, *given: Any) -> tuple[Step, Step]:
    raw, target = batch_of(task)
    ours = network.step(raw, target, given[0] if given else None, mode(), *given[1:])
    assert network.chain is not None
    return ours, Trainable.step(network, raw, target, given[0] if given else None, mode(), *given[1:])


def agree(ours: Step, theirs: Step) -> None:
    for name in ("losses", "gradient", "output"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("task", TARGETS)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_gradients_are_autograds(task, activation):
    network = fitted(network_of(task, [0.0, 0.3, 0.6], activation=activation), task)
    agree(*both_ways(network, task))
    weight = torch.rand(MEMBERS, ROWS, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    weight[0, 6:] = 0.0
    weight[1] = 0.0
    smoothing = torch.tensor([0.0, 0.1, 0.4], dtype=torch.float64)
    ours, theirs = both_ways(network, task, weight, smoothing)
    agree(ours, theirs)
    assert (ours.gradient[0] != 0).any()
    assert not (ours.gradient[1] != 0).any()


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_any_depth(depth):
    agree(*both_ways(fitted(network_of("multiclass", depth=depth), "multiclass"), "multiclass"))


@pytest.mark.parametrize(
    ("task", "objective"),
    [
        ("binary", Objective("focal", {"focal_gamma": torch.tensor([1.0, 2.0, 3.0])})),
        ("multiclass", Objective("cross_entropy", logit_adjustment=torch.ones(MEMBERS))),
        ("regression", Objective("mae")),
    ],
)
def test_other_losses(task, objective):
    network = fitted(network_of(task), task)
    network.set_objective(objective)
    if network.head.adjustment is not None:
        network.head.adjustment = (
            torch.linspace(-1, 1, network.head.outputs).double().expand(MEMBERS, 1, 1, -1)
        )
    agree(*both_ways(network, task))


def test_a_second_step_sees_the_parameters_as_they_are_now():
    network = fitted(network_of(), "binary")
    both_ways(network, "binary")
    with torch.no_grad():
        network.flat.mul_(0.5)
    agree(*both_ways(network, "binary"))


def test_copies_and_parts_have_gradients_of_their_own():
    network = fitted(network_of(dropout=[0.2, 0.3, 0.4]), "binary")
    raw, target = batch_of("binary")
    whole = network.step(raw, target, None, mode())
    kept = whole.gradient.clone()
    copied = copy.deepcopy(network)
    with torch.no_grad():
        copied.flat.zero_()
    copied.step(raw, target, None, mode())
    part = network.select([2])
    generators = [torch.Generator().manual_seed(2)]
    few = {name: each[2:] for name, each in raw.items()}
    alone = part.step(few, target[2:], None, Mode(training=True, generators=generators))
    torch.testing.assert_close(alone.gradient[0], kept[2])
    assert torch.equal(whole.gradient, kept)
    moved = network.float()
    assert moved.step(raw, target, None, mode()).gradient.dtype == torch.float32


@pytest.mark.parametrize(
    "settings",
    [{"activation": "gelu"}, {"normalization": "layer"}, {"kind": "residual"}, {"embedding": "piecewise"}],
)
def test_other_networks_take_autograds_way(settings):
    network = network_of(**settings)
    raw, target = batch_of("binary")
    assert torch.isfinite(network.step(raw, target, None, mode()).gradient).all()
    assert network.chain is None


def test_blended_rows_take_autograds_way():
    network = fitted(network_of(), "binary")
    raw, target = batch_of("binary")
    mix = Mix(torch.arange(ROWS).flip(0).expand(MEMBERS, -1), torch.full((MEMBERS,), 0.5))
    blended = network.step(raw, target, None, mode(mix=mix))
    assert network.chain is None
    assert not torch.allclose(blended.gradient, network.step(raw, target, None, mode()).gradient)


def test_features_that_are_there_already_count_as_encoded():
    network = fitted(network_of("multiclass"), "multiclass")
    raw, target = batch_of("multiclass")
    once = {name: each[0] for name, each in raw.items()}
    features = network.encode(once, batch=4)
    assert features.shape == (MEMBERS, ROWS, sum(network.encoders.columns))
    shared = {name: each.expand(MEMBERS, *each.shape) for name, each in once.items()}
    expected = network.step(shared, target, None, mode()).gradient.clone()
    torch.testing.assert_close(network.step({"encoded": features}, target, None, mode()).gradient, expected)
    torch.testing.assert_close(network({"encoded": features}), network(shared))
