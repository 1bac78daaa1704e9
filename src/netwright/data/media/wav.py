"""WAV files of plain numbers, without any package: 8, 16, 24 and 32 bit, and 32 and 64 bit floating point."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class Wav:
    """What a WAV file says of itself.

    Arguments:
        rate: samples a second.
        channels: 1 mono, 2 stereo.
        bits: of one number.
        floating: whether these are floating-point numbers.
        start, frames: where the samples begin, in bytes, and how many are there for each channel.
    """

    rate: int
    channels: int
    bits: int
    floating: bool
    start: int
    frames: int


def parse(data: bytes) -> Wav | None:
    """Reads a file's head. A file that is cut short has the samples that are there.

    Returns:
        None for what is no WAV file, or one of packed numbers (ADPCM, mu-law).
    """
    if data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        return None
    head, place = None, 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, place)
        place += 8
        if name == b"fmt " and min(size, len(data) - place) >= 16:
            head = _head(data[place : place + size])
            if head is None:
                return None
        elif name == b"data" and head is not None:
            rate, channels, bits, floating = head
            frames = min(size, len(data) - place) // (channels * bits // 8)
            return Wav(rate, channels, bits, floating, place, frames)
        place += size + size % 2
    return None


def samples(data: bytes, wav: Wav) -> np.ndarray:
    """The samples between -1 and 1. [frames, channels] float32"""
    count = wav.frames * wav.channels
    if wav.floating:
        values = np.frombuffer(data, f"<f{wav.bits // 8}", count, wav.start).astype(np.float32)
    elif wav.bits == 24:
        parts = np.frombuffer(data, np.uint8, 3 * count, wav.start).reshape(-1, 3)
        wide = np.zeros((count, 4), np.uint8)
        wide[:, 1:] = parts
        values = (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
    elif wav.bits == 8:
        values = (np.frombuffer(data, np.uint8, count, wav.start).astype(np.float32) - 128.0) / 128.0
    else:
        whole = np.frombuffer(data, f"<i{wav.bits // 8}", count, wav.start)
        values = (whole / 2.0 ** (wav.bits - 1)).astype(np.float32)
    return values.reshape(wav.frames, wav.channels)


def _head(part: bytes) -> tuple[int, int, int, bool] | None:
    """Rate, channels, bits, and whether they are floating-point numbers; None for what is read by others."""
    kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", part)
    if kind == EXTENSIBLE and len(part) >= 26:
        (kind,) = struct.unpack_from("<H", part, 24)
    plain = (kind == PCM and bits in (8, 16, 24, 32)) or (kind == FLOAT and bits in (32, 64))
    return (rate, channels, bits, kind == FLOAT) if plain and channels and rate else None
