from __future__ import annotations

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import Embedding


def codes(*shape: int) -> torch.Tensor:
    return torch.randint(0, 9, shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", [torch.int64, torch.int32, torch.float32])
def test_embedding_equals_torch(run, normal, close, kind):
    running = run(Embedding(9, 4), (6,))
    x = codes(1, 3, 6)
    y = running(x.to(kind))
    reference = torch.nn.Embedding(9, 4, _weight=running.weights()["embeddings"])
    expected = reference(x[0])
    close(y[0], expected)
    (expected * normal(*expected.shape, seed=98)).sum().backward()
    assert reference.weight.grad is not None
    close(running.gradients(y)[0][0].view(9, 4), reference.weight.grad)


@pytest.mark.parametrize("shape", [(), (5,), (2, 3)])
def test_members(alike, shape):
    assert alike(lambda: Embedding(9, 4), codes(3, 6, *shape)).shape == (*shape, 4)


def test_it_starts_as_keras_does(run):
    start = run(Embedding(1000, 4), (6,), noise=0).weights()["embeddings"]
    assert start.abs().max() <= 0.05
    assert start.std().item() == pytest.approx(0.1 / 12**0.5, rel=0.05)


def test_it_says_which_codes_fit():
    assert Embedding(9, 4).code_limit == 9
    assert Embedding(9, 4, input_length=6).input_shape == (6,)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Embedding(0, 4), "input_dim is 0"),
        (lambda: Embedding(9, 2.5), r"output_dim is 2\.5"),
        (lambda: Embedding(9, 4, mask_zero=True), "mask_zero is not there.*pad sequences at their start"),
        (lambda: Embedding(9, 4, embeddings_initializer="unifrom"), "did you mean 'uniform'"),
    ],
)
def test_what_does_not_fit_is_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        wrong()
