"""The one description of a run: sections of keys, read from and written to YAML.

Every value that is ``"auto"`` (or null where that means "find out") is resolved before training, and the
resolved config is saved in the run's folder: running it again gives the same weights.
"""

from netwright.config.config import Config, DoctorConfig, OutputConfig, set_key
from netwright.config.data import CleanConfig, DataConfig, Kind, ReadConfig, SeriesTableConfig, SplitConfig
from netwright.config.forecast import ForecastConfig
from netwright.config.inputs import (
    CategoryConfig,
    DateConfig,
    ImageConfig,
    InputsConfig,
    NumberConfig,
    PretrainedConfig,
    SeriesConfig,
    SoundConfig,
    TextConfig,
)
from netwright.config.many import CrossValidationConfig, EnsembleConfig, LearningCurveConfig, TuneConfig
from netwright.config.section import Section
from netwright.config.training import NetworkConfig, TrainingConfig

__all__ = [
    "CategoryConfig",
    "CleanConfig",
    "Config",
    "CrossValidationConfig",
    "DataConfig",
    "DateConfig",
    "DoctorConfig",
    "EnsembleConfig",
    "ForecastConfig",
    "ImageConfig",
    "InputsConfig",
    "Kind",
    "LearningCurveConfig",
    "NetworkConfig",
    "NumberConfig",
    "OutputConfig",
    "PretrainedConfig",
    "ReadConfig",
    "Section",
    "SeriesConfig",
    "SeriesTableConfig",
    "SoundConfig",
    "SplitConfig",
    "TextConfig",
    "TrainingConfig",
    "TuneConfig",
    "set_key",
]
