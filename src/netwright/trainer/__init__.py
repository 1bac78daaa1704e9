"""Trains any module of PyTorch."""

from netwright.trainer.trainer import Trainer

__all__ = ["Trainer"]
