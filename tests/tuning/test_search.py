"""Ask and tell: the same seed asks the same, killed or not; and what becomes of each kind of ending."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from netwright.config import Config
from netwright.errors import InputError
from netwright.tuning.halving import Halving
from netwright.tuning.search import Search, Trial
from netwright.tuning.spaces import Space, make_space

SAMPLERS = ["random", "tpe", "gp", "cmaes"]


def space_of(sampler: str = "random") -> Space:
    if sampler == "grid":
        return make_space({"network.depth": [1, 2, 3, 4], "network.width": [4, 8, 16, 32]}, Config())
    return make_space(
        {
            "training.learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
            "training.weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
            "network.depth": [1, 2, 3],
        },
        Config(),
    )


@pytest.fixture
def space() -> Space:
    return space_of()


def told(trial: Trial) -> Trial:
    """The trial with a score that its values alone decide."""
    rate = trial.values.get("training.learning_rate", 1e-3)
    trial.state, trial.score = "complete", abs(math.log10(rate / 1e-2)) + trial.values["network.depth"] / 10
    return trial


def walk(search: Search, until: int, batch: int = 4) -> list[dict]:
    """Batch after batch, as a study does; trials that a kill left open come first."""
    while True:
        trials = search.pending()
        over = len(search.trials) - len(trials)
        if over >= until:
            return [each.values for each in search.trials]
        while len(search.trials) < min(over - over % batch + batch, until):
            asked = search.ask()
            assert asked is not None
            trials.append(asked)
        for trial in trials:
            search.tell(told(trial))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_same_seed_asks_the_same(space, sampler):
    first, again = (walk(Search(space, sampler, 3, "sqlite://"), 14) for _ in range(2))
    assert first == again
    assert first[:4] != walk(Search(space, sampler, 4, "sqlite://"), 4)


@pytest.fixture(scope="module")
def unbroken():
    """What a sampler asks when nothing happens; each is walked once."""
    return cache(lambda sampler: walk(Search(space_of(sampler), sampler, 0, "sqlite://"), 14))


@pytest.mark.parametrize("sampler", [*SAMPLERS, "grid"])
@pytest.mark.parametrize("killed", [1, 4, 6])
def test_a_killed_search_goes_on_as_if_nothing_had_been(sampler, killed, unbroken, tmp_path):
    space = space_of(sampler)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    before = Search(space, sampler, 0, url)
    walk(before, killed - killed % 4)
    asked = [before.ask() for _ in range(killed % 4)]  # and the process is gone
    before.close()
    after = Search(space, sampler, 0, url)
    assert [each.number for each in after.pending()] == [each.number for each in asked if each is not None]
    assert walk(after, 14) == unbroken(sampler)
    assert [each.number for each in after.trials] == list(range(14))
    after.close()


@pytest.mark.parametrize(("sampler", "trials", "seeds"), [("tpe", 28, 3), ("gp", 20, 1)])
def test_a_sampler_that_learns_finds_more_than_chance(space, sampler, trials, seeds):
    def best(name: str) -> float:
        found = []
        for seed in range(seeds):
            search = Search(space, name, seed, "sqlite://")
            walk(search, trials)
            found.append(np.mean(sorted(each.score for each in search.trials)[:5]))
        return float(np.mean(found))

    assert best(sampler) < 0.7 * best("random")


def test_the_first_trial_is_the_default_where_it_lies_in_the_space(space):
    default = {"training.learning_rate": 3e-3, "training.weight_decay": 1e-2, "network.depth": 2}
    search = Search(space, "tpe", 0, "sqlite://", first=default)
    asked = [search.ask(), search.ask()]
    assert asked[0] is not None
    assert asked[0].values == default
    assert asked[1] is not None
    assert asked[1].values != default
    outside = Search(space, "tpe", 0, "sqlite://", first={**default, "network.depth": 4}).ask()
    assert outside is not None
    assert outside.values["network.depth"] != 4


def test_a_grid_ends_and_asks_each_point_once():
    space = make_space({"network.depth": [1, 2], "network.dropout": [0.0, 0.1, 0.2]}, Config())
    search = Search(space, "grid", 0, "sqlite://")
    asked = [search.ask() for _ in range(7)]
    assert asked[6] is None
    points = [(each.values["network.depth"], each.values["network.dropout"]) for each in asked if each]
    assert points == [(depth, rate) for depth in (1, 2) for rate in (0.0, 0.1, 0.2)]


def test_what_became_of_trials_is_kept(space, tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    search = Search(space, "random", 0, url)
    endings = ["complete", "pruned", "diverged", "failed", "stopped"]
    for place, state in enumerate(endings):
        trial = search.ask()
        assert trial is not None
        trial.state, trial.note, trial.seconds = state, f"note {place}", 1.5  # type: ignore[assignment]
        trial.score = math.nan if state in ("diverged", "failed") else 0.5 + place
        trial.rungs, trial.metrics = {2: 0.75}, {"validation_mae": 0.25}
        search.tell(trial)
    search.remember({"data": "abc"})
    search.close()
    again = Search(space, "random", 0, url)
    assert again.notes == {"data": "abc"}
    assert [each.state for each in again.trials] == endings
    assert again.pending() == [again.trials[4]]
    for one, other in zip(search.trials[:4], again.trials, strict=False):
        assert repr(one) == repr(other)  # NaN is not equal to itself
    assert [each.number for each in again.best()] == [0]
    assert [each.state.name for each in again.study.get_trials()] == [
        *("COMPLETE", "PRUNED", "PRUNED", "FAIL", "RUNNING")
    ]


def test_importance_finds_what_matters(space):
    search = Search(space, "random", 0, "sqlite://")
    walk(search, 40)
    importance = search.importance()
    assert next(iter(importance)) == "training.learning_rate"
    assert sum(importance.values()) == pytest.approx(1)


def test_a_storage_that_cannot_be_opened_is_told(space, tmp_path):
    for url in (f"sqlite:///{tmp_path / 'no' / 'folder.db'}", "nonsense://x", "nonsense"):
        with pytest.raises(InputError, match="storage cannot be opened"):
            Search(space, "random", 0, url)


# ---------------------------------------------------------------------------------------------- halving


def test_the_better_half_goes_on_at_each_rung():
    random = np.random.default_rng(0)
    scores = dict(enumerate(random.random(16).tolist()))
    given_up = Halving("halving", []).judge(scores, 0)
    assert given_up == set(np.argsort(list(scores.values()))[8:].tolist())


def test_trials_of_earlier_batches_are_compared_too():
    halving = Halving("halving", [])
    assert halving.judge({0: 0.1}, 0) == set()
    assert halving.judge({1: 0.2}, 0) == {1}
    assert halving.judge({2: 0.15}, 0) == set()  # second of three: half of them, rounded up, go on
    assert halving.judge({3: 0.05}, 1) == set()  # the first at its rung


def test_halving_remembers_the_rungs_of_a_study_that_goes_on():
    before = [Trial(number, {}, "complete", 0.1, rungs={2: 0.1 * number, 4: 0.1}) for number in range(4)]
    assert Halving("halving", before).judge({9: 0.35}, 0) == {9}
    assert Halving("halving", []).judge({9: 0.35}, 0) == set()


def test_a_score_that_is_no_number_loses():
    assert Halving("halving", []).judge({0: math.nan, 1: 5.0}, 0) == {0}


def test_rungs_by_kind():
    assert Halving("none", []).rungs(0, 40) == []
    assert [Halving("halving", []).rungs(number, 40) for number in range(3)] == [[10, 20]] * 3
    assert [Halving("hyperband", []).rungs(number, 40) for number in range(4)] == [
        [10, 20],
        [20],
        [],
        [10, 20],
    ]
    assert Halving("halving", []).rungs(0, 2) == [1]
    assert Halving("halving", []).rungs(0, 1) == []
