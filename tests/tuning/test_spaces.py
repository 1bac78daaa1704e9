"""Search spaces: what may be written, and what is refused with its reason."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.config import Config
from netwright.errors import InputError
from netwright.tuning.defaults import default_space
from netwright.tuning.search import Search
from netwright.tuning.spaces import (
    Choices,
    Range,
    as_data,
    config_with,
    grid,
    load_space,
    make_space,
    value_at,
)

few = settings(deadline=None, derandomize=True, max_examples=30)


def test_each_form_that_may_be_written():
    space = make_space(
        {
            "training.learning_rate": {"low": "1e-4", "high": 1e-2, "log": True},
            "network": {"depth": {"low": 1, "high": 4}, "dropout": {"low": 0, "high": 0.5, "step": 0.1}},
            "network.width": {"choices": [64, 128]},
            "training.clip_norm": [None, 1.0],
            "inputs": {"number": {"bins": {"low": 8, "high": 64, "log": True}}},
        },
        Config(),
    )
    assert space == {
        "training.learning_rate": Range(1e-4, 1e-2, log=True),
        "network.depth": Range(1, 4, whole=True),
        "network.dropout": Range(0.0, 0.5, step=0.1),
        "network.width": Choices((64, 128)),
        "training.clip_norm": Choices((None, 1.0)),
        "inputs.number.bins": Range(8, 64, log=True, whole=True),
    }
    assert make_space(as_data(space), Config()) == space


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (
            {"training.learning_rat": [1e-3]},
            "unknown key 'training.learning_rat'.*did you mean 'learning_rate'",
        ),
        ({"learning_rate": [1e-3]}, "did you mean 'training.learning_rate'"),
        ({"netwrk.width": [8]}, "unknown key 'netwrk'.*did you mean 'network'"),
        ({"data.target": ["y"]}, "'data' cannot be searched"),
        ({"training.members": [1, 4]}, "--ensemble"),
        ({"network.dropout": {"low": 0.5, "high": 0.1}}, "range is empty: low 0.5 is above high 0.1"),
        ({"training.l1": {"low": 0, "high": 1, "log": True}}, "logarithmic range cannot begin at 0"),
        ({"network.dropout": {"low": 0, "high": 1.5}}, "network.dropout: 1.5 is not allowed"),
        ({"network.dropout": {"low": 0}}, "has no high"),
        ({"network.dropout": {"low": 0, "high": 0.5, "stepp": 0.1}}, "'stepp'.*did you mean 'step'"),
        ({"network.dropout": {"low": 0, "high": 0.5, "step": 0}}, "step is 0; it should be above 0"),
        ({"network.depth": {"low": 1, "high": 3, "step": 0.5}}, "whole number"),
        ({"network.depth": {"low": 1.5, "high": 3}}, "network.depth: 1.5 is not allowed"),
        ({"network.dropout": {"low": "a", "high": 1}}, "low is 'a'; it should be a number"),
        ({"network.dropout": {"low": True, "high": 1}}, "low is True; it should be a number"),
        ({"training.learning_rate": {"low": 1e-3, "high": 1, "log": "yes"}}, "log is 'yes'"),
        ({"training.learning_rate": {"low": 1e-3, "high": 1, "log": True, "step": 0.1}}, "no step"),
        ({"network.width": []}, "the list of values is empty"),
        ({"network.width": [64, 64]}, "stands twice"),
        ({"network.kind": ["mlp", "mpl"]}, "network.kind: 'mpl' is not allowed"),
        ({"network.width": 64}, "neither a range nor a list"),
        ({"network.kind": {"low": 1, "high": 2}}, "network.kind: 1 is not allowed"),
        ({}, "the space is empty"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_the_reason(written, what):
    with pytest.raises(InputError, match=what):
        make_space(written, Config())


def test_a_space_in_a_file(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text("training.learning_rate: {low: 1e-4, high: 1e-2, log: true}\nnetwork.depth: [1, 2]\n")
    assert list(make_space(load_space(path), Config())) == ["training.learning_rate", "network.depth"]
    path.write_text("- training.learning_rate\n")
    with pytest.raises(InputError, match="a space is a mapping"):
        load_space(path)
    path.write_text("a: {b\n")
    with pytest.raises(InputError, match="not valid YAML"):
        load_space(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_space(tmp_path / "nowhere.yaml")


@given(low=st.integers(1, 40), span=st.integers(0, 40), step=st.integers(1, 9))
@few
def test_a_grid_counts_what_python_counts(low, span, step):
    written = {"network.depth": {"low": low, "high": min(low + span, 64), "step": step}}
    points = [point["network.depth"] for point in grid(make_space(written, Config()))]
    assert points == list(range(low, min(low + span, 64) + 1, step))


def test_a_grid_is_the_product_and_needs_values_that_can_be_counted():
    space = make_space(
        {"network.depth": [1, 2], "network.dropout": {"low": 0, "high": 0.3, "step": 0.1}}, Config()
    )
    points = [(point["network.depth"], point["network.dropout"]) for point in grid(space)]
    assert points == [(depth, rate) for depth in (1, 2) for rate in (0.0, 0.1, 0.2, 0.3)]
    with pytest.raises(InputError, match="values that can be counted"):
        grid(make_space({"network.dropout": {"low": 0, "high": 0.3}}, Config()))


@given(
    low=st.floats(1e-6, 0.5),
    factor=st.floats(1.0, 1e3),
    log=st.booleans(),
    sampler=st.sampled_from(["random", "tpe", "cmaes"]),
    seed=st.integers(0, 2**31 - 1),
)
@settings(few, max_examples=12)
def test_what_is_drawn_lies_in_the_space_and_is_a_config(low, factor, log, sampler, seed):
    space = make_space(
        {
            "training.learning_rate": {"low": low, "high": low * factor, "log": log},
            "network.depth": {"low": 1, "high": 5, "step": 2},
            "network.activation": ["relu", "mish"],
            "training.clip_norm": [None, 0.5],
        },
        Config(),
    )
    search = Search(space, sampler, seed, "sqlite://")
    for _ in range(4):
        trial = search.ask()
        assert trial is not None
        config = config_with(Config(), trial.values)
        assert low <= float(config.training.learning_rate) <= low * factor * (1 + 1e-9)
        assert config.network.depth in (1, 3, 5)
        assert all(space[key].holds(value) for key, value in trial.values.items())
        assert {key: value_at(config, key) for key in space} == trial.values
        trial.state, trial.score = "complete", math.log(float(config.training.learning_rate))
        search.tell(trial)
    search.close()


@pytest.mark.parametrize("kind", ["mlp", "residual", "tabm", "layers"])
@pytest.mark.parametrize("effort", ["quick", "normal", "best"])
def test_default_spaces_hold_the_defaults(kind, effort):
    from netwright.data.schema import Column, Schema, Target
    from netwright.pipeline.resolve import resolve

    columns = [Column(name="x", kind="number")]
    schema = Schema(columns=columns, target=Target(columns=["y"], task="binary", classes=["a", "b"]))
    values = {"network": {"kind": kind}, "training": {"effort": effort, "threads": 1}}
    if kind == "layers":
        values["network"]["layers"] = [{"Dense": 8}]
    config = Config.parse(values)
    for rows in (300, 30_000):
        resolved, _ = resolve(config, schema, rows)
        space = make_space(default_space(resolved, schema, rows), config)
        assert all(part.holds(value_at(resolved, key)) for key, part in space.items())
