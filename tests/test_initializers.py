"""Initialisers by their moments, bounds and formulas; by name; with seeds of their own."""

import json

import numpy as np
import pytest
import torch

from netwright import initializers as init
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

SHAPE = (3, 40, 50)  # receptive field 3, 40 in, 50 out
IN, OUT = 120, 150
CUT = 2 / 0.87962566103423978


def drawn(initializer, shape=SHAPE, seed=0):
    return initializer(np.random.default_rng(seed), shape)


def test_plain_ones():
    assert np.all(drawn(init.Zeros()) == 0)
    assert np.all(drawn(init.Ones()) == 1)
    assert np.all(drawn(init.Constant(0.3)) == 0.3)
    assert drawn(init.Zeros()).shape == SHAPE


@pytest.mark.parametrize(
    ("name", "variance"),
    [("glorot", 2 / (IN + OUT)), ("he", 2 / IN), ("lecun", 1 / IN)],
)
def test_scaled_ones_have_the_variance_of_their_paper(name, variance):
    uniform = drawn(init.get(f"{name}_uniform"), (3, 400, 500))
    normal = drawn(init.get(f"{name}_normal"), (3, 400, 500))
    for values in (uniform, normal):
        assert values.mean() == pytest.approx(0, abs=5e-5)
        assert values.var() == pytest.approx(variance / 10, rel=0.01)
    assert np.abs(uniform).max() == pytest.approx(np.sqrt(3 * variance / 10), rel=1e-3)
    assert np.abs(uniform).max() <= np.sqrt(3 * variance / 10)
    assert np.abs(normal).max() == pytest.approx(CUT * np.sqrt(variance / 10), rel=1e-3)
    assert np.abs(normal).max() <= CUT * np.sqrt(variance / 10)


def test_bounds_agree_with_pytorch():
    weight = torch.empty(50, 40)
    torch.nn.init.kaiming_uniform_(weight, nonlinearity="relu")
    bound = drawn(init.HeUniform(), (40, 50)).__abs__().max()
    assert bound == pytest.approx(weight.abs().max().item(), rel=0.01)
    assert torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(50, 40, 3)) == init.fans(SHAPE)


def test_random_ones():
    normal = drawn(init.RandomNormal(1.0, 0.5), (200, 500))
    assert (normal.mean(), normal.std()) == (pytest.approx(1, abs=0.01), pytest.approx(0.5, rel=0.01))
    cut = drawn(init.TruncatedNormal(1.0, 0.5), (200, 500))
    assert cut.std() == pytest.approx(0.5 * 0.8796, rel=0.01)
    assert np.abs(cut - 1).max() <= 1.0
    uniform = drawn(init.RandomUniform(-1, 3), (200, 500))
    assert (uniform.min(), uniform.max()) == (pytest.approx(-1, abs=1e-3), pytest.approx(3, abs=1e-3))


@pytest.mark.parametrize(("mode", "fan"), [("fan_in", IN), ("fan_out", OUT), ("fan_avg", (IN + OUT) / 2)])
@pytest.mark.parametrize("distribution", init.DISTRIBUTIONS)
def test_variance_scaling(mode, fan, distribution):
    values = np.concatenate(
        [drawn(init.VarianceScaling(3.0, mode, distribution), seed=seed) for seed in range(20)]
    )
    assert values.var() == pytest.approx(3 / fan, rel=0.02)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4), (3, 2, 5)])
def test_orthogonal(shape):
    matrix = drawn(init.Orthogonal(2.0), shape).reshape(-1, shape[-1])
    small = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(small @ small.T, 4 * np.eye(len(small)), atol=1e-12)


def test_orthogonal_is_drawn_evenly():
    """Without the change of signs the first entry would have one sign only."""
    firsts = [drawn(init.Orthogonal(), (3, 3), seed)[0, 0] for seed in range(200)]
    assert 70 < np.sum(np.array(firsts) > 0) < 130


def test_identity():
    np.testing.assert_array_equal(drawn(init.Identity(2.0), (2, 3)), [[2, 0, 0], [0, 2, 0]])


def test_shapes_that_cannot_be():
    for initializer in (init.Identity(), init.Orthogonal()):
        with pytest.raises(InputError, match="two axes"):
            drawn(initializer, (4,))


def test_fans():
    assert init.fans(()) == (1, 1)
    assert init.fans((5,)) == (5, 5)
    assert init.fans((5, 7)) == (5, 7)
    assert drawn(init.HeUniform(), ()).shape == ()


@pytest.mark.parametrize("kind", init.KNOWN.values())
def test_a_seed_is_of_its_own(kind):
    assert np.array_equal(drawn(kind(), (5, 5), 1), drawn(kind(), (5, 5), 1))
    if not hasattr(kind(), "seed"):
        return
    assert not np.array_equal(drawn(kind(), (5, 5), 1), drawn(kind(), (5, 5), 2))
    assert np.array_equal(drawn(kind(seed=4), (5, 5), 1), drawn(kind(seed=4), (5, 5), 2))
    assert not np.array_equal(drawn(kind(seed=4), (5, 5), 1), drawn(kind(seed=5), (5, 5), 1))


def test_get():
    assert init.get("HeNormal") == init.get("he_normal") == init.get("kaiming_normal") == init.HeNormal()
    assert init.get(init.HeNormal) == init.HeNormal()
    assert init.get(init.Constant(2)) == init.Constant(2)
    assert init.get(np.ones) is np.ones
    with pytest.raises(InputError, match="did you mean 'glorot_uniform'"):
        init.get("glorott_uniform")
    for wrong in (3, None, dict):
        with pytest.raises(InputError, match="no initializer"):
            init.get(wrong)
    with pytest.raises(InputError, match="did you mean 'fan_avg'"):
        init.VarianceScaling(mode="fan_av")
    with pytest.raises(InputError, match="unknown choice 'gamma'"):
        init.VarianceScaling(distribution="gamma")
    with pytest.raises(InputError, match="above 0"):
        init.VarianceScaling(scale=-1)


@pytest.mark.parametrize("kind", init.KNOWN.values())
def test_as_json(kind):
    known = {each.__name__: each for each in init.KNOWN.values()}
    assert from_spec(known, json.loads(json.dumps(to_spec(kind())))) == kind()
