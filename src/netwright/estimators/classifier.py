"""A classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import torch
from sklearn.base import ClassifierMixin
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_consistent_length

from netwright.data.schema import Target
from netwright.estimators.base import NetEstimator


class NetClassifier(ClassifierMixin, NetEstimator):
    """A network that tells classes apart, as scikit-learn's estimators are.

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
    may not.

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
        classes_: the classes in ascending order; the numbers of the labels where y has several columns.
        n_features_in_, feature_names_in_: the columns of X; the names where a frame was given.
        model_: the network as `nw.load` gives it; `model_.save(folder)`.
        history_: what happened in each epoch.
        n_iter_: epochs done.
        loss_curve_: the mean training loss of each.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> NetClassifier(random_state=0).fit(X, y).score(X, y) > 0.9
        True
    """

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Any:
        """One epoch over these rows, from where the network stands.

        The first call decides what the columns are and how they are scaled, and draws the first weights.
        The learning rate does not fall.

        Arguments:
            X, y, sample_weight: as for `fit`.
            classes: all classes there will ever be; needed in the first call.
        """
        if classes is None and not hasattr(self, "model_"):
            classes = np.unique(np.asarray(y)) if np.ndim(y) == 2 else None
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        return self._continue(X, y, classes, sample_weight)

    def _check_target(self, y: Any, rows: int) -> np.ndarray:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y is None."
            )
        if scipy.sparse.issparse(y):
            y = y.toarray()
        y = check_array(y, dtype=None, ensure_2d=False, input_name="y", estimator=self)  # type: ignore[arg-type]
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y")
        if kind == "multiclass-multioutput":
            raise ValueError("y holds several columns of classes; labels that are 0 or 1 are understood.")
        y = y if kind == "multilabel-indicator" else column_or_1d(y, warn=True)
        check_consistent_length(np.empty(rows), y)
        return y

    def _learn_target(self, y: np.ndarray, *, again: bool, classes: Any = None) -> np.ndarray:
        several = y.ndim == 2
        found = np.arange(y.shape[1]) if several else np.unique(y)
        if again:
            if several != self._several or not np.isin(found, self.classes_).all():
                raise ValueError(
                    f"y holds classes that the network does not know: it was fitted with {self.classes_}, "
                    f"and y has {found}."
                )
        else:
            self._several = several
            self.classes_ = found if classes is None or several else np.unique(classes)
            if not np.isin(found, self.classes_).all():
                raise ValueError(
                    f"y holds classes that `classes` does not: {np.setdiff1d(found, self.classes_)}"
                )
        return y.astype(np.int64) if several else np.searchsorted(self.classes_, y)

    def _target(self, name: str) -> Target:
        if self._several:
            return Target(columns=[f"{name}{place}" for place in self.classes_], task="multilabel")
        names = [str(each) for each in self.classes_]
        if len(names) == 2:
            return Target(columns=[name], task="binary", classes=names, positive=names[1])
        return Target(columns=[name], task="multiclass", classes=names)

    def _tensor(self, target: np.ndarray) -> torch.Tensor:
        return torch.tensor(target, dtype=torch.float32 if self._several else torch.int64)

    def _strata(self, target: np.ndarray) -> np.ndarray | None:
        rare = target.ndim == 1 and np.bincount(target, minlength=2)[np.unique(target)].min() < 2
        return None if self._several or rare else target

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of `classes_`; of each label's being 1 where y had several columns. [N, C]"""
        return self._outputs(X)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable classes [N]; the labels [N, L] where y had several columns."""
        probability = self._outputs(X)
        if self._several:
            return (probability > 0.5).astype(np.int64)
        return self.classes_[probability.argmax(axis=1)]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
