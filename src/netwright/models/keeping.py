"""Models on disk, as copies and as pickles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netwright.arguments import checked
from netwright.errors import InputError

if TYPE_CHECKING:
    from netwright.models.model import Model


class Kept:
    """The part of `Model` that writes, reads and copies."""

    @checked
    def save(self, path: str | Path, overwrite: bool = True) -> None:
        """Writes layers and weights into a folder; `nw.load` reads it. Nothing in it is ever run.

        A name that ends as Keras's files do (.keras, .h5) is taken, with a warning that it is a folder.

        Raises:
            InputError: a layer or loss of one's own (code is not saved), or a folder that holds other things.
        """
        from netwright.models.saving import save

        save(whole_model(self), Path(path), overwrite=overwrite)

    @checked
    def save_weights(self, path: str | Path) -> None:
        """Writes the weights alone into a file of safetensors; a warning where its name says .h5."""
        from netwright.models.saving import save_weights

        save_weights(whole_model(self), Path(path))

    @checked
    def load_weights(self, path: str | Path) -> None:
        """Takes the weights of a file that `save_weights` wrote."""
        from netwright.models.saving import load_weights

        load_weights(whole_model(self), Path(path))

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        from netwright.models.copying import duplicate

        return duplicate(whole_model(self))

    def __reduce__(self) -> tuple[Callable[..., Model], tuple[Any, ...]]:
        """A pickle holds what `save` writes, as bytes."""
        from netwright.models.saving import from_parts, parts

        return from_parts, parts(whole_model(self))


@checked
def load_model(filepath: str | Path, compile: bool = True) -> Model:
    """The model that `save` wrote; `nw.load` does the same, for runs too.

    Arguments:
        filepath: the folder.
        compile: whether it is compiled as it was.

    Raises:
        InputError: there is none, it is damaged, or another program or a newer version wrote it.
    """
    from netwright.models.saving import load

    if not Path(filepath).exists():
        raise InputError("there is no such folder", where=str(filepath))
    model = load(Path(filepath))
    if not compile:
        model.optimizer = model.settings = model.engine = None
    return model


@checked
def clone_model(model: Model) -> Model:
    """A model of the same layers made anew: its weights are drawn anew, and it is not compiled.

    `copy.deepcopy(model)` is a copy with weights and all.

    Example:
        >>> import netwright as nw
        >>> model = nw.Sequential([nw.layers.Dense(3, input_dim=2)])
        >>> other = clone_model(model)
        >>> other.count_params(), other.layers[0] is model.layers[0]
        (9, False)
    """
    from netwright.models.copying import clone

    return clone(model)


def whole_model(part: object) -> Model:
    """A part of a model is one; this says so to the checker of types."""
    from netwright.models.model import Model

    assert isinstance(part, Model)
    return part
