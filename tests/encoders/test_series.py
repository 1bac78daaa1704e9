"""Encoders of series, against PyTorch's own layers on series without padding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.config import InputsConfig, NetworkConfig, SeriesConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.encoders.masked import (
    AttentionBlock,
    BothWays,
    ConvolutionBlock,
    MaskedBatchNormalization,
    max_over_time,
    mean_over_time,
    reverse,
)
from netwright.encoders.series import SeriesEncoder
from netwright.encoders.series_augment import augment
from netwright.nn.member import PREDICT, Layout, Mode
from netwright.nn.network import Network
from netwright.nn.trunks import Trunk
from netwright.training.population import Member, Population

KINDS = ["fcn", "resnet", "gru", "lstm", "transformer"]
LENGTHS = (7, 3, 5, 1)
NAN = float("nan")


def config_of(encoder: str, **settings) -> SeriesConfig:
    plain = {
        "width": 16,
        "depth": 2,
        "dropout": 0.0,
        "jitter": 0.0,
        "scaling": 0.0,
        "slicing": 0.0,
        "warping": 0.0,
    }
    return SeriesConfig(encoder=encoder, **(plain | settings))  # type: ignore[arg-type]


def bind(root: Any, members: int = 1, seed: int = 0) -> Tensor:
    layout = Layout(root)
    flat = torch.stack([layout.draw(seed + member) for member in range(members)])
    layout.bind(flat)
    return flat


def series(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def padded(channels: int = 3, steps: int = 9, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random series with rubbish after their ends, and what is inside. [1, B, T, C] and [1, B, T, 1]"""
    x = series((1, len(LENGTHS), steps, channels), seed)
    inside = torch.zeros(1, len(LENGTHS), steps, 1)
    for row, length in enumerate(LENGTHS):
        inside[0, row, :length] = 1.0
        x[0, row, length:] = 1e4
    return x, inside


def test_convolution_is_torchs_on_series_without_padding():
    x, inside = padded()
    block: Any = ConvolutionBlock(3, 4, 8, 1)
    bind(block)
    torch_convolution = nn.Conv1d(3, 4, 8, bias=False)
    torch_convolution.weight.data = block.convolution.kernel[0].permute(2, 1, 0).contiguous()
    block.normalization.moving_mean.fill_(0.3)
    block.normalization.moving_variance.fill_(2.0)
    found = block(x, PREDICT, inside)
    for row, length in enumerate(LENGTHS):
        around = nn.functional.pad(x[0, row, :length].T[None], (3, 4))
        alone = torch_convolution(around)[0].T
        wanted = ((alone - 0.3) / (2.0 + 1e-3) ** 0.5).relu()
        torch.testing.assert_close(found[0, row, :length], wanted, rtol=1e-4, atol=1e-5)


def test_batch_statistics_are_those_of_all_steps_that_are_inside():
    x, inside = padded()
    layer: Any = MaskedBatchNormalization(momentum=0.9)
    layer.connect((None, 3), 1)
    bind(layer)
    reference = nn.BatchNorm1d(3, eps=1e-3, momentum=0.1)
    rows = torch.tensor([[1.0, 1.0, 0.0, 1.0]])
    steps = torch.cat([x[0, row, :length] for row, length in enumerate(LENGTHS) if rows[0, row]])
    wanted = reference(steps)
    found = layer(x, Mode(training=True, rows=rows), inside)
    parts = [found[0, row, :length] for row, length in enumerate(LENGTHS) if rows[0, row]]
    torch.testing.assert_close(torch.cat(parts), wanted, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(layer.moving_mean[0], reference.running_mean)
    biased = 0.9 + 0.1 * steps.var(0, unbiased=False)
    torch.testing.assert_close(layer.moving_variance[0], biased)


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_recurrent_layers_are_torchs_on_series_without_padding(kind: str):
    x, inside = padded()
    layer: Any = BothWays(kind, 3, 5, 1)
    bind(layer)
    reference = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](3, 5, batch_first=True, bidirectional=True)
    gates = {"gru": 3, "lstm": 4}[kind]
    for name, part in (("", layer.ahead), ("_reverse", layer.back)):
        order = [1, 0, 2] if kind == "gru" else [0, 1, 2, 3]  # Keras's z, r, h and PyTorch's r, z, n

        def turned(weight: Tensor, order: list[int] = order) -> Tensor:
            chunks = weight.chunk(gates, -1)
            return torch.cat([chunks[place] for place in order], -1).t().contiguous()

        getattr(reference, f"weight_ih_l0{name}").data = turned(part.kernel[0])
        getattr(reference, f"weight_hh_l0{name}").data = turned(part.recurrent_kernel[0])
        biases = part.bias[0] if kind == "gru" else torch.stack((part.bias[0], torch.zeros(20)))
        getattr(reference, f"bias_ih_l0{name}").data = turned(biases[0])
        getattr(reference, f"bias_hh_l0{name}").data = turned(biases[1])
    every, last = layer(x, PREDICT, inside)
    for row, length in enumerate(LENGTHS):
        outputs, state = reference(x[0, row : row + 1, :length])
        hidden = state[0] if kind == "lstm" else state  # [2, 1, units]
        torch.testing.assert_close(every[0, row, :length], outputs[0], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(last[0, row], hidden[:, 0].flatten(), rtol=1e-4, atol=1e-5)


def test_attention_is_torchs_on_series_without_padding():
    x, inside = padded(channels=8)
    block: Any = AttentionBlock(8, 2, 0.0, 1)
    bind(block)
    reference = nn.TransformerEncoderLayer(8, 2, 32, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    pairs = [
        (reference.self_attn.in_proj_weight, block.queries_keys_values.kernel[0].T),
        (reference.self_attn.in_proj_bias, block.queries_keys_values.bias[0]),
        (reference.self_attn.out_proj.weight, block.join.kernel[0].T),
        (reference.self_attn.out_proj.bias, block.join.bias[0]),
        (reference.linear1.weight, block.expand.kernel[0].T),
        (reference.linear1.bias, block.expand.bias[0]),
        (reference.linear2.weight, block.contract.kernel[0].T),
        (reference.linear2.bias, block.contract.bias[0]),
    ]
    for theirs, ours in pairs:
        theirs.data = ours.reshape(theirs.shape).clone()
    found = block(x, PREDICT, inside)
    for row, length in enumerate(LENGTHS):
        wanted = reference(x[0, row : row + 1, :length])[0]
        torch.testing.assert_close(found[0, row, :length], wanted, rtol=1e-3, atol=1e-4)


def test_pooling_and_reversal():
    x, inside = padded()
    mean, most, turned = mean_over_time(x, inside), max_over_time(x, inside), reverse(x, inside)
    for row, length in enumerate(LENGTHS):
        alone = x[0, row, :length]
        torch.testing.assert_close(mean[0, row], alone.mean(0))
        torch.testing.assert_close(most[0, row], alone.amax(0))
        torch.testing.assert_close(turned[0, row, :length], alone.flip(0))
        assert not turned[0, row, length:].any()
    nothing = torch.zeros_like(inside)
    assert not mean_over_time(x, nothing).any()
    assert not max_over_time(x, nothing).any()


def encoder_of(kind: str, steps: int, members: int = 1, **settings) -> SeriesEncoder:
    column = Column(name="s", kind="series", shape=[steps, 3])
    encoder = SeriesEncoder([column], [0], config_of(kind, **settings), members)
    bind(encoder, members)
    return encoder


@pytest.mark.parametrize("kind", KINDS)
def test_padding_changes_nothing(kind: str):
    short, long = encoder_of(kind, 20), encoder_of(kind, 20)
    raw = series((6, 12, 3))
    raw[1, 4:] = NAN
    raw[2, 2, 1] = NAN  # a gap
    more = torch.cat((raw, torch.full((6, 8, 3), NAN)), 1)
    short.fit(0, raw)
    long.fit(0, more)
    for name in ("mean", "inverse_scale", "gaps"):
        torch.testing.assert_close(getattr(short, name), getattr(long, name))
    for mode in (Mode(training=True, generators=[torch.Generator()]), PREDICT):
        torch.testing.assert_close(short(raw[None], mode), long(more[None], mode), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_series_does_not_depend_on_the_others(kind: str):
    encoder = encoder_of(kind, 12)
    raw = series((4, 12, 3))
    raw[1, 4:] = NAN
    encoder.fit(0, raw)
    together = encoder(raw[None], PREDICT)[0]
    for row in range(4):
        torch.testing.assert_close(
            together[row], encoder(raw[None, row : row + 1], PREDICT)[0, 0], rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("kind", KINDS)
def test_missing_series_give_numbers(kind: str):
    encoder = encoder_of(kind, 12)
    raw = series((3, 12, 3))
    encoder.fit(0, raw)
    raw[1] = NAN
    raw[2, :, 0] = NAN  # a channel without any value
    found = encoder(raw[None], Mode(training=True, generators=[torch.Generator()]))
    assert bool(found.isfinite().all())
    assert bool(encoder(raw[None], PREDICT).isfinite().all())
    assert bool(encoder(raw[None, 1:2], PREDICT).isfinite().all())


def test_fitted_scaling_is_numpys():
    raw = series((5, 12, 3)) * torch.tensor([1.0, 100.0, 0.0]) + torch.tensor([0.0, 1e3, 7.0])
    raw[0, 6:] = NAN
    encoder = encoder_of("fcn", 12, members=2)
    encoder.fit(1, raw)
    values = raw.double().numpy()
    np.testing.assert_allclose(encoder.mean[1], np.nanmean(values, (0, 1)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(1 / encoder.inverse_scale[1, :2], np.nanstd(values, (0, 1))[:2], rtol=1e-4)
    assert encoder.inverse_scale[1, 2] == 1.0  # a constant channel
    assert encoder.gaps.tolist() == [0.0, 0.0]
    doubled = encoder_of("fcn", 12)
    doubled.fit(0, raw, torch.tensor([2.0, 1, 1, 1, 1], dtype=torch.float64))
    encoder.fit(0, torch.cat((raw[:1], raw)))
    torch.testing.assert_close(doubled.mean[0], encoder.mean[0])
    torch.testing.assert_close(doubled.inverse_scale[0], encoder.inverse_scale[0])


def test_gaps_are_flagged_only_where_training_rows_have_them():
    raw = series((4, 12, 3))
    gappy = raw.clone()
    gappy[0, 3, 1] = NAN
    seen, unseen = encoder_of("fcn", 12), encoder_of("fcn", 12)
    seen.fit(0, gappy)
    unseen.fit(0, raw)
    length = torch.full((1, 4), 12)
    share = seen._inputs(gappy[None], length, None, PREDICT)[0, ..., 3]
    assert share[0, 3] == pytest.approx(1 / 3)
    assert share.sum() == pytest.approx(1 / 3)
    assert not unseen._inputs(gappy[None], length, None, PREDICT)[..., 3].any()
    assert (
        seen._inputs(gappy[None], length, None, PREDICT)[0, 0, 3, 1] != 0
    )  # on the line between its neighbours


# ---------------------------------------------------------------------------------------- augmentation


def test_augmentation_keeps_ends_inside_and_belongs_to_the_member():
    steps = torch.arange(10.0)[None, None, :, None].expand(2, 50, -1, 1)
    length = torch.full((2, 50), 10)
    length[:, 1] = 4

    def drawn(seeds: list[int]) -> Tensor:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        return augment(steps[: len(seeds)], length[: len(seeds)], generators, slicing=0.2, warping=0.5)

    found = drawn([1, 2])
    assert bool((found.diff(dim=2) >= 0).all())  # time never runs back
    assert float(found.min()) >= 0
    assert float(found[:, 1].max()) <= 3.0 + 1e-4
    assert float(found.max()) <= 9.0 + 1e-4
    assert float((found[:, 0, -1] - found[:, 0, 0]).min()) >= 0.8 * 9 - 1e-4
    assert float(found[0].std(0)[1:-1].min()) > 0
    torch.testing.assert_close(found[1], drawn([2])[0])


def test_noise_has_the_deviation_asked_for():
    x = torch.ones(1, 2000, 5, 2)
    length = torch.full((1, 2000), 5)
    jittered = augment(x, length, [torch.Generator().manual_seed(0)], jitter=0.3)
    assert float(jittered.std()) == pytest.approx(0.3, rel=0.05)
    scaled = augment(x, length, [torch.Generator().manual_seed(0)], scaling=0.2)
    assert bool((scaled == scaled[:, :, :1]).all())  # one factor a channel
    assert float(scaled.std()) == pytest.approx(0.2, rel=0.1)


def test_only_training_is_augmented():
    encoder = encoder_of("fcn", 12, jitter=0.5)
    raw = series((4, 12, 3))
    encoder.fit(0, raw)
    assert torch.equal(encoder(raw[None], PREDICT), encoder(raw[None], PREDICT))
    generator = torch.Generator().manual_seed(0)
    mode = Mode(training=True, generators=[generator])
    assert not torch.equal(encoder(raw[None], mode), encoder(raw[None], mode))


# ------------------------------------------------------------------------------------------- training


class Straight(Trunk):
    heads = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        return x[:, None]


def waves(rows: int = 24) -> tuple[Schema, Dataset]:
    """Slow and fast sines of different lengths, at any phase."""
    random = np.random.default_rng(0)
    raw = np.full((rows, 16, 1), np.nan, dtype=np.float32)
    target = np.arange(rows) % 2
    for row in range(rows):
        steps = np.arange(random.integers(10, 17))
        raw[row, : len(steps), 0] = np.sin((0.5 + target[row]) * steps + random.uniform(0, 6))
    schema = Schema(
        columns=[Column(name="s", kind="series", shape=[16, 1], channels=["value"])],
        target=Target(columns=["y"], task="binary", classes=["slow", "fast"], positive="fast"),
    )
    return schema, Dataset({"series:s": torch.from_numpy(raw)}, torch.tensor(target), torch.ones(rows))


def trained(kind: str, seeds: list[int], epochs: int = 2, rows: int = 24) -> tuple[Network, Dataset]:
    schema, data = waves()
    inputs = InputsConfig(series=config_of(kind, width=8, dropout=0.1, jitter=0.1, slicing=0.1, warping=0.1))
    network = Network(
        schema, inputs, NetworkConfig(), len(seeds), trunk=Straight, encoders={"series": SeriesEncoder}
    )
    training = TrainingConfig(
        epochs=epochs, batch_size=8, learning_rate=0.01, weight_decay=0.0, warmup=0.0, label_smoothing=0.0
    )
    train, validation = torch.arange(rows), torch.arange(0)
    members = [Member.of(training, train, validation, seed) for seed in seeds]
    Population(network, data, members, training).fit()
    return network, data


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_trained_as_they_would_be_alone(kind: str):
    together, data = trained(kind, [3, 4, 5])
    for place, seed in enumerate([3, 4, 5]):
        alone, _ = trained(kind, [seed])
        found = together.predict(data.raw)[place]
        torch.testing.assert_close(found, alone.predict(data.raw)[0], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_it_learns(kind: str):
    network, data = trained(kind, [0], epochs=25)
    predicted = network.predict(data.raw)[0].argmax(-1)
    assert (predicted == data.target).float().mean() >= 0.95
