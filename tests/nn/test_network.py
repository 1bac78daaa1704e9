from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import torch

from netwright.config import InputsConfig, NetworkConfig
from netwright.data.schema import Column, Schema, Target
from netwright.nn.member import Mode
from netwright.nn.network import Network

ROWS = 50
COLUMNS = [
    *(Column(name=f"n{place}", kind="number", values=ROWS) for place in range(3)),
    Column(name="c", kind="category", categories=[f"v{place}" for place in range(12)]),
    Column(name="b", kind="boolean", categories=["false", "true"]),
    Column(name="d1", kind="date"),
    Column(name="d2", kind="date"),
    Column(name="t1", kind="text", buckets=16),
    Column(name="t2", kind="text", buckets=16),
]
TARGET = Target(columns=["y"], task="multiclass", classes=["a", "b", "c"])


def raw_of(seed: int = 0) -> dict[str, torch.Tensor]:
    random = np.random.default_rng(seed)
    number = random.normal(size=(ROWS, 3))
    number[random.random((ROWS, 3)) < 0.2] = np.nan
    category = np.stack([random.integers(0, 14, ROWS), random.integers(0, 4, ROWS)], axis=1)
    return {
        "number": torch.from_numpy(number),
        "category": torch.from_numpy(category.astype(np.int32)),
        "date": torch.from_numpy(random.uniform(1e9, 2e9, (ROWS, 2))),
        **{
            f"text:{name}": torch.from_numpy(random.integers(0, 16, (ROWS, 5)).astype(np.int32))
            for name in ("t1", "t2")
        },
    }


def inputs_config(**columns: dict[str, Any]) -> InputsConfig:
    number = {"embedding": "piecewise", "bins": 4, "size": 3}
    common = {"number": number, "category": {"size": 2}, "text": {"size": 16}}
    return InputsConfig.model_validate(common | {"columns": columns})


def built(
    members: int = 2, inputs: InputsConfig | None = None, target: Target = TARGET, **network: Any
) -> Network:
    settings = {"kind": "tabm", "width": 6, "depth": 1, "heads": 3, "normalization": "batch", "dropout": 0.1}
    config = NetworkConfig.model_validate(settings | network)
    made = Network(Schema(columns=COLUMNS, target=target), inputs or inputs_config(), config, members)
    made.initialise(list(range(members)))
    random = np.random.default_rng(1)
    raw = raw_of()
    for member in range(members):
        rows = torch.from_numpy(random.permutation(ROWS)[:30])
        made.fit_preparation(member, raw, torch.arange(ROWS) % 3, torch.ones(ROWS), rows)
    return made


def test_predictions_do_not_depend_on_the_size_of_the_batch():
    network, raw = built(), raw_of()
    whole = network.outputs(raw)
    assert whole.shape == (2, 3, ROWS, 3)
    for batch in (1, 7, 49):
        torch.testing.assert_close(network.outputs(raw, batch=batch), whole, rtol=1e-5, atol=1e-5)
    rows = torch.tensor([4, 2, 2, 40])
    torch.testing.assert_close(network.outputs(raw, rows), whole[:, :, rows], rtol=1e-5, atol=1e-5)


def test_predictions_of_no_rows():
    network = built()
    nothing = {name: tensor[:0] for name, tensor in raw_of().items()}
    assert network.predict(nothing).shape == (2, 0, 3)


def test_a_shared_batch_gives_what_each_members_own_batch_gives():
    network, raw = built(), raw_of()
    own = {name: torch.stack([tensor, tensor]) for name, tensor in raw.items()}
    torch.testing.assert_close(network(own).detach(), network.outputs(raw), rtol=1e-5, atol=1e-5)


def test_members_do_not_mix_their_rows():
    network, raw, other = built(), raw_of(), raw_of(seed=9)
    own = {name: torch.stack([raw[name], other[name]]) for name in raw}
    found = network(own).detach()
    torch.testing.assert_close(found[0], network.outputs(raw)[0], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(found[1], network.outputs(other)[1], rtol=1e-5, atol=1e-5)


def test_preparation_is_fitted_on_the_given_rows_only():
    raw, rows = raw_of(), torch.arange(30)
    spoiled = {name: tensor.clone() for name, tensor in raw.items()}
    spoiled["number"][30:] = float("inf")
    spoiled["category"][30:] = 1
    spoiled["date"][30:] = float("nan")
    spoiled["text:t1"][30:] = 15
    target = torch.arange(ROWS) % 3
    networks = []
    for given, wanted in ((raw, target), (spoiled, torch.where(torch.arange(ROWS) < 30, target, -1))):
        network = built(1)
        network.fit_preparation(0, given, wanted, torch.ones(ROWS), rows)
        networks.append(network)
    for name, value in networks[0].named_values().items():
        assert torch.equal(value, networks[1].named_values()[name]), name


@pytest.mark.parametrize(
    "target",
    [
        torch.arange(ROWS) % 3,
        torch.from_numpy(np.random.default_rng(2).normal(size=(ROWS, 1))),
    ],
    ids=["classes", "values"],
)
def test_preparation_takes_weights_as_counts_of_rows(target):
    """Rows of weight 0 hold extremes, so any trace of them would be seen."""
    raw, weight = raw_of(), torch.arange(ROWS) % 4
    raw["number"][::4] *= 1e6
    target[::4] *= 100 if target.is_floating_point() else 1
    task = TARGET if target.dim() == 1 else Target(columns=["y"], task="regression")
    weighted, repeated = built(1, target=TARGET), built(1, target=TARGET)
    if task is not TARGET:
        config = NetworkConfig.model_validate(
            {"kind": "mlp", "width": 4, "depth": 1, "heads": 1, "dropout": 0}
        )
        weighted, repeated = (
            Network(Schema(columns=COLUMNS, target=task), inputs_config(), config) for _ in "ab"
        )
    rows = torch.arange(ROWS)
    weighted.fit_preparation(0, raw, target, weight.float(), rows)
    repeated.fit_preparation(0, raw, target, torch.ones(ROWS), rows.repeat_interleave(weight))
    for name, value in weighted.state_dict().items():
        if name != "flat":
            torch.testing.assert_close(value, repeated.state_dict()[name], rtol=1e-6, atol=1e-9, msg=name)


def test_gradients_of_the_whole_network_by_finite_differences():
    network = built(1, normalization="none", activation="silu", dropout=0.0)
    raw = {name: tensor[None, :6] for name, tensor in raw_of().items()}
    target, weight = torch.arange(6)[None] % 3, torch.ones(1, 6)
    network.flat.grad = None
    network.head.loss(network(raw, Mode(training=True)), target, weight).sum().backward()
    gradient = network.flat.grad
    assert gradient is not None
    # Float32: one direction at a time with a large step, along the gradient and along a random one.
    random = torch.randn(network.flat.shape, generator=torch.Generator().manual_seed(0))
    for direction in (gradient, random):
        direction = direction / direction.norm()
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                network.flat += sign * 1e-2 * direction
                sides.append(network.head.loss(network(raw), target, weight).sum().double())
                network.flat -= sign * 1e-2 * direction
        slope = (sides[0] - sides[1]) / 2e-2
        assert float(slope) == pytest.approx(float((gradient * direction).sum()), rel=0.02, abs=1e-4)


def test_settings_of_single_columns_make_groups():
    inputs = inputs_config(n1={"embedding": "none", "scaling": "standard"}, c={"size": 5})
    network = built(1, inputs)
    assert [part.names for part in network.encoders.parts][:3] == [["n0", "n2"], ["n1"], ["c"]]
    assert network.encoders.columns == [5, 5, 2, 5, 3, 18, 18, 17, 17]
    assert network.predict(raw_of()).shape == (1, ROWS, 3)


def test_capacity_and_neighbours_do_not_change_the_first_weights():
    def first(members: int, seeds: list[int]) -> torch.Tensor:
        network = built(members)
        network.initialise(seeds)
        return network.flat.detach().clone()

    alone, together = first(1, [5]), first(3, [4, 5, 6])
    assert torch.equal(alone[0], together[1])
    assert not torch.allclose(together[0], together[1])


def test_values_are_written_and_read_back():
    network, other = built(), built()
    other.initialise([8, 9])
    other.load_values({name: value.clone() for name, value in network.named_values().items()})
    assert torch.equal(other.predict(raw_of()), network.predict(raw_of()))
    assert sum(value.numel() for value in network.named_values().values()) > network.parameter_count * 2
    assert network.parameter_count == network.flat.shape[1]


def test_values_of_another_shape_are_refused():
    network = built()
    values = network.named_values()
    with pytest.raises(KeyError):
        network.load_values({name: value for name, value in values.items() if name != "head.bias"})
    values["head.bias"] = values["head.bias"][..., :2]
    with pytest.raises(RuntimeError, match=r"head\.bias: shape"):
        network.load_values(values)


def test_training_mode_leaves_dropout_on_and_prediction_off():
    network, raw = built(1, dropout=0.5), {name: tensor[None] for name, tensor in raw_of().items()}
    assert torch.equal(network(raw), network(raw))
    mode = Mode(training=True, generators=[torch.Generator().manual_seed(0)])
    assert not torch.equal(network(raw, mode), network(raw, mode))


def test_description_names_every_part_and_counts_every_parameter():
    network = built(1)
    lines = network.describe()
    assert any("n0" in line and "robust scaling, piecewise embedding of 3" in line for line in lines)
    counts = [re.search(r"([\d,]+) parameters", line) for line in lines]
    counted = sum(int(count.group(1).replace(",", "")) for count in counts if count)
    assert counted == network.parameter_count
