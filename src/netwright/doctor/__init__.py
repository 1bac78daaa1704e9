"""The doctor: what goes wrong with data, networks and training, in plain words, and what helps."""

from __future__ import annotations
