"""Encoders whose networks were trained elsewhere: of Hugging Face transformers, from a checkpoint.

What a checkpoint says lies in the column (`Column.backbone`), and its weights in the network, so that a saved
model needs nothing beside itself. Ways to train one (`tune`):

- frozen: its features are computed once for each row (`features_of`), and standardised by the training rows.
  Its weights are constants, which all members share.
- full, head_first, gradual: its weights are parameters like all others, with learning rates that fall from
  layer to layer downwards; `pipeline/unfreeze.py` opens them one group after another.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from netwright.data.schema import Column
from netwright.encoders import hub
from netwright.nn.encoders.base import Encoder
from netwright.nn.initial import Initial
from netwright.nn.member import Mode

NUMBERS_AT_A_TIME = 16_000_000  # of the largest activation, where nothing is learnt
FARTHEST = 10.0  # deviations that standardised features may be from the mean
LAYER = re.compile(r"(?:^|\.)(?:layers?|stages)\.(\d+)\.")
BELOW = re.compile(r"^(embed|feature_|masked_spec|encoder\.(pos_conv|rel_embeddings|LayerNorm|conv\.))")
PREFIX = "backbone/"


class PretrainedEncoder(Encoder):
    """A column through a network that was trained elsewhere. Arguments as for `Encoder`.

    Attributes:
        groups: how many parts of it can be opened one after another, the uppermost first.
        opened: how many of them learn, from the top.
    """

    mean: Tensor
    inverse_deviation: Tensor

    def __init__(self, columns: list[Column], places: list[int], config: Any, members: int) -> None:
        super().__init__(columns, places, config, members)
        column = columns[places[0]]
        self.about: dict[str, Any] = column.backbone
        self.shape = tuple(column.shape)
        self.family = hub.FAMILIES[self.about["type"]]
        self.frozen = config.tune == "frozen"
        self.network = Backbone(self.about["type"], self.about["config"], self.about["sha256"])
        self.columns = [self._width()]
        self.products, self.floats = self._costs()
        self.groups = max(self.network.group.values(), default=0) + 1
        self.opened = 0 if self.frozen else self.groups
        if self.frozen:
            self.buffer("mean", self.columns[0])
            self.buffer("inverse_deviation", self.columns[0], fill=1.0)
            return
        for name, shape in self.network.shapes.items():
            depth = self.groups - 1 - self.network.group[name]
            rate = config.tune_rate * config.tune_decay**depth
            # Weight decay would move what does not learn yet; a pretrained network is held by its low rates.
            self.declare(attribute_of(name), shape, self.network.start(name), rate=rate, decay=False)

    def inputs(self, raw: Tensor) -> dict[str, Tensor]:
        """The network's arguments for raw values [B, *shape]."""
        raise NotImplementedError

    def pool(self, output: Any, raw: Tensor) -> Tensor:
        """Features of each row from what the network gave. [B, D]"""
        if self.family.features == "pooled":
            return output.pooler_output.flatten(1)
        hidden = output.last_hidden_state  # [B, T, H]
        if self.family.features == "frames":
            return _mean(hidden, self.real(raw, hidden.shape[1]))
        first = hidden[:, 0]
        if self.family.features == "patches":
            return torch.cat([first, hidden[:, 1:].mean(1)], dim=-1)
        return torch.cat([first, _mean(hidden, self.real(raw, hidden.shape[1]))], dim=-1)

    def real(self, raw: Tensor, places: int) -> Tensor:
        """Which of so many places, tokens or frames, are not after the end of a row. [B, T] bool"""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------- computing

    def forward(self, raw: Tensor, mode: Mode) -> Tensor:
        if not self.frozen:
            found = [self._learning(member, part, mode) for member, part in enumerate(raw)]
            return found[0][None] if len(found) == 1 else torch.stack(found)
        if is_features(raw, 3):
            features = raw  # [M, B, D]
        elif raw.stride(0) == 0 or len(raw) == 1:  # all members see the same rows
            features = self.features_of(raw[0])[None].expand(len(raw), -1, -1)
        else:
            features = torch.stack([self.features_of(part) for part in raw])
        scaled = (features - self.mean[:, None]) * self.inverse_deviation[:, None]
        return scaled.clamp(-FARTHEST, FARTHEST).to(self.dtype)

    @torch.no_grad()
    def features_of(self, raw: Tensor) -> Tensor:
        """What the frozen network gives for raw values [n, *shape]; float32. [n, D]"""
        return self._in_parts(raw, lambda part: self._call(part, None)).float()

    def _learning(self, member: int, raw: Tensor, mode: Mode) -> Tensor:
        """One member's features. [B, *shape] to [B, D]"""
        values = {}
        for name in self.network.shapes:
            value = getattr(self, attribute_of(name))[member]
            opened = self.groups - 1 - self.network.group[name] < self.opened
            values[name] = value if opened else value.detach()
        if not mode.training:
            return self._in_parts(raw, lambda part: self._call(part, values))
        generator = mode.generators[member]
        raw = self.changed(member, raw, generator)
        seed = int(torch.randint(2**62, (1,), generator=generator, device=generator.device))
        devices = [raw.device] if raw.device.type == "cuda" else []
        # Dropout of transformers draws from the generator of the process: it is the member's for a while.
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            return self._call(raw, values, training=True)

    def changed(self, member: int, raw: Tensor, generator: torch.Generator) -> Tensor:
        """The rows as they are learnt from."""
        return raw

    def _call(self, raw: Tensor, values: dict[str, Tensor] | None, training: bool = False) -> Tensor:
        return self.pool(self.network(self.inputs(raw), values, training=training), raw)

    def _in_parts(self, raw: Tensor, work: Callable[[Tensor], Tensor]) -> Tensor:
        size = max(1, NUMBERS_AT_A_TIME // max(self.floats, 1))
        parts = [work(part) for part in raw.split(size)] if len(raw) else []
        empty = torch.zeros(0, self.columns[0], device=raw.device)
        return parts[0] if len(parts) == 1 else torch.cat(parts) if parts else empty

    def _width(self) -> int:
        """D"""
        config = self.network.config
        sizes = getattr(config, "hidden_sizes", None)
        hidden = int(sizes[-1] if sizes else config.hidden_size)
        return hidden * (2 if self.family.features in ("tokens", "patches") else 1)

    # --------------------------------------------------------------------------------------- fitting

    def fit(self, member: int, raw: Tensor, weight: Tensor | None = None) -> None:
        if not self.frozen:
            return
        features = (raw if is_features(raw, 2) else self.features_of(raw)).double()
        share = torch.ones(len(raw), 1, device=raw.device).double() if weight is None else weight[:, None]
        share = share / share.sum().clamp(min=1e-12)
        mean = (features * share).sum(0)
        deviation = ((features - mean).square() * share).sum(0).sqrt()
        self.mean[member] = mean
        self.inverse_deviation[member] = torch.where(deviation > 1e-6, 1.0 / deviation, 0.0)

    # ---------------------------------------------------------------------------------------- saving

    def constants(self) -> dict[str, Tensor]:
        """What no member changes: buffers, and the weights where they are frozen."""
        values = self.network.values
        names = self.network.shapes if not self.frozen else {}
        return {name: value for name, value in values.items() if name not in names}

    def take_constants(self, values: dict[str, Tensor]) -> None:
        """Takes what `constants` gave. Raises KeyError or RuntimeError where names or shapes differ."""
        self.network.take(values, whole=self.frozen)

    def describe(self) -> str:
        how = {"frozen": "frozen", "head_first": "opened after the head", "gradual": "opened from above"}
        told = how.get(self.config.tune, "trained as a whole")
        size = sum(math.prod(shape) for shape in self.network.shapes.values())
        return (
            f"{self.raw} {self.names[0]!r} through {self.about['type']} ({size:,} weights, {told}) "
            f"to {self.columns[0]} features"
        )

    def _costs(self) -> tuple[int, int]:
        """Multiplications of the largest layer and numbers of the largest activation for one row, roughly."""
        config = self.network.config
        sizes = getattr(config, "hidden_sizes", None)
        if sizes:  # convolutions: the first stage sees a quarter of rows and columns
            places = (self.shape[0] // 4) * (self.shape[1] // 4)
            return places * 9 * sizes[0] ** 2, places * 4 * sizes[0]
        places = self._places()
        wide = getattr(config, "intermediate_size", None) or 4 * config.hidden_size
        scores = places * config.num_attention_heads
        return places * config.hidden_size * wide, places * max(wide, scores)

    def _places(self) -> int:
        """Tokens, patches or frames of one row."""
        raise NotImplementedError


class Backbone:
    """A network of transformers whose parameters may be another's: values are given to each call.

    Networks that are copied share it: it never changes.

    Arguments:
        kind: one of `hub.FAMILIES`.
        config: its settings.
        digest: checksum of the weights that it starts from.

    Attributes:
        shapes: of its parameters, by name.
        group: of each parameter: 0 for the lowest, in the order of the layers.
    """

    def __init__(self, kind: str, config: dict[str, Any], digest: str) -> None:
        self.digest = digest
        self.module = hub.build(kind, config)
        self.config: Any = self.module.config
        self.shapes = {name: tuple(each.shape) for name, each in self.module.named_parameters()}
        self.group = groups_of(list(self.shapes))
        self.own = set(self.module.state_dict())  # buffers that are found out anew are not among them
        self.loaded = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Backbone:
        return self

    @property
    def values(self) -> dict[str, Tensor]:
        """All weights and lasting buffers."""
        if not self.loaded and hub.known(self.digest):
            self.take(hub.weights(self.digest), whole=True)
        return {name: value.detach() for name, value in self.module.state_dict().items()}

    def take(self, values: dict[str, Tensor], *, whole: bool) -> None:
        """Takes values; of all that it has where `whole`, of its buffers alone otherwise."""
        wanted = self.own if whole else self.own - set(self.shapes)
        state = self.module.state_dict()
        with torch.no_grad():
            for name in wanted:
                if state[name].shape != values[name].shape:
                    raise RuntimeError(f"{name}: shape {tuple(values[name].shape)} is wrong")
                state[name].copy_(values[name])
        self.loaded = True

    def start(self, name: str) -> Initial:
        """Gives a parameter the checkpoint's values."""
        return lambda random, shape: hub.weights(self.digest)[name].float().numpy()

    def __call__(self, inputs: dict[str, Tensor], values: dict[str, Tensor] | None, *, training: bool) -> Any:
        """What the network gives, with its own weights or with those given."""
        if not self.loaded and hub.known(self.digest):
            self.take(hub.weights(self.digest), whole=True)
        device = next(iter(inputs.values())).device
        if next(self.module.parameters()).device != device:
            with torch.inference_mode(False):
                self.module.to(device)
        self.module.train(training)
        for module in self.module.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()  # its statistics are those of far more rows
        if values is None:
            return self.module(**inputs)
        return functional_call(self.module, values, kwargs=inputs)


def attribute_of(name: str) -> str:
    """What the encoder calls a parameter of its network."""
    return PREFIX + name.replace(".", "/")


def name_of(attribute: str) -> str:
    """What the network calls it."""
    return attribute.removeprefix(PREFIX).replace("/", ".")


def groups_of(names: list[str]) -> dict[str, int]:
    """Which group each parameter belongs to: 0 what lies below the layers, then a group for each layer.

    What lies above the last layer belongs to its group.

    Example:
        >>> groups_of(["embeddings.weight", "layers.0.weight", "layers.1.weight", "layernorm.weight"])
        {'embeddings.weight': 0, 'layers.0.weight': 1, 'layers.1.weight': 2, 'layernorm.weight': 2}
    """
    layers = {name: int(found[1]) for name in names if (found := LAYER.search(name))}
    top = max(layers.values(), default=-1) + 1
    return {name: layers[name] + 1 if name in layers else 0 if BELOW.match(name) else top for name in names}


def is_features(raw: Tensor, dimensions: int) -> bool:
    """Whether rows are features of a frozen network already."""
    return raw.is_floating_point() and raw.dim() == dimensions


def _mean(hidden: Tensor, real: Tensor) -> Tensor:
    """The mean over those places of [B, T, H] that are real [B, T]. [B, H]"""
    real = real.to(hidden.dtype)[..., None]
    return (hidden * real).sum(1) / real.sum(1).clamp(min=1)
