"""Losses against PyTorch's own and formulas written out; slopes against autograd and finite differences."""

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

import netwright as nw
from netwright import losses
from netwright.errors import InputError
from netwright.nn.spec import from_spec, to_spec

M, B, C = 3, 6, 4


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


CODES = torch.randint(0, C, (M, B), generator=torch.Generator().manual_seed(1))
HOT = functional.one_hot(CODES, C).double()
SOFT = torch.softmax(normal(M, B, C, seed=2), -1)
BITS = (normal(M, B, C, seed=3) > 0).double()
LOGITS = 2 * normal(M, B, C, seed=4)
PROBABILITIES = torch.softmax(LOGITS, -1)
CHANCES = torch.sigmoid(LOGITS)
REAL = normal(M, B, C, seed=5)
POSITIVE = REAL.abs() + 0.1


def rows(values):
    return values.flatten(2).mean(2)


def entropy(target, logits):
    """Cross-entropy of each row by PyTorch, which wants the classes second."""
    return functional.cross_entropy(logits.movedim(-1, 1), target.movedim(-1, 1), reduction="none")


def bce(target, output):
    return functional.binary_cross_entropy(output, target, reduction="none")


def focal(target, chance, gamma):
    right = torch.where(target == 1, chance, 1 - chance)
    return -((1 - right) ** gamma) * torch.log(right)


def focal_of_classes(target, p):
    return (0.5 * (1 - p) ** 3 * -torch.log(p) * target).sum(-1)


CASES = {
    "mse": (losses.MeanSquaredError(), REAL, LOGITS, lambda y, p: rows((y - p) ** 2)),
    "mae": (losses.MeanAbsoluteError(), REAL, LOGITS, lambda y, p: rows(abs(y - p))),
    "mape": ("mape", REAL, LOGITS, lambda y, p: rows(100 * abs((y - p) / y))),
    "msle": ("msle", POSITIVE, CHANCES, lambda y, p: rows((torch.log(1 + y) - torch.log(1 + p)) ** 2)),
    "huber": (
        losses.Huber(0.7),
        REAL,
        LOGITS,
        lambda y, p: rows(torch.where(abs(y - p) < 0.7, (y - p) ** 2 / 2, 0.7 * abs(y - p) - 0.245)),
    ),
    "log_cosh": ("log_cosh", REAL, LOGITS, lambda y, p: rows(torch.log(torch.cosh(p - y)))),
    "quantile": (
        losses.Quantile(0.8),
        REAL,
        LOGITS,
        lambda y, p: rows(torch.where(y > p, 0.8 * (y - p), 0.2 * (p - y))),
    ),
    "quantiles": (
        losses.Quantile([0.1, 0.3, 0.6, 0.9]),
        REAL[..., :1],
        LOGITS,
        lambda y, p: (
            sum(
                torch.where(
                    y[..., 0] > p[..., i], q * (y[..., 0] - p[..., i]), (1 - q) * (p[..., i] - y[..., 0])
                )
                for i, q in enumerate([0.1, 0.3, 0.6, 0.9])
            )
            / 4
        ),
    ),
    "poisson": (
        "poisson",
        POSITIVE,
        POSITIVE + CHANCES,
        lambda y, p: rows(functional.poisson_nll_loss(p, y, log_input=False, eps=1e-7, reduction="none")),
    ),
    "cosine": (
        "cosine_similarity",
        REAL,
        LOGITS,
        lambda y, p: -functional.cosine_similarity(y, p, dim=-1),
    ),
    "hinge": ("hinge", 2 * BITS - 1, LOGITS, lambda y, p: rows(torch.relu(1 - y * p))),
    "squared_hinge": ("squared_hinge", 2 * BITS - 1, LOGITS, lambda y, p: rows(torch.relu(1 - y * p) ** 2)),
    "categorical_hinge": (
        "categorical_hinge",
        HOT,
        PROBABILITIES,
        lambda y, p: torch.relu(1 + (p - 9 * y).amax(-1) - (p * y).sum(-1)),
    ),
    "bce": ("bce", BITS, CHANCES, lambda y, p: rows(bce(y, p))),
    "bce_smooth": (
        losses.BinaryCrossentropy(label_smoothing=0.2),
        BITS,
        CHANCES,
        lambda y, p: rows(bce(0.8 * y + 0.1, p)),
    ),
    "bce_logits": (
        losses.BinaryCrossentropy(from_logits=True),
        BITS,
        LOGITS,
        lambda y, p: rows(bce(y, torch.sigmoid(p))),
    ),
    "bce_focal": (
        losses.BinaryFocalCrossentropy(gamma=1.5),
        BITS,
        CHANCES,
        lambda y, p: rows(focal(y, p, 1.5)),
    ),
    "bce_focal_balanced": (
        losses.BinaryFocalCrossentropy(apply_class_balancing=True, from_logits=True),
        BITS,
        LOGITS,
        lambda y, p: rows(torch.where(y == 1, 0.25, 0.75) * focal(y, torch.sigmoid(p), 2.0)),
    ),
    "cce": ("cce", SOFT, PROBABILITIES, lambda y, p: entropy(y, torch.log(p))),
    "cce_unnormalised": (
        "cce",
        SOFT,
        3 * PROBABILITIES,
        lambda y, p: entropy(y, torch.log(p)),
    ),
    "cce_logits": (
        losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1),
        HOT,
        LOGITS,
        lambda y, p: functional.cross_entropy(
            p.movedim(-1, 1), y.argmax(-1), label_smoothing=0.1, reduction="none"
        ),
    ),
    "cce_focal": (
        losses.CategoricalFocalCrossentropy(alpha=0.5, gamma=3.0),
        HOT,
        PROBABILITIES,
        lambda y, p: focal_of_classes(y, p / p.sum(-1, keepdim=True)),
    ),
    "scce": (
        "scce",
        CODES,
        PROBABILITIES,
        lambda y, p: functional.cross_entropy(torch.log(p).movedim(-1, 1), y, reduction="none"),
    ),
    "scce_logits": (
        losses.SparseCategoricalCrossentropy(from_logits=True, label_smoothing=0.3),
        CODES,
        LOGITS,
        lambda y, p: functional.cross_entropy(p.movedim(-1, 1), y, label_smoothing=0.3, reduction="none"),
    ),
    "kld": ("kld", SOFT, PROBABILITIES, lambda y, p: (y * torch.log(y / p)).sum(-1)),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient(name):
    loss, target, output, formula = CASES[name]
    loss = losses.get(loss)
    ours, theirs = output.clone().requires_grad_(), output.clone().requires_grad_()
    value, wanted = loss.rows(target, ours), formula(target, theirs)
    assert value.shape == (M, B)
    torch.testing.assert_close(value, wanted, rtol=1e-6, atol=1e-6)
    value.sum().backward()
    wanted.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)
    written = loss.gradient(target, output)
    if written is not None:
        torch.testing.assert_close(written, ours.grad)
    for member in range(M):
        alone = loss.rows(target[member : member + 1], output[member : member + 1])
        torch.testing.assert_close(alone[0], value[member].detach())


@pytest.mark.parametrize("name", CASES)
def test_finite_differences(name):
    loss, target, output, _ = CASES[name]
    loss = losses.get(loss)
    ours = output.clone().requires_grad_()
    loss.rows(target, ours).sum().backward()
    step = 1e-6
    for place in [(0, 0, 0), (1, 3, 2), (2, 5, 3)]:
        up, down = output.clone(), output.clone()
        up[place] += step
        down[place] -= step
        slope = (loss.rows(target, up).sum() - loss.rows(target, down).sum()) / (2 * step)
        torch.testing.assert_close(slope, ours.grad[place], rtol=1e-4, atol=1e-5)


JOINED = [
    (losses.BinaryCrossentropy(), BITS),
    (losses.BinaryCrossentropy(label_smoothing=0.1), BITS),
    (losses.BinaryFocalCrossentropy(), BITS),
    (losses.CategoricalCrossentropy(), SOFT),
    (losses.CategoricalCrossentropy(label_smoothing=0.1), HOT),
    (losses.CategoricalFocalCrossentropy(), HOT),
    (losses.SparseCategoricalCrossentropy(), CODES),
    (losses.SparseCategoricalCrossentropy(label_smoothing=0.1), CODES),
    (losses.KLDivergence(), SOFT),
]


@pytest.mark.parametrize(("loss", "target"), JOINED, ids=lambda each: type(each).__name__)
def test_joined_with_its_activation(loss, target):
    join = {"sigmoid": torch.sigmoid, "softmax": lambda x: torch.softmax(x, -1)}[loss.joins]
    one, two = LOGITS.clone().requires_grad_(), LOGITS.clone().requires_grad_()
    joined, apart = loss.rows(target, one, logits=True), loss.rows(target, join(two))
    torch.testing.assert_close(joined, apart, rtol=1e-5, atol=1e-5)
    joined.sum().backward()
    apart.sum().backward()
    torch.testing.assert_close(one.grad, two.grad, rtol=1e-5, atol=1e-5)
    written = loss.gradient(target, LOGITS, logits=True)
    if "Focal" not in type(loss).__name__ and "KL" not in type(loss).__name__:
        torch.testing.assert_close(written, one.grad)
        assert loss.gradient(target, join(LOGITS)) is None


@pytest.mark.parametrize(("loss", "target"), JOINED, ids=lambda each: type(each).__name__)
def test_joined_is_stable(loss, target):
    output = (1000 * LOGITS).float().requires_grad_()
    target = target.float() if target.is_floating_point() else target
    loss.rows(target, output, logits=True).sum().backward()
    assert torch.isfinite(output.grad).all()
    assert torch.isfinite(loss.rows(target, output, logits=True)).all()


@pytest.mark.parametrize(("loss", "target"), JOINED, ids=lambda each: type(each).__name__)
def test_sequences(loss, target):
    """[M, B, T, C] is the mean over the places of [M, B, C], in value and in slope."""
    output = torch.stack([LOGITS, REAL], 2)  # [M, B, 2, C]
    targets = torch.stack([target, target.flip(1)], 2)
    wanted = (loss.rows(target, LOGITS, logits=True) + loss.rows(target.flip(1), REAL, logits=True)) / 2
    torch.testing.assert_close(loss.rows(targets, output, logits=True), wanted)
    output.requires_grad_()
    loss.rows(targets, output, logits=True).sum().backward()
    written = loss.gradient(targets, output.detach(), logits=True)
    if written is not None:
        torch.testing.assert_close(written, output.grad)


def test_arrays_and_tensors_from_outside():
    assert nw.losses.MeanSquaredError()([0, 1], [1, 3]) == pytest.approx(2.5)
    assert losses.mean_squared_error([[0, 1], [2, 2]], [[1, 3], [2, 2]]).tolist() == [2.5, 0]
    output = torch.zeros(2, 3, requires_grad=True)
    value = losses.SparseCategoricalCrossentropy(from_logits=True)([0, 2], output)
    value.backward()
    assert value.item() == pytest.approx(np.log(3))
    assert output.grad.abs().sum() > 0
    smooth = losses.categorical_crossentropy([[1, 0]], [[0.5, 0.5]], label_smoothing=0.1)
    assert smooth == pytest.approx(np.log(2))
    with pytest.raises(InputError, match="y_true has 3 rows, y_pred has 2"):
        losses.Huber()([1, 2, 3], [1.0, 2.0])


def test_quantile_of_the_minimum():
    """The best constant output is the quantile itself."""
    target = torch.linspace(0, 1, 101, dtype=torch.float64)[None, :, None]
    best = min(np.linspace(0, 1, 201), key=lambda c: losses.Quantile(0.7).rows(target, 0 * target + c).sum())
    assert best == pytest.approx(0.7, abs=0.01)


def test_custom_losses_are_applied_to_each_member():
    def rows_of(y, p):
        assert y.shape == p.shape == (B, C)
        return (y - p).square().mean(1)

    wanted = losses.MeanSquaredError().rows(REAL, LOGITS)
    torch.testing.assert_close(losses.get(rows_of).rows(REAL, LOGITS), wanted)
    torch.testing.assert_close(losses.get(lambda y, p: (y - p) ** 2).rows(REAL, LOGITS), wanted)
    mean = losses.get(lambda y, p: ((y - p) ** 2).mean()).rows(REAL, LOGITS)
    torch.testing.assert_close(mean, wanted.mean(1, keepdim=True).expand(M, B))
    for wrong in (lambda y, p: 3.0, lambda y, p: torch.zeros(7)):
        with pytest.raises(InputError, match="a number for each row"):
            losses.get(wrong).rows(REAL, LOGITS)
    assert losses.get(rows_of).prepare([1, 2], (1,), None).shape == (2, 1)


def test_crossentropy_is_decided_by_the_target():
    loss = losses.Crossentropy(from_logits=True, label_smoothing=0.1)
    assert loss.resolve([0, 1], (1,)) == losses.BinaryCrossentropy(True, 0.1)
    assert loss.resolve([0, 1], (3,)) == losses.SparseCategoricalCrossentropy(True, 0.1)
    assert loss.resolve([[0], [1]], (3,)) == losses.SparseCategoricalCrossentropy(True, 0.1)
    assert loss.resolve([[0, 1.0], [1, 0]], (2,)) == losses.CategoricalCrossentropy(True, 0.1)
    assert loss.resolve([[0, 0], [1, 1]], (2,)) == losses.BinaryCrossentropy(True, 0.1)
    assert losses.Huber().resolve([1], (1,)) == losses.Huber()
    assert losses.get("crossentropy")([1], [[0.5, 0.5]]) == pytest.approx(np.log(2))


def test_get():
    assert losses.get("MeanSquaredError") == losses.get("mse") == losses.get(losses.mean_squared_error)
    assert losses.get(losses.Huber) == losses.get("huber") == losses.Huber(1.0)
    with pytest.raises(InputError, match="did you mean 'binary_crossentropy'"):
        losses.get("binary_crosentropy")
    for wrong in (None, 3, dict):
        with pytest.raises(InputError, match="no loss"):
            losses.get(wrong)
    with pytest.raises(InputError, match="the other way round"):
        losses.get(torch.nn.CrossEntropyLoss())
    with pytest.raises(InputError, match="label_smoothing"):
        losses.CategoricalCrossentropy(label_smoothing=2)
    with pytest.raises(InputError, match="delta"):
        losses.Huber(0)
    for quantile in (1.5, [], [0.5, 0]):
        with pytest.raises(InputError, match="quantile"):
            losses.Quantile(quantile)


@pytest.mark.parametrize("kind", losses.KNOWN.values())
def test_as_json(kind):
    spec = json.loads(json.dumps(to_spec(kind())))
    assert from_spec({each.__name__: each for each in losses.KNOWN.values()}, spec) == kind()


def test_quantiles_as_json():
    loss = losses.Quantile([0.1, 0.9])
    assert from_spec({"Quantile": losses.Quantile}, json.loads(json.dumps(to_spec(loss)))) == loss


@pytest.mark.parametrize("shape", [(2, 8, 3), (1, 700, 10), (5, 90, 7, 10), (3, 200, 40)])
def test_logs_of_the_softmax_are_pytorchs_however_many_rows(shape: tuple[int, ...]) -> None:
    from netwright.losses.base import log_softmax

    output = 30.0 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(log_softmax(output), torch.log_softmax(output, -1), rtol=1e-6, atol=1e-6)
