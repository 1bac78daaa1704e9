"""One thread: the tests' tables and networks are tiny, and tests run beside each other."""

import hashlib
import os
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import wraps
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("POLARS_MAX_THREADS", "1")


@pytest.fixture(autouse=True)
def no_seed_left() -> Iterator[None]:
    """What a test or an example sets with `nw.set_seed` ends with it."""
    yield
    from netwright.nn import seed

    if seed.default_seed() is not None:
        seed.set_seed(None)


@pytest.fixture(autouse=True, scope="session")
def simple_models_learn_once() -> Iterator[None]:
    """What the doctor's simple models answer depends on the rows alone, and many tests have the same."""
    from netwright.doctor import plain, standing
    from netwright.doctor.checks import far_targets

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "fitted", remembered(plain.fitted))
        answers = remembered(standing.simple_answers)
        patch.setattr(standing, "simple_answers", answers)
        patch.setattr(far_targets, "simple_answers", answers)
        yield


def remembered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which computes the same only once."""
    known: dict[tuple[Any, ...], Any] = {}

    @wraps(function)
    def found(*given: Any) -> Any:
        key = tuple(map(told, given))
        if key not in known:
            known[key] = function(*given)
        return deepcopy(known[key])

    return found


def told(given: Any) -> Any:
    """What is to be known of an argument: arrays, simple models as they are made, and cases by their task."""
    if hasattr(given, "tobytes"):
        return given.shape, str(given.dtype), hashlib.sha256(given.tobytes()).digest()
    if hasattr(given, "get_params"):
        return type(given), str(sorted(given.get_params().items()))
    return (given.task, given.classes) if hasattr(given, "task") else given
