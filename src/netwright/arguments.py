"""Arguments that a function or class does not have: an error that offers the right name, or the way there is.

A function is decorated with `checked`; a class has `Checked` as a base.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, Self, TypeVar

from netwright.errors import InputError, suggestion

_P = ParamSpec("_P")
_R = TypeVar("_R")

# What programs for Keras give and is not here, or has another name; the rest is found by likeness.
HINTS = {
    "lr": "did you mean 'learning_rate'?",
    "decay": "did you mean 'weight_decay'? A rate that falls is one of netwright.schedules",
    "nb_epoch": "did you mean 'epochs'?",
    "steps_per_epoch": "arrays are taken whole in each epoch; nw.Trainer takes loaders",
    "validation_steps": "validation takes all its rows; nw.Trainer takes loaders",
    "validation_freq": "validation is made in each epoch",
    "steps": "arrays are taken whole; give fewer rows: x[:1000]",
    "workers": "leave it out: nothing is loaded here; nw.Trainer takes loaders",
    "use_multiprocessing": "leave it out: nothing is loaded here; nw.Trainer takes loaders",
    "max_queue_size": "leave it out: nothing is loaded here; nw.Trainer takes loaders",
    "loss_scale_factor": "leave it out: numbers are float32 here",
    "gradient_accumulation_steps": "leave it out, and make batch_size as many times as large",
    "custom_objects": "leave it out: what is saved are Netwright's own layers, never code",
    "reduction": "leave it out: a loss is the mean over rows, or over their weights",
}


def refuse_unknown(name: str, given: Iterable[str], function: Callable[..., Any]) -> None:
    """Raises InputError at the first name that is no argument of a function.

    Arguments:
        name: what the user called.
        given: names of arguments.
        function: which is to take them.

    Example:
        >>> refuse_unknown("sorted", ["revers"], sorted)
        Traceback (most recent call last):
        netwright.errors.InputError: sorted has no argument 'revers': did you mean 'reverse'?
    """
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return
    known = [each.name for each in parameters if each.name != "self" and each.kind is not each.VAR_POSITIONAL]
    for each in given:
        if each not in known:
            hint = HINTS.get(each) or suggestion(each, known)
            raise InputError(f"{name} has no argument {each!r}", hint=hint)


def checked(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function that tells unknown arguments with an InputError."""

    @functools.wraps(function)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if kwargs:
            refuse_unknown(function.__name__, kwargs, function)
        return function(*args, **kwargs)

    return call


class Checked:
    """A class that tells unknown arguments with an InputError."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if kwargs:
            refuse_unknown(cls.__name__, kwargs, cls.__init__)
        return super().__new__(cls)
