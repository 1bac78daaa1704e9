"""The report of a run: a page to read and a card to ship, made from the run folder's files alone."""

from __future__ import annotations

import os
from pathlib import Path

from netwright.errors import NetwrightError


def build(folder: str | Path) -> Path:
    """Writes report.html and model_card.md into a run folder; neither changes unless both can be written.

    The folder of a network made by hand (`Model.report`) gets the page alone, and so do those of a
    cross-validation and of a learning curve.

    A pure function of the folder's other files: building again gives the same bytes.

    Arguments:
        folder: the run's folder. config.yaml and metrics.json must be there; what else is missing is left
            out of the report.

    Returns:
        The path of report.html.

    Raises:
        InputError: the folder is no run, or one of its files is damaged.
        NetwrightError: the folder cannot be written to, or the disk is full.

    Example:
        >>> path = build("runs/adult-2026-01-31-120000")  # doctest: +SKIP
    """
    from netwright.report import folds, forecast, forecast_card, html, learning
    from netwright.report.card import card
    from netwright.report.record import Record

    folder = Path(folder)
    record = Record.read(folder)
    page = {"cv": folds.page, "learning-curve": learning.page}.get(record.command, html.page)
    if record.task == "forecast":
        page, card = forecast.page, forecast_card.card
    # A card speaks of test rows and of commands.
    carded = record.command == "train" and not record.by_hand
    _write(folder, {"report.html": page(record), **({"model_card.md": card(record)} if carded else {})})
    return folder / "report.html"


def _write(folder: Path, texts: dict[str, str]) -> None:
    """All files beside their places first, so that a full disk leaves the old ones."""
    beside = {folder / name: folder / f".{name}.writing" for name in texts}
    try:
        for path, content in zip(beside.values(), texts.values(), strict=True):
            path.write_text(content, encoding="utf-8", newline="\n")
        for place, path in beside.items():
            os.replace(path, place)
    except OSError as error:
        raise NetwrightError(f"cannot write the report into {folder}: {error.strerror}") from None
    finally:
        for path in beside.values():
            path.unlink(missing_ok=True)
