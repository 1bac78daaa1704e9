"""What follows from what: a symptom that another one explains is told as a note."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netwright.doctor.catalogue import SYMPTOMS
from netwright.doctor.diagnosis import Diagnosis

LAST_RESORT = "underfitting"
MOSTLY = 0.5  # of the rows
ALL_BUT_ONE = 20.0  # rows of a class for each of another: who always says it is right, and learns no more
BROKEN_STEPS = (
    *("exploding_gradient", "loss_spike", "rate_too_high", "dead_units", "saturated_units"),
    *("input_ignored", "not_learning", "oscillating_loss"),
)
"""what steps in the wrong direction, or of too few rows, look like"""

OF_A_NECK = (
    *("dead_units", "saturated_units", "vanishing_gradient", "input_ignored", "cannot_overfit"),
    *("not_learning", "slow_convergence"),
)
"""what a layer that is too narrow for the task looks like"""

FOLLOWS: dict[str, tuple[str, ...]] = {
    "not_finite_data": ("not_finite_loss", "exploding_gradient"),
    "unscaled_inputs": (
        *(
            "not_finite_loss",
            "exploding_gradient",
            "poor_start",
            "rate_too_high",
            "rate_too_low",
            "loss_spike",
        ),
        *("dead_units", "saturated_units", "input_ignored", "not_learning", "slow_convergence"),
        *("oscillating_loss", "cannot_overfit"),
    ),
    "wrong_head": ("label_errors", "poor_start", "not_learning", "cannot_overfit", "overfitting"),
    "conflicting_labels": ("drift", "label_errors"),
    "label_errors": ("drift",),
    "unshuffled": ("label_errors",),
    "class_imbalance": ("drift", "not_learning"),
    "rate_too_high": (
        *("dead_units", "input_ignored", "not_learning", "oscillating_loss", "saturated_units"),
        "label_errors",
    ),
    "rate_too_low": ("not_learning", "slow_convergence", "input_ignored"),
    "slow_convergence": ("not_learning",),
    "over_regularised": (
        *("modes_disagree", "not_learning", "slow_convergence", "input_ignored", "dead_units"),
        "cannot_overfit",
    ),
    "untrained_layer": ("cannot_overfit", "not_learning", "slow_convergence"),
    "low_precision": ("cannot_overfit", "input_ignored", "not_learning", "untrained_layer", "rate_too_low"),
    "symmetric_start": ("cannot_overfit", "not_learning", "input_ignored", "dead_units"),
    "dead_units": ("cannot_overfit", "not_learning"),
    "harmful_augmentation": (
        *("dead_units", "not_learning", "overfitting", "slow_convergence", "cannot_overfit", "input_ignored"),
        *("label_errors", "weak_slice"),
    ),
    "vanishing_gradient": ("untrained_layer", "not_learning", "cannot_overfit", "input_ignored"),
}
"""by symptom: those that come of it"""


def without_consequences(diagnoses: Sequence[Diagnosis]) -> list[Diagnosis]:
    """The same, where what follows from another error or warning is a note.

    Learning too little is the last resort: a note where anything says why. So are wrong targets that are no
    more than likely, where something else is proven to have cost something.
    """
    causes = [each for each in diagnoses if each.severity != "note"]
    # Kinds of a symptom that are known for sure explain first, and what they explain explains nothing itself.
    sure = {each.id: {*_of(each)} for each in causes if _of(each) not in ((), FOLLOWS.get(each.id))}
    follows = {id for ids in sure.values() for id in ids} - {*sure}
    follows |= {id for each in causes if each.id not in follows for id in _of(each)} - {*sure}
    others = any(SYMPTOMS[each.id].family not in ("generalisation", "slices") for each in causes)
    if others and LAST_RESORT not in sure:
        follows.add(LAST_RESORT)
    if any("gained" in each.evidence for each in causes if each.id not in follows):
        doubtful = (each.id for each in causes if each.severity == "warning" and each.id == "label_errors")
        follows |= {*doubtful}
    return [replace(each, severity="note") if each.id in follows else each for each in diagnoses]


def _of(diagnosis: Diagnosis) -> tuple[str, ...]:
    evidence = diagnosis.evidence
    if diagnosis.id == "unscaled_inputs" and evidence.get("missing"):  # such rows are alike
        return (*FOLLOWS["unscaled_inputs"], "shared_rows", "duplicate_rows", "label_errors")
    if diagnosis.id == "duplicate_rows" and evidence.get("share", 0.0) >= MOSTLY:  # known from their copies
        return ("leaking_column",)
    # A loss below 0 falls without end, and the answers with it.
    if diagnosis.id == "not_learning" and (evidence.get("uphill") or (evidence.get("loss") or 0.0) < 0):
        return ("not_finite_loss", "label_errors", *(id for id in BROKEN_STEPS if id != "not_learning"))
    if diagnosis.id == "not_learning" and "gains" in evidence:  # no model learns
        return ("overfitting",)
    if diagnosis.id == "underfitting" and "neck" in evidence:
        return OF_A_NECK
    if diagnosis.id == "wrong_head" and "stretched" in evidence:
        return (*FOLLOWS["wrong_head"], "slow_convergence", "rate_too_low", "dead_units", "input_ignored")
    if diagnosis.id == "modes_disagree" and "share" in evidence:
        return ("harmful_augmentation", "overfitting", "slow_convergence")
    if diagnosis.id == "harmful_augmentation" and diagnosis.severity != "error":
        return ()
    if diagnosis.id in ("conflicting_labels", "label_errors") and diagnosis.severity != "error":
        return ()
    if diagnosis.id == "label_errors" and "times" in evidence:  # targets of another size altogether
        return (
            *("drift", "not_finite_loss", "exploding_gradient", "loss_spike", "rate_too_high"),
            *("oscillating_loss", "dead_units", "saturated_units", "not_learning"),
        )
    if diagnosis.id == "class_imbalance" and "weights" in evidence:
        return (*FOLLOWS["class_imbalance"], "label_errors", "weak_slice", "slow_convergence", "poor_start")
    if diagnosis.id == "class_imbalance" and evidence.get("ratio", 0.0) >= ALL_BUT_ONE:
        return (*FOLLOWS["class_imbalance"], "slow_convergence", "dead_units")
    if diagnosis.id == "missing_nonlinearity" and "gained" in evidence:
        return ("label_errors", "overfitting", "not_learning")
    if diagnosis.id == "oscillating_loss" and diagnosis.severity == "error":  # batches of a few rows
        return ("not_finite_loss", *(id for id in BROKEN_STEPS if id != "oscillating_loss"))
    if diagnosis.id == "drift" and "codes" in evidence:
        return ("label_errors", "overfitting", "not_learning", "class_imbalance")
    if diagnosis.id == "untrained_layer" and "operation" in evidence:
        return ("input_ignored", "not_learning", "slow_convergence", "cannot_overfit", "vanishing_gradient")
    if diagnosis.id == "input_ignored" and "inputs" in evidence:  # before the first step
        return ("dead_units", "cannot_overfit", "not_learning", "vanishing_gradient", "untrained_layer")
    return FOLLOWS.get(diagnosis.id, ())
