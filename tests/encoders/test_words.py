"""Encoders of words in their order, against PyTorch's own layers on packed or single texts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from netwright.config import InputsConfig, NetworkConfig, TextConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.encoders.words import WordsEncoder, text_encoder
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.member import PREDICT, Layout, Mode
from netwright.nn.network import Network
from netwright.training.population import Member, Population

KINDS = ["cnn", "gru", "lstm", "transformer"]
STEPS = 9
# Codes of words. 70 and 80 come in one text only.
TEXTS = torch.tensor(
    [[10, 20, 30, 20, 10], [20, 30, 0, 0, 0], [30, 70, 80, 0, 0], [10, 0, 0, 0, 0], [10, 20, 20, 30, 0]],
    dtype=torch.int32,
)
LENGTHS = [5, 2, 3, 1, 4]


def config_of(encoder: str, **settings: Any) -> TextConfig:
    plain = {"size": 8, "width": 6, "depth": 2, "dropout": 0.0}
    return TextConfig.model_validate({"encoder": encoder} | plain | settings)


def column_of(encoder: str) -> Column:
    if encoder == "transformer":
        return Column(name="t", kind="text", units="pieces", buckets=100, shape=[STEPS])
    return Column(name="t", kind="text", units="words", buckets=20, shape=[STEPS])


def encoder_of(encoder: str, members: int = 1, **settings: Any) -> Any:
    made = text_encoder([column_of(encoder)], [0], config_of(encoder, **settings), members)
    layout = Layout(made)
    flat = torch.stack([layout.draw(seed) for seed in range(members)])
    layout.bind(flat)
    for member in range(members):
        made.fit(member, TEXTS)
    return made


def vectors(encoder: WordsEncoder, codes: list[int]) -> Tensor:
    """What stands for known words 10, 20, 30 (rows 2, 3, 4) and unknown ones (row 1). [T, D]"""
    rows = {10: 2, 20: 3, 30: 4}
    return encoder.table[0][[rows.get(code, 1) for code in codes]]


def pooled(outputs: Tensor) -> Tensor:
    """Mean and maximum over the first axis."""
    return torch.cat((outputs.mean(0), outputs.amax(0)))


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_recurrent_networks_are_torchs_on_packed_texts(kind: str):
    encoder = encoder_of(kind, depth=1)
    reference = {"gru": nn.GRU, "lstm": nn.LSTM}[kind](8, 6, batch_first=True, bidirectional=True)
    order = [1, 0, 2] if kind == "gru" else [0, 1, 2, 3]  # z, r, h here and r, z, n there

    def turned(weight: Tensor) -> Tensor:
        chunks = weight.chunk(len(order), -1)
        return torch.cat([chunks[place] for place in order], -1).t().contiguous()

    layer = encoder.body.layers[0]
    for name, part in (("", layer.ahead), ("_reverse", layer.back)):
        getattr(reference, f"weight_ih_l0{name}").data = turned(part.kernel[0])
        getattr(reference, f"weight_hh_l0{name}").data = turned(part.recurrent_kernel[0])
        biases = part.bias[0] if kind == "gru" else torch.stack((part.bias[0], torch.zeros(24)))
        getattr(reference, f"bias_ih_l0{name}").data = turned(biases[0])
        getattr(reference, f"bias_hh_l0{name}").data = turned(biases[1])
    each = [vectors(encoder, row[:length]) for row, length in zip(TEXTS.tolist(), LENGTHS, strict=True)]
    packed = nn.utils.rnn.pack_sequence(each, enforce_sorted=False)
    outputs, _ = nn.utils.rnn.pad_packed_sequence(reference(packed)[0], batch_first=True)
    found = encoder(TEXTS[None], PREDICT)[0]
    for row, length in enumerate(LENGTHS):
        torch.testing.assert_close(found[row], pooled(outputs[row, :length]), rtol=1e-4, atol=1e-6)


def test_convolutions_are_torchs_on_single_texts():
    encoder = encoder_of("cnn")
    found = encoder(TEXTS[None], PREDICT)[0]
    for row, length in enumerate(LENGTHS):
        x = vectors(encoder, TEXTS[row, :length].tolist())
        maxima = []
        for width, layer in zip((2, 3, 4), encoder.body.layers, strict=True):
            around = nn.functional.pad(x.T[None], ((width - 1) // 2, width // 2))
            kernel = layer.kernel[0].permute(2, 1, 0)  # [filters, D, width]
            maxima.append(nn.functional.conv1d(around, kernel, layer.bias[0])[0].relu().amax(-1))
        torch.testing.assert_close(found[row], torch.cat(maxima), rtol=1e-4, atol=1e-6)


def test_the_order_of_pieces_counts_for_attention():
    encoder = encoder_of("transformer")
    raw = torch.tensor([[[5, 6, 7], [7, 6, 5], [5, 6, 7]]], dtype=torch.int32)
    found = encoder(raw, PREDICT)[0]
    torch.testing.assert_close(found[0], found[2])
    assert float((found[0] - found[1]).abs().max()) > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_depends_neither_on_padding_nor_on_others(kind: str):
    encoder = encoder_of(kind)
    padded = nn.functional.pad(TEXTS, (0, STEPS - TEXTS.shape[1]))
    together = encoder(padded[None], PREDICT)[0]
    for row, length in enumerate(LENGTHS):
        alone = encoder(TEXTS[None, row : row + 1, :length], PREDICT)[0, 0]
        torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_without_words_give_numbers(kind: str):
    encoder = encoder_of(kind, dropout=0.3)
    empty = torch.zeros(1, 3, STEPS, dtype=torch.int32)
    mode = Mode(training=True, generators=[torch.Generator().manual_seed(0)])
    for raw in (empty, torch.cat((empty, empty + 3), 1)):
        for each in (PREDICT, mode):
            assert bool(encoder(raw, each).isfinite().all())


@pytest.mark.parametrize("kind", ["cnn", "gru"])
def test_words_of_one_training_row_are_like_unknown_ones(kind: str):
    encoder = encoder_of(kind)
    raw = torch.tensor([[[30, 70, 80], [30, 999, 4]]], dtype=torch.int32)
    found = encoder(raw, PREDICT)[0]
    torch.testing.assert_close(found[0], found[1])


def test_dropped_words_do_not_depend_on_the_longest_text():
    encoder = encoder_of("cnn", dropout=0.5)
    longer = nn.functional.pad(TEXTS, (0, 2), value=10)

    def kept(raw: Tensor) -> Tensor:
        mode = Mode(training=True, generators=[torch.Generator().manual_seed(4)])
        return encoder._kept_words(torch.ones(1, *raw.shape, 8), mode)

    short, long = kept(TEXTS), kept(longer)
    assert torch.equal(short, long[:, :, : TEXTS.shape[1]])
    assert 0 < float((long == 0).float().mean()) < 0.6


def test_a_bag_is_made_where_the_settings_say_so():
    column = Column(name="t", kind="text", units="grams", buckets=20, shape=[STEPS])
    assert isinstance(text_encoder([column], [0], config_of("bag"), 1), TextEncoder)


# ------------------------------------------------------------------------------------------- training


def sentences(rows: int = 48) -> Dataset:
    """Texts of some words that start with words 1 and 2; their class is which of these comes first."""
    random = np.random.default_rng(0)
    raw = np.zeros((rows, STEPS), dtype=np.int32)
    target = np.arange(rows) % 2
    for row in range(rows):
        length = random.integers(4, STEPS + 1)
        raw[row, :length] = random.integers(3, 7, length)
        raw[row, :2] = (1, 2) if target[row] else (2, 1)
    return Dataset({"text:t": torch.from_numpy(raw)}, torch.tensor(target), torch.ones(rows))


TARGET = Target(columns=["y"], task="binary", classes=["no", "yes"], positive="yes")


def trained(kind: str, seeds: list[int], epochs: int = 2) -> tuple[Network, Dataset]:
    data = sentences()
    schema = Schema(columns=[column_of(kind)], target=TARGET)
    inputs = InputsConfig(text=config_of(kind, dropout=0.1, size=16, depth=1))
    straight = NetworkConfig(kind="mlp", depth=0, width=8, heads=1, dropout=0.0, normalization="none")
    encoders = {"text": text_encoder}
    network = Network(schema, inputs, straight, len(seeds), encoders=encoders)
    training = TrainingConfig(
        epochs=epochs, batch_size=8, learning_rate=0.01, weight_decay=0.0, warmup=0.0, label_smoothing=0.0
    )
    rows = torch.arange(len(data))
    # The last batches differ in length, and members know different words.
    members = [Member.of(training, rows[seed:], rows[:0], seed) for seed in seeds]
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
def test_it_learns_an_order_of_words(kind: str):
    network, data = trained(kind, [0], epochs=20)
    predicted = network.predict(data.raw)[0].argmax(-1)
    assert (predicted == data.target).float().mean() >= 0.95
