"""Losses and predictions against torch.nn.functional."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from netwright.data.schema import Target
from netwright.nn.heads import BinaryHead, MulticlassHead, MultilabelHead, RegressionHead, build
from netwright.nn.member import Layout, Mode

MEMBERS, HEADS, ROWS, CLASSES = 2, 3, 20, 4
SMOOTHING = torch.tensor([0.0, 0.2])


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def codes(classes: int) -> torch.Tensor:
    return torch.randint(classes, (MEMBERS, ROWS), generator=torch.Generator().manual_seed(1))


WEIGHT = random(MEMBERS, ROWS, seed=2).abs()


def weighted(losses: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return (losses * weight).sum() / weight.sum()


@pytest.mark.parametrize("smoothing", [None, SMOOTHING])
def test_binary_loss(smoothing):
    head = BinaryHead(5, HEADS, MEMBERS)
    output, target = random(MEMBERS, HEADS, ROWS, 1), codes(2)
    loss = head.loss(output, target, WEIGHT, smoothing)
    for member in range(MEMBERS):
        share = 0.0 if smoothing is None else float(smoothing[member])
        expected = torch.zeros(())
        for each in output[member, ..., 0]:
            logits = torch.stack([torch.zeros(ROWS), each], dim=1)
            losses = functional.cross_entropy(logits, target[member], label_smoothing=share, reduction="none")
            expected += weighted(losses, WEIGHT[member]) / HEADS
        torch.testing.assert_close(loss[member], expected)


@pytest.mark.parametrize("smoothing", [None, SMOOTHING])
def test_multiclass_loss(smoothing):
    head = MulticlassHead(5, CLASSES, HEADS, MEMBERS)
    output, target = random(MEMBERS, HEADS, ROWS, CLASSES), codes(CLASSES)
    loss = head.loss(output, target, WEIGHT, smoothing)
    for member in range(MEMBERS):
        share = 0.0 if smoothing is None else float(smoothing[member])
        expected = torch.zeros(())
        for each in output[member]:
            losses = functional.cross_entropy(each, target[member], label_smoothing=share, reduction="none")
            expected += weighted(losses, WEIGHT[member]) / HEADS
        torch.testing.assert_close(loss[member], expected)


def test_multilabel_loss():
    head = MultilabelHead(5, CLASSES, HEADS, MEMBERS)
    output = random(MEMBERS, HEADS, ROWS, CLASSES)
    target = (random(MEMBERS, ROWS, CLASSES, seed=3) > 0).float()
    loss = head.loss(output, target, WEIGHT)
    for member in range(MEMBERS):
        wanted = target[member].expand(HEADS, ROWS, CLASSES)
        losses = functional.binary_cross_entropy_with_logits(output[member], wanted, reduction="none")
        torch.testing.assert_close(loss[member], weighted(losses.mean((0, 2)), WEIGHT[member]))


def test_regression_loss_is_the_squared_error_of_scaled_targets():
    head = RegressionHead(5, 2, HEADS, MEMBERS)
    target = 50 + 10 * random(MEMBERS, ROWS, 2, seed=3).double()
    for member in range(MEMBERS):
        head.fit(member, target[member], torch.ones(ROWS))
    output = random(MEMBERS, HEADS, ROWS, 2)
    loss = head.loss(output, target, WEIGHT)
    for member in range(MEMBERS):
        values = target[member]
        scaled = ((values - values.mean(0)) / values.std(0, unbiased=False)).float()
        losses = functional.mse_loss(output[member], scaled.expand(HEADS, ROWS, 2), reduction="none").mean(
            (0, 2)
        )
        torch.testing.assert_close(loss[member], weighted(losses, WEIGHT[member]))


def test_unknown_targets_are_known_to_be_so():
    classes = torch.tensor([[0, -1, 2]])
    assert MulticlassHead(5, 3, 1, 1).known(classes).tolist() == [[True, False, True]]
    assert BinaryHead(5, 1, 1).known(classes.clamp(max=1)).tolist() == [[True, False, True]]
    labels = torch.tensor([[[0.0, 1.0], [0.0, float("nan")]]])
    assert MultilabelHead(5, 2, 1, 1).known(labels).tolist() == [[True, False]]


def test_predictions_average_the_probabilities_of_the_heads():
    output = 3 * random(MEMBERS, HEADS, ROWS, CLASSES)
    softmax = MulticlassHead(5, CLASSES, HEADS, MEMBERS).predict(output)
    torch.testing.assert_close(softmax, functional.softmax(output, dim=-1).mean(1))
    assert not torch.allclose(softmax, functional.softmax(output.mean(1), dim=-1), atol=1e-2)
    positive = torch.sigmoid(output[..., 0]).mean(1)
    binary = BinaryHead(5, HEADS, MEMBERS).predict(output[..., :1])
    torch.testing.assert_close(binary, torch.stack([1 - positive, positive], dim=-1))
    labels = MultilabelHead(5, CLASSES, HEADS, MEMBERS).predict(output)
    torch.testing.assert_close(labels, torch.sigmoid(output).mean(1))


def test_a_regression_is_scaled_back_and_kept_within_what_was_seen():
    head = RegressionHead(5, 1, HEADS, 1)
    target = torch.tensor([[10.0], [20.0], [40.0]], dtype=torch.float64)
    head.fit(0, target, torch.ones(3))
    output = torch.tensor([-9.0, 0.0, 0.5, 9.0]).view(1, 1, 4, 1).expand(1, HEADS, 4, 1)
    deviation = target.std(unbiased=False).item()
    expected = [10.0, 70 / 3, 70 / 3 + deviation / 2, 40.0]
    torch.testing.assert_close(head.predict(output)[0, :, 0], torch.tensor(expected, dtype=torch.float64))


def test_a_constant_target_is_predicted_and_not_divided_by():
    head = RegressionHead(5, 1, 1, 1)
    head.fit(0, torch.full((4, 1), 3.0, dtype=torch.float64), torch.ones(4))
    assert head.predict(torch.ones(1, 1, 2, 1)).flatten().tolist() == [3.0, 3.0]
    assert head.errors(torch.zeros(1, 1, 4, 1), torch.full((1, 4, 1), 3.0), None).abs().max() == 0


def test_target_scaling_is_weighted():
    twice, weighted_head = RegressionHead(5, 1, 1, 1), RegressionHead(5, 1, 1, 1)
    target = torch.tensor([[1.0], [5.0], [7.0]], dtype=torch.float64)
    twice.fit(0, torch.cat([target, target[:1]]), torch.ones(4))
    weighted_head.fit(0, target, torch.tensor([2.0, 1.0, 1.0]))
    for name in ("centre", "scale", "low", "high"):
        torch.testing.assert_close(getattr(twice, name), getattr(weighted_head, name))


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_the_first_prediction_is_the_share_of_each_class(task):
    names = ["a", "b", "c"] if task == "multiclass" else ["a", "b"] if task == "binary" else []
    columns = ["x", "y"] if task == "multilabel" else ["y"]
    head = build(Target(columns=columns, task=task, classes=names), 5, HEADS, 1)
    layout = Layout(head)
    layout.bind(torch.zeros(1, layout.size))
    weight = torch.tensor([1.0, 1.0, 2.0, 4.0])
    if task == "multilabel":
        target, expected = torch.tensor([[0.0, 1], [1, 1], [0, 1], [1, 0]]), [5 / 8, 4 / 8]
    elif task == "binary":
        target, expected = torch.tensor([0, 1, 1, 0]), [5 / 8, 3 / 8]
    else:
        target, expected = torch.tensor([0, 1, 2, 1]), [1 / 8, 5 / 8, 2 / 8]
    head.fit(0, target, weight)
    probability = head.predict(head(torch.randn(1, HEADS, 6, 5), Mode()))
    torch.testing.assert_close(probability[0], torch.tensor(expected).expand(6, -1), atol=0.02, rtol=0)


def test_a_class_without_rows_does_not_start_at_minus_infinity():
    head = MulticlassHead(5, 3, 1, 1)
    head.fit(0, torch.tensor([0, 0, 1]), torch.ones(3))
    assert torch.isfinite(head.offset).all()


def test_scores_are_loss_and_metric_of_the_averaged_prediction():
    head = MulticlassHead(5, CLASSES, HEADS, MEMBERS)
    output, target = random(MEMBERS, HEADS, ROWS, CLASSES), codes(CLASSES)
    scores = head.scores(output, target)
    probability = head.predict(output)
    losses = functional.nll_loss(probability.flatten(0, 1).log(), target.flatten(), reduction="none")
    torch.testing.assert_close(scores["loss"].flatten(), losses)
    assert torch.equal(scores["accuracy"], (probability.argmax(-1) == target).float())


def test_scores_of_a_regression_finish_as_root_mean_square():
    head = RegressionHead(5, 1, HEADS, 1)
    target = 10 * random(1, ROWS, 1, seed=4).double()
    head.fit(0, target[0], torch.ones(ROWS))
    output = random(1, HEADS, ROWS, 1)
    means = {name: values.mean(1) for name, values in head.scores(output, target).items()}
    error = head.predict(output) - target
    finished = head.finish(means)
    torch.testing.assert_close(finished["rmse"][0], error.square().mean().sqrt())
    torch.testing.assert_close(finished["loss"][0], error.square().mean() / target.var(unbiased=False))


def test_gradients_of_losses_by_finite_differences():
    output = random(MEMBERS, 2, 3, 4).double().requires_grad_()
    weight = WEIGHT[:, :3].double()
    target = codes(4)[:, :3]
    head = MulticlassHead(5, 4, 2, MEMBERS)
    assert torch.autograd.gradcheck(lambda o: head.loss(o, target, weight, SMOOTHING.double()), output)
    binary = BinaryHead(5, 2, MEMBERS)
    assert torch.autograd.gradcheck(
        lambda o: binary.loss(o, target.clamp(max=1), weight, SMOOTHING.double()), output[..., :1]
    )
