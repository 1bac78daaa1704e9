"""Models of layers by hand: `Sequential`, and `Model` for any graph from `Input`s to outputs."""

from netwright.layers.entry import Input
from netwright.models.keeping import clone_model, load_model
from netwright.models.model import Model
from netwright.models.sequential import Sequential

__all__ = ["Input", "Model", "Sequential", "clone_model", "load_model"]
