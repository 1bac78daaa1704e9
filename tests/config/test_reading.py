from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from netwright.config import Config
from netwright.config.reading import parse_yaml
from netwright.errors import InputError

VALUES = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=8),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None, max_examples=50)
@given(VALUES)
def test_what_has_no_key_twice_is_read_as_yaml_reads_it(value: object) -> None:
    text = yaml.safe_dump(value)
    assert parse_yaml(text, where="here") == yaml.safe_load(text)


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("training:\n  epochs: 3\n  seed: 1\n  epochs: 30\n")
    with pytest.raises(InputError, match="'epochs' stands twice") as caught:
        Config.load(path)
    assert "line 4" in str(caught.value)


def test_sections_of_the_same_name_at_different_places_are_no_harm() -> None:
    text = "inputs:\n  text: {size: 4}\n  image: {size: 8}\n"
    assert parse_yaml(text, where="here") == {"inputs": {"text": {"size": 4}, "image": {"size": 8}}}


def test_a_merged_section_may_be_overruled() -> None:
    text = "a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3\n"
    assert parse_yaml(text, where="here")["b"] == {"x": 3, "y": 2}


def test_values_given_on_the_command_line_are_read_alike() -> None:
    with pytest.raises(InputError, match="'a' stands twice"):
        Config().with_values(["data.kinds={a: number, a: text}"])
