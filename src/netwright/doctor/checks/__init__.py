"""The checks: from a case, and what was seen while it trained, to what is wrong. One file an idea."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from netwright.doctor.case import Case
from netwright.doctor.checks.augmentation import harmful_augmentation
from netwright.doctor.checks.class_weights import class_weights
from netwright.doctor.checks.coded import wrong_head_after
from netwright.doctor.checks.copies import (
    conflicting_labels,
    duplicate_rows,
    shared_rows,
    shared_rows_after,
)
from netwright.doctor.checks.explosion import (
    exploding_gradient,
    loss_spike,
    low_precision,
    not_finite_loss,
    waiting_for_data,
)
from netwright.doctor.checks.finite import not_finite_data, not_finite_seen
from netwright.doctor.checks.head import wrong_head
from netwright.doctor.checks.ignored import input_ignored, input_ignored_after
from netwright.doctor.checks.imbalance import class_imbalance
from netwright.doctor.checks.labels import label_errors
from netwright.doctor.checks.leaks import leaking_column, too_good
from netwright.doctor.checks.learning import not_learning
from netwright.doctor.checks.memorise import cannot_overfit
from netwright.doctor.checks.mixing import mixed_after, mixed_rows
from netwright.doctor.checks.modes import modes_after, modes_before, strong_dropout
from netwright.doctor.checks.nonlinearity import missing_nonlinearity, missing_nonlinearity_after
from netwright.doctor.checks.order import unshuffled, unshuffled_after
from netwright.doctor.checks.other_codes import other_codes
from netwright.doctor.checks.overfitting import loss_and_metric_disagree, overfitting
from netwright.doctor.checks.padding import padding
from netwright.doctor.checks.rates import oscillating_loss, rate_too_high, rate_too_low, slow_convergence
from netwright.doctor.checks.regularisation import over_regularised
from netwright.doctor.checks.rescaled import unscaled_after
from netwright.doctor.checks.scales import unscaled_inputs
from netwright.doctor.checks.shifts import drift, drift_after
from netwright.doctor.checks.start import poor_after, poor_start, symmetric_after, symmetric_start
from netwright.doctor.checks.underfitting import underfitting
from netwright.doctor.checks.units import dead_units, saturated_units, vanishing_gradient
from netwright.doctor.checks.untrained import untrained_after, untrained_before
from netwright.doctor.checks.unusual import (
    few_rows,
    few_steps,
    large_epsilon,
    long_memory,
    own_steps,
    steps_of_one_length,
    summed_batches,
)
from netwright.doctor.checks.weak_slices import weak_slice
from netwright.doctor.diagnosis import CannotTellError, Diagnosis
from netwright.doctor.record import Record

Before = Callable[[Case], Iterable[Diagnosis]]
After = Callable[[Case, Record], Iterable[Diagnosis]]


def several(*checks: After) -> After:
    """Checks for one symptom, as one, the most special first: of equals the first is told. What one of them
    cannot tell does not keep the others from telling."""

    def check(case: Case, record: Record) -> Iterator[Diagnosis]:
        reasons = []
        for each in checks:
            try:
                yield from each(case, record)
            except CannotTellError as reason:
                reasons.append(reason)
        if reasons:
            raise reasons[0]

    return check


BEFORE: dict[str, Before] = {
    "wrong_head": wrong_head,
    "mixed_rows": mixed_rows,
    "missing_nonlinearity": missing_nonlinearity,
    "untrained_layer": untrained_before,
    "modes_disagree": modes_before,
    "over_regularised": strong_dropout,
    "padding": padding,
    "not_finite_data": not_finite_data,
    "unshuffled": unshuffled,
    "unscaled_inputs": unscaled_inputs,
    "symmetric_start": symmetric_start,
    "poor_start": poor_start,
    "input_ignored": input_ignored,
    "cannot_overfit": cannot_overfit,
    "leaking_column": leaking_column,
    "shared_rows": shared_rows,
    "drift": drift,
    "conflicting_labels": conflicting_labels,
    "duplicate_rows": duplicate_rows,
}
"""by the symptom that is looked for; made before the first step"""

AFTER: dict[str, After] = {
    "not_finite_data": not_finite_seen,
    "not_finite_loss": not_finite_loss,
    "exploding_gradient": exploding_gradient,
    "loss_spike": loss_spike,
    "unscaled_inputs": unscaled_after,
    "low_precision": low_precision,
    "waiting_for_data": waiting_for_data,
    "wrong_head": wrong_head_after,
    "mixed_rows": mixed_after,
    "missing_nonlinearity": missing_nonlinearity_after,
    "untrained_layer": untrained_after,
    "modes_disagree": several(few_rows, modes_after),
    "symmetric_start": symmetric_after,
    "poor_start": poor_after,
    "rate_too_high": several(long_memory, summed_batches, steps_of_one_length, rate_too_high),
    "rate_too_low": several(large_epsilon, rate_too_low),
    "dead_units": dead_units,
    "saturated_units": saturated_units,
    "vanishing_gradient": vanishing_gradient,
    "not_learning": not_learning,
    "slow_convergence": several(few_steps, slow_convergence),
    "oscillating_loss": oscillating_loss,
    "over_regularised": several(own_steps, over_regularised),
    "input_ignored": input_ignored_after,
    "unshuffled": unshuffled_after,
    "shared_rows": shared_rows_after,
    "too_good": too_good,
    "drift": several(other_codes, drift_after),
    "label_errors": label_errors,
    "harmful_augmentation": harmful_augmentation,
    "class_imbalance": several(class_weights, class_imbalance),
    "overfitting": overfitting,
    "underfitting": underfitting,
    "weak_slice": weak_slice,
    "loss_and_metric_disagree": loss_and_metric_disagree,
}
"""made after the last one"""
