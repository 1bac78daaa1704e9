"""Whether answers put rows in the right order, beside scikit-learn's AUC and SciPy's correlation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from netwright.doctor.checks.learning import tells_apart


@pytest.mark.parametrize("signal", [0.0, 0.1, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("columns", [1, 2])
def test_two_classes(signal, columns):
    draw = np.random.default_rng(3)
    codes = (draw.random(160) < 0.3).astype(np.int64)
    score = signal * codes + draw.normal(size=160)
    few, many = codes.sum(), (1 - codes).sum()
    limit = 0.5 + 3 * np.sqrt((few + many + 1) / (12 * few * many))
    answers = score[:, None] if columns == 1 else np.stack([-score, score], 1)
    assert tells_apart(answers, codes) == (roc_auc_score(codes, score) > limit)


def test_a_class_of_several():
    draw = np.random.default_rng(0)
    codes = draw.integers(0, 4, 200)
    answers = draw.normal(size=(200, 4))
    assert not tells_apart(answers, codes)
    answers[:, 2] += codes == 2
    assert tells_apart(answers, codes)


@pytest.mark.parametrize("signal", [0.0, 0.1, 0.5])
def test_numbers(signal):
    draw = np.random.default_rng(1)
    wanted = draw.normal(size=(120, 1))
    answers = signal * wanted + draw.normal(size=(120, 1))
    assert tells_apart(answers, wanted) == (spearmanr(answers[:, 0], wanted[:, 0])[0] > 3 / np.sqrt(119))
    assert not tells_apart(np.zeros((120, 1)), wanted)
    assert not tells_apart(np.full((120, 1), np.nan), wanted)
