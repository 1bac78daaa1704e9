"""TensorBoard's event files, written without its package: records with checksums around small messages.

A record is its length (uint64), the masked CRC-32C of these 8 bytes, the message, and the masked CRC-32C of
the message, all little-endian. Messages are protocol buffers; of Event and Summary only what a scalar needs
is written here.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from pathlib import Path

POLYNOMIAL = 0x82F63B78  # Castagnoli's, bits reversed


class EventWriter:
    """Appends scalars to one new event file.

    Arguments:
        folder: where the file goes; made when it is not there.
    """

    def __init__(self, folder: str | Path) -> None:
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        began = time.time()
        name = f"events.out.tfevents.{began:.6f}.{socket.gethostname()}.{os.getpid()}.v2"
        self.path = folder / name
        self.file = self.path.open("ab")
        self.file.write(record(_double(1, began) + _bytes(3, b"brain.Event:2")))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """One point of the curve `tag`."""
        point = _bytes(1, tag.encode()) + _float(2, value)
        event = _double(1, time.time()) + _integer(2, step) + _bytes(5, _bytes(1, point))
        self.file.write(record(event))

    def flush(self) -> None:
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def record(message: bytes) -> bytes:
    """A message with its length and checksums."""
    length = struct.pack("<Q", len(message))
    return length + struct.pack("<I", masked(length)) + message + struct.pack("<I", masked(message))


def masked(content: bytes) -> int:
    """The CRC-32C turned by 15 bits plus a constant, so that checksums of checksums stay good ones."""
    crc = crc32c(content)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(content: bytes) -> int:
    """Castagnoli's cyclic redundancy check (RFC 3720, appendix B.4).

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc = 0xFFFFFFFF
    for byte in content:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ POLYNOMIAL * (byte & 1)
    return byte


TABLE = [_entry(byte) for byte in range(256)]


# Fields of protocol buffers: (number << 3 | wire type), then the value.


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= 0xFFFFFFFFFFFFFFFF
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)
