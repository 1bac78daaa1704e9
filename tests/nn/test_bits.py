from __future__ import annotations

import torch

from netwright.nn.bits import WORDS, Bits

CPU = torch.device("cpu")


def bits(*seeds: int) -> Bits:
    return Bits([torch.Generator().manual_seed(seed) for seed in seeds])


def steps(source: Bits, layers: dict[str, int], count: int) -> torch.Tensor:
    """What layers of so many features take in some steps. [M, all]"""
    taken = [source.take(layer, size, CPU) for _ in range(count) for layer, size in layers.items()]
    return torch.cat(taken, 1)


def test_a_member_takes_what_it_would_take_alone():
    layers, several = {"first": 300, "second": 70}, 200  # steps enough for several draws of each layer
    assert several * 300 > 4 * WORDS
    together = steps(bits(3, 1, 3, 2), layers, several)
    for place, seed in enumerate((3, 1, 3, 2)):
        assert torch.equal(together[place], steps(bits(seed), layers, several)[0])
    assert not torch.equal(together[0], together[1])


def test_members_of_one_seed_take_one_row():
    assert torch.equal(bits(3, 3).take("a", 40, CPU), bits(3).take("a", 40, CPU))


def test_layers_and_steps_take_different_bits():
    found = steps(bits(5), {"first": 64, "second": 64}, 3).view(6, 64)
    for place in range(6):
        for other in range(place):
            assert not torch.equal(found[place], found[other])


def test_a_short_step_takes_the_beginning_of_a_whole_one():
    whole, short = bits(4), bits(4)
    assert torch.equal(whole.take("a", 90, CPU), short.take("a", 90, CPU))
    assert torch.equal(whole.take("a", 90, CPU)[:, :30], short.take("a", 30, CPU))


def test_a_step_may_take_more_than_is_drawn_at_a_time():
    source = bits(1, 2)
    source.take("a", 8, CPU)
    assert source.take("a", 5 * WORDS, CPU).shape == (2, 5 * WORDS)


def test_bits_are_evenly_spread():
    found = bits(7, 8).take("a", 100_000, CPU).to(torch.float64)
    assert found.mean(1).abs().max() < 5 * 2**16 / 12**0.5 / 100_000**0.5
    counts = torch.bincount(((found[0] + 2**15) / 2**12).long(), minlength=16)
    assert ((counts - 6250).square() / 6250).sum() < 50  # chi squared with 15 degrees of freedom


def test_the_generators_state_counts():
    generator = torch.Generator().manual_seed(1)
    first = Bits([generator]).take("a", 50, CPU)
    assert not torch.equal(Bits([generator]).take("a", 50, CPU), first)
