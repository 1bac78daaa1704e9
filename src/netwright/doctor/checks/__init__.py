"""The checks: from a case, and what was seen while it trained, to what is wrong. One file an idea."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netwright.doctor.case import Case
from netwright.doctor.checks.explosion import (
    exploding_gradient,
    loss_spike,
    low_precision,
    not_finite_loss,
    waiting_for_data,
)
from netwright.doctor.checks.finite import not_finite_data
from netwright.doctor.checks.ignored import input_ignored, input_ignored_after
from netwright.doctor.checks.learning import not_learning
from netwright.doctor.checks.memorise import cannot_overfit
from netwright.doctor.checks.order import unshuffled, unshuffled_after
from netwright.doctor.checks.rates import oscillating_loss, rate_too_high, rate_too_low, slow_convergence
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.checks.scales import unscaled_inputs
from netwright.doctor.checks.start import poor_start, symmetric_start
from netwright.doctor.checks.units import dead_units, saturated_units, vanishing_gradient
from netwright.doctor.diagnosis import Diagnosis
from netwright.doctor.record import Record

Before = Callable[[Case], Iterable[Diagnosis]]
After = Callable[[Case, Record], Iterable[Diagnosis]]

BEFORE: dict[str, Before] = {
    "not_finite_data": not_finite_data,
    "unshuffled": unshuffled,
    "unscaled_inputs": unscaled_inputs,
    "symmetric_start": symmetric_start,
    "poor_start": poor_start,
    "input_ignored": input_ignored,
    "cannot_overfit": cannot_overfit,
}
"""by the symptom that is looked for; made before the first step"""

AFTER: dict[str, After] = {
    "not_finite_loss": not_finite_loss,
    "exploding_gradient": exploding_gradient,
    "loss_spike": loss_spike,
    "low_precision": low_precision,
    "waiting_for_data": waiting_for_data,
    "rate_too_high": rate_too_high,
    "rate_too_low": rate_too_low,
    "dead_units": dead_units,
    "saturated_units": saturated_units,
    "vanishing_gradient": vanishing_gradient,
    "not_learning": not_learning,
    "slow_convergence": slow_convergence,
    "oscillating_loss": oscillating_loss,
    "over_regularised": over_regularised,
    "input_ignored": input_ignored_after,
    "unshuffled": unshuffled_after,
}
"""made after the last one"""
