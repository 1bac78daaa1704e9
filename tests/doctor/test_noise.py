from __future__ import annotations

import numpy as np
import pytest

from netwright.doctor.noise import contradiction, suspects, unrelated


def test_confident_learning_lists_the_flipped_rows_first() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 200)
    answers = np.full((200, 3), 0.05)
    answers[np.arange(200), labels] = 0.9
    flipped = np.arange(0, 200, 20)
    given = labels.copy()
    given[flipped] = (given[flipped] + 1) % 3
    assert sorted(suspects(answers, given).tolist()) == flipped.tolist()


def _apart(distance: float, rows: int = 4000) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Probabilities of two normal classes so far apart, as they are, and the classes."""
    draws = np.random.default_rng(0)
    wanted = np.arange(rows) % 2
    x = draws.normal(size=rows) + distance * wanted
    second = 1 / (1 + np.exp(-distance * (x - distance / 2)))
    return np.stack([1 - second, second], 1), wanted, draws


@pytest.mark.parametrize("distance", [0.5, 1.35, 2.5])
def test_surest_answers_of_overlapping_classes(distance: float) -> None:
    from scipy.optimize import brentq
    from scipy.stats import norm

    answers, wanted, _ = _apart(distance)
    found = contradiction(answers, wanted)
    # Beyond which place three tenths of the rows that are said to be of the second class lie.
    place = float(brentq(lambda t: norm.sf(t) + norm.sf(t - distance) - 0.3, -5, 9))
    wrong = norm.sf(place) / 0.3
    assert found.share == pytest.approx(wrong, abs=0.03)
    assert found.expected / found.rows == pytest.approx(wrong, abs=0.05)
    assert found.lost == pytest.approx(norm.sf(distance / 2), abs=0.02)


def test_surest_answers_and_wrong_labels() -> None:
    answers, wanted, draws = _apart(6.0)
    found = contradiction(answers, np.where(draws.random(4000) < 0.4, 1 - wanted, wanted))
    assert found.share == pytest.approx(0.4, abs=0.03)
    assert found.beyond > 8
    one_way = np.where((wanted == 0) & (draws.random(4000) < 0.45), 1, wanted)
    found = contradiction(answers, one_way)
    assert found.share == pytest.approx(0.225, abs=0.02)
    assert found.expected < 0.05 * found.wrong


def test_targets_that_follow_nothing() -> None:
    draws = np.random.default_rng(0)
    predicted = draws.normal(size=800)
    wanted = predicted + 0.4 * draws.normal(size=800)
    wrong = draws.random(800) < 0.25
    found = unrelated(predicted, np.where(wrong, 1.3 * draws.normal(size=800), wanted))
    assert found.share == pytest.approx(0.25, abs=0.1)
    assert abs(found.follows) < 3 * found.error
    assert found.each[wrong].mean() > 3 * found.each[~wrong].mean()
    heavy = unrelated(predicted, predicted + 0.4 * draws.standard_t(3, size=800))
    assert heavy.follows - 2 * heavy.error > 0.7


def test_contradictions_that_fade_among_the_surest_are_no_wrong_labels() -> None:
    draws = np.random.default_rng(0)
    wanted = (draws.random(4000) < 0.5).astype(np.int64)
    sure = draws.random(4000)  # how far a row is from where models err
    said = np.where(draws.random(4000) < 0.5 * (1 - sure), 1 - wanted, wanted)
    second = np.where(said == 1, 0.5 + 0.5 * sure, 0.5 - 0.5 * sure)
    assert contradiction(np.stack([1 - second, second], 1), wanted).fades
    said = np.where(draws.random(4000) < 0.25, 1 - wanted, wanted)
    second = np.where(said == 1, 0.5 + 0.5 * sure, 0.5 - 0.5 * sure)
    assert not contradiction(np.stack([1 - second, second], 1), wanted).fades


def test_classes_that_nobody_is_sure_of_can_be_left_out() -> None:
    draws = np.random.default_rng(0)
    wanted = (draws.random(3000) < 0.1).astype(np.int64)
    second = np.clip(0.1 + 0.02 * wanted + 0.05 * draws.normal(size=3000), 0.01, 0.5)
    answers = np.stack([1 - second, second], 1)
    whole, plainly = (contradiction(answers, wanted, plainly=each) for each in (False, True))
    assert whole.wrong > 200  # of the rare class, which a tenth of the rows are
    assert plainly.wrong < 0.12 * plainly.rows
    assert plainly.lost == whole.lost
