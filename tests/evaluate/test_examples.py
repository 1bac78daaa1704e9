"""Rows chosen as examples, against choices made row by row."""

from __future__ import annotations

from collections import Counter

import numpy as np

from netwright.evaluate.examples import choose


def drawn(rows: int = 200, classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    target = random.integers(0, classes, rows)
    logits = random.normal(size=(rows, classes))
    logits[np.arange(rows), target] += 1.0
    output = np.exp(logits)
    return target, output / output.sum(1, keepdims=True)


def test_the_surest_mistakes_come_first() -> None:
    target, output = drawn()
    wrong = [
        (-max(values), row)
        for row, (true, values) in enumerate(zip(target.tolist(), output.tolist(), strict=True))
        if values.index(max(values)) != true
    ]
    found = {group.what: group for group in choose("multiclass", target, output, mistakes=7)}
    assert found["mistakes"].rows == [row for _, row in sorted(wrong)[:7]]
    assert found["mistakes"].of == len(wrong)


def test_the_pairs_that_are_mixed_up_most() -> None:
    target, output = drawn()
    pairs = Counter(
        (true, guess)
        for true, guess in zip(target.tolist(), output.argmax(1).tolist(), strict=True)
        if true != guess
    )
    groups = [group for group in choose("multiclass", target, output) if group.what == "confused"]
    assert [group.of for group in groups] == sorted(pairs.values(), reverse=True)[:2]
    for group in groups:
        assert pairs[group.true, group.predicted] == group.of
        assert all(target[row] == group.true for row in group.rows)
        assert all(output[row].argmax() == group.predicted for row in group.rows)
        chances = [output[row].max() for row in group.rows]
        assert chances == sorted(chances, reverse=True)


def test_a_pair_that_was_mixed_up_once_is_none() -> None:
    output = np.eye(3)[[0, 1, 2, 1]] * 0.9 + 0.03
    whats = [group.what for group in choose("multiclass", np.array([0, 1, 2, 2]), output)]
    assert whats == ["typical", "mistakes"]


def test_typical_rows_are_right_and_of_every_class() -> None:
    target, output = drawn()
    typical = choose("multiclass", target, output, typical=8)[0]
    assert typical.what == "typical"
    assert Counter(target[typical.rows].tolist()) == dict.fromkeys(range(4), 2)
    assert (output[typical.rows].argmax(1) == target[typical.rows]).all()


def test_a_class_that_is_never_right_takes_no_place() -> None:
    output = np.tile([0.9, 0.1], (6, 1))
    typical, mistakes = choose("binary", np.array([0, 1, 0, 1, 0, 1]), output, typical=3)
    assert typical.rows == [0, 2, 4]
    assert mistakes.rows == [1, 3, 5]


def test_the_threshold_decides_what_is_wrong() -> None:
    target, output = np.array([0, 1, 1]), np.array([[0.7, 0.3], [0.7, 0.3], [0.95, 0.05]])
    groups = {group.what: group.rows for group in choose("binary", target, output, threshold=0.2)}
    assert groups == {"typical": [1], "mistakes": [2, 0]}


def test_classes_that_the_network_does_not_know_are_mistakes() -> None:
    target, output = drawn(20)
    target[3] = -1
    groups = choose("multiclass", target, output, mistakes=20)
    assert 3 in next(group.rows for group in groups if group.what == "mistakes")
    assert all(3 not in group.rows for group in groups if group.what != "mistakes")


def test_numbers_with_the_largest_errors_and_middling_ones() -> None:
    target = np.arange(30.0)[:, None]
    error = np.random.default_rng(1).permutation(30.0 * np.arange(30))
    typical, errors = choose("regression", target, target + error[:, None], typical=4, mistakes=3)
    assert errors.what == "errors"
    assert error[errors.rows].tolist() == [870.0, 840.0, 810.0]
    assert sorted(error[typical.rows]) == [390.0, 420.0, 450.0, 480.0]


def test_several_targets_count_alike_whatever_their_units() -> None:
    target = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 1000.0]
    output = target.copy()
    output[7, 0] += 5.0  # five deviations of its own target
    output[9, 1] += 500.0  # half of one
    (errors,) = (group for group in choose("regression", target, output) if group.what == "errors")
    assert errors.rows[:2] == [7, 9]


def test_labels_are_judged_by_the_worst_one() -> None:
    target = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    output = np.array([[0.9, 0.2], [0.6, 0.1], [0.9, 0.1]])
    groups = {group.what: group.rows for group in choose("multilabel", target, output)}
    assert groups == {"typical": [0], "mistakes": [2, 1]}
