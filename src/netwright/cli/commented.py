"""A config as YAML in which each key says what it does and what is allowed."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

from netwright.config import Config

HEADER = "# One run of Netwright. Start it with: netwright train --config THIS_FILE\n"
WIDTH = 110
COMMENT_COLUMN = 28


def commented(config: Config, remarks: Mapping[str, str]) -> str:
    """A config as YAML with comments; it loads as the same config.

    Arguments:
        config: what to write.
        remarks: {key: comment} for keys of free mappings, such as ``data.kinds.age``.

    Example:
        >>> print(commented(Config(), {}).splitlines()[4].strip())
        path: null                # file, zip, sample:NAME, or a database URL::SELECT ...
    """
    schema = Config.model_json_schema()
    lines = _section(config.model_dump(mode="json"), schema, schema["$defs"], "", remarks)
    return HEADER + "\n".join(lines) + "\n"


def _section(
    values: dict[str, Any],
    schema: dict[str, Any],
    definitions: dict[str, Any],
    place: str,
    remarks: Mapping[str, str],
) -> list[str]:
    """The lines of a section's keys, in the order of the config."""
    indent = "  " * len(place.split(".")) if place else ""
    lines = []
    for key, value in values.items():
        about = schema["properties"][key]
        here = f"{place}.{key}" if place else key
        if "$ref" in about:
            section = definitions[about["$ref"].rpartition("/")[2]]
            words = section.get("description", "").partition("\n")[0]
            lines += ["", f"{indent}# {words}"] if not place else [f"{indent}# {words}"]
            lines += [f"{indent}{key}:", *_section(value, section, definitions, here, remarks)]
        elif isinstance(value, dict) and value:
            lines.append(_with_comment(f"{indent}{key}:", _comment(about), indent))
            lines += [
                _with_comment(
                    entry(name, each, indent + "  "), remarks.get(f"{here}.{name}", ""), indent + "  "
                )
                for name, each in value.items()
            ]
        else:
            lines.append(_with_comment(entry(key, value, indent), _comment(about), indent))
    return lines


def entry(key: str, value: Any, indent: str) -> str:
    """``key: value`` as YAML; lists and inner mappings in one line.

    Example:
        >>> entry("drop_columns", ["a", "b"], "  ")
        '  drop_columns: [a, b]'
    """
    flow = None if isinstance(value, list | dict) else False
    text = yaml.safe_dump(
        {key: value}, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=2**31
    )
    return textwrap.indent(text.rstrip("\n"), indent)


def _with_comment(text: str, comment: str, indent: str) -> str:
    """The comment behind the value, or above where the line would be too long."""
    comment = " ".join(comment.split())
    if not comment:
        return text
    line = f"{text:<{COMMENT_COLUMN}}# {comment}" if len(text) < COMMENT_COLUMN else f"{text}  # {comment}"
    if len(line) <= WIDTH and "\n" not in text:
        return line
    mark = f"{indent}# "
    above = textwrap.wrap(comment, WIDTH, initial_indent=mark, subsequent_indent=mark)
    return "\n".join([*above, text])


def _comment(about: dict[str, Any]) -> str:
    """What a key does, and in brackets what is allowed."""
    words, allowed = about.get("description", ""), _allowed(about)
    return f"{words} [{allowed}]".strip() if allowed else words


def _allowed(about: dict[str, Any]) -> str:
    """The values that a key takes, where that is more than one type or any text."""
    options = [text for option in about.get("anyOf", [about]) for text in _choices(option)]
    return ", ".join(options) if options not in (["null"], ["a list"], ["a mapping"]) else ""


def _choices(option: dict[str, Any]) -> list[str]:
    if "enum" in option:
        return [str(each) for each in option["enum"]]
    if "const" in option:
        return [str(option["const"])]
    if option.get("type") in ("integer", "number"):
        return [_range(option)]
    words = {"null": "null", "array": "a list", "object": "a mapping"}
    return [words[option["type"]]] if option.get("type") in words else []


def _range(option: dict[str, Any]) -> str:
    words = {
        "minimum": "from {}",
        "exclusiveMinimum": "above {}",
        "maximum": "to {}",
        "exclusiveMaximum": "below {}",
    }
    bounds = {key: option[key] for key in words if key in option}
    return " ".join(words[key].format(int(end) if end == int(end) else end) for key, end in bounds.items())
