"""Constraints against lengths written out; axes are counted without the member axis."""

import pytest
import torch

from netwright import constraints
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

W = 3 * torch.randn(3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def test_max_norm():
    kept = constraints.MaxNorm(5.0)(W)
    for member in range(3):
        for unit in range(5):
            before, after = W[member, :, unit], kept[member, :, unit]
            length = before.square().sum().sqrt()
            torch.testing.assert_close(after, before * min(1.0, 5.0 / length.item()), rtol=1e-6, atol=1e-6)
    assert torch.linalg.vector_norm(kept, dim=1).max() <= 5
    assert (torch.linalg.vector_norm(W, dim=1) < 5).any()


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 1), [0, 1]])
def test_unit_norm_along_axes(axis):
    kept = constraints.UnitNorm(axis)(W)
    places = {0: (1,), 1: (2,), -1: (2,)}.get(axis, (1, 2)) if isinstance(axis, int) else (1, 2)
    lengths = torch.linalg.vector_norm(kept, dim=places)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=1e-6, atol=1e-6)


def test_non_neg():
    torch.testing.assert_close(constraints.NonNeg()(W), torch.relu(W))


def test_zero_weights_stay():
    for constraint in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.NonNeg()):
        assert torch.equal(constraint(torch.zeros(2, 3, 4)), torch.zeros(2, 3, 4))


def test_get():
    assert constraints.get(None) is None
    assert constraints.get("MaxNorm") == constraints.get("max_norm") == constraints.MaxNorm(2.0, 0)
    assert constraints.get(constraints.NonNeg) == constraints.NonNeg()
    with pytest.raises(InputError, match="did you mean 'max_norm'"):
        constraints.get("max_nrm")
    with pytest.raises(InputError, match="no constraint"):
        constraints.get(2.0)
    with pytest.raises(InputError, match="more than 0"):
        constraints.MaxNorm(0)
    with pytest.raises(InputError, match=r"axis 2 is none of a weight of shape \(4, 5\)"):
        constraints.MaxNorm(axis=2)(W)
    with pytest.raises(InputError, match="axis -3"):
        constraints.MaxNorm(axis=-3)(W)
    known = {"MaxNorm": constraints.MaxNorm}
    spec = to_spec(constraints.MaxNorm(1, (0, 1)))
    assert from_spec(known, spec) == constraints.MaxNorm(1, (0, 1))
