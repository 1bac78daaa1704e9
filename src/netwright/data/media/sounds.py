"""Sounds as raw tensors: one channel, one rate, 16 bit.

Several channels become their mean. All sounds are brought to the rate that most of those have that may be
learnt from, 1,000 to 16,000 a second, by a polyphase filter. Of a sound that is longer than the longest of
them, or than the settings allow, the middle part is kept.

WAV files of plain numbers are read without any package; FLAC, OGG, MP3, AIFF and others by `soundfile`.
"""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from netwright.config import SoundConfig
from netwright.data.media import wav
from netwright.data.media.base import Arrays, Media
from netwright.data.media.endings import BETTER, unread
from netwright.data.media.spectrogram import Spectrogram, sound_lengths
from netwright.data.media.storage import allocate
from netwright.data.media.threads import in_threads
from netwright.data.schema import Column
from netwright.errors import MissingExtra

END = -32768  # fills up after a sound's end
SCALE = 32768.0
LEAST_RATE, MOST_RATE = 1_000, 16_000
SECONDS = 10.0
PARTS = 8  # of a sound, in the linear baseline
BANDS = 40
ROWS_AT_A_TIME = 256
HIGHEST_RATE = 1_000_000  # samples a second; bats are recorded at 500,000, damaged heads claim any number
TOO_FAST = "it claims {:,} samples a second"


class Head(NamedTuple):
    """How long a sound is (for each channel), its rate, and its channels."""

    frames: int
    rate: int
    channels: int


class UnreadableError(Exception):
    """Why a cell is no sound, in plain words."""


def describe(column: Column, media: Media, texts: list[str], settings: SoundConfig) -> None:
    """Fills in rate and shape of a column from the sounds that may be learnt from.

    Arguments:
        column: gets `rate`, `shape` [L], and what was found as a part of its `reason`.
        media: what the cells stand for.
        texts: the different cells of those rows, all readable.
        settings: `rate` and `seconds`, where given.
    """
    heads = [found for found in in_threads(lambda text: _head(media, text), texts) if isinstance(found, Head)]
    rates = Counter(head.rate for head in heads)
    usual = max(rates, key=lambda rate: (rates[rate], rate), default=MOST_RATE)
    column.rate = min(max(usual, LEAST_RATE), MOST_RATE) if settings.rate == "auto" else settings.rate
    seconds = SECONDS if settings.seconds == "auto" else settings.seconds
    longest = max((head.frames / head.rate for head in heads), default=0.0)
    column.shape = [max(1, math.ceil(min(longest, seconds) * column.rate - 1e-6))]
    column.reason = "; ".join(filter(None, (column.reason, _told(column, heads, longest, seconds))))


def _told(column: Column, heads: list[Head], longest: float, seconds: float) -> str:
    """What was found, in a few words."""
    other = sum(head.rate != column.rate for head in heads)
    several = sum(head.channels > 1 for head in heads)
    cut = sum(head.frames / head.rate > seconds for head in heads)
    told = [f"up to {longest:.3g} s, at {column.rate:,} samples a second"]
    told += [f"{other} resampled"] if other else []
    told += [f"{several} of several channels, which become their mean"] if several else []
    told += [f"{cut} longer than {seconds:g} s, of which the middle is kept"] if cut else []
    return ", ".join(told)


def encode(column: Column, media: Media, texts: Sequence[str | None]) -> Tensor:
    """The samples of all rows; -32768 after the end, and everywhere where there is no sound. [N, L] int16"""
    (length,) = column.shape
    raw = allocate((len(texts), length), torch.int16)
    raw.fill_(END)
    rows: dict[str, list[int]] = {}
    for row, text in enumerate(texts):
        if text is not None:
            rows.setdefault(text, []).append(row)

    def put(text: str) -> None:
        try:
            samples = torch.from_numpy(sixteen_bit(media, text, column.rate, length))
        except UnreadableError:
            return
        for row in rows[text]:
            raw[row, : len(samples)] = samples

    in_threads(put, list(rows))
    return raw


def problems(media: Media, texts: list[str]) -> dict[str, str]:
    """The cells that stand for no sound, with the reason. Only the heads of files are read."""
    found = zip(texts, in_threads(lambda text: _head(media, text), texts), strict=True)
    return {text: head for text, head in found if isinstance(head, str)}


def flat(column: Column, raw: Tensor) -> np.ndarray:
    """Each sound as plain numbers: the log energy of 40 bands as means of 8 parts of its time, their
    deviations over all of it, and its length in seconds. [n, 361] float32
    """
    spectrogram = Spectrogram.of(column.rate, BANDS)
    return np.concatenate(
        [_flat(spectrogram, part, column.rate) for part in raw.split(ROWS_AT_A_TIME)] or [np.zeros((0, 361))]
    ).astype(np.float32)


def _flat(spectrogram: Spectrogram, raw: Tensor, rate: int) -> np.ndarray:
    energy = spectrogram.log_mel(wave_of(raw)).double()  # [n, T, bands]
    length = sound_lengths(raw)
    frames = spectrogram.frames(length)  # [n]
    step = torch.arange(energy.shape[1])
    inside = step < frames[:, None]  # [n, T]
    part = (step * PARTS // frames.clamp(min=1)[:, None]).clamp(max=PARTS - 1)
    one_hot = torch.nn.functional.one_hot(part, PARTS) * inside[..., None]  # [n, T, parts]
    share = one_hot / one_hot.sum(1, keepdim=True).clamp(min=1)
    means = share.transpose(1, 2).double() @ energy  # [n, parts, bands]
    weight = (inside / frames.clamp(min=1)[:, None])[..., None]
    mean = (energy * weight).sum(1, keepdim=True)
    deviation = ((energy - mean).square() * weight).sum(1).sqrt()
    return torch.cat([means.flatten(1), deviation, length[:, None] / rate], 1).numpy()


def wave_of(raw: Tensor) -> Tensor:
    """Samples between -1 and 1, silence after the end. [..., L] int16 to float32"""
    return torch.where(raw == END, 0, raw).float() / SCALE


def sixteen_bit(media: Media, text: str, rate: int, length: int) -> np.ndarray:
    """One sound at that rate, at most so long. [l] int16

    Raises:
        UnreadableError: it is no sound.
    """
    samples, given = sound_of(media, text)
    mono = samples.mean(1) if samples.shape[1] > 1 else samples[:, 0]
    room = math.ceil(length * given / rate) + 64  # a little more than what is kept, for the filter
    mono = np.nan_to_num(_middle(mono, room), posinf=0.0, neginf=0.0)
    if given != rate:
        from scipy.signal import resample_poly

        if given > HIGHEST_RATE:
            raise UnreadableError(TOO_FAST.format(given))
        common = math.gcd(given, rate)
        mono = resample_poly(mono, rate // common, given // common)
    mono = np.clip(_middle(mono, length), -1.0, 1.0)
    return np.clip(np.rint(mono * SCALE), END + 1, -END - 1).astype(np.int16)


def _middle(samples: np.ndarray, length: int) -> np.ndarray:
    start = max(0, (len(samples) - length) // 2)
    return samples[start : start + length]


def sound_of(media: Media, text: str) -> tuple[np.ndarray, int]:
    """All samples of a sound between -1 and 1, [frames, channels] float32, and their rate.

    Raises:
        UnreadableError: it is no sound; the message says why.
        MissingExtra: `soundfile` is needed for it, and not there.
    """
    content = _content(media, text)
    if isinstance(content, bytes):
        found = wav.parse(content)
        if found is not None:
            return wav.samples(content, found), found.rate
        with _opened(content, text) as file:
            try:
                return file.read(dtype="float32", always_2d=True), file.samplerate
            except Exception as error:  # libsndfile's errors are of many kinds
                raise UnreadableError(_plain(error)) from None
    return _float(content), media.rate if isinstance(media, Arrays) else MOST_RATE


def _head(media: Media, text: str) -> Head | str:
    """The head of a sound, or why it is none."""
    try:
        content = _content(media, text)
        if not isinstance(content, bytes):
            head = Head(len(content), media.rate if isinstance(media, Arrays) else MOST_RATE, _width(content))
        elif (found := wav.parse(content)) is not None:
            head = Head(found.frames, found.rate, found.channels)
        else:
            with _opened(content, text) as file:
                head = Head(file.frames, file.samplerate, file.channels)
    except UnreadableError as error:
        return str(error)
    if head.rate > HIGHEST_RATE:
        return TOO_FAST.format(head.rate)
    return head if head.frames > 0 else "it holds no samples"


def _content(media: Media, text: str) -> bytes | np.ndarray:
    try:
        content = media.content(text)
    except (KeyError, FileNotFoundError):
        raise UnreadableError("there is no such file") from None
    except OSError as error:
        raise UnreadableError(f"it cannot be read ({error.strerror or error})") from None
    if isinstance(content, bytes):
        if not content:
            raise UnreadableError("the file is empty")
        return content
    array = np.asarray(content)
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise UnreadableError(f"an array of {array.dtype} and shape {array.shape} is no sound")
    return array


def _opened(content: bytes, text: str) -> Any:
    """The file, opened by soundfile."""
    ending = unread(text)
    if ending is not None or content[4:8] == b"ftyp":
        raise UnreadableError(
            f"sounds of the kind {ending or '.m4a'} are not read: convert it to {BETTER['sound']}"
        )
    try:
        import soundfile
    except ImportError:
        if not content.startswith((b"fLaC", b"OggS", b"ID3", b"FORM", b".snd", b"RIFF", b"\xff")):
            raise UnreadableError("it is no sound") from None
        raise MissingExtra("soundfile", "sound", f"the sound {text!r}, which is no plain WAV file,") from None
    try:
        return soundfile.SoundFile(io.BytesIO(content))
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise UnreadableError(_plain(error)) from None


def _plain(error: Exception) -> str:
    """libsndfile's words without the name of the buffer."""
    words = getattr(error, "error_string", str(error)).rstrip(".")
    return "it is no sound" if "not recogni" in words.lower() or "unknown format" in words.lower() else words


def _width(array: np.ndarray) -> int:
    return array.shape[1] if array.ndim == 2 else 1


def _float(array: np.ndarray) -> np.ndarray:
    """Samples between -1 and 1 of an array of any kind of number. [frames, channels] float32"""
    whole = array.dtype.kind in "iu"
    values = array.astype(np.float64)
    if whole:
        limits = np.iinfo(array.dtype)
        middle = (limits.max + limits.min + 1) / 2
        values = (values - middle) / (limits.max - middle + 1)
    return values.astype(np.float32).reshape(len(array), -1)
