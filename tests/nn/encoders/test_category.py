from __future__ import annotations

import torch

from netwright.config import CategoryConfig
from netwright.data.schema import Column
from netwright.nn.encoders.category import MISSING, UNSEEN, CategoryEncoder
from netwright.nn.member import PREDICT, Layout

COLUMNS = [
    Column(name="big", kind="category", categories=[f"v{place}" for place in range(6)]),
    Column(name="small", kind="category", categories=["a", "b", "c"]),
    Column(name="other", kind="category", categories=[f"w{place}" for place in range(5)]),
    Column(name="yes", kind="boolean", categories=["false", "true"]),
]
CONFIG = CategoryConfig(one_hot_up_to=3, size=2)
# Values of big, small, other, yes; codes 2 and on are the dictionary's.
TRAIN = torch.tensor([[2, 2, 2, 2], [3, 3, 3, 3], [MISSING, MISSING, 6, 2]] * 2, dtype=torch.int32)


def fitted(train: torch.Tensor = TRAIN, members: int = 1) -> CategoryEncoder:
    encoder = CategoryEncoder(COLUMNS, [0, 1, 2, 3], CONFIG, members)
    for member in range(members):
        encoder.fit(member, train)
    layout = Layout(encoder)
    layout.bind(torch.randn(members, layout.size, generator=torch.Generator().manual_seed(1)))
    return encoder


def parts(encoder: CategoryEncoder, codes: list[int], member: int = 0) -> tuple[torch.Tensor, ...]:
    """The features of one row, by column."""
    raw = torch.tensor(codes, dtype=torch.int32).expand(encoder.members, 1, 4)
    return encoder(raw, PREDICT)[member, 0].split(encoder.columns)


def test_each_column_has_its_features_in_its_place():
    encoder = fitted()
    assert encoder.columns == [2, 4, 2, 3]
    big, small, other, yes = parts(encoder, [3, 3, 6, 2])
    assert small.tolist() == [0.0, 0.0, 1.0, 0.0]  # missing, a, b, c
    assert yes.tolist() == [0.0, 1.0, 0.0]
    torch.testing.assert_close(big, encoder.table[0, 3])  # a column's table begins with unseen and missing
    torch.testing.assert_close(other, encoder.table[0, 8 + 6])


def test_missing_values_have_their_own_place():
    encoder = fitted()
    big, small, _, _ = parts(encoder, [MISSING, MISSING, 2, 2])
    assert small.tolist() == [1.0, 0.0, 0.0, 0.0]
    torch.testing.assert_close(big, encoder.table[0, 1])


def test_values_that_training_did_not_see_share_one_place():
    """Whether they are outside the dictionary, or in it but in no training row, missing ones too."""
    encoder = fitted()
    for codes in ([UNSEEN] * 4, [5, 4, 4, UNSEEN], [7, UNSEEN, MISSING, MISSING]):
        assert all((part == 0).all() for part in parts(encoder, codes))


def test_embedded_values_of_one_row_share_the_unseen_place():
    lonely = torch.tensor([[5, 4, 2, 2], [MISSING, 2, 3, 3]], dtype=torch.int32)
    encoder = fitted(torch.cat([TRAIN[:3], TRAIN[:2], lonely]))
    assert encoder.rare[0].tolist() == [True, False, True, False]
    for codes in ([5, 4, 6, 2], [UNSEEN, 4, UNSEEN, 2], [7, 4, 4, 2]):
        big, small, other, _ = parts(encoder, codes)
        torch.testing.assert_close(big, encoder.table[0, 0])
        torch.testing.assert_close(other, encoder.table[0, 8])
        assert small.tolist() == [0.0, 0.0, 0.0, 1.0]  # one row is enough for a place of one's own here
    torch.testing.assert_close(parts(encoder, [MISSING, 2, 2, 2])[0], encoder.table[0, 1])


def test_members_saw_different_values():
    encoder = fitted(members=2)
    encoder.fit(1, torch.tensor([[4, 4, 4, 3]] * 2, dtype=torch.int32))
    assert parts(encoder, [2, 2, 2, 2], member=0)[1].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert parts(encoder, [2, 2, 2, 2], member=1)[1].tolist() == [0.0] * 4
    assert parts(encoder, [4, 4, 4, 3], member=1)[1].tolist() == [0.0, 0.0, 0.0, 1.0]
    torch.testing.assert_close(parts(encoder, [4, 4, 4, 3], member=1)[0], encoder.table[1, 4])


def test_fitting_again_forgets_what_was_seen():
    encoder = fitted()
    encoder.fit(0, torch.tensor([[4, 4, 4, 3]], dtype=torch.int32))
    assert parts(encoder, [2, 2, 2, 2])[1].tolist() == [0.0] * 4


def test_unseen_values_do_not_train_the_table():
    encoder = fitted()
    layout = Layout(encoder)
    flat = torch.randn(1, layout.size).requires_grad_()
    layout.bind(flat)
    encoder(torch.tensor([[[UNSEEN, 2, 5, 2]]], dtype=torch.int32), PREDICT).sum().backward()
    assert flat.grad is not None
    assert (flat.grad == 0).all()


def test_only_one_hot_or_only_embedded():
    for most, widths in ((0, [2, 2, 2, 2]), (9, [7, 4, 6, 3])):
        config = CategoryConfig(one_hot_up_to=most, size=2)
        encoder = CategoryEncoder(COLUMNS, [0, 1, 2, 3], config, 1)
        encoder.fit(0, TRAIN)
        layout = Layout(encoder)
        layout.bind(torch.ones(1, layout.size))
        assert encoder.columns == widths
        assert encoder(TRAIN[None], PREDICT).shape == (1, 6, sum(widths))
