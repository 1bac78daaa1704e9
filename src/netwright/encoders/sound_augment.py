"""Augmentation of sounds on the device. Each member draws from its own generator."""

from __future__ import annotations

import torch
from torch import Tensor

from netwright.config import SoundConfig

STRETCHES = 2  # of time, and as many of bands, that are emptied: the policies of SpecAugment have 1 or 2


def draw(shape: tuple[int, ...], generators: list[torch.Generator], device: torch.device) -> Tensor:
    """Numbers from 0 to 1, each member's own. [M, *shape]"""
    drawn = [torch.rand(shape, generator=generator, device=device) for generator in generators]
    return drawn[0][None] if len(drawn) == 1 else torch.stack(drawn)


def moved(wave: Tensor, length: Tensor, numbers: Tensor, config: SoundConfig) -> tuple[Tensor, Tensor]:
    """Sounds with another loudness, start and speed.

    The sample at t of the new sound is the old one's at (t - offset) speed, on the line between its
    neighbours; before the old start there is silence. Sounds that fill their row keep that length, so that
    those of a set of one length are still of one length.

    Arguments:
        wave: samples, 0 after the end. [M, B, L]
        length: samples of each. [M, B]
        numbers: from 0 to 1, for loudness, start and speed. [M, B, 3 or more]
        config: `gain`, `shift`, `speed`.

    Returns:
        The new sounds, up to the end of the longest, and their lengths.
    """
    gain, shift, speed = (2.0 * numbers[..., place] - 1.0 for place in range(3))  # [M, B]
    loudness = 10.0 ** (float(config.gain) * gain / 20.0)
    if not (float(config.shift) or float(config.speed)):
        return wave * loudness[..., None], length
    factor = 1.0 + float(config.speed) * speed
    offset = (float(config.shift) * shift * length).round()
    found = (length / factor + offset).ceil().long().clamp(min=1, max=wave.shape[-1])
    found = torch.where((length == 0) | (length == wave.shape[-1]), length, found)
    step = torch.arange(max(int(found.max()), 1), device=wave.device)
    place = (step - offset[..., None]) * factor[..., None]  # [M, B, L']
    left = place.floor()
    index = left.long().clamp(0, wave.shape[-1] - 1)
    new = wave.gather(2, index)
    if float(config.speed):
        after = wave.gather(2, (index + 1).clamp(max=wave.shape[-1] - 1))
        new = new + (place - left) * (after - new)
    there = (place >= 0) & (place <= (length - 1)[..., None])
    return torch.where(there, new, 0.0) * loudness[..., None], found


def noisy(energy: Tensor, frames: Tensor, share: Tensor, grain: Tensor, filters: Tensor) -> Tensor:
    """Energies of bands with white noise added to them.

    The noise has in each band the energy that it has on average, with the exponential distribution of one
    frequency's energy; its strength is a share of the sound's own.

    Arguments:
        energy: of the bands. [M, B, T, bands]
        frames: of each sound. [M, B]
        share: deviation of the noise, as a share of the sound's. [M, B]
        grain: from 0 to 1, at least as many frames. [M, B, T', bands]
        filters: of the bands. [frequencies, bands]
    """
    inside = torch.arange(energy.shape[2], device=energy.device) < frames[..., None]  # [M, B, T]
    mean = (energy.sum(-1) * inside).sum(2) / frames.clamp(min=1) / filters.sum()  # of a frequency
    level = (share.square() * mean)[..., None, None] * filters.sum(0)  # [M, B, 1, bands]
    return energy - level * grain[:, :, : energy.shape[2]].clamp(min=1e-6).log()


def without_stretches(x: Tensor, frames: Tensor, numbers: Tensor, config: SoundConfig) -> Tensor:
    """Spectrograms with stretches of time and groups of bands emptied (SpecAugment, arXiv 1904.08779).

    Arguments:
        x: scaled, so that 0 is the mean. [M, B, T, bands]
        frames: of each sound. [M, B]
        numbers: from 0 to 1. [M, B, 4 * STRETCHES]
        config: `time_mask`, `band_mask`.
    """
    steps, bands = (torch.arange(size, device=x.device) for size in x.shape[2:])
    widths = (float(config.time_mask) * frames, torch.full_like(frames, x.shape[3]) * float(config.band_mask))
    room = (frames, torch.full_like(frames, x.shape[3]))
    for number in range(STRETCHES):
        for axis, places in enumerate((steps, bands)):
            if not float((config.time_mask, config.band_mask)[axis]):
                continue
            first, second = (numbers[..., 4 * number + 2 * axis + place] for place in range(2))
            width = (first * (widths[axis] + 1.0)).floor()  # [M, B]
            start = (second * (room[axis] - width + 1.0)).floor()
            gone = (places >= start[..., None]) & (places < (start + width)[..., None])
            x = x.masked_fill(gone[..., None] if axis == 0 else gone[:, :, None], 0.0)
    return x
