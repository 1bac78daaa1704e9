"""Each optimiser in PyTorch's form equals `torch.optim`, in Keras's form the formulas Keras documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from netwright.training import rules
from netwright.training.optimizer import Optimizer, Settings
from netwright.training.rules import RULES, fused_adam_works

SIZE, STEPS, RATE = 40, 20, 0.02


def gradients(members: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(STEPS, members, SIZE, generator=torch.Generator().manual_seed(1), dtype=dtype)


def start(members: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(members, SIZE, generator=torch.Generator().manual_seed(2), dtype=dtype)


def made(name: str, flat: torch.Tensor, **settings: Any) -> Optimizer:
    return Optimizer(name, flat, Settings(**settings), torch.ones(SIZE), torch.ones(SIZE))


TORCH: dict[str, tuple[str, dict[str, Any], type[torch.optim.Optimizer], dict[str, Any]]] = {
    "sgd": ("sgd", {}, torch.optim.SGD, {}),
    "momentum": (
        "sgd", {"momentum": 0.9, "weight_decay": 0.1},
        torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0.1},
    ),
    "nesterov": (
        "sgd", {"momentum": 0.8, "nesterov": True}, torch.optim.SGD, {"momentum": 0.8, "nesterov": True},
    ),
    "rmsprop": ("rmsprop", {"rho": 0.9, "epsilon": 0.01}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 0.01}),
    "centered": (
        "rmsprop", {"momentum": 0.9, "centered": True},
        torch.optim.RMSprop, {"momentum": 0.9, "centered": True},
    ),
    "adagrad": (
        "adagrad", {"initial_accumulator": 0.1, "epsilon": 0.01},
        torch.optim.Adagrad, {"initial_accumulator_value": 0.1, "eps": 0.01},
    ),
    "adadelta": ("adadelta", {"rho": 0.9, "epsilon": 1e-6}, torch.optim.Adadelta, {}),
    "adamax": ("adamax", {"epsilon": 0.1}, torch.optim.Adamax, {"eps": 0.1}),
    "adam": ("adam", {"weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1}),
    "adam, epsilon": ("adam", {"epsilon": 0.1}, torch.optim.Adam, {"eps": 0.1}),
    "amsgrad": (
        "adam", {"amsgrad": True, "beta2": 0.5}, torch.optim.Adam, {"amsgrad": True, "betas": (0.9, 0.5)},
    ),
    "adamw": ("adamw", {"weight_decay": 0.1}, torch.optim.AdamW, {"weight_decay": 0.1}),
    "nadam": (
        "nadam", {"weight_decay": 0.1, "epsilon": 0.01},
        torch.optim.NAdam, {"weight_decay": 0.1, "eps": 0.01},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("case", TORCH)
def test_one_and_twenty_steps_equal_torch(case, dtype, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(rules, "fused_adam_works", lambda device, dtype: False)
    name, settings, reference, arguments = TORCH[case]
    flat = start(1, dtype)
    single = flat[0].clone().requires_grad_()
    optimizer, theirs = made(name, flat, **settings), reference([single], lr=RATE, **arguments)
    precision = {"rtol": 1e-10, "atol": 1e-12} if dtype == torch.float64 else {"rtol": 1e-4, "atol": 2e-6}
    if case == "nadam" and dtype == torch.float64:  # torch keeps the product of momentums in float32
        precision = {"rtol": 1e-7, "atol": 1e-8}
    for step, gradient in enumerate(gradients(1, dtype)):
        given = gradient.clone()
        optimizer.step(given, RATE)
        assert torch.equal(given, gradient)
        single.grad = gradient[0].clone()
        theirs.step()
        if step in (0, STEPS - 1):
            torch.testing.assert_close(flat[0], single.detach(), **precision)


def keras_sgd(w, g, rate, s, t, momentum, nesterov):
    s["v"] = momentum * s.get("v", 0.0) - rate * g
    return w + (momentum * s["v"] - rate * g if nesterov else s["v"])


def keras_rmsprop(w, g, rate, s, t, rho, momentum, centered, epsilon):
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g**2
    s["a"] = rho * s.get("a", 0.0) + (1 - rho) * g
    step = rate * g / np.sqrt(s["v"] - (s["a"] ** 2 if centered else 0.0) + epsilon)
    s["m"] = momentum * s.get("m", 0.0) + step
    return w - s["m"]


def keras_adagrad(w, g, rate, s, t, initial, epsilon):
    s["a"] = s.get("a", initial) + g**2
    return w - rate * g / np.sqrt(s["a"] + epsilon)


def keras_adadelta(w, g, rate, s, t, rho, epsilon):
    s["g"] = rho * s.get("g", 0.0) + (1 - rho) * g**2
    step = -np.sqrt(s.get("d", 0.0) + epsilon) / np.sqrt(s["g"] + epsilon) * g
    s["d"] = rho * s.get("d", 0.0) + (1 - rho) * step**2
    return w + rate * step


def keras_adam(w, g, rate, s, t, beta1, beta2, epsilon, amsgrad):
    alpha = rate * np.sqrt(1 - beta2**t) / (1 - beta1**t)
    s["m"] = s.get("m", 0.0) + (g - s.get("m", 0.0)) * (1 - beta1)
    s["v"] = s.get("v", 0.0) + (g**2 - s.get("v", 0.0)) * (1 - beta2)
    s["h"] = np.maximum(s.get("h", 0.0), s["v"])
    return w - alpha * s["m"] / (np.sqrt(s["h"] if amsgrad else s["v"]) + epsilon)


def keras_nadam(w, g, rate, s, t, beta1, beta2, epsilon):
    now, following = beta1 * (1 - 0.5 * 0.96**t), beta1 * (1 - 0.5 * 0.96 ** (t + 1))
    s["p"] = s.get("p", 1.0) * now
    s["m"] = beta1 * s.get("m", 0.0) + (1 - beta1) * g
    s["v"] = beta2 * s.get("v", 0.0) + (1 - beta2) * g**2
    mean = following * s["m"] / (1 - s["p"] * following) + (1 - now) * g / (1 - s["p"])
    return w - rate * mean / (np.sqrt(s["v"] / (1 - beta2**t)) + epsilon)


def keras_adamax(w, g, rate, s, t, beta1, beta2, epsilon):
    s["m"] = beta1 * s.get("m", 0.0) + (1 - beta1) * g
    s["u"] = np.maximum(beta2 * s.get("u", 0.0), np.abs(g))
    return w - rate * s["m"] / ((1 - beta1**t) * (s["u"] + epsilon))


def keras_lion(w, g, rate, s, t, beta1, beta2):
    m = s.get("m", 0.0)
    s["m"] = beta2 * m + (1 - beta2) * g
    return w - rate * np.sign(beta1 * m + (1 - beta1) * g)


BETAS = {"beta1": 0.8, "beta2": 0.9}
KERAS: dict[str, tuple[str, dict[str, Any], Any, dict[str, Any]]] = {
    "momentum": ("sgd", {"momentum": 0.9}, keras_sgd, {"nesterov": False}),
    "nesterov": ("sgd", {"momentum": 0.9, "nesterov": True}, keras_sgd, {}),
    "rmsprop": (
        "rmsprop", {"rho": 0.9, "epsilon": 0.01}, keras_rmsprop, {"momentum": 0.0, "centered": False},
    ),
    "centered": (
        "rmsprop", {"rho": 0.9, "momentum": 0.5, "epsilon": 0.01, "centered": True}, keras_rmsprop, {},
    ),
    "adagrad": ("adagrad", {"initial_accumulator": 0.1, "epsilon": 0.01}, keras_adagrad, {}),
    "adadelta": ("adadelta", {"rho": 0.95, "epsilon": 1e-4}, keras_adadelta, {}),
    "adam": ("adam", BETAS | {"epsilon": 0.1, "amsgrad": False}, keras_adam, {}),
    "amsgrad": ("adam", BETAS | {"epsilon": 0.1, "amsgrad": True}, keras_adam, {}),
    "nadam": ("nadam", BETAS | {"epsilon": 0.1, "momentum_decay": 1.0}, keras_nadam, {}),
    "adamax": ("adamax", BETAS | {"epsilon": 0.1}, keras_adamax, {}),
    "lion": ("lion", BETAS, keras_lion, {}),
}  # fmt: skip


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("case", KERAS)
def test_twenty_steps_in_the_form_of_keras_with_a_rate_that_changes(case, decay, fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(rules, "fused_adam_works", lambda device, dtype: False)
    name, settings, formula, extra = KERAS[case]
    flat = start(1)
    optimizer = made(name, flat, form="keras", decoupled=True, weight_decay=decay, **settings)
    renamed = {"initial_accumulator": "initial"}
    arguments = {renamed.get(key, key): value for key, value in (settings | extra).items()}
    arguments.pop("momentum_decay", None)
    weights, memory = flat[0].numpy().copy(), {}
    for step, gradient in enumerate(gradients(1), 1):
        rate = RATE / step
        optimizer.step(gradient, rate)
        weights = weights * (1 - rate * decay)
        weights = formula(weights, gradient[0].numpy(), rate, memory, step, **arguments)
        np.testing.assert_allclose(flat[0], weights, rtol=1e-9, atol=1e-11)


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


DIFFERENT = {
    "weight_decay": column(0.0, 0.1, 0.2), "beta1": column(0.9, 0.0, 0.5), "beta2": column(0.999, 0.9, 0.5),
    "momentum": column(0.0, 0.5, 0.9), "epsilon": column(1e-8, 1e-3, 0.1), "rho": column(0.9, 0.99, 0.5),
    "initial_accumulator": column(0.0, 0.1, 1.0), "momentum_decay": column(0.004, 1.0, 0.1),
}  # fmt: skip


@pytest.mark.parametrize("form", ["torch", "keras"])
@pytest.mark.parametrize("name", [name for name in RULES if name != "muon"])
def test_members_with_settings_of_their_own_end_as_they_would_alone(name, form):
    shared = {"form": form, "nesterov": True, "centered": True, "amsgrad": True}
    rates, rests = column(0.02, 0.01, 0.1), [3, 7, 8]
    given = gradients(3)
    flat = start(3)
    optimizer = made(name, flat, **shared, **DIFFERENT)
    for step, gradient in enumerate(given):
        optimizer.step(
            gradient, rates, torch.tensor([True, step not in rests, True]) if step in rests else None
        )
    for place in range(3):
        alone = start(3)[place : place + 1].clone()
        own = {key: float(value[place]) for key, value in DIFFERENT.items()}
        single = made(name, alone, **shared, **own)
        for step, gradient in enumerate(given):
            if place != 1 or step not in rests:
                single.step(gradient[place : place + 1], float(rates[place]))
        torch.testing.assert_close(flat[place], alone[0], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in RULES if name != "muon"])
def test_rate_factors_and_decay_masks_are_groups_of_parameters(name):
    rates, decays = torch.ones(SIZE), torch.ones(SIZE)
    rates[:20], decays[10:30] = 0.1, 0.0
    flat = start(2)
    optimizer = Optimizer(name, flat, Settings(weight_decay=0.3), rates, decays)
    for gradient in gradients(2):
        optimizer.step(gradient, RATE)
    for part in (slice(0, 10), slice(10, 20), slice(20, 30), slice(30, SIZE)):
        alone = start(2)[:, part].clone()
        ones = torch.ones(alone.shape[1])
        single = Optimizer(name, alone, Settings(weight_decay=0.3 * float(decays[part.start])), ones, ones)
        for gradient in gradients(2):
            single.step(gradient[:, part].contiguous(), RATE * float(rates[part.start]))
        torch.testing.assert_close(flat[:, part], alone, rtol=1e-6, atol=1e-8)  # factors are float32


@pytest.mark.parametrize("name", RULES)
def test_what_is_saved_goes_on_where_it_stopped(name):
    given = gradients(2)
    settings = {"momentum": 0.9, "epsilon": column(1e-8, 0.1)}
    flat = start(2)
    optimizer = made(name, flat, **settings)
    for step, gradient in enumerate(given[:10]):
        optimizer.step(gradient, RATE, torch.tensor([True, False]) if step == 4 else None)
    saved, weights = optimizer.state_dict(), flat.clone()
    assert all(isinstance(value, torch.Tensor) for value in saved.values())
    for gradient in given[10:]:
        optimizer.step(gradient, RATE)
    again = made(name, weights, **settings)
    again.load_state_dict(saved)
    assert again.steps[:, 0].tolist() == [10.0, 9.0]
    for gradient in given[10:]:
        again.step(gradient, RATE)
    torch.testing.assert_close(weights, flat, rtol=1e-12, atol=1e-14)


def test_nothing_moves_at_a_rate_of_0_or_with_everybody_at_rest():
    for name in RULES:
        flat = start(3)
        optimizer = made(name, flat, **DIFFERENT)
        optimizer.step(gradients(3)[0], torch.zeros(3, 1))
        optimizer.step(gradients(3)[0], column(1e-300, 0.0, 0.0) * 0.0)
        optimizer.step(gradients(3)[0], 1.0, torch.tensor([False] * 3))
        assert torch.equal(flat, start(3)), name


def test_the_fused_kernel_is_what_this_pytorch_has_and_is_left_alone_where_it_errs(monkeypatch):
    assert fused_adam_works("cpu", torch.float32)
    assert not fused_adam_works("cpu", torch.bfloat16)
    monkeypatch.setattr(torch, "_fused_adam_", lambda *arguments, **settings: None)
    assert not fused_adam_works.__wrapped__("cpu", torch.float32)
    monkeypatch.delattr(torch, "_fused_adam_")
    assert not fused_adam_works.__wrapped__("cpu", torch.float32)
