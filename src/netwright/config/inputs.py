"""How columns of each kind enter the network."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from netwright.config.section import NonNegative, Positive, Section, Share


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
