"""The small tables and pictures that scikit-learn brings along."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from netwright.data.media.base import Arrays
from netwright.data.table import Table
from netwright.errors import InputError, suggestion

SAMPLES = ("breast_cancer", "wine", "iris", "digits", "diabetes")


def read_sample(name: str) -> pl.DataFrame:
    """One of scikit-learn's bundled tables; the target is the last column and is called ``target``.

    Arguments:
        name: breast_cancer, wine, iris, digits or diabetes.

    Returns:
        The inputs as floats, the target as the classes' names (digits: integers, diabetes: float).

    Raises:
        InputError: there is no such sample.

    Example:
        >>> read_sample("iris").shape
        (150, 5)
    """
    if name not in SAMPLES:
        raise InputError(f"there is no sample {name!r}", hint=suggestion(name, (*SAMPLES, "digits_images")))
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(bunch.data, schema=[str(each) for each in bunch.feature_names])
    target = bunch.target
    if name in ("breast_cancer", "wine", "iris"):
        target = bunch.target_names[target].astype(str)
    return frame.with_columns(pl.Series("target", target))


def read_digits_images() -> Table:
    """scikit-learn's digits as grey pictures of 8 x 8 pixels: ``sample:digits_images``.

    Returns:
        A row for each picture: its key ("image") and the digit ("label").

    Example:
        >>> table = read_digits_images()
        >>> table.frame.shape, table.media["image"].content("0").shape, table.target
        ((1797, 2), (8, 8, 1), 'label')
    """
    from sklearn.datasets import load_digits

    bunch: Any = load_digits()
    pictures = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]  # [N, 8, 8, 1], from 0 to 16
    keys = [str(number) for number in range(len(pictures))]
    frame = pl.DataFrame({"image": keys, "label": bunch.target})
    media = {"image": Arrays("image", dict(zip(keys, pictures, strict=True)))}
    return Table(frame, "digits_images", "sample:digits_images", media=media, target="label")
