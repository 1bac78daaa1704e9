"""Objects as JSON and back; what is unknown is refused."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from netwright.errors import InputError
from netwright.nn.spec import find, from_spec, to_spec


@dataclass(frozen=True)
class Leaf:
    size: float = 1.0


@dataclass(frozen=True)
class Tree:
    leaves: Any
    best: Leaf | None = None
    names: Any = None


KNOWN = {"Leaf": Leaf, "Tree": Tree}


def test_nested_objects_come_back():
    tree = Tree([Leaf(2), Tree([Leaf(np.float32(0.5))])], Leaf(), {"a": [1, "b", None, True]})
    spec = json.loads(json.dumps(to_spec(tree)))
    assert spec["leaves"][0] == {"class": "Leaf", "size": 2}
    assert from_spec(KNOWN, spec) == tree


def test_what_cannot_be_written_is_refused():
    with pytest.raises(InputError, match="cannot be saved"):
        to_spec(Leaf(lambda: 1))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="cannot be saved"):
        to_spec(Leaf)


def test_what_is_unknown_is_refused():
    with pytest.raises(InputError, match="did you mean 'Leaf'"):
        from_spec(KNOWN, {"class": "Leaff"})
    with pytest.raises(InputError, match="did you mean 'size'"):
        from_spec(KNOWN, {"class": "Leaf", "sise": 1})
    with pytest.raises(InputError, match="unknown class"):
        from_spec(KNOWN, [{"class": "os.system"}])
    with pytest.raises(InputError, match="unknown class"):
        from_spec({}, {"class": None})


def test_find_knows_many_spellings():
    known = {"mean_squared_error": 1}
    for name in ("MeanSquaredError", "mean squared error", "mean-squared-error", "meansquarederror"):
        assert find("loss", name, known) == 1
    with pytest.raises(InputError, match=r"unknown loss 'nothing': there are: mean_squared_error"):
        find("loss", "nothing", known)
