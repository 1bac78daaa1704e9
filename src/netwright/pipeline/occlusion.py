"""Which words of a text its prediction hangs on: each is left out once."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.config import InputsConfig
from netwright.data.dataset import own_tensor
from netwright.data.schema import Column, Schema
from netwright.data.text import codes
from netwright.nn.network import Network
from netwright.pipeline.pretrained import with_features

WORDS = 60  # of a text that are left out, its first ones
WORD = re.compile(r"\S+")


def occlusion(
    network: Network,
    schema: Schema,
    inputs: InputsConfig,
    column: Column,
    text: str,
    raw: dict[str, Tensor],
    output: int,
) -> list[tuple[str, float]]:
    """The words of a text, and what each adds to the prediction.

    Arguments:
        network: trained.
        schema: of the run.
        inputs: the encoders' settings.
        column: of kind text.
        text: the cell, with at least one word.
        raw: raw tensors of the row that it stands in. [1, ...]
        output: which of the network's outputs is looked at.

    Returns:
        For each of the first words, the output with it minus the output without it.

    Source: Zeiler and Fergus 2014, arXiv 1311.2901; of words: Li, Monroe and Jurafsky 2016, arXiv 1612.08220.
    """
    found = list(WORD.finditer(text))[:WORDS]
    texts = [text, *(text[: word.start()].rstrip() + text[word.end() :] for word in found)]
    own = {own_tensor(column): torch.from_numpy(codes(pl.Series(texts, dtype=pl.String), column))}
    own = with_features(own, Schema(columns=[column], target=schema.target), inputs)
    own = {name: tensor.to(network.flat.device) for name, tensor in own.items()}
    others = {
        name: tensor.expand(len(texts), *tensor.shape[1:]) for name, tensor in raw.items() if name not in own
    }
    values: np.ndarray = network.predict_mean(others | own)[:, output].double().cpu().numpy()
    return [(word.group(), float(values[0] - value)) for word, value in zip(found, values[1:], strict=True)]
