"""Units that give no gradients: dead or saturated ones, and layers that gradients do not reach."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor.case import Case
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import standing
from netwright.doctor.trouble import drawn, kernels

MOST = 0.5  # share of a layer
NEARLY_ALL = 0.95
VANISHED = 1e-3  # the first layers' gradient as a share of the greatest one
SMALL = 1e-4  # mean absolute gradient


def dead_units(case: Case, record: Record) -> Iterator[Diagnosis]:
    """More than half of a layer's units after a ReLU give 0 for 99 % of the training rows.

    Zeros alone are no symptom: 60 to 70 % of them are usual, with each unit active for some rows. A warning
    where the units that are left learn half of what there is, or where some live on from the start and it is
    the number of layers that gradients get lost in.
    """
    looked = [each for each in record.units if len(each.dead)]
    if not looked:
        raise CannotTellError("no activations were looked at")
    worst = max(looked, key=lambda each: each.dead[-1])
    if not worst.dead[-1] > MOST or any(True for _ in over_regularised(case, record)):
        return
    at_start = worst.dead[0] > MOST
    lost = at_start and any(True for _ in vanishing_gradient(case, record))
    all_dead = worst.dead[-1] > NEARLY_ALL
    yield Diagnosis(
        "dead_units",
        "error" if all_dead or (standing(case).learnt < 0.5 and not lost) else "warning",
        f"{100 * worst.dead[-1]:.0f} % of the {worst.units} units of {worst.layer} are never active"
        + (", from the first step on" if at_start else f" ({100 * worst.dead[0]:.0f} % at the start)"),
        {
            "layer": worst.layer,
            "dead": round(float(worst.dead[-1]), 4),
            "dead_at_start": round(float(worst.dead[0]), 4),
            "layers": {each.layer: round(float(each.dead[-1]), 4) for each in looked},
            "series": {"dead": drawn(worst.dead)},
            "line": MOST,
        },
        "first weights or biases that keep the units below 0"
        if at_start
        else "a learning rate so high that a step threw the units out of the range of the data, or inputs "
        "that are not scaled",
        Fix(
            "start with biases of 0 and He's weights; gelu, which is nowhere flat, cannot die"
            if at_start
            else "begin anew with a tenth of the learning rate, or with gelu in the place of relu",
            {"network.activation": "gelu"},
        ),
        member=case.member,
    )


def saturated_units(case: Case, record: Record) -> Iterator[Diagnosis]:
    """More than half of the values that go into a sigmoid or tanh are beyond 5, where it is flat."""
    looked = [each for each in record.units if len(each.saturated)]
    if not looked:
        raise CannotTellError("no activations were looked at")
    worst = max(looked, key=lambda each: each.saturated[-1])
    if not worst.saturated[-1] > MOST:
        return
    at_start = worst.saturated[0] > MOST
    yield Diagnosis(
        "saturated_units",
        "error",
        f"{100 * worst.saturated[-1]:.0f} % of what goes into the {worst.kind} of {worst.layer} is beyond 5, "
        "where it is flat" + (", from the first step on" if at_start else ""),
        {
            "layer": worst.layer,
            "saturated": round(float(worst.saturated[-1]), 4),
            "saturated_at_start": round(float(worst.saturated[0]), 4),
            "layers": {each.layer: round(float(each.saturated[-1]), 4) for each in looked},
            "series": {"saturated": drawn(worst.saturated)},
            "line": MOST,
        },
        "first weights that are too large, or inputs that are not scaled"
        if at_start
        else "a learning rate so high that the weights grew beyond all measure",
        Fix(
            "scale the inputs, start with Glorot's weights, or normalise each layer",
            {"network.activation": "gelu", "network.normalization": "layer"},
        ),
        member=case.member,
    )


def vanishing_gradient(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The gradient of a first layer is less than a thousandth of the greatest one, and below 1e-4.

    Medians over the first half of the steps that were looked at; a network that has learnt its rows has
    small gradients everywhere. In 60 healthy trainings the share was above .05.
    """
    layers = kernels(record)
    if len(layers) < 2:
        return
    sizes = np.array([np.median(each.gradient[: max(1, len(each.gradient) // 2 + 1)]) for each in layers])
    greatest = int(np.nanargmax(sizes)) if np.isfinite(sizes).any() else 0
    if greatest == 0:
        return
    if not np.isfinite(sizes[:greatest]).any():
        return
    least = int(np.nanargmin(sizes[:greatest]))
    share = sizes[least] / sizes[greatest]
    if not (0 < share < VANISHED and sizes[least] < SMALL):
        return
    name = layers[least].name
    yield Diagnosis(
        "vanishing_gradient",
        "error",
        f"the gradient of {name} is {sizes[least]:.1e}, {1 / share:.0f} times smaller than that of "
        f"{layers[greatest].name}: the first layers hardly learn",
        {
            "layer": name,
            "share": float(f"{share:.3g}"),
            "gradients": {each.name: float(f"{size:.3g}") for each, size in zip(layers, sizes, strict=True)},
            "series": {"log10 of the gradient by layer": drawn(np.log10(np.maximum(sizes, 1e-30)))},
        },
        "many layers of sigmoid or tanh, each of which makes the gradient smaller, or first weights that are "
        "too small",
        Fix(
            "use relu or gelu with He's weights; then normalisation, residual connections, fewer layers",
            {"network.activation": "gelu", "network.normalization": "layer", "network.residual": True},
        ),
        member=case.member,
    )


def blocked(case: Case, record: Record) -> bool:
    """Whether the first weights alone keep gradients from passing: no learning rate is to blame then."""
    at_start = any(
        len(each.dead) and (each.dead[0] > MOST or each.saturated[0] > MOST) for each in record.units
    )
    return at_start or any(True for _ in vanishing_gradient(case, record))
