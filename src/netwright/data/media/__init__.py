"""What cells of a table stand for when they are no numbers or words: pictures, sounds and series."""

from __future__ import annotations

from netwright.data.media.base import CONTENTS, Arrays, Files, Media, MediaKind, Several

__all__ = ["CONTENTS", "Arrays", "Files", "Media", "MediaKind", "Several"]
