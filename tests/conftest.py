"""One thread: the tests' tables and networks are tiny, and tests run beside each other."""

import os
from collections.abc import Iterator

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
