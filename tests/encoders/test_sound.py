"""Encoders of sounds: what they scale, leave out and draw, alone and beside others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import signal

from netwright.config import InputsConfig, NetworkConfig, SoundConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.encoders.sound import SoundEncoder
from netwright.encoders.sound_augment import moved, noisy, without_stretches
from netwright.nn.member import PREDICT, Mode
from netwright.nn.network import Network
from netwright.pipeline.recipes import sound as recipes
from netwright.training.population import Member, Population

RATE = 4000
CHANGES = ("gain", "shift", "speed", "noise", "time_mask", "band_mask")


def settings(**given: object) -> SoundConfig:
    plain = dict.fromkeys(CHANGES, 0.0) | {"bands": 12, "size": 4, "dropout": 0.0} | given
    return recipes.settle(column(), SoundConfig(**plain), 100, "normal")  # type: ignore[arg-type]


def column(length: int = 1600) -> Column:
    return Column(name="s", kind="sound", rate=RATE, shape=[length])


def tones(count: int, length: int = 1600, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Low and high tones of different lengths, and which they are. [n, L] int16, [n]"""
    random = np.random.default_rng(seed)
    raw = np.full((count, length), -32768, np.int16)
    labels = np.arange(count) % 2
    for row, label in enumerate(labels):
        size = random.integers(length // 3, length + 1)
        time = np.arange(size) / RATE
        wave = np.sin(2 * np.pi * (300 + 600 * label + random.uniform(-50, 50)) * time)
        raw[row, :size] = np.round(8000 * wave + random.normal(size=size) * 300)
    return torch.from_numpy(raw), torch.from_numpy(labels)


def network(members: int, config: SoundConfig, length: int = 1600) -> Network:
    schema = Schema(
        columns=[column(length)],
        target=Target(columns=["y"], task="binary", classes=["0", "1"], positive="1"),
    )
    shape = NetworkConfig(kind="mlp", depth=0, width=8, heads=1, dropout=0.0)
    return Network(schema, InputsConfig(sound=config), shape, members, encoders={"sound": SoundEncoder})


def encoder_of(net: Network) -> SoundEncoder:
    return net.encoders.list[0]  # type: ignore[return-value]


def fitted(config: SoundConfig, raw: torch.Tensor, length: int = 1600) -> tuple[Network, SoundEncoder]:
    net = network(1, config, length)
    net.initialise([0])
    net.encoders.fit(0, {"sound:s": raw}, torch.arange(len(raw)))
    net.layout.bind(net.flat)
    return net, encoder_of(net)


def test_bands_are_scaled_by_the_frames_of_training_sounds() -> None:
    raw, _ = tones(7)
    _, encoder = fitted(settings(), raw)
    made = encoder.spectrogram
    padded = np.pad(signal.get_window("hann", made.window), (made.points - made.window) // 2)
    transform = signal.ShortTimeFFT(padded, made.hop, RATE)
    frames = []
    for row in raw.numpy():
        wave = row[row != -32768] / 32768.0
        power = np.abs(transform.stft(wave, p0=0, p1=-(-len(wave) // made.hop))) ** 2
        frames.append(np.log(np.maximum(power.T @ made.filters.double().numpy(), 1e-7)))
    every = np.concatenate(frames)
    np.testing.assert_allclose(encoder.mean[0].numpy(), every.mean(0), atol=2e-3)
    np.testing.assert_allclose(1 / encoder.inverse_scale[0].numpy(), every.std(0), rtol=2e-3)
    x, inside = encoder.inputs(raw[None], PREDICT)
    expected = (frames[3] - every.mean(0)) / every.std(0)
    np.testing.assert_allclose(x[0, 3, : len(expected)].numpy(), expected, atol=0.02)
    assert inside is not None
    assert float(inside[0, 3].sum()) == len(expected)
    assert not x[0, 3, len(expected) :].any()


@pytest.mark.parametrize("kind", ["cnn", "fcn", "resnet", "gru"])
def test_what_stands_after_the_end_and_who_is_beside_changes_nothing(kind: str) -> None:
    raw, _ = tones(6)
    net, _ = fitted(settings(encoder=kind), raw)
    together = net({"sound:s": raw[None]})
    lengths = (raw != -32768).sum(1)
    for row in (int(lengths.argmin()), int(lengths.argmax())):
        alone = net({"sound:s": raw[None, row : row + 1]})
        torch.testing.assert_close(alone[0, :, 0], together[0, :, row], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("training", [False, True])
def test_sounds_of_one_length_need_no_masks_and_get_the_same(training: bool) -> None:
    raw, _ = tones(6, 4000)
    raw = torch.where(raw == -32768, 0, raw)
    _, encoder = fitted(settings(), raw, 4000)
    assert encoder.frames == 96  # of 100
    mode = Mode(training=training, generators=[torch.Generator()])
    x, inside = encoder.inputs(raw[None], mode)
    assert inside is None
    masked = encoder.body(x, mode, torch.ones(1, 6, 96, 1))
    torch.testing.assert_close(encoder.body(x, mode, None), masked, atol=1e-4, rtol=1e-4)
    encoder.config = settings(speed=0.1, shift=0.1)
    assert encoder.inputs(raw[None], mode)[1] is None


def test_a_missing_sound_has_finite_features() -> None:
    raw, _ = tones(4)
    net, _ = fitted(settings(), raw)
    assert net({"sound:s": torch.full((1, 2, 1600), -32768, dtype=torch.int16)}).isfinite().all()


@pytest.mark.parametrize("changes", [{}, dict.fromkeys(CHANGES, 0.2)])
def test_members_beside_each_other_end_as_alone(changes: dict[str, float]) -> None:
    raw, labels = tones(20)
    data = Dataset({"sound:s": raw}, labels, torch.ones(len(labels)))
    config = TrainingConfig(
        epochs=2,
        batch_size=4,
        learning_rate=1e-3,
        weight_decay=0.0,
        warmup=0.0,
        patience=10,
        label_smoothing=0.0,
    )
    rows = [torch.arange(0, 13), torch.arange(3, 15), torch.arange(2, 13)]
    members = [Member.of(config, train, torch.arange(15, 20), seed) for seed, train in enumerate(rows)]

    def trained(chosen: list[Member]) -> torch.Tensor:
        net = network(len(chosen), settings(**changes))
        Population(net, data, chosen, config).fit()
        return net.flat.detach()

    together = trained(members)
    for place, member in enumerate(members):
        torch.testing.assert_close(trained([member])[0], together[place], atol=2e-3, rtol=2e-3)


def test_tones_are_learnt() -> None:
    raw, labels = tones(60)
    data = Dataset({"sound:s": raw}, labels, torch.ones(len(labels)))
    config = TrainingConfig(
        epochs=15,
        batch_size=8,
        learning_rate=3e-3,
        weight_decay=0.0,
        warmup=0.0,
        patience=10,
        label_smoothing=0.0,
    )
    net = network(1, settings(gain=6.0, shift=0.1, speed=0.05, noise=0.1, time_mask=0.1, band_mask=0.1))
    Population(net, data, [Member.of(config, torch.arange(40), torch.arange(40, 50), 0)], config).fit()
    found = net.predict_mean({"sound:s": raw[50:]})
    assert ((found[..., -1].flatten() > 0.5) == labels[50:].bool()).all()


def test_moved_sounds_are_the_old_ones_later_and_faster() -> None:
    wave, length = torch.zeros(1, 3, 100), torch.tensor([[60, 60, 60]])
    wave[..., :60] = torch.arange(1.0, 61.0)
    numbers = torch.tensor([[[0.5, 1.0, 0.5], [0.5, 0.0, 0.5], [1.0, 0.5, 1.0]]])
    config = settings(gain=20.0, shift=0.1, speed=0.5)
    found, lengths = moved(wave, length, numbers, config)
    assert lengths.tolist() == [[66, 54, 40]]
    assert found[0, 0, :8].tolist() == [0, 0, 0, 0, 0, 0, 1, 2]  # six samples later
    assert found[0, 0, 65] == 60
    assert found[0, 1, :3].tolist() == [7, 8, 9]  # the first six are lost
    assert not found[0, 1, 54:].any()
    torch.testing.assert_close(
        found[0, 2, :3], torch.tensor([10.0, 25.0, 40.0])
    )  # 10 times as loud, 1.5 as fast


def test_noise_has_the_energy_of_white_noise() -> None:
    raw, _ = tones(2)
    _, encoder = fitted(settings(), raw)
    random = torch.Generator().manual_seed(0)
    white = torch.randn(1, 40_000, generator=random) * 0.1
    energy = encoder.spectrogram.energy(white)[None]  # [1, 1, T, bands]
    frames = torch.tensor([[energy.shape[2]]])
    grain = torch.rand(1, 1, energy.shape[2], 12, generator=random)
    added = noisy(energy, frames, torch.ones(1, 1), grain, encoder.filters) - energy
    torch.testing.assert_close(added.mean(2), energy.mean(2), rtol=0.15, atol=0.0)
    half = noisy(energy, frames, torch.full((1, 1), 0.5), grain, encoder.filters) - energy
    torch.testing.assert_close(half, added / 4, rtol=1e-4, atol=1e-6)


def test_stretches_stay_within_their_share() -> None:
    random = torch.Generator().manual_seed(0)
    numbers = torch.rand(1, 200, 8, generator=random)
    frames = torch.full((1, 200), 40)
    x = torch.ones(1, 200, 48, 20)
    found = without_stretches(x, frames, numbers, settings(time_mask=0.1, band_mask=0.0))
    empty = (found == 0).all(-1)  # [1, 200, T]
    assert ((found == 0).any(-1) == empty).all()  # whole frames
    assert int(empty.sum(-1).max()) == 8  # two stretches of 4
    assert not empty[:, :, 40:].any()
    assert empty[:, :, :40].any(1).all()  # anywhere in a sound
    found = without_stretches(x, frames, numbers, settings(time_mask=0.0, band_mask=0.1))
    gone = (found == 0).all(2)
    assert ((found == 0).any(2) == gone).all()
    assert int(gone.sum(-1).max()) == 4


def test_changes_are_for_training_only_and_belong_to_the_member() -> None:
    raw, _ = tones(4)
    _, encoder = fitted(settings(gain=6.0, shift=0.1, noise=0.2), raw)
    plain, _ = encoder.inputs(raw[None], PREDICT)
    again, _ = encoder.inputs(raw[None], Mode())
    torch.testing.assert_close(plain, again)
    drawn = []
    for seed in (1, 1, 2):
        mode = Mode(training=True, generators=[torch.Generator().manual_seed(seed)])
        drawn.append(encoder.inputs(raw[None], mode)[0])
    torch.testing.assert_close(drawn[0], drawn[1])
    assert not torch.equal(drawn[0][:, :, :10], drawn[2][:, :, :10])


def test_settled_settings_have_no_auto_and_keep_what_is_given() -> None:
    found = recipes.settle(column(), SoundConfig(bands=20, gain=1.0), 100, "normal")
    assert "auto" not in [getattr(found, name) for name in SoundConfig.__annotations__]
    assert (found.bands, found.gain, found.rate) == (20, 1.0, RATE)
    long = recipes.settle(column(40_000), SoundConfig(), 100, "normal")
    assert float(long.hop) > 10.0
