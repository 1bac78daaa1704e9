"""Small pictures for the report: of pictures, of spectrograms, and sheets of them."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

SIDE = 112  # pixels of the longer side, about
WIDTH = 208  # of the longest spectrogram
HEIGHT = 96
DECADES = 6.0  # of energy, from the loudest to what is drawn black
# Of the colour map inferno (Smith and van der Walt, 2015), at even distances.
COLOURS = ((0, 0, 4), (66, 10, 104), (147, 38, 103), (221, 81, 58), (252, 165, 10), (252, 255, 164))


def thumbnail(pixels: np.ndarray, side: int = SIDE) -> Image.Image:
    """A picture about so large: small ones by whole factors, so that each pixel stays a square.

    Arguments:
        pixels: uint8. [H, W, C], C 1 or 3
        side: of the longer side.

    Example:
        >>> thumbnail(np.zeros((8, 4, 1), np.uint8)).size
        (56, 112)
    """
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    longest = max(picture.size)
    if longest > side:
        wide, high = (max(1, round(each * side / longest)) for each in picture.size)
        return picture.resize((wide, high), Image.Resampling.LANCZOS)
    factor = side // longest
    return picture.resize((picture.width * factor, picture.height * factor), Image.Resampling.NEAREST)


def spectrogram(values: np.ndarray, longest: int) -> Image.Image:
    """A log-mel spectrogram: time to the right, pitch upwards, loud is bright.

    Arguments:
        values: natural logarithms of energies. [T, bands]
        longest: frames that have the whole width.
    """
    top = float(values.max())
    share = np.clip(1.0 + (values - top) / (DECADES * np.log(10.0)), 0.0, 1.0)
    return _coloured(share, longest)


def scaled_spectrogram(values: np.ndarray, longest: int) -> Image.Image:
    """The same of a spectrogram whose bands have mean 0 and deviation 1: from -2.5 to 2.5. [T, bands]"""
    return _coloured(np.clip(values / 5.0 + 0.5, 0.0, 1.0), longest)


def _coloured(share: np.ndarray, longest: int) -> Image.Image:
    at = np.linspace(0.0, 1.0, len(COLOURS))
    channels = [np.interp(share.T[::-1], at, each) for each in np.array(COLOURS, np.float64).T]  # [bands, T]
    picture = Image.fromarray(np.stack(channels, axis=-1).round().astype(np.uint8))
    width = max(8, round(WIDTH * len(share) / max(longest, 1)))
    smaller = width < picture.width
    shape = Image.Resampling.BOX if smaller else Image.Resampling.NEAREST
    return picture.resize((width, picture.height), shape).resize((width, HEIGHT), Image.Resampling.NEAREST)


def sheet(rows: list[list[Image.Image]], gap: int = 4) -> Image.Image:
    """Pictures in rows, on a ground that is not there; a wider gap after the first of each."""
    wide = max(each.width for row in rows for each in row)
    high = max(each.height for row in rows for each in row)
    columns = max(len(row) for row in rows)
    size = (columns * (wide + gap) + gap, len(rows) * (high + gap) - gap)
    drawn = Image.new("RGBA", size, (0, 0, 0, 0))
    for down, row in enumerate(rows):
        for right, each in enumerate(row):
            place = (right * (wide + gap) + 2 * gap * (right > 0), down * (high + gap))
            drawn.paste(each.convert("RGBA"), place)
    return drawn


def png(picture: Image.Image) -> bytes:
    """The file's content."""
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
