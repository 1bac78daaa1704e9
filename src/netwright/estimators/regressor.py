"""A regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.base import RegressorMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

from netwright.data.dataset import Dataset
from netwright.data.schema import Target
from netwright.estimators.base import NetEstimator
from netwright.nn.heads import RegressionHead


class NetRegressor(RegressorMixin, NetEstimator):
    """A network that predicts one or several quantities, as scikit-learn's estimators are.

    Settings that are "auto" follow from the number of rows and from `effort`, as for `netwright train`. What
    differs from there, and why:

    - Equal rows are merged before anything else, and stand in an order of their own. So a row of weight 2 is
      that row twice and a row of weight 0 is not there, to the last bit of every fitted number, and neither
      the order of the rows nor the way that they repeat changes a fit. Weights that are not whole numbers
      weigh rows beside each other; their size does not matter.
    - `network` is "mlp" rather than "tabm": cross-validation fits many small networks.
    - `early_stopping` is off, as in scikit-learn: all rows train. With nothing to end it, "auto" `epochs` are
      a third of those of a watched training, but at least 150 steps.
    - `device` is "cpu": fits run beside each other in other processes, and small tables are faster there.
    - Training is in float32, predicting in float64: a row's prediction does not depend on its neighbours.

    Numbers are scaled inside the network, so no scaler is needed in front. Text, categories, dates and
    missing cells may come as they are, in frames of pandas or polars or arrays of objects; sparse matrices
    may not. Predictions stay within the range of the targets.

    Arguments:
        network: "mlp", "residual" or "tabm" (an ensemble in one network); or hidden layers as plain values,
            `[{"Dense": {"units": 64, "activation": "relu"}}, {"Dropout": 0.2}]`, without width, depth, ...
        width, depth, heads, activation, normalization, dropout: see `NetworkConfig`.
        scaling, embedding: of numbers; see `NumberConfig`.
        epochs, batch_size, optimizer, learning_rate, weight_decay, schedule, patience, members: see
            `TrainingConfig`.
        early_stopping: whether some rows are kept back to find the best epoch.
        validation_fraction: their share.
        effort: "quick", "normal" or "best".
        kinds: kinds of columns by name, where they should not be found: {"zip": "category"}.
        random_state: a whole number makes the fit repeatable.
        device: "cpu", "cuda", "mps" or "auto".
        warm_start: whether `fit` goes on from where the network stands.
        callbacks: watch and steer the training; see `netwright.callbacks`, such as `Doctor()`.
        verbose: whether to print a line for each epoch.

    Attributes:
        n_outputs_: how many quantities there are.
        n_features_in_, feature_names_in_: the columns of X; the names where a frame was given.
        model_: the network as `nw.load` gives it; `model_.save(folder)`.
        history_: what happened in each epoch.
        n_iter_: epochs done.
        loss_curve_: the mean training loss of each.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> NetRegressor(random_state=0).fit(X, y).score(X, y) > 0.4
        True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """One epoch over these rows, from where the network stands. Arguments as for `fit`.

        The first call decides what the columns are and how they are scaled, and draws the first weights.
        The learning rate does not fall. Predictions reach as far as the targets seen so far.
        """
        return self._continue(X, y, None, sample_weight)

    def _check_target(self, y: Any, rows: int) -> np.ndarray:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y", estimator=self)  # type: ignore[arg-type]
        check_consistent_length(np.empty(rows), y)
        if y.ndim > 2:
            raise ValueError(f"y should be of one or two dimensions, got an array of shape {y.shape}.")
        return y

    def _learn_target(self, y: np.ndarray, *, again: bool, classes: Any = None) -> np.ndarray:
        shape = None if y.ndim == 1 else y.shape[1]
        if again and shape != self._shape:
            raise ValueError(
                f"y has {shape or 'no'} columns, the network was fitted with {self._shape or 'none'}."
            )
        self._shape = shape
        self.n_outputs_ = shape or 1
        return y

    def _target(self, name: str) -> Target:
        columns = [name] if self.n_outputs_ == 1 else [f"{name}{n}" for n in range(self.n_outputs_)]
        return Target(columns=columns, task="regression")

    def _tensor(self, target: np.ndarray) -> torch.Tensor:
        return torch.tensor(target.reshape(len(target), -1), dtype=torch.float64)

    def _widen(self, data: Dataset) -> None:
        head = self.model_.network.head
        assert isinstance(head, RegressionHead)
        head.widen(data.target)

    def predict(self, X: Any) -> np.ndarray:
        """The predicted values. [N], or [N, T] where y had columns"""
        values = self._outputs(X)
        return values[:, 0] if self._shape is None else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
