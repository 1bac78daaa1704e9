"""Forecasts of series."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from netwright.config.section import Chance, Names, Section


class ForecastConfig(Section):
    """Forecasts of the next steps of series. They are what is trained when a horizon is given."""

    horizon: Annotated[int, Field(ge=1)] | None = None
    """steps ahead that are forecast; null: no forecast"""
    lookback: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """steps back that the network sees; auto: the horizon or two seasons, whichever is more"""
    series: str | None = None
    """column that says which series a row belongs to, where there are several"""
    known: Names = Field(default_factory=list)
    """columns whose values are known ahead, such as holidays, prices or a weather forecast"""
    calendar: bool = False
    """whether hour, weekday and month of a step are known-ahead inputs too (times that are dates)"""
    network: Literal["auto", "nlinear", "dlinear", "mlp", "patch", "gru"] = "auto"
    """nlinear: one linear map of the look-back; dlinear: of its trend and of its rest; mlp: a linear map
    after a residual block; patch: attention between pieces of the look-back; gru: recurrent over such
    pieces"""
    normalization: Literal["auto", "instance", "last", "none"] = "auto"
    """what is taken from a look-back and given back to its forecast: mean and deviation, or the last value"""
    patch: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """steps of a piece of the look-back (patch, gru)"""
    trend: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """steps of the moving average that is the trend (dlinear)"""
    quantiles: list[Chance] = Field(default_factory=lambda: [0.1, 0.5, 0.9])
    """of the distribution that is forecast; the lowest and the highest are the ends of the interval"""
    point: Literal["auto", "mean", "median"] = "auto"
    """which output is the forecast; auto: the one of the lower squared error on validation windows"""
    stride: Annotated[int, Field(ge=1)] = 1
    """steps from one window to the next, in training and in scoring"""
    frequency: str = "auto"
    """from one step to the next: such as 15m, 1h, 1d, 1w, 1mo, 1q, 1y, or a number; auto: the most
    frequent"""
    season: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    """steps of a season, which the seasonal-naive forecast repeats; 1 for none"""
    gaps: Literal["forward", "season", "zero", "ignore", "error"] = "forward"
    """missing values in a look-back: the last value, the one a season before, or 0. ignore: rows follow each
    other, whatever time lies between; error: refuse them. Missing values are never a target"""
    duplicates: Literal["last", "first", "mean", "error"] = "last"
    """rows of the same time"""
    origins: Annotated[int, Field(ge=1)] = 4
    """parts of the test time that are scored one by one"""
    backtest: Annotated[int, Field(ge=0)] = 0
    """networks that are trained anew, each up to a later time, and scored on what follows (before the
    test)"""
