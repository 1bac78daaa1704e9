"""Random changes of pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.config import ImageConfig
from netwright.encoders.augment import NOTHING, change, coloured, emptied, moved, pasted, turned
from netwright.encoders.mirrors import mirrors_fit
from netwright.nn.mixup import Mix


def pictures(count=6, height=9, width=12, channels=3):
    values = np.random.default_rng(0).integers(0, 256, (count, height, width, channels), dtype=np.uint8)
    return torch.from_numpy(values)


def changed(x, seed=0, flips=(0.0, 0.0), **settings):
    config = ImageConfig.model_validate(NOTHING | settings)
    generator = torch.Generator().manual_seed(seed)
    return change(x, config, torch.tensor(flips), torch.full((x.shape[-1],), 7.0), generator)


def sides(*pairs):
    return torch.tensor(pairs)


def still(count):
    return torch.zeros(count, 2)


def test_without_settings_nothing_changes():
    x = pictures()
    assert changed(x) is x


@pytest.mark.parametrize(("side", "axis"), [(0, 1), (1, 2)])
def test_a_flip_is_a_flip(side, axis):
    x = pictures()
    chances = tuple(float(side == place) for place in (0, 1))
    assert torch.equal(changed(x, flip="both", flips=chances), x.flip(axis))


def test_half_of_the_pictures_are_mirrored():
    x = pictures(1).repeat(400, 1, 1, 1)
    found = changed(x, flip="horizontal", flips=(0.0, 0.5))
    mirrored = (found == x.flip(2)).flatten(1).all(1)
    same = (found == x).flatten(1).all(1)
    assert bool((mirrored ^ same).all())
    assert 160 < int(mirrored.sum()) < 240


def test_a_shift_moves_by_whole_pixels_and_reflects_at_the_edge():
    x = pictures(2)
    found = moved(x, sides([False, False], [False, False]), torch.tensor([[2 / 9, 0.0], [0.0, -3 / 12]]))
    reference = np.stack(
        [
            np.pad(x[0].numpy(), ((2, 0), (0, 0), (0, 0)), mode="reflect")[:9],
            np.pad(x[1].numpy(), ((0, 0), (0, 3), (0, 0)), mode="reflect")[:, 3:],
        ]
    )
    np.testing.assert_array_equal(found.numpy(), reference)


def test_shifts_stay_within_their_share():
    x = torch.zeros(300, 11, 11, 1, dtype=torch.uint8)
    x[:, 5, 5] = 255
    found = changed(x, shift=0.19)  # 2.09 pixels
    places = found.flatten(1).float().argmax(1)
    assert set((places // 11).tolist()) == set((places % 11).tolist()) == {3, 4, 5, 6, 7}


def test_a_quarter_turn_is_that_of_numpy():
    x = pictures(2, 8, 8)
    found = turned(
        x, sides([False] * 2, [False] * 2), still(2), torch.full((2,), torch.pi / 2), torch.ones(2)
    )
    reference = np.rot90(x.numpy(), axes=(1, 2)).astype(np.float32)
    either = [np.abs(found.numpy() - each).max() for each in (reference, reference[:, ::-1, ::-1])]
    assert min(either) < 0.02


def test_turning_goes_the_same_way_in_pictures_that_are_not_square():
    """A spot beside the middle stays as far from it."""
    x = torch.zeros(1, 20, 40, 1, dtype=torch.uint8)
    x[0, 9:11, 27:29] = 255  # 8 to the right of the middle
    found = turned(x, sides([False] * 2), still(1), torch.full((1,), torch.pi / 2), torch.ones(1))[0, ..., 0]
    rows, columns = (found > 128).nonzero().float().add(0.5).mean(0).tolist()
    assert columns == pytest.approx(20, abs=0.01)
    assert abs(rows - 10) == pytest.approx(8, abs=0.01)


def test_between_pixels_mirrors_and_shifts_are_those_of_whole_pixels():
    x = pictures(3)
    mirrored = sides([True, False], [False, True], [True, True])
    shift = torch.tensor([[1 / 9, 2 / 12], [-2 / 9, 0.0], [0.0, -1 / 12]])
    found = turned(x, mirrored, shift, torch.zeros(3), torch.ones(3))
    reference = moved(x, mirrored, shift).float()
    inside = (slice(None), slice(3, -3), slice(3, -3))  # edges reflect around the border, not the last pixel
    torch.testing.assert_close(found[inside], reference[inside], atol=0.02, rtol=0)


def test_twice_the_size_shows_the_middle():
    x = pictures(1, 8, 8)
    found = turned(x, sides([False] * 2), still(1), torch.zeros(1), torch.full((1,), 2.0))
    reference = torch.nn.functional.interpolate(x.float().movedim(-1, 1), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(found, reference[..., 4:12, 4:12].movedim(1, -1), atol=0.02, rtol=0)


def test_colours():
    x = pictures(1).float()
    torch.testing.assert_close(coloured(x, torch.ones(1, 3)), x)
    torch.testing.assert_close(coloured(x, torch.tensor([[1.5, 1.0, 1.0]])), 1.5 * x, rtol=1e-4, atol=1e-3)
    flat = coloured(x, torch.tensor([[1.0, 0.0, 1.0]]))
    torch.testing.assert_close(flat, x.mean().expand_as(x))
    grey = coloured(x, torch.tensor([[1.0, 1.0, 0.0]]))
    torch.testing.assert_close(grey, x.mean(-1, keepdim=True).expand_as(x))


def test_colour_and_noise_stay_in_range():
    found = changed(pictures(), colour=0.9, noise=0.5)
    assert found.dtype == torch.float32
    assert found.aminmax() == (0, 255)


def test_cutout_empties_a_square():
    x = torch.full((1, 10, 20, 2), 255, dtype=torch.uint8)
    found = emptied(x, torch.tensor([[0.5, 0.25]]), 0.4, torch.tensor([1.0, 2.0]))
    inside = (found != 255).all(-1)[0]
    assert inside.sum() == inside[3:7, 3:7].sum() == 16
    assert found[0, 5, 5].tolist() == [1, 2]


def test_the_same_seed_gives_the_same_pictures():
    x = pictures()
    settings = {"rotation": 20.0, "shift": 0.2, "scale": 0.3, "colour": 0.3, "noise": 0.1, "cutout": 0.3}
    first, again, other = (changed(x, seed, **settings) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_cutmix_pastes_a_rectangle_of_the_partner():
    x = torch.tensor([[0.0, 1.0]]).view(1, 2, 1, 1, 1).expand(1, 2, 20, 20, 1)
    mix = Mix(torch.tensor([[1, 0]]), torch.tensor([0.75]))
    found = pasted(x, mix, [torch.Generator().manual_seed(0)])
    assert float(found[0, 0].mean()) == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(found[0, 0], 1 - found[0, 1])
    rows = (found[0, 0, ..., 0].sum(1) > 0).sum()
    columns = (found[0, 0, ..., 0].sum(0) > 0).sum()
    assert float(found[0, 0].sum()) == float(rows * columns)


def test_cutmix_of_a_whole_share_changes_nothing():
    x = torch.rand(1, 4, 5, 5, 2)
    mix = Mix(torch.tensor([[1, 2, 3, 0]]), torch.ones(1))
    assert torch.equal(pasted(x, mix, [torch.Generator().manual_seed(0)]), x)


def strokes(lean, count=200):
    """Lines that lean to a side, at random places."""
    random = np.random.default_rng(0)
    x = np.zeros((count, 12, 12, 1), np.uint8)
    for place in range(count):
        start, lower = random.integers(0, 5), random.integers(0, 4)
        for step in range(8):
            column = start + step if lean > 0 or (lean == 0 and place % 2) else start + 7 - step
            x[place, lower + step, column] = 255
    return torch.from_numpy(x)


def test_mirrored_pictures_fit_only_where_there_are_such():
    assert mirrors_fit(strokes(0))
    assert not mirrors_fit(strokes(1))


def test_missing_pictures_do_not_say_that_mirrors_fit():
    assert not mirrors_fit(torch.cat([strokes(1), torch.zeros(1000, 12, 12, 1, dtype=torch.uint8)]))
    assert not mirrors_fit(torch.zeros(5, 12, 12, 1, dtype=torch.uint8))
