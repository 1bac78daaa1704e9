"""How networks of pictures are trained by default."""

from __future__ import annotations

import pytest

from netwright.config import ImageConfig
from netwright.data.schema import Column
from netwright.encoders.image import body
from netwright.pipeline.recipes.image import recipe, settle


def column(*shape: int) -> Column:
    return Column(name="x", kind="image", reason="", shape=list(shape))


@pytest.mark.parametrize("encoder", ["auto", "cnn", "resnet", "vit"])
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3), (128, 96, 3), (256, 256, 1)])
def test_nothing_is_left_open(encoder, shape):
    settled = settle(column(*shape), ImageConfig(encoder=encoder), rows=500, effort="normal")
    for name in set(ImageConfig.model_fields) - {"tune"}:  # of pretrained networks, settled with them
        assert getattr(settled, name) != "auto", name
    assert ImageConfig.model_validate(settled.model_dump()) == settled
    body(shape, settled).connect(shape, 1)


def test_what_the_user_says_stays():
    given = ImageConfig(encoder="vit", size=48, patch=7, shift=0.0, flip="both", both_sides=False, cutout=0.5)
    settled = settle(column(28, 28, 1), given, rows=500, effort="best")
    for name in given.model_fields_set:
        assert getattr(settled, name) == getattr(given, name)


def test_augmentation_follows_the_content():
    photo = settle(column(96, 96, 3), ImageConfig(), 500, "normal")
    drawing = settle(column(28, 28, 1), ImageConfig(), 500, "normal")
    none = settle(column(96, 96, 3), ImageConfig(augment="none", noise=0.1), 500, "normal")
    assert (photo.augment, drawing.augment) == ("photo", "drawing")
    assert photo.colour
    assert not drawing.colour
    assert (none.flip, none.shift, none.colour, none.noise) == ("none", 0.0, 0.0, 0.1)


def test_many_or_large_pictures_are_seen_less_often():
    def epochs(rows, effort="normal", *shape):
        of = column(*(shape or (28, 28, 1)))
        return recipe(of, settle(of, ImageConfig(), rows, effort), rows, effort, "multiclass").epochs

    assert epochs(1_000) > epochs(50_000) > epochs(10_000_000) >= 1
    assert epochs(50_000) > epochs(50_000, "normal", 128, 128, 3)
    assert epochs(50_000, "quick") < epochs(50_000) < epochs(50_000, "best")


def test_targets_of_a_regression_are_not_smoothed():
    of = column(28, 28, 1)
    settled = settle(of, ImageConfig(), 500, "normal")
    assert recipe(of, settled, 500, "normal", "regression").label_smoothing == 0
    assert recipe(of, settled, 500, "normal", "binary").label_smoothing == pytest.approx(0.1)
