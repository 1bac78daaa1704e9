"""The default seed: repeatable from program to program, different from network to network."""

import numpy as np
import pytest

from netwright.errors import InputError
from netwright.nn import seed


@pytest.fixture(autouse=True)
def _forget():
    yield
    seed.set_seed(None)


def taken(number, count=20):
    seed.set_seed(number)
    return [seed.next_seed() for _ in range(count)]


def test_seeds_repeat_and_differ():
    assert taken(3) == taken(3)
    assert taken(3)[0] == 3
    assert len(set(taken(3) + taken(4) + taken(0))) == 60
    assert seed.default_seed() == 0


def test_without_a_seed_networks_start_at_random():
    seed.set_seed(None)
    assert seed.default_seed() is None
    assert len({seed.next_seed() for _ in range(20)}) == 20


@pytest.mark.parametrize("wrong", [-1, 1.5, "1", True])
def test_wrong_seeds(wrong):
    with pytest.raises(InputError, match="whole number"):
        seed.set_seed(wrong)
    seed.set_seed(np.int64(3))
    assert seed.default_seed() == 3
