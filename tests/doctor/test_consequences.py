"""What follows from what."""

from __future__ import annotations

from typing import Any

from netwright.data.finding import Severity
from netwright.doctor.catalogue import SYMPTOMS
from netwright.doctor.consequences import BROKEN_STEPS, FOLLOWS, LAST_RESORT, without_consequences
from netwright.doctor.diagnosis import Diagnosis, Fix


def said(id: str, severity: Severity = "error", **evidence: Any) -> Diagnosis:
    return Diagnosis(id, severity, "something is wrong", evidence, "a cause", Fix("do something"))


def severities(*diagnoses: Diagnosis) -> dict[str, str]:
    return {each.id: each.severity for each in without_consequences(diagnoses)}


def test_only_symptoms_that_there_are():
    assert {*FOLLOWS, *BROKEN_STEPS, LAST_RESORT, *(id for ids in FOLLOWS.values() for id in ids)} <= {
        *SYMPTOMS
    }
    assert not any(id in ids for id, ids in FOLLOWS.items())


def test_what_follows_from_a_cause_is_a_note():
    found = severities(said("rate_too_high"), said("dead_units"), said("loss_spike", "warning"))
    assert found == {"rate_too_high": "error", "dead_units": "note", "loss_spike": "warning"}


def test_what_is_frozen_or_drowned_cannot_learn_rows_by_heart():
    for cause in ("untrained_layer", "over_regularised"):
        found = severities(said("cannot_overfit"), said("slow_convergence"), said(cause, "warning"))
        assert found == {"cannot_overfit": "note", "slow_convergence": "note", cause: "warning"}


def test_a_note_explains_nothing():
    assert severities(said("rate_too_high", "note"), said("dead_units"))["dead_units"] == "error"


def test_learning_too_little_is_the_last_resort():
    assert severities(said("underfitting"))["underfitting"] == "error"
    assert severities(said("underfitting"), said("weak_slice", "warning"))["underfitting"] == "error"
    assert severities(said("underfitting"), said("dead_units"))["underfitting"] == "note"


def test_the_evidence_tells_kinds_of_a_symptom_apart():
    uphill = severities(said("not_learning", uphill=True), said("rate_too_high"), said("exploding_gradient"))
    assert uphill == {"not_learning": "error", "rate_too_high": "note", "exploding_gradient": "note"}
    plain = severities(said("not_learning"), said("rate_too_high"))
    assert plain == {"not_learning": "note", "rate_too_high": "error"}
    named = severities(said("wrong_head", loss="cross_entropy"), said("rate_too_high"))
    assert named["rate_too_high"] == "error"
    lost = severities(said("input_ignored", inputs=["x"]), said("dead_units"))
    assert lost == {"input_ignored": "error", "dead_units": "note"}


def test_a_circle_leaves_one():
    both = severities(said("dead_units"), said("oscillating_loss"), said("rate_too_high"))
    assert both == {"dead_units": "note", "oscillating_loss": "error", "rate_too_high": "note"}


def test_a_warning_of_labels_yields_to_the_head():
    found = severities(said("label_errors", "warning"), said("wrong_head", "warning"))
    assert found == {"label_errors": "note", "wrong_head": "warning"}
    assert severities(said("label_errors"), said("drift"))["drift"] == "note"
    assert severities(said("label_errors", "warning"), said("drift"))["drift"] == "error"


def test_what_is_known_for_sure_explains_what_else_is_seen():
    narrow = severities(said("underfitting", neck=1), said("dead_units"), said("slow_convergence", "warning"))
    assert narrow == {"underfitting": "error", "dead_units": "note", "slow_convergence": "note"}
    stretched = severities(said("wrong_head", stretched=True), said("slow_convergence"))
    assert stretched == {"wrong_head": "error", "slow_convergence": "note"}
    unscaled = severities(said("modes_disagree", share=0.2), said("harmful_augmentation"))
    assert unscaled == {"modes_disagree": "error", "harmful_augmentation": "note"}


def test_changed_rows_explain_units_that_die_only_where_it_is_sure():
    found = severities(said("harmful_augmentation"), said("dead_units"), said("overfitting"))
    assert found == {"harmful_augmentation": "error", "dead_units": "note", "overfitting": "note"}
    unsure = severities(said("harmful_augmentation", "warning"), said("dead_units"))
    assert unsure == {"harmful_augmentation": "warning", "dead_units": "error"}


def test_targets_of_another_size_explain_what_breaks_down():
    broken = (said("not_finite_loss"), said("rate_too_high"), said("not_learning"))
    found = severities(*broken, said("label_errors", times=400.0))
    assert [id for id, severity in found.items() if severity == "error"] == ["label_errors"]
    assert severities(*broken, said("label_errors", "note", times=400.0))["not_finite_loss"] == "error"


def test_a_loss_with_the_wrong_sign_explains_what_becomes_of_it():
    steps = (said("exploding_gradient"), said("saturated_units"), said("not_finite_loss"))
    found = severities(*steps, said("not_learning", loss=-5e7, learnt=-3.0))
    assert [id for id, severity in found.items() if severity == "error"] == ["not_learning"]
    assert severities(*steps, said("not_learning", loss=2.0))["exploding_gradient"] == "error"


def test_batches_of_a_few_rows_explain_a_loss_that_is_no_number():
    found = severities(said("not_finite_loss"), said("oscillating_loss"))
    assert found == {"not_finite_loss": "note", "oscillating_loss": "error"}
    assert (
        severities(said("not_finite_loss"), said("oscillating_loss", "warning"))["not_finite_loss"] == "error"
    )
    assert severities(said("wrong_head", loss="mse"))["wrong_head"] == "error"  # a loss by its name
