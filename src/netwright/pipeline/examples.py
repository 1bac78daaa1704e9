"""What the report shows of pictures, sounds, series and texts: a folder of some test rows.

`examples.json` says which rows there are and what was predicted for them; pictures lie beside it. Of training
rows only the sheet of changed pictures or sounds shows some, without their targets.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from netwright.config import Config
from netwright.data.cells import as_text
from netwright.data.dataset import Dataset, own_tensor, texts_of
from netwright.data.media.readers import reader
from netwright.data.media.sequences import lengths
from netwright.data.media.sounds import wave_of
from netwright.data.media.spectrogram import Spectrogram, sound_lengths
from netwright.data.schema import Column
from netwright.encoders.image import ImageEncoder, augmented
from netwright.encoders.pretrained_kinds import PretrainedImage
from netwright.encoders.sound import SoundEncoder
from netwright.evaluate.examples import Group, choose
from netwright.evaluate.scorers import decided
from netwright.files import write_bytes, write_json
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import PREDICT, Mode
from netwright.nn.network import Network
from netwright.pipeline.about import about
from netwright.pipeline.occlusion import WORDS, occlusion
from netwright.pipeline.prepare import Prepared
from netwright.pipeline.thumbnails import SIDE, png, scaled_spectrogram, sheet, spectrogram, thumbnail

SECONDS = 10.0
MOST_BYTES = 1_900_000
STEPS, CHANNELS = 240, 6  # of a series
FEW = {"typical": 4, "mistakes": 6, "pairs": 1, "of_pair": 2}  # texts
CHANGED, CHANGED_PICTURES, CHANGED_SOUNDS = 4, 5, 3  # rows, and versions of each


@dataclass
class Scene:
    """A trained network, its test rows, and the folder that takes their examples.

    Arguments:
        prepared: rows, split, schema, target.
        config: resolved.
        data: raw tensors on the network's device.
        network: trained.
        output: its predictions for the test rows. [N, C]
        folder: is made when the first file is written.
        deadline: by `time.monotonic`; nothing that takes long is begun after it.
        room: bytes that pictures may still take.
    """

    prepared: Prepared
    config: Config
    data: Dataset
    network: Network
    output: np.ndarray
    folder: Path
    deadline: float
    room: int = MOST_BYTES

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def place(self, row: int) -> int:
        """Where a test row stands in the table."""
        return int(self.prepared.split.test[row])

    def number(self, row: int) -> int:
        """A test row's number in the source."""
        return int(self.prepared.table.rows[self.place(row)])

    def looked_at(self, row: int) -> int:
        """The output of interest: of the predicted class, the surest label, or the first value."""
        task = self.prepared.schema.target.task
        if task == "regression":
            return 0
        return int(decided(self.output[row][None], self.network.threshold if task == "binary" else 0.5)[0])

    def encoder(self, column: Column) -> Encoder:
        return next(part for part in self.network.encoders.list if part.tensor == own_tensor(column))

    def contents(self, column: Column, places: np.ndarray) -> Tensor:
        """Raw contents of some rows, decoded anew: the run's tensor may hold features in their place."""
        texts = self.prepared.table.frame[column.name][places].to_list()
        return reader(column.kind).encode(column, self.prepared.table.media[column.name], texts)

    def keep(self, name: str, picture: Image.Image) -> dict[str, Any]:
        """Writes a picture; tells its file and size, or nothing where there is no room for it."""
        content = png(picture)
        if len(content) > self.room:
            return {}
        self.room -= len(content)
        write_bytes(self.folder / name, content)
        return {"picture": name, "size": list(picture.size)}


def write_examples(
    folder: Path,
    prepared: Prepared,
    config: Config,
    data: Dataset,
    network: Network,
    output: np.ndarray,
    seconds: float,
) -> None:
    """Writes examples of the test rows, where columns hold what can be shown; arguments as for `Scene`.

    Arguments:
        seconds: after which nothing more is begun; nothing is written where there are none.
    """
    columns = prepared.schema.of_kind("image", "sound", "series", "text")
    if not columns or seconds <= 0:
        return
    deadline = time.monotonic() + min(seconds, SECONDS)
    scene = Scene(prepared, config, data, network, output, folder, deadline)
    show = {"image": _pictures, "sound": _sounds, "series": _series, "text": _texts}
    told: list[dict[str, Any]] = []
    for number, column in enumerate(columns):
        if scene.late:
            break
        groups = _chosen(scene, few=column.kind == "text")
        rows = list(dict.fromkeys(row for group in groups for row in group.rows))
        file = f"{column.kind}-{number}"
        shown = show[column.kind](scene, column, rows, file)
        told.append(
            {
                "name": column.name,
                "kind": column.kind,
                "about": about(column, config.inputs),
                "groups": [_group(scene, column, group, shown) for group in groups],
                "changed": _changed(scene, column, file),
                **_more(scene, column),
            }
        )
    write_json(folder / "examples.json", {"version": 1, "columns": told})


def _chosen(scene: Scene, *, few: bool) -> list[Group]:
    target = scene.prepared.target[scene.prepared.split.test]
    limits = FEW if few else {}
    task = scene.prepared.schema.target.task
    return choose(task, target, scene.output, threshold=scene.network.threshold, **limits)


def _more(scene: Scene, column: Column) -> dict[str, Any]:
    """What the captions of the column need to know."""
    if column.kind == "sound":
        return {"highest": column.rate / 2, "bands": _spectrogram(scene, column).bands}
    return {"channels": column.channels[:CHANNELS]} if column.kind == "series" else {}


# ---------------------------------------------------------------------------------------- rows in words


def _group(scene: Scene, column: Column, group: Group, shown: dict[int, dict[str, Any]]) -> dict[str, Any]:
    classes = scene.prepared.schema.target.classes
    return {
        "what": group.what,
        "of": group.of,
        "true": None if group.true is None else classes[group.true],
        "predicted": None if group.predicted is None else classes[group.predicted],
        "examples": [{**_told(scene, column, row), **shown[row]} for row in group.rows],
    }


def _told(scene: Scene, column: Column, row: int) -> dict[str, Any]:
    """A test row's number, name, target and prediction."""
    place, target, values = scene.place(row), scene.prepared.schema.target, scene.output[row]
    table = scene.prepared.table
    cells = [as_text(table.frame[name][[place]])[0] or "" for name in target.columns]
    chance = None
    if target.task in ("binary", "multiclass"):
        code = scene.looked_at(row)
        true, predicted, chance = cells[0], target.classes[code], round(float(values[code]), 6)
    elif target.task == "multilabel":
        true = _labels(target.columns, scene.prepared.target[place] > 0.5)
        predicted = _labels(target.columns, values > 0.5)
    else:
        true = _numbers(target.columns, cells)
        predicted = _numbers(target.columns, [f"{value:.4g}" for value in values])
    name = None if column.kind == "text" else table.frame[column.name][place]
    return {
        "row": scene.number(row),
        "name": None if name is None or name.isdigit() else name,  # digits only are a number of our own
        "true": true,
        "predicted": predicted,
        "probability": chance,
    }


def _labels(names: list[str], there: np.ndarray) -> str:
    return ", ".join(name for name, each in zip(names, there, strict=True) if each) or "none"


def _numbers(names: list[str], values: list[str]) -> str:
    if len(names) == 1:
        return values[0]
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


# --------------------------------------------------------------------------------------------- contents


Shown = dict[int, dict[str, Any]]
"""By test row what there is to show of it; nothing where its cell is missing."""


def _pictures(scene: Scene, column: Column, rows: list[int], file: str) -> Shown:
    raw = scene.contents(column, scene.prepared.split.test[rows]).numpy()
    return {
        row: scene.keep(f"{file}-{scene.number(row)}.png", thumbnail(pixels)) if pixels.any() else {}
        for row, pixels in zip(rows, raw, strict=True)
    }


def _sounds(scene: Scene, column: Column, rows: list[int], file: str) -> Shown:
    raw = scene.contents(column, scene.prepared.split.test[rows])
    made = _spectrogram(scene, column)
    samples = sound_lengths(raw)  # [n]
    frames: list[int] = made.frames(samples).tolist()
    values = made.log_mel(wave_of(raw)).numpy()  # [n, T, bands]
    found: Shown = {row: {} for row in rows}
    for row, energy, count, length in zip(rows, values, frames, samples.tolist(), strict=True):
        if count:
            drawn = spectrogram(energy[:count], max(frames))
            found[row] = scene.keep(f"{file}-{scene.number(row)}.png", drawn) | {
                "seconds": length / column.rate
            }
    return found


def _spectrogram(scene: Scene, column: Column) -> Spectrogram:
    """What the column's encoder reads of a sound; a pretrained one reads something of its own."""
    encoder = scene.encoder(column)
    return encoder.spectrogram if isinstance(encoder, SoundEncoder) else Spectrogram.of(column.rate, 64)


def _series(scene: Scene, column: Column, rows: list[int], file: str) -> Shown:
    raw = scene.contents(column, scene.prepared.split.test[rows])
    found: Shown = {row: {} for row in rows}
    for row, values, length in zip(rows, raw.numpy(), lengths(raw).tolist(), strict=True):
        if length:
            together = math.ceil(length / STEPS)
            courses = [_thinned(each[:length], together) for each in values.T[:CHANNELS]]
            found[row] = {"series": courses, "steps": length * max(1, column.rate)}
    return found


def _thinned(values: np.ndarray, together: int) -> list[float | None]:
    """Means of so many neighbours, to four digits; None where there is no value."""
    parts = [values[start : start + together] for start in range(0, len(values), together)]
    return [float(f"{np.nanmean(part):.4g}") if np.isfinite(part).any() else None for part in parts]


def _texts(scene: Scene, column: Column, rows: list[int], file: str) -> Shown:
    found: Shown = {row: {} for row in rows}
    texts = texts_of(scene.prepared.table.frame[column.name][scene.prepared.split.test[rows]], column)
    for row, text in zip(rows, texts, strict=True):
        if not (text or "").split():
            continue
        if scene.late:
            found[row] = {"words": [[word, None] for word in text.split()[:WORDS]]}
        else:
            raw = {name: tensor[[scene.place(row)]] for name, tensor in scene.data.raw.items()}
            words = occlusion(scene.network, column, text, raw, scene.looked_at(row))
            found[row] = {"words": [[word, float(f"{weight:.3g}")] for word, weight in words]}
        found[row]["more"] = max(0, len(text.split()) - WORDS)
    return found


# ----------------------------------------------------------------------------------------- augmentation


def _changed(scene: Scene, column: Column, file: str) -> dict[str, Any] | None:
    """A sheet of training rows beside what the network saw of them; None where nothing is changed."""
    if column.kind not in ("image", "sound") or scene.late:
        return None
    train = scene.prepared.split.train
    some = train[np.linspace(0, len(train) - 1, min(CHANGED, len(train))).round().astype(int)]
    raw = scene.contents(column, some)
    draw = _changed_pictures if column.kind == "image" else _changed_sounds
    rows = draw(scene.encoder(column), raw)
    return scene.keep(f"{file}-changed.png", sheet(rows)) if rows else None


def _changed_pictures(encoder: Encoder, raw: Tensor) -> list[list[Image.Image]]:
    shown = raw.to(encoder.one.device)
    if isinstance(encoder, ImageEncoder):
        versions = [augmented(encoder, shown, seed).cpu() for seed in range(CHANGED_PICTURES)]
    elif isinstance(encoder, PretrainedImage) and not encoder.frozen:
        generators = [torch.Generator(shown.device).manual_seed(seed) for seed in range(CHANGED_PICTURES)]
        versions = [encoder.changed(0, shown, each).round().byte().cpu() for each in generators]
    else:
        return []
    if all(version.equal(raw) for version in versions):
        return []
    side = SIDE if max(raw.shape[1:3]) < SIDE else SIDE * 3 // 4
    return [
        [thumbnail(version[row].numpy(), side) for version in (raw, *versions)] for row in range(len(raw))
    ]


def _changed_sounds(encoder: Encoder, raw: Tensor) -> list[list[Image.Image]]:
    if not (isinstance(encoder, SoundEncoder) and encoder.changes):
        return []
    device = encoder.one.device
    shared = raw.to(device).expand(encoder.members, *raw.shape)  # [M, n, L]
    modes = [PREDICT]
    for seed in range(CHANGED_SOUNDS):
        generators = [torch.Generator(device).manual_seed(seed) for _ in range(encoder.members)]
        modes.append(Mode(training=True, generators=generators))
    versions: list[list[np.ndarray]] = []
    with torch.inference_mode():
        for mode in modes:
            x, inside = encoder.inputs(shared, mode)  # [M, n, T, bands], [M, n, T, 1]
            frames = x.new_ones(x.shape[1:3]).sum(1) if inside is None else inside[0, ..., 0].sum(1)  # [n]
            counts = frames.long().tolist()
            versions.append([x[0, row, :count].float().cpu().numpy() for row, count in enumerate(counts)])
    longest = max(len(each) for version in versions for each in version)
    there = [row for row, first in enumerate(versions[0]) if len(first)]
    return [[scaled_spectrogram(version[row], longest) for version in versions] for row in there]
