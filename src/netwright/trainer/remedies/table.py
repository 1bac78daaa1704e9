"""What helps against what: from a diagnosis to changes of a course, in the order to try them."""

from __future__ import annotations

from collections.abc import Sequence

from netwright.trainer.course import Course
from netwright.trainer.remedies.network import (
    activated,
    as_yes_and_no,
    calm_norms,
    enlarged,
    even_loss,
    filled_inputs,
    fresh_start,
    left_out,
    less_dropout,
    more_dropout,
    no_dropout,
    normed,
    open_end,
    rectified,
    smooth,
    standardised_inputs,
    standardised_targets,
    task_loss,
    thick,
    unfrozen,
    without_columns,
)
from netwright.trainer.remedies.patient import Patient, Remedy, both
from netwright.trainer.remedies.rows import balanced, corrected, finite_rows, robust_loss, without_rows
from netwright.trainer.remedies.steps import (
    all_held,
    best_rate,
    calm_batches,
    calmer,
    clipped,
    going_on,
    kept_best,
    larger_batch,
    longer,
    more_decay,
    no_decay,
    not_ended,
    rate_times,
    shuffled,
    steady,
    told_batch,
    told_momentum,
    told_rate,
    usual_decay,
    usual_optimizer,
    usual_rate,
)

everything = both(
    *(finite_rows, standardised_inputs, standardised_targets, unfrozen, shuffled),
    *(less_dropout, calm_norms, fresh_start, larger_batch, longer, usual_optimizer),
)
"""what makes an unlucky course a usual one; what the module gives means the same as before"""

as_usual = both(usual_optimizer, less_dropout, unfrozen)
"""what the doctor's copy was trained by where nothing else says why a network is behind it"""


def proven_as_usual(course: Course, patient: Patient) -> Course | None:
    """The usual settings, where such a copy was better."""
    return as_usual(course, patient) if "gained" in patient.diagnosis.evidence else None


REMEDIES: dict[str, Sequence[Remedy]] = {
    "not_finite_data": (as_yes_and_no, finite_rows),
    "label_errors": (
        corrected,
        both(without_rows, kept_best, first=True),
        both(robust_loss, usual_decay, kept_best, first=True),
    ),
    "wrong_head": (
        as_yes_and_no,
        both(task_loss, open_end),
        both(task_loss, open_end, standardised_targets, fresh_start, usual_optimizer),
        standardised_targets,
    ),
    "missing_nonlinearity": (activated,),
    "untrained_layer": (both(unfrozen, all_held), left_out, usual_optimizer),
    "modes_disagree": (both(told_batch, longer, first=True), calm_norms, less_dropout, left_out),
    "mixed_rows": (left_out, both(task_loss, open_end)),
    "harmful_augmentation": (left_out,),
    "low_precision": (left_out,),
    "not_finite_loss": (
        left_out,
        calmer,
        both(going_on, clipped, first=True),
        standardised_inputs,
        usual_optimizer,
    ),
    "exploding_gradient": (calmer, usual_optimizer, both(fresh_start, clipped)),
    "unscaled_inputs": (filled_inputs, standardised_inputs, both(standardised_inputs, usual_rate)),
    "unshuffled": (shuffled,),
    "symmetric_start": (fresh_start,),
    "poor_start": (fresh_start, standardised_targets, standardised_inputs),
    "rate_too_high": (told_momentum, usual_optimizer, best_rate, told_rate, usual_rate, standardised_inputs),
    "rate_too_low": (
        steady,
        both(usual_optimizer, longer),
        both(best_rate, longer, first=True),
        both(told_rate, longer, first=True),
        both(usual_rate, longer, first=True),
    ),
    "loss_spike": (calmer, both(clipped, rate_times(0.1))),
    "dead_units": (thick, fresh_start, both(fresh_start, usual_optimizer), smooth, standardised_inputs),
    "saturated_units": (both(fresh_start, usual_optimizer), both(rectified, fresh_start)),
    "vanishing_gradient": (
        both(rectified, fresh_start, usual_optimizer, first=True),
        both(fresh_start, usual_optimizer),
        both(rectified, normed, fresh_start, usual_optimizer),
        fresh_start,
    ),
    "input_ignored": (fresh_start, unfrozen),
    "cannot_overfit": (usual_optimizer, task_loss, fresh_start),
    "not_learning": (
        both(thick, usual_optimizer, first=True),
        both(usual_optimizer, longer),
        left_out,
        task_loss,
        both(fresh_start, usual_optimizer, longer),
        standardised_inputs,
    ),
    "slow_convergence": (
        told_batch,
        not_ended,
        steady,
        both(told_rate, longer, first=True),
        proven_as_usual,
        usual_rate,
        rate_times(10.0),
    ),
    "oscillating_loss": (
        both(larger_batch, longer, usual_optimizer, first=True),
        calm_batches,
        told_rate,
        both(larger_batch, rate_times(0.3)),
    ),
    "over_regularised": (both(no_decay, less_dropout), both(no_decay, no_dropout), usual_optimizer),
    "class_imbalance": (even_loss, balanced),
    "overfitting": (both(more_decay, kept_best), both(more_dropout, kept_best), kept_best),
    "underfitting": (
        proven_as_usual,
        thick,
        both(usual_optimizer, longer),
        left_out,
        enlarged,
        rate_times(10.0),
    ),
}
"""by diagnosis; what is not here has no remedy that a program could try"""

CLEANING: dict[str, Remedy] = {"leaking_column": without_columns}
"""what no score is to be believed without: done at once, whatever becomes of the score"""
