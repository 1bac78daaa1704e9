"""Arguments that are not there: the nearest name, or the way that there is."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import netwright as nw
from netwright import callbacks, constraints, initializers, losses, metrics, models, optimizers, schedules
from netwright.arguments import HINTS, checked
from netwright.errors import InputError

MODEL = nw.Sequential([nw.layers.Dense(1, input_dim=2)])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimizers.Adam(lr=1e-3), "Adam has no argument 'lr': did you mean 'learning_rate'"),
        (lambda: optimizers.SGD(nestrov=True), "SGD has no argument 'nestrov': did you mean 'nesterov'"),
        (lambda: losses.Huber(dleta=1), "Huber has no argument 'dleta': did you mean 'delta'"),
        (lambda: losses.huber([1.0], [1.0], detla=2), "did you mean 'delta'"),
        (lambda: metrics.AUC(nam="x"), "AUC has no argument 'nam': did you mean 'name'"),
        (lambda: callbacks.EarlyStopping(patient=3), "did you mean 'patience'"),
        (lambda: schedules.CosineDecay(0.1, 10, alhpa=0.1), "did you mean 'alpha'"),
        (lambda: initializers.RandomNormal(std=1), "RandomNormal has no argument 'std'"),
        (lambda: constraints.MaxNorm(max_val=1), "did you mean 'max_value'"),
        (lambda: nw.regularizers.l2(l=0.1), "l2 has no argument 'l'"),
        (lambda: nw.Sequential(layer=[]), "did you mean 'layers'"),
        (lambda: nw.Model(input=1, outputs=2), "did you mean 'inputs'"),
        (lambda: nw.Input((2,), batchsize=3), "did you mean 'batch_size'"),
        (lambda: MODEL.compile(optimiser="adam"), "compile has no argument 'optimiser'.*'optimizer'"),
        (lambda: MODEL.fit([[0, 1]], [1], steps_per_epoch=3), "taken whole.*nw.Trainer takes loaders"),
        (lambda: MODEL.fit([[0, 1]], [1], nb_epoch=3), "did you mean 'epochs'"),
        (lambda: MODEL.evaluate([[0, 1]], [1], steps=3), "arrays are taken whole"),
        (lambda: MODEL.predict([[0, 1]], batchsize=3), "did you mean 'batch_size'"),
        (lambda: MODEL.save("x", overwite=True), "did you mean 'overwrite'"),
        (lambda: models.load_model("x", custom_objects={}), "never code"),
    ],
)
def test_the_right_name_is_offered(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()


def test_hints_are_for_what_is_not_there() -> None:
    """A hint for a name that one of the methods has would never be read."""
    methods = (nw.Model.fit, nw.Model.evaluate, nw.Model.predict, nw.Model.compile, optimizers.Adam)
    assert not {name for each in methods for name in inspect.signature(each).parameters} & HINTS.keys()


def test_what_is_checked_keeps_its_name_and_its_own_errors() -> None:
    @checked
    def halved(value: float = 1) -> float:
        """Half of it."""
        return value / 2

    assert (halved.__name__, halved.__doc__, halved(value=3)) == ("halved", "Half of it.", 1.5)
    assert list(inspect.signature(halved).parameters) == ["value"]
    with pytest.raises(TypeError):
        halved(1, 2)  # type: ignore[call-arg]


def test_functions_of_any_argument_take_any() -> None:
    class Wide(callbacks.Callback):
        def __init__(self, **given: int) -> None:
            self.given = given

    assert Wide(lr=3).given == {"lr": 3}


@pytest.mark.parametrize("value", [losses.Huber(2.0), optimizers.Adam(0.5), metrics.AUC(num_thresholds=9)])
def test_checked_objects_are_copied_and_pickled(value: Any) -> None:
    assert copy.deepcopy(value) == pickle.loads(pickle.dumps(value)) == value


def test_activations_are_those_of_the_names() -> None:
    from netwright.nn import activations as known

    names = {*known.FUNCTIONS, *known.ALIASES}
    public = {name for name in vars(nw.activations) if name.islower() and not name.startswith("_")}
    assert public - {"annotations", "get"} == names
    for name in names:
        function = getattr(nw.activations, name)
        assert nw.activations.get(name) is function
        assert nw.layers.Dense(1, function).activation_name == known.ALIASES.get(name, name)


def test_a_rate_is_assigned_and_nothing_else() -> None:
    optimizer = optimizers.Adam(0.5, beta_1=0.8)
    optimizer.learning_rate = 0.25
    assert optimizer == optimizers.Adam(0.25, beta_1=0.8)
    with pytest.raises(InputError, match="learning_rate must be greater than 0"):
        optimizer.learning_rate = -1
    with pytest.raises(InputError, match=r"beta_1 of an optimizer stays.*compile with a new one"):
        optimizer.beta_1 = 0.5
    assert (optimizer.learning_rate, optimizer.beta_1) == (0.25, 0.8)


def test_accuracy_is_the_one_that_fits_and_by_itself_equality() -> None:
    fitting = metrics.get(metrics.Accuracy(), losses.SparseCategoricalCrossentropy(), (3,))
    assert fitting == metrics.SparseCategoricalAccuracy(name="accuracy")
    named = metrics.get(metrics.Accuracy(name="right"), losses.BinaryCrossentropy(), (1,))
    assert named == metrics.BinaryAccuracy(name="right")
    assert metrics.get(metrics.Accuracy) == metrics.Accuracy()
    assert metrics.Accuracy()(np.array([1, 2, 3, 4]), np.array([1, 2, 0, 0])) == 0.5
