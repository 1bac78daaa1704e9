"""What concerns several networks: searches, ensembles, folds, learning curves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from netwright.config.section import Section, Share


class TuneConfig(Section):
    """How settings are searched (netwright tune)."""

    trials: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """networks that are tried; auto: 32, or as many as the time limit or the grid allows"""
    search: Literal["auto", "random", "grid", "tpe", "gp", "cmaes"] = "auto"
    """how the next trials are chosen; auto is tpe"""
    space: dict[str, Any] = Field(default_factory=dict)
    """{config key: {low, high, log, step} or a list of values}; a good one for the network unless given"""
    folds: Annotated[int, Field(ge=2)] | None = None
    """score a trial by the mean of so many folds; by the validation rows unless given"""
    prune: Literal["auto", "none", "halving", "hyperband"] = "auto"
    """which trials end early: the worse half at a quarter and at half of the epochs (halving)"""
    batch: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """trials that are chosen, and trained, together"""
    ensemble: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """average that many of the best trials; 1 takes the best alone; auto: up to 8 under a time limit,
    weighted by what they add on validation rows, else 1"""
    storage: str | None = None
    """Optuna storage URL; study.db in the study's folder unless given"""


class EnsembleConfig(Section):
    """How the members' predictions become one."""

    weights: Literal["equal", "greedy"] = "equal"
    """greedy: members that make the average better on validation rows count more (Caruana et al., 2004)"""


class CrossValidationConfig(Section):
    """How rows are divided into folds (netwright cv); by split.group or split.time where they are given."""

    folds: Annotated[int, Field(ge=1)] = 5
    """each is scored by a network that the others have trained"""
    repeats: Annotated[int, Field(ge=1)] = 1
    """how often the rows are divided anew"""
    validation: Share = 0.2
    """share of a fold's training rows that stop its training, in the place of split.validation"""
    test: Share = 0.0
    """share of the rows that is in no fold and scores the ensemble, in the place of split.test"""


class LearningCurveConfig(Section):
    """Scores of more and more training rows (netwright learning-curve)."""

    fractions: list[Annotated[float, Field(gt=0.0, le=1.0)]] | Literal["auto"] = "auto"
    """shares of the training rows; auto: 8 steps to all of them, each larger by one factor"""
    repeats: Annotated[int, Field(ge=1)] = 3
    """networks of each share, from rows drawn anew"""
    metric: str | None = None
    """which metric is drawn; the headline of the task unless given"""
