"""Randomness that belongs to a member, so that training beside others changes nothing for it."""

from __future__ import annotations

import hashlib

import numpy as np
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


def balanced_order(seed: int, epoch: int, codes: Tensor) -> Tensor:
    """Rows drawn so that an epoch sees all classes equally often, in the order in which they are seen.

    There are as many draws as rows. A class with more rows than its part of the draws gives other ones in
    each epoch; one with fewer gives each of its rows equally often, up to one.

    Arguments:
        codes: of the rows' classes; rows of -1 are not drawn. [n]

    Returns:
        Places in `codes`. [n] int64

    Example:
        >>> codes = torch.tensor([0, 0, 0, 0, 0, 1])
        >>> codes[balanced_order(0, 1, codes)].bincount()
        tensor([3, 3])
    """
    generator = torch.Generator().manual_seed(seed_of(seed, "balanced", epoch))
    sizes = (codes + 1).bincount()
    groups = [part for part in codes.argsort(stable=True).split(sizes.tolist())[1:] if len(part)]
    if not groups:
        return order(seed, epoch, len(codes))
    draws = torch.full((len(groups),), len(codes) // len(groups))
    draws[torch.randperm(len(groups), generator=generator)[: len(codes) % len(groups)]] += 1
    drawn = []
    for group, count in zip(groups, draws.tolist(), strict=True):
        while count > 0:
            part = group[torch.randperm(len(group), generator=generator)[:count]]
            drawn.append(part)
            count -= len(part)
    return torch.cat(drawn)[torch.randperm(len(codes), generator=generator)]


def mixing(seeds: list[int], epoch: int) -> list[np.random.Generator]:
    """What each member draws the blends of an epoch's rows from."""
    return [np.random.default_rng(seed_of(seed, "mixup", epoch)) for seed in seeds]


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
