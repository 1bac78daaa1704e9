from __future__ import annotations

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import Dropout, GaussianDropout, GaussianNoise, SpatialDropout1D, SpatialDropout2D
from netwright.nn.member import Mode

KINDS = [Dropout, GaussianDropout, GaussianNoise]


def training(*seeds: int) -> Mode:
    return Mode(training=True, generators=[torch.Generator().manual_seed(seed) for seed in seeds])


@pytest.mark.parametrize("kind", [*KINDS, SpatialDropout1D])
def test_members_have_randomness_of_their_own(alike, normal, kind):
    alike(lambda: kind(0.4), normal(3, 4, 6, 5), training=True)


@pytest.mark.parametrize("kind", [*KINDS, SpatialDropout1D])
def test_nothing_happens_in_prediction_or_at_rate_0(run, normal, close, kind):
    x = normal(1, 4, 6, 5)
    close(run(kind(0.4), (6, 5))(x), x)
    close(run(kind(0.0), (6, 5))(x, training(1)), x)


def test_dropout_zeroes_its_share_and_scales_up_the_others(run):
    x = torch.ones(1, 100, 200).double()
    y = run(Dropout(0.3), (200,))(x, training(1))
    assert sorted(y.unique().tolist()) == [0.0, pytest.approx(1 / 0.7, rel=1e-6)]
    assert (y == 0).double().mean().item() == pytest.approx(0.3, abs=0.015)


def test_gaussian_noise_and_dropout_have_their_deviation(run):
    x = torch.full((1, 100, 200), 2.0).double()
    noisy = run(GaussianNoise(0.5), (200,))(x, training(1))
    assert noisy.mean().item() == pytest.approx(2, abs=0.015)
    assert noisy.std().item() == pytest.approx(0.5, rel=0.03)
    dropped = run(GaussianDropout(0.2), (200,))(x, training(1))
    assert dropped.mean().item() == pytest.approx(2, abs=0.03)
    assert dropped.std().item() == pytest.approx(2 * 0.5, rel=0.03)  # 2 sqrt(.2 / .8)


@pytest.mark.parametrize(("kind", "shape"), [(SpatialDropout1D, (7, 50)), (SpatialDropout2D, (3, 4, 50))])
def test_spatial_dropout_drops_whole_channels(run, kind, shape):
    y = run(kind(0.5), shape, 2)(torch.ones(2, 40, *shape).double(), training(1, 2)).flatten(2, -2)
    assert (y == y[:, :, :1]).all()
    assert set(y.unique().tolist()) == {0.0, 2.0}
    assert (y[:, :, 0] == 0).double().mean().item() == pytest.approx(0.5, abs=0.05)
    assert (y[0] != y[1]).any()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Dropout(1.0), r"rate is 1\.0"),
        (lambda: GaussianDropout(-0.1), "rate is"),
        (lambda: GaussianNoise(-1), "stddev is -1"),
        (lambda: SpatialDropout2D(0.5).output_shape((4, 5)), "takes pictures"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
