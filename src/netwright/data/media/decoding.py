"""From a picture's bytes, of whatever format and mode, to pixels of 8 bits in the size that is wanted.

What is transparent is laid over white, as most such pictures were made for paper and pages. EXIF's turn is
applied. Grey values of more than 8 bits are scaled, never clipped.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial
from threading import Lock

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.PpmImagePlugin import PpmImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from netwright.data.media.base import Media

MOST = 80_000_000  # pixels that are decoded: some 300 MB, and below where Pillow warns of bombs
MOST_JPEG = 500_000_000  # JPEG gives an eighth of its sides without decoding the rest
LARGE = 16_000_000  # pixels; from here on one picture at a time
ORIENTATION = 274  # tag of EXIF
BITS = 258  # tag of TIFF
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The plain openers: `Image.open` tries others that run programs (EPS), and refuses JPEG that can be scaled.
FORMATS: tuple[tuple[bytes, Callable[..., Image.Image]], ...] = (
    (b"\xff\xd8\xff", JpegImageFile),
    (b"\x89PNG\r\n\x1a\n", PngImageFile),
    (b"GIF87a", GifImageFile),
    (b"GIF89a", GifImageFile),
    (b"BM", BmpImageFile),
    (b"II*\x00", TiffImageFile),
    (b"MM\x00*", TiffImageFile),
    (b"II+\x00", TiffImageFile),
    (b"MM\x00+", TiffImageFile),
    (b"RIFF", WebPImageFile),
    *((b"P%d%b" % (number, space), PpmImageFile) for number in range(1, 7) for space in (b"\n", b" ", b"\r")),
)
OTHERS = (
    (b"%PDF", "no picture but a PDF"),
    (b"PK\x03\x04", "no picture but a zip"),
    (b"\x1f\x8b", "no picture but a gzip file"),
    (b"\x93NUMPY", "no picture but a NumPy array; pass it in Python"),
    (b"\x89HDF", "no picture but an HDF5 file"),
    (b"8BPS", "a Photoshop file, which is not read: save it as PNG"),
    (b"\x00\x00\x01\x00", "an icon, which is not read: save it as PNG"),
    (b"\x00\x00\x00\x0cjP", "JPEG 2000, which is not read: save it as PNG or JPEG"),
    (b"\xff\x0a", "JPEG XL, which is not read: save it as PNG or JPEG"),
    (b"%!PS", "PostScript, which is not read: save it as PNG"),
)
_one_large = Lock()


class Unreadable(Exception):
    """A cell that gives no picture; its text says why."""


def pixels(media: Media, text: str, height: int, width: int, channels: int) -> np.ndarray:
    """What a cell stands for, as `pixels_of` gives it.

    Raises:
        Unreadable: there is no such picture, or it is damaged, too large or something else.
    """
    return pixels_of(content_of(media, text), height, width, channels)


def pixels_of(content: np.ndarray | bytes, height: int, width: int, channels: int) -> np.ndarray:
    """A picture in the size that is wanted: the shorter side is scaled, what stands out is cut off evenly.

    Arguments:
        content: a picture's file, or its pixels [H, W, C] uint8.
        height, width: of the result, in pixels.
        channels: 1 (grey: .299 R + .587 G + .114 B) or 3.

    Returns:
        [H, W, C] uint8

    Raises:
        Unreadable: the content is damaged, too large or something else.
    """
    if isinstance(content, np.ndarray) and content.shape == (height, width, channels):
        return content
    picture = _guarded(partial(_load, content, side=max(height, width), grey=channels == 1))
    picture = _over_white(_fit(picture, height, width)).convert("L" if channels == 1 else "RGB")
    return np.asarray(picture).reshape(height, width, channels)


def glance(media: Media, text: str) -> tuple[int, int, bool]:
    """A picture's height and width as it is shown, and whether its header says that it is grey.

    Raises:
        Unreadable: as `pixels`; the picture is not decoded, so that not all is seen.
    """
    content = content_of(media, text)
    if isinstance(content, np.ndarray):
        return content.shape[0], content.shape[1], content.shape[2] < 3
    picture = _guarded(partial(_open, content))
    _check_size(picture, picture.size)
    width, height = picture.size
    if _turn(picture) in (5, 6, 7, 8):
        width, height = height, width
    return height, width, picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I")


def is_picture(content: bytes) -> bool:
    """Whether a file's first bytes are those of a picture.

    Example:
        >>> is_picture(b"GIF89a..."), is_picture(b"a,b")
        (True, False)
    """
    return _plugin(content) is not None


def content_of(media: Media, text: str) -> np.ndarray | bytes:
    """A cell's bytes or array. Raises Unreadable where there are none."""
    try:
        return media.content(text)
    except (KeyError, FileNotFoundError, NotADirectoryError):
        raise Unreadable("there is no such file") from None
    except IsADirectoryError:
        raise Unreadable("no picture but a folder") from None
    except Exception as error:  # a damaged zip, a name that no file can have, a disk that fails
        raise Unreadable(f"the file cannot be read: {error}") from None


def _guarded(decode: Callable[[], Image.Image]) -> Image.Image:
    try:
        return decode()
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("too large for the memory") from None
    except Exception:  # on damaged bytes Pillow's decoders raise whatever they stumble over
        raise Unreadable("cut short or damaged") from None


def _load(content: np.ndarray | bytes, side: int, *, grey: bool) -> Image.Image:
    """A decoded picture in mode L, LA, RGB or RGBA, upright; a JPEG no larger than `side` needs."""
    if isinstance(content, np.ndarray):
        return Image.fromarray(content[:, :, 0] if content.shape[2] == 1 else content)
    picture = _open(content)
    shown = picture.size
    if isinstance(picture, JpegImageFile):
        picture.draft("L" if grey else None, (side, side))
    _check_size(picture, shown)
    if shown[0] * shown[1] < LARGE:
        picture.load()
        done = _eight_bits(picture)
    else:
        with _one_large:
            picture.load()
            done = _eight_bits(picture)
    turn = _turn(picture)
    return done.transpose(TURNS[turn]) if turn in TURNS else done


def _open(content: bytes) -> Image.Image:
    plugin = _plugin(content)
    if plugin is None:
        raise Unreadable(_what_else(content))
    return plugin(io.BytesIO(content))


def _plugin(content: bytes) -> Callable[..., Image.Image] | None:
    for magic, plugin in FORMATS:
        if content.startswith(magic) and (magic != b"RIFF" or content[8:12] == b"WEBP"):
            return plugin
    return None


def _check_size(picture: Image.Image, shown: tuple[int, int]) -> None:
    """The size in the header against what is decoded at most. `shown`: width and height before any draft."""
    many = shown[0] * shown[1]
    baseline = isinstance(picture, JpegImageFile) and "progressive" not in picture.info
    if many > (MOST_JPEG if baseline else MOST):
        most = MOST // 1_000_000
        raise Unreadable(f"too large: {shown[0]:,} x {shown[1]:,} pixels, at most {most} million are decoded")


def _turn(picture: Image.Image) -> int:
    """EXIF's orientation, 1 where there is none. Pillow itself turns TIFF."""
    if "exif" not in picture.info or isinstance(picture, TiffImageFile):
        return 1
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # broken EXIF in a picture that is whole
        return 1


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Any mode as L, LA, RGB or RGBA."""
    mode = picture.mode
    if mode == "F" or mode.startswith("I"):
        return Image.fromarray(_scaled(np.asarray(picture), _declared(picture)))
    if mode in ("LA", "La"):
        return picture.convert("LA")
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    return picture.convert("L" if mode in ("1", "L") else "RGB")


def _declared(picture: Image.Image) -> int | None:
    """The largest value that a mode of whole numbers stands for; None where only the values can tell."""
    if not picture.mode.startswith("I;16"):
        return None
    bits = picture.tag_v2.get(BITS, (16,))[0] if isinstance(picture, TiffImageFile) else 16
    return 2**bits - 1


def _scaled(values: np.ndarray, declared: int | None) -> np.ndarray:
    """Grey values of any range as 0 to 255. Where none is declared, it is the smallest that holds the values:
    0 to 1, 0 to 255, 0 to 65535, else their own."""
    numbers = values.astype(np.float32)
    if declared is not None:
        top = float(declared)
    else:
        numbers[~np.isfinite(numbers)] = 0.0
        low, top = float(numbers.min()), float(numbers.max())
        if low >= 0.0 and top <= 65535.0:
            top = 1.0 if top <= 1.0 else 255.0 if top <= 255.0 else 65535.0
        else:
            numbers -= low
            top = top - low or 1.0
    numbers *= 255.0 / top
    return np.rint(numbers, out=numbers).clip(0, 255).astype(np.uint8)


def _fit(picture: Image.Image, height: int, width: int) -> Image.Image:
    """The middle of a picture in the shape that is wanted, scaled with antialiasing."""
    if picture.size == (width, height):
        return picture
    scale = min(picture.width / width, picture.height / height)  # pixels of the picture for one of the result
    wide, high = min(width * scale, picture.width), min(height * scale, picture.height)
    left, top = (picture.width - wide) / 2, (picture.height - high) / 2
    box = (left, top, min(left + wide, picture.width), min(top + high, picture.height))
    return picture.resize((width, height), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)


def _over_white(picture: Image.Image) -> Image.Image:
    if picture.mode not in ("LA", "RGBA"):
        return picture
    white = Image.new("RGBA", picture.size, "white")
    over = Image.alpha_composite(white, picture.convert("RGBA"))
    return over.convert("L" if picture.mode == "LA" else "RGB")


def _what_else(content: bytes) -> str:
    """What bytes are that are no picture."""
    if not content:
        return "the file is empty"
    for magic, what in OTHERS:
        if content.startswith(magic):
            return what
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        name = "AVIF" if brand == b"avif" else "HEIC" if brand[:3] in (b"hei", b"mif") else "a film"
        return f"{name}, which is not read: save it as PNG or JPEG"
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in head:
        return "SVG, which is not read: save it as PNG"
    if head.startswith((b"<!doctype html", b"<html")):
        return "no picture but a web page"
    if head.startswith(b"<"):
        return "no picture but a web page or XML"
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in content[:1024]):
        return "no picture but text"
    return "no picture of a format that is read (PNG, JPEG, GIF, BMP, TIFF, WebP, PPM)"
