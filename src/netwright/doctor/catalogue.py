"""The symptoms that the doctor knows: the one source of `doctor --list`, `--explain`, guide and ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal[
    "data", "static", "explosion", "start", "rate", "units", "learning", "generalisation", "slices"
]


@dataclass(frozen=True)
class Symptom:
    """One thing that can go wrong.

    Arguments:
        id: its name for programs.
        title: in a few words.
        family: the group of causes it belongs to; the groups are in the order in which they cause others.
        rank: its place in that order; a lower one is dealt with first.
        what: what it is, in a sentence.
        looks: how it looks: the signal, its threshold, and the consequence that is asked for beside it.
        why: what is likely behind it.
        todo: what helps, in the order to try it.
        source: where it is from.
        gate: whether it is an error or a warning only where the network is also clearly worse than simple
            models; a note otherwise.
        when: when it is looked for: "before", "during" or "after" the training.
    """

    id: str
    title: str
    family: Family
    rank: int
    what: str = ""
    looks: str = ""
    why: str = ""
    todo: tuple[str, ...] = ()
    source: str = ""
    gate: bool = False
    when: Literal["before", "during", "after"] = "after"


_ALL = (
    Symptom("not_finite_data", "not finite data", "data", 0),
    Symptom("leaking_column", "leaking column", "data", 1),
    Symptom("shared_rows", "shared rows", "data", 2),
    Symptom("too_good", "too good", "data", 3),
    Symptom("drift", "drift", "data", 4),
    Symptom("label_errors", "label errors", "data", 5),
    Symptom("conflicting_labels", "conflicting labels", "data", 6),
    Symptom("duplicate_rows", "duplicate rows", "data", 7),
    Symptom("unshuffled", "unshuffled", "data", 8),
    Symptom("wrong_head", "wrong head", "static", 9, gate=True),
    Symptom("mixed_rows", "mixed rows", "static", 10, gate=True),
    Symptom("missing_nonlinearity", "missing nonlinearity", "static", 11, gate=True),
    Symptom("untrained_layer", "untrained layer", "static", 12, gate=True),
    Symptom("modes_disagree", "modes disagree", "static", 13, gate=True),
    Symptom("not_finite_loss", "not finite loss", "explosion", 14),
    Symptom("exploding_gradient", "exploding gradient", "explosion", 15, gate=True),
    Symptom("unscaled_inputs", "unscaled inputs", "explosion", 16, gate=True),
    Symptom("low_precision", "low precision", "explosion", 17, gate=True),
    Symptom("symmetric_start", "symmetric start", "start", 18, gate=True),
    Symptom("poor_start", "poor start", "start", 19, gate=True),
    Symptom("rate_too_high", "rate too high", "rate", 20, gate=True),
    Symptom("rate_too_low", "rate too low", "rate", 21, gate=True),
    Symptom("loss_spike", "loss spike", "rate", 22, gate=True),
    Symptom("dead_units", "dead units", "units", 23, gate=True),
    Symptom("saturated_units", "saturated units", "units", 24, gate=True),
    Symptom("vanishing_gradient", "vanishing gradient", "units", 25, gate=True),
    Symptom("input_ignored", "input ignored", "learning", 26),
    Symptom("cannot_overfit", "cannot overfit", "learning", 27, gate=True),
    Symptom("not_learning", "not learning", "learning", 28, gate=True),
    Symptom("slow_convergence", "slow convergence", "learning", 29, gate=True),
    Symptom("oscillating_loss", "oscillating loss", "learning", 30, gate=True),
    Symptom("harmful_augmentation", "harmful augmentation", "learning", 31, gate=True),
    Symptom("over_regularised", "over regularised", "learning", 32, gate=True),
    Symptom("class_imbalance", "class imbalance", "generalisation", 33),
    Symptom("overfitting", "overfitting", "generalisation", 34),
    Symptom("underfitting", "underfitting", "generalisation", 35, gate=True),
    Symptom("weak_slice", "weak slice", "slices", 36),
    Symptom("loss_and_metric_disagree", "loss and metric disagree", "slices", 37),
    Symptom("padding", "padding", "slices", 38),
    Symptom("waiting_for_data", "waiting for data", "slices", 39),
)
SYMPTOMS: dict[str, Symptom] = {each.id: each for each in _ALL}
