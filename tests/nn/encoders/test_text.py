from __future__ import annotations

import math

import numpy as np
import torch

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.member import PREDICT, Layout

COLUMNS = [Column(name="title", kind="text", buckets=20), Column(name="body", kind="text", buckets=30)]
# Two texts of four n-grams at most in each of four rows; 0 stands after the end. Only one row has 19.
TRAIN = torch.tensor(
    [
        [[1, 2, 2, 0], [1, 29, 0, 0]],
        [[1, 3, 0, 0], [5, 0, 0, 0]],
        [[1, 3, 19, 0], [5, 6, 7, 5]],
        [[2, 0, 0, 0], [29, 1, 0, 0]],
    ],
    dtype=torch.int32,
)


def fitted(members: int = 1) -> TextEncoder:
    encoder = TextEncoder(COLUMNS, [0, 1], TextConfig(size=3), members)
    for member in range(members):
        encoder.fit(member, TRAIN)
    layout = Layout(encoder)
    layout.bind(torch.randn(members, layout.size, generator=torch.Generator().manual_seed(2)))
    return encoder


def features(encoder: TextEncoder, raw: torch.Tensor, member: int = 0) -> np.ndarray:
    """[N, texts, 1 + size]"""
    rows = raw.expand(encoder.members, *raw.shape)
    return encoder(rows, PREDICT)[member].view(len(raw), 2, 4).numpy()


def idf(rows_with_it: int) -> float:
    return math.log((1 + 4) / (1 + rows_with_it)) + 1


def test_the_mean_is_weighted_by_inverse_document_frequency():
    encoder = fitted()
    found = features(encoder, TRAIN[:1])[0]
    table = encoder.table[0].numpy()
    weights = np.array([idf(3), idf(2), idf(2)])  # 1 is in three rows; 2 is in two, in one of them twice
    expected = 2 * (weights[:, None] * table[[1, 2, 2]]).sum(0) / weights.sum()
    np.testing.assert_allclose(found[0, 1:], expected, rtol=1e-5)
    np.testing.assert_allclose(found[1, 1:], table[20 + 1] + table[20 + 29], rtol=1e-4)  # equal weights
    assert found[:, 0].tolist() == [1.0, 1.0]


def test_n_grams_that_training_did_not_see_twice_weigh_nothing():
    encoder = fitted()
    seen = torch.tensor([[[1, 3, 0, 0], [5, 0, 0, 0]]], dtype=torch.int32)
    mixed = torch.tensor([[[1, 19, 3, 18], [5, 28, 0, 0]]], dtype=torch.int32)
    np.testing.assert_allclose(features(encoder, mixed)[..., 1:], features(encoder, seen)[..., 1:], rtol=1e-6)
    assert features(encoder, mixed)[0, :, 0].tolist() == [0.5, 0.5]  # the share that is known


def test_empty_and_unknown_texts_give_zeros():
    encoder = fitted()
    raw = torch.tensor([[[0, 0, 0, 0], [17, 18, 0, 0]]], dtype=torch.int32)
    assert (features(encoder, raw) == 0).all()


def test_columns_do_not_share_n_grams():
    encoder = fitted()
    raw = torch.tensor(
        [[[5, 0, 0, 0], [2, 0, 0, 0]]], dtype=torch.int32
    )  # 5 is known in the body, 2 in the title
    assert (features(encoder, raw) == 0).all()


def test_members_have_their_own_tables_and_frequencies():
    encoder = fitted(members=2)
    encoder.fit(1, TRAIN[1:3])
    found = features(encoder, TRAIN[:1], member=1)
    table = encoder.table[1].numpy()
    np.testing.assert_allclose(found[0, 0, 1:], 2 * table[1], rtol=1e-5)  # of 1, 2, 2 it knows 1 only
    assert found[0, 0, 0] == np.float32(1 / 3)
