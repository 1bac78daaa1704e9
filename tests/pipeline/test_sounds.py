"""A folder of sounds, from files to predictions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

import netwright as nw


def write(folder: Path, name: str, frequency: float, seed: int) -> None:
    """A tone in noise, of its own length."""
    random = np.random.default_rng(seed)
    time = np.arange(random.integers(1000, 2000)) / 4000
    wave = 8000 * np.sin(2 * np.pi * frequency * time) + 300 * random.normal(size=len(time))
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, 4000, wave.astype(np.int16))


@pytest.mark.usefixtures("no_pages")
def test_a_folder_of_sounds_is_trained_on_saved_and_predicted_from(tmp_path: Path) -> None:
    folder = tmp_path / "tones"
    for number in range(40):
        write(folder, f"low/{number}.wav", 300, number)
        write(folder, f"high/{number}.wav", 900, 100 + number)
    (folder / "high" / "broken.wav").write_bytes(b"no sound")
    run = nw.train(
        folder,
        out=tmp_path / "run",
        progress=False,
        config={
            "training": {"epochs": 25, "batch_size": 8, "precision": "float32", "threads": 1},
            "doctor": {"watch": False},
            "inputs": {"sound": {"size": 4, "bands": 12}},
        },
    )
    assert run.metrics["test"]["accuracy"] == 1.0
    assert any("broken.wav" in finding["message"] for finding in run.findings)
    new = tmp_path / "new"
    write(new, "1.wav", 320, 1000)
    write(new, "2.wav", 880, 1001)
    assert nw.load(tmp_path / "run").predict(new).tolist() == ["low", "high"]
