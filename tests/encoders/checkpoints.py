"""Small checkpoints as Hugging Face transformers saves them, with weights drawn at random."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch

TRANSFORMER = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
WORDS = ["good", "bad", "film", "plot", "the", "a", "dull", "bright", "very", "was"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = {"vocab_size": len(SPECIAL) + len(WORDS), "max_position_embeddings": 24, "pad_token_id": 0}
PICTURES = {
    "size": {"height": 32, "width": 32},
    "do_resize": True,
    "image_mean": [0.5, 0.4, 0.3],
    "image_std": [0.2, 0.25, 0.3],
}
STRETCHED = {**PICTURES, "image_processor_type": "ViTImageProcessor"}
CUT = {
    **PICTURES,
    "image_processor_type": "BitImageProcessor",
    "size": {"shortest_edge": 40},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
}
SHARE = {**PICTURES, "image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 28}}

MODELS: dict[str, tuple[str, dict[str, Any], dict[str, Any] | None]] = {
    "resnet": (
        "ResNet",
        {"embedding_size": 8, "hidden_sizes": [8, 12], "depths": [1, 2], "layer_type": "basic"},
        {**SHARE, "crop_pct": 0.7},
    ),
    "convnext": ("ConvNext", {"hidden_sizes": [8, 12], "depths": [1, 1], "num_stages": 2}, SHARE),
    "vit": ("ViT", {**TRANSFORMER, "image_size": 32, "patch_size": 8}, STRETCHED),
    "dinov2": ("Dinov2", {**TRANSFORMER, "image_size": 32, "patch_size": 8, "mlp_ratio": 2}, CUT),
    "bert": ("Bert", {**TRANSFORMER, **VOCABULARY}, None),
    "roberta": ("Roberta", {**TRANSFORMER, **VOCABULARY, "max_position_embeddings": 26}, None),
    "distilbert": (
        "DistilBert",
        {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, **VOCABULARY},
        None,
    ),
    "modernbert": (
        "ModernBert",
        {
            **TRANSFORMER,
            **VOCABULARY,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
        None,
    ),
    "deberta-v2": (
        "DebertaV2",
        {
            **TRANSFORMER,
            **VOCABULARY,
            "relative_attention": True,
            "pos_att_type": ["p2c", "c2p"],
            "position_buckets": 8,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        },
        None,
    ),
    "wav2vec2": (
        "Wav2Vec2",
        {
            **TRANSFORMER,
            "conv_dim": [8, 8],
            "conv_stride": [5, 4],
            "conv_kernel": [10, 8],
            "num_feat_extract_layers": 2,
            "num_conv_pos_embeddings": 8,
            "num_conv_pos_embedding_groups": 2,
            "vocab_size": 10,
        },
        {"sampling_rate": 8000, "do_normalize": True, "return_attention_mask": False},
    ),
    "audio-spectrogram-transformer": (
        "AST",
        {
            **TRANSFORMER,
            "patch_size": 16,
            "frequency_stride": 16,
            "time_stride": 16,
            "max_length": 64,
            "num_mel_bins": 32,
        },
        {"sampling_rate": 16_000, "num_mel_bins": 32, "max_length": 64},
    ),
}


def save(name: str, folder: Path, seed: int = 0) -> Path:
    """A checkpoint of one of `MODELS`; the folder."""
    import transformers

    model, settings, preprocess = MODELS[name]
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = getattr(transformers, f"{model}Model")(getattr(transformers, f"{model}Config")(**settings))
        with torch.no_grad():
            for each in module.parameters():  # what starts at 0 or 1 would hide what is mixed up
                each.add_(0.05 * torch.randn_like(each))
            for each in module.buffers():
                if each.is_floating_point() and each.dim() == 1 and name == "resnet":
                    each.add_(0.1 * torch.rand_like(each))
        module.save_pretrained(folder)
    if preprocess is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocess))
    elif name not in ("wav2vec2", "audio-spectrogram-transformer"):
        write_tokenizer(folder)
    return folder


def write_tokenizer(folder: Path) -> None:
    """One word, one token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing

    vocabulary = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    made = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made.save(str(folder / "tokenizer.json"))
