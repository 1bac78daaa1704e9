"""Trainings that were broken off, and what they go on from.

While a run trains, `unfinished/` in its folder holds `settings.yaml`, the config as the user gave it, and,
some seconds after the training began, a checkpoint with what was found out on the way. All of it goes when
the run is complete, the settings first: where they are, there is something to go on with. A finished run
beside it stays as it is until another one takes its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from netwright import __version__
from netwright.config import Config, OutputConfig
from netwright.data.table import Table
from netwright.errors import InputError, NetwrightError
from netwright.files import write_text
from netwright.pipeline.fingerprint import difference, fingerprint
from netwright.pipeline.watch import Watch
from netwright.runs.folder import SETTINGS, UNFINISHED, drop_unfinished, is_run, is_unfinished
from netwright.training.callbacks import State
from netwright.training.checkpoint import FILE, Checkpoint, extra_of

if TYPE_CHECKING:
    from netwright.pipeline.train import Log

EVERY = 10.0  # seconds between two checkpoints
REFIT = "refit"  # inside: the checkpoint of the second training, on all rows but the test rows
ALLOWED = ("time_limit", "device")  # settings that may be given to a training that goes on


def settings_of(folder: str | Path, given: Iterable[str] = ()) -> Config:
    """The config of a training that is to go on; without a limit of time where its epochs are settled.

    Arguments:
        folder: of the run.
        given: names of the settings that the user has given beside it.

    Raises:
        InputError: nothing is there to go on with, or a setting is not for a training that goes on.
    """
    folder = Path(folder)
    check_unfinished(folder)
    for name in given:
        if name.removeprefix("--").replace("-", "_") not in ALLOWED:
            hint = "leave it out, or train anew with another output folder"
            raise InputError("a training goes on with the settings that it began with", where=name, hint=hint)
    config = Config.load(folder / UNFINISHED / SETTINGS)
    if known_of(folder):
        config.training.time_limit = None
    config.output = OutputConfig(folder=str(folder), overwrite=True)
    return config


def is_finished(folder: str | Path) -> bool:
    """Whether the folder holds a complete run, and nothing that could go on."""
    folder = Path(folder)
    return is_run(folder) and (folder / "metrics.json").is_file() and not is_unfinished(folder)


def check_unfinished(folder: Path) -> None:
    """Refuses a folder with no training to go on with.

    Raises:
        InputError: says what it is instead.
    """
    if is_unfinished(folder):
        return
    if not folder.is_dir():
        raise InputError("there is no such folder", where=str(folder), hint="--resume takes a run's folder")
    what = "there is no training to go on with"
    if (folder / "study.json").is_file():
        hint = f"it is a study: netwright tune --resume {folder}"
    elif is_run(folder):
        what, hint = "the training is over, and the run is not complete", "train anew, with --overwrite"
        if (folder / "model").is_dir():
            hint = f"score its network with: netwright evaluate {folder} DATA; or {hint}"
    elif not any(folder.iterdir()) or (folder / UNFINISHED).is_dir():
        hint = "it was broken off before its training began: train anew, with --overwrite"
    else:
        hint = f"the folder of a training that was broken off holds {UNFINISHED}/{SETTINGS}"
    raise InputError(what, where=str(folder), hint=hint)


def known_of(folder: Path) -> dict[str, Any]:
    """What was found out before the last checkpoint; empty where there is none.

    Raises:
        InputError: the checkpoint is damaged, or of a newer version.
    """
    try:
        return next(map(extra_of, _checkpoints(folder)), {})
    except InputError as error:
        raise InputError(
            error.what, where=error.where, hint=error.hint or "train anew, with --overwrite"
        ) from None


def _checkpoints(folder: Path) -> list[Path]:
    """Where there are any: of the training, of the second one."""
    place = folder / UNFINISHED
    return [each for each in (place, place / REFIT) if (each / FILE).is_file()]


class Unfinished:
    """What a training goes on from, and keeps for the case that it is broken off.

    Arguments:
        folder: the run's.
        log: is told when an earlier training goes on.
        again: whether an earlier training goes on.

    Attributes:
        known: what was found out before the last checkpoint of the earlier training: `precision`, `epochs`,
            `epoch`, ...; empty where there is none, then it begins anew.
    """

    def __init__(self, folder: Path, log: Log, *, again: bool) -> None:
        self.run, self.folder, self.log, self.again = folder, folder / UNFINISHED, log, again
        self.known = known_of(folder) if again else {}
        self.begun = False
        self.held: IO[str] | None = None
        if again:
            self._hold()

    def begin(self, config: Config, source: Any, found: Config, table: Table, roles: np.ndarray) -> str:
        """Writes the settings, or makes sure that the rows are those of the earlier training.

        Arguments:
            config: as the user gave it.
            source: as it was given.
            found: the same with lasting paths.
            table, roles: as for `fingerprint`.

        Returns:
            What the training is called.

        Raises:
            InputError: the rows have changed.
        """
        self.table, self.roles = table, roles
        self.mark: dict[str, Any] = {}
        if self.known:
            self.mark = fingerprint(table, roles)
            changed = difference(self.known["data"], self.mark)
            if changed:
                what = f"the data have changed since the training began: {changed}"
                hint = "bring the old data back, or train anew, with --overwrite"
                raise InputError(what, where=table.source, hint=hint)
            self.log.add(f"goes on with a training that was broken off after epoch {self.known['epoch']}")
            if self.known["netwright"] != __version__:
                self.log.add(f"it began with netwright {self.known['netwright']}")
            return f"training, from epoch {self.known['epoch'] + 1} on"
        if self.again:
            self.log.add("begins anew a training that was broken off before its first checkpoint")
        else:
            if is_unfinished(self.run):
                self._hold()  # nobody else does
            drop_unfinished(self.run)
            self.begun = True
            write_text(self.folder / SETTINGS, _lasting(config, source, found).to_yaml())
            self._hold()
        return "training"

    def _hold(self) -> None:
        """Holds the settings while the training goes on. The system lets go of them when a process is killed.

        Raises:
            InputError: another process holds them.
        """
        self.let_go()
        with suppress(ImportError):  # not on Windows
            import fcntl

            self.held = (self.folder / SETTINGS).open(encoding="utf-8")
            try:
                fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.let_go()
                what, hint = "a training goes on in this folder just now", "wait for its end, or stop it"
                raise InputError(what, where=str(self.run), hint=hint) from None
            except OSError:  # a file system without locks
                self.let_go()

    def let_go(self) -> None:
        if self.held is not None:
            self.held.close()
            self.held = None

    def found(self, config: Config) -> dict[str, Any]:
        """What need not be found out again: `epochs`, and on the same device `precision`."""
        if not self.known:
            return {}
        if self.known["device"] == config.training.device:
            return {name: self.known[name] for name in ("epochs", "precision")}
        self.log.add(
            f"it began on {self.known['device']}: the weights differ from those of a training without a break"
        )
        return {"epochs": self.known["epochs"]}

    def callback(self, config: Config, part: str = "") -> Checkpoint:
        """What saves a training, and takes it up; the last of its callbacks.

        Arguments:
            config: resolved, with the epochs and the precision that were found out.
            part: "" for the training, REFIT for the second one.
        """
        extra = {
            "netwright": __version__,
            "device": config.training.device,
            "precision": config.training.precision,
            "epochs": int(config.training.epochs),
        }
        return _Keeper(self, part, extra)

    def fingerprint(self) -> dict[str, Any]:
        self.mark = self.mark or fingerprint(self.table, self.roles)
        return self.mark


class _Keeper(Checkpoint):
    """Saves a run's training. That it cannot, as on a full disk, does not end it."""

    def __init__(self, unfinished: Unfinished, part: str, extra: dict[str, Any]) -> None:
        super().__init__(unfinished.folder / part, resume=unfinished.again, extra=extra, every=EVERY)
        self.unfinished, self.part = unfinished, part

    def save(self, state: State) -> None:
        self.extra |= {"epoch": 0 if self.part else state.epoch, "data": self.unfinished.fingerprint()}
        try:
            super().save(state)
        except NetwrightError as error:
            self.unfinished.log.add(f"no checkpoint: {error}")


@contextmanager
def unfinished(folder: Path, log: Log, watch: Watch, *, again: bool) -> Iterator[Unfinished]:
    """Where an error ends a run, what it can go on from stays, and is told; settings alone go."""
    kept = Unfinished(folder, log, again=again)
    try:
        yield kept
    except BaseException as error:
        if kept.begun and (isinstance(error, InputError) or not _checkpoints(folder)):
            drop_unfinished(folder)
        if (kept.begun or again) and is_unfinished(folder) and not isinstance(error, InputError):
            watch.cut_short(f"the training goes on with: netwright train --resume {folder}")
        raise
    finally:
        kept.let_go()


def _lasting(config: Config, source: Any, found: Config) -> Config:
    """The settings with paths that mean the same in another folder."""
    saved = config.model_copy(deep=True)
    saved.output = OutputConfig()
    given = source is None or isinstance(source, str | Path)
    saved.data.path = found.data.path if given else None
    for name in ("validation_file", "test_file"):
        setattr(saved.split, name, getattr(found.split, name))
    saved.training.start_from = found.training.start_from
    if saved.inputs.pretrained is not None and Path(saved.inputs.pretrained).exists():
        saved.inputs.pretrained = str(Path(saved.inputs.pretrained).absolute())
    for kind in ("image", "text", "sound"):
        section, now = getattr(saved.inputs, kind), getattr(found.inputs, kind)
        if section.pretrained is not None:
            section.pretrained = now.pretrained
    for name, settings in saved.inputs.columns.items():
        if settings.get("pretrained") is not None:
            settings["pretrained"] = found.inputs.columns.get(name, settings)["pretrained"]
    return saved
