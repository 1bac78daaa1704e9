"""Whether mirrored pictures could be pictures of the same set: cats look either way, digits do not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MOST_PICTURES = 1000
SIDE = 14  # rows and columns that are compared
FARTHER = 1.3  # fashion 1.12, photos 1.00; digits 1.70


def mirrors_fit(pictures: Tensor) -> bool:
    """Whether pictures mirrored left to right lie about as near to the others as they do unmirrored.

    The nearest other picture of a mirrored one is compared with that of the picture itself, by the median of
    the distances' ratio. Classes are not looked at: where they differ by left and right alone, as arrows do,
    mirrored pictures fit and yet must not be used.

    Arguments:
        pictures: uint8. [n, H, W, C]

    Example:
        >>> wedge = torch.tril(torch.ones(8, 8)) * torch.linspace(100, 255, 50).view(-1, 1, 1)
        >>> mirrors_fit(wedge[..., None].byte()), mirrors_fit((wedge + wedge.flip(2))[..., None] / 2)
        (False, True)
    """
    some = torch.linspace(0, len(pictures) - 1, min(len(pictures), MOST_PICTURES), device=pictures.device)
    x = pictures[some.long()].float().movedim(-1, 1)  # [n, C, H, W]
    x = x[x.flatten(1).amax(1) > 0]  # those that are there
    if len(x) < 2:
        return False
    x = functional.adaptive_avg_pool2d(x, [min(SIDE, size) for size in x.shape[2:]])
    itself = torch.eye(len(x), dtype=torch.bool, device=x.device)
    own, mirrored = (
        torch.cdist(each.flatten(1), x.flatten(1)).masked_fill(itself, torch.inf).amin(1)
        for each in (x, x.flip(3))
    )
    return bool(mirrored.median() <= FARTHER * own.median().clamp(min=1e-3))
