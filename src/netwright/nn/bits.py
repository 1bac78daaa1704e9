"""Random bits of the members, drawn for many steps at a time.

A draw of its own for each member, layer and step costs more than the bits themselves. So each layer takes the
words of several steps at once, and hands them out step by step: a member's bits depend on its own randomness
and on its own layers, never on its neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

WORDS = 4096  # of 64 bits, that a layer draws for a member at a time; more where a step needs more


class Bits:
    """Where the members' random bits come from, from the start of their generators on.

    On a processor a generator gives the seed of an SFC64 (Doty-Humphrey, PractRand), which draws several
    times as fast, and members of one seed, such as the trials of a search, share it; elsewhere the words are
    drawn where they are needed.

    Arguments:
        generators: of the members. M of them

    Example:
        >>> bits = Bits([torch.Generator().manual_seed(seed) for seed in (1, 2)])
        >>> bits.take("layer", 6, torch.device("cpu")).shape
        torch.Size([2, 6])
    """

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators = generators
        self.fast: dict[int, np.random.SFC64] = {}  # by seed
        self.which: Tensor | None = None  # of these each member has; None where that is plain. [M]
        self.drawn: dict[object, Tensor] = {}  # words of the steps to come, by layer. [M, steps, words]
        self.next: dict[object, int] = {}  # step whose words come next

    def take(self, layer: object, count: int, device: torch.device) -> Tensor:
        """16 random bits for each of `count` features of one step of a layer.

        Returns:
            [M, count] int16, or [1, count] where all members draw the same.
        """
        words = count // 4 + 1
        block, step = self.drawn.get(layer), self.next.get(layer, 0)
        if block is None or step == block.shape[1] or words > block.shape[2]:
            block, step = self._draw(max(1, WORDS // words), words, device), 0
            self.drawn[layer] = block
        self.next[layer] = step + 1
        bits = block[:, step].view(torch.int16)[:, :count]
        return bits if self.which is None else bits[self.which]

    def _draw(self, steps: int, words: int, device: torch.device) -> Tensor:
        """[M or seeds, steps, words] int64"""
        if device.type != "cpu":
            drawn = torch.empty(len(self.generators), steps * words, dtype=torch.int64, device=device)
            for row, generator in zip(drawn.unbind(), self.generators, strict=True):
                row.random_(-(2**63), None, generator=generator)
            return drawn.view(-1, steps, words)
        if not self.fast:
            self._begin()
        raw = np.empty((len(self.fast), steps * words), dtype=np.uint64)
        for row, source in zip(raw, self.fast.values(), strict=True):
            row[:] = source.random_raw(steps * words)
        return torch.from_numpy(raw.view(np.int64)).view(-1, steps, words)

    def _begin(self) -> None:
        seeds = [int(torch.randint(2**63 - 1, (), generator=each)) for each in self.generators]
        self.fast = {seed: np.random.SFC64(seed) for seed in seeds}
        if 1 < len(self.fast) < len(seeds):
            places = {seed: place for place, seed in enumerate(self.fast)}
            self.which = torch.tensor([places[seed] for seed in seeds])
