"""What is printed, and what a history holds."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import layers

BAR = "━" * 20


@pytest.fixture
def data(numbers: Any) -> tuple[np.ndarray, np.ndarray]:
    return numbers(20, 2), numbers(20, seed=1)


def figures(values: dict[str, float]) -> str:
    return " - ".join(f"{name}: {values[name]:.4f}" for name in sorted(values))


def plain(text: str) -> list[str]:
    """The lines with their times away."""
    return [re.sub(r"\d+s (- )?\d+(us|ms|s)/step", r"0s \g<1>1ms/step", line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("verbose", "middle"), [(1, f"{BAR} 0s 1ms/step"), (2, "- 0s - 1ms/step"), ("auto", f"{BAR} 0s 1ms/step")]
)
def test_lines_of_a_training(
    verbose: Any, middle: str, small: nw.Sequential, data: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    small.compile("sgd", "mse", metrics=["mae"])
    history = small.fit(*data, batch_size=8, epochs=2, validation_split=0.2, verbose=verbose).history
    expected = []
    for epoch in range(2):
        told = {name: values[epoch] for name, values in history.items()}
        expected += [f"Epoch {epoch + 1}/2", f"2/2 {middle} - {figures(told)}"]
    assert plain(capsys.readouterr().out) == expected


def test_lines_of_an_evaluation(small: nw.Sequential, data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    loss = small.evaluate(*data, batch_size=8)
    small.evaluate(*data, verbose=2)
    small.evaluate(*data, verbose=0)
    assert plain(capsys.readouterr().out) == [
        f"3/3 {BAR} 0s 1ms/step - loss: {loss:.4f}",
        f"1/1 - 0s - 1ms/step - loss: {loss:.4f}",
    ]


def test_silence(small: nw.Sequential, data: Any, capsys: pytest.CaptureFixture[str]) -> None:
    small.fit(*data, verbose=0)
    small.predict(data[0])
    assert capsys.readouterr().out == ""


def test_outputs_without_such_characters(
    small: nw.Sequential, data: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", output)
    small.fit(*data, verbose=1)
    output.flush()
    assert b"1/1 ==================== 0s" in output.buffer.getvalue()  # type: ignore[attr-defined]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bar_grows_on_a_terminal(small: nw.Sequential, data: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    output = Terminal()
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr("netwright.models.progress.SECONDS", 0.0)
    small.fit(*data, batch_size=5, verbose=1)
    drawn = output.getvalue().split("\r")
    assert [part.split()[0] for part in drawn[1:]] == ["1/4", "2/4", "3/4", "4/4", "4/4"]
    assert [part.count("━") for part in drawn[1:]] == [5, 10, 15, 20, 20]
    assert drawn[-1].endswith("\033[K\n")


def test_summary_of_a_chain(small: nw.Sequential, capsys: pytest.CaptureFixture[str]) -> None:
    model = nw.Sequential(
        [
            layers.Dense(3, "tanh", input_dim=2, trainable=False),
            layers.BatchNormalization(),
            layers.Dense(1, name="last"),
        ],
        name="net",
    )
    model.summary()
    assert capsys.readouterr().out == "\n".join(
        [
            'Model: "net"',
            "────────────────────────────────────────────────────────────────────",
            "Layer (type)                               Output shape   Parameters",
            "────────────────────────────────────────────────────────────────────",
            "dense (Dense)                              (None, 3)               9",
            "batch_normalization (BatchNormalization)   (None, 3)              12",
            "last (Dense)                               (None, 1)               4",
            "────────────────────────────────────────────────────────────────────",
            "Parameters: 25 (100 bytes)",
            "Trained: 10",
            "Not trained: 15",
            "",
        ]
    )


def test_summary_of_a_graph_names_sources(capsys: pytest.CaptureFixture[str]) -> None:
    x = nw.Input((None, 2), name="steps")
    model = nw.Model(x, layers.add([x, layers.Dense(2)(x)]))
    model.summary()
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "steps (Input) (None, None, 2) 0" in lines
    assert "dense (Dense) (None, None, 2) 6 steps" in lines
    assert "add (Add) (None, None, 2) 0 steps, dense" in lines


def test_history_has_keras_keys(small: nw.Sequential, data: Any) -> None:
    small.compile("sgd", "mse", metrics=["mae", "mse"])
    history = small.fit(*data, epochs=3, validation_data=data, verbose=0)
    assert list(history.history) == ["loss", "mae", "mse", "val_loss", "val_mae", "val_mse"]
    assert all(len(values) == 3 for values in history.history.values())
    assert history.epoch == [0, 1, 2]
    assert small.history is history
    assert all(type(value) is float for values in history.history.values() for value in values)
    np.testing.assert_allclose(history.history["mse"], history.history["loss"], rtol=1e-6)
    assert small.evaluate(*data, verbose=0)[0] == pytest.approx(history.history["val_loss"][-1])


def test_evaluate_weighs_rows(small: nw.Sequential, data: Any) -> None:
    x, y = data
    weight = np.arange(20.0)
    error = (small.predict(x)[:, 0] - y) ** 2
    found = small.evaluate(x, y, sample_weight=weight, verbose=0)
    assert found == pytest.approx((error * weight).sum() / weight.sum(), rel=1e-5)


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_size_of_batches_changes_no_prediction(size: int, small: nw.Sequential, data: Any) -> None:
    np.testing.assert_allclose(small.predict(data[0], batch_size=size), small.predict(data[0]), atol=1e-6)
    found = small.evaluate(*data, batch_size=size, verbose=0)
    assert found == pytest.approx(small.evaluate(*data, verbose=0))


def test_stopping_from_a_callback(small: nw.Sequential, data: Any) -> None:
    class Stop(nw.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.stop_training = epoch == 1

    assert small.fit(*data, epochs=9, verbose=0, callbacks=[Stop()]).epoch == [0, 1]
    assert small.fit(*data, epochs=3, verbose=0).epoch == [0, 1, 2]
