"""The promise of the member axis: training beside others changes nothing."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch

from netwright.errors import NetwrightError
from netwright.training.population import Member, Population

ROWS = (41, 97, 64)  # of three members: with batches of 16 they make 3, 7 and 4 steps an epoch
DROPOUT = [0.1, 0.3, 0.0]


def different_members() -> list[Member]:
    """Three members that differ in all that may differ."""
    shuffled = torch.from_numpy(np.random.default_rng(3).permutation(300))
    members = []
    for place, count in enumerate(ROWS):
        start = 30 * place
        members.append(
            Member(
                seed=11 + 5 * place,
                train=shuffled[start : start + count],
                validation=shuffled[200 + 20 * place : 230 + 20 * place],
                learning_rate=(3e-3, 1e-3, 6e-3)[place],
                weight_decay=(0.0, 0.1, 0.01)[place],
                beta1=(0.9, 0.8, 0.95)[place],
                beta2=(0.999, 0.99, 0.95)[place],
                momentum=(0.9, 0.5, 0.0)[place],
                label_smoothing=(0.0, 0.1, 0.2)[place],
                clip_norm=(1.0, 0.2, float("inf"))[place],
                l1=(0.0, 1e-4, 1e-3)[place],
            )
        )
    return members


def values_of(population: Population, member: int = 0) -> dict[str, torch.Tensor]:
    return {name: value[member] for name, value in population.network.named_values().items()}


def loss_rows(population: Population, member: int = 0) -> list[dict[str, float]]:
    rows = [row for row in population.history.rows if row["member"] == member]
    return [{key: value for key, value in row.items() if key not in ("member", "seconds")} for row in rows]


# A bias in front of a batch norm has no gradient but rounding, which Adam would blow up to full steps: there
# plain gradient descent shows whether members are kept apart.
TRUNKS = {
    "mlp": {"kind": "mlp"},
    "residual": {"kind": "residual", "normalization": "layer", "depth": 1},
    "tabm": {"kind": "tabm", "heads": 3, "activation": "silu"},
    "batch norm": {"kind": "mlp", "normalization": "batch"},
    "tabm with batch norm": {"kind": "tabm", "heads": 2, "normalization": "batch"},
}


@pytest.mark.parametrize("trunk", TRUNKS)
def test_three_members_train_as_if_each_were_alone(problem, trunk):
    made = problem("multiclass")
    members = different_members()
    settings = {"network": TRUNKS[trunk], "optimizer": "sgd" if "batch norm" in trunk else "adamw"}
    together = made.population(members, dropout=DROPOUT, **settings)
    together.fit()
    for place, member in enumerate(members):
        alone = made.population([member], dropout=[DROPOUT[place]], **settings)
        alone.fit()
        expected = values_of(alone)
        for name, value in values_of(together, place).items():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=1e-5)
        assert together.history.best_epoch[place] == alone.history.best_epoch[0]
        for ours, theirs in zip(loss_rows(together, place), loss_rows(alone), strict=True):
            assert ours == pytest.approx(theirs, abs=2e-5, rel=1e-4)


@pytest.mark.parametrize(
    ("task", "optimizer"), [("regression", "sgd"), ("binary", "rmsprop"), ("multilabel", "adam")]
)
def test_every_task_and_optimizer_keeps_members_apart(problem, task, optimizer):
    made = problem(task)
    members = different_members()
    together = made.population(members, dropout=DROPOUT, optimizer=optimizer, nesterov=True)
    together.fit()
    for place, member in enumerate(members):
        alone = made.population([member], dropout=[DROPOUT[place]], optimizer=optimizer, nesterov=True)
        alone.fit()
        torch.testing.assert_close(together.network.flat[place], alone.network.flat[0], rtol=0, atol=1e-5)


def test_a_member_that_stops_early_keeps_what_it_would_have_had_alone(problem):
    made, members = problem(), different_members()
    for member in members:
        member.learning_rate *= 10
    together = made.population(members, patience=1, epochs=12)
    together.fit()
    ends = []
    for place, member in enumerate(members):
        alone = made.population([member], patience=1, epochs=12)
        alone.fit()
        ends.append(alone.history.epochs)
        assert together.history.best_epoch[place] == alone.history.best_epoch[0]
        torch.testing.assert_close(together.network.flat[place], alone.network.flat[0], rtol=0, atol=1e-5)
    assert len(set(ends)) > 1  # otherwise nothing was tested
    assert together.history.epochs == max(ends)


def test_a_member_that_diverges_does_not_harm_its_neighbours(problem, member):
    made = problem("regression")
    wild = member(seed=1, learning_rate=1e30, clip_norm=float("inf"))
    together = made.population([member(), wild], optimizer="sgd")
    together.fit()
    alone = made.population([member()], optimizer="sgd")
    alone.fit()
    assert not math.isfinite(together.history.column("train_loss", 1)[-1])
    torch.testing.assert_close(together.network.flat[0], alone.network.flat[0], rtol=0, atol=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(problem, member):
    def weights(seed: int) -> torch.Tensor:
        population = problem().population([member(seed)], dropout=[0.2], network={"kind": "tabm", "heads": 2})
        population.fit()
        return population.network.flat.detach()

    assert torch.equal(weights(5), weights(5))
    assert not torch.allclose(weights(5), weights(6), atol=1e-3)


def test_the_best_epoch_is_put_back(problem, member):
    for norm in ("none", "batch"):
        few = member(rows=40, learning_rate=3e-2)  # overfits at once
        population = problem().population([few], epochs=12, network={"normalization": norm})
        history = population.fit()
        losses = history.column("validation_loss")
        assert history.best_epoch[0] == 1 + int(np.argmin(losses)) < 12
        assert population.validate()["loss"][0] == pytest.approx(min(losses), abs=1e-6)


def test_patience_counts_epochs_without_a_better_score(problem, member):
    few = member(rows=40, learning_rate=3e-2)
    population = problem().population([few], epochs=30, patience=3)
    history = population.fit()
    assert history.stopped == "early stopping"
    assert history.epochs == history.best_epoch[0] + 3
    assert history.stop_step is None


def test_without_validation_rows_all_epochs_run_and_the_last_is_kept(problem, member):
    trained = member(rows=40, learning_rate=0.5)  # so wild that the training loss rises again and again
    trained.validation = torch.arange(0)
    population = problem().population([trained], epochs=15, patience=1)
    history = population.fit()
    assert (history.epochs, history.stopped) == (15, "all epochs")
    last = problem().population([trained], epochs=15, patience=None)
    last.fit()
    assert torch.equal(population.network.flat, last.network.flat)
    assert "validation_loss" not in history.rows[0]


@pytest.mark.parametrize("trunk", ["mlp", "residual", "tabm"])
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_thirty_two_rows_are_learnt_by_heart(problem, member, trunk, task):
    heads = {"heads": 4} if trunk == "tabm" else {}
    few = member(rows=32, learning_rate=2e-2, weight_decay=0.0, clip_norm=1.0)
    few.validation = few.train
    network = {"kind": trunk, "width": 32, **heads}
    population = problem(task).population([few], epochs=100, network=network, batch_size=32)
    history = population.fit()
    assert history.column("validation_loss")[-1] < 0.01 < history.column("validation_loss")[0]


def test_l1_pulls_weights_to_zero_but_not_biases(problem, member):
    def norms(l1: float) -> tuple[float, float]:
        population = problem().population([member(l1=l1, weight_decay=0.0)], epochs=6)
        population.fit()
        values = population.network.flat[0].detach().abs()
        decays = population.network.layout.decays()
        return float((values * decays).sum()), float((values * (1 - decays)).sum())

    (plain, plain_bias), (pulled, pulled_bias) = norms(0.0), norms(0.01)
    assert pulled < 0.8 * plain
    assert pulled_bias == pytest.approx(plain_bias, rel=0.2)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_weight_two_is_the_row_twice(problem, member, task):
    made = problem(task)
    rows = torch.arange(40)
    heavy = rows[::4]
    population = made.population([member(rows=40)])
    population.prepare()
    network = population.network

    def gradient(index: torch.Tensor) -> torch.Tensor:
        network.head.fit(0, made.data.target[index], made.data.weight[index])
        raw = {name: tensor[index][None] for name, tensor in made.data.raw.items()}
        loss = network.head.loss(network(raw), made.data.target[index][None], made.data.weight[index][None])
        return torch.autograd.grad(loss.sum(), network.flat)[0]

    twice = gradient(torch.cat([rows, heavy]))
    made.data.weight[heavy] = 2.0
    torch.testing.assert_close(gradient(rows), twice, rtol=1e-4, atol=1e-6)


def test_rows_of_no_weight_and_of_other_members_do_not_matter(problem, member):
    """Not even when they hold NaN: batches are filled up with something, and it must not leak."""

    def weights(spoil: bool) -> torch.Tensor:
        made = problem("regression")
        chosen = member()
        chosen.train = torch.arange(20, 61)  # the last of its batches is filled up
        if spoil:
            made.data.target[:20] = float("nan")
            made.data.target[61:80] = float("inf")
            made.data.raw["number"][:20] = float("inf")
        population = made.population([chosen], network={"normalization": "batch"})
        population.fit()
        return population.network.flat.detach()

    assert torch.equal(weights(False), weights(True))


def test_classes_unknown_to_the_network_are_left_out(problem, member):
    """A class of the validation rows only has code -1; with `refit` such rows are among the trained."""
    for task in ("binary", "multiclass"):
        spoiled, clean = problem(task), problem(task)
        spoiled.data.target[:5] = -1
        spoiled.data.weight[5:10] = 0.0
        clean.data.weight[:10] = 0.0
        ours, theirs = spoiled.population([member()]), clean.population([member()])
        ours.fit()
        theirs.fit()
        assert torch.isfinite(ours.network.flat).all()
        torch.testing.assert_close(ours.network.head.offset, theirs.network.head.offset)
        torch.testing.assert_close(ours.network.flat, theirs.network.flat)


def test_a_rate_that_is_far_too_high_is_said_in_plain_words(problem, member):
    wild = member(learning_rate=1e10, clip_norm=float("inf"))
    population = problem("regression").population([wild], optimizer="sgd", warmup=0.0, schedule="constant")
    with pytest.raises(NetwrightError, match=r"not a finite number.*a lower learning rate than 1e\+10"):
        population.fit()


def test_divergence_later_on_keeps_the_best_epoch(problem, member):
    made = problem("regression")
    late = member(learning_rate=1e-2, clip_norm=float("inf"))
    population = made.population([late], optimizer="sgd", epochs=6, schedule="constant")

    def blow_up(state):
        if state.epoch == 3:
            population.rate = population.rate * 1e30

    population.callbacks = [_on_epoch(blow_up)]
    history = population.fit()
    assert history.stopped == "diverged"
    assert history.best_epoch[0] in (1, 2, 3)
    assert torch.isfinite(population.network.flat).all()
    losses = [loss for loss in history.column("validation_loss") if math.isfinite(loss)]
    assert population.validate()["loss"][0] == pytest.approx(min(losses), abs=1e-6)


def _on_epoch(function):
    from netwright.training.callbacks import Callback

    class Once(Callback):
        def on_epoch(self, state):
            function(state)

    return Once()


def test_measuring_leaves_the_rows_and_gives_seconds(problem, member):
    population = problem().population([member()])
    assert 0 < population.measure(0.05) < 5


@pytest.mark.parametrize("trunk", ["mlp", "tabm", "batch norm"])
def test_members_that_are_done_leave_and_nobody_notices(problem, trunk):
    made, members = problem(), different_members()
    members += [dataclasses.replace(member, seed=member.seed + 1) for member in members]
    for place, member in enumerate(members):
        member.learning_rate *= (10, 40, 80)[place % 3]
    settings = {"patience": 1, "epochs": 12, "network": TRUNKS[trunk], "optimizer": "sgd"}
    together = made.population(members, dropout=2 * DROPOUT, **settings)
    together.leave = True
    sizes = []
    together.callbacks = [_on_epoch(lambda state: sizes.append(len(state.population.members)))]
    together.fit()
    assert sizes[0] == 6 > sizes[-1]  # otherwise nothing was tested
    for place, member in enumerate(members):
        alone = made.population([member], dropout=[DROPOUT[place % 3]], **settings)
        alone.fit()
        assert together.history.best_epoch[place] == alone.history.best_epoch[0]
        expected = values_of(alone)
        for name, value in values_of(together, place).items():
            torch.testing.assert_close(value, expected[name], rtol=0, atol=2e-5)
        for ours, theirs in zip(loss_rows(together, place), loss_rows(alone), strict=False):
            assert ours == pytest.approx(theirs, abs=2e-5, rel=1e-4)


def test_members_that_are_given_up_keep_their_best_epoch(problem, member):
    made = problem()
    members = [member(seed=seed) for seed in range(4)]
    together = made.population(members, epochs=4)
    together.leave, together.prune = True, lambda epoch, losses: {0, 3} if epoch == 2 else set()
    history = together.fit()
    assert together.pruned == {0, 3}
    assert [len(history.column("epoch", number)) for number in range(4)] == [2, 4, 4, 2]
    for number, epochs in ((0, 2), (1, 4)):
        alone = made.population([members[number]], epochs=4)
        alone.callbacks = [_on_epoch(lambda state, last=epochs: setattr(state, "stop", state.epoch == last))]
        alone.fit()
        torch.testing.assert_close(together.network.flat[number], alone.network.flat[0], rtol=0, atol=1e-5)


def test_a_network_of_some_members_computes_what_they_compute(problem, member):
    made = problem("multiclass")
    population = made.population(different_members(), dropout=DROPOUT, network=TRUNKS["tabm with batch norm"])
    population.fit()
    part = population.network.select([2, 0])
    expected = population.network.predict(made.data.raw)
    torch.testing.assert_close(part.predict(made.data.raw), expected[[2, 0]], rtol=0, atol=1e-6)
    assert part.named_values().keys() == population.network.named_values().keys()
