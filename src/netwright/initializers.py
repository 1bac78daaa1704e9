"""Where parameters start, under Keras's names.

Plain ones first, then random ones, then those whose size follows from the shape (fans), then matrices.
Each is called as `initializer(random, shape)`, with NumPy's generator and a shape without the member axis.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netwright.arguments import Checked
from netwright.errors import InputError, suggestion
from netwright.nn.initial import Initial
from netwright.nn.spec import find


@dataclass(frozen=True)
class Initializer(Checked):
    """Draws the first values of one parameter.

    Subclasses say how in `draw`.
    """

    def __call__(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        """First values of that shape. An initialiser with a seed draws from its own generator instead."""
        seed = getattr(self, "seed", None)
        return self.draw(random if seed is None else np.random.default_rng(seed), tuple(shape))

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        raise NotImplementedError


@dataclass(frozen=True)
class Zeros(Initializer):
    """All 0."""

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)


@dataclass(frozen=True)
class Ones(Initializer):
    """All 1."""

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.ones(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """All `value`."""

    value: float = 0.0

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Normal.

    Arguments:
        mean, stddev: of the distribution.
        seed: of a generator of its own; None: the network's.
    """

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return random.normal(self.mean, self.stddev, shape)


@dataclass(frozen=True)
class TruncatedNormal(Initializer):
    """Normal, drawn again where it is more than two deviations from the mean. Arguments as `RandomNormal`."""

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return self.mean + self.stddev * _truncated(random, shape)


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Uniform between `minval` and `maxval`; `seed` as for `RandomNormal`."""

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return random.uniform(self.minval, self.maxval, shape)


MODES = ("fan_in", "fan_out", "fan_avg")
DISTRIBUTIONS = ("truncated_normal", "untruncated_normal", "uniform")


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Random values of variance scale / fan.

    Arguments:
        scale: greater than 0.
        mode: which fan: "fan_in", "fan_out" or "fan_avg", their mean.
        distribution: "truncated_normal" (cut at two deviations, with the variance made up for),
            "untruncated_normal" or "uniform".
        seed: as for `RandomNormal`.

    Raises:
        InputError: an unknown mode or distribution, or a scale that is not positive.

    Example:
        >>> VarianceScaling(2.0)(np.random.default_rng(0), (1000, 50)).std().round(3)
        np.float64(0.045)
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise InputError(f"scale is {self.scale!r}", where="VarianceScaling", hint="it must be above 0")
        for value, known in ((self.mode, MODES), (self.distribution, DISTRIBUTIONS)):
            if value not in known:
                raise InputError(
                    f"unknown choice {value!r}", where="VarianceScaling", hint=suggestion(value, known)
                )

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, self.scale, self.mode, self.distribution)


@dataclass(frozen=True)
class GlorotUniform(Initializer):
    """Uniform with variance 2 / (fan in + fan out). Glorot & Bengio 2010."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 1.0, "fan_avg", "uniform")


@dataclass(frozen=True)
class GlorotNormal(Initializer):
    """Truncated normal with variance 2 / (fan in + fan out). Glorot & Bengio 2010."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 1.0, "fan_avg", "truncated_normal")


@dataclass(frozen=True)
class HeUniform(Initializer):
    """Uniform with variance 2 / fan in, for ReLU (arXiv 1502.01852)."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 2.0, "fan_in", "uniform")


@dataclass(frozen=True)
class HeNormal(Initializer):
    """Truncated normal with variance 2 / fan in, for ReLU (arXiv 1502.01852)."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 2.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class LecunUniform(Initializer):
    """Uniform with variance 1 / fan in. LeCun et al. 1998, "Efficient BackProp"."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 1.0, "fan_in", "uniform")


@dataclass(frozen=True)
class LecunNormal(Initializer):
    """Truncated normal with variance 1 / fan in, for SELU. LeCun et al. 1998."""

    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        return _scaled(random, shape, 1.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class Spread(Initializer):
    """Units that look in as different directions as there is room for; what "auto" takes.

    Each unit's weights have the norm gain sqrt(2 fan_in / (fan_in + fan_out)), so that their variance is
    Glorot's times gain². Few inputs (16 at most): directions that push each other away until they are even on
    the sphere. More: orthogonal in blocks, or normal ones, which are nearly orthogonal, when there are
    thousands. Small networks of ReLUs then hardly ever start with units that do the same (docs/log.md).

    Arguments:
        gain: sqrt(2) before ReLU and its like.
        seed: as for `RandomNormal`.

    Example:
        >>> kernel = Spread()(np.random.default_rng(0), (2, 4))
        >>> angles = np.degrees(np.arctan2(*kernel)) % 360
        >>> bool(np.abs(np.diff(np.sort(angles)) - 90).max() < 5)
        True
    """

    gain: float = 1.0
    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        fan_in, fan_out = fans(shape)
        rows, units = math.prod(shape[:-1]), shape[-1]
        norm = self.gain * math.sqrt(2 * fan_in / (fan_in + fan_out))
        return norm * _directions(random, rows, units).reshape(shape)


CROWDED = (16, 256)  # inputs and units up to which directions push each other away
TURNS = 50
COSTLY = 2e9  # products of an orthogonalisation that nobody wants to wait for


def _directions(random: np.random.Generator, inputs: int, units: int) -> np.ndarray:
    """Unit vectors as columns. [inputs, units]"""
    many = inputs > CROWDED[0] or units > CROWDED[1]
    if many and units > 1 and inputs * units * min(inputs, units) < COSTLY:
        blocks = [
            _orthonormal(random, inputs, min(inputs, units - start)) for start in range(0, units, inputs)
        ]
        return np.concatenate(blocks, axis=1)
    found = random.normal(size=(inputs, units))
    found /= np.linalg.norm(found, axis=0)
    if many:
        return found
    for _ in range(TURNS):
        push = np.exp(4.0 * (found.T @ found - 1.0))
        np.fill_diagonal(push, 0.0)
        found = found - 0.5 * (found @ push) / np.maximum(push.sum(0), 1.0)
        found /= np.linalg.norm(found, axis=0)
    return found


def _orthonormal(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Orthonormal columns, uniform among all."""
    found, upper = np.linalg.qr(random.normal(size=(rows, columns)))
    return found * np.sign(np.diag(upper))


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns, whichever are fewer, times `gain` (arXiv 1312.6120).

    Axes before the last are taken together. Raises InputError for fewer than two axes.
    """

    gain: float = 1.0
    seed: int | None = None

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) < 2:
            raise InputError(f"an orthogonal start needs two axes or more, the parameter has shape {shape}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(random.normal(size=(max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diag(r))  # else QR's own choice of signs shows, and q is not uniform
        return self.gain * (q.T if rows < columns else q).reshape(shape)


@dataclass(frozen=True)
class Identity(Initializer):
    """1 on the diagonal of a matrix times `gain`, else 0. Raises InputError where there are not two axes."""

    gain: float = 1.0

    def draw(self, random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        if len(shape) != 2:
            raise InputError(f"an identity start needs two axes, the parameter has shape {shape}")
        return self.gain * np.eye(*shape)


KNOWN: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "random_normal": RandomNormal,
    "truncated_normal": TruncatedNormal,
    "random_uniform": RandomUniform,
    "variance_scaling": VarianceScaling,
    "glorot_uniform": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "he_uniform": HeUniform,
    "he_normal": HeNormal,
    "lecun_uniform": LecunUniform,
    "lecun_normal": LecunNormal,
    "orthogonal": Orthogonal,
    "spread": Spread,
    "identity": Identity,
}

ALIASES: dict[str, type[Initializer]] = {
    "zero": Zeros,
    "one": Ones,
    "normal": RandomNormal,
    "uniform": RandomUniform,
    "xavier_uniform": GlorotUniform,
    "xavier_normal": GlorotNormal,
    "kaiming_uniform": HeUniform,
    "kaiming_normal": HeNormal,
}


def get(identifier: object) -> Initial:
    """The initialiser meant by a name, a class, an object, or a function (random, shape) -> array.

    Arguments:
        identifier: "glorot_uniform", "HeNormal", "kaiming_normal", `HeNormal`, `HeNormal(seed=1)`, ...

    Raises:
        InputError: an unknown name, or something else.

    Example:
        >>> get("xavier_uniform")
        GlorotUniform(seed=None)
    """
    if isinstance(identifier, str):
        return find("initializer", identifier, KNOWN | ALIASES)()
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier) and not isinstance(identifier, type):
        return identifier  # type: ignore[return-value]
    raise InputError(f"{identifier!r} is no initializer", hint="give a name, such as 'he_normal'")


def fans(shape: tuple[int, ...]) -> tuple[float, float]:
    """Inputs and outputs of a unit: the last two axes, times the receptive field (the axes before).

    Example:
        >>> fans((3, 3, 16, 32)), fans((7,))
        ((144, 288), (7, 7))
    """
    if len(shape) < 2:
        return (shape[0], shape[0]) if shape else (1, 1)
    field = math.prod(shape[:-2])
    return field * shape[-2], field * shape[-1]


# Deviation of a standard normal that is cut at two deviations.
CUT = 0.87962566103423978


def _scaled(
    random: np.random.Generator, shape: tuple[int, ...], scale: float, mode: str, distribution: str
) -> np.ndarray:
    inputs, outputs = fans(shape)
    fan = {"fan_in": inputs, "fan_out": outputs, "fan_avg": (inputs + outputs) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        bound = math.sqrt(3 * variance)
        return random.uniform(-bound, bound, shape)
    if distribution == "untruncated_normal":
        return random.normal(0.0, math.sqrt(variance), shape)
    return math.sqrt(variance) / CUT * _truncated(random, shape)


def _truncated(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    values = random.standard_normal(math.prod(shape))
    while (outside := np.flatnonzero(np.abs(values) > 2)).size:
        values[outside] = random.standard_normal(outside.size)
    return values.reshape(shape)
