from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import false_discovery_control, norm, ttest_ind

from netwright.evaluate.slices import metric_name, weakest

ROWS = 2000


def table(seed: int = 0) -> pl.DataFrame:
    generator = np.random.default_rng(seed)
    return pl.DataFrame(
        {
            "age": generator.uniform(18.0, 90.0, ROWS),
            "sex": [("female", "male")[each] for each in generator.integers(0, 2, ROWS)],
            "city": [f"city{each}" for each in generator.integers(0, 8, ROWS)],
            "noise": generator.normal(size=ROWS),
        }
    )


def outputs(wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    target = np.zeros(len(wrong), int)
    return target, np.where(wrong[:, None], [0.2, 0.8], [0.8, 0.2])


def test_the_slice_made_bad_is_found_first() -> None:
    features = table()
    bad = (features["city"] == "city3").to_numpy()
    wrong = np.random.default_rng(1).random(ROWS) < np.where(bad, 0.6, 0.1)
    target, output = outputs(wrong)
    found = weakest(features, target, output, "binary")
    assert found[0].description == "city = city3"
    assert found[0].rows == bad.sum()
    assert found[0].score == pytest.approx(1.0 - wrong[bad].mean())
    assert found[0].overall == pytest.approx(1.0 - wrong.mean())
    assert found[0].p_value < 1e-20


def test_a_pair_is_found_where_it_is_worse_than_its_parts() -> None:
    features = table()
    edge = float(np.quantile(features["age"].to_numpy(), 0.2))
    bad = ((features["age"] <= edge) & (features["sex"] == "male")).to_numpy()
    target, output = outputs(np.random.default_rng(1).random(ROWS) < np.where(bad, 0.8, 0.05))
    found = weakest(features, target, output, "binary")
    assert found[0].description == f"age <= {edge:.4g} and sex = male"
    assert found[0].rows == bad.sum()


def test_p_values_are_those_of_scipy() -> None:
    features = table().select("city")
    error = np.abs(np.random.default_rng(2).normal(size=ROWS))
    found = {each.description: each for each in weakest(features, np.zeros(ROWS), error, "regression")}
    city = features["city"].to_numpy()
    names = np.unique(city)
    raw = [
        ttest_ind(error[city == name], error[city != name], equal_var=False, alternative="greater").pvalue
        for name in names
    ]
    for name, p_value in zip(names, false_discovery_control(raw), strict=True):
        if error[city == name].mean() > error.mean():
            assert found[f"city = {name}"].p_value == pytest.approx(p_value)
    assert metric_name("regression") == "mae"


def test_shares_are_compared_by_the_pooled_z_test() -> None:
    features = pl.DataFrame({"group": ["a"] * 100 + ["b"] * 100})
    wrong = np.r_[np.arange(100) < 30, np.arange(100) < 15]
    target, output = outputs(wrong)
    (found,) = weakest(features, target, output, "binary")
    z = (0.30 - 0.15) / np.sqrt(0.225 * 0.775 * (1 / 100 + 1 / 100))
    assert found.p_value == pytest.approx(2 * norm.sf(z))  # two slices were tested, the other has p = 1 - p


def test_chance_alone_gives_no_significant_slices() -> None:
    significant = 0
    for seed in range(20):
        target, output = outputs(np.random.default_rng(100 + seed).random(ROWS) < 0.2)
        significant += any(each.p_value <= 0.05 for each in weakest(table(seed), target, output, "binary"))
    assert significant <= 4


def test_small_slices_are_left_out_and_missing_values_are_a_slice() -> None:
    generator = np.random.default_rng(3)
    number = generator.normal(size=ROWS)
    number[:300] = np.nan
    rare = ["rare"] * 60 + ["often"] * (ROWS - 60)
    target, output = outputs(np.arange(ROWS) < 300)
    features = pl.DataFrame({"number": number, "rare": rare})
    found = weakest(features, target, output, "binary")
    assert found[0].description == "number is missing"
    assert found[0].score == 0.0
    assert not any("rare = rare" in each.description for each in found)
    assert all(each.rows >= 100 for each in found)


def test_twin_columns_are_told_once() -> None:
    features = table().with_columns(twin=pl.col("city").str.replace("city", "town")).select("city", "twin")
    bad = (features["city"] == "city3").to_numpy()
    target, output = outputs(bad)
    found = weakest(features, target, output, "binary")
    assert [each.description for each in found] == ["city = city3"]


def test_dates_are_shown_as_days() -> None:
    seconds = np.linspace(0.0, 100 * 86400.0, 500)
    target, output = outputs(seconds > 80 * 86400)
    found = weakest(pl.DataFrame({"day": seconds}), target, output, "binary", dates=["day"])
    assert found[0].description == "day > 1970-03-22"


def test_large_numbers_are_shown_in_full() -> None:
    price = np.linspace(0.0, 500_000.0, 501)
    target, output = outputs(price > 400_000)
    assert (
        weakest(pl.DataFrame({"price": price}), target, output, "binary")[0].description == "price > 400000"
    )


def test_labels_several_numbers_and_few_rows() -> None:
    features = pl.DataFrame({"group": ["a"] * 50 + ["b"] * 50})
    target = np.zeros((100, 2))
    output = np.zeros((100, 2))
    output[50:, 0] = 0.9
    (labels,) = weakest(features, target, output, "multilabel")
    (numbers,) = weakest(features, target, output, "regression")
    assert (labels.description, labels.score) == ("group = b", 0.5)
    assert numbers.score == pytest.approx(0.45)
    assert weakest(features[:30], target[:30], output[:30], "regression") == []
