"""Layers by hand in a run's config."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from netwright.api import load, train
from netwright.config import Config
from netwright.errors import InputError
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.watch import Watch

LAYERS: list[Any] = [
    {"Dense": {"units": 8, "activation": "relu"}},
    "BatchNormalization",
    {"Dropout": 0.2},
    {"Dense": {"units": 6, "activation": "tanh"}},
]
TRAINING = {"epochs": 3, "batch_size": 32, "threads": 1, "precision": "float32", "device": "cpu"}


@pytest.fixture
def fitted(table):
    def make(layers: list[Any] = LAYERS, **training: Any):
        config = Config.parse(
            {
                "data": {"target": ["y"]},
                "split": {"column": "split"},
                "network": {"layers": layers},
                "training": TRAINING | {"members": 1} | training,
            }
        )
        prepared = prepare(config, table.drop("price"), Watch())
        resolved, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
        return fit(prepared, resolved, prepared.dataset().to(device), (), None)

    return make


def test_members_are_the_networks_of_the_seeds_that_follow(fitted):
    # Plain descent: an adaptive step turns the last digit of a gradient near zero into a whole step.
    together, _, _ = fitted(members=3, seed=5, optimizer="sgd")
    assert len(together.live()) == 2
    for place in range(3):
        alone, _, _ = fitted(members=1, seed=5 + place, optimizer="sgd")
        torch.testing.assert_close(together.flat[place], alone.flat[0], rtol=0, atol=1e-5)
        for ours, theirs in zip(together.live(), alone.live(), strict=True):
            torch.testing.assert_close(ours[place], theirs[0], rtol=0, atol=1e-5)
            assert not torch.equal(ours[place], torch.full_like(ours[place], ours[place].flatten()[0]))


def test_penalties_and_constraints_of_layers_count(fitted):
    def penalised(**more: Any) -> Any:
        return fitted([{"Dense": {"units": 8, **more}}], learning_rate=0.02)[0]

    network, plain = penalised(kernel_regularizer={"class": "L2", "l2": 0.5}), penalised()
    plain.load_values(network.named_values())
    output, target = torch.randn(1, 1, 10, 1), torch.randint(0, 2, (1, 10))
    difference = network.losses(output, target) - plain.losses(output, target)
    kernel = network.named_values()["trunk.layers.0.kernel"]
    torch.testing.assert_close(difference.detach(), 0.5 * kernel.square().sum((1, 2)))
    bounded = penalised(kernel_constraint={"class": "MaxNorm", "max_value": 0.3})
    lengths = bounded.named_values()["trunk.layers.0.kernel"][0].norm(dim=0)
    assert lengths.max() <= 0.3 + 1e-5 < kernel[0].norm(dim=0).max()


def test_a_run_with_layers_saves_loads_repeats_and_describes_itself(table, tmp_path, request):
    source = tmp_path / "things.csv"
    table.drop("price").write_csv(source)
    config = {
        "network": {"layers": LAYERS},
        "training": {**TRAINING, "members": 2},
        "doctor": {"watch": False},
    }
    run = train(source, "y", config=config, split_column="split", out=tmp_path / "run", progress=False)
    assert (run.config.network.kind, run.config.network.layers) == ("layers", LAYERS)
    expected = run.predict_proba(source)
    np.testing.assert_array_equal(load(run.save(tmp_path / "model")).predict_proba(source), expected)
    request.getfixturevalue("no_pages")
    again = train(config=run.folder / "config.yaml", out=tmp_path / "again", progress=False)
    np.testing.assert_array_equal(again.predict_proba(source), expected)
    lines = run.evaluation["network"]["lines"]
    assert any(line.startswith("Dense(units=6, activation='tanh') gives 6, 54 parameters") for line in lines)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "Dense(units=6, activation=&#x27;tanh&#x27;) gives 6" in page


def test_errors_come_before_the_training(fitted):
    with pytest.raises(InputError, match=r"\(network\.layers\[1\]\): did you mean 'Dropout'"):
        fitted([{"Dense": 4}, {"Dropot": 0.2}])


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ({"layers": LAYERS, "width": 64}, "network.width is 64, but network.layers"),
        ({"layers": LAYERS, "kind": "mlp"}, "network.kind is 'mlp', but"),
        ({"layers": LAYERS, "dropout": 0.1}, "{Dropout: 0.2}"),
        ({"layers": []}, "empty"),
        ({"kind": "layers"}, "network.layers gives none"),
        ({"layers": "Dense"}, "should be a list"),
    ],
)
def test_settings_that_contradict_layers_are_told(network, said):
    with pytest.raises(InputError) as caught:
        Config.parse({"network": network})
    assert said in str(caught.value)
