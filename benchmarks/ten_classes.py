"""Microseconds per training step of the ten-class course program, beside other libraries.

python benchmarks/ten_classes.py [--python PATH] [--rounds 15] [--seconds 0.5] [--only netwright,torch]

1000 random rows of 100 features, Dense 64-64-10, Adam, categorical cross-entropy, batch 32. Every contender
lives in a process of its own and trains a new network in each round, one contender after the other, so that
what else the machine does hits all alike. The first epochs of each fit do not count. PATH is an interpreter
that has Keras, TensorFlow, JAX, skorch and Lightning; what is missing there is left out of the table.

"As written" is the program itself, examples/ten_classes.py: 800 of the rows train, 200 are validation rows
after each epoch, and `fit` shows its progress; a step is then an epoch's share with all of that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

ROWS, FEATURES, CLASSES, BATCH = 1000, 100, 10, 32
STEPS = -(-ROWS // BATCH)
HELD_BACK = 0.2  # share of the rows that the program as written keeps for validation
WRITTEN_STEPS = -(-int(ROWS * (1 - HELD_BACK)) // BATCH)
WARM = 3  # epochs of each fit that do not count
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "NPROC": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


class Moment(NamedTuple):
    """Seconds by the clock, and of the processor in this process."""

    wall: float
    cpu: float


def now() -> Moment:
    return Moment(time.perf_counter(), time.process_time())


Fit = Callable[[int], list[Moment]]
"""Trains a new network for so many epochs; the moments at which they ended."""


# The contenders: each returns its `Fit`, or raises ImportError ---------------------------------------------


def data() -> tuple[np.ndarray, np.ndarray]:
    """x [N, D] float32, y [N] int64"""
    random = np.random.default_rng(0)
    return random.random((ROWS, FEATURES), dtype=np.float32), random.integers(0, CLASSES, ROWS)


def told(as_written: bool) -> dict[str, Any]:
    """How `fit` is called besides: as the program is written, or bare."""
    return {"validation_split": HELD_BACK} if as_written else {"verbose": 0}


def netwright(*, accuracy: bool, as_written: bool = False) -> Fit:
    import netwright as nw
    from netwright import layers
    from netwright.callbacks import Callback
    from netwright.utils import to_categorical

    class Clock(Callback):
        def __init__(self) -> None:
            self.moments: list[Moment] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.moments.append(now())

    x, y = data()
    target = to_categorical(y, CLASSES)

    def fit(epochs: int) -> list[Moment]:
        model = nw.Sequential()
        model.add(layers.Dense(64, activation="relu", input_dim=FEATURES))
        model.add(layers.Dense(64, activation="relu"))
        model.add(layers.Dense(CLASSES, activation="softmax"))
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"] if accuracy else None)
        clock = Clock()
        model.fit(x, target, batch_size=BATCH, epochs=epochs, callbacks=[clock], **told(as_written))
        return clock.moments

    return fit


def keras(backend: str, *, as_written: bool = False) -> Fit:
    os.environ["KERAS_BACKEND"] = backend
    import keras
    from keras import layers

    if keras.backend.backend() != backend:
        raise ImportError(f"Keras runs on {keras.backend.backend()}")
    if backend == "tensorflow" and "TF_NUM_INTRAOP_THREADS" in os.environ:
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(1)
        tensorflow.config.threading.set_inter_op_parallelism_threads(1)

    class Clock(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.moments: list[Moment] = []

        def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
            self.moments.append(now())

    x, y = data()
    target = keras.utils.to_categorical(y, CLASSES)

    def fit(epochs: int) -> list[Moment]:
        keras.backend.clear_session()
        model = keras.Sequential()
        model.add(keras.Input((FEATURES,)))
        model.add(layers.Dense(64, activation="relu"))
        model.add(layers.Dense(64, activation="relu"))
        model.add(layers.Dense(CLASSES, activation="softmax"))
        model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
        clock = Clock()
        model.fit(x, target, batch_size=BATCH, epochs=epochs, callbacks=[clock], **told(as_written))
        return clock.moments

    return fit


def torch_loop(*, fused: bool = False) -> Fit:
    import torch

    x, y = (torch.from_numpy(each) for each in data())

    def fit(epochs: int) -> list[Moment]:
        model = torch_model()
        optimizer = torch.optim.Adam(model.parameters(), fused=fused or None)
        loss_of = torch.nn.CrossEntropyLoss()
        moments = []
        for _ in range(epochs):
            order = torch.randperm(ROWS)
            for start in range(0, ROWS, BATCH):
                rows = order[start : start + BATCH]
                optimizer.zero_grad()
                loss = loss_of(model(x[rows]), y[rows])
                loss.backward()
                optimizer.step()
            moments.append(now())
        return moments

    return fit


def torch_model() -> Any:
    from torch import nn

    return nn.Sequential(
        nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, CLASSES)
    )


def sklearn() -> Fit:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore", ConvergenceWarning)
    x, y = data()

    def fit(epochs: int) -> list[Moment]:
        model: Any = MLPClassifier(
            (64, 64),
            batch_size=BATCH,  # type: ignore[arg-type]
            max_iter=epochs,
            tol=0.0,
            n_iter_no_change=epochs + 1,
        )
        moments: list[Moment] = []
        look = model._update_no_improvement_count  # called once after each epoch; there is no callback

        def told(*arguments: Any) -> None:
            look(*arguments)
            moments.append(now())

        model._update_no_improvement_count = told
        model.fit(x, y)
        return moments

    return fit


def skorch() -> Fit:
    import torch
    from skorch import NeuralNetClassifier
    from skorch.callbacks import Callback

    x, y = data()

    class Clock(Callback):
        def __init__(self) -> None:
            self.moments: list[Moment] = []

        def on_epoch_end(self, net: Any, **given: Any) -> None:
            self.moments.append(now())

    def fit(epochs: int) -> list[Moment]:
        clock = Clock()
        NeuralNetClassifier(
            torch_model(),
            criterion=torch.nn.CrossEntropyLoss,
            optimizer=torch.optim.Adam,
            max_epochs=epochs,
            batch_size=BATCH,
            lr=1e-3,
            iterator_train__shuffle=True,
            train_split=None,
            verbose=0,
            callbacks=[("clock", clock)],
        ).fit(x, y)
        return clock.moments

    return fit


def lightning() -> Fit:
    import logging

    import torch
    from lightning import Callback, LightningModule, Trainer
    from torch.utils.data import DataLoader, TensorDataset

    logging.getLogger("lightning").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    rows = TensorDataset(*(torch.from_numpy(each) for each in data()))

    class Network(LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.loss_of = torch_model(), torch.nn.CrossEntropyLoss()

        def training_step(self, batch: Any, number: int) -> Any:
            x, y = batch
            return self.loss_of(self.model(x), y)

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters())

    class Clock(Callback):
        def __init__(self) -> None:
            self.moments: list[Moment] = []

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self.moments.append(now())

    def fit(epochs: int) -> list[Moment]:
        clock = Clock()
        trainer = Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            callbacks=[clock],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Network(), DataLoader(rows, batch_size=BATCH, shuffle=True))
        return clock.moments

    return fit


class Contender(NamedTuple):
    """`elsewhere`: whether it runs under --python; `steps`: of an epoch."""

    label: str
    make: Callable[[], Fit]
    elsewhere: bool = False
    steps: int = STEPS


CONTENDERS = {
    "netwright": Contender("Netwright", lambda: netwright(accuracy=False)),
    "netwright_accuracy": Contender("Netwright, accuracy told", lambda: netwright(accuracy=True)),
    "torch": Contender("PyTorch loop", torch_loop),
    "torch_fused": Contender("PyTorch loop, Adam(fused=True)", lambda: torch_loop(fused=True)),
    "sklearn": Contender("scikit-learn MLPClassifier", sklearn),
    "keras_tensorflow": Contender("Keras on TensorFlow, accuracy told", lambda: keras("tensorflow"), True),
    "keras_jax": Contender("Keras on JAX, accuracy told", lambda: keras("jax"), True),
    "netwright_written": Contender(
        "Netwright, as written", lambda: netwright(accuracy=True, as_written=True), steps=WRITTEN_STEPS
    ),
    "keras_written": Contender(
        "Keras on TensorFlow, as written", lambda: keras("tensorflow", as_written=True), True, WRITTEN_STEPS
    ),
    "skorch": Contender("skorch", skorch, True),
    "lightning": Contender("Lightning", lightning, True),
}


# A contender's process --------------------------------------------------------------------------------------


def serve(name: str, seconds: float) -> None:
    """Answers each line on stdin with the figures of one fit."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer

    def answer(found: Any) -> None:
        answers.write(json.dumps(found) + "\n")
        answers.flush()

    try:
        fit = CONTENDERS[name].make()
    except ImportError as error:
        answer({"missing": str(error)})
        return
    if "OMP_NUM_THREADS" in os.environ and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    first = fit(WARM + 5)
    epoch = statistics.median(after.wall - before.wall for before, after in spans(first))
    epochs = WARM + min(100, max(5, round(seconds / epoch)))
    answer({"ready": True})
    steps = CONTENDERS[name].steps
    for _ in sys.stdin:
        found = spans(fit(epochs))
        answer([[(after[axis] - before[axis]) / steps * 1e6 for before, after in found] for axis in range(2)])


def spans(moments: list[Moment]) -> list[tuple[Moment, Moment]]:
    return list(zip(moments[WARM - 1 :], moments[WARM:], strict=False))


# The rounds -------------------------------------------------------------------------------------------------


@dataclass
class Process:
    """A contender at work, and what it said: microseconds per step of each epoch, and of each round."""

    label: str
    popen: subprocess.Popen[str]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)

    def read(self) -> Any:
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        return json.loads(line) if line else {"missing": "it ended with an error"}

    def round(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write("\n")
        self.popen.stdin.flush()
        wall, cpu = self.read()
        self.wall += wall
        self.cpu += cpu
        self.rounds.append(statistics.median(wall))


def start(name: str, python: str, seconds: float, extra: dict[str, str]) -> Process | None:
    contender = CONTENDERS[name]
    interpreter = python if contender.elsewhere else sys.executable
    said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - the process writes to it as long as it lives
    popen = subprocess.Popen(
        [interpreter, __file__, "--serve", name, "--seconds", str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=said,
        text=True,
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"} | extra,
    )
    process = Process(contender.label, popen)
    found = process.read()
    if "missing" in found:
        said.seek(0)
        last = said.read().strip().splitlines()[-1:]
        print(f"left out: {contender.label}: {found['missing']} {' '.join(last)}".rstrip(), flush=True)
        popen.wait()
        return None
    return process


def table(names: list[str], python: str, rounds: int, seconds: float, extra: dict[str, str]) -> None:
    found = {name: start(name, python, seconds, extra) for name in names}
    processes = {name: process for name, process in found.items() if process}
    for place in range(rounds):
        order = list(processes.values())
        for process in order[place % len(order) :] + order[: place % len(order)]:
            process.round()
    for process in processes.values():
        process.popen.communicate()
    show(processes)


def show(processes: dict[str, Process]) -> None:
    ours = [
        statistics.median(processes[name].wall)
        for name in ("netwright", "netwright_accuracy", "netwright_written")
        if name in processes
    ]
    print(f"{'':36}{'us/step':>9}{'quartiles of rounds':>22}{'cpu us':>9}{'times Netwright':>23}")
    for process in processes.values():
        middle = statistics.median(process.wall)
        low, _, high = statistics.quantiles(process.rounds, n=4, method="inclusive")
        times = " / ".join(f"{middle / each:.2f}" for each in ours)
        cpu = statistics.median(process.cpu)
        print(f"{process.label:36}{middle:9.1f}{f'{low:.1f} to {high:.1f}':>22}{cpu:9.1f}{times:>23}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one fit, about")
    parser.add_argument("--only", default=",".join(CONTENDERS))
    parser.add_argument("--threads", choices=("default", "one", "both"), default="both")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve, arguments.seconds)
        return
    names = arguments.only.split(",")
    for words, which, extra in (
        ("each library's own number of threads", "default", {}),
        ("one thread each", "one", ONE_THREAD),
    ):
        if arguments.threads in (which, "both"):
            load = f"{os.getloadavg()[0]:.1f}"
            print(f"\n{words}; {arguments.rounds} rounds, {os.cpu_count()} cores, load {load} before")
            table(names, arguments.python, max(2, arguments.rounds), arguments.seconds, extra)
            print(f"load {os.getloadavg()[0]:.1f} after, with this program's own")


if __name__ == "__main__":
    main()
