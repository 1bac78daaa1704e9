"""A page for each symptom, made from the catalogue: ``python -m netwright.doctor.pages docs/symptoms``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from netwright.doctor import words
from netwright.doctor.catalogue import FAMILIES, SYMPTOMS, Symptom

SETTING = re.compile(
    r"\b((?:data|split|inputs|network|training|ensemble)\.[a-z_.]*[a-z](?:: [a-z_0-9.]*[a-z0-9])?)"
)
COMMAND = re.compile(r"\b(netwright (?:train|tune|check|learning-curve|cv))\b")
MADE = "<!-- Made from the catalogue: python -m netwright.doctor.pages docs/symptoms -->"


def pages() -> dict[str, str]:
    """Texts of all pages by their names."""
    return {"README.md": _index()} | {f"{id}.md": page(each) for id, each in SYMPTOMS.items()}


def page(symptom: Symptom) -> str:
    """The page of a symptom as Markdown.

    Example:
        >>> page(SYMPTOMS["drift"]).splitlines()[1]
        '# Parts that are not alike'
    """
    near = [each for each in SYMPTOMS.values() if each.family == symptom.family and each is not symptom]
    parts = [
        f"{MADE}\n# {symptom.title}",
        f"`{symptom.id}` · {FAMILIES[symptom.family].lower()} · "
        f"[the doctor](../doctor.md) · [all symptoms](README.md)",
        _marked(symptom.what),
        *(f"## {name}\n\n{_marked(text)}" for name, text in words.told_of(symptom)),
        "## What to do\n\n"
        + "\n".join(f"{number}. {_marked(step)}" for number, step in enumerate(symptom.todo, start=1)),
        f"## From\n\n{_marked(words.sentence(symptom.source))}",
    ]
    if near:
        parts.append(f"See also: {', '.join(f'[{each.id}]({each.id}.md)' for each in near)}.")
    return "\n\n".join(parts) + "\n"


def _index() -> str:
    parts = [
        f"{MADE}\n# What the doctor looks for",
        f"{len(SYMPTOMS)} symptoms, in the order in which they cause each other: where several are seen, the "
        "doctor begins with the one that stands first. [How the doctor works](../doctor.md).",
    ]
    for family, name in FAMILIES.items():
        rows = [
            f"| [{each.id}]({each.id}.md) | {each.title} | {_marked(each.what)} |"
            for each in SYMPTOMS.values()
            if each.family == family
        ]
        parts.append("\n".join([f"## {name}", "", "| | | |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _marked(text: str) -> str:
    """With settings and commands as code."""
    return COMMAND.sub(r"`\1`", SETTING.sub(r"`\1`", text))


def write(folder: Path) -> None:
    """Writes all pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
