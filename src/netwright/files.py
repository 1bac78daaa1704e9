"""Files are written whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

from netwright.errors import InputError, NetwrightError

FULL = (errno.ENOSPC, errno.EDQUOT)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes beside the file first, then takes its place.

    Raises:
        InputError: the folder cannot be made or written.
        NetwrightError: the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        if error.errno in FULL:
            raise _full(path, error) from None
        what = f"the file cannot be written: {error.strerror}"
        raise InputError(what, where=str(path), hint="choose another place") from None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise _full(path, error) from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def _full(path: Path, error: OSError) -> NetwrightError:
    return NetwrightError(f"{path} cannot be written: {error.strerror}")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode())


def write_json(path: Path, content: Any) -> None:
    """JSON with null for what is not a finite number."""
    write_text(path, json.dumps(finite(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def finite(content: Any) -> Any:
    """The same with None in the place of NaN and infinities."""
    if isinstance(content, dict):
        return {str(key): finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
