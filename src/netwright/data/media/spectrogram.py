"""Log-mel spectrograms: the energy of a sound over time, in bands as wide as the ear tells apart.

Bands are triangles between points that lie evenly on the mel scale of HTK, mel(f) = 2595 log10(1 + f / 700),
from 20 Hz to half the rate; each triangle is 1 at its top.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

LOWEST = 20.0  # Hz
FLOOR = 1e-7  # of a band's energy: about the rounding of 16 bit
WINDOW = 0.025  # seconds
HOP = 0.01


@dataclass(frozen=True)
class Spectrogram:
    """How a spectrogram is made. Frame t is centred on sample t * hop; there is silence around a sound.

    Arguments:
        rate: samples a second.
        bands: triangles on the mel scale.
        window: samples of a (Hann) window.
        hop: samples from one window to the next.
    """

    rate: int
    bands: int
    window: int
    hop: int

    @classmethod
    def of(cls, rate: int, bands: int, window: float = WINDOW, hop: float = HOP) -> Spectrogram:
        """The same with window and hop in seconds."""
        return cls(rate, bands, max(2, round(window * rate)), max(1, round(hop * rate)))

    @property
    def points(self) -> int:
        """Of the Fourier transform: a power of two, with frequencies so near that no low band is empty."""
        return 2 ** math.ceil(math.log2(2 * self.window))

    def frames(self, length: Tensor) -> Tensor:
        """Frames whose centres lie in sounds of so many samples."""
        return torch.div(length + self.hop - 1, self.hop, rounding_mode="floor")

    @cached_property
    def filters(self) -> Tensor:
        """The triangles over the frequencies of the transform. [points / 2 + 1, bands]"""
        return mel_filters(self.rate, self.points, self.bands)

    @cached_property
    def shape(self) -> Tensor:
        """The window. [window]"""
        return torch.hann_window(self.window)

    def energy(self, wave: Tensor, window: Tensor | None = None, filters: Tensor | None = None) -> Tensor:
        """The energy of each band in each frame.

        Arguments:
            wave: samples between -1 and 1. [n, L] float32
            window, filters: the object's own, on the sounds' device; found unless given.

        Returns:
            [n, ceil(L / hop), bands]
        """
        frames = -(-wave.shape[1] // self.hop)
        before = self.points // 2
        after = (frames - 1) * self.hop + self.points - before - wave.shape[1]
        found = torch.stft(
            torch.nn.functional.pad(wave, (before, max(0, after))),
            self.points,
            self.hop,
            self.window,
            (self.shape if window is None else window).to(wave.device),
            center=False,
            return_complex=True,
        )[..., :frames]  # [n, frequencies, frames]
        power = found.real.square() + found.imag.square()
        return power.transpose(1, 2) @ (self.filters if filters is None else filters).to(wave.device)

    def log_mel(self, wave: Tensor) -> Tensor:
        """log of the energy, [n, L] to [n, frames, bands]"""
        return self.energy(wave).clamp(min=FLOOR).log()


def mel_filters(rate: int, points: int, bands: int) -> Tensor:
    """Triangles that lie evenly on the mel scale. [points / 2 + 1, bands] float32

    Example:
        >>> mel_filters(8000, 512, 40).shape
        torch.Size([257, 40])
    """
    edges = torch.linspace(mel(LOWEST), mel(rate / 2), bands + 2, dtype=torch.float64)
    low, top, high = (hertz(edges)[start : start + bands] for start in range(3))
    frequency = torch.linspace(0, rate / 2, points // 2 + 1, dtype=torch.float64)[:, None]
    rising, falling = (frequency - low) / (top - low), (high - frequency) / (high - top)
    return torch.minimum(rising, falling).clamp(min=0).float()


def mel(frequency: float) -> float:
    """Hertz to mel, as HTK has it.

    Example:
        >>> round(mel(1000))
        1000
    """
    return 2595.0 * math.log10(1.0 + frequency / 700.0)


def hertz(mels: Tensor) -> Tensor:
    """Mel to hertz."""
    return 700.0 * (10.0 ** (mels / 2595.0) - 1.0)


def sound_lengths(raw: Tensor) -> Tensor:
    """Samples up to the end of raw sounds; 0 for a missing one. [..., L] int16 to [...] int64

    Example:
        >>> sound_lengths(torch.tensor([[5, -1, -32768], [-32768] * 3], dtype=torch.int16)).tolist()
        [2, 0]
    """
    return (raw != -32768).sum(-1)
