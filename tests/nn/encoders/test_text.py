from __future__ import annotations

import math

import numpy as np
import torch

from netwright.config import TextConfig
from netwright.data.schema import Column
from netwright.nn.encoders.lookup import Lookup, trimmed
from netwright.nn.encoders.text import TextEncoder
from netwright.nn.member import PREDICT, Layout

COLUMNS = [Column(name="other", kind="text"), Column(name="title", kind="text", buckets=16)]
# N-grams of four texts; 0 stands after the end. Two rows or more have 11, 22 and 33; one has 44, 55 and 19.
TRAIN = torch.tensor([[11, 22, 55, 0], [11, 33, 0, 0], [11, 33, 19, 44], [22, 0, 0, 0]], dtype=torch.int32)
PLACES = {11: 1, 22: 2, 33: 3}  # in the order of the codes


def fitted(members: int = 1, weight: torch.Tensor | None = None) -> TextEncoder:
    encoder = TextEncoder(COLUMNS, [1], TextConfig(size=3), members)
    for member in range(members):
        encoder.fit(member, TRAIN, weight)
    layout = Layout(encoder)
    layout.bind(torch.randn(members, layout.size, generator=torch.Generator().manual_seed(2)))
    return encoder


def features(encoder: TextEncoder, raw: torch.Tensor, member: int = 0) -> np.ndarray:
    """[N, 1 + size]"""
    return encoder(raw.expand(encoder.members, *raw.shape), PREDICT)[member].numpy()


def idf(rows_with_it: float, rows: float = 4) -> float:
    return math.log((1 + rows) / (1 + rows_with_it)) + 1


def expected(encoder: TextEncoder, weights: dict[int, float], member: int = 0) -> np.ndarray:
    table = encoder.table[member].numpy()
    length = math.sqrt(sum(weight**2 for weight in weights.values()))
    total = np.zeros(3)
    for code, weight in weights.items():
        total += weight * table[PLACES[code]]
    return total / length


def test_n_grams_weigh_by_inverse_document_frequency_and_have_length_1():
    encoder = fitted()
    found = features(encoder, TRAIN[:2])
    np.testing.assert_allclose(found[0, 1:], expected(encoder, {11: idf(3), 22: idf(2)}), rtol=1e-5)
    np.testing.assert_allclose(found[1, 1:], expected(encoder, {11: idf(3), 33: idf(2)}), rtol=1e-5)
    np.testing.assert_allclose(found[:, 0], [2 / 3, 1])  # 55 is not known


def test_n_grams_that_training_did_not_see_twice_weigh_nothing():
    encoder = fitted()
    seen = torch.tensor([[11, 33, 0, 0]], dtype=torch.int32)
    mixed = torch.tensor([[11, 19, 33, 99]], dtype=torch.int32)
    np.testing.assert_allclose(features(encoder, mixed)[:, 1:], features(encoder, seen)[:, 1:], rtol=1e-6)
    assert features(encoder, mixed)[0, 0] == 0.5  # the share that is known


def test_empty_and_unknown_texts_give_zeros():
    raw = torch.tensor([[0, 0, 0, 0], [17, 18, 0, 0]], dtype=torch.int32)
    assert (features(fitted(), raw) == 0).all()
    assert (features(fitted(), raw[:1]) == 0).all()


def test_what_stands_after_the_end_changes_nothing():
    encoder = fitted()
    longer = torch.nn.functional.pad(TRAIN, (0, 9))
    np.testing.assert_array_equal(features(encoder, longer), features(encoder, TRAIN))
    assert trimmed(longer[None]).shape == (1, 4, 4)
    assert trimmed(torch.zeros(1, 2, 5)).shape == (1, 2, 1)


def test_rows_count_as_often_as_they_weigh():
    encoder = fitted(weight=torch.tensor([1.0, 1.0, 2.0, 1.0], dtype=torch.float64))
    [found] = features(encoder, torch.tensor([[11, 22, 0, 0]], dtype=torch.int32))
    table = encoder.table[0].numpy()  # 11, 19, 22, 33, 44: of the row that counts twice all have come twice
    wanted = (idf(4, 5) * table[1] + idf(2, 5) * table[3]) / math.hypot(idf(4, 5), idf(2, 5))
    np.testing.assert_allclose(found[1:], wanted, rtol=1e-5)


def test_members_have_their_own_tables_and_places():
    encoder = fitted(members=2)
    encoder.fit(1, TRAIN[1:3])  # 11 and 33 come twice
    found = features(encoder, TRAIN[:1], member=1)
    np.testing.assert_allclose(found[0, 1:], encoder.table[1, 1].numpy(), rtol=1e-5)
    assert found[0, 0] == np.float32(1 / 3)
    alone = features(encoder, TRAIN[:1], member=0)
    np.testing.assert_allclose(alone[0, 1:], expected(encoder, {11: idf(3), 22: idf(2)}), rtol=1e-5)


def test_the_most_frequent_codes_have_the_places():
    random = np.random.default_rng(5)
    raw = torch.from_numpy(random.zipf(1.3, (200, 12)).clip(max=10**9).astype(np.int32))
    lookup = Lookup(8, 1)
    lookup.fit(0, raw)
    counts: dict[int, int] = {}
    for row in raw.tolist():
        for code in set(row):
            counts[code] = counts.get(code, 0) + 1
    wanted = sorted(sorted(counts, key=lambda code: (-counts[code], code))[:8])
    assert lookup.known[0].tolist() == wanted
    assert lookup.rows[0].tolist() == [0, *[counts[code] for code in wanted]]
    places = [[wanted.index(code) + 1 if code in wanted else 0 for code in row] for row in raw.tolist()]
    assert lookup(raw[None])[0].tolist() == places
