"""The small tables that scikit-learn brings along."""

from __future__ import annotations

import polars as pl

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
    if name == "digits_images":
        raise InputError("the sample 'digits_images' is not a table yet", hint="sample:digits has its pixels")
    if name not in SAMPLES:
        raise InputError(f"there is no sample {name!r}", hint=suggestion(name, SAMPLES))
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    frame = pl.DataFrame(bunch.data, schema=[str(each) for each in bunch.feature_names])
    target = bunch.target
    if name in ("breast_cancer", "wine", "iris"):
        target = bunch.target_names[target].astype(str)
    return frame.with_columns(pl.Series("target", target))
