from __future__ import annotations

import torch
from torch import nn

from netwright.doctor.checks.padding import padding


def found(zoo, x):
    return zoo.told(padding(zoo.case_for(zoo.Recurrent(), nn.CrossEntropyLoss(), x, zoo.codes())))


def test_sequences_that_are_mostly_filled_up(zoo, start):
    x = zoo.tokens() % 39 + 1
    [(severity, text)] = found(zoo, torch.cat([x[:, :4], torch.zeros(150, 6, dtype=torch.long)], 1))
    assert severity == "note"
    assert text.startswith("60% of the tokens of x are 0")
    assert "10 long and hold 4.0 others" in text
    [(_, text)] = found(zoo, torch.cat([torch.full((150, 6), 7), torch.where(x == 7, 8, x)[:, :4]], 1))
    assert "of x are 7" in text


def test_a_word_that_is_frequent_is_no_padding(zoo, start):
    x = zoo.tokens()
    assert found(zoo, torch.where(x < 28, torch.tensor(0), x)) == []
    assert found(zoo, x) == []
