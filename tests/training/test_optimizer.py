"""Every step equals that of torch.optim."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from netwright.training.optimizer import Optimizer, Settings, clip_norm

PARAMETERS = 50
STEPS = 10
SETTINGS = {  # learning rate, weight decay, beta1, beta2, momentum of three members
    "a": (1e-2, 0.1, 0.9, 0.999, 0.9),
    "b": (3e-3, 0.0, 0.8, 0.95, 0.5),
    "c": (0.1, 0.03, 0.0, 0.5, 0.0),
}


def gradients(members: int = 3) -> torch.Tensor:
    return torch.randn(STEPS, members, PARAMETERS, generator=torch.Generator().manual_seed(1))


def start(members: int = 3) -> torch.Tensor:
    return torch.randn(members, PARAMETERS, generator=torch.Generator().manual_seed(2))


def column(place: int, values: list[tuple[float, ...]]) -> torch.Tensor:
    return torch.tensor([[each[place]] for each in values])


def ours(name: str, flat: torch.Tensor, values: list[tuple[float, ...]], **extra: Any) -> Optimizer:
    settings = Settings(
        *(column(place, values) for place in (1, 2, 3, 4)), nesterov=extra.pop("nesterov", False)
    )
    rates = extra.pop("rates", torch.ones(PARAMETERS))
    decays = extra.pop("decays", torch.ones(PARAMETERS))
    return Optimizer(name, flat, settings, rates, decays)


def theirs(name: str, flat: torch.Tensor, value: tuple[float, ...], nesterov: bool) -> torch.optim.Optimizer:
    rate, decay, beta1, beta2, momentum = value
    common = {"lr": rate, "weight_decay": decay}
    if name in ("adam", "adamw"):
        made = torch.optim.AdamW if name == "adamw" else torch.optim.Adam
        return made([flat], betas=(beta1, beta2), **common)
    if name == "sgd":
        return torch.optim.SGD([flat], momentum=momentum, nesterov=nesterov, **common)
    return torch.optim.RMSprop([flat], momentum=momentum, **common)


@pytest.mark.parametrize(
    ("name", "nesterov"),
    [("adamw", False), ("adam", False), ("sgd", False), ("sgd", True), ("rmsprop", False)],
)
def test_ten_steps_equal_torch_for_members_that_differ(name, nesterov):
    values = list(SETTINGS.values())
    if nesterov:
        values = values[:2]  # torch refuses nesterov without momentum
    given = gradients(len(values))
    flat = start(len(values))
    expected = flat.clone()
    optimizer = ours(name, flat, values, nesterov=nesterov)
    for gradient in given:
        optimizer.step(gradient, column(0, values))
    for place, value in enumerate(values):
        single = expected[place].clone().requires_grad_()
        reference = theirs(name, single, value, nesterov)
        for gradient in given[:, place]:
            single.grad = gradient.clone()
            reference.step()
        # parameters move by up to 1 at these rates, so this is float32's own precision
        torch.testing.assert_close(flat[place], single.detach(), rtol=1e-5, atol=1e-6)


def test_a_learning_rate_that_changes_from_step_to_step():
    flat, value = start(1), SETTINGS["a"]
    single = flat[0].clone().requires_grad_()
    optimizer, reference = ours("adamw", flat, [value]), theirs("adamw", single, value, False)
    for step, gradient in enumerate(gradients(1)):
        rate = 1e-2 / (step + 1)
        optimizer.step(gradient, torch.tensor([[rate]]))
        reference.param_groups[0]["lr"] = rate
        single.grad = gradient[0].clone()
        reference.step()
    torch.testing.assert_close(flat[0], single.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop"])
def test_a_member_that_rests_is_as_if_the_step_had_not_been(name):
    values = list(SETTINGS.values())
    awake = [True, True, False, True, False, True, True, False, True, True]
    given = gradients()
    flat, reference = start(), start()[:1]
    optimizer, alone = ours(name, flat, values), ours(name, reference, values[:1])
    for gradient, on in zip(given, awake, strict=True):
        before, state = flat[0].clone(), [slot[0].clone() for slot in optimizer.state]
        optimizer.step(gradient, column(0, values), torch.tensor([on, True, True]))
        if on:
            alone.step(gradient[:1], column(0, values[:1]))
        else:
            assert torch.equal(flat[0], before)
            assert all(torch.equal(slot[0], was) for slot, was in zip(optimizer.state, state, strict=True))
    torch.testing.assert_close(flat[0], reference[0], rtol=1e-6, atol=1e-7)
    assert optimizer.steps[:, 0].tolist() == [sum(awake), STEPS, STEPS]


@pytest.mark.parametrize("decays", [(0.1, 0.0, 0.03), (0.1, 0.1, 0.1)])
def test_members_that_share_betas_may_have_rates_and_decays_of_their_own(decays):
    values = [(rate, decay, 0.9, 0.99, 0.0) for rate, decay in zip((1e-2, 3e-3, 0.1), decays, strict=True)]
    mask = torch.ones(PARAMETERS)
    mask[:20] = 0.0
    flat = start()
    optimizer = ours("adamw", flat, values, decays=mask)
    for gradient in gradients():
        optimizer.step(gradient, column(0, values))
    for member, value in enumerate(values):
        for part, decay in ((slice(0, 20), 0.0), (slice(20, PARAMETERS), value[1])):
            single = start()[member, part].clone().requires_grad_()
            reference = theirs("adamw", single, (value[0], decay, *value[2:]), False)
            for gradient in gradients():
                single.grad = gradient[member, part].clone()
                reference.step()
            torch.testing.assert_close(flat[member, part], single.detach(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop"])
def test_rate_factors_and_decay_masks_are_groups_of_parameters(name):
    rates, decays = torch.ones(PARAMETERS), torch.ones(PARAMETERS)
    rates[:20], decays[10:30] = 0.1, 0.0
    value = SETTINGS["a"]
    flat = start(1)
    optimizer = ours(name, flat, [value], rates=rates, decays=decays)
    expected = start(1)[0]
    for gradient in gradients(1):
        optimizer.step(gradient, column(0, [value]))
    for part in (slice(0, 10), slice(10, 20), slice(20, 30), slice(30, PARAMETERS)):
        rate, decay = value[0] * float(rates[part.start]), value[1] * float(decays[part.start])
        single = expected[part].clone().requires_grad_()
        reference = theirs(name, single, (rate, decay, *value[2:]), False)
        for gradient in gradients(1):
            single.grad = gradient[0, part].clone()
            reference.step()
        torch.testing.assert_close(flat[0, part], single.detach(), rtol=1e-5, atol=1e-6)


def test_clipping_shortens_each_member_to_its_own_norm():
    gradient = 3.0 * gradients()[0]
    most = torch.tensor([[1.0], [1e6], [float("inf")]])
    clipped = gradient.clone()
    clip_norm(clipped, most)
    single = gradient[0].clone().requires_grad_()
    single.grad = gradient[0].clone()
    torch.nn.utils.clip_grad_norm_([single], 1.0)
    torch.testing.assert_close(clipped[0], single.grad)
    assert torch.equal(clipped[1:], gradient[1:])
