"""Which words of a text its prediction hangs on: each is left out once."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
import torch
from torch import Tensor

from netwright.data.dataset import own_tensor
from netwright.data.schema import Column
from netwright.data.text import codes
from netwright.nn.network import Network

WORDS = 60  # of a text that are left out, its first ones
WORD = re.compile(r"\S+")


def occlusion(
    network: Network, column: Column, text: str, raw: dict[str, Tensor], output: int
) -> list[tuple[str, float]]:
    """The words of a text, and what each adds to the prediction.

    Arguments:
        network: trained.
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
    all_rows = {name: tensor.expand(len(texts), *tensor.shape[1:]) for name, tensor in raw.items()}
    own = torch.from_numpy(codes(pl.Series(texts, dtype=pl.String), column))  # [1 + words, T]
    all_rows[own_tensor(column)] = own.to(network.flat.device)
    values: np.ndarray = network.predict_mean(all_rows)[:, output].double().cpu().numpy()
    return [(word.group(), float(values[0] - value)) for word, value in zip(found, values[1:], strict=True)]
