"""Sounds as features: log-mel spectrograms, made and changed at random on the device, through a network."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netwright.config import SoundConfig
from netwright.data.media.sounds import wave_of
from netwright.data.media.spectrogram import FLOOR, Spectrogram, sound_lengths
from netwright.data.schema import Column
from netwright.encoders.masked import cut
from netwright.encoders.series import FullyConvolutional, RecurrentNetwork, ResidualNetwork
from netwright.encoders.sound_augment import draw, moved, noisy, without_stretches
from netwright.encoders.sound_cnn import SoundNetwork
from netwright.nn.encoders.base import Encoder
from netwright.nn.layers import Dropout
from netwright.nn.member import Mode

ROWS_AT_A_TIME = 128
TOGETHER = 8  # frames are made in so many, so that halving them three times needs no care
MANY = 100  # frames, of which the last few may be left out, so that sounds of one length fill them all


class SoundEncoder(Encoder):
    """A sound [L] to a vector, whatever stands after its end.

    Spectrograms are scaled by the mean and deviation that each band has in the training rows.

    - cnn: convolutions over time and bands, see `SoundNetwork`;
    - fcn, resnet, gru: along time, with bands as channels, as for series.

    While learning, sounds get another loudness, start and speed and some noise, and stretches of time and
    groups of bands are emptied (SpecAugment, arXiv 1904.08779), as the settings say.
    """

    raw = "sound"
    mean: Tensor
    inverse_scale: Tensor
    window: Tensor
    filters: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: SoundConfig, members: int) -> None:
        super().__init__(columns, places, config, members)
        column = columns[places[0]]
        self.config: SoundConfig = config
        (self.length,), self.rate = column.shape, column.rate
        bands, size = int(config.bands), int(config.size)
        self.spectrogram = Spectrogram.of(
            self.rate, bands, float(config.window) / 1000.0, float(config.hop) / 1000.0
        )
        self.register_buffer("window", self.spectrogram.shape, persistent=False)
        self.register_buffer("filters", self.spectrogram.filters, persistent=False)
        self.buffer("mean", bands)
        self.buffer("inverse_scale", bands, fill=1.0)
        frames = int(self.spectrogram.frames(torch.tensor(self.length)))
        self.frames = frames // TOGETHER * TOGETHER if frames >= MANY else -(-frames // TOGETHER) * TOGETHER
        self.body: SoundNetwork | FullyConvolutional | ResidualNetwork | RecurrentNetwork
        if config.encoder == "fcn":
            self.body = FullyConvolutional(bands, size, members)
        elif config.encoder == "resnet":
            self.body = ResidualNetwork(bands, size, 3, members)
        elif config.encoder == "gru":
            self.body = RecurrentNetwork("gru", bands, size, 1, 0.0, members)
        else:
            self.body = SoundNetwork(bands, size, members)
        self.dropout = Dropout(torch.full((members,), float(config.dropout)))
        self.columns = [self.body.width]
        self.products = self.frames * self.body.products
        self.floats = self.frames * max(self.body.floats, self.spectrogram.points)

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        bands = int(self.config.bands)
        total = torch.zeros(3, bands, dtype=torch.float64, device=raw.device)
        for start in range(0, len(raw), ROWS_AT_A_TIME):
            part = raw[start : start + ROWS_AT_A_TIME]
            length = sound_lengths(part)
            values, frames = self._energy(wave_of(part)[None], length[None])
            values = values[0].clamp(min=FLOOR).log().double()  # [n, T, bands]
            counts = (
                torch.arange(values.shape[1], device=raw.device) < frames[0][:, None]
            ).double()  # [n, T]
            if weight is not None:
                counts = counts * weight[start : start + ROWS_AT_A_TIME, None]
            total[0] += counts.sum()
            total[1] += (values * counts[..., None]).sum((0, 1))
            total[2] += (values.square() * counts[..., None]).sum((0, 1))
        count, first, second = total
        mean = first / count.clamp(min=1e-12)
        deviation = (second / count.clamp(min=1e-12) - mean.square()).clamp(min=0.0).sqrt()
        self.mean[member] = mean.float()
        self.inverse_scale[member] = (1.0 / deviation.clamp(min=1e-2)).float()

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        with torch.autocast(raw.device.type, enabled=False):
            x, inside = self.inputs(raw, mode)
        return self.dropout(self.body(x, mode, inside), mode)

    def inputs(self, raw: Tensor, mode: Mode) -> tuple[Tensor, Tensor | None]:
        """What the network gets: scaled log-mel spectrograms, [M, B, T, bands], and which frames are inside.

        T is that of the longest sound of the batch. Frames after a sound's end are 0, and so is `inside`,
        which is None where all sounds have T frames. [M, B, T, 1]
        """
        length, config = sound_lengths(raw), self.config  # [M, B]
        if not (mode.training and self.changes):
            energy, frames = self._energy(wave_of(raw), length)
            x = self._scaled(energy)
        else:
            numbers = draw((raw.shape[1], 12), mode.generators, raw.device)  # [M, B, 12]
            wave, length = moved(wave_of(raw), length, numbers, config)
            energy, frames = self._energy(wave, length)
            if float(config.noise):
                grain = draw((raw.shape[1], self.frames, energy.shape[-1]), mode.generators, raw.device)
                sigma = float(config.noise) * numbers[..., 3]
                energy = noisy(energy, frames, sigma, grain, self.filters)
            x = without_stretches(self._scaled(energy), frames, numbers[..., 4:], config)
        x, inside = x.to(self.dtype), None
        if bool((frames < x.shape[2]).any()):
            step = torch.arange(x.shape[2], device=raw.device)
            inside = (step < frames[..., None]).to(self.dtype)[..., None]
        return cut(x, inside), inside

    def _energy(self, wave: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """The energies of the bands, [M, B, T, bands], and how many frames each sound has. [M, B]"""
        frames = self.spectrogram.frames(length).clamp(max=self.frames)
        most = min(-(-max(int(frames.max()), 1) // TOGETHER) * TOGETHER, self.frames)
        wave = wave[..., : most * self.spectrogram.hop]
        missing = most * self.spectrogram.hop - wave.shape[-1]
        flat = nn.functional.pad(wave, (0, missing)).flatten(0, 1)  # [M B, T hop]
        energy = self.spectrogram.energy(flat, self.window.float(), self.filters.float())
        return energy.unflatten(0, length.shape), frames

    def _scaled(self, energy: Tensor) -> Tensor:
        values = energy.clamp(min=FLOOR).log()
        return (values - self.mean[:, None, None]) * self.inverse_scale[:, None, None]

    @property
    def changes(self) -> bool:
        """Whether sounds are changed while they are learnt from."""
        names = ("gain", "shift", "speed", "noise", "time_mask", "band_mask")
        return any(float(getattr(self.config, name)) for name in names)

    def describe(self) -> str:
        hop = 1000.0 * self.spectrogram.hop / self.rate
        return (
            f"sounds {self.names[0]!r} of at most {self.length / self.rate:.3g} s, as up to {self.frames} "
            f"spectra of {self.spectrogram.bands} bands every {hop:.3g} ms, through {self.config.encoder} "
            f"to {self.columns[0]} features"
        )
