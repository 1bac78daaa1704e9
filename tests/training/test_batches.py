from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from netwright.training.batches import Batches
from netwright.training.randomness import MemberGenerators, order

CPU = torch.device("cpu")
counts_of_members = st.lists(st.integers(1, 40), min_size=1, max_size=4)


def rows_of(counts: list[int]) -> list[torch.Tensor]:
    """Row numbers of members, none of them 0 and none shared."""
    starts = [1 + 100 * place for place in range(len(counts))]
    return [torch.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]


@given(counts_of_members, st.integers(1, 17), st.integers(1, 5))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_every_row_comes_exactly_once_an_epoch(counts, size, epoch):
    rows = rows_of(counts)
    batches = Batches(rows, list(range(len(rows))), size, CPU)
    seen: list[list[int]] = [[] for _ in rows]
    steps = torch.zeros(len(rows), dtype=torch.int64)
    for index, real in batches.epoch(epoch):
        assert index.shape == real.shape == (len(rows), size)
        for member, (numbers, mask) in enumerate(zip(index, real, strict=True)):
            seen[member] += numbers[mask > 0].tolist()
            assert set(numbers.tolist()) <= set(rows[member].tolist())  # padding too is of its own rows
            steps[member] += int(mask[0] > 0)
    assert [sorted(each) for each in seen] == [each.tolist() for each in rows]
    assert torch.equal(steps, batches.steps)
    assert batches.ragged == (len(set(batches.steps.tolist())) > 1)


@given(counts_of_members, st.integers(1, 17))
@settings(deadline=None, derandomize=True, max_examples=30)
def test_pieces_go_through_all_rows_in_order(counts, size):
    rows = rows_of(counts)
    seen: list[list[int]] = [[] for _ in rows]
    for index, real in Batches.shared(rows, CPU).pieces(size):
        for member in range(len(rows)):
            seen[member] += index[member][real[member] > 0].tolist()
    assert seen == [each.tolist() for each in rows]


def test_no_rows_give_no_pieces():
    assert list(Batches.shared([torch.arange(0)], CPU).pieces(8)) == []


def test_a_members_order_does_not_depend_on_others():
    def first_epoch(counts: list[int], member: int) -> list[int]:
        seeds = [50 + place for place in range(len(counts))]
        batches = Batches(rows_of(counts), seeds, 8, CPU)
        return [
            number for index, real in batches.epoch(3) for number in index[member][real[member] > 0].tolist()
        ]

    assert first_epoch([30, 20], 0) == first_epoch([30], 0) == first_epoch([30, 7, 40], 0)
    assert first_epoch([30, 20], 1) == first_epoch([12, 20, 3], 1)


def test_the_order_changes_with_epoch_and_seed():
    orders = {tuple(order(seed, epoch, 50).tolist()) for seed in (0, 1) for epoch in (1, 2)}
    assert len(orders) == 4
    assert order(3, 4, 50).tolist() == order(3, 4, 50).tolist()


def test_generators_start_anew_in_each_epoch():
    def draw(seeds: list[int], member: int, epoch: int, skipped: int) -> list[float]:
        generators = MemberGenerators(seeds, CPU)
        torch.rand(skipped, generator=generators.start(1)[member])
        return torch.rand(3, generator=generators.start(epoch)[member]).tolist()

    assert draw([7, 8], 0, 2, skipped=0) == draw([7], 0, 2, skipped=99)
    assert draw([7, 8], 0, 2, skipped=0) != draw([7, 8], 1, 2, skipped=0)
    assert draw([7], 0, 2, skipped=0) != draw([7], 0, 3, skipped=0)
