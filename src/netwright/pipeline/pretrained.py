"""Networks from elsewhere in a run: settings that follow from a checkpoint, and columns that get it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.config import Config, InputsConfig, PretrainedConfig, TextConfig
from netwright.data.cells import as_text
from netwright.data.dataset import own_tensor
from netwright.data.schema import Column, Schema
from netwright.data.table import Table
from netwright.data.tokens import token_counts
from netwright.encoders import hub, preprocessing
from netwright.encoders.hub import PLURAL, Checkpoint
from netwright.encoders.pretrained_kinds import PRETRAINED
from netwright.errors import InputError, MissingExtra
from netwright.training.device import find_device

KINDS = ("image", "text", "sound")
LONGEST = 256  # tokens of a text, unless the settings say more
COUNTED = 5_000  # texts whose tokens are counted
MOST_TOKENS = 512
ROWS_AT_A_TIME = 256


def with_pretrained(config: Config) -> Config:
    """The config with the sizes and rates that its pretrained networks want.

    Raises:
        InputError: a network cannot be found, or is for another kind of data.
    """
    inputs = config.inputs
    if inputs.pretrained is None and not _asked(inputs):
        return config
    config = config.model_copy(deep=True)
    inputs = config.inputs
    if inputs.pretrained is not None:
        found = hub.read(inputs.pretrained)
        section = getattr(inputs, found.family.kind)
        if section.pretrained is None:
            section.pretrained = inputs.pretrained
        # From here on it is a setting of that kind, which `attach` looks for in the data.
    for kind in KINDS:
        section = getattr(inputs, kind)
        if section.pretrained is not None:
            _settle(section, _checked(section.pretrained, kind, f"inputs.{kind}.pretrained"))
    for name, settings in inputs.columns.items():
        if settings.get("pretrained") is not None:
            found = hub.read(settings["pretrained"])
            section = getattr(inputs, found.family.kind).model_copy(update=settings)
            _settle(section, found)
            changed = section.model_dump(exclude_defaults=True)
            inputs.columns[name] = settings | {
                key: changed[key] for key in ("pretrained", "tune", *_SIZES) if key in changed
            }
    return config


_SIZES = ("height", "width", "channels", "rate")


def _asked(inputs: InputsConfig) -> bool:
    """Whether any column has a network from elsewhere."""
    sections = [getattr(inputs, kind).pretrained for kind in KINDS]
    return any([*sections, *(settings.get("pretrained") for settings in inputs.columns.values())])


def _checked(name: str, kind: str, where: str) -> Checkpoint:
    found = hub.read(name)
    if found.family.kind != kind:
        raise InputError(
            f"{name!r} ({found.type}) is for {PLURAL[found.family.kind]}, not for {PLURAL[kind]}",
            where=where,
            hint=f"set inputs.{found.family.kind}.pretrained",
        )
    return found


def _settle(section: PretrainedConfig, found: Checkpoint) -> None:
    """Fills in what a checkpoint decides."""
    if not hub.is_name(found.name):
        section.pretrained = str(found.folder)
    if section.tune == "auto":
        section.tune = "frozen"
    if found.family.kind == "image":
        height, width = preprocessing.of_pictures(found.preprocess)["resize"]
        for key, value in (("height", height), ("width", width), ("channels", 3)):
            if getattr(section, key) == "auto":
                setattr(section, key, value)
    elif found.family.kind == "sound":
        wanted = preprocessing.of_sounds(found.preprocess, found.type)["rate"]
        given = getattr(section, "rate")  # noqa: B009
        if given not in ("auto", wanted):
            what = f"the network {found.name!r} hears {wanted:,} samples a second, not {given:,}"
            raise InputError(what, where="inputs.sound.rate", hint="leave it out")
        setattr(section, "rate", wanted)  # noqa: B010


def attach(schema: Schema, config: Config, table: Table, rows: np.ndarray) -> None:
    """Gives columns the networks that their settings name, and reads the weights.

    Arguments:
        schema: its columns are changed.
        config: after `with_pretrained`.
        table: the rows.
        rows: numbers of those that may be looked at.

    Raises:
        InputError: there is no column of a network's kind, or there are several.
    """
    inputs = config.inputs
    if inputs.pretrained is not None:
        _check_alone(schema, inputs.pretrained, hub.read(inputs.pretrained))
        inputs.pretrained = None
    for column in schema.of_kind(*KINDS):
        settings = getattr(inputs, column.kind).model_copy(update=inputs.columns.get(column.name, {}))
        if settings.pretrained is None:
            continue
        found = _checked(settings.pretrained, column.kind, f"the column {column.name!r}")
        column.backbone = {"type": found.type, "config": found.config, "sha256": hub.load(found)}
        column.backbone["preprocess"] = _preprocess(column, settings, found)
        if column.kind == "text":
            column.tokenizer = _tokenizer(found)
            texts = as_text(table.frame[column.name][rows]).drop_nulls().unique(maintain_order=True)
            column.shape = [_length(texts, column, settings, found)]
            column.vocabulary, column.units = "", ""


def _check_alone(schema: Schema, name: str, found: Checkpoint) -> None:
    kind = found.family.kind
    columns = schema.of_kind(kind)
    if len(columns) == 1:
        return
    if columns:
        names = ", ".join(column.name for column in columns)
        what = f"{name!r} is for {PLURAL[kind]}, and {len(columns)} columns have them: {names}"
        hint = f"name one: --set inputs.columns.{columns[0].name}.pretrained={name}; or all: inputs.{kind}"
        raise InputError(what, where="pretrained", hint=hint)
    kinds = ", ".join(dict.fromkeys(column.kind for column in schema.inputs))
    hint = f"data.kinds says which column is one, such as NAME: {kind}" if kind == "text" else None
    raise InputError(
        f"{name!r} ({found.type}) is for {PLURAL[kind]}, and the data has none; its columns are {kinds}",
        where="pretrained",
        hint=hint,
    )


def _preprocess(column: Column, settings: PretrainedConfig, found: Checkpoint) -> dict[str, Any]:
    if column.kind == "text":
        return {"pad": int(found.config.get("pad_token_id") or 0)}
    if column.kind == "sound":
        return preprocessing.of_sounds(found.preprocess, found.type)
    made = preprocessing.of_pictures(found.preprocess)
    if column.shape[:2] != made["resize"]:  # the user's own size: nothing is cut off
        made |= {"resize": column.shape[:2], "crop": column.shape[:2]}
    return made


def _tokenizer(found: Checkpoint) -> str:
    """The tokenizer of a checkpoint, as `tokenizers` writes it."""
    path = found.folder / "tokenizer.json"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise MissingExtra("transformers", "hub", f"the tokenizer of {found.name!r}") from None
    try:
        with hub.quiet():
            made = AutoTokenizer.from_pretrained(
                str(found.folder), local_files_only=True, trust_remote_code=False
            )
            return made.backend_tokenizer.to_str()
    except Exception as error:  # of transformers, tokenizers and sentencepiece alike
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"the tokenizer of {found.name!r} cannot be read: {reason}",
            where="pretrained",
            hint="its folder needs a tokenizer.json",
        ) from None


def _length(texts: pl.Series, column: Column, settings: PretrainedConfig, found: Checkpoint) -> int:
    """Tokens read of each text: as many as nearly all have."""
    assert isinstance(settings, TextConfig)
    known = found.config.get("max_position_embeddings") or MOST_TOKENS
    most = min(int(known) - (2 if found.type == "roberta" else 0), MOST_TOKENS)
    if settings.length != "auto":
        return max(4, min(int(settings.length), most))
    some = texts.gather_every(max(1, len(texts) // COUNTED)).to_list()
    counts = token_counts(some, column.tokenizer) if some else np.array([4])
    return max(4, min(math.ceil(float(np.quantile(counts, 0.99))), LONGEST, most))


def with_features(raw: dict[str, Tensor], schema: Schema, config: Config) -> dict[str, Tensor]:
    """Raw tensors with a frozen network's features [N, D] in the place of its inputs: it runs once."""
    made, inputs = dict(raw), config.inputs
    for column in schema.of_kind(*KINDS):
        if column.backbone:
            settings = getattr(inputs, column.kind).model_copy(update=inputs.columns.get(column.name, {}))
            if settings.tune == "frozen":
                device = find_device(config.training.device)
                made[own_tensor(column)] = _features(column, settings, raw[own_tensor(column)], device)
    return made


@torch.no_grad()
def _features(column: Column, settings: PretrainedConfig, raw: Tensor, device: torch.device) -> Tensor:
    encoder: Any = PRETRAINED[column.kind]([column], [0], settings, 1)
    parts = [encoder.features_of(part.to(device)).cpu() for part in raw.split(ROWS_AT_A_TIME)]
    return torch.cat(parts) if parts else torch.zeros(0, encoder.columns[0])
