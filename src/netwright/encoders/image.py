"""Pictures to features: scaled by what the training rows hold, changed at random, through a network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.config import ImageConfig
from netwright.data.schema import Column
from netwright.encoders.augment import change, pasted
from netwright.encoders.cnn import cnn
from netwright.encoders.measure import largest
from netwright.encoders.mirrors import mirrors_fit
from netwright.encoders.resnet import resnet
from netwright.encoders.vit import VisionTransformer
from netwright.layers.base import Layer
from netwright.nn.encoders.base import Encoder
from netwright.nn.member import Mode

ROWS_AT_A_TIME = 256
FLIPS = {"none": (0.0, 0.0), "horizontal": (0.0, 0.5), "vertical": (0.5, 0.0), "both": (0.5, 0.5)}


class ImageEncoder(Encoder):
    """A column of pictures through a network of its own.

    Raw pictures are uint8 [N, H, W, C]; one of all zeros is missing, and enters the network as the mean.
    Each channel is scaled to mean 0 and deviation 1 on the training rows. Where pictures are mixed (mixup),
    their pixels are. Predictions are made of the mean features of a picture and its mirror image where mirror
    images were learnt from. Arguments as for `Encoder`; the settings without "auto".
    """

    raw = "image"
    mixes = True
    mean: Tensor
    deviation: Tensor
    flips: Tensor  # chances that a picture is turned upside down, and left to right. [M, 2]

    def __init__(self, columns: list[Column], places: list[int], config: ImageConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        height, width, channels = columns[places[0]].shape
        self.shape = (height, width, channels)
        self.buffer("mean", channels)
        self.buffer("deviation", channels, fill=1.0)
        self.buffer("flips", 2)
        self.body = body(self.shape, config)
        (features,) = self.body.connect(self.shape, members)
        self.columns = [features]
        self.products, self.floats = largest(self.body)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        total = torch.zeros(3, raw.shape[-1], dtype=torch.float64, device=raw.device)
        for start in range(0, len(raw), ROWS_AT_A_TIME):
            pixels = raw[start : start + ROWS_AT_A_TIME].flatten(1, 2).double()  # [n, H W, C]
            counts = present(pixels).double()
            if weight is not None:
                counts = counts * weight[start : start + ROWS_AT_A_TIME]
            counts = counts[:, None]
            total[0] += counts.sum()
            total[1] += (pixels.mean(1) * counts).sum(0)
            total[2] += (pixels.square().mean(1) * counts).sum(0)
        count, first, second = total
        mean = first / count.clamp(min=1e-12)
        variance = second / count.clamp(min=1e-12) - mean.square()
        self.mean[member] = mean
        self.deviation[member] = variance.clamp(min=1.0).sqrt()  # one step of 256 at least
        sides = FLIPS[self.config.flip] if self.config.flip != "tested" else (0.0, 0.5 * mirrors_fit(raw))
        self.flips[member] = torch.tensor(sides)

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        x = raw
        if mode.training and self.changes:
            changed = [
                change(pictures, self.config, flips, mean, generator)
                for pictures, flips, mean, generator in zip(
                    raw, self.flips, self.mean, mode.generators, strict=True
                )
            ]
            x = changed[0][None] if len(changed) == 1 else torch.stack(changed)
        around = (slice(None), None, None, None)  # [M, 1, 1, 1, C]
        x = (x.to(self.dtype) - self.mean[around]) / self.deviation[around]
        x = x * present(raw.flatten(2, 3)).to(x.dtype)[:, :, None, None, None]
        if mode.mix is not None:
            cut = self.config.mix == "cut"
            x = pasted(x, mode.mix, mode.generators) if cut else mode.mix.blend(x)
        features = self.body(x, mode)  # [M, B, D]
        if mode.training or not self.config.both_sides:
            return features
        turned = (self.flips[:, 1] > 0).view(-1, 1, 1)  # of members that have learnt from mirror images
        if not bool(turned.any()):
            return features
        return torch.where(turned, (features + self.body(x.flip(3), mode)) / 2, features)

    @property
    def changes(self) -> bool:
        """Whether pictures are changed while they are learnt from."""
        config = self.config
        numbers = (config.rotation, config.shift, config.scale, config.colour, config.noise, config.cutout)
        return config.flip != "none" or any(numbers)

    def describe(self) -> str:
        height, width, channels = self.shape
        return (
            f"pictures {self.names[0]!r} of {height}x{width}x{channels} through {self.config.encoder} "
            f"to {self.columns[0]} features"
        )


def body(shape: tuple[int, int, int], config: ImageConfig) -> Layer:
    """The network that the settings name, for pictures of that shape. [M, B, H, W, C] to [M, B, D]"""
    size = int(config.size)
    if config.encoder == "vit":
        return VisionTransformer(size, int(config.patch), float(config.dropout))
    return {"cnn": cnn, "resnet": resnet}[config.encoder](shape, size)


def present(pixels: Tensor) -> Tensor:
    """Which pictures [..., P, C] are there: any pixel is not 0. [...] bool"""
    return (pixels != 0).flatten(-2).any(-1)


def augmented(encoder: Any, raw: Tensor, seed: int) -> Tensor:
    """Pictures as the network sees them while it learns, for the report.

    Arguments:
        encoder: an `ImageEncoder`, fitted.
        raw: uint8. [n, H, W, C]
        seed: of the changes.

    Returns:
        uint8. [n, H, W, C]
    """
    generator = torch.Generator(raw.device).manual_seed(seed)
    with torch.no_grad():
        changed = change(raw, encoder.config, encoder.flips[0], encoder.mean[0], generator)
    return changed.round().to(torch.uint8) if changed.is_floating_point() else changed
