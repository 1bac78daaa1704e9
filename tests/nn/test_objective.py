"""Robust losses of the heads against formulas written out, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from netwright import losses as by_hand
from netwright.nn.heads import BinaryHead, MulticlassHead, MultilabelHead, RegressionHead
from netwright.nn.objective import Objective

MEMBERS, HEADS, ROWS, CLASSES = 2, 3, 20, 4


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def each(*values: float) -> torch.Tensor:
    return torch.tensor(values)


SETTINGS = {
    "focal": {"focal_gamma": each(0.5, 2.0)},
    "generalized_cross_entropy": {"generalized_q": each(0.3, 1.0)},
    "symmetric_cross_entropy": {"symmetric_alpha": each(0.1, 0.8), "symmetric_beta": each(1.0, 0.4)},
}


def expected(loss: str, member: int, chances: np.ndarray, right: int) -> float:
    """The papers' formulas for one row of probabilities."""
    settings = {name: float(values[member]) for name, values in SETTINGS[loss].items()}
    p = chances[right]
    if loss == "focal":
        return -((1 - p) ** settings["focal_gamma"]) * np.log(p)
    if loss == "generalized_cross_entropy":
        return (1 - p ** settings["generalized_q"]) / settings["generalized_q"]
    wanted = np.log(np.where(np.arange(len(chances)) == right, 1.0, np.exp(-4.0)))
    reverse = -(chances * wanted).sum()  # the truth's logs, cut at -4, weighted by the prediction
    return settings["symmetric_alpha"] * -np.log(p) + settings["symmetric_beta"] * reverse


@pytest.mark.parametrize("loss", SETTINGS)
def test_class_losses_are_the_papers_formulas(loss):
    head = MulticlassHead(5, CLASSES, HEADS, MEMBERS)
    head.aim(Objective(loss, SETTINGS[loss]))
    output, target = random(MEMBERS, HEADS, ROWS, CLASSES), torch.arange(ROWS).expand(MEMBERS, -1) % CLASSES
    found = head.errors(output, target, None)
    chances = output.double().softmax(-1).numpy()
    for member, place, row in np.ndindex(MEMBERS, HEADS, ROWS):
        value = expected(loss, member, chances[member, place, row], row % CLASSES)
        assert float(found[member, place, row]) == pytest.approx(value, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("loss", SETTINGS)
def test_two_classes_are_the_same_by_one_logit_or_two(loss):
    one, two = BinaryHead(5, HEADS, MEMBERS), MulticlassHead(5, 2, HEADS, MEMBERS)
    for head in (one, two):
        head.aim(Objective(loss, SETTINGS[loss]))
    logit, target = random(MEMBERS, HEADS, ROWS, 1), torch.arange(ROWS).expand(MEMBERS, -1) % 2
    both = torch.cat([torch.zeros_like(logit), logit], dim=-1)
    for smoothing in (None, each(0.0, 0.2)):
        torch.testing.assert_close(one.errors(logit, target, smoothing), two.errors(both, target, smoothing))
    ours, theirs = one.scores(logit, target), two.scores(both, target)
    for name in ("loss", "log_loss", "accuracy"):
        torch.testing.assert_close(ours[name], theirs[name])
    labels = MultilabelHead(5, 1, HEADS, MEMBERS)
    labels.aim(Objective(loss, SETTINGS[loss]))
    found = labels.errors(logit, target[..., None].float(), None)
    torch.testing.assert_close(found, one.errors(logit, target, None))
    torch.testing.assert_close(labels.scores(logit, target[..., None].float())["loss"], ours["loss"])


def test_focal_is_that_of_models_by_hand():
    head = BinaryHead(5, 1, 1)
    head.aim(Objective("focal", {"focal_gamma": each(2.0)}))
    logit, target = random(1, 1, ROWS, 1), (torch.arange(ROWS) % 2)[None]
    loss = by_hand.BinaryFocalCrossentropy(gamma=2.0, from_logits=True)
    wanted = loss.rows(target[..., None].float(), logit[0], logits=True)
    torch.testing.assert_close(head.errors(logit, target, None)[0], wanted)


def test_the_limits_are_cross_entropy_and_absolute_error():
    logs = random(1, 50).abs().neg()
    nearly = Objective("generalized_cross_entropy", {"generalized_q": each(1e-4)}).of_class(logs)
    torch.testing.assert_close(nearly, -logs, rtol=1e-3, atol=1e-4)
    absolute = Objective("generalized_cross_entropy", {"generalized_q": each(1.0)}).of_class(logs)
    torch.testing.assert_close(absolute, 1 - logs.exp())
    torch.testing.assert_close(Objective("focal", {"focal_gamma": each(0.0)}).of_class(logs), -logs)


def test_number_losses_are_pytorchs():
    error, zero = 3 * random(2, ROWS), torch.zeros(2, ROWS)
    found = Objective("huber", {"huber_delta": each(0.5, 2.0)}).of_number(error)
    for member, delta in enumerate((0.5, 2.0)):
        wanted = 2 * functional.huber_loss(error[member], zero[member], reduction="none", delta=delta)
        torch.testing.assert_close(found[member], wanted)
    torch.testing.assert_close(
        Objective("mae").of_number(error), functional.l1_loss(error, zero, reduction="none")
    )


@pytest.mark.parametrize("loss", [*SETTINGS, "huber"])
def test_gradients_by_finite_differences(loss):
    settings = {
        name: values.double() for name, values in SETTINGS.get(loss, {"huber_delta": each(0.5, 2.0)}).items()
    }
    objective = Objective(loss, settings)
    values = random(2, 6, seed=4).double().requires_grad_()
    if loss == "huber":
        assert torch.autograd.gradcheck(objective.of_number, values)
    else:
        assert torch.autograd.gradcheck(lambda x: objective.of_class(functional.logsigmoid(x)), values)


def test_focal_has_a_gradient_where_all_is_right():
    logs = torch.zeros(1, 3, requires_grad=True)
    Objective("focal", {"focal_gamma": each(0.5)}).of_class(logs).sum().backward()
    assert torch.isfinite(logs.grad).all()


def test_a_robust_regression_is_scaled_by_median_and_quartiles():
    target = torch.cat([torch.linspace(0, 10, 101), torch.tensor([1e4])]).double()[:, None]
    head = RegressionHead(5, 1, 1, 1)
    head.aim(Objective("mae"))
    head.fit(0, target, torch.ones(len(target)))
    values = target[:, 0].numpy()
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    assert float(head.centre) == pytest.approx(middle)
    assert float(head.scale) == pytest.approx((high - low) / 1.349)
    wanted = functional.l1_loss(
        torch.zeros(len(values)), torch.from_numpy((values - middle) / float(head.scale)), reduction="none"
    )
    found = head.errors(torch.zeros(1, 1, len(values), 1), target[None], None)
    torch.testing.assert_close(found[0, 0].double(), wanted, rtol=1e-5, atol=1e-6)
    flat = RegressionHead(5, 1, 1, 1)  # most targets alike: the deviation stands in
    flat.aim(Objective("huber", {"huber_delta": each(1.0)}))
    alike = torch.tensor([1.0] * 9 + [3.0]).double()[:, None]
    flat.fit(0, alike, torch.ones(10))
    assert float(flat.scale) == pytest.approx(float(alike.std(unbiased=False)))
