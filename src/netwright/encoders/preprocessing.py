"""How a checkpoint wants its inputs: what preprocessor_config.json says, and the arithmetic on tensors.

transformers' own processors work on files and lists, need other packages, and cannot run on a device.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from netwright.errors import InputError

WHERE = "pretrained"
LARGE = 384  # from this side on ConvNeXt's pictures are stretched, not cut
LEAST_ENERGY = 1.192092955078125e-07
FRAME, HOP, POINTS = 400, 160, 512  # of Kaldi's filter banks: 25 and 10 ms at 16 kHz


def of_pictures(given: Mapping[str, Any]) -> dict[str, Any]:
    """What an image processor does, in our words.

    Arguments:
        given: preprocessor_config.json.

    Returns:
        resize: [H, W] that pictures are scaled to; crop: [H, W] of the middle that the network sees; scale,
        mean, std: x becomes (x * scale - mean) / std.

    Raises:
        InputError: it does something else.

    Example:
        >>> scaled = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
        >>> made = of_pictures({"size": {"shortest_edge": 224}, "crop_pct": 0.875} | scaled)
        >>> made["resize"], made["crop"]
        ([256, 256], [224, 224])
    """
    resize = crop = _sides(given.get("size", 224))
    cut = given.get("crop_size")
    if given.get("do_center_crop", cut is not None) and cut is not None:
        crop = _sides(cut)
        resize = resize if given.get("do_resize", True) else crop
    elif (share := given.get("crop_pct") or _usual_share(given)) is not None and min(crop) < LARGE:
        resize = [int(side / share) for side in crop]
    if any(inner > outer for inner, outer in zip(crop, resize, strict=True)):
        resize = crop
    normalise = given.get("do_normalize", True)
    mean, std = given.get("image_mean"), given.get("image_std")
    if normalise and not (_are_three(mean) and _are_three(std)):
        raise InputError("preprocessor_config.json tells no image_mean and image_std", where=WHERE)
    return {
        "resize": resize,
        "crop": crop,
        "scale": given.get("rescale_factor", 1 / 255) if given.get("do_rescale", True) else 1.0,
        "mean": list(mean or ()) if normalise else [0.0] * 3,
        "std": list(std or ()) if normalise else [1.0] * 3,
    }


def _usual_share(given: Mapping[str, Any]) -> float | None:
    """The share that is not cut off, where a processor has one without saying so."""
    name = str(given.get("image_processor_type") or given.get("feature_extractor_type"))
    return 224 / 256 if name.startswith("ConvNext") else None


def _sides(size: Any) -> list[int]:
    if isinstance(size, int):
        return [size, size]
    if isinstance(size, dict) and "shortest_edge" in size:
        return [int(size["shortest_edge"])] * 2
    if isinstance(size, dict) and {"height", "width"} <= set(size):
        return [int(size["height"]), int(size["width"])]
    raise InputError(f"preprocessor_config.json tells a size that is not understood: {size}", where=WHERE)


def _are_three(values: Any) -> bool:
    return isinstance(values, list) and len(values) == 3


def of_sounds(given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What a feature extractor does, in our words.

    Arguments:
        given: preprocessor_config.json.
        kind: the model's type.

    Returns:
        rate: samples a second; normalize: whether samples (wav2vec2) or spectra (AST) are; for wav2vec2 mask:
        whether the network is told where a sound ends; for AST bands, frames, mean, std of the spectrogram.
    """
    rate, normalize = given.get("sampling_rate", 16_000), given.get("do_normalize", True)
    made = {"rate": int(rate), "normalize": bool(normalize)}
    if kind == "wav2vec2":
        return made | {"mask": bool(given.get("return_attention_mask", False))}
    if made["rate"] != 16_000:
        raise InputError("a spectrogram transformer for another rate than 16,000 is not known", where=WHERE)
    return made | {
        "bands": int(given.get("num_mel_bins", 128)),
        "frames": int(given.get("max_length", 1024)),
        "mean": float(given.get("mean", -4.2677393)),
        "std": float(given.get("std", 4.5689974)),
    }


def pixels(raw: Tensor, how: Mapping[str, Any]) -> Tensor:
    """The middle of pictures, scaled as the network wants them; a missing one enters as the mean.

    Arguments:
        raw: 0 to 255. [B, H, W, 3]
        how: see `of_pictures`.

    Returns:
        [B, 3, h, w] float32
    """
    height, width = how["crop"]
    top, left = (raw.shape[1] - height) // 2, (raw.shape[2] - width) // 2
    there = (raw != 0).flatten(1).any(1)
    part = raw[:, top : top + height, left : left + width].float()
    mean, std = part.new_tensor(how["mean"]), part.new_tensor(how["std"])
    scaled = (part * how["scale"] - mean) / std
    return (scaled * there[:, None, None, None]).movedim(-1, 1)


def samples(wave: Tensor, length: Tensor, how: Mapping[str, Any]) -> dict[str, Tensor]:
    """Samples with mean 0 and variance 1 up to the end of each sound, 0 after it.

    Arguments:
        wave: between -1 and 1. [B, L]
        length: samples of each. [B]
        how: see `of_sounds`.
    """
    real = torch.arange(wave.shape[1], device=wave.device) < length[:, None]
    if how["normalize"]:
        count = real.sum(1, keepdim=True).clamp(min=1)
        mean = (wave * real).sum(1, keepdim=True) / count
        variance = ((wave - mean).square() * real).sum(1, keepdim=True) / count
        wave = (wave - mean) / torch.sqrt(variance + 1e-7)
    inputs = {"input_values": wave * real}
    return inputs | {"attention_mask": real.long()} if how["mask"] else inputs


def spectra(wave: Tensor, length: Tensor, how: Mapping[str, Any]) -> Tensor:
    """Log energies of mel bands, after Kaldi's filter banks, as transformers' ASTFeatureExtractor has them.

    Arguments:
        wave: between -1 and 1. [B, L]
        length: samples of each. [B]
        how: see `of_sounds`.

    Returns:
        [B, frames, bands]; what is after the end is 0 before it is scaled.
    """
    missing = max(0, FRAME - wave.shape[1])
    frames = torch.nn.functional.pad(wave, (0, missing)).unfold(1, FRAME, HOP).double()  # [B, T, 400]
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
    window = torch.hann_window(FRAME, periodic=False, dtype=torch.float64, device=wave.device)
    power = torch.fft.rfft((frames - 0.97 * before) * window, n=POINTS).abs().square()  # [B, T, 257]
    bands = _bands(how["bands"], how["rate"]).to(wave.device)
    energy = torch.log((power @ bands).clamp(min=LEAST_ENERGY)).float()  # [B, T, bands]
    real = torch.arange(energy.shape[1], device=wave.device) < ((length - FRAME) // HOP + 1)[:, None]
    energy = (energy * real[..., None])[:, : how["frames"]]
    energy = torch.nn.functional.pad(energy, (0, 0, 0, how["frames"] - energy.shape[1]))
    return (energy - how["mean"]) / (2 * how["std"]) if how["normalize"] else energy


@lru_cache(maxsize=4)
def _bands(count: int, rate: int) -> Tensor:
    """Triangles on Kaldi's mel scale, 1127 log(1 + f / 700), from 20 Hz to half the rate. [257, count]"""

    def mel(frequency: Tensor) -> Tensor:
        return 1127.0 * torch.log1p(frequency / 700.0)

    low, high = mel(torch.tensor([20.0, rate // 2], dtype=torch.float64))
    edges = low + (high - low) * torch.arange(count + 2, dtype=torch.float64) / (count + 1)
    places = mel(torch.arange(POINTS // 2 + 1, dtype=torch.float64) * rate / POINTS)[:, None]
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
