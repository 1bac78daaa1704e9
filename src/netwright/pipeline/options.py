"""Options of the training that not every task has."""

from __future__ import annotations

from netwright.config import Config, TrainingConfig
from netwright.data.schema import Target
from netwright.errors import InputError
from netwright.nn.objective import CLASS_LOSSES, NUMBER_LOSSES

CLASSES = ("binary", "multiclass")
NAMES = {"multilabel": "several labels"}


def check_options(training: TrainingConfig, target: Target) -> None:
    """Refuses what the target's task has no use for.

    Raises:
        InputError: names the option, and what it is for.
    """
    task = target.task
    if training.sampling == "balanced" and task not in CLASSES:
        raise _unfit("sampling", "balanced", "it draws classes", task, "plain")
    if training.sampling == "balanced" and training.class_weights == "balanced":
        raise InputError(
            "training.sampling and training.class_weights are both balanced, which counts rare classes twice",
            where="training",
            hint="take one of them out",
        )
    if training.logit_adjustment and task not in CLASSES:
        raise _unfit("logit_adjustment", training.logit_adjustment, "it is for classes", task, 0)
    if training.threshold != "half" and task != "binary":
        raise _unfit("threshold", training.threshold, "it decides between two classes", task, "half")
    known = NUMBER_LOSSES if task == "regression" else CLASS_LOSSES
    if training.loss not in ("auto", *known):
        of = "numbers" if training.loss in NUMBER_LOSSES else "classes and labels"
        raise _unfit("loss", training.loss, f"it is for {of}", task, ", ".join(known))
    if training.loss == "symmetric_cross_entropy" and not training.symmetric_alpha + training.symmetric_beta:
        hint = "at least one is above 0"
        raise InputError("training.symmetric_alpha and symmetric_beta are 0", where="training", hint=hint)


def check_no_choices(config: Config, doing: str) -> None:
    """Raises InputError for a threshold or members' weights, which the validation rows of one run choose.

    Arguments:
        doing: what has no such rows, as the subject of a sentence.
    """
    for key, value, plain in (
        ("training.threshold", config.training.threshold, "half"),
        ("ensemble.weights", config.ensemble.weights, "equal"),
    ):
        if value != plain:
            raise InputError(
                f"{key} is {value}, and {doing} has no validation rows that all its networks share",
                where=key,
                hint=f"leave it {plain!r}; netwright train takes it",
            )


def _unfit(key: str, value: object, what: str, task: str, instead: object) -> InputError:
    return InputError(
        f"training.{key} is {value}, but {what}, and the task is {NAMES.get(task, task)}",
        where=f"training.{key}",
        hint=f"possible here: {instead}",
    )
