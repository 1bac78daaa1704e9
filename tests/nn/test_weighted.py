"""What weighted rows fit, against NumPy on the table in which each row is there as often as it counts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from netwright.config import InputsConfig
from netwright.data.schema import Column, Schema, Target
from netwright.nn.encoders import Encoders
from netwright.nn.weighted import Ordered, as_counts, mean

ROWS = 60
SHARES = np.array([0.0, 0.05, 0.25, 0.37, 0.5, 0.75, 1.0])


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (9, 2), elements=st.floats(-10, 10) | st.just(np.nan)),
    arrays(np.int64, 9, elements=st.integers(1, 5)),
)
def test_quantiles_and_means_equal_numpys_of_repeated_rows(values, counts):
    repeated = np.repeat(values, counts, axis=0)
    weight = torch.from_numpy(counts).double()
    found = Ordered(torch.from_numpy(values), weight).quantiles(torch.from_numpy(SHARES)).numpy()
    averages = mean(torch.from_numpy(values), weight).numpy()
    for place, column in enumerate(repeated.T):
        known = column[~np.isnan(column)]
        expected = np.quantile(known, SHARES) if len(known) else np.zeros(len(SHARES))
        np.testing.assert_allclose(found[:, place], expected, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(averages[place], known.mean() if len(known) else 0.0, atol=1e-12)


def test_whole_weights_are_counts_and_the_size_of_others_does_not_matter():
    assert as_counts(torch.tensor([1.0, 1.0])) is None
    assert as_counts(torch.full((7,), 0.1)) is None
    three = as_counts(torch.tensor([3.0, 3.0]))
    assert three is not None
    assert three.tolist() == [3.0, 3.0]
    weight = torch.tensor([0.5, 1.25, 2.0], dtype=torch.float64)
    torch.testing.assert_close(as_counts(weight), as_counts(weight * 1e-3))


def schema() -> Schema:
    columns = [
        *(Column(name=f"n{place}", kind="number", values=ROWS) for place in range(3)),
        Column(name="many", kind="category", categories=[f"v{place}" for place in range(30)]),
        Column(name="few", kind="category", categories=["a", "b", "c"]),
        Column(name="day", kind="date"),
        Column(name="words", kind="text", buckets=64),
    ]
    return Schema(columns=columns, target=Target(columns=["y"], task="regression"))


def raw() -> dict[str, torch.Tensor]:
    random = np.random.default_rng(0)
    numbers = np.stack(
        [
            random.normal(size=ROWS),
            np.where(random.random(ROWS) < 0.6, 0.0, random.random(ROWS)),
            np.where(random.random(ROWS) < 0.3, np.nan, random.random(ROWS)),
        ],
        axis=1,
    )
    codes = np.stack([random.integers(0, 32, ROWS), random.integers(0, 5, ROWS)], axis=1)
    return {
        "number": torch.from_numpy(numbers),
        "category": torch.from_numpy(codes.astype(np.int32)),
        "date": torch.from_numpy(
            np.where(random.random((ROWS, 1)) < 0.1, np.nan, random.random((ROWS, 1)) * 1e9)
        ),
        "text:words": torch.from_numpy(random.integers(0, 64, (ROWS, 6)).astype(np.int32)),
    }


def fitted(rows: torch.Tensor, weight: torch.Tensor | None, scaling: str) -> dict[str, torch.Tensor]:
    number = {"scaling": scaling, "embedding": "piecewise", "bins": 8, "size": 2, "missing": "mean"}
    config = InputsConfig.model_validate({"number": number, "category": {"size": 2}, "text": {"size": 16}})
    encoders = Encoders(schema(), config, 1)
    encoders.fit(0, raw(), rows, weight)
    return encoders.state_dict()


@pytest.mark.parametrize("scaling", ["robust", "standard", "minmax", "quantile"])
def test_a_row_that_counts_twice_fits_what_two_rows_fit(scaling):
    counts = torch.from_numpy(np.random.default_rng(1).integers(1, 4, ROWS))
    weighted = fitted(torch.arange(ROWS), counts.double(), scaling)
    repeated = fitted(torch.arange(ROWS).repeat_interleave(counts), None, scaling)
    plain = fitted(torch.arange(ROWS), None, scaling)
    changed = 0
    for name, value in repeated.items():
        # sums of repeated rows round elsewhere; everything that is a value of some row is equal to the bit
        exact = scaling != "standard" and not name.endswith("fill")
        torch.testing.assert_close(
            weighted[name], value, rtol=0 if exact else 1e-6, atol=0 if exact else 1e-9, msg=name
        )
        changed += not torch.equal(value, plain[name])
    assert changed > 5
