from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.training import clip
from netwright.training.clip import Clip, PercentileClip, clip_each_norm, clip_norm, clip_value


def gradient(members: int = 3, size: int = 10, seed: int = 0) -> torch.Tensor:
    return 3.0 * torch.randn(members, size, generator=torch.Generator().manual_seed(seed))


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_by_norm_each_member_to_its_own():
    given = gradient()
    clipped = given.clone()
    clip_norm(clipped, column(1.0, 1e6, float("inf")))
    single = given[0].clone().requires_grad_()
    single.grad = given[0].clone()
    torch.nn.utils.clip_grad_norm_([single], 1.0)
    torch.testing.assert_close(clipped[0], single.grad)
    assert torch.equal(clipped[1:], given[1:])


@pytest.mark.parametrize("most", [0.5, column(0.5, 1.0, 100.0)])
def test_by_value(most):
    clipped = gradient()
    clip_value(clipped, most)
    limit = most.numpy() if isinstance(most, torch.Tensor) else most
    np.testing.assert_array_equal(clipped, np.clip(gradient().numpy(), -limit, limit))


@pytest.mark.parametrize("most", [1.5, column(0.5, 3.0, 100.0)])
def test_each_parameter_by_itself(most):
    clipped = gradient()
    clip_each_norm(clipped, most, [4, 1, 5])
    limits = (torch.ones(3, 1) * most)[:, 0].tolist()
    for member, limit in enumerate(limits):
        for part in (slice(0, 4), slice(4, 5), slice(5, 10)):
            single = torch.zeros(part.stop - part.start, requires_grad=True)
            single.grad = gradient()[member, part].clone()
            torch.nn.utils.clip_grad_norm_([single], limit)
            torch.testing.assert_close(clipped[member, part], single.grad)


def test_by_percentile_of_all_norms_so_far_members_apart_and_resting():
    clipper, seen = PercentileClip(2, 80.0), ([], [])
    for step in range(30):
        given = gradient(2, 5, seed=step) * (1.0 + step % 7)
        active = torch.tensor([True, step % 3 != 0])
        clipped = given.clone()
        clipper(clipped, active)
        for member in range(2):
            if not active[member]:
                continue
            seen[member].append(float(given[member].norm()))
            most = np.percentile(seen[member], 80.0)
            expected = given[member] * min(1.0, most / seen[member][-1])
            torch.testing.assert_close(clipped[member], expected, rtol=1e-5, atol=1e-6)


def test_percentiles_forget_what_is_long_ago_and_overlook_what_is_not_finite(monkeypatch):
    monkeypatch.setattr(clip, "WINDOW", 4)
    clipper = PercentileClip(1, 100.0)
    for size in (100.0, 1.0, float("inf"), float("nan"), 1.0, 1.0, 1.0):
        clipper(torch.tensor([[size]]))
    late = torch.tensor([[2.0]])
    clipper(late)  # the four last: 1, 1, 1, 2
    torch.testing.assert_close(late, torch.tensor([[2.0]]))
    again = PercentileClip(1, 50.0)
    again.load_state_dict(clipper.state_dict())
    again(late)  # 1, 1, 2, 2
    torch.testing.assert_close(late, torch.tensor([[1.5]]))


def test_a_clip_does_what_it_was_told():
    given = gradient()
    for made, plain in [
        (Clip(norm=1.0), lambda x: clip_norm(x, 1.0)),
        (Clip(value=1.0), lambda x: clip_value(x, 1.0)),
        (Clip(each_norm=1.0, sizes=[3, 7]), lambda x: clip_each_norm(x, 1.0, [3, 7])),
        (Clip(), lambda x: None),
    ]:
        one, two = given.clone(), given.clone()
        made(one)
        plain(two)
        assert torch.equal(one, two)
