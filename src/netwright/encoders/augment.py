"""Pictures changed at random while they are learnt from: a batch at a time, on its device."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from netwright.config import ImageConfig
from netwright.nn.mixup import Mix

DRAWS = 11  # random numbers of a picture


def change(
    pictures: Tensor, settings: ImageConfig, flips: Tensor, empty: Tensor, generator: torch.Generator
) -> Tensor:
    """Mirrored, moved, turned and scaled pictures with other colours, noise and an empty square.

    Arguments:
        pictures: uint8. [B, H, W, C]
        settings: no "auto" among them.
        flips: chances that a picture is turned upside down, and left to right. [2]
        empty: the colour of the empty square, from 0 to 255. [C]
        generator: all randomness is drawn from it.

    Returns:
        The same shape from 0 to 255; uint8 where only whole pixels moved, else float32.

    Example:
        >>> settings = ImageConfig.model_validate(NOTHING | {"noise": 0.1})
        >>> grey = torch.full((2, 8, 8, 1), 128, dtype=torch.uint8)
        >>> noisy = change(grey, settings, torch.zeros(2), torch.zeros(1), torch.Generator().manual_seed(0))
        >>> 20 < float(noisy.std()) < 31
        True
    """
    drawn = torch.rand(len(pictures), DRAWS, generator=generator, device=pictures.device)
    sides, moves, turn, size, colours, place = drawn.split((2, 2, 1, 1, 3, 2), dim=1)
    mirrored = sides < flips  # [B, 2]
    shift = (2 * moves - 1) * float(settings.shift)  # [B, 2] shares of height and width
    rotation, scale = float(settings.rotation), float(settings.scale)
    x = pictures
    if rotation or scale:
        angle = (2 * turn[:, 0] - 1) * math.radians(rotation)
        zoom = (1 + scale) ** (2 * size[:, 0] - 1)
        x = turned(x, mirrored, shift, angle, zoom)
    elif settings.shift or settings.flip != "none":
        x = moved(x, mirrored, shift)
    if settings.colour:
        x = coloured(x, 1 + (2 * colours - 1) * float(settings.colour))
    if settings.noise:
        noise = torch.empty(x.shape, device=x.device).normal_(
            0, 255 * float(settings.noise), generator=generator
        )
        x = x + noise
    if settings.colour or settings.noise:
        x = x.clamp(0, 255)
    if settings.cutout:
        x = emptied(x, place, float(settings.cutout), empty)
    return x


NOTHING = {
    "augment": "none",
    "flip": "none",
    **dict.fromkeys(("rotation", "shift", "scale", "colour", "noise", "cutout"), 0.0),
}
"""Settings that change nothing."""


def moved(x: Tensor, mirrored: Tensor, shift: Tensor) -> Tensor:
    """Pictures [B, H, W, C] mirrored [B, 2] bool and shifted [B, 2] by whole pixels; edges reflect."""
    count, height, width = x.shape[:3]
    rows = _sources(height, mirrored[:, 0], shift[:, 0])  # [B, H]
    columns = _sources(width, mirrored[:, 1], shift[:, 1])  # [B, W]
    pixels = rows[:, :, None] * width + columns[:, None, :]  # [B, H, W]
    pixels += torch.arange(count, device=x.device)[:, None, None] * (height * width)
    return x.flatten(0, 2).index_select(0, pixels.flatten()).view(x.shape)


def _sources(size: int, mirrored: Tensor, shift: Tensor) -> Tensor:
    """Where along an axis each pixel comes from. [B, size] int64"""
    places = torch.arange(size, device=shift.device) - (shift[:, None] * size).round().long()
    places = places.abs()
    places = size - 1 - (size - 1 - places).abs()  # reflected at the other end
    return torch.where(mirrored[:, None], size - 1 - places, places)


def turned(x: Tensor, mirrored: Tensor, shift: Tensor, angle: Tensor, zoom: Tensor) -> Tensor:
    """Pictures mirrored, shifted, turned and scaled, between pixels by bilinear means; edges reflect.

    Arguments:
        x: [B, H, W, C]
        mirrored, shift: [B, 2], as for `moved`.
        angle: radians. [B]
        zoom: above 1 things look larger. [B]

    Returns:
        float32. [B, H, W, C]
    """
    height, width = x.shape[1:3]
    sign = 1.0 - 2.0 * mirrored  # [B, 2]
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    # Each output pixel (right, down), from -1 to 1, is looked up at theta (right, down, 1).
    theta = torch.stack(
        [
            torch.stack(
                [sign[:, 1] * cos, -sign[:, 1] * sin * height / width, -2 * sign[:, 1] * shift[:, 1]], dim=1
            ),
            torch.stack(
                [sign[:, 0] * sin * width / height, sign[:, 0] * cos, -2 * sign[:, 0] * shift[:, 0]], dim=1
            ),
        ],
        dim=1,
    )  # [B, 2, 3]
    first = x.float().movedim(-1, 1)  # [B, C, H, W]
    grid = functional.affine_grid(theta, list(first.shape), align_corners=False)
    found = functional.grid_sample(first, grid, padding_mode="reflection", align_corners=False)
    return found.movedim(1, -1)


def coloured(x: Tensor, factors: Tensor) -> Tensor:
    """Other brightness, contrast and saturation. [B, H, W, C], [B, 3] to float32 [B, H, W, C]"""
    brightness, contrast, saturation = factors.view(-1, 3, 1, 1, 1).unbind(1)
    x = x.float()
    if x.shape[-1] > 1:
        grey = x.mean(-1, keepdim=True)
        x = grey + (x - grey) * saturation
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean * brightness + (x - mean) * (contrast * brightness)


def emptied(x: Tensor, place: Tensor, share: float, empty: Tensor) -> Tensor:
    """A square of each picture in one colour, its centre anywhere. Source: arXiv 1708.04552.

    Arguments:
        x: [B, H, W, C]
        place: of the centre, from 0 to 1. [B, 2]
        share: side of the square as a share of the smaller side.
        empty: the colour. [C]
    """
    height, width = x.shape[1:3]
    half = share * min(height, width) / 2
    rows = (torch.arange(height, device=x.device) + 0.5 - place[:, :1] * height).abs() < half  # [B, H]
    columns = (torch.arange(width, device=x.device) + 0.5 - place[:, 1:] * width).abs() < half  # [B, W]
    inside = rows[:, :, None] & columns[:, None, :]
    return torch.where(inside[..., None], empty.to(x.dtype), x)


def pasted(x: Tensor, mix: Mix, generators: list[torch.Generator]) -> Tensor:
    """A rectangle of each picture's partner in the picture (CutMix, arXiv 1905.04899).

    Arguments:
        x: [M, B, H, W, C]
        mix: its share is what is left of the picture itself, to a pixel's breadth.
        generators: of the members; the place is drawn from them.
    """
    height, width = x.shape[2:4]
    found = []
    for pictures, partner, share, generator in zip(x, mix.partner, mix.share, generators, strict=True):
        drawn = torch.rand(2, generator=generator, device=x.device)
        side = (1 - share).sqrt()
        sizes = side * share.new_tensor([height, width])
        low = drawn * (share.new_tensor([height, width]) - sizes)
        rows, columns = (
            (place + 0.5 > low[axis]) & (place + 0.5 < low[axis] + sizes[axis])
            for axis, place in enumerate(torch.arange(size, device=x.device) for size in (height, width))
        )
        inside = (rows[:, None] & columns[None, :])[None, :, :, None]
        found.append(torch.where(inside, pictures[partner], pictures))
    return torch.stack(found)
