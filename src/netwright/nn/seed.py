"""The seed that a network by hand starts from when it is given none."""

from __future__ import annotations

import numpy as np

from netwright.errors import InputError

_seed: int | None = None
_taken = 0


def set_seed(seed: int | None) -> None:
    """From now on the networks made in this process start the same way each time the program runs.

    Networks made one after another still start differently from each other: see `next_seed`.

    Arguments:
        seed: a whole number, at least 0; None: each network starts at random again.

    Example:
        >>> set_seed(7)
        >>> first, second = next_seed(), next_seed()
        >>> set_seed(7)
        >>> (first, second) == (next_seed(), next_seed())
        True
        >>> set_seed(None)
    """
    global _seed, _taken
    if seed is None:
        _seed = None
        return
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed is {seed!r}", hint="give a whole number, at least 0")
    _seed, _taken = int(seed), 0


def default_seed() -> int | None:
    """The seed given to `set_seed`, None when there was none."""
    return _seed


def next_seed() -> int:
    """A seed for the next network: the one set, then others that follow from it; without one, a random one.

    Five networks made in a loop start in five ways, as they do in Keras.
    """
    global _taken
    if _seed is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    _taken += 1
    if _taken == 1:
        return _seed
    return int(np.random.SeedSequence([_seed, _taken]).generate_state(1, np.uint32)[0])
