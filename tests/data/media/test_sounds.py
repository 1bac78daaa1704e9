"""Sounds: WAV files by our own reader, other formats by soundfile, and what they become."""

from __future__ import annotations

import io
import struct
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from netwright.config import SoundConfig
from netwright.data.media import sounds, wav
from netwright.data.media.base import Arrays, Files
from netwright.data.schema import Column
from netwright.errors import MissingExtra


def tone(seconds: float, rate: int, frequency: float = 440.0, channels: int = 1) -> np.ndarray:
    """[L] or [L, C] float64 between -.5 and .5"""
    time = np.arange(round(seconds * rate)) / rate
    found = 0.5 * np.sin(2 * np.pi * frequency * time)
    return (
        found if channels == 1 else np.stack([found * (place + 1) / channels for place in range(channels)], 1)
    )


def file_of(samples: np.ndarray, rate: int) -> bytes:
    """A WAV file written by SciPy."""
    buffer = io.BytesIO()
    wavfile.write(buffer, rate, samples)
    return buffer.getvalue()


def whole(samples: np.ndarray, kind: type = np.int16) -> np.ndarray:
    return np.round(samples * np.iinfo(kind).max).astype(kind)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_wav_files_of_all_kinds_of_numbers(kind: type, channels: int) -> None:
    samples = tone(0.01, 8000, channels=channels)
    if kind is np.uint8:
        written = np.round(samples * 127 + 128).astype(np.uint8)
    else:
        written = whole(samples, kind) if np.issubdtype(kind, np.integer) else samples.astype(kind)
    data = file_of(written, 8000)
    head = wav.parse(data)
    assert head is not None
    assert (head.rate, head.channels, head.frames) == (8000, channels, 80)
    np.testing.assert_allclose(
        wav.samples(data, head), samples.reshape(80, -1), atol=0.008 if kind is np.uint8 else 1e-4
    )


def test_24_bit_and_a_chunk_in_between() -> None:
    buffer = io.BytesIO()
    values = np.array([-(2**23), -1, 0, 1, 2**22, 2**23 - 1])
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(3)
        file.setframerate(44100)
        file.writeframes(b"".join(int(v).to_bytes(3, "little", signed=True) for v in values))
    data = buffer.getvalue()
    between = b"LIST" + struct.pack("<I", 3) + b"abc\0"  # odd, so a byte fills up
    data = data[:12] + between + data[12:]
    head = wav.parse(data)
    assert head is not None
    np.testing.assert_allclose(wav.samples(data, head)[:, 0], values / 2**23, atol=1e-7)


def test_cut_short_and_strange_files() -> None:
    data = file_of(whole(tone(0.1, 8000)), 8000)
    head = wav.parse(data[:444])
    assert head is not None
    assert head.frames == 200
    assert wav.parse(data[:30]) is None
    assert wav.parse(b"RIFF") is None
    packed = bytearray(data)
    packed[20:22] = struct.pack("<H", 7)  # mu-law
    assert wav.parse(bytes(packed)) is None


def arrays(**contents: np.ndarray | bytes) -> Arrays:
    return Arrays("sound", contents, rate=8000)


def test_raw_tensors_hold_the_samples_and_end_with_the_mark() -> None:
    first, second = tone(0.02, 8000), tone(0.01, 8000)
    media = arrays(a=file_of(whole(first), 8000), b=second.astype(np.float32))
    column = Column(name="s", kind="sound")
    sounds.describe(column, media, ["a", "b"], SoundConfig())
    assert (column.rate, column.shape) == (8000, [160])
    raw = sounds.encode(column, media, ["b", None, "a", "b", "gone"])
    assert raw.dtype == torch.int16
    expected = np.full((5, 160), -32768, np.int16)
    expected[2], expected[[0, 3], :80] = whole(first), np.round(second.astype(np.float32) * 32768)
    np.testing.assert_array_equal(raw.numpy(), expected)


def test_the_loudest_negative_sample_is_no_end() -> None:
    media = arrays(a=file_of(np.array([-32768, 32767], np.int16), 8000))
    column = Column(name="s", kind="sound", rate=8000, shape=[3])
    assert sounds.encode(column, media, ["a"]).tolist() == [[-32767, 32767, -32768]]


def test_rates_and_channels_become_alike() -> None:
    media = arrays(
        a=file_of(whole(tone(0.5, 8000)), 8000),
        b=file_of(whole(tone(0.5, 8000)), 8000),
        c=file_of(whole(tone(0.5, 44100)), 44100),
        d=file_of(whole(np.stack([tone(0.5, 8000), np.zeros(4000)], 1)), 8000),
    )
    column = Column(name="s", kind="sound", reason="paths")
    sounds.describe(column, media, list("abcd"), SoundConfig())
    assert column.rate == 8000
    assert "1 resampled" in column.reason
    assert "1 of several channels" in column.reason
    raw = sounds.encode(column, media, list("acd")).numpy() / 32767
    np.testing.assert_allclose(raw[1, 200:3800], raw[0, 200:3800], atol=5e-3)
    np.testing.assert_allclose(raw[2], raw[0] / 2, atol=1e-4)


def test_high_rates_are_brought_down_and_long_sounds_keep_their_middle() -> None:
    media = arrays(a=file_of(whole(tone(1.0, 48000)), 48000))
    column = Column(name="s", kind="sound")
    sounds.describe(column, media, ["a"], SoundConfig())
    assert (column.rate, column.shape) == (16000, [16000])
    ramp = np.arange(8000, dtype=np.int16)
    column = Column(name="s", kind="sound")
    sounds.describe(column, media := arrays(a=file_of(ramp, 8000)), ["a"], SoundConfig(seconds=0.25))
    assert "of which the middle is kept" in column.reason
    raw = sounds.encode(column, media, ["a"])
    assert abs(int(raw[0, 0]) - 3000) <= 1
    assert raw.shape == (1, 2000)


def test_problems_are_told_in_plain_words(tmp_path: Path) -> None:
    good = file_of(whole(tone(0.1, 8000)), 8000)
    contents = {
        "good.wav": good,
        "empty.wav": b"",
        "words.wav": b"this is a text and no sound at all, whatever its name says",
        "none.wav": file_of(np.zeros(0, np.int16), 8000),
        "song.m4a": b"\0\0\0\x20ftypM4A " + bytes(64),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    for place in (tmp_path, tmp_path / "all.zip"):
        media = Files("sound", place)
        found = sounds.problems(media, [*contents, "gone.wav"])
        assert found == {
            "empty.wav": "the file is empty",
            "words.wav": "it is no sound",
            "none.wav": "it holds no samples",
            "song.m4a": "sounds of the kind .m4a are not read: convert it to WAV or FLAC",
            "gone.wav": "there is no such file",
        }


@pytest.mark.parametrize("format", ["FLAC", "OGG", "AIFF"])
def test_other_formats(format: str) -> None:
    soundfile = pytest.importorskip("soundfile")
    samples, buffer = tone(0.5, 16000), io.BytesIO()
    soundfile.write(buffer, samples, 16000, format=format)
    media = arrays(a=buffer.getvalue())
    assert sounds.problems(media, ["a"]) == {}
    column = Column(name="s", kind="sound")
    sounds.describe(column, media, ["a"], SoundConfig())
    raw = sounds.encode(column, media, ["a"])[0].numpy() / 32767
    assert column.rate == 16000
    assert np.corrcoef(raw, samples)[0, 1] > 0.99


def test_without_soundfile_other_formats_say_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(MissingExtra, match=r"netwright\[sound\]"):
        sounds.problems(arrays(a=b"fLaC" + bytes(100)), ["a"])
    assert sounds.problems(arrays(a=b"words and no sound"), ["a"]) == {"a": "it is no sound"}


def test_flat_numbers_tell_tones_apart_and_forget_what_follows() -> None:
    media = arrays(low=tone(0.5, 8000, 300), high=tone(0.5, 8000, 2000), none=tone(0.5, 8000, 300))
    short, long = (Column(name="s", kind="sound", rate=8000, shape=[length]) for length in (4000, 6000))
    found = sounds.flat(short, sounds.encode(short, media, ["low", "high", None]))
    assert found.shape == (3, 361)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert found[0, :40].argmax() < found[1, :40].argmax()
    np.testing.assert_allclose(
        sounds.flat(long, sounds.encode(long, media, ["low", "high", None])), found, atol=1e-4
    )
    np.testing.assert_allclose(found[:2, -1], 0.5)
