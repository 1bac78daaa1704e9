"""What a forecasting network knows of its columns; saved as schema.json."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Times(BaseModel):
    """How the times of rows are written.

    Arguments:
        columns: one, or several that make a time together.
        form: number; date (seconds since 1970 where counted); parts: columns of year, month, day, hour, ...
        format: of dates in text (strptime's); cells of several columns are joined by a blank.
    """

    model_config = ConfigDict(extra="forbid")

    columns: list[str]
    form: Literal["number", "date", "parts"]
    format: str | None = None

    @property
    def name(self) -> str:
        """The time's name in tables that are written."""
        return self.columns[0] if len(self.columns) == 1 else "time"


class Step(BaseModel):
    """What lies between one time of a series and the next.

    Arguments:
        unit: second (of dates), month (of the calendar), or number.
        count: how many of them, above 0.
    """

    model_config = ConfigDict(extra="forbid")

    unit: Literal["second", "month", "number"]
    count: float

    def __str__(self) -> str:
        if self.unit == "number":
            return f"{self.count:g}"
        units = {"month": (("year", 12), ("month", 1)), "second": SECONDS}[self.unit]
        name, size = next(each for each in units if self.count % each[1] == 0 or each[1] == 1)
        count = self.count / size
        return f"1 {name}" if count == 1 else f"{count:g} {name}s"


SECONDS = (("week", 604800), ("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))


class Known(BaseModel):
    """A column whose values are known ahead.

    Arguments:
        name: the column's.
        categories: the texts that have an input of their own; None for a column of numbers.
    """

    model_config = ConfigDict(extra="forbid")

    name: str
    categories: list[str] | None = None

    @property
    def features(self) -> list[str]:
        """Names of its inputs."""
        if self.categories is None:
            return [self.name]
        return [f"{self.name}={category}" for category in self.categories]


class ForecastSchema(BaseModel):
    """Columns and steps of a forecast.

    Arguments:
        targets: columns that are forecast.
        times: how times are written.
        step: from one time to the next.
        series: column that says which series a row belongs to.
        known: columns whose values are known ahead.
        calendar: inputs of the calendar, see `netwright.data.forecast.known`.
        season: steps of a season; 1 for none.
        before: the mean of each target in training steps, which stands before its first value in a look-back.
        lookback, horizon: steps that are seen, and that are forecast.
        gaps, duplicates: as in the config.
    """

    model_config = ConfigDict(extra="forbid")

    version: Literal[1] = 1
    task: Literal["forecast"] = "forecast"
    targets: list[str]
    times: Times
    step: Step
    series: str | None = None
    known: list[Known] = Field(default_factory=list)
    calendar: list[str] = Field(default_factory=list)
    season: int
    before: list[float] = Field(default_factory=list)
    lookback: int
    horizon: int
    gaps: str = "forward"
    duplicates: str = "last"

    @property
    def known_features(self) -> list[str]:
        """Names of all inputs that are known ahead."""
        return [name for column in self.known for name in column.features] + self.calendar
