"""YAML as the user wrote it: a key that stands twice is an error, where YAML would take the last one."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml

from netwright.errors import InputError

MERGE = "tag:yaml.org,2002:merge"


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses what would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            if key.tag == MERGE:  # what is merged may be overruled
                continue
            name = self.construct_object(key, deep=True)
            if isinstance(name, Hashable):
                if name in seen:
                    raise yaml.constructor.ConstructorError(
                        problem=f"the key {name!r} stands twice in one section", problem_mark=key.start_mark
                    )
                seen.add(name)
        return super().construct_mapping(node, deep=deep)


def parse_yaml(text: str, *, where: str) -> Any:
    """What YAML holds.

    Arguments:
        text: of a file, or of one value.
        where: that is, for the error.

    Raises:
        InputError: it is not YAML, or a key stands twice; names the line.

    Example:
        >>> parse_yaml("training: {epochs: 20}", where="run.yaml")
        {'training': {'epochs': 20}}
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise InputError(f"this is not valid YAML: {problem}", where=f"{where}{line}") from None
