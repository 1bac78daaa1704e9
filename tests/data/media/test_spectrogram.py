"""Log-mel spectrograms against SciPy and the formula written out."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import signal

from netwright.data.media.spectrogram import Spectrogram, mel_filters


def test_mel_filters_are_the_triangles_of_the_formula() -> None:
    rate, points, bands = 8000, 64, 6
    to_mel = lambda f: 2595 * math.log10(1 + f / 700)  # noqa: E731
    to_hertz = lambda m: 700 * (10 ** (m / 2595) - 1)  # noqa: E731
    low, high = to_mel(20), to_mel(4000)
    edges = [to_hertz(low + (high - low) * place / (bands + 1)) for place in range(bands + 2)]
    found = mel_filters(rate, points, bands)
    assert found.shape == (33, 6)
    for row in range(33):
        frequency = row * rate / points
        for band in range(bands):
            left, top, right = edges[band : band + 3]
            if left < frequency <= top:
                expected = (frequency - left) / (top - left)
            elif top < frequency < right:
                expected = (right - frequency) / (right - top)
            else:
                expected = 0.0
            assert abs(float(found[row, band]) - expected) < 1e-5


def test_no_band_is_empty() -> None:
    for rate, bands in ((8000, 40), (16000, 64), (44100, 128)):
        made = Spectrogram.of(rate, bands)
        assert float(made.filters.sum(0).min()) > 0


def test_energy_is_scipys_power_in_bands() -> None:
    random = np.random.default_rng(0)
    wave = random.normal(size=1000)
    made = Spectrogram(rate=8000, bands=10, window=200, hop=80)
    assert made.points == 512
    found = made.energy(torch.from_numpy(wave).float()[None])[0].numpy()
    assert found.shape == (13, 10)
    window = signal.get_window("hann", 200)
    padded = np.pad(window, (156, 156))  # centred in the 512 points
    transform = signal.ShortTimeFFT(padded, hop=80, fs=8000, fft_mode="onesided")
    spectrum = transform.stft(wave, p0=0, p1=13)  # frames centred on samples 0, 80, ...
    expected = (np.abs(spectrum) ** 2).T @ made.filters.double().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_frames_of_a_sound_are_those_centred_in_it() -> None:
    made = Spectrogram(rate=8000, bands=10, window=200, hop=80)
    lengths = torch.tensor([0, 1, 80, 81, 1000])
    assert made.frames(lengths).tolist() == [len(range(0, length, 80)) for length in lengths.tolist()]
    for length in (1, 80, 81):
        assert made.energy(torch.ones(1, length)).shape[1] == made.frames(torch.tensor(length))
