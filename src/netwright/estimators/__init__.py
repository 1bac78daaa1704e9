"""Networks as scikit-learn's estimators: `NetClassifier` and `NetRegressor`."""

from __future__ import annotations

from netwright.estimators.classifier import NetClassifier
from netwright.estimators.regressor import NetRegressor

__all__ = ["NetClassifier", "NetRegressor"]
