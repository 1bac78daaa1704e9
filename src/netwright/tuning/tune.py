"""The search from a source to a study folder, in which the winner is a run."""

from __future__ import annotations

import json
import math
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from netwright.config import Config, OutputConfig, TuneConfig
from netwright.data.dataset import Dataset
from netwright.data.folds import make_folds
from netwright.errors import InputError, NetwrightError
from netwright.files import write_json, write_text
from netwright.nn.network import Network
from netwright.pipeline.assess import Baselines, fit_baselines
from netwright.pipeline.crowd import Plan, Trained, assemble, buckets, train_crowd
from netwright.pipeline.decide import decide
from netwright.pipeline.fit import fit
from netwright.pipeline.precision import tried_precision
from netwright.pipeline.prepare import Prepared, prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.train import Clock, Log, document, load_plots, versions
from netwright.pipeline.watch import Watch
from netwright.report.study import build
from netwright.runs.folder import clear_folder, drop_folder
from netwright.training.history import History
from netwright.training.interrupt import Interrupt
from netwright.tuning.batch import Rows, own_losses, resolved, run_batch
from netwright.tuning.defaults import default_space
from netwright.tuning.files import (
    ABOUT,
    DATABASE,
    SETTINGS,
    TRIALS,
    WINNER,
    clear_study,
    known_folder,
    new_folder,
    trials_table,
)
from netwright.tuning.halving import Halving
from netwright.tuning.kept import fetch, keep
from netwright.tuning.origin import check_origin, origin_of
from netwright.tuning.search import Search, Trial
from netwright.tuning.spaces import Space, as_data, grid, make_space, value_at

TRIALS_BY_DEFAULT = 32
BLIND_BATCH = 64  # of samplers that do not learn from scores
FIRST_BATCH = 16  # drawn before a model of the scores is trusted
LEARNING_BATCH = 8
SHARE_OF_TIME = 8  # a batch takes at most this part of the time that is left
LEARNS = ("tpe", "gp", "cmaes")
ENSEMBLE = 8  # of the best trials, where they cost nothing


def tune(
    config: Config,
    source: Any = None,
    watch: Watch | None = None,
    began: float | None = None,
    resume: str | Path | None = None,
) -> Path:
    """Searches settings, and makes the best trial (or an average of the best) the model.

    Arguments:
        config: as the user gave it; `tune` says how to search.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.
        began: when the process began, by `time.monotonic`; a time limit counts from there.
        resume: the folder of a study that goes on.

    Returns:
        The study's folder; the winner's run is in `best` inside.

    Raises:
        InputError: whatever is wrong with the data, the settings or the space.
        NetwrightError: no trial came to a score.
    """
    watch = watch or Watch()
    clock = Clock(began)
    folder = known_folder(Path(resume)) if resume is not None else new_folder(config, source)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            return _tune(config, source, watch, clock, folder, resume is not None)
    except BaseException as error:
        drop_folder(folder)
        if (folder / TRIALS).is_file() and not isinstance(error, InputError):
            watch.cut_short(f"what was tried is in {folder}; it goes on with: --resume {folder}")
        raise
    finally:
        watch.done()


@dataclass
class _Study:
    """What the steps of a search share."""

    folder: Path
    watch: Watch
    clock: Clock
    log: Log
    prepared: Prepared
    data: Dataset
    folds: list[Rows]
    space: Space
    search: Search
    halving: Halving
    total: int | None
    name: str
    origin: dict[str, Any]
    limit: float | None
    plans: dict[int, Plan] = field(default_factory=dict)
    until: float | None = None  # all training must be over then
    pace: float | None = None  # seconds a trial

    @property
    def tune(self) -> TuneConfig:
        return self.prepared.config.tune

    def plan(self, trial: Trial) -> Plan:
        """A trial on the split's own rows."""
        if trial.number not in self.plans:
            split = self.prepared.split
            config = resolved(self.prepared, trial, len(split.train))
            self.plans[trial.number] = Plan(config, split.train, split.validation, f"trial {trial.number}")
        return self.plans[trial.number]

    def ranked(self) -> list[Trial]:
        return self.search.best()

    def deadline(self) -> float | None:
        """When the search must be over."""
        if self.until is None or not _trained_alone(self) or self.pace is None:
            return self.until
        return self.until - 2.0 * self.pace / len(self.folds)


def _tune(config: Config, source: Any, watch: Watch, clock: Clock, folder: Path, again: bool) -> Path:
    limit = config.training.time_limit
    prepared = _prepare(config, source, watch)
    settings = prepared.config.tune
    threads = torch.get_num_threads()
    base, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    if prepared.config.training.threads is None:
        torch.set_num_threads(threads)
    data = prepared.dataset().to(device)
    if prepared.config.training.precision == "auto":
        train = torch.from_numpy(prepared.split.train)
        found = tried_precision(prepared.schema, base, data, train)
        prepared.config.training.precision = base.training.precision = found  # type: ignore[assignment]
    _settle_ensemble(prepared.config, limit)
    written = settings.space or default_space(base, prepared.schema, len(prepared.split.train))
    space = make_space(written, prepared.config)
    search = "tpe" if settings.search == "auto" else settings.search
    prune = settings.prune
    if prune == "auto":  # the other samplers learn from trials that came to their end only
        prune = "halving" if search in ("random", "tpe") and not own_losses(space) else "none"
    elif prune != "none" and own_losses(space):
        what = f"trials of different {own_losses(space)} have losses that cannot be compared while they train"
        raise InputError(what, where="tune.prune", hint="take none")
    folds = _folds(prepared)
    origin = origin_of(prepared, base, space, search, prune)
    total = _total(settings, space, search, limit)
    first = {key: value_at(base, key) for key in space}
    if again:
        known = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        check_origin(known["origin"], origin, str(folder))
    else:
        clear_folder(folder)
        clear_study(folder)
    name = folder.resolve().name
    url = settings.storage or f"sqlite:///{folder.resolve() / DATABASE}"
    found = Search(space, search, base.training.seed, url, name, first)
    try:
        if found.notes and again:
            check_origin(found.notes, origin, url)
        elif found.trials:
            what = f"the storage already holds a study {name!r}"
            raise InputError(what, where=url, hint="go on with it (--resume), or give another --out")
        else:
            found.remember(origin)
        study = _Study(
            folder, watch, clock, Log(folder), prepared, data, folds, space, found,
            Halving(prune, found.trials), total, prepared.table.name, origin, limit,
        )  # fmt: skip
        return _walk(study)
    finally:
        found.close()


def _walk(study: _Study) -> Path:
    """Searches, and makes the winner's run and the report."""
    prepared, watch, clock = study.prepared, study.watch, study.clock
    saved = prepared.config.model_copy(deep=True)
    saved.output = OutputConfig()
    write_text(study.folder / SETTINGS, saved.to_yaml())
    study.log.add(f"read {len(prepared.table):,} rows of {prepared.table.source}; {prepared.split.note}")
    study.log.keep()
    _write(study)
    clock.mark("read")
    watch.stage("fitting the baselines")
    left = clock.left(study.limit)
    known = fit_baselines(prepared, study.data, left / 8)
    clock.mark("baselines")
    threading.Thread(target=load_plots, daemon=True).start()
    watch.stage("searching")
    study.until = clock.deadline(study.limit)
    with Interrupt() as interrupt:
        _search(study, interrupt)
    clock.mark("search")
    ranked = study.ranked()
    if not ranked:
        _write(study)
        raise _nothing(study)
    watch.stage("the winner")
    winner = _winner(study, ranked, known)
    _write(study, winner)
    watch.stage("writing the study's report")
    build(study.folder)
    study.log.add(f"done in {time.monotonic() - clock.began:.1f} s")
    return study.folder


def _settle_ensemble(config: Config, limit: float | None) -> None:
    """How many of the best trials are averaged. Under a time limit they are there, and cost nothing."""
    if config.tune.ensemble != "auto":
        return
    free = limit is not None and config.tune.folds is None and not config.training.refit
    if free and config.training.members == 1:
        config.tune.ensemble = ENSEMBLE
        config.ensemble.weights = "greedy"
    else:
        config.tune.ensemble = 1


def _prepare(config: Config, source: Any, watch: Watch) -> Prepared:
    config = config.model_copy(deep=True)
    refit = config.training.refit
    if config.tune.folds is not None:
        # Each row that is not for the test trains a network of some fold: kinds and dictionaries are theirs.
        config.training.refit = True
    if config.training.members == "auto":
        config.training.members = 1
    prepared = prepare(config, source, watch)
    if not len(prepared.split.test):
        hint = "give split.test a share above 0, such as 0.2, or rows of their own with --test"
        raise InputError("no test rows are left to score the winner on", where="split", hint=hint)
    if config.tune.folds is None and not len(prepared.split.validation):
        hint = "give split.validation a share above 0, or search with --folds"
        raise InputError("no validation rows are left to score trials on", where="split", hint=hint)
    if config.tune.folds is None:
        prepared.config.training.refit = refit
    return prepared


def _folds(prepared: Prepared) -> list[Rows]:
    split, config = prepared.split, prepared.config
    if config.tune.folds is None:
        return [(split.train, split.validation)]
    try:
        made = make_folds(
            prepared.table,
            split.development,
            config.split,
            config.data,
            folds=config.tune.folds,
            validation=0.0,
            seed=config.training.seed,
        )
    except InputError as error:
        raise InputError(error.what, where="tune.folds", hint=error.hint) from None
    return [(fold.train, fold.scored) for fold in made]


def _total(settings: TuneConfig, space: Space, search: str, limit: float | None) -> int | None:
    """How many trials; None for as many as there is time for."""
    points = len(grid(space)) if search == "grid" else math.inf
    if settings.trials != "auto":
        return int(min(settings.trials, points))
    if math.isfinite(points):
        return int(points)
    return None if limit is not None else TRIALS_BY_DEFAULT


# ------------------------------------------------------------------------------------------ the search


def _search(study: _Study, interrupt: Interrupt) -> None:
    """Batch after batch, until trials or time are over, or Ctrl-C."""
    while not interrupt.asked and _time_for_one(study):
        began = time.monotonic()
        trials = _ask(study)
        if not trials:
            return
        twins = [(trial, study.search.twin(trial)) for trial in trials]
        fresh = [trial for trial, twin in twins if twin is None]
        batch = run_batch(
            study.prepared,
            study.data,
            study.folds,
            fresh,
            study.halving,
            study.watch.callbacks,
            study.deadline(),
            study.log.add,
        )
        for trial, twin in twins:
            if twin is not None:
                _copy(trial, twin)
            study.search.tell(trial)
        if fresh:
            study.pace = (time.monotonic() - began) / len(fresh)
        _keep(study, batch.trained)
        _write(study)
        for trial in trials:
            if trial.state in ("diverged", "failed"):
                study.log.add(f"trial {trial.number} {trial.state}: {trial.note}; {trial.values}")
        over = sum(each.state not in ("running", "stopped") for each in study.search.trials)
        study.watch.trials(over, study.total, study.search.trials)
        if batch.interrupted or any(each.state == "stopped" for each in trials):
            return


def _ask(study: _Study) -> list[Trial]:
    """The next batch: trials that a kill left open first."""
    trials = study.search.pending()
    end = _end_of_batch(study, len(study.search.trials) - len(trials))
    while len(study.search.trials) < end:
        trial = study.search.ask()
        if trial is None:
            break
        trials.append(trial)
    return trials


def _end_of_batch(study: _Study, done: int) -> int:
    """The number of trials there will be after the next batch."""
    learns, wanted = study.search.sampler in LEARNS, study.tune.batch
    most = LEARNING_BATCH if learns else BLIND_BATCH
    if wanted != "auto":
        end = done - done % wanted + wanted
    elif study.limit is not None:
        # Without a limit batches are the same each time; with one they follow the clock.
        left = (study.deadline() or math.inf) - time.monotonic()
        end = done + (1 if study.pace is None else max(1, min(most, int(left / SHARE_OF_TIME / study.pace))))
    elif learns:
        end = FIRST_BATCH if done < FIRST_BATCH else done - done % most + most
    else:
        end = done - done % most + most
    return end if study.total is None else min(end, study.total)


def _time_for_one(study: _Study) -> bool:
    """Whether the time is enough for another trial, if it takes as long as those before."""
    deadline = study.deadline()
    return deadline is None or study.pace is None or time.monotonic() + 0.8 * study.pace < deadline


def _copy(trial: Trial, twin: Trial) -> None:
    """A trial that was there before takes its result."""
    trial.state, trial.score, trial.epoch = twin.state, twin.score, twin.epoch
    trial.metrics, trial.rungs = dict(twin.metrics), dict(twin.rungs)
    trial.note, trial.same_as = twin.note, twin.number


def _keep(study: _Study, trained: dict[int, list[Trained]]) -> None:
    if study.tune.folds is None:
        plans = {each.number: study.plan(each) for each in study.ranked()}
        alone = {number: networks[0] for number, networks in trained.items()}
        keep(study.folder, plans, alone, int(study.tune.ensemble))


# ------------------------------------------------------------------------------------------ the winner


def _trained_alone(study: _Study) -> bool:
    """Whether the winner is trained once more, by itself.

    Then its config gives the same weights again, bit for bit; what trained beside others differs by rounding.
    """
    training = study.prepared.config.training
    if int(study.tune.ensemble) > 1:
        return False
    return study.limit is None or study.tune.folds is not None or training.refit or training.members != 1


def _winner(study: _Study, ranked: list[Trial], known: Baselines) -> dict[str, Any]:
    """Makes the run of the best trial, or of an average of the best; the test labels are looked at here."""
    prepared, best = study.prepared, ranked[0]
    if _trained_alone(study) and best.state == "complete":
        members = [best]
        deadline = study.clock.deadline(study.limit)
        config = resolved(prepared, best, len(prepared.split.train))
        network, history, config = fit(prepared, config, study.data, study.watch.callbacks, deadline)
    else:
        members = _members(study, ranked)
        network, history = _averaged(study, members)
        config = study.plan(best).config.model_copy(deep=True)
        config.training.members = len(members)
        decide(network, study.data, prepared.schema.target.task, config, prepared.split.validation)
    config.tune, config.training.time_limit = TuneConfig(), study.limit
    run = study.folder / WINNER
    run.mkdir(exist_ok=True)
    log = Log(run)
    numbers = [each.number for each in members]
    made = "trained once more by itself" if _trained_alone(study) else "with the weights of the search"
    log.add(f"trials {numbers} of {len(study.search.trials)} of the study in {study.folder}, {made}")
    document(run, log, prepared, config, study.data, network, history, known, study.clock, study.watch)
    return {"trials": numbers, "run": WINNER}


def _members(study: _Study, ranked: list[Trial]) -> list[Trial]:
    """The best trials of the best one's shape: only they can be one network."""
    own = buckets([study.plan(each) for each in ranked])[0]
    wanted = int(study.tune.ensemble)
    members = [ranked[place] for place in own[:wanted]]
    if len(members) < wanted:
        few = f"an average of {len(members)}, not of {wanted}"
        study.log.add(f"{few}: no more trials have the best one's shape")
    return members


def _averaged(study: _Study, members: list[Trial]) -> tuple[Network, History]:
    """The members as one network, with their weights of the search where they were kept."""
    found = {each.number: fetch(study.folder, each.number, study.plan(each)) for each in members}
    missing = [each for each in members if found[each.number] is None]
    trained = train_crowd(
        study.prepared.schema,
        study.data,
        [study.plan(each) for each in missing],
        callbacks=study.watch.callbacks,
        deadline=study.clock.deadline(study.limit),
        told=study.log.add,
    )
    found |= {each.number: network for each, network in zip(missing, trained, strict=False)}
    networks = [each for each in found.values() if each is not None]
    if not networks:
        raise _nothing(study)
    rows = [row | {"member": place} for place, each in enumerate(networks) for row in each.rows]
    history = History(rows, [each.best_epoch for each in networks])
    history.epochs = max((row["epoch"] for row in rows), default=0)
    history.stopped = networks[0].ending  # type: ignore[assignment]
    network = assemble(study.prepared.schema, networks)
    return network.to(study.data.target.device), history


def _nothing(study: _Study) -> NetwrightError:
    trials = study.search.trials
    if not trials or any(each.state in ("running", "stopped") for each in trials):
        return NetwrightError("the search ended before any trial had a score")
    first = next((each.note for each in trials if each.note), "")
    return NetwrightError(f"none of {len(trials)} trials came to a score; the first: {first}")


# ------------------------------------------------------------------------------------------ the folder


def _write(study: _Study, winner: dict[str, Any] | None = None) -> None:
    """study.json and trials.csv as they stand."""
    prepared, search = study.prepared, study.search
    importance: dict[str, float] = {}
    if winner is not None:
        with suppress(ValueError, RuntimeError):  # scores that differ by nothing but rounding
            importance = search.importance()
    about = {
        "version": 1,
        "name": study.name,
        "task": prepared.schema.target.task,
        "target": prepared.schema.target.columns,
        "search": search.sampler,
        "prune": study.halving.kind,
        "folds": study.tune.folds,
        "space": as_data(study.space),
        "total": study.total,
        "seconds": round(time.monotonic() - study.clock.began, 3),
        "winner": winner,
        "importance": importance,
        "origin": study.origin,
        "versions": versions(),
    }
    write_text(study.folder / TRIALS, trials_table(search.trials, list(study.space)).write_csv())
    write_json(study.folder / ABOUT, about)
