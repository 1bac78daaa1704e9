"""Pictures of each format and mode, made with known pixels, against what these pixels mean."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from netwright.data.media import Arrays, Files, decoding
from netwright.data.media.decoding import Unreadable, glance, pixels, pixels_of
from netwright.data.media.pictures import problems

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 9), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 9, 3), dtype=np.uint8)
ALPHA = RANDOM.integers(0, 256, (6, 9), dtype=np.uint8)
NOISE = RANDOM.integers(0, 256, (40, 40, 3), dtype=np.uint8)
LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {}, "BMP": {}, "TIFF": {}, "WEBP": {"lossless": True, "exact": True}, "PPM": {},
}  # fmt: skip


def saved(picture: Image.Image | np.ndarray, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(buffer, format, **options)
    return buffer.getvalue()


def shown(content: bytes, channels: int = 3) -> np.ndarray:
    """A picture of 6 x 9 as it is, as numbers to calculate with."""
    found = pixels_of(content, 6, 9, channels)
    assert found.dtype == np.uint8
    assert found.shape == (6, 9, channels)
    return found.astype(int)


def over_white(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    share = alpha / 255
    return values * share + 255 * (1 - share)


class TestModes:
    @pytest.mark.parametrize("format", LOSSLESS)
    def test_colour(self, format: str) -> None:
        content = saved(COLOUR, format, **LOSSLESS[format])
        assert (shown(content) == COLOUR).all()
        luma = COLOUR @ np.array([0.299, 0.587, 0.114])
        assert abs(shown(content, 1)[..., 0] - luma).max() <= 1

    @pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "GIF"])
    def test_grey(self, format: str) -> None:
        content = saved(GREY, format)
        assert (shown(content, 1)[..., 0] == GREY).all()
        assert (shown(content) == GREY[..., None]).all()

    def test_black_and_white(self) -> None:
        bits = GREY > 127
        assert (shown(saved(bits, "PNG"), 1)[..., 0] == 255 * bits).all()
        assert (shown(saved(bits, "TIFF", compression="group4"), 1)[..., 0] == 255 * bits).all()

    @pytest.mark.parametrize("format", ["PNG", "GIF", "BMP", "TIFF"])
    def test_palette(self, format: str) -> None:
        palette = RANDOM.integers(0, 256, (256, 3), dtype=np.uint8)
        picture = Image.fromarray(GREY).convert("P")
        picture.putpalette(palette.tobytes())
        picture.putdata(GREY.ravel().tolist())
        assert (shown(saved(picture, format)) == palette[GREY]).all()

    def test_transparent_is_laid_over_white(self) -> None:
        content = np.dstack([COLOUR, ALPHA])
        for format in ("PNG", "TIFF", "WEBP"):
            found = shown(saved(content, format, **LOSSLESS[format]))
            assert abs(found - over_white(COLOUR, ALPHA[..., None])).max() <= 1
        found = shown(saved(np.dstack([GREY, ALPHA]), "PNG"), 1)[..., 0]
        assert abs(found - over_white(GREY, ALPHA)).max() <= 1

    def test_transparent_palette(self) -> None:
        palette = RANDOM.integers(0, 256, (256, 3), dtype=np.uint8)
        picture = Image.new("P", (9, 6))
        picture.putpalette(palette.tobytes())
        picture.putdata(GREY.ravel().tolist())
        alphas = bytes(range(256))
        found = shown(saved(picture, "PNG", transparency=alphas))
        assert abs(found - over_white(palette[GREY], GREY[..., None])).max() <= 1
        clear = int(GREY[2, 3])
        for format in ("PNG", "GIF"):
            found = shown(saved(picture, format, transparency=clear))
            expected = np.where(GREY[..., None] == clear, 255, palette[GREY])
            assert (found == expected).all()

    def test_transparent_when_made_smaller(self) -> None:
        """What is hidden under full transparency must not bleed into the edges."""
        content = np.zeros((32, 32, 4), np.uint8)
        content[:, 16:] = (255, 0, 0, 255)  # the left half is black, but cannot be seen
        found = pixels_of(saved(content, "PNG"), 4, 4, 3)
        assert found[..., 0].min() >= 254

    def test_cmyk(self) -> None:
        inks = RANDOM.integers(0, 256, (6, 9, 4), dtype=np.uint8)
        picture = Image.frombytes("CMYK", (9, 6), inks.tobytes())
        expected = (255 - inks[..., :3].astype(float)) * (255 - inks[..., 3:]) / 255
        assert abs(shown(saved(picture, "TIFF")) - expected).max() <= 1
        flat = Image.new("CMYK", (9, 6), (200, 100, 0, 50))
        found = shown(saved(flat, "JPEG", quality=100))
        assert abs(found - np.array([44, 125, 205])).max() <= 3

    @pytest.mark.parametrize(("format", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
    def test_16_bits(self, format: str, mode: str) -> None:
        values = RANDOM.integers(0, 65536, (6, 9)).astype(">u2" if mode == "I;16B" else "<u2")
        values[0, :2] = 0, 65535
        picture = Image.frombytes(mode, (9, 6), values.tobytes())
        assert (shown(saved(picture, format), 1)[..., 0] == np.rint(values / 257)).all()

    def test_16_bits_of_colour(self) -> None:
        values = RANDOM.integers(0, 65536, (6, 9, 3)).astype(">u2")
        lines = b"".join(b"\0" + line.tobytes() for line in values)
        content = b"\x89PNG\r\n\x1a\n" + b"".join(
            chunk(name, data)
            for name, data in (
                (b"IHDR", struct.pack(">IIBBBBB", 9, 6, 16, 2, 0, 0, 0)),
                (b"IDAT", zlib.compress(lines)),
                (b"IEND", b""),
            )
        )
        assert abs(shown(content) - values / 257).max() <= 1

    def test_12_bits(self) -> None:
        values = np.array([[0, 4095, 2048, 16]])
        first, second = values[0, ::2], values[0, 1::2]
        packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], 1).astype(np.uint8)
        tags = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 6)]
        content = b"II*\0" + struct.pack("<I", 14) + packed.tobytes() + struct.pack("<H", len(tags))
        content += b"".join(struct.pack("<HHIHH", tag, 3, 1, value, 0) for tag, value in tags) + b"\0\0\0\0"
        assert pixels_of(content, 1, 4, 1)[0, :, 0].tolist() == [0, 255, 128, 1]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([0.0, 0.5, 1.0], [0, 128, 255]),
            ([0.0, 100.0, 255.0], [0, 100, 255]),
            ([0.0, 257.0, 65535.0], [0, 1, 255]),
            ([-5.0, 0.0, 5.0], [0, 128, 255]),
            ([0.0, 5e5, 1e6], [0, 128, 255]),
            ([0.0, float("nan"), 1.0], [0, 0, 255]),
            ([-3.0, -3.0, -3.0], [0, 0, 0]),
        ],
    )
    def test_floats(self, values: list[float], expected: list[int]) -> None:
        content = saved(np.array([values], np.float32), "TIFF")
        assert abs(pixels_of(content, 1, 3, 1)[0, :, 0].astype(int) - expected).max() <= 1

    def test_32_bits(self) -> None:
        content = saved(np.array([[0, 1 << 30, 1 << 31 - 1]], np.int32), "TIFF")
        assert pixels_of(content, 1, 3, 1)[0, :, 0].tolist() == [0, 255, 255]

    def test_first_of_several(self) -> None:
        frames = [Image.new("RGB", (9, 6), name) for name in ("red", "blue")]
        for format in ("GIF", "TIFF", "WEBP", "PNG"):
            options = {"lossless": True} if format == "WEBP" else {}
            content = saved(frames[0], format, save_all=True, append_images=frames[1:], **options)
            assert (shown(content) == [255, 0, 0]).all()

    def test_arrays(self) -> None:
        media = Arrays(
            "image", {"grey": GREY[..., None], "colour": COLOUR, "alpha": np.dstack([COLOUR, ALPHA])}
        )
        assert (pixels(media, "grey", 6, 9, 3) == GREY[..., None]).all()
        assert pixels(media, "colour", 6, 9, 3) is COLOUR
        assert abs(pixels(media, "alpha", 6, 9, 3) - over_white(COLOUR, ALPHA[..., None])).max() <= 1
        assert glance(media, "grey") == (6, 9, True)
        assert glance(media, "colour") == (6, 9, False)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


TURNED = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: np.transpose(stored, (1, 0, 2)),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(np.transpose(stored, (1, 0, 2)), 2),
    8: np.rot90,
}


class TestTurns:
    @pytest.mark.parametrize("turn", TURNED)
    @pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
    def test_exif(self, format: str, turn: int) -> None:
        stored = np.kron(COLOUR[:2, :3], np.ones((16, 16, 1), np.uint8))  # blocks, which JPEG keeps
        exif = Image.Exif()
        exif[274] = turn
        options = LOSSLESS.get(format) or {"quality": 100, "subsampling": 0} if format != "PNG" else {}
        content = saved(stored, format, exif=exif, **options)
        expected = TURNED[turn](stored)
        height, width = expected.shape[:2]
        assert glance(Arrays("image", {"a": content}), "a") == (height, width, False)
        found = pixels_of(content, height, width, 3).astype(int)
        assert abs(found - expected).max() <= (5 if format == "JPEG" else 0)

    def test_broken_exif_is_no_harm(self) -> None:
        for exif in (b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff"):
            content = saved(COLOUR, "PNG", exif=exif)
            assert (shown(content) == COLOUR).all()


class TestSize:
    def test_the_middle_is_taken(self) -> None:
        stripes = np.zeros((10, 30, 3), np.uint8)
        for third, channel in enumerate((0, 1, 2)):
            stripes[:, 10 * third : 10 * third + 10, channel] = 200
        assert (pixels_of(saved(stripes, "PNG"), 10, 10, 3) == [0, 200, 0]).all()
        assert (pixels_of(saved(stripes.transpose(1, 0, 2), "PNG"), 10, 10, 3) == [0, 200, 0]).all()
        halved = pixels_of(saved(stripes, "PNG"), 5, 15, 3)
        assert (halved[:, 1:4] == [200, 0, 0]).all()
        assert (halved[:, 11:14] == [0, 0, 200]).all()

    def test_made_smaller_without_aliasing(self) -> None:
        board = (np.indices((256, 256)).sum(0) % 2 * 255).astype(np.uint8)
        found = pixels_of(saved(board, "PNG"), 32, 32, 1).astype(int)
        assert abs(found - 127).max() <= 3

    @pytest.mark.parametrize("channels", [1, 3])
    def test_jpeg_is_scaled_while_decoding(self, channels: int) -> None:
        across, down = np.meshgrid(np.linspace(0, 255, 800), np.linspace(0, 255, 600))
        picture = np.dstack([across, down, np.full_like(down, 90)]).astype(np.uint8)
        found = pixels_of(saved(picture, "JPEG", quality=95), 30, 40, channels).astype(float)
        expected = picture.reshape(30, 20, 40, 20, 3).mean((1, 3))
        if channels == 1:
            expected = expected @ np.array([[0.299], [0.587], [0.114]])
        assert abs(found - expected)[1:-1, 1:-1].max() < 3


class TestNoPictures:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b"%PDF-1.7 ...", "no picture but a PDF"),
            (b"  <!DOCTYPE html><html>404</html>", "no picture but a web page"),
            (b"\xef\xbb\xbf<html>", "no picture but a web page"),
            (b'<?xml version="1.0"?><svg width="8">', "SVG, which is not read: save it as PNG"),
            (b"a,b\n1,2\n", "no picture but text"),
            ("Grüße".encode(), "no picture but text"),
            (b"PK\x03\x04rest", "no picture but a zip"),
            (b"\0\0\0\x18ftypheic\0\0", "HEIC, which is not read: save it as PNG or JPEG"),
            (b"RIFF\0\0\0\0WAVEfmt \0", "no picture of a format that is read (PNG, JPEG,"),
            (b"\0\x01\x02\x03", "no picture of a format that is read (PNG, JPEG,"),
            (b"\xff\xd8\xff", "cut short or damaged"),
            (b"BM", "cut short or damaged"),
        ],
    )
    def test_what_they_are(self, content: bytes, reason: str) -> None:
        assert problems(Arrays("image", {"a": content}), ["a"])["a"].startswith(reason)

    def test_what_is_not_there(self, tmp_path) -> None:
        (tmp_path / "folder").mkdir()
        (tmp_path / "good.png").write_bytes(saved(COLOUR, "PNG"))
        files = Files("image", tmp_path)
        assert problems(files, ["good.png", "none.png", "good.png/x", "folder", "a\0b"]) == {
            "none.png": "there is no such file",
            "good.png/x": "there is no such file",
            "folder": "no picture but a folder",
            "a\0b": "the file cannot be read: embedded null byte",
        }

    @pytest.mark.parametrize("format", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
    def test_cut_short(self, format: str) -> None:
        content = saved(NOISE, format)
        media = Arrays("image", {str(size): content[:size] for size in (20, 60, len(content) // 2)})
        found = problems(media, list(media.arrays))
        assert set(found.values()) == {"cut short or damaged"}
        assert len(found) == 3

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(
        st.sampled_from(["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]),
        st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
        st.floats(0.5, 1),
    )
    def test_any_damage_is_told_or_shown(self, format: str, changes: list, share: float) -> None:
        content = bytearray(saved(NOISE[:12, :12], format))
        for place, byte in changes:
            content[int(place * len(content))] = byte
        content = bytes(content[: int(share * len(content))])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = problems(Arrays("image", {"a": content}), ["a"])
        assert set(found) <= {"a"}

    @pytest.mark.parametrize(
        "content",
        [
            b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(1000))),
            b"P5\n20000 20000 255\n" + bytes(1000),
            b"BM" + struct.pack("<IIIIiiHHI", 0, 0, 54, 40, 20_000, 20_000, 1, 24, 0) + bytes(2000),
        ],
        ids=["PNG", "PPM", "BMP"],
    )
    def test_a_bomb_is_refused_by_its_header(self, content: bytes) -> None:
        media = Arrays("image", {"a": content})
        reason = "too large: 20,000 x 20,000 pixels, at most 80 million are decoded"
        assert problems(media, ["a"]) == {"a": reason}
        with pytest.raises(Unreadable, match="too large"):
            glance(media, "a")

    def test_jpeg_may_be_larger(self, monkeypatch) -> None:
        monkeypatch.setattr(decoding, "MOST", 1_000)
        monkeypatch.setattr(decoding, "MOST_JPEG", 5_000)
        assert pixels_of(saved(NOISE, "JPEG"), 8, 8, 3).shape == (8, 8, 3)
        for content in (
            saved(NOISE, "PNG"),
            saved(NOISE, "JPEG", progressive=True),
            saved(np.zeros((80, 80), np.uint8), "JPEG"),
        ):
            with pytest.raises(Unreadable, match="too large"):
                pixels_of(content, 8, 8, 3)
