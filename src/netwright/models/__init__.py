"""Models of layers by hand: `Sequential`, and `Model` for any graph from `Input`s to outputs."""

from netwright.models.model import Input, Model
from netwright.models.sequential import Sequential

__all__ = ["Input", "Model", "Sequential"]
