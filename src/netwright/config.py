"""The one description of a run, read from and written to YAML.

Every value that is ``"auto"`` (or null where that means "find out") is resolved before training, and the
resolved config is saved in the run's folder: running it again gives the same weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_origin

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from netwright.errors import InputError, suggestion

Kind = Literal["number", "category", "boolean", "date", "text", "image", "sound", "series", "id", "constant"]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Loss = Literal[
    "auto",
    "cross_entropy",
    "focal",
    "generalized_cross_entropy",
    "symmetric_cross_entropy",
    "mse",
    "huber",
    "mae",
]
Chance = Annotated[float, Field(gt=0.0, lt=1.0)]
NonNegative = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


def _as_names(value: Any) -> Any:
    """One name, or a column's number, where a list of names is wanted."""
    if isinstance(value, str | int):
        return [str(value)]
    if isinstance(value, list):
        return [str(name) if isinstance(name, int) else name for name in value]
    return value


Names = Annotated[list[str], BeforeValidator(_as_names)]


class Section(BaseModel):
    """A part of the config. Unknown keys are refused; a section without keys is as good as none."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _without_empty_sections(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        sections = {name for name, field in cls.model_fields.items() if _is_section(field.annotation)}
        return {key: value for key, value in values.items() if value is not None or key not in sections}


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Section)


# ---------------------------------------------------------------------------------------------- data


class ReadConfig(Section):
    """How the source is read. All of it is found out from the content unless given."""

    format: Literal["auto", "csv", "parquet", "arrow", "jsonl", "arff", "ts", "idx"] = "auto"
    """what the source is"""
    separator: str | None = None
    """one character between cells (csv); "tab" is understood"""
    encoding: str | None = None
    """such as utf-8, cp1252, utf-16 (csv, arff)"""
    header: bool | None = None
    """whether the first line holds the names (csv)"""
    quote: str | None = None
    """the quoting character (csv); "none" reads quotes as plain characters"""
    member: str | None = None
    """which file of a zip is meant"""


class CleanConfig(Section):
    """What is done about what the checks find, beside reporting it. Counts go to findings.json."""

    missing_target: Literal["drop", "error"] = "drop"
    """rows without a target"""
    duplicates: Literal["keep", "drop"] = "keep"
    """fully equal rows: keep all, or the first of each"""
    outliers: Literal["keep", "clip", "drop"] = "keep"
    """numbers beyond 10 robust deviations: keep, clip inside the network, or drop such training rows"""
    spellings: Literal["keep", "merge"] | dict[str, dict[str, str]] = "keep"
    """near-equal category spellings: keep, merge into the most frequent, or {column: {from: to}}"""
    drop_columns: Names = Field(default_factory=list)
    """columns that are never used as inputs"""
    leaks: Literal["keep", "drop"] = "keep"
    """columns that give the target away: keep (and say so), or drop"""


class SeriesTableConfig(Section):
    """How rows of a table become whole series: many columns of one row, or many rows with one id."""

    wide: Names = Field(default_factory=list)
    """columns with the values of a series, in order of time; a pattern such as t_* is one channel"""
    id: str | None = None
    """column that says which series a row belongs to"""
    time: str | None = None
    """column that a series' rows are sorted by; in the order of the table unless given"""
    values: Names = Field(default_factory=list)
    """columns with the values, one for each channel; unless given, all numbers that change within a series"""
    decimal_comma: bool | Literal["auto"] = "auto"
    """whether numbers in text have a comma before the decimals; found in the training table unless given"""


class DataConfig(Section):
    """Where the rows come from and what their columns are."""

    path: str | None = None
    """file, zip, sample:NAME, or a database URL::SELECT ..."""
    target: Names = Field(default_factory=list)
    """name of the target column; several for several targets"""
    task: Literal["auto", "binary", "multiclass", "multilabel", "regression"] = "auto"
    """what is predicted"""
    positive: str | None = None
    """the positive class of a binary task; the rarer one unless given"""
    kinds: dict[str, Kind] = Field(default_factory=dict)
    """kinds of columns, where they differ from what is found"""
    missing: list[str] | Literal["auto"] = "auto"
    """words that mean a missing value in text sources"""
    sensitive: Names = Field(default_factory=list)
    """columns whose groups are compared in the report"""
    weight: str | None = None
    """column of row weights"""
    read: ReadConfig = Field(default_factory=ReadConfig)
    series: SeriesTableConfig = Field(default_factory=SeriesTableConfig)
    clean: CleanConfig = Field(default_factory=CleanConfig)


class SplitConfig(Section):
    """Which rows train, which stop the training, and which give the final score."""

    method: Literal["auto", "random", "stratified", "group", "time", "column", "files"] = "auto"
    """how rows are divided"""
    column: str | None = None
    """a column of train, validation (or val), test, ignore"""
    group: str | None = None
    """rows of one group stay on one side"""
    time: str | None = None
    """earlier rows train, later rows test"""
    validation: Share = 0.16
    """share of the rows for validation"""
    test: Share = 0.20
    """share of the rows for the test"""
    validation_file: str | None = None
    """validation rows from a file of their own"""
    test_file: str | None = None
    """test rows from a file of their own"""


# -------------------------------------------------------------------------------------------- inputs


class NumberConfig(Section):
    """How columns of numbers enter the network."""

    scaling: Literal["robust", "standard", "minmax", "quantile", "none"] = "robust"
    """fitted on the training rows; robust is smoothly clipped to +-3"""
    clip_outliers: bool = False
    """whether values beyond 10 robust deviations are cut there (data.clean.outliers: clip sets it)"""
    missing: Literal["median", "mean", "zero"] = "median"
    """what fills a missing value, beside a flag"""
    embedding: Literal["auto", "none", "piecewise", "periodic"] = "auto"
    """turns one number into a vector"""
    bins: Annotated[int, Field(ge=2, le=512)] | Literal["auto"] = "auto"
    """pieces of a piecewise-linear embedding"""
    size: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """dimensions of the embedding"""
    frequencies: Annotated[int, Field(ge=1, le=256)] = 16
    """number of frequencies of a periodic embedding"""
    sigma: Positive = 0.1
    """standard deviation of the frequencies at the start (periodic)"""


class CategoryConfig(Section):
    """How columns of categories enter the network. Unseen and missing have their own place."""

    one_hot_up_to: Annotated[int, Field(ge=0, le=1000)] = 9
    """one-hot up to that many values, else an embedding"""
    size: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """dimensions of the embedding"""
    most: Annotated[int, Field(ge=2)] = 10000
    """only that many of the most frequent values have a place of their own"""


class DateConfig(Section):
    """How dates enter: position on the time axis, and cycles of year, month, week and day."""

    trend: bool = True
    """whether the position on the time axis is an input"""


class PretrainedConfig(Section):
    """A network that was trained elsewhere, in the place of one that is trained from scratch."""

    pretrained: str | None = None
    """a network of Hugging Face transformers: a folder, or a name on the hub"""
    tune: Literal["auto", "frozen", "head_first", "gradual", "full"] = "auto"
    """what is learnt of it: nothing (frozen, what auto takes); all, after the head alone; its layers one
    after another from above; all at once"""
    tune_rate: Positive = 0.03
    """learning rate of its uppermost layer, as a share of the network's"""
    tune_decay: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """the same share from each layer to the one below"""


class TextConfig(PretrainedConfig):
    """How free text enters the network. All is learnt from the training rows; nothing is downloaded."""

    encoder: Literal["auto", "bag", "cnn", "gru", "lstm", "transformer"] = "auto"
    """bag (auto): hashed words, pairs of words and letters of words, averaged; cnn, gru, lstm: networks along
    the words; transformer: attention to pieces of words of a learnt vocabulary (netwright[text])"""
    characters: bool | Literal["auto"] = "auto"
    """whether a bag reads the n-grams of letters within words too; auto: where texts are sentences, and up to
    50,000 of them"""
    buckets: Annotated[int, Field(ge=1, le=2**20)] | Literal["auto"] = "auto"
    """n-grams, words or pieces that have a vector, the most frequent; auto: all that come in two texts"""
    size: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """numbers of a vector"""
    length: Annotated[int, Field(ge=1, le=8192)] | Literal["auto"] = "auto"
    """n-grams, words or pieces read from each text; auto: all of nearly every text"""
    width: Annotated[int, Field(ge=1, le=4096)] | Literal["auto"] = "auto"
    """filters of each kernel (cnn) or units of each direction (gru, lstm)"""
    depth: Annotated[int, Field(ge=1, le=24)] | Literal["auto"] = "auto"
    """layers (gru, lstm, transformer)"""
    dropout: Share | Literal["auto"] = "auto"
    """of words, of layers and of the features (cnn, gru, lstm, transformer)"""


class ImageConfig(PretrainedConfig):
    """How pictures enter the network."""

    encoder: Literal["auto", "cnn", "resnet", "vit"] = "auto"
    """cnn: small and fast; resnet: deeper, with skips; vit: a small vision transformer"""
    height: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """rows that a picture is scaled to; found from the pictures that are learnt from"""
    width: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    channels: Literal["auto", 1, 3] = "auto"
    """1: grey, 3: colour"""
    size: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """channels of the first layer (cnn, resnet), or of a patch's features (vit)"""
    patch: Annotated[int, Field(ge=1, le=128)] | Literal["auto"] = "auto"
    """rows and columns of a patch (vit)"""
    dropout: Share | Literal["auto"] = "auto"
    """inside the blocks (vit)"""
    augment: Literal["auto", "none", "drawing", "photo"] = "auto"
    """pictures are changed at random while they are learnt from. drawing: shifts and small turns; photo:
    flips, shifts, scales, colours; auto: by size and colour. What follows sets single changes"""
    flip: Literal["auto", "none", "tested", "horizontal", "vertical", "both"] = "auto"
    """mirrors half of the pictures; tested, which auto takes: horizontally, where mirrored training pictures
    look like others of them. Give none where left and right tell classes apart"""
    both_sides: bool | Literal["auto"] = "auto"
    """predict from the mean of the features of a picture and its mirror image; auto: where such were
    learnt"""
    rotation: Annotated[float, Field(ge=0.0, le=180.0)] | Literal["auto"] = "auto"
    """degrees, at most, either way"""
    shift: Annotated[float, Field(ge=0.0, le=0.5)] | Literal["auto"] = "auto"
    """share of height and width, at most, either way"""
    scale: Share | Literal["auto"] = "auto"
    """largest change of the size: .2 gives 1 / 1.2 to 1.2"""
    colour: Share | Literal["auto"] = "auto"
    """largest change of brightness, contrast and saturation"""
    noise: Share | Literal["auto"] = "auto"
    """deviation of normal noise, as a share of the range from black to white"""
    cutout: Share | Literal["auto"] = "auto"
    """a square of that share of the smaller side is emptied"""
    mix: Literal["blend", "cut"] = "blend"
    """how pictures are mixed where training.mixup is above 0: blended, or a part of one put into the other"""


class SoundConfig(PretrainedConfig):
    """How sounds enter the network: log-mel spectrograms, then a network for pictures or series."""

    encoder: Literal["auto", "cnn", "fcn", "resnet", "gru"] = "auto"
    """cnn: convolutions over time and bands; fcn, resnet: along time; gru: recurrent, both ways"""
    rate: Annotated[int, Field(ge=1000, le=192_000)] | Literal["auto"] = "auto"
    """samples a second that all sounds are brought to; auto: what most have, 16,000 at most"""
    seconds: Annotated[float, Field(gt=0.0, le=600.0)] | Literal["auto"] = "auto"
    """longest part of a sound that is used, from its middle; auto: 10"""
    bands: Annotated[int, Field(ge=8, le=256)] | Literal["auto"] = "auto"
    """of the mel scale"""
    window: Annotated[float, Field(gt=0.0, le=1000.0)] | Literal["auto"] = "auto"
    """milliseconds of which a spectrum is taken"""
    hop: Annotated[float, Field(gt=0.0, le=1000.0)] | Literal["auto"] = "auto"
    """milliseconds from one spectrum to the next; auto: 10, more for long sounds"""
    size: Annotated[int, Field(ge=4, le=512)] | Literal["auto"] = "auto"
    """channels of the first convolutions, or units of a direction"""
    dropout: Share | Literal["auto"] = "auto"
    """of the features at the end"""
    gain: NonNegative | Literal["auto"] = "auto"
    """augmentation: decibels, at most, either way"""
    shift: Share | Literal["auto"] = "auto"
    """augmentation: a sound begins earlier or later by up to that share of its length; its start is lost, or
    silence comes before it"""
    speed: Share | Literal["auto"] = "auto"
    """augmentation: largest change of the speed, and of the pitch with it"""
    noise: Share | Literal["auto"] = "auto"
    """augmentation: largest deviation of white noise, as a share of the sound's own"""
    time_mask: Share | Literal["auto"] = "auto"
    """augmentation: each of two stretches of time that are emptied is at most that share of the sound"""
    band_mask: Share | Literal["auto"] = "auto"
    """augmentation: each of two groups of bands that are emptied is at most that share of them"""


class SeriesConfig(Section):
    """How whole series enter the network."""

    encoder: Literal["auto", "fcn", "resnet", "gru", "lstm", "transformer"] = "auto"
    """fcn, resnet: convolutions along time; gru, lstm: recurrent, both ways; transformer: attention"""
    width: Annotated[int, Field(ge=4, le=1024)] | Literal["auto"] = "auto"
    """channels of the first convolutions, units of a direction, or features of a step"""
    depth: Annotated[int, Field(ge=1, le=12)] | Literal["auto"] = "auto"
    """blocks of convolutions (fcn: 3 convolutions, always), recurrent layers, or blocks of attention"""
    length: Annotated[int, Field(ge=1, le=100_000)] | Literal["auto"] = "auto"
    """steps at most; of longer series, neighbouring steps become their mean. auto: 2000"""
    dropout: Share | Literal["auto"] = "auto"
    """share of the features of a series that are zeroed while training"""
    jitter: NonNegative | Literal["auto"] = "auto"
    """augmentation: noise on each value, in standard deviations of its channel"""
    scaling: NonNegative | Literal["auto"] = "auto"
    """augmentation: each channel is multiplied by 1 plus so much noise"""
    slicing: Share | Literal["auto"] = "auto"
    """augmentation: up to this share of a series is left out at its ends, and the rest stretched"""
    warping: Share | Literal["auto"] = "auto"
    """augmentation: time runs faster here and slower there, by up to this share"""


class InputsConfig(Section):
    """Encoder settings by kind, and by column where one differs."""

    number: NumberConfig = Field(default_factory=NumberConfig)
    category: CategoryConfig = Field(default_factory=CategoryConfig)
    date: DateConfig = Field(default_factory=DateConfig)
    text: TextConfig = Field(default_factory=TextConfig)
    image: ImageConfig = Field(default_factory=ImageConfig)
    sound: SoundConfig = Field(default_factory=SoundConfig)
    series: SeriesConfig = Field(default_factory=SeriesConfig)
    pretrained: str | None = None
    """a network of Hugging Face transformers for the one column of its kind: a folder, or a name on the
    hub"""
    columns: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """{column: {setting: value}} for single columns"""


# ------------------------------------------------------------------------------- network and training


class NetworkConfig(Section):
    """The network between the encoders and the head."""

    kind: Literal["auto", "mlp", "residual", "tabm", "layers"] = "auto"
    """mlp: plain layers; residual: blocks with a skip; tabm: an MLP shared by `heads` cheap members; layers:
    those given below"""
    width: Annotated[int, Field(ge=1, le=8192)] | Literal["auto"] = "auto"
    """units of a layer"""
    depth: Annotated[int, Field(ge=0, le=64)] | Literal["auto"] = "auto"
    """hidden layers (blocks for residual)"""
    heads: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """members that share the weights (tabm)"""
    activation: Literal["relu", "gelu", "silu", "mish", "selu", "tanh", "leaky_relu", "elu"] = "relu"
    normalization: Literal["auto", "none", "layer", "batch"] = "auto"
    dropout: Share | Literal["auto"] = "auto"
    layers: list[str | dict[str, Any]] | None = None
    """hidden layers by hand instead, such as [{Dense: {units: 64, activation: relu}}, {Dropout: 0.2}]"""


class TrainingConfig(Section):
    """How the weights are found."""

    effort: Literal["quick", "normal", "best"] = "normal"
    """quick: a usable score in seconds; best: may take an hour"""
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: Positive | Literal["auto"] = "auto"
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    """of sgd and rmsprop"""
    nesterov: bool = False
    beta1: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    beta2: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    weight_decay: NonNegative | Literal["auto"] = "auto"
    """decoupled for adamw, added to the gradient otherwise"""
    l1: NonNegative = 0.0
    """weight of the sum of absolute weights in the loss"""
    epochs: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    schedule: Literal["cosine", "constant", "linear", "step", "exponential"] = "cosine"
    warmup: Share | Literal["auto"] = "auto"
    """share of the steps in which the learning rate rises from 0"""
    clip_norm: Positive | None = 1.0
    """largest norm of a member's gradient"""
    label_smoothing: Share | Literal["auto"] = "auto"
    """share of a target that goes to the other classes"""
    class_weights: Literal["none", "balanced"] | dict[str, Positive] = "none"
    sampling: Literal["plain", "balanced"] = "plain"
    """balanced: each epoch draws as many rows as there are, of each class equally many"""
    logit_adjustment: NonNegative = 0.0
    """tau: logits + tau * log of the classes' shares, in the loss only (classes; 1 balances them)"""
    threshold: Literal["half", "f1", "balanced_accuracy", "accuracy"] | Chance = "half"
    """probability above which the positive class is predicted, or what it is chosen for on validation rows"""
    loss: Loss = "auto"
    """auto: cross_entropy or mse; focal for rare classes; generalized or symmetric for wrong labels; huber or
    mae for outliers in a regression"""
    focal_gamma: NonNegative = 2.0
    generalized_q: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    """of generalized_cross_entropy: near 0 cross-entropy, 1 the absolute error"""
    symmetric_alpha: NonNegative = 0.1
    """of symmetric_cross_entropy: factor of the cross-entropy"""
    symmetric_beta: NonNegative = 1.0
    """of symmetric_cross_entropy: factor of the reverse cross-entropy"""
    huber_delta: Positive = 1.0
    """in standard deviations of the target"""
    mixup: NonNegative = 0.0
    """alpha: rows of a batch are blended by shares from Beta(alpha, alpha); 0 for none, .1 to .4 are usual"""
    reweigh: bool = False
    """weights that make target and sensitive groups independent (Kamiran and Calders, 2012)"""
    patience: Annotated[int, Field(ge=1)] | Literal["auto"] | None = "auto"
    """epochs without a better validation score before training stops; null never stops"""
    members: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """networks trained together from different seeds and averaged"""
    refit: bool = False
    """fit again on training and validation rows for the epochs found"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    """processor threads; found and recorded"""
    time_limit: Positive | None = None
    """seconds for the whole process"""
    start_from: str | None = None
    """folder of a run whose network is the start of this one"""
    stop_step: Annotated[int, Field(ge=0)] | None = None
    """the step at which a training was cut off; recorded so that it can be repeated"""


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


class DoctorConfig(Section):
    """What looks at data, network and training, and says what is wrong."""

    watch: bool = True
    """look at all during and after the training; off: nothing is looked at but the data"""
    preflight: bool = True
    """look at the network, for a second or two, before the first step"""
    repair: bool = False
    """try what may help where something does harm, and keep what does on the validation rows"""


class OutputConfig(Section):
    """Where the run goes."""

    folder: str | None = None
    """the run's folder; runs/NAME-DATE-TIME unless given"""
    overwrite: bool = False


class Config(Section):
    """One run: data, split, inputs, network, training, ensemble, tune, cv, learning_curve,
    forecast, doctor, output.

    Example:
        >>> config = Config.parse({"data": {"path": "adult.csv", "target": "income"}})
        >>> config.training.optimizer
        'adamw'
    """

    data: DataConfig = Field(default_factory=DataConfig)
    split: SplitConfig = Field(default_factory=SplitConfig)
    inputs: InputsConfig = Field(default_factory=InputsConfig)
    network: NetworkConfig = Field(default_factory=NetworkConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    ensemble: EnsembleConfig = Field(default_factory=EnsembleConfig)
    tune: TuneConfig = Field(default_factory=TuneConfig)
    cv: CrossValidationConfig = Field(default_factory=CrossValidationConfig)
    learning_curve: LearningCurveConfig = Field(default_factory=LearningCurveConfig)
    forecast: ForecastConfig = Field(default_factory=ForecastConfig)
    doctor: DoctorConfig = Field(default_factory=DoctorConfig)
    output: OutputConfig = Field(default_factory=OutputConfig)

    @classmethod
    def parse(cls, values: dict[str, Any], *, where: str = "config") -> Config:
        """A checked config from nested dictionaries.

        Raises:
            InputError: an unknown key or a wrong value; names the key and what is allowed.
        """
        if not isinstance(values, dict):
            raise InputError("a config is a mapping of sections", where=where, hint=_sections())
        try:
            config = cls.model_validate(values)
        except ValidationError as error:
            raise InputError(_explain(error), where=where) from None
        for column, settings in config.inputs.columns.items():
            _check_settings(column, settings, where)
        _check_layers(config.network, where)
        return config

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """Reads a config from a YAML file."""
        path = Path(path)
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError("no such config file", where=str(path)) from None
        except UnicodeDecodeError:
            raise InputError("the config is not text in UTF-8", where=str(path)) from None
        except OSError as error:
            raise InputError(f"the config cannot be read: {error.strerror}", where=str(path)) from None
        try:
            values = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or "not YAML"
            raise InputError(f"the config is not valid YAML: {problem}", where=f"{path}{line}") from None
        return cls.parse(values or {}, where=str(path))

    def to_yaml(self) -> str:
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)

    def with_values(self, changes: Iterable[str], *, where: str = "--set") -> Config:
        """A copy with ``key=value`` settings applied, such as ``training.epochs=20``."""
        values = self.model_dump(mode="json")
        for change in changes:
            key, equals, text = change.partition("=")
            if not equals:
                raise InputError(f"{change!r} is not of the form key=value", where=where)
            set_key(values, key.strip(), _value(text, where=f"{where} {change}"), where=where)
        return Config.parse(values, where=where)


def _value(text: str, *, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise InputError(f"the value {text!r} is not valid YAML", where=where) from None


FREE = ("data.kinds", "data.clean.spellings", "inputs.columns", "training.class_weights", "tune.space")
"""sections whose keys are the user's: names of columns, classes or spellings"""


def set_key(values: dict[str, Any], key: str, value: Any, *, where: str) -> None:
    """Sets ``a.b.c`` in nested dictionaries; unknown sections are refused with the nearest right one."""
    *sections, last = key.split(".")
    place: Any = values
    for depth, section in enumerate(sections):
        name = ".".join(sections[: depth + 1])
        free = name.startswith(FREE)
        if section not in place and not free:
            raise InputError(f"unknown key {name!r}", where=where, hint=suggestion(section, place))
        if free and not isinstance(place.get(section), dict):
            place[section] = {}
        place = place[section]
        if not isinstance(place, dict):
            raise InputError(f"{name!r} holds a value, not a section", where=where)
    if last not in place and not key.startswith(FREE):
        raise InputError(f"unknown key {key!r}", where=where, hint=_hint_for_key(last, sections, place))
    place[last] = value


def _hint_for_key(last: str, sections: list[str], place: dict[str, Any]) -> str:
    """The nearest key; of one without its section, the whole key."""
    if not sections:
        for name, field in Config.model_fields.items():
            if last in getattr(field.annotation, "model_fields", {}):
                return f"did you mean '{name}.{last}'?"
    return suggestion(last, place)


def _check_settings(column: str, settings: dict[str, Any], where: str) -> None:
    """A column's own settings must be right for one kind of column at least."""
    key = f"inputs.columns.{column}"
    kinds = (
        *(NumberConfig, CategoryConfig, DateConfig, TextConfig),
        *(ImageConfig, SoundConfig, SeriesConfig),
    )
    known = [name for kind in kinds for name in kind.model_fields]
    for name in settings:
        if name not in known:
            hint = suggestion(name, dict.fromkeys(known))
            raise InputError(f"unknown key '{key}.{name}'", where=where, hint=hint)
    fitting = [kind for kind in kinds if settings.keys() <= kind.model_fields.keys()]
    if not fitting:
        raise InputError(f"the settings of {key} belong to different kinds of columns", where=where)
    reasons = []
    for kind in fitting:
        try:
            kind.model_validate(settings)
        except ValidationError as error:
            reasons.append(_explain(error, kind))
        else:
            return
    raise InputError(f"{key}.{reasons[0]}", where=where)


def _check_layers(network: NetworkConfig, where: str) -> None:
    """Layers by hand take the place of all other settings of the network."""
    if network.layers is None:
        if network.kind == "layers":
            hint = "such as [{Dense: {units: 64, activation: relu}}, {Dropout: 0.2}]"
            raise InputError("network.kind is layers, and network.layers gives none", where=where, hint=hint)
        return
    if not network.layers:
        raise InputError("network.layers is empty", where=where, hint="give layers, or null for none")
    for name, field in NetworkConfig.model_fields.items():
        value = getattr(network, name)
        if name != "layers" and value != field.default and (name, value) != ("kind", "layers"):
            raise InputError(
                f"network.{name} is {value!r}, but network.layers says what the network is",
                where=where,
                hint=f"take one of them out; in layers it would be {LAYER_FOR[name]}",
            )


LAYER_FOR = {
    "kind": "Dense, or Residual",
    "width": "{Dense: 64}",
    "depth": "one Dense after another",
    "heads": "nothing: only tabm has heads",
    "activation": "{Dense: {units: 64, activation: relu}}",
    "normalization": "BatchNormalization or LayerNormalization",
    "dropout": "{Dropout: 0.2}",
}


def _sections() -> str:
    return "its sections are " + ", ".join(Config.model_fields)


def _explain(error: ValidationError, root: type[Section] | None = None) -> str:
    """The errors of pydantic in the words of a config's reader."""
    root = root or Config
    allowed: dict[str, list[str]] = {}
    lines: dict[str, str] = {}
    for each in error.errors():
        model, names = _model_at([str(part) for part in each["loc"]], root)
        key = ".".join(names) or "config"
        if each["type"] == "extra_forbidden":
            lines[key] = f"unknown key {key!r}: {suggestion(names[-1], model.model_fields)}"
        else:
            allowed.setdefault(key, []).append(_plain(each["msg"]))
            lines[key] = f"{key}: {_shown(each['input'])} is not allowed; it should be "
    return "; ".join(line + " or ".join(dict.fromkeys(allowed.get(key, []))) for key, line in lines.items())


def _plain(message: str) -> str:
    """What pydantic says should be, without its own terms."""
    message = message.removeprefix("Value error, ").split(", unable to parse")[0].split(", got ")[0]
    message = message.removeprefix("Input should be ").removeprefix("a valid ").removeprefix("valid ")
    if message.startswith("dictionary or instance of"):
        return "a section of keys"
    words = {"integer": "a whole number", "number": "a number", "string": "text", "list": "a list"}
    words |= {"dictionary": "a mapping of names", "boolean": "true or false", "Keys": "text"}
    return words.get(message.partition(" ")[0].rstrip(","), message)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _model_at(path: list[str], root: type[Section]) -> tuple[type[BaseModel], list[str]]:
    """The section that holds the key at `path`, and the key's names without pydantic's union branches."""
    model: type[BaseModel] = root
    names: list[str] = []
    for place, part in enumerate(path):
        names.append(part)
        field = model.model_fields.get(part)
        if field is None:
            break
        if get_origin(field.annotation) is dict:
            names += path[place + 1 : place + 2]
        if not _is_section(field.annotation):
            break
        model = field.annotation  # type: ignore[assignment]
    return model, names
