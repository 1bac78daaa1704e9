"""An optimiser of PyTorch's own in the engine's place: it steps the module's parameters itself."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from netwright.errors import InputError


class TorchSteps:
    """Behaves as `netwright.training.optimizer.Optimizer` for one module.

    The gradients that it reads are views of the flat gradient, so that they are clipped already. Rates are
    shares of the first group's: groups with rates of their own keep their relations.

    Arguments:
        optimizer: of `torch.optim`, on parameters of the module.
        module: what is trained.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, module: nn.Module) -> None:
        name = type(optimizer).__name__
        if isinstance(optimizer, torch.optim.LBFGS):
            raise InputError(
                "LBFGS calls the loss itself, which the Trainer cannot let it do", where="optimizer"
            )
        own = {id(each) for each in module.parameters()}
        held = [each for group in optimizer.param_groups for each in group["params"]]
        if not any(id(each) in own for each in held):
            raise InputError(
                f"{name} holds other parameters than the module's",
                where="optimizer",
                hint="make it after the module, with module.parameters()",
            )
        self.optimizer = optimizer
        self.bases = [float(group["lr"]) for group in optimizer.param_groups]

    @property
    def rate(self) -> float:
        """Of the first group."""
        return self.bases[0]

    def step(self, gradient: Tensor, rate: float | Tensor, active: Tensor | None = None) -> None:
        share = float(rate) / self.bases[0] if self.bases[0] else 1.0
        share = 1.0 if abs(share - 1.0) < 1e-6 else share  # rates come in 32 bits
        for group, base in zip(self.optimizer.param_groups, self.bases, strict=True):
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(base * share)
            else:
                group["lr"] = base * share
        self.optimizer.step()

    def state_dict(self) -> dict[str, Any]:
        """As tensors of its own: what PyTorch gives are those at work."""
        return _copied(self.optimizer.state_dict())

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.optimizer.load_state_dict(state)


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list | tuple) else value
