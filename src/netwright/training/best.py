"""Each member's weights at its best epoch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from netwright.nn.trainable import Trainable


class Best:
    """Remembers each member's weights at its best validation score."""

    def __init__(self, network: Trainable, patience: int | None) -> None:
        self.flat = network.flat.detach()
        self.live = [self.flat, *network.live()]
        self.kept = [tensor.clone() for tensor in self.live]
        self.patience = patience
        self.score = torch.full((len(self.flat),), float("inf"), device=self.flat.device)
        self.epoch = [0] * len(self.flat)
        self.waited = torch.zeros(len(self.flat), dtype=torch.int64)

    def update(self, score: Tensor, epoch: int) -> bool:
        """Keeps the weights of members that are better than before; False when all have waited enough."""
        better = score.nan_to_num(nan=float("inf")) < self.score
        if self.patience is not None:
            better &= (self.waited < self.patience).to(better.device)  # whoever has stopped stays as it is
        self.score = torch.where(better, score.to(self.score.dtype), self.score)
        for live, kept in zip(self.live, self.kept, strict=True):
            kept[better] = live[better]
        chosen = better.cpu()
        self.epoch = [epoch if new else old for new, old in zip(chosen.tolist(), self.epoch, strict=True)]
        done = self.waited >= self.patience if self.patience is not None else torch.zeros_like(chosen)
        self.waited = torch.where(chosen & ~done, 0, self.waited + 1)
        return self.patient()

    def patient(self) -> bool:
        """Whether any member has not waited enough."""
        return self.patience is None or bool((self.waited < self.patience).any())

    def done(self) -> Tensor:
        """Which members have waited enough. [M] bool, on the processor"""
        if self.patience is None:
            return torch.zeros_like(self.waited, dtype=torch.bool)
        return self.waited >= self.patience

    def part(self, places: list[int], network: Trainable) -> Best:
        """The memory of some members, whose network of their own stands where they do."""
        made = Best(network, self.patience)
        made.kept = [tensor[places] for tensor in self.kept]
        made.score, made.waited = self.score[places], self.waited[places]
        made.epoch = [self.epoch[place] for place in places]
        return made

    def state_dict(self) -> dict[str, Any]:
        """All that is remembered, as a checkpoint keeps it."""
        return {name: getattr(self, name) for name in ("kept", "score", "epoch", "waited")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes what `state_dict` gave."""
        for mine, given in zip(self.kept, state["kept"], strict=True):
            mine.copy_(given)
        self.score.copy_(state["score"])
        self.epoch, self.waited = list(state["epoch"]), state["waited"].clone()

    def restore(self, *, keep_last: bool) -> None:
        """Puts the best weights back."""
        if keep_last:
            return
        for live, kept in zip(self.live, self.kept, strict=True):
            live.copy_(kept)
