"""Checkpoints of Hugging Face transformers: where they lie, what they are, and their weights.

Read are `config.json`, `preprocessor_config.json`, the tokenizer and weights in safetensors. Nothing in a
folder is ever run: pickles are refused, and a checkpoint's own code is left alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from netwright.data.media import CONTENTS
from netwright.errors import InputError, MissingExtra

WHERE = "pretrained"
FILES = ["config.json", "*.safetensors", "*.safetensors.index.json", "preprocessor_config.json"]
TOKENIZERS = ["tokenizer*", "vocab*", "merges.txt", "special_tokens_map.json", "*.model"]
UNTOLD = ("auto_map", "architectures", "_name_or_path", "id2label", "label2id", "torch_dtype", "dtype")
"""keys of a config that say nothing about the backbone"""
FOREIGN = (
    *("attn_implementation", "_attn_implementation", "_attn_implementation_internal"),
    *("experts_implementation", "_experts_implementation", "_experts_implementation_internal"),
    "quantization_config",
)
"""keys of a config by which transformers would fetch and run code from elsewhere, or load other packages"""
SECONDS = 10.0  # to wait for the hub's answer

Kind = Literal["image", "text", "sound"]
PLURAL = {**CONTENTS, "text": "texts"}


@dataclass(frozen=True)
class Family:
    """Networks of one architecture.

    Arguments:
        kind: what they read.
        model: the class of transformers.
        features: pooled (the network's own), tokens (the first one's and the mean of all), patches (the same
            without the first), frames (the mean over time).
        options: arguments of the class.
        settings: of its config, in the place of the checkpoint's: no randomness but dropout.
    """

    kind: Kind
    model: str
    features: Literal["pooled", "tokens", "patches", "frames"]
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


PLAIN = {"add_pooling_layer": False}
FAMILIES = {
    "resnet": Family("image", "ResNetModel", "pooled"),
    "convnext": Family("image", "ConvNextModel", "pooled"),
    "vit": Family("image", "ViTModel", "patches", PLAIN),
    "dinov2": Family("image", "Dinov2Model", "patches"),
    "bert": Family("text", "BertModel", "tokens", PLAIN),
    "roberta": Family("text", "RobertaModel", "tokens", PLAIN),
    "distilbert": Family("text", "DistilBertModel", "tokens"),
    "modernbert": Family("text", "ModernBertModel", "tokens"),
    "deberta-v2": Family("text", "DebertaV2Model", "tokens"),
    "wav2vec2": Family(
        "sound",
        "Wav2Vec2Model",
        "frames",
        settings={"apply_spec_augment": False, "layerdrop": 0.0},
    ),
    "audio-spectrogram-transformer": Family("sound", "ASTModel", "pooled"),
}
"""By the `model_type` of config.json."""

_WEIGHTS: dict[str, dict[str, Tensor]] = {}
"""Weights that this process has read, by their checksum: networks of all members and folds share them."""


@dataclass(frozen=True)
class Checkpoint:
    """What lies in a folder.

    Arguments:
        folder: where.
        name: as the user gave it.
        type: one of `FAMILIES`.
        config: of the network.
        preprocess: preprocessor_config.json; empty for texts.
    """

    folder: Path
    name: str
    type: str
    config: dict[str, Any]
    preprocess: dict[str, Any]

    @property
    def family(self) -> Family:
        return FAMILIES[self.type]


def find(name: str) -> Path:
    """The folder of a checkpoint: the one named, or the one in the cache of the hub, or downloaded to it.

    Raises:
        InputError: it is neither here nor can it be reached; tells how to get the files.
        MissingExtra: transformers is not installed.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder.absolute()
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
    except ImportError:
        raise MissingExtra("transformers", "hub", f"the pretrained network {name!r}") from None
    hint = f"hf download {name} --local-dir FOLDER, where there is a network; then give FOLDER"
    wanted = [*FILES, *TOKENIZERS]
    try:
        return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
    except HFValidationError:
        raise InputError(
            f"there is no folder {name!r}, and no network on the hub can have that name", where=WHERE
        ) from None
    except (LocalEntryNotFoundError, FileNotFoundError):
        pass
    try:
        with quiet():
            return Path(snapshot_download(name, allow_patterns=wanted, etag_timeout=SECONDS))
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].removeprefix("Got: ")
        what = f"{name!r} is no folder, not in the cache, and the hub did not give it: {reason}"
        raise InputError(what, where=WHERE, hint=hint) from None


def read(name: str) -> Checkpoint:
    """Finds a checkpoint and reads what it is; not yet its weights.

    Raises:
        InputError: no checkpoint, one of an unknown architecture, or its weights are pickled.
    """
    folder = find(name)
    config = _json(folder / "config.json", "the folder of a pretrained network has a config.json")
    kind = config.get("model_type")
    if kind not in FAMILIES:
        what = f"the network in {name!r} is of an architecture that is not known here: {kind}"
        raise InputError(what, where=WHERE, hint=f"known are {', '.join(FAMILIES)}")
    if not list(folder.glob("*.safetensors")):
        pickled = [path.name for path in (*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.h5"))]
        if pickled:
            what = f"the weights of {name!r} are in {pickled[0]}, a file that can run code when it is opened"
            hint = "take a version of it in safetensors; most networks on the hub have one"
            raise InputError(what, where=WHERE, hint=hint)
        raise InputError(f"there are no weights (*.safetensors) in {folder}", where=WHERE)
    family = FAMILIES[kind]
    preprocess: dict[str, Any] = {}
    if family.kind != "text":
        preprocess = _json(folder / "preprocessor_config.json", "it says how inputs are scaled")
    own = {key: value for key, value in config.items() if key not in (*UNTOLD, *FOREIGN)} | family.settings
    return Checkpoint(folder, name, kind, own, preprocess)


def _json(path: Path, why: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.name} is missing in {path.parent}: {why}", where=WHERE) from None
    except (OSError, ValueError):
        raise InputError(f"{path} is damaged: it is not JSON", where=WHERE) from None
    if not isinstance(content, dict):
        raise InputError(f"{path} is damaged", where=WHERE)
    return content


def build(kind: str, config: dict[str, Any]) -> nn.Module:
    """An untrained network of one of `FAMILIES`; its values mean nothing yet.

    Raises:
        InputError: the config does not describe one.
        MissingExtra: transformers is not installed.
    """
    made = _class(kind)
    plain = {key: value for key, value in config.items() if key not in FOREIGN}  # it may be of a saved model
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            module = made(made.config_class.from_dict(plain), **FAMILIES[kind].options).eval()
        if kind == "wav2vec2":  # it would ask for gradients of its own accord
            module.freeze_feature_encoder()
        return module
    except (TypeError, ValueError, KeyError, RuntimeError, AttributeError) as error:
        raise InputError(f"the config of the pretrained network is wrong: {error}", where=WHERE) from None


def load(checkpoint: Checkpoint) -> str:
    """Reads the weights of a checkpoint into memory; `weights` gives them by the checksum that this returns.

    Raises:
        InputError: files are damaged, or weights are missing or of other shapes.
    """
    digest = hashlib.sha256(json.dumps([checkpoint.type, checkpoint.config], sort_keys=True).encode())
    for path in sorted(checkpoint.folder.glob("*.safetensors")):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    known = digest.hexdigest()
    if known not in _WEIGHTS:
        _WEIGHTS[known] = _read_weights(checkpoint)
    return known


def _read_weights(checkpoint: Checkpoint) -> dict[str, Tensor]:
    made = _class(checkpoint.type)
    name = checkpoint.name
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            config = made.config_class.from_dict(checkpoint.config)
            module, told = made.from_pretrained(
                str(checkpoint.folder),
                config=config,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                **checkpoint.family.options,
            )
    except Exception as error:  # of transformers and safetensors alike
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"the weights of {name!r} cannot be read: {reason}", where=WHERE) from None
    for key, words in (("missing_keys", "lack"), ("mismatched_keys", "have another shape for")):
        wrong = sorted(str(each[0] if isinstance(each, tuple) else each) for each in told[key])
        wrong = [each for each in wrong if not each.endswith(("masked_spec_embed", "mask_token"))]
        if wrong:
            what = f"the weights of {name!r} {words} {len(wrong)} parts of the network, such as {wrong[0]}"
            raise InputError(what, where=WHERE, hint="config.json and weights must be of one network")
    return {key: value.detach().clone() for key, value in module.state_dict().items()}


def weights(digest: str) -> dict[str, Tensor]:
    """What `load` read, by the checksum that it gave."""
    return _WEIGHTS[digest]


def known(digest: str) -> bool:
    """Whether this process has read weights of that checksum."""
    return digest in _WEIGHTS


def keep(digest: str, values: dict[str, Tensor]) -> None:
    """Lets other networks of this process find weights by their checksum."""
    _WEIGHTS.setdefault(digest, values)


def _class(kind: str) -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtra("transformers", "hub", f"a pretrained network of the kind {kind}") from None
    return getattr(transformers, FAMILIES[kind].model)


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars, logs and warnings of transformers."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging as told

    level, bars, hub = told.get_verbosity(), are_progress_bars_disabled(), told.is_progress_bar_enabled()
    told.set_verbosity(logging.CRITICAL)
    told.disable_progress_bar()
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        told.set_verbosity(level)
        if hub:
            told.enable_progress_bar()
        if not bars:
            enable_progress_bars()


def is_name(name: str) -> bool:
    """Whether it names a network on the hub, not a folder here."""
    return not Path(name).expanduser().is_dir()
