"""Optimisers under Keras's names."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from netwright import optimizers, schedules
from netwright.errors import InputError
from netwright.nn import initial
from netwright.nn.member import Layer, Layout
from netwright.nn.spec import from_spec, to_spec
from netwright.optimizers import SGD, Adam, AdamW, Muon, RMSprop, get

# From Keras's reference.
DEFAULTS = {
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, "weight_decay": None},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004, "beta_1": 0.9, "beta_2": 0.999},
    "Nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Adamax": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    "Muon": {"adam_weight_decay": 0.004, "weight_decay": 0.004, "momentum": 0.95, "ns_steps": 5},
}
POSITIONAL = {  # Keras's first arguments in their order
    "SGD": "learning_rate momentum nesterov",
    "RMSprop": "learning_rate rho momentum epsilon centered",
    "Adagrad": "learning_rate initial_accumulator_value epsilon",
    "Adadelta": "learning_rate rho epsilon",
    "Adam": "learning_rate beta_1 beta_2 epsilon amsgrad",
    "AdamW": "learning_rate weight_decay beta_1 beta_2 epsilon amsgrad",
    "Nadam": "learning_rate beta_1 beta_2 epsilon",
    "Adamax": "learning_rate beta_1 beta_2 epsilon",
    "Lion": "learning_rate beta_1 beta_2",
    "Muon": "learning_rate adam_beta_1 adam_beta_2 adam_weight_decay epsilon",
}
KERNEL, BIAS = 12, 3


def layout() -> Layout:
    layer = Layer()
    layer.declare("kernel", (4, 3), initial.ones)
    layer.declare("bias", (3,), initial.ones, decay=False)
    return Layout(layer)


def random(members: int = 1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(members, KERNEL + BIAS, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_names_defaults_and_order_are_keras(name):
    made = get(name)
    assert type(made).__name__ == name
    for argument, value in DEFAULTS[name].items():
        assert getattr(made, argument) == value
    order = [each.name for each in dataclasses.fields(made) if not each.kw_only]
    assert order == POSITIONAL[name].split()


def test_get_knows_names_in_any_case_classes_and_objects():
    assert get("adam") == get("ADAM") == get(Adam) == Adam()
    assert get("nadam") == optimizers.Nadam()
    mine = SGD(0.5)
    assert get(mine) is mine
    with pytest.raises(InputError, match="no optimizer 'adm': did you mean 'adam'"):
        get("adm")
    with pytest.raises(InputError, match=r"an optimizer is a name such as 'adam' .*, not 3"):
        get(3)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adam(0.0), "learning_rate must be greater than 0, or one of netwright.schedules, not 0.0"),
        (lambda: Adam("fast"), "learning_rate must be .*, not 'fast'"),
        (lambda: Adam(float("nan")), "learning_rate must be .*, not nan"),
        (lambda: Adam(None), "learning_rate must be .*, not None"),
        (lambda: Adam(beta_1=1.0), "beta_1 must be 0 or more and less than 1, not 1.0"),
        (lambda: SGD(momentum=1.5), r"momentum must be between 0 and 1, not 1.5 \(SGD\)"),
        (lambda: SGD(weight_decay=-1), "weight_decay must be 0 or more, or None, not -1"),
        (lambda: RMSprop(epsilon=-1e-9), "epsilon must be 0 or more"),
        (lambda: Adam(clipnorm=0), "clipnorm must be greater than 0, or None, not 0"),
        (
            lambda: Adam(clip_percentile=101),
            "clip_percentile must be greater than 0 and at most 100, or None",
        ),
        (lambda: Adam(clipnorm=1.0, clipvalue=1.0), "clipnorm and clipvalue cannot be given together"),
        (lambda: Adam(ema_overwrite_frequency=0), "ema_overwrite_frequency must be a whole number"),
        (lambda: Muon(ns_steps=2.5), "ns_steps must be a whole number, 1 or more, not 2.5"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_all_can_be_written_down(name):
    schedule = schedules.CosineDecay(0.1, 100, warmup_target=0.5, warmup_steps=3)
    made = dataclasses.replace(get(name), learning_rate=schedule, clipnorm=0.5, use_ema=True)
    spec = json.loads(json.dumps(to_spec(made)))
    assert from_spec(optimizers.OPTIMIZERS | schedules.SCHEDULES, spec) == made


def test_a_built_adam_is_keras_with_decay_on_kernels_only():
    flat = random()
    weights = flat[0].numpy().copy()
    made = Adam(0.1, 0.8, 0.9, epsilon=0.01, weight_decay=0.2)
    engine = made.build(flat, layout())
    m = v = 0.0
    for step in range(1, 6):
        gradient = random(seed=step)
        engine.step(gradient, made.rate_at(step))
        g = gradient[0].numpy()
        weights[:KERNEL] -= 0.1 * 0.2 * weights[:KERNEL]
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g**2
        alpha = 0.1 * np.sqrt(1 - 0.9**step) / (1 - 0.8**step)
        weights -= alpha * m / (np.sqrt(v) + 0.01)
    np.testing.assert_allclose(flat[0], weights, rtol=1e-10)


@pytest.mark.parametrize("name", optimizers.OPTIMIZERS)
def test_members_built_together_are_as_if_built_alone(name):
    changes = [{}, {"weight_decay": 0.3}, {"weight_decay": 0.1}]
    if "epsilon" in DEFAULTS[name] or name in ("AdamW", "Muon"):
        changes[1]["epsilon"] = 0.1
    if name in ("SGD", "RMSprop", "Muon"):
        changes[2]["momentum"] = 0.5
    members = [dataclasses.replace(get(name), **change) for change in changes]
    together = random(3)
    engine = members[0].build(together, layout(), members)
    for step in range(5):
        engine.step(random(3, seed=step), 0.1)
    for place, member in enumerate(members):
        alone = random(3)[place : place + 1].clone()
        single = member.build(alone, layout())
        for step in range(5):
            single.step(random(3, seed=step)[place : place + 1], 0.1)
        torch.testing.assert_close(together[place], alone[0], rtol=1e-9, atol=1e-10)


def test_members_differ_in_numbers_only():
    with pytest.raises(InputError, match="amsgrad must be the same for all members"):
        Adam().build(random(2), layout(), [Adam(), Adam(amsgrad=True)])


def test_muon_leaves_out_what_it_is_told_to():
    assert list(Muon().build(random(), layout()).plan.groups) == [(4, 3)]
    assert not Muon(exclude_layers=["kernel"]).build(random(), layout()).plan.groups
    with pytest.raises(InputError, match="exclude_embeddings=False is not supported"):
        Muon(exclude_embeddings=False)


def test_the_rate_is_a_number_or_a_schedule():
    assert Adam(0.5).rate_at(1000) == 0.5
    assert Adam(schedules.InverseTimeDecay(1.0, 1, 1.0)).rate_at(3) == 0.25


def test_clips_and_averages_are_those_asked_for():
    assert Adam().clip(layout(), 2) is None
    assert Adam().average(random()) is None
    gradient = 10.0 * random(2)
    for made, norms in [
        (Adam(global_clipnorm=0.5), lambda x: x.norm(dim=1)),
        (Adam(clipnorm=0.5), lambda x: torch.stack([x[:, :KERNEL].norm(dim=1), x[:, KERNEL:].norm(dim=1)])),
        (Adam(clipvalue=0.5), lambda x: x.abs().amax(1)),
    ]:
        clipped = gradient.clone()
        made.clip(layout(), 2)(clipped)
        torch.testing.assert_close(norms(clipped), torch.full_like(norms(clipped), 0.5), rtol=1e-5, atol=0)
    clip = Adam(clip_percentile=50.0).clip(layout(), 2)
    clip(gradient / 10.0)
    clip(clipped := gradient.clone())
    torch.testing.assert_close(clipped, gradient * 0.55, rtol=1e-5, atol=0)
    average = AdamW(use_ema=True, ema_momentum=0.75).average(torch.zeros(1, 1))
    average.update(torch.ones(1, 1))
    assert average.values.item() == 0.25
