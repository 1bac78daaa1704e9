"""The tables that figures are measured on, as files below a folder of public data sets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Bench:
    """A table: its file below the folder, its target, and the only other settings used."""

    path: str
    target: str
    settings: dict[str, Any] = field(default_factory=dict)


TABLES = {
    "titanic": Bench("titanic/train.csv", "Survived"),
    "heart": Bench("heart/heart_cleveland303.csv", "target"),
    "penguins": Bench("penguins/penguins.csv", "species"),
    "german": Bench("german_credit/german.csv", "-1"),
    "telco": Bench("telco_churn/Telco-Customer-Churn.csv", "Churn"),
    "ames": Bench("ames_housing/AmesHousing.csv", "SalePrice"),
    "california_raw": Bench("california_housing/housing.csv.gz", "median_house_value"),
    "california": Bench(
        "california_housing_rtdl/california.csv.gz", "MedHouseVal", {"split_column": "split"}
    ),
    "adult": Bench("adult/adult.csv.gz", "income", {"split_column": "split"}),
}
