"""A forecasting network on disk, and how it forecasts from tables as they are."""

from netwright.runs.forecast.bundle import ForecastBundle, is_forecast
from netwright.runs.forecast.model import ForecastModel
from netwright.runs.forecast.network import apart, build, windows_of

__all__ = ["ForecastBundle", "ForecastModel", "apart", "build", "is_forecast", "windows_of"]
