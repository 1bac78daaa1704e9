from __future__ import annotations

import pytest
import torch

from netwright.nn import initial
from netwright.nn.member import Layer, Layout
from netwright.training.muon import Plan, orthogonal
from netwright.training.optimizer import Optimizer, Settings

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
SHAPES = {
    "first": (6, 4), "bias": (1, 4), "second": (6, 4), "convolution": (3, 3, 2, 5), "scale": (7,),
    "embedding": (9, 3), "wide": (3, 8),
}  # fmt: skip
MATRICES = ["first", "second", "convolution", "wide"]


def layout() -> Layout:
    layer = Layer()
    for name, shape in SHAPES.items():
        layer.declare(name, shape, initial.ones, decay=name not in ("bias", "scale"))
    return Layout(layer)


def parts(flat: torch.Tensor) -> dict[str, torch.Tensor]:
    """Each parameter of one member [P] in its shape."""
    pieces = flat.split(layout().sizes)
    return {name: piece.view(shape) for piece, (name, shape) in zip(pieces, SHAPES.items(), strict=True)}


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_kernels_are_matrices_and_all_else_is_not():
    plan = Plan.of(layout())
    starts = {place.attribute: place.start for place in layout().places}
    assert plan.groups == {
        (6, 4): [starts["first"], starts["second"]],
        (18, 5): [starts["convolution"]],
        (3, 8): [starts["wide"]],
    }
    rest = [*range(24, 28), *range(starts["scale"], starts["wide"])]
    assert plan.rest.tolist() == rest
    assert (3, 8) not in Plan.of(layout(), ["wi.e"]).groups


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4)])
def test_orthogonal_keeps_directions_and_evens_out_lengths(shape):
    matrices = random(2, *shape)
    found = orthogonal(matrices, 5, COEFFICIENTS)
    for matrix, even in zip(matrices, found, strict=True):
        left, _, right = torch.linalg.svd(matrix, full_matrices=False)
        inner = left.T @ even @ right.T
        torch.testing.assert_close(inner, torch.diag(inner.diagonal()), rtol=0, atol=1e-10)
        assert inner.diagonal().min() > 0.6
        assert inner.diagonal().max() < 1.3


def iterated(matrix: torch.Tensor, steps: int) -> torch.Tensor:
    """By the singular values: each goes through s -> a s + b s^3 + c s^5."""
    a, b, c = COEFFICIENTS
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values = values / values.norm()
    for _ in range(steps):
        values = a * values + b * values**3 + c * values**5
    return left @ torch.diag(values) @ right


@pytest.mark.parametrize(("form", "nesterov"), [("torch", True), ("torch", False), ("keras", True)])
def test_matrices_go_muons_way_and_the_rest_adamws_members_apart(form, nesterov):
    plan, steps, rates = Plan.of(layout()), 4, [0.02, 0.1]
    size = layout().size
    flat, given = random(2, size), random(steps, 2, size, seed=1)
    reference = flat.clone()
    settings = Settings(
        momentum=torch.tensor([[0.95], [0.5]], dtype=torch.float64),
        weight_decay=0.1,
        adam_weight_decay=torch.tensor([[0.3], [0.2]], dtype=torch.float64),
        adam_ratio=0.5,
        nesterov=nesterov,
        form=form,
        epsilon=1e-8,
    )
    optimizer = Optimizer("muon", flat, settings, layout().rates(), layout().decays(), plan)
    for gradient in given:
        optimizer.step(gradient, torch.tensor(rates, dtype=torch.float64)[:, None])
    for member, (rate, momentum, decay) in enumerate(zip(rates, (0.95, 0.5), (0.3, 0.2), strict=True)):
        moved = parts(flat[member])
        for name, first in parts(reference[member]).items():
            pieces = [parts(gradient[member])[name] for gradient in given]
            if name not in MATRICES:
                single = first.clone().requires_grad_()
                own = decay if name == "embedding" else 0.0
                theirs = torch.optim.AdamW([single], lr=0.5 * rate, weight_decay=2.0 * own)
                # decay goes by the whole rate, AdamW's own by half of it
                for piece in pieces:
                    single.grad = piece.clone()
                    theirs.step()
                tolerance = 1e-9 if form == "torch" else 1e-5
                torch.testing.assert_close(moved[name], single.detach(), rtol=tolerance, atol=tolerance)
                continue
            weight, velocity = first.reshape(-1, first.shape[-1]), torch.zeros(1)
            inputs, outputs = weight.shape
            scale = (
                max(1.0, outputs / inputs) ** 0.5 if form == "torch" else 0.2 * max(inputs, outputs) ** 0.5
            )
            for piece in pieces:
                piece = piece.reshape(inputs, outputs)
                velocity = momentum * velocity + piece
                way = piece + momentum * velocity if nesterov else velocity
                weight = weight * (1 - 0.1 * rate) - rate * scale * iterated(way, 5)
            torch.testing.assert_close(moved[name].view(inputs, outputs), weight, rtol=1e-6, atol=1e-8)


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="this PyTorch has no Muon")
@pytest.mark.parametrize("nesterov", [True, False])
def test_a_step_is_torchs_within_the_precision_of_its_bfloat16(nesterov):
    layer = Layer()
    layer.declare("kernel", (6, 10), initial.ones)
    flat, gradient = random(1, 60), random(1, 60, seed=1)
    single = flat.view(6, 10).T.clone().requires_grad_()  # outputs first
    theirs = torch.optim.Muon([single], lr=0.1, weight_decay=0.1, momentum=0.9, nesterov=nesterov)
    settings = Settings(momentum=0.9, nesterov=nesterov, weight_decay=0.1)
    optimizer = Optimizer("muon", flat, settings, torch.ones(60), torch.ones(60), Plan.of(Layout(layer)))
    for _ in range(3):
        optimizer.step(gradient, 0.1)
        single.grad = gradient.view(6, 10).T.clone()
        theirs.step()
    torch.testing.assert_close(flat.view(6, 10).T, single.detach(), rtol=0.02, atol=0.01)
