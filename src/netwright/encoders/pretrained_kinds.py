"""Networks of transformers for pictures, texts and sounds."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.data.media.sounds import wave_of
from netwright.data.media.spectrogram import sound_lengths
from netwright.data.schema import Column
from netwright.encoders import preprocessing
from netwright.encoders.augment import change
from netwright.encoders.mirrors import mirrors_fit
from netwright.encoders.pretrained import PretrainedEncoder
from netwright.nn.encoders.base import Encoder

FLIPS = {"none": (0.0, 0.0), "horizontal": (0.0, 0.5), "vertical": (0.5, 0.0), "both": (0.5, 0.5)}


class PretrainedImage(PretrainedEncoder):
    """Pictures: the middle of what they were scaled to, as its processor has it.

    While the network learns, pictures are changed at random as in `ImageEncoder`. Where the size is not the
    checkpoint's, positions are interpolated.
    """

    raw = "image"
    flips: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: Any, members: int) -> None:
        super().__init__(columns, places, config, members)
        self.buffer("flips", 2)

    def inputs(self, raw: Tensor) -> dict[str, Any]:
        crop = self.about["preprocess"]["crop"]
        inputs: dict[str, Any] = {"pixel_values": preprocessing.pixels(raw, self.about["preprocess"])}
        size = self.about["config"].get("image_size", 224)
        if self.about["type"] == "vit" and crop != (size if isinstance(size, list) else [size, size]):
            inputs["interpolate_pos_encoding"] = True
        return inputs

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        super().fit(member, raw, weight)
        if not self.frozen:
            flip = self.config.flip
            sides = FLIPS[flip] if flip != "tested" else (0.0, 0.5 * mirrors_fit(raw))
            self.flips[member] = torch.tensor(sides)

    def changed(self, member: int, raw: Tensor, generator: torch.Generator) -> Tensor:
        empty = torch.full((3,), 128.0, device=raw.device)
        changed = change(raw, self.config, self.flips[member], empty, generator)
        there = (raw != 0).flatten(1).any(1)
        return changed * there[:, None, None, None]

    def _places(self) -> int:
        patch = self.network.config.patch_size
        height, width = self.about["preprocess"]["crop"]
        return (height // patch) * (width // patch) + 1


class PretrainedText(PretrainedEncoder):
    """Texts: the tokens of its own tokenizer. Codes in the raw tensor are 1 above, 0 is after the end."""

    raw = "text"

    def inputs(self, raw: Tensor) -> dict[str, Tensor]:
        longest = max(1, int((raw > 0).sum(1).max())) if len(raw) else 1
        raw = raw[:, :longest]
        codes = torch.where(raw > 0, raw.long() - 1, self.about["preprocess"]["pad"])
        return {"input_ids": codes, "attention_mask": self.real(raw, longest).long()}

    def real(self, raw: Tensor, places: int) -> Tensor:
        real = raw[:, :places] > 0
        real[:, 0] = True  # a text without a token still is one
        return real

    def _places(self) -> int:
        return self.shape[0]


class PretrainedSound(PretrainedEncoder):
    """Sounds: samples for wav2vec2, spectra for a spectrogram transformer."""

    raw = "sound"

    def inputs(self, raw: Tensor) -> dict[str, Tensor]:
        wave, length = wave_of(raw), sound_lengths(raw)
        how = self.about["preprocess"]
        if self.about["type"] == "wav2vec2":
            return preprocessing.samples(wave, length, how)
        return {"input_values": preprocessing.spectra(wave, length, how)}

    def real(self, raw: Tensor, places: int) -> Tensor:
        config, length = self.network.config, sound_lengths(raw)
        for kernel, stride in zip(config.conv_kernel, config.conv_stride, strict=True):
            length = (length - kernel) // stride + 1
        return torch.arange(places, device=raw.device) < length.clamp(min=1)[:, None]

    def _places(self) -> int:
        config = self.network.config
        if self.about["type"] == "wav2vec2":
            return max(1, self.shape[0] // 320)
        bands, frames = self.about["preprocess"]["bands"], self.about["preprocess"]["frames"]
        return (bands // config.frequency_stride) * (frames // config.time_stride) + 2

    def _costs(self) -> tuple[int, int]:
        products, floats = super()._costs()
        if self.about["type"] != "wav2vec2":
            return products, floats
        config = self.network.config
        return products, max(floats, self.shape[0] // config.conv_stride[0] * config.conv_dim[0])


PRETRAINED: dict[str, type[Encoder]] = {
    "image": PretrainedImage,
    "text": PretrainedText,
    "sound": PretrainedSound,
}
"""By the kind of column that each takes."""
