"""`fit` against loops written by hand in PyTorch: same start, same batches, same rows' weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

import netwright as nw
from netwright import layers, optimizers, regularizers, schedules

ROWS, BATCH = 23, 8  # the last batch has 7 rows
Numbers = Callable[..., np.ndarray]


class Loop:
    """Dense 5-4-3 in float64 with softmax cross-entropy, trained by hand.

    Arguments:
        start: kernel, bias, kernel, bias.
        step: the optimiser's move of one parameter: (parameter, gradient, memory, step from 1).
        penalty: added to the loss of a step.
        clip: done to all gradients.
        after: done to the parameters after each step.
        frozen: numbers of parameters that stay.
    """

    def __init__(
        self,
        start: list[np.ndarray],
        step: Callable[[Tensor, Tensor, dict[str, Any], int], Tensor],
        penalty: Callable[[list[Tensor]], Any] = lambda values: 0.0,
        clip: Callable[[list[Tensor]], list[Tensor]] = lambda gradients: gradients,
        after: Callable[[list[Tensor]], None] = lambda values: None,
        frozen: tuple[int, ...] = (),
    ) -> None:
        self.values = [torch.tensor(each, dtype=torch.float64, requires_grad=True) for each in start]
        self.moves, self.penalty, self.clip, self.after, self.frozen = step, penalty, clip, after, frozen
        self.memory: list[dict[str, Any]] = [{} for _ in start]
        self.steps = 0

    def output(self, x: np.ndarray) -> Tensor:
        kernel, bias, second, last = self.values
        return torch.tanh(torch.as_tensor(x, dtype=torch.float64) @ kernel + bias) @ second + last

    def rows(self, x: np.ndarray, y: np.ndarray) -> Tensor:
        return functional.cross_entropy(self.output(x), torch.as_tensor(y), reduction="none")

    def epoch(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
        weight = np.ones(len(x)) if weight is None else weight
        total = 0.0
        for first in range(0, len(x), BATCH):
            cut = slice(first, first + BATCH)
            share = torch.as_tensor(weight[cut], dtype=torch.float64)
            loss = (self.rows(x[cut], y[cut]) * share).sum() / share.sum() + self.penalty(self.values)
            gradients = self.clip(list(torch.autograd.grad(loss, self.values)))
            self.steps += 1
            with torch.no_grad():
                for number, (value, gradient) in enumerate(zip(self.values, gradients, strict=True)):
                    if number not in self.frozen:
                        value -= self.moves(value, gradient, self.memory[number], self.steps)
                self.after(self.values)
            total += float(loss.detach()) * float(share.sum())
        return total / float(weight.sum())


def sgd(rate: float) -> Callable[..., Tensor]:
    return lambda value, gradient, memory, step: rate * gradient


def adam(rate: float) -> Callable[..., Tensor]:
    """Keras's form: epsilon 1e-7 is added to the root before the correction."""

    def move(value: Tensor, gradient: Tensor, memory: dict[str, Any], step: int) -> Tensor:
        memory["m"] = 0.9 * memory.get("m", 0.0) + 0.1 * gradient
        memory["v"] = 0.999 * memory.get("v", 0.0) + 0.001 * gradient**2
        corrected = rate * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
        return corrected * memory["m"] / (memory["v"].sqrt() + 1e-7)

    return move


@pytest.fixture
def data(numbers: Numbers) -> tuple[np.ndarray, np.ndarray]:
    return numbers(ROWS, 5), np.random.default_rng(1).integers(0, 3, ROWS)


def pair(
    optimizer: Any, step: Any, numbers: Numbers, first: dict[str, Any] | None = None, **more: Any
) -> tuple[nw.Sequential, Loop]:
    """A model and a loop that begin at the same weights."""
    start = [numbers(5, 4, seed=2), numbers(4, seed=3), numbers(4, 3, seed=4), numbers(3, seed=5)]
    model = nw.Sequential([layers.Dense(4, "tanh", input_dim=5, **(first or {})), layers.Dense(3, "softmax")])
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.set_weights(start)
    return model, Loop(start, step, **more)


def alike(model: nw.Sequential, loop: Loop, tolerance: float = 2e-5) -> None:
    for found, expected in zip(model.get_weights(), loop.values, strict=True):
        np.testing.assert_allclose(found, expected.detach().numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("name", "rule"), [(optimizers.SGD(0.3), sgd(0.3)), (optimizers.Adam(0.05), adam(0.05))]
)
def test_epochs_are_those_of_a_plain_loop(name: Any, rule: Any, data: Any, numbers: Numbers) -> None:
    x, y = data
    model, loop = pair(name, rule, numbers)
    history = model.fit(x, y, batch_size=BATCH, epochs=4, shuffle=False, verbose=0).history
    expected = [loop.epoch(x, y) for _ in range(4)]
    alike(model, loop)
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_loss_in_history_is_the_mean_over_rows_without_metrics_too(data: Any, numbers: Numbers) -> None:
    x, y = data
    model, loop = pair("sgd", sgd(0.01), numbers)
    model.compile(optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    history = model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0).history
    np.testing.assert_allclose(history["loss"], [loop.epoch(x, y), loop.epoch(x, y)], rtol=1e-5)


def test_sample_weight_and_class_weight_multiply(data: Any, numbers: Numbers) -> None:
    x, y = data
    weight = np.random.default_rng(6).uniform(0, 2, ROWS)
    model, loop = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    history = model.fit(
        x,
        y,
        batch_size=BATCH,
        epochs=3,
        shuffle=False,
        sample_weight=weight,
        class_weight={0: 2.0, 2: 0.5},
        verbose=0,
    ).history
    factors = weight * np.array([2.0, 1.0, 0.5])[y]
    expected = [loop.epoch(x, y, factors) for _ in range(3)]
    alike(model, loop)
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)


def test_class_weight_of_one_hot_targets_is_the_same(data: Any, numbers: Numbers) -> None:
    x, y = data
    model, _ = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    other, _ = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    other.compile(optimizers.SGD(0.3), "categorical_crossentropy")
    weight = {0: 2.0, 1: 0.0}
    model.fit(x, y, shuffle=False, class_weight=weight, verbose=0)
    other.fit(x, nw.utils.to_categorical(y, 3), shuffle=False, class_weight=weight, verbose=0)
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_validation_split_takes_the_last_rows_and_no_class_weight(data: Any, numbers: Numbers) -> None:
    x, y = data
    model, loop = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    weight = {0: 5.0, 1: 1.0, 2: 0.1}
    history = model.fit(
        x, y, batch_size=BATCH, shuffle=False, validation_split=0.2, class_weight=weight, verbose=0
    ).history
    loop.epoch(x[:18], y[:18], np.array([5.0, 1.0, 0.1])[y[:18]])
    alike(model, loop)
    held = loop.rows(x[18:], y[18:]).detach().numpy()
    right = (loop.output(x[18:]).argmax(1).numpy() == y[18:]).mean()
    np.testing.assert_allclose(history["val_loss"], [held.mean()], rtol=1e-5)
    np.testing.assert_allclose(history["val_accuracy"], [right], rtol=1e-6)
    assert list(history) == ["loss", "accuracy", "val_loss", "val_accuracy"]


def test_validation_data_weighs_its_rows(data: Any, numbers: Numbers) -> None:
    x, y = data
    model, loop = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    weight = np.arange(1.0, 6.0)
    history = model.fit(
        x, y, batch_size=BATCH, shuffle=False, validation_data=(x[:5], y[:5], weight), verbose=0
    ).history
    loop.epoch(x, y)
    held = loop.rows(x[:5], y[:5]).detach().numpy()
    np.testing.assert_allclose(history["val_loss"], [(held * weight).sum() / weight.sum()], rtol=1e-5)


def test_penalties_are_part_of_loss_and_slope(data: Any, numbers: Numbers) -> None:
    x, y = data

    def penalty(values: list[Tensor]) -> Tensor:
        return 0.02 * values[0].abs().sum() + 0.03 * values[0].square().sum() + 0.1 * values[1].square().sum()

    first = {"kernel_regularizer": regularizers.L1L2(0.02, 0.03), "bias_regularizer": regularizers.L2(0.1)}
    model, loop = pair(optimizers.SGD(0.1), sgd(0.1), numbers, first, penalty=penalty)
    history = model.fit(x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0).history
    expected = [loop.epoch(x, y) for _ in range(3)]
    alike(model, loop)
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-5)
    told = model.evaluate(x, y, verbose=0)[0]
    np.testing.assert_allclose(
        told, float((loop.rows(x, y).mean() + penalty(loop.values)).detach()), rtol=1e-5
    )


def test_constraints_hold_after_each_step(data: Any, numbers: Numbers) -> None:
    x, y = data

    def after(values: list[Tensor]) -> None:
        lengths = values[0].square().sum(0, keepdim=True).sqrt()
        values[0] *= lengths.clamp(0, 1.5) / (1e-7 + lengths)

    first = {"kernel_constraint": nw.constraints.MaxNorm(1.5)}
    model, loop = pair(optimizers.SGD(0.5), sgd(0.5), numbers, first, after=after)
    model.fit(x, y, batch_size=BATCH, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        loop.epoch(x, y)
    alike(model, loop)
    assert np.linalg.norm(model.get_weights()[0], axis=0).max() <= 1.5 + 1e-5


def each_norm(gradients: list[Tensor]) -> list[Tensor]:
    return [each * min(1.0, 0.1 / float(each.norm())) for each in gradients]


def global_norm(gradients: list[Tensor]) -> list[Tensor]:
    norm = float(torch.cat([each.flatten() for each in gradients]).norm())
    return [each * min(1.0, 0.1 / norm) for each in gradients]


CLIPS = {
    "clipnorm": each_norm,
    "global_clipnorm": global_norm,
    "clipvalue": lambda gradients: [each.clamp(-0.1, 0.1) for each in gradients],
}


@pytest.mark.parametrize("kind", CLIPS)
def test_clipping(kind: str, data: Any, numbers: Numbers) -> None:
    x, y = data
    optimizer = optimizers.SGD(0.5, **{kind: 0.1})
    model, loop = pair(optimizer, sgd(0.5), numbers, clip=CLIPS[kind])
    model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    loop.epoch(x, y)
    loop.epoch(x, y)
    alike(model, loop)


@pytest.mark.parametrize("every", [None, 2])
def test_moving_average_takes_the_weights_place(every: int | None, data: Any, numbers: Numbers) -> None:
    x, y = data
    average: list[Tensor] = []
    count = 0

    def after(values: list[Tensor]) -> None:
        nonlocal count
        count += 1
        for mean, value in zip(average, values, strict=True):
            mean.mul_(0.9).add_(value, alpha=0.1)
            if every and count % every == 0:
                value.copy_(mean)

    optimizer = optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=every)
    model, loop = pair(optimizer, sgd(0.5), numbers, after=after)
    average += [value.detach().clone() for value in loop.values]
    model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    loop.epoch(x, y)
    loop.epoch(x, y)
    for found, expected in zip(model.get_weights(), average, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5)


def test_schedule_counts_steps_over_fits_and_begins_anew_after_compile(data: Any, numbers: Numbers) -> None:
    x, y = data

    def falling(value: Tensor, gradient: Tensor, memory: dict[str, Any], step: int) -> Tensor:
        return 0.5 * 0.5 ** ((step - 1) / 4) * gradient

    optimizer = optimizers.SGD(schedules.ExponentialDecay(0.5, 4, 0.5))
    model, loop = pair(optimizer, falling, numbers)
    model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    # Fewer rows are fewer steps; the schedule goes on from the sixth.
    model.fit(x[:16], y[:16], batch_size=BATCH, epochs=1, shuffle=False, verbose=0)
    loop.epoch(x, y)
    loop.epoch(x, y)
    loop.epoch(x[:16], y[:16])
    alike(model, loop)
    model.compile(optimizer, "sparse_categorical_crossentropy")
    model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    loop.steps = 0
    loop.epoch(x, y)
    alike(model, loop)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("first", [{}, {"kernel_regularizer": "l2"}])
def test_frozen_layers_stay_and_count_in_no_norm(late: bool, first: Any, data: Any, numbers: Numbers) -> None:
    x, y = data
    optimizer = optimizers.SGD(0.5, momentum=0.5, weight_decay=0.1, global_clipnorm=0.1)

    def move(value: Tensor, gradient: Tensor, memory: dict[str, Any], step: int) -> Tensor:
        decay = 0.5 * 0.1 * value if value.dim() == 2 else 0.0
        memory["v"] = 0.5 * memory.get("v", 0.0) - 0.5 * gradient
        return decay - memory["v"]

    def clip(gradients: list[Tensor]) -> list[Tensor]:
        norm = float(torch.cat([each.flatten() for each in gradients[2:]]).norm())
        return [each * min(1.0, 0.1 / norm) for each in gradients]

    given = first if late else first | {"trainable": False}
    model, loop = pair(optimizer, move, numbers, given, clip=clip, frozen=(0, 1))
    if late:
        model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(x, y, batch_size=BATCH, epochs=2, shuffle=False, verbose=0)
    loop.epoch(x, y)
    loop.epoch(x, y)
    for place in (0, 1):
        np.testing.assert_array_equal(model.get_weights()[place], before[place])
    alike(model, loop, 5e-5)
    model.trainable = True
    model.fit(x, y, verbose=0)
    assert not np.array_equal(model.get_weights()[0], before[0])


def test_two_fits_are_one_longer_fit(data: Any) -> None:
    x, y = data

    def made() -> nw.Sequential:
        nw.set_seed(3)
        model = nw.Sequential(
            [
                layers.Dense(8, "relu"),
                layers.Dropout(0.3),
                layers.BatchNormalization(),
                layers.Dense(3, "softmax"),
            ]
        )
        model.compile(optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    one, two = made(), made()
    longer = one.fit(x, y, batch_size=BATCH, epochs=5, verbose=0).history
    first = two.fit(x, y, batch_size=BATCH, epochs=2, verbose=0).history
    rest = two.fit(x, y, batch_size=BATCH, epochs=5, initial_epoch=2, verbose=0)
    assert longer == {name: first[name] + rest.history[name] for name in longer}
    assert rest.epoch == [2, 3, 4]
    for a, b in zip(one.get_weights(), two.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_batch_greater_than_the_rows_is_all_rows(data: Any, numbers: Numbers) -> None:
    x, y = data
    model, loop = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    model.fit(x[:8], y[:8], batch_size=1_000_000, epochs=2, shuffle=False, verbose=0)
    loop.epoch(x[:8], y[:8])
    loop.epoch(x[:8], y[:8])
    alike(model, loop)


def test_shuffling_changes_the_order_in_each_epoch(data: Any, numbers: Numbers) -> None:
    x, y = data
    seen = []

    class Look(nw.callbacks.Callback):
        def on_step(self, state: Any) -> None:
            seen.append(state.batch.raw["x"][0].numpy().copy())

    model, _ = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    model.fit(x, y, batch_size=ROWS, epochs=2, verbose=0, callbacks=[Look()])
    first, second = seen
    assert not np.array_equal(first, x)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(x, axis=0))
    np.testing.assert_array_equal(np.sort(second, axis=0), np.sort(x, axis=0))


def test_what_a_callback_raises_leaves_what_was_learnt(data: Any, numbers: Numbers) -> None:
    x, y = data

    class Broken(nw.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            raise KeyError("mine")

    model, loop = pair(optimizers.SGD(0.3), sgd(0.3), numbers)
    with pytest.raises(KeyError, match="mine"):
        model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0, callbacks=Broken())
    loop.epoch(x, y)
    alike(model, loop)
