from __future__ import annotations

import numpy as np
import pytest

from netwright.doctor.attempt import Attempt
from netwright.doctor.proof import Gain, chosen, gain, judged, most_trials, proven, sharp, trial_epochs


def test_a_gain_of_paired_marks_and_its_error():
    before, after = np.repeat([0.0, 1.0], 50), np.concatenate([np.repeat([0.0, 1.0], [30, 20]), np.ones(50)])
    found = gain(before, after)
    assert (found.before, found.after) == (0.5, 0.7)
    spread = ((after - before - 0.2) ** 2).sum() + 1  # one difference more than there were
    assert found.error == pytest.approx(np.sqrt(spread) / 100)
    assert found.proven
    assert not gain(after, before).proven


def test_a_handful_of_rows_proves_nothing():
    before, after = np.zeros(100), np.zeros(100)
    after[:4] = 1
    assert not gain(before, after).proven
    after[:8] = 1
    assert gain(before, after).proven


def test_rare_classes_are_judged_by_their_recall():
    classes = np.repeat([0, 1], [90, 30])
    before, after = np.repeat([1.0, 0.0], [90, 30]), np.ones(120)
    after[:25] = 0  # of the frequent class
    assert not gain(before, after).proven
    found = gain(before, after, classes)
    assert (found.before, found.after) == (0.5, pytest.approx((65 / 90 + 1) / 2))
    assert found.proven


def test_what_breaks_down_is_the_worst():
    found = gain(np.array([np.nan, -np.inf, -50.0, 0.0]), np.zeros(4))
    assert found.before == -0.75


def test_trials_cost_half_a_training():
    for epochs in (10, 20, 30, 60, 200, 1000):
        assert trial_epochs(epochs) >= epochs / 10
        assert trial_epochs(epochs) * most_trials(epochs) <= max(0.5 * epochs, 2 * trial_epochs(epochs))
    assert trial_epochs(2) == 2


def test_a_later_trial_goes_on_only_where_it_is_clearly_better():
    random = np.random.default_rng(0)
    marks = random.normal(0.5, 0.1, 200)
    before = marks - 0.3
    assert chosen([marks, marks + random.normal(0.001, 0.1, 200)], before) == 0
    assert chosen([marks, marks + random.normal(0.05, 0.1, 200)], before) == 1
    assert chosen([before - 0.2, before - 0.4], before) is None
    assert chosen([], before) is None


def test_sharp_marks_are_those_of_briers_score():
    answers, codes = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4]]), np.array([0, 1, 2])
    usual = 3 * ((2 / 3) ** 2 + 2 * (1 / 3) ** 2) / 3
    wanted = 1 - np.array([0.3**2 + 0.2**2 + 0.1**2, 0.1**2 + 0.2**2 + 0.1**2, 0.3**2 * 2 + 0.6**2]) / usual
    found = sharp(answers, codes)
    assert found is not None
    np.testing.assert_allclose(found, wanted)
    assert sharp(np.array([[3.0, -1.0]]), np.array([0])) is None


def test_an_attempt_survives_a_file():
    made = Attempt("drift", ("a", "b"), 0.1, 0.2, 0.01, 3, True, "why", {"training.epochs": 3})
    assert Attempt.of(made.as_dict()) == made


def test_what_is_no_error_has_to_be_proven_better():
    """By 1.5 standard errors, by 2.5, and by less than a point."""
    for found, as_error, as_warning in (
        (Gain(0.5, 0.65, 0.1), True, False),
        (Gain(0.5, 0.75, 0.1), True, True),
        (Gain(0.5, 0.509, 0.001), False, False),
        (Gain(0.5, 0.4, 0.001), False, False),
    ):
        assert (proven(found, "error"), proven(found, "warning")) == (as_error, as_warning)
        assert ("more than" in judged(found, "error")) == as_error


def test_errors_of_probabilities_can_prove_what_right_and_wrong_leave_open():
    found, sharper = Gain(0.9, 0.93, 0.02), Gain(0.7, 0.8, 0.02)
    assert not proven(found, "warning")
    assert proven(found, "warning", sharper)
    assert "probabilities" in judged(found, "warning", sharper)
    assert not proven(Gain(0.9, 0.905, 0.001), "warning", sharper)  # too small to matter
    assert not proven(Gain(0.9, 0.88, 0.02), "warning", sharper)
