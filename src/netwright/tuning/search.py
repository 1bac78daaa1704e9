"""Trials by ask and tell, kept in a storage of Optuna's so that a killed study goes on.

What is asked depends on the seed, the trial's number and what is in the storage, and on nothing else: the
sampler begins anew for each trial. So a study that was killed and goes on asks what it would have asked.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from netwright.errors import InputError
from netwright.tuning.spaces import Choices, Space, as_choice, grid

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

State = Literal["running", "complete", "pruned", "diverged", "failed", "stopped"]
STARTUP = 10
"""trials that are drawn at random before a model of the scores is trusted"""
NOTES = "netwright"
"""the attribute of Optuna's trials, and of its study, that holds what is ours"""


@dataclass
class Trial:
    """One point of the space, and what became of it.

    Arguments:
        number: from 0.
        values: by config key.
        state: stopped is a trial that the time limit or Ctrl-C ended; it is trained again on --resume.
        score: validation loss, lower is better; mean over folds. NaN where there is none.
        seconds: its share of the time that its batch took.
        epoch: the best one; the highest over folds.
        same_as: the number of an earlier trial with the same values, whose result it takes.
        note: why it failed.
        metrics: other validation scores at the best epoch; means over folds.
        rungs: {epoch: score} where it was compared with others.
    """

    number: int
    values: dict[str, Any]
    state: State = "running"
    score: float = math.nan
    seconds: float = 0.0
    epoch: int = 0
    same_as: int | None = None
    note: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    rungs: dict[int, float] = field(default_factory=dict)


class Search:
    """The trials of a study.

    Arguments:
        space: checked.
        sampler: random, grid, tpe, gp or cmaes.
        seed: of the draws.
        url: of Optuna's storage.
        name: the study's, in the storage.
        first: the values of the first trial, such as the defaults; keys outside of the space are left aside.

    Attributes:
        trials: all that were asked, in order.
        notes: what the study remembers of its making; empty for a new one.

    Raises:
        InputError: the storage cannot be opened.
    """

    def __init__(
        self,
        space: Space,
        sampler: str,
        seed: int,
        url: str,
        name: str = "netwright",
        first: dict[str, Any] | None = None,
    ) -> None:
        self.space, self.sampler, self.seed = space, sampler, seed
        with quiet():
            self.storage, self.study = _open(url, name)
            self.distributions = {key: part.distribution() for key, part in space.items()}
            self.notes: dict[str, Any] = self.study.user_attrs.get(NOTES, {})
            frozen = self.study.get_trials(deepcopy=False)
            self.trials = [self._trial(each) for each in frozen if each.state.name != "WAITING"]
            self.waiting = len(self.trials) < len(frozen)  # killed between choosing a point and asking for it
            # In the space as a whole or not at all: half a default would be no default.
            inside = first is not None and all(part.holds(first.get(key)) for key, part in space.items())
            if first is not None and inside and not frozen and sampler != "grid":
                self.study.enqueue_trial({key: as_choice(first[key]) for key in space})
        self.points = grid(space) if sampler == "grid" else []

    def remember(self, notes: dict[str, Any]) -> None:
        """Keeps what the study was made of."""
        self.study.set_user_attr(NOTES, notes)
        self.notes = notes

    def pending(self) -> list[Trial]:
        """Trials that were asked, and never told."""
        return [each for each in self.trials if each.state in ("running", "stopped")]

    def ask(self) -> Trial | None:
        """The next trial; None where a grid has no more."""
        number = len(self.trials)
        if self.points and number >= len(self.points):
            return None
        with quiet():
            if self.points and not self.waiting:
                point = self.points[number]
                self.study.enqueue_trial({key: as_choice(value) for key, value in point.items()})
            self.study.sampler = make_sampler(self.sampler, (self.seed * 1_000_003 + number) % 2**31)
            asked = self.study.ask(self.distributions)
        self.waiting = False
        trial = Trial(asked.number, self._values(asked.params))
        self.trials.append(trial)
        return trial

    def tell(self, trial: Trial) -> None:
        """Keeps a trial's result. One that is stopped stays open in the storage."""
        from optuna.trial import TrialState

        self.trials[trial.number] = trial
        if trial.state == "stopped":
            return
        identity = self.storage.get_trial_id_from_study_id_trial_number(self.study._study_id, trial.number)
        kept = asdict(trial)
        del kept["values"], kept["number"]
        kept["score"] = None if math.isnan(trial.score) else trial.score
        with quiet():
            self.storage.set_trial_user_attr(identity, NOTES, kept)
            if trial.state == "complete":
                self.study.tell(trial.number, trial.score)
            elif trial.state == "failed":
                self.study.tell(trial.number, state=TrialState.FAIL)
            else:  # a pruned trial is judged by how far it came; a diverged one is the worst
                for epoch, score in trial.rungs.items():
                    self.storage.set_trial_intermediate_value(identity, epoch, score)
                self.study.tell(trial.number, state=TrialState.PRUNED)

    def twin(self, trial: Trial) -> Trial | None:
        """An earlier trial with the same values."""
        return next((each for each in self.trials[: trial.number] if each.values == trial.values), None)

    def best(self) -> list[Trial]:
        """The trials that may win, the best first; equal ones once."""
        over = [each for each in self.trials if each.state == "complete" and each.same_as is None]
        if not over:  # then those that the time limit or Ctrl-C ended must do
            over = [each for each in self.trials if each.state in ("stopped", "pruned")]
        return sorted((each for each in over if math.isfinite(each.score)), key=lambda each: each.score)

    def importance(self) -> dict[str, float]:
        """Each key's share of the scores' variance, highest first, by fANOVA (Hutter and others, 2014).

        Empty below a handful of trials, or where all scores are equal.
        """
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        scores = {each.score for each in self.trials if each.state == "complete"}
        if len(scores) < 4:
            return {}
        with quiet():
            shares = get_param_importances(
                self.study, evaluator=FanovaImportanceEvaluator(seed=0), params=self._varied()
            )
        return {key: float(share) for key, share in shares.items()}

    def close(self) -> None:
        self.storage.remove_session()
        self.storage.engine.dispose()

    def _varied(self) -> list[str]:
        """Keys with more than one value; Optuna counts no others."""
        return [key for key, each in self.distributions.items() if not each.single()]

    def _values(self, params: dict[str, Any]) -> dict[str, Any]:
        """A trial's values as the config takes them."""
        values = {}
        for key, part in self.space.items():
            value = params[key]
            if isinstance(part, Choices):
                value = next(each for each in part.values if _same(as_choice(each), value))
            values[key] = value
        return values

    def _trial(self, frozen: FrozenTrial) -> Trial:
        kept = frozen.user_attrs.get(NOTES)
        trial = Trial(frozen.number, self._values(frozen.params))
        if kept is None:
            trial.state = "failed" if frozen.state.is_finished() else "stopped"
            return trial
        for name, value in kept.items():
            setattr(trial, name, value)
        trial.score = math.nan if trial.score is None else trial.score
        trial.rungs = {int(epoch): score for epoch, score in trial.rungs.items()}
        return trial


def make_sampler(name: str, seed: int) -> BaseSampler:
    """One of Optuna's samplers."""
    from optuna import samplers

    if name == "tpe":
        # Trials that run count as bad ones ("constant liar"), or a batch would ask the same point all along.
        return samplers.TPESampler(seed=seed, n_startup_trials=STARTUP, multivariate=True, constant_liar=True)
    if name == "gp":
        return samplers.GPSampler(seed=seed, n_startup_trials=STARTUP)
    if name == "cmaes":
        return samplers.CmaEsSampler(seed=seed, n_startup_trials=1, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna without its log, and without its warnings of what is experimental."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)


def _open(url: str, name: str) -> tuple[Any, Any]:
    import optuna
    from sqlalchemy.event import listen
    from sqlalchemy.exc import SQLAlchemyError

    try:
        storage = optuna.storages.RDBStorage(url)
        if url.startswith("sqlite"):
            # A killed process loses nothing by it, and each trial is written some ten times.
            listen(storage.engine, "connect", _unhurried)
            if not url.endswith("//"):  # a database in memory lives as long as its connection
                storage.engine.dispose()
        study = optuna.create_study(
            storage=storage, study_name=name, load_if_exists=True, sampler=make_sampler("random", 0)
        )
    except (SQLAlchemyError, ImportError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        hint = "sqlite:///FILE needs no server; others need their driver"
        raise InputError(f"the study's storage cannot be opened: {reason}", where=url, hint=hint) from None
    return storage, study


def _unhurried(connection: Any, record: Any) -> None:
    """Leaves it to the system when SQLite's file reaches the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one kind: True is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)
