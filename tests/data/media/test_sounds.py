"""Sounds: WAV files by our own reader, other formats by soundfile, and what they become."""

from __future__ import annotations

import io
import os
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
from netwright.data.media import base, sounds, wav
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


def test_heads_that_claim_anything_are_refused() -> None:
    data = file_of(whole(tone(0.1, 8000)), 8000)
    short = data[:16] + struct.pack("<I", 4) + data[20:]  # a format of 4 bytes
    assert wav.parse(short) is None
    fast = bytearray(data)
    fast[24:28] = struct.pack("<I", 4_294_967_291)  # a filter for that rate would take 640 GiB
    media = arrays(fast=bytes(fast))
    assert sounds.problems(media, ["fast"]) == {"fast": "it claims 4,294,967,291 samples a second"}
    assert (
        sounds.encode(Column(name="s", kind="sound", shape=[50], rate=8000), media, ["fast"]) == -32768
    ).all()


def test_slow_sounds_are_brought_up_to_what_spectra_are_made_of() -> None:
    column = Column(name="s", kind="sound")
    sounds.describe(column, arrays(a=file_of(whole(tone(4, 50, 5)), 50)), ["a"], SoundConfig())
    assert (column.rate, column.shape) == (1000, [4000])


def test_samples_that_are_no_numbers_are_silence() -> None:
    samples = np.array([0.5, np.nan, np.inf, -np.inf, 1e38, -0.5], np.float32)
    found = sounds.sixteen_bit(arrays(a=file_of(samples, 8000)), "a", 8000, 6)
    assert found.tolist() == [16384, 0, 0, 0, 32767, -16384]


def test_what_a_zip_or_a_folder_holds_is_told_not_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = file_of(whole(tone(0.1, 8000)), 8000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("broken.wav", good)
        archive.writestr("large.wav", bytes(5000))
    data = bytearray((tmp_path / "a.zip").read_bytes())
    place = data.find(b"broken.wav") + 20
    data[place] ^= 0xFF
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "large.wav").write_bytes(bytes(5000))
    os.mkfifo(tmp_path / "pipe.wav")
    monkeypatch.setattr(base, "MOST_BYTES", 4000)
    found = sounds.problems(Files("sound", tmp_path / "a.zip"), ["broken.wav", "large.wav"])
    assert "the zip is damaged there" in found["broken.wav"]
    assert "it would take 5,000 bytes" in found["large.wav"]
    found = sounds.problems(Files("sound", tmp_path), ["large.wav", "pipe.wav", "~nobody/a.wav", "a\0.wav"])
    assert "it takes 5,000 bytes" in found["large.wav"]
    assert "it is no file" in found["pipe.wav"]
    assert set(found) == {"large.wav", "pipe.wav", "~nobody/a.wav", "a\0.wav"}


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
