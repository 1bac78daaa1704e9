from __future__ import annotations

import pytest
import torch

from netwright.data.dataset import Dataset
from netwright.training import feed as feeds
from netwright.training.feed import ResidentFeed


def numbers(count: int, weight: torch.Tensor | None = None) -> Dataset:
    """Rows whose input and target are their own number."""
    row = torch.arange(count)
    return Dataset({"x": row[:, None].float()}, row, torch.ones(count) if weight is None else weight)


def rows_of(counts: list[int]) -> list[torch.Tensor]:
    starts = [100 * place for place in range(len(counts))]
    return [torch.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]


@pytest.mark.parametrize("counts", [[48], [41, 97], [16, 40, 5]])
@pytest.mark.parametrize("chunk", [1, 3000, 10**9])  # bytes: a step, some steps, all steps at a time
@pytest.mark.parametrize("far", [0, 10**9])  # bytes: gathered in a thread ahead, or when they are needed
def test_batches_do_not_depend_on_how_many_are_gathered_at_a_time(monkeypatch, counts, chunk, far):
    rows = rows_of(counts)
    expected = list(ResidentFeed(numbers(300), rows, [3] * len(rows), 8).epoch(2))
    monkeypatch.setattr(feeds, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(feeds, "FAR_BYTES", far)
    for ours, theirs in zip(
        ResidentFeed(numbers(300), rows, [3] * len(rows), 8).epoch(2), expected, strict=True
    ):
        assert torch.equal(ours.target, theirs.target)
        assert torch.equal(ours.raw["x"], theirs.raw["x"])
        assert torch.equal(ours.raw["x"][..., 0], ours.target.float())
        for mine, other in ((ours.rows, theirs.rows), (ours.weight, theirs.weight)):
            assert (mine is None) == (other is None)
            assert mine is None or torch.equal(mine, other)


def test_every_real_row_comes_once_and_masks_say_which_are_real():
    feed = ResidentFeed(numbers(300), rows_of([41, 97]), [0, 1], 16)
    seen: list[list[int]] = [[], []]
    for place, batch in enumerate(feed.epoch(1)):
        rows = torch.ones(2, 16) if batch.rows is None else batch.rows
        assert (batch.weight is None) == (batch.rows is None) == (place < 2)
        assert (batch.active is None) == (place < 3)
        for member in range(2):
            seen[member] += batch.target[member][rows[member] > 0].tolist()
        if batch.active is not None:
            assert batch.active.tolist() == [False, True]
            assert rows[0].sum() == 0
    assert [sorted(each) for each in seen] == [each.tolist() for each in rows_of([41, 97])]


def test_the_last_batch_of_one_member_can_be_short_instead_of_masked():
    rows, weight = [torch.arange(41)], torch.arange(60).float()
    for weights in (None, weight):
        short = list(ResidentFeed(numbers(60, weights), rows, [0], 16, cut=True).epoch(1))
        filled = list(ResidentFeed(numbers(60, weights), rows, [0], 16).epoch(1))
        assert [batch.target.shape[1] for batch in short] == [16, 16, 9]
        for mine, other in zip(short, filled, strict=True):
            count = mine.target.shape[1]
            assert mine.rows is None
            assert torch.equal(mine.target, other.target[:, :count])
            assert torch.equal(mine.raw["x"], other.raw["x"][:, :count])
            assert (mine.weight is None) == (weights is None)
            assert mine.weight is None or torch.equal(mine.weight, other.weight[:, :count])


def test_weights_and_unknown_targets_multiply():
    weight = torch.arange(40).float()
    known = torch.arange(40) % 2 == 0
    feed = ResidentFeed(numbers(40, weight), [torch.arange(40)], [0], 16, known=known)
    for batch in feed.epoch(1):
        rows = torch.ones(1, 16) if batch.rows is None else batch.rows
        assert batch.weight is not None
        assert torch.equal(batch.weight, batch.target * (batch.target % 2 == 0) * rows)


def test_several_inputs_and_targets_by_name():
    data = numbers(20)
    data.target = {"a": torch.arange(20), "b": -torch.arange(20)}
    batch = next(ResidentFeed(data, [torch.arange(20)], [0], 8).epoch(1))
    assert torch.equal(batch.target["a"], -batch.target["b"])
    assert batch.target["a"].shape == (1, 8)


def test_steps_of_members_with_fewer_rows():
    feed = ResidentFeed(numbers(200), rows_of([41, 97]), [0, 1], 16)  # 3 and 7 steps
    assert feed.passes == 7
    steps = torch.tensor([0, 2, 3, 6, 7, 9, 14])
    done = [feed.member_steps(int(step)).tolist() for step in steps]
    assert done == [[0, 0], [2, 2], [3, 3], [3, 6], [3, 7], [5, 9], [6, 14]]
    assert feed.member_steps(steps[:, None]).tolist() == done
    assert feed.done_in_epoch(5).tolist() == [3, 5]


def test_an_error_while_rows_are_fetched_ahead_comes_through():
    def broken():
        yield "first"
        raise OSError("the disk is gone")

    fetched = feeds.ahead(broken())
    assert next(fetched) == "first"
    with pytest.raises(OSError, match="the disk is gone"):
        next(fetched)
