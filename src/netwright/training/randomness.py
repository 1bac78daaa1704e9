"""Randomness that belongs to a member, so that training beside others changes nothing for it."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor


def seed_of(*parts: object) -> int:
    """A 63-bit seed from what it is for, such as (seed, "order", epoch)."""
    digest = hashlib.sha256("/".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def order(seed: int, epoch: int, count: int) -> Tensor:
    """The order in which a member sees its rows in an epoch. [count] int64"""
    generator = torch.Generator().manual_seed(seed_of(seed, "order", epoch))
    return torch.randperm(count, generator=generator)


class MemberGenerators:
    """One generator a member for dropout, started anew in each epoch.

    So a member that has fewer batches than its neighbours draws what it would have drawn alone.
    """

    def __init__(self, seeds: list[int], device: torch.device) -> None:
        self.seeds = seeds
        self.generators = [torch.Generator(device) for _ in seeds]

    def start(self, epoch: int) -> list[torch.Generator]:
        for seed, generator in zip(self.seeds, self.generators, strict=True):
            generator.manual_seed(seed_of(seed, "dropout", epoch))
        return self.generators
