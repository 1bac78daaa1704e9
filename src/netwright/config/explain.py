"""What pydantic finds wrong, in the words of a config's reader."""

from __future__ import annotations

from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from netwright.config.section import Section, is_section
from netwright.errors import suggestion


def explain(error: ValidationError, root: type[Section]) -> str:
    """The errors of pydantic in the words of a config's reader."""
    allowed: dict[str, list[str]] = {}
    lines: dict[str, str] = {}
    for each in error.errors():
        model, names = _model_at([str(part) for part in each["loc"]], root)
        key = ".".join(names) or "config"
        if each["type"] == "extra_forbidden":
            lines[key] = f"unknown key {key!r}: {suggestion(names[-1], model.model_fields)}"
        else:
            allowed.setdefault(key, []).append(_plain(each["msg"]))
            lines[key] = f"{key}: {_shown(each['input'])} is not allowed; it should be "
    return "; ".join(line + " or ".join(dict.fromkeys(allowed.get(key, []))) for key, line in lines.items())


def _plain(message: str) -> str:
    """What pydantic says should be, without its own terms."""
    message = message.removeprefix("Value error, ").split(", unable to parse")[0].split(", got ")[0]
    message = message.removeprefix("Input should be ").removeprefix("a valid ").removeprefix("valid ")
    if message.startswith("dictionary or instance of"):
        return "a section of keys"
    words = {"integer": "a whole number", "number": "a number", "string": "text", "list": "a list"}
    words |= {"dictionary": "a mapping of names", "boolean": "true or false", "Keys": "text"}
    return words.get(message.partition(" ")[0].rstrip(","), message)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_at(path: list[str], root: type[Section]) -> tuple[type[BaseModel], list[str]]:
    """The section that holds the key at `path`, and the key's names without pydantic's union branches."""
    model: type[BaseModel] = root
    names: list[str] = []
    for place, part in enumerate(path):
        names.append(part)
        field = model.model_fields.get(part)
        if field is None:
            break
        if get_origin(field.annotation) is dict:
            names += path[place + 1 : place + 2]
        if not is_section(field.annotation):
            break
        model = field.annotation  # type: ignore[assignment]
    return model, names
