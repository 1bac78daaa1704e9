"""What "auto" becomes for sounds."""

from __future__ import annotations

import pytest

from netwright.config import SoundConfig
from netwright.data.schema import Column
from netwright.pipeline.recipes.sound import recipe, settle


def column(seconds: float, rate: int = 16_000) -> Column:
    return Column(name="s", kind="sound", rate=rate, shape=[round(seconds * rate)])


@pytest.mark.parametrize("encoder", ["auto", "cnn", "fcn", "resnet", "gru"])
@pytest.mark.parametrize("effort", ["quick", "normal", "best"])
def test_nothing_is_left_open_and_what_is_given_is_kept(encoder: str, effort: str) -> None:
    given = SoundConfig(encoder=encoder, bands=20, gain=1.0)  # type: ignore[arg-type]
    found = settle(column(1.0), given, 500, effort)
    assert "auto" not in [getattr(found, name) for name in SoundConfig.__annotations__]
    assert (found.bands, found.gain, found.rate) == (20, 1.0, 16_000)
    assert given.hop == "auto"


def test_long_sounds_have_no_more_spectra_than_short_ones_need() -> None:
    for seconds in (0.1, 1.0, 3.0, 10.0, 60.0):
        found = settle(column(seconds), SoundConfig(), 500, "normal")
        assert 1000 * seconds / float(found.hop) <= 301
        assert float(found.window) > float(found.hop) or seconds > 10


def test_effort_and_rows_say_how_long_is_trained() -> None:
    settings = settle(column(1.0), SoundConfig(), 500, "normal")
    quick, normal, best = (
        recipe(column(1.0), settings, 5_000, effort, "multiclass") for effort in ("quick", "normal", "best")
    )
    assert (quick.epochs or 0) < (normal.epochs or 0) < (best.epochs or 0)
    few, many = (recipe(column(1.0), settings, rows, "normal", "multiclass") for rows in (300, 50_000))
    assert (few.epochs or 0) > (many.epochs or 0)
    assert recipe(column(1.0), settings, 500, "normal", "regression").label_smoothing == 0.0
