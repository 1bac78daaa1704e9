"""Balanced sampling, logit adjustment, robust losses and mixup: each member gets what it would get alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from netwright.nn.member import Mode
from netwright.nn.mixup import Mix, draw
from netwright.training.batches import Batches
from netwright.training.history import History
from netwright.training.population import Member, Population
from netwright.training.randomness import balanced_order, mixing

CPU = torch.device("cpu")


def three(**each) -> list[Member]:
    """Members with rows of their own (3, 7 and 4 steps an epoch), and settings given as lists of three."""
    shuffled = torch.from_numpy(np.random.default_rng(3).permutation(300))
    members = []
    for place, count in enumerate((41, 97, 64)):
        rows = shuffled[30 * place : 30 * place + count]
        judged = shuffled[200 + 20 * place : 230 + 20 * place]
        mine = {name: values[place] for name, values in each.items()}
        members.append(Member(11 + 5 * place, rows, judged, (3e-3, 1e-3, 6e-3)[place], 0.01, **mine))
    return members


OPTIONS = {
    "sampling": {"sampling": ["balanced", "plain", "balanced"]},
    "adjustment": {"logit_adjustment": [0.0, 1.0, 0.5]},
    "mixup": {"mixup": [0.2, 0.0, 1.0], "label_smoothing": [0.0, 0.1, 0.0]},
    "all": {
        "sampling": ["plain", "balanced", "plain"],
        "logit_adjustment": [1.0, 0.5, 0.0],
        "mixup": [0.4] * 3,
    },
    "focal": {"focal_gamma": [0.5, 2.0, 3.0]},
    "generalized_cross_entropy": {"generalized_q": [0.2, 0.7, 1.0], "mixup": [0.2, 0.0, 0.2]},
    "symmetric_cross_entropy": {"symmetric_alpha": [0.1, 0.5, 1.0], "symmetric_beta": [1.0, 0.5, 0.1]},
    "huber": {"huber_delta": [0.5, 1.0, 2.0]},
    "mae": {"mixup": [0.3, 0.0, 0.2]},
}
LOSSES = ("focal", "generalized_cross_entropy", "symmetric_cross_entropy", "huber", "mae")


def _set(member: Member) -> bool:
    return member.sampling != "plain" or member.mixup > 0 or member.label_smoothing > 0


def alike(together: Population, alone: Population, place: int) -> None:
    ours, theirs = together.network.named_values(), alone.network.named_values()
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name][place], value[0], rtol=0, atol=1e-5)
    mine = [row for row in together.history.rows if row["member"] == place]
    for one, other in zip(mine, alone.history.rows, strict=True):
        # A log loss beside the loss is told of all members when one of them needs it.
        names = [name for name in one if name not in ("member", "seconds", "validation_log_loss")]
        assert [one[name] for name in names] == pytest.approx([other[name] for name in names], abs=2e-5)


@pytest.mark.parametrize("option", OPTIONS)
def test_three_members_train_as_if_each_were_alone(problem, option):
    task = "regression" if option in ("huber", "mae") else "multiclass"
    config = {"loss": option if option in LOSSES else "auto", "network": {"kind": "tabm", "heads": 2}}
    members = three(**OPTIONS[option])
    together = problem(task).population(members, dropout=[0.1, 0.3, 0.0], **config)
    together.fit()
    plain = problem(task).population(three(), dropout=[0.1, 0.3, 0.0], network=config["network"])
    plain.fit()
    # An adjustment moves the outputs, and not the weights; see below.
    changed = (together.network.flat - plain.network.flat).abs().amax(1) > 1e-4
    assert changed.tolist() == [option in LOSSES or _set(member) for member in members]
    for place, member in enumerate(members):
        alone = problem(task).population([member], dropout=[(0.1, 0.3, 0.0)[place]], **config)
        alone.fit()
        alike(together, alone, place)


@pytest.mark.parametrize("option", ["all", "generalized_cross_entropy"])
def test_members_that_leave_take_their_options_with_them(problem, option):
    made = problem("multiclass")
    config = {"loss": option if option in LOSSES else "auto", "patience": 1, "epochs": 12}
    members = [replace(member, learning_rate=0.03) for member in three(**OPTIONS[option])]
    together = Population(
        made.network(3), made.data, members, made.population(members, **config).config, leave=True
    )
    together.fit()
    ends = set()
    for place, member in enumerate(members):
        alone = made.population([member], **config)
        alone.fit()
        ends.add(alone.history.epochs)
        torch.testing.assert_close(together.whole.flat[place], alone.network.flat[0], rtol=0, atol=1e-4)
    assert len(ends) > 1  # otherwise none has left


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_plain_options_change_no_bit(problem, member, task):
    def weights(**each) -> torch.Tensor:
        population = problem(task).population([member(**each)])
        population.fit()
        return population.network.flat.detach()

    same = {"sampling": "plain", "logit_adjustment": 0.0, "mixup": 0.0}
    assert torch.equal(weights(), weights(**same))


# ------------------------------------------------------------------------------------------ sampling


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=60), st.integers(1, 5))
@settings(deadline=None, derandomize=True, max_examples=60)
def test_an_epoch_draws_all_classes_equally_often(codes, epoch):
    codes = torch.tensor(codes)
    drawn = balanced_order(3, epoch, codes)
    assert len(drawn) == len(codes)
    if (codes >= 0).any():
        times = codes[drawn].bincount()[codes.unique()[codes.unique() >= 0]]
        assert times.max() - times.min() <= 1
        assert (codes[drawn] >= 0).all()
        for code in codes.unique():  # and within a class each row equally often
            rows = (codes == code).nonzero().flatten()
            counts = drawn.bincount(minlength=len(codes))[rows]
            assert counts.max() - counts.min() <= 1
    assert torch.equal(drawn, balanced_order(3, epoch, codes))


def test_a_large_class_gives_other_rows_in_each_epoch():
    codes = torch.tensor([0] * 90 + [1] * 10)
    seen = torch.cat([balanced_order(0, epoch, codes) for epoch in range(1, 6)]).unique()
    assert len(seen) > 90
    assert not torch.equal(balanced_order(0, 1, codes), balanced_order(1, 1, codes))


def test_steps_and_neighbours_are_as_with_plain_sampling():
    rows = [torch.arange(20), torch.arange(100, 133)]
    codes = torch.tensor([0] * 18 + [1] * 2)
    plain, mixed = (Batches(rows, [1, 2], 8, CPU, classes=each) for each in (None, [codes, None]))
    assert torch.equal(plain.steps, mixed.steps)
    for (old, old_real), (new, new_real) in zip(plain.epoch(2), mixed.epoch(2), strict=True):
        assert torch.equal(old[1], new[1])
        assert torch.equal(old_real, new_real)
    first = torch.cat([index[0][real[0] > 0] for index, real in mixed.epoch(2)])
    assert codes[first].bincount().tolist() == [10, 10]


def test_a_balanced_member_starts_from_equal_shares_and_is_judged_so(problem, member):
    made = problem("multiclass")
    population = made.population([member(sampling="balanced"), member()])
    population.prepare()
    start = torch.softmax(population.network.head.offset[:, 0, 0], -1)
    torch.testing.assert_close(start[0], torch.full((3,), 1 / 3), atol=0.1, rtol=0)
    assert (start[1] - 1 / 3).abs().max() > 0.1
    scores = population.validate()
    rows = member().validation
    raw = {name: tensor[rows] for name, tensor in made.data.raw.items()}
    truth = made.data.target[rows]
    probability = population.network.predict(raw)
    losses = [functional.nll_loss(each.log(), truth, reduction="none") for each in probability]
    of_classes = [losses[0][truth == code].mean() for code in range(3)]
    assert scores["loss"] == pytest.approx([float(sum(of_classes)) / 3, float(losses[1].mean())], rel=1e-5)
    assert scores["log_loss"] == pytest.approx([float(each.mean()) for each in losses], rel=1e-5)


def test_balanced_sampling_finds_a_rare_class(problem, member):
    """Three in a hundred rows are positive: balanced sampling predicts them far more often."""

    def recall(**each) -> float:
        made = problem("binary")
        positive = (made.data.target == 1).nonzero().flatten()
        made.data.target[positive[::2]] = 0
        made.data.target[positive[1::4]] = 0
        population = made.population([member(rows=240, learning_rate=1e-2, **each)], epochs=8)
        population.fit()
        probability = population.network.predict(made.data.raw)[0, :, 1]
        return float((probability[made.data.target == 1] > 0.5).float().mean())

    plain = recall()
    assert recall(sampling="balanced") > plain + 0.3
    assert recall(logit_adjustment=1.0) > plain + 0.3


# -------------------------------------------------------------------------------------- adjustment


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_the_adjustment_is_the_log_of_the_classes_shares_in_the_loss_only(problem, member, task):
    made = problem(task)
    tau = 0.7
    population = made.population([member(logit_adjustment=tau)])
    population.prepare()
    network, rows = population.network, member().train
    target = made.data.target[rows]
    raw = {name: tensor[rows][None] for name, tensor in made.data.raw.items()}
    output = network(raw)
    logits = output[0, 0]
    if task == "binary":
        logits = torch.cat([torch.zeros_like(logits), logits], dim=-1)
    shares = (target.bincount() + (0.1 if task == "multiclass" else 0)) / len(target)
    shares = shares / shares.sum()
    expected = functional.cross_entropy(logits + tau * shares.log(), target)
    torch.testing.assert_close(network.losses(output, target[None])[0], expected)
    plain = functional.softmax(logits, dim=-1)
    torch.testing.assert_close(network.head.predict(output)[0], plain)
    # The loss starts at the best constant prediction, whatever tau is.
    usual = made.population([member()])
    usual.prepare()
    start = usual.network.losses(usual.network(raw), target[None])[0]
    torch.testing.assert_close(network.losses(output, target[None])[0], start, atol=0.02, rtol=0)


def test_an_adjusted_network_has_the_same_weights_and_other_outputs(problem, member):
    """It starts from what the adjustment leaves of the shares, so its loss is the same all the way."""
    made = problem("multiclass")
    plain, adjusted = made.population([member()]), made.population([member(logit_adjustment=0.8)])
    plain.fit()
    adjusted.fit()
    torch.testing.assert_close(plain.network.flat, adjusted.network.flat, rtol=0, atol=1e-5)
    moved = adjusted.network.outputs(made.data.raw) - plain.network.outputs(made.data.raw)
    logs = plain.network.head.offset
    torch.testing.assert_close(moved, (-0.8 * logs).expand_as(moved), rtol=0, atol=1e-4)


def test_nothing_of_the_adjustment_is_saved(problem, member):
    population = problem().population([member(logit_adjustment=1.0)])
    population.prepare()
    assert "head.adjustment" not in population.network.named_values()


# ------------------------------------------------------------------------------------------- mixup


def test_mixup_draws_the_same_whatever_stands_beside_it():
    weight = torch.tensor([[1.0, 1, 0, 1, 1, 0], [1.0] * 6, [0.0] * 6])
    together = draw(mixing([4, 5, 6], 2), [0.3, 0.0, 0.3], 6, weight, CPU)
    for place, alpha in enumerate([0.3, 0.0, 0.3]):
        alone = draw(mixing([4 + place], 2), [alpha], 6, weight[place][None], CPU)
        assert torch.equal(together.partner[place], alone.partner[0])
        assert torch.equal(together.share[place], alone.share[0])
    assert together.share[1] == 1
    assert together.partner[1].tolist() == list(range(6))
    assert together.partner[2].tolist() == list(range(6))


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(0, 100))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_rows_without_weight_are_mixed_with_themselves_only(real, seed):
    weight = torch.tensor([[float(each) for each in real]])
    partner = draw(mixing([seed], 1), [1.0], len(real), weight, CPU).partner[0]
    assert sorted(partner.tolist()) == list(range(len(real)))
    for place, there in enumerate(real):
        if not there:
            assert partner[place] == place


def test_shares_are_beta_distributed():
    shares = torch.cat([draw([random], [0.4], 2, None, CPU).share for random in mixing(list(range(3000)), 1)])
    assert float(shares.mean()) == pytest.approx(0.5, abs=0.02)
    assert float(shares.var()) == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)  # of Beta(a, a)


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "regression"])
def test_a_mixed_step_is_the_formula(problem, member, task):
    """The loss of blended features for a blend of the losses, and its gradient by autograd."""
    made = problem(task)
    population = made.population([member()])
    population.prepare()
    network, rows = population.network, torch.arange(12)
    raw = {name: tensor[rows][None] for name, tensor in made.data.raw.items()}
    target, weight = made.data.target[rows][None], torch.rand(1, 12)
    mix = Mix(torch.randperm(12)[None], torch.tensor([0.3]))
    step = network.step(raw, target, weight, Mode(training=True, mix=mix))

    features = network.encoders(raw, Mode())[0]
    partner = mix.partner[0]
    blended = 0.3 * features + 0.7 * features[partner]
    network.flat.grad = None
    output = network.head(network.trunk(blended[None], Mode()), Mode())
    each = network.head.errors(output, target, None)[0, 0]
    others = network.head.errors(output, target[:, partner], None)[0, 0]
    w = weight[0]
    loss = 0.3 * (w * each).sum() / w.sum() + 0.7 * (w[partner] * others).sum() / w.sum()
    torch.testing.assert_close(step.losses[0], loss.detach())
    gradient = torch.autograd.grad(loss, network.flat)[0]
    torch.testing.assert_close(step.gradient, gradient, rtol=1e-4, atol=1e-6)


def test_rows_of_no_weight_do_not_matter_in_a_mix(problem, member):
    def weights(spoil: bool) -> torch.Tensor:
        made = problem("regression")
        made.data.weight[10:30] = 0.0
        if spoil:
            made.data.raw["number"][10:30] = 1e6
            made.data.target[10:30] = 1e6
        population = made.population([member(rows=90, mixup=0.5)])
        population.fit()
        return population.network.flat.detach()

    assert torch.equal(weights(False), weights(True))


def test_a_history_of_members_that_tell_more_than_others_is_written_whole(problem, member):
    made = problem("binary")
    plain, balanced = made.population([member()]), made.population([member(sampling="balanced")])
    rows = [*plain.fit().rows, *balanced.fit().rows]
    lines = History(rows).to_csv().splitlines()
    assert len(lines) == 1 + len(rows)
    assert lines[0].endswith(",validation_log_loss")
    assert lines[1].endswith(",")
