"""The whole way: from a source to a run folder."""

from __future__ import annotations

import platform
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from netwright import __version__
from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.read import name_of
from netwright.doctor.attempt import Attempt
from netwright.doctor.diagnosis import Examination
from netwright.doctor.words import tried
from netwright.errors import InputError, NetwrightError
from netwright.files import write_json, write_text
from netwright.nn.encoders.base import OWN_TENSOR
from netwright.nn.network import Network
from netwright.pipeline.about import about
from netwright.pipeline.assess import Assessment, Baselines, assess, fit_baselines
from netwright.pipeline.fit import fit
from netwright.pipeline.physician import Physician, told
from netwright.pipeline.prepare import Prepared, prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.resume import Unfinished, unfinished
from netwright.pipeline.start import start_lines
from netwright.pipeline.watch import Watch
from netwright.runs import bundle
from netwright.runs.bundle import Bundle
from netwright.runs.folder import clear_folder, drop_folder, drop_unfinished, make_folder
from netwright.training.history import History

REPORT_SECONDS = 3.0  # imports of the plotting library, figures and page
SHORTEST_TRAINING = 0.5
Work = Callable[[Config, Any, Watch, "Clock", Path, "Log"], Path]


def train(
    config: Config,
    source: Any = None,
    watch: Watch | None = None,
    began: float | None = None,
    *,
    resume: bool = False,
) -> Path:
    """Trains, evaluates and documents.

    Arguments:
        config: as the user gave it.
        source: a path, a frame, ...; the config's path when None.
        watch: is told how it goes on.
        began: when the process began, by `time.monotonic`; a time limit counts from there.
        resume: whether a training that was broken off goes on; the config is then what `settings_of` gives.

    Returns:
        The run's folder.

    Raises:
        InputError: whatever is wrong with the data or the settings.
    """
    if resume and source is None and config.data.path is None:
        raise InputError(
            "the data was given in Python, and is not kept",
            where=config.output.folder,
            hint="give it again: nw.train(data, resume=FOLDER)",
        )
    if config.forecast.horizon is not None:
        from netwright.pipeline.forecast.train import work  # whose parts are of this file

        return into_folder(partial(work, resume=resume), config, source, watch, began)
    return into_folder(partial(_train, resume=resume), config, source, watch, began)


def into_folder(work: Work, config: Config, source: Any, watch: Watch | None, began: float | None) -> Path:
    """Does some work that leaves a run's folder; arguments as for `train`.

    Arguments:
        work: is given config, source, watch, clock, folder and log, and returns the folder.
    """
    watch = watch or Watch()
    clock = Clock(began)
    name = name_of(config.data.path if source is None else source)
    folder = make_folder(config.output.folder, name, overwrite=config.output.overwrite)
    log = Log(folder)
    try:
        # NumPy's products are small here: more threads would only wait for each other, and for PyTorch's.
        with threadpool_limits(limits=1, user_api="blas"):
            return work(config, source, watch, clock, folder, log)
    except BaseException as error:
        if log.kept:
            with suppress(NetwrightError):  # of a full disk, which the first error tells better
                log.add(f"stopped: {type(error).__name__}: {error}")
            watch.cut_short(_left(folder))
        else:
            drop_folder(folder)
        raise
    finally:
        watch.done()


@dataclass
class Fitted:
    """A trained network and all that it was trained with.

    Arguments:
        prepared: rows, split, schema, target.
        config: resolved, as it was trained.
        data: raw tensors on the network's device.
        network, history: what came of it.
        known: the baselines.
        examination: what the doctor said; None when it was not there.
    """

    prepared: Prepared
    config: Config
    data: Dataset
    network: Network
    history: History
    known: Baselines
    examination: Examination | None


def _train(
    config: Config, source: Any, watch: Watch, clock: Clock, folder: Path, log: Log, resume: bool
) -> Path:
    with unfinished(folder, log, watch, again=resume) as kept:
        fitted = _fitted(config, source, watch, clock, log, kept)
        if config.doctor.repair and fitted.examination is not None:
            fitted = _repaired(fitted, config, source, watch, clock, log)
        document(
            folder,
            log,
            fitted.prepared,
            fitted.config,
            fitted.data,
            fitted.network,
            fitted.history,
            fitted.known,
            clock,
            watch,
            fitted.examination,
        )
    check_ending(fitted.history)
    return folder


def _repaired(fitted: Fitted, config: Config, source: Any, watch: Watch, clock: Clock, log: Log) -> Fitted:
    """The same, or what proved to be better; see `pipeline.repair`."""
    from netwright.pipeline.repair import cleaned, repair

    first = fitted.examination
    assert first is not None
    repairs: list[Attempt] = []
    clean = cleaned(config, first)
    if clean is not None:
        before = fitted
        try:
            fitted = _fitted(clean.config, source, watch, clock, log)
            repairs.append(clean.attempt(before, fitted))
        except InputError as error:  # nothing is left without it
            log.add(f"not repaired: {error}")
    found = repair(
        fitted.prepared,
        fitted.config,
        fitted.data,
        fitted.network,
        fitted.history,
        fitted.examination or Examination(),
        watch,
        clock.deadline(config.training.time_limit),
    )
    clock.mark("repair")
    repairs += found.attempts
    for each in repairs:
        log.add(tried(each))
    kept = found.config.model_copy(deep=True)
    kept.doctor.repair = False  # what it has led to stands in the config already
    examination = replace(first, repairs=repairs)
    return replace(fitted, config=kept, network=found.network, history=found.history, examination=examination)


def _fitted(
    config: Config, source: Any, watch: Watch, clock: Clock, log: Log, kept: Unfinished | None = None
) -> Fitted:
    """From the source to a trained network; what it goes on from is in `kept`."""
    limit = config.training.time_limit
    prepared = prepare(config, source, watch)
    if not len(prepared.split.test):
        hint = "give split.test a share above 0, such as 0.2, or rows of their own with --test"
        raise InputError("no test rows are left to score the network on", where="split", hint=hint)
    log.add(f"read {len(prepared.table):,} rows of {prepared.table.source}; {prepared.split.note}")
    resolved, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    data = prepared.dataset().to(device)
    clock.mark("read")
    stage = "training"
    if kept is not None:
        stage = kept.begin(config, source, prepared.config, prepared.table, prepared.split.role)

    watch.stage("fitting the baselines")
    left = clock.left(limit)
    known = fit_baselines(prepared, data, left / 8)
    clock.mark("baselines")
    watch.stage(stage)
    deadline = clock.deadline(limit)
    threading.Thread(target=load_plots, daemon=True).start()
    doctor = Physician(prepared, data, deadline) if resolved.doctor.watch else None
    network, history, resolved = fit(prepared, resolved, data, watch.callbacks, deadline, doctor, kept)
    clock.mark("fit")
    if history.start:
        for line in start_lines(history.start):
            log.add(line)
    log.add(f"trained {history.epochs} epochs, best {history.best_epoch}, {history.stopped}")
    examination = None if doctor is None else doctor.examination
    return Fitted(prepared, resolved, data, network, history, known, examination)


def check_ending(history: History) -> None:
    """To be called when all that a training left is saved.

    Raises:
        NetwrightError: it diverged.
    """
    if history.failure:
        good = [epoch for epoch in history.best_epoch if epoch]
        kept = f"epoch {good[0]}" if good else "before the first step"
        raise NetwrightError(f"{history.failure}. The last good weights are kept, those of {kept}")


def document(
    folder: Path,
    log: Log,
    prepared: Prepared,
    resolved: Config,
    data: Dataset,
    network: Network,
    history: History,
    known: Baselines,
    clock: Clock,
    watch: Watch,
    examination: Examination | None = None,
) -> Path:
    """Writes the run of a trained network: scores it, once, on all parts of the data, and reports.

    Arguments:
        folder: the run's; what a run left there goes.
        log: the folder's.
        prepared: rows, split, schema, target.
        resolved: the config that was trained.
        data: raw tensors on the network's device.
        network: trained.
        history: what happened in training.
        known: the baselines.
        clock: since the process began.
        watch: is told how it goes on.
        examination: what the doctor said; None when it was not there.

    Returns:
        The folder.
    """
    limit = resolved.training.time_limit
    # Only now: a run that is there already stays whole until there is another to take its place.
    clear_folder(folder, unfinished=False)
    log.keep()
    saved = Bundle(network, prepared.schema, resolved.inputs, resolved.network, resolved.data.missing)
    bundle.save(folder / "model", saved)
    write_text(folder / "config.yaml", saved_config(resolved).to_yaml())
    write_text(folder / "history.csv", history.to_csv())
    write_json(folder / "findings.json", [finding.as_dict() for finding in prepared.findings])
    if examination is not None:
        write_json(folder / "diagnoses.json", examination.as_dict())
        for line in told(examination.diagnoses):
            log.add(line)

    watch.stage("evaluating")
    spare = clock.left(limit) - REPORT_SECONDS - 1.0
    assessed = assess(prepared, resolved, data, network, known, max(0.0, spare))
    clock.mark("evaluate")
    write_text(folder / "predictions.csv", assessed.predictions.write_csv())
    described = describe(prepared, resolved, network, history)
    write_json(folder / "evaluation.json", {**assessed.evaluation, **described})
    metrics = _metrics(prepared, resolved, network, assessed, clock)
    write_json(folder / "metrics.json", metrics)

    watch.stage("writing the report")
    _show(folder, log, prepared, resolved, data, network, assessed, clock)
    return finish(folder, metrics, clock, log)


def finish(folder: Path, metrics: dict[str, Any], clock: Clock, log: Log) -> Path:
    """Makes the report, and writes the seconds that all took into metrics.json, which is there already."""
    from netwright.report import build

    build(folder)
    clock.mark("report")
    metrics["seconds"] = clock.seconds()
    write_json(folder / "metrics.json", metrics)
    log.add(f"done in {metrics['seconds']['total']:.1f} s")
    drop_unfinished(folder)  # only now is there nothing to go on with
    return folder


def _show(
    folder: Path,
    log: Log,
    prepared: Prepared,
    config: Config,
    data: Dataset,
    network: Network,
    assessed: Assessment,
    clock: Clock,
) -> None:
    """Examples for the report. A run without them is a run all the same."""
    if not prepared.schema.of_kind(*OWN_TENSOR):
        return
    from netwright.pipeline.examples import write_examples  # plain tables need none of it

    spare = clock.left(config.training.time_limit) - REPORT_SECONDS - 1.0
    try:
        write_examples(folder / "examples", prepared, config, data, network, assessed.output, spare)
    except Exception as error:
        log.add(f"no examples: {type(error).__name__}: {error}")


def _left(folder: Path) -> str:
    """What a run that ends after its training has left."""
    if (folder / "metrics.json").is_file():
        return f"the network and its scores are in {folder}; its report is made by: netwright report {folder}"
    if (folder / "model" / bundle.NETWORK).is_file():
        return f"the network is in {folder}, not scored yet: netwright evaluate {folder} DATA"
    return f"an incomplete run is in {folder}"


def load_plots() -> None:
    """Imports what the report draws with; beside the training that costs a small run less than after it."""
    import matplotlib.backends.backend_svg  # noqa: F401


class Clock:
    """Seconds since the process began, stage by stage."""

    def __init__(self, began: float | None) -> None:
        self.began = time.monotonic() if began is None else began
        self.marks = {"start": time.monotonic()}

    def mark(self, stage: str) -> None:
        self.marks[stage] = time.monotonic()

    def left(self, limit: float | None) -> float:
        """Seconds until the limit; infinite without one."""
        return float("inf") if limit is None else self.began + limit - time.monotonic()

    def deadline(self, limit: float | None) -> float | None:
        """When a training must be over, so that scores and report are there in time; None without a limit."""
        if limit is None:
            return None
        assessing = min(12.0, 3.0 + 0.1 * limit)
        return max(self.began + limit - REPORT_SECONDS - assessing, time.monotonic() + SHORTEST_TRAINING)

    def seconds(self) -> dict[str, float]:
        times = list(self.marks.items())
        spent = {stage: at - before for (_, before), (stage, at) in pairwise(times)}
        spent["total"] = time.monotonic() - self.began
        return {stage: round(value, 3) for stage, value in spent.items()}


class Log:
    """log.txt: what was done and when. It is held back until there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log.txt"
        self.lines: list[str] = []
        self.kept = False
        self.add(f"netwright {__version__}, python {platform.python_version()}, {platform.platform()}")
        self.add("command: " + " ".join(sys.argv))

    def add(self, text: str) -> None:
        self.lines.append(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}")
        if self.kept:
            self._write()

    def keep(self) -> None:
        """From here on each line goes to the file at once."""
        self.kept = True
        self._write()

    def _write(self) -> None:
        write_text(self.path, "\n".join(self.lines) + "\n")


def saved_config(config: Config) -> Config:
    """The config that repeats the run: without what only bound this one in place and time."""
    saved = config.model_copy(deep=True)
    saved.output.folder = None
    saved.output.overwrite = False
    saved.training.time_limit = None
    return saved


def _metrics(
    prepared: Prepared, config: Config, network: Network, assessed: Assessment, clock: Clock
) -> dict[str, Any]:
    target, split = prepared.schema.target, prepared.split
    return {
        "version": 1,
        "task": target.task,
        "target": target.columns,
        "positive": target.positive,
        "classes": target.classes,
        "rows": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        **assessed.metrics,
        "seconds": clock.seconds(),
        "parameters": network.parameter_count * network.members,
        "members": network.members,
        "member_weights": network.member_weights,
        "device": config.training.device,
        "precision": config.training.precision,
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Versions of what the result may depend on."""
    from importlib.metadata import version

    names = ("torch", "numpy", "polars", "scikit-learn")
    return {"netwright": __version__, "python": platform.python_version()} | {
        name: version(name) for name in names
    }


def describe(prepared: Prepared, config: Config, network: Network, history: History) -> dict[str, Any]:
    """What the report says of data and network."""
    table, split = prepared.table, prepared.split
    frame = table.frame
    rows = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
    used = sum(rows.values())
    return {
        "source": {"name": table.name, "source": table.source, "rows": len(table), "how": table.how},
        "columns": [
            {
                "name": column.name,
                "kind": column.kind,
                "reason": column.reason,
                "missing": frame[column.name].null_count() / max(1, len(table)),
                "values": column.values,
                "summary": about(column, config.inputs) or _summary(column.categories),
            }
            for column in prepared.schema.columns
        ],
        "split": {
            "method": split.method,
            "given": split.given,
            "note": split.note,
            "rows": {**rows, "ignored": len(table) - used},
        },
        "network": {
            "kind": config.network.kind,
            "lines": network.describe(),
            "parameters": network.parameter_count * network.members,
            "members": network.members,
            "member_weights": network.member_weights,
            "threshold": network.threshold,
            "best_epoch": history.best_epoch,
            "epochs": history.epochs,
            "stopped": history.stopped,
            "start": history.start,
        },
    }


def _summary(categories: list[str], most: int = 6) -> str:
    more = f", ... ({len(categories)})" if len(categories) > most else ""
    return ", ".join(categories[:most]) + more
