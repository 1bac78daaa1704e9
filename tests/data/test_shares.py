from __future__ import annotations

import numpy as np
import pytest

from netwright.data.shares import draw_share


@pytest.mark.parametrize("share", [0.01, 0.1, 0.33, 0.5, 1.0])
def test_each_stratum_gives_its_share_and_one_row_at_least(share):
    strata = np.repeat([0, 1, 2], [100, 37, 2])
    drawn = draw_share(np.random.default_rng(0).random(139), strata, share)
    for stratum, count in enumerate([100, 37, 2]):
        assert (strata[drawn] == stratum).sum() == max(1, round(share * count))


def test_a_larger_share_of_the_same_scores_holds_the_smaller():
    scores, strata = np.random.default_rng(0).random(80), np.zeros(80, dtype=np.int64)
    small, large = (set(draw_share(scores, strata, share)) for share in (0.2, 0.6))
    assert small < large


def test_groups_stay_whole():
    random = np.random.default_rng(0)
    scores = random.random(12)[random.integers(0, 12, 200)]
    drawn = draw_share(scores, np.zeros(200, dtype=np.int64), 0.4, whole=True)
    assert not set(scores[drawn]) & set(np.delete(scores, drawn))
    assert 60 <= len(drawn) <= 120
