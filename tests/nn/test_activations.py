"""Activations against PyTorch's own and formulas written out; gains against integrals."""

import math

import pytest
import torch
from torch.nn import functional

from netwright.errors import InputError
from netwright.nn import activations

X = torch.linspace(-6, 6, 25, dtype=torch.float64).reshape(1, 5, 5) + 0.1


def phi(x):
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


FORMULAS = {
    "linear": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + torch.exp(-x)),
    "tanh": lambda x: (torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x)),
    "relu": lambda x: x.clamp(min=0),
    "leaky_relu": lambda x: torch.where(x > 0, x, 0.2 * x),
    "relu6": lambda x: x.clamp(0, 6),
    "elu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "celu": lambda x: torch.where(x > 0, x, torch.exp(x) - 1),
    "selu": lambda x: 1.0507009873554805 * torch.where(x > 0, x, 1.6732632423543772 * (torch.exp(x) - 1)),
    "gelu": lambda x: x * phi(x),
    "silu": lambda x: x / (1 + torch.exp(-x)),
    "mish": lambda x: x * torch.tanh(torch.log(1 + torch.exp(x))),
    "softplus": lambda x: torch.log(1 + torch.exp(x)),
    "softsign": lambda x: x / (1 + x.abs()),
    "exponential": torch.exp,
    "hard_sigmoid": lambda x: (x / 6 + 0.5).clamp(0, 1),
    "hard_silu": lambda x: x * (x / 6 + 0.5).clamp(0, 1),
    "hard_tanh": lambda x: x.clamp(-1, 1),
    "log_sigmoid": lambda x: -torch.log(1 + torch.exp(-x)),
    "softmax": lambda x: torch.exp(x) / torch.exp(x).sum(-1, keepdim=True),
    "log_softmax": lambda x: x - torch.log(torch.exp(x).sum(-1, keepdim=True)),
}


def test_every_activation_has_its_formula():
    assert set(FORMULAS) == set(activations.FUNCTIONS)


@pytest.mark.parametrize("name", FORMULAS)
def test_value_and_gradient(name):
    ours, theirs = X.clone().requires_grad_(), X.clone().requires_grad_()
    weight = torch.linspace(0.5, 2.0, 25, dtype=torch.float64).reshape(X.shape)
    value, wanted = activations.get(name)(ours), FORMULAS[name](theirs)
    torch.testing.assert_close(value, wanted, atol=1e-9, rtol=1e-9)
    (value * weight).sum().backward()
    (wanted * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-8, rtol=1e-8)


@pytest.mark.parametrize("name", FORMULAS)
def test_large_numbers_stay_finite(name):
    x = torch.tensor([[[-80.0, 80.0]]], requires_grad=True)
    activations.get(name)(x).sum().backward()
    assert torch.isfinite(activations.get(name)(x)).all()
    assert torch.isfinite(x.grad).all()


def test_the_names_of_table_networks_keep_their_meaning():
    x = torch.tensor([-1.0])
    assert activations.ACTIVATIONS["leaky_relu"](x).item() == pytest.approx(-0.01)
    assert activations.get("leaky_relu")(x).item() == pytest.approx(-0.2)


def test_get_takes_names_functions_and_none():
    assert activations.get("Swish") is functional.silu
    assert activations.get("LeakyReLU") is activations.get("leaky_relu")
    assert activations.get(torch.sin) is torch.sin
    assert activations.get(None)(X) is X
    assert activations.name_of(functional.relu) == activations.name_of(torch.relu) == "relu"
    with pytest.raises(InputError, match="did you mean 'sigmoid'"):
        activations.get("sigmoyd")
    for wrong in (3, torch.nn.ReLU, ["relu"]):
        with pytest.raises(InputError, match="no activation"):
            activations.get(wrong)


@pytest.mark.parametrize("name", ["relu", "tanh", "linear", "sigmoid"])
def test_gains_are_those_of_pytorch(name):
    assert activations.gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))


def test_gain_of_leaky_relu_is_that_of_its_slope():
    assert activations.gain("leaky_relu") == pytest.approx(torch.nn.init.calculate_gain("leaky_relu", 0.2))


@pytest.mark.parametrize(
    "name",
    [
        *("relu", "leaky_relu", "relu6", "elu", "celu", "selu", "gelu", "silu", "mish"),
        *("softplus", "softsign", "hard_silu", "hard_tanh"),
    ],
)
def test_gains_keep_the_second_moment(name):
    z = torch.linspace(-10, 10, 200_001, dtype=torch.float64)
    density = torch.exp(-z.square() / 2) / math.sqrt(2 * math.pi)
    moment = torch.trapezoid(activations.get(name)(z).square() * density, z).item()
    assert activations.gain(name) == pytest.approx(moment**-0.5, rel=1e-4)


def test_every_name_has_a_gain():
    assert all(activations.gain(name) > 0 for name in activations.FUNCTIONS)
    assert activations.gain(torch.sin) == 1.0
