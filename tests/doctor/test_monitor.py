"""What the monitor writes down, beside figures computed in other ways, and that it changes nothing."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import netwright as nw
from netwright.config import InputsConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.doctor.monitor import PROBE_ROWS, Monitor
from netwright.errors import NetwrightError
from netwright.nn.foreign import ForeignNetwork
from netwright.nn.network import Network
from netwright.trainer.goal import ModuleGoal
from netwright.training.callbacks import Callback
from netwright.training.optimizer import Optimizer, Settings
from netwright.training.population import Member, Population

ROWS = 150
X = np.random.default_rng(0).normal(size=(ROWS, 6)).astype(np.float32)
Y = (X[:, 0] + X[:, 1] > 0).astype(np.int64)


def trained(module, callbacks=(), x=X, y=Y, loss=None, **settings):
    fit = {"epochs": 3, "batch_size": 16, "verbose": 0}
    fit |= {name: settings.pop(name) for name in list(settings) if name in ("epochs", "validation_data")}
    trainer = nw.Trainer(
        module, loss or nn.CrossEntropyLoss(), callbacks=list(callbacks), seed=1, device="cpu", **settings
    )
    trainer.fit(x, y, **fit)
    return trainer


def mlp(*more: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), *more, nn.ReLU(), nn.Linear(8, 2))


class Batches(Callback):
    """The batches and weights of each step, seen by a callback of another kind."""

    def __init__(self) -> None:
        self.seen = []

    def on_step(self, state):
        x = next(iter(state.batch.raw.values()))[0].clone()
        self.seen.append(
            (x, state.batch.target[0].clone(), state.population.network.flat[0].detach().clone())
        )


# Nothing is changed -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [[], [nn.Dropout(0.3)], [nn.BatchNorm1d(8), nn.Dropout(0.3)]])
def test_a_module_ends_with_the_same_bits(more):
    plain, watched = mlp(*copy.deepcopy(more)), mlp(*copy.deepcopy(more))
    trained(plain)
    trained(watched, [Monitor()])
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


class Noisy(nn.Module):
    """Draws random numbers, and counts, in whatever mode it is."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x + 0.1 * torch.randn_like(x)


def test_a_module_that_draws_in_evaluation_too_ends_with_the_same_bits():
    plain, watched = mlp(Noisy()), mlp(Noisy())
    trained(plain)
    trained(watched, [Monitor()])
    assert torch.equal(plain[0].weight, watched[0].weight)
    assert plain[1].calls == watched[1].calls


def test_a_shuffled_loader_ends_with_the_same_bits():
    def weights(callbacks):
        rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
        net = mlp(nn.Dropout(0.2))
        trainer = nw.Trainer(net, nn.CrossEntropyLoss(), callbacks=callbacks, seed=3, device="cpu")
        trainer.fit(DataLoader(rows, 16, shuffle=True), epochs=3, verbose=0)
        return net[0].weight.detach()

    monitor = Monitor()
    assert torch.equal(weights([]), weights([monitor]))
    record = monitor.records[0]
    assert 0 <= record.seconds_waiting <= 1
    assert list(record.looked) == list(range(30))


def test_a_chain_on_numpy_ends_with_the_same_bits_and_tells_its_losses():
    def fit(callbacks):
        nw.set_seed(0)
        model = nw.Sequential(
            [nw.layers.Dense(8, "relu"), nw.layers.Dropout(0.2), nw.layers.Dense(2, "softmax")]
        )
        model.compile("adam", "sparse_categorical_crossentropy")
        history = model.fit(X, Y, epochs=3, batch_size=16, verbose=0, callbacks=callbacks)
        return model, history.history["loss"]

    monitor = Monitor()
    (plain, _), (watched, losses) = fit([]), fit([monitor])
    assert torch.equal(plain.network.flat, watched.network.flat)
    record = monitor.records[0]
    rows = np.array([16] * 9 + [6])
    means = (record.step_loss.reshape(3, 10) * rows).sum(1) / ROWS
    np.testing.assert_allclose(means, losses, rtol=1e-5)


# Figures ----------------------------------------------------------------------------------------------------


def test_norms_losses_and_updates_are_those_of_a_plain_loop():
    batches, monitor = Batches(), Monitor()
    net = mlp()
    first = copy.deepcopy(net)
    trained(net, [batches, monitor], optimizer="sgd", learning_rate=0.1)
    record = monitor.records[0]
    assert list(record.looked) == list(range(len(batches.seen)))
    plain, sampled = copy.deepcopy(first), list(record.sampled)
    for step, (x, y, flat) in enumerate(batches.seen):
        plain.zero_grad()
        # a short batch is filled up with rows that do not count
        rows = 6 if step % 10 == 9 else 16
        loss = nn.functional.cross_entropy(plain(x[:rows]), y[:rows])
        loss.backward()
        norm = math.sqrt(sum(float(each.grad.double().square().sum()) for each in plain.parameters()))
        assert record.norm[step] == pytest.approx(norm, rel=1e-4)
        assert record.step_loss[step] == pytest.approx(float(loss.detach()), rel=1e-4)
        if step in sampled:
            at, kernel = sampled.index(step), plain[2].weight
            seen = next(each for each in record.parameters if each.name == "2.weight")
            assert seen.gradient[at] == pytest.approx(float(kernel.grad.abs().mean()), rel=1e-4)
            assert seen.zeros[at] == pytest.approx(float((kernel.grad == 0).float().mean()), abs=1e-6)
            assert seen.weight[at] == pytest.approx(float(kernel.detach().square().mean().sqrt()), rel=1e-4)
            share = 0.1 * float(kernel.grad.norm() / kernel.detach().norm())
            assert seen.update[at] == pytest.approx(share, rel=1e-3)
        with torch.no_grad():
            for each in plain.parameters():
                each -= 0.1 * each.grad
        after = torch.cat([each.detach().reshape(-1) for each in plain.parameters()])
        torch.testing.assert_close(after, flat, rtol=1e-4, atol=1e-5)
    for seen, before, after in zip(record.parameters, first.parameters(), net.parameters(), strict=True):
        assert seen.moved == pytest.approx(float((after - before).detach().abs().max()), rel=1e-5)
    assert record.steps_per_epoch == 10
    assert len(record.start) == sum(each.numel() for each in net.parameters())


def test_dead_and_saturated_units_are_those_that_hooks_see():
    torch.manual_seed(0)
    net = nn.Sequential(
        *(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10), nn.Tanh(), nn.Linear(10, 2))
    )
    with torch.no_grad():
        net[0].bias[:2] = -100.0
        net[3].weight *= 30
    x = np.random.default_rng(1).normal(size=(PROBE_ROWS, 1, 6, 6)).astype(np.float32)
    y = (x[:, 0, 0, 0] > 0).astype(np.int64)
    seen = {}
    copied = copy.deepcopy(net)
    copied[1].register_forward_hook(lambda _, given, output: seen.update(relu=output.detach()))
    copied[4].register_forward_hook(lambda _, given, output: seen.update(tanh=given[0].detach()))
    loss = nn.functional.cross_entropy(copied(torch.from_numpy(x)), torch.from_numpy(y))
    monitor = Monitor()
    trained(net, [monitor], x, y, epochs=1)
    record = monitor.records[0]
    relu, tanh = record.units
    assert (relu.layer, relu.kind, relu.units) == ("1", "relu", 4)
    assert relu.dead[0] == 0.5
    assert relu.inactive[0] == pytest.approx(float((seen["relu"] <= 0).float().mean()), abs=1e-6)
    assert (tanh.kind, tanh.units) == ("tanh", 10)
    assert tanh.saturated[0] == pytest.approx(float((seen["tanh"].abs() > 5).float().mean()), abs=1e-6)
    assert record.probe_loss[0] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert list(record.probed) == [0, 1]


# Populations ------------------------------------------------------------------------------------------------


def population(members, monitor=None, **training) -> Population:
    random = np.random.default_rng(0)
    number = random.normal(size=(300, 4))
    target = (number[:, 0] - number[:, 1] > 0).astype(np.int64)
    columns = [Column(name=f"n{place}", kind="number", values=300) for place in range(4)]
    described = Target(columns=["y"], task="binary", classes=["a", "b"], positive="b")
    data = Dataset({"number": torch.from_numpy(number)}, torch.from_numpy(target), torch.ones(300))
    settings = {"epochs": 6, "batch_size": 16, "patience": None, "precision": "float32", "members": 1}
    settings |= {"learning_rate": 3e-3, "weight_decay": 1e-3, "schedule": "constant", "warmup": 0.0}
    network = {"kind": "mlp", "width": 8, "depth": 2, "normalization": "none", "dropout": 0.0, "heads": 1}
    inputs = InputsConfig.model_validate({"number": {"embedding": "none", "bins": 4, "size": 2}})
    return Population(
        Network(
            Schema(columns=columns, target=described),
            inputs,
            NetworkConfig.model_validate(network),
            len(members),
        ),
        data,
        list(members),
        TrainingConfig.model_validate(settings | training),
        [] if monitor is None else [monitor],
        leave=True,
    )


def member(seed: int, rows: int, rate: float = 3e-3) -> Member:
    return Member(seed, torch.arange(rows), torch.arange(240, 300), rate)


MEMBERS = [member(0, 200), member(1, 120), member(2, 200, 1e-2)]


@pytest.mark.parametrize("training", [{}, {"patience": 1, "epochs": 15}])
def test_each_member_is_recorded_as_if_it_trained_alone(training):
    together = Monitor()
    population(MEMBERS, together, **training).fit()
    for place, each in enumerate(MEMBERS):
        alone = Monitor()
        population([each], alone, **training).fit()
        ours, its = together.records[place], alone.records[0]
        assert ours.steps_per_epoch == its.steps_per_epoch
        steps, left, right = np.intersect1d(ours.looked, its.looked, return_indices=True)
        assert len(steps) >= 0.9 * min(len(ours.looked), len(its.looked)) / 4
        np.testing.assert_allclose(ours.norm[left], its.norm[right], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(ours.step_loss[left], its.step_loss[right], rtol=1e-3, atol=1e-5)
        for mine, other in zip(ours.parameters, its.parameters, strict=True):
            _, left, right = np.intersect1d(ours.sampled, its.sampled, return_indices=True)
            assert len(left) > 3
            np.testing.assert_allclose(mine.update[left], other.update[right], rtol=1e-3, atol=1e-6)
            assert mine.moved == pytest.approx(other.moved, rel=1e-3, abs=1e-6)
        _, left, right = np.intersect1d(ours.probed, its.probed, return_indices=True)
        assert len(left) >= 2
        for mine, other in zip(ours.units, its.units, strict=True):
            np.testing.assert_allclose(mine.inactive[left], other.inactive[right], atol=1e-3)


def test_members_of_a_population_end_with_the_same_bits():
    settings = {"patience": 1, "epochs": 15}
    plain, watched = population(MEMBERS, **settings), population(MEMBERS, Monitor(), **settings)
    plain.fit()
    watched.fit()
    assert torch.equal(plain.network.flat, watched.network.flat)


# Numbers that are not finite --------------------------------------------------------------------------------


class Layer(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def broken(function, **settings):
    monitor = Monitor()
    net = nn.Sequential(nn.Linear(6, 4), Layer(function), nn.Linear(4, 2))
    with pytest.raises(NetwrightError, match="not a finite number"):
        trained(net, [monitor], **settings)
    return monitor.records[0]


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (lambda x: torch.exp(x * 1e4), "exp in 1"),
        (lambda x: torch.log(torch.relu(x)), "log in 1"),
        (lambda x: torch.relu(x) / torch.relu(x), "in 1"),
    ],
)
def test_the_operation_that_overflows_is_named(function, where):
    torch.manual_seed(0)
    record = broken(function)
    assert record.stopped == "diverged"
    assert record.first_bad == 0
    assert record.first_bad_cause == "forward"
    assert where in record.first_bad_at


def test_a_row_that_is_no_number_is_named():
    torch.manual_seed(0)
    x = torch.from_numpy(X.copy())
    y = torch.from_numpy(X[:, :1].copy())
    x[7, 2] = torch.nan
    monitor = Monitor()
    with pytest.raises(NetwrightError):
        trained(
            nn.Linear(6, 1), [monitor], DataLoader(TensorDataset(x, y), 16), None, loss=nn.MSELoss(), epochs=1
        )
    record = monitor.records[0]
    assert (record.first_bad, record.first_bad_cause) == (0, "inputs")
    assert "row 7" in record.first_bad_at


def test_a_root_of_nothing_is_found_in_the_gradient():
    class Length(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(6, 1)

        def forward(self, x):
            return torch.sqrt(0 * self.line(x) ** 2)

    monitor = Monitor()
    y = X[:, :1]
    with pytest.raises(NetwrightError):
        trained(Length(), [monitor], X, y, loss=nn.MSELoss())
    record = monitor.records[0]
    assert (record.first_bad, record.first_bad_cause) == (0, "gradient")


def test_a_loss_of_zero_probability_is_found_in_the_loss():
    class Zero(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(6, 2)

        def forward(self, x):
            return torch.softmax(1e6 * self.line(x), -1)

    monitor = Monitor()
    torch.manual_seed(0)

    def loss(output, target):
        return -torch.log(output.gather(1, target[:, None])).mean()

    with pytest.raises(NetwrightError):
        trained(Zero(), [monitor], loss=loss)
    record = monitor.records[0]
    assert record.first_bad == 0
    assert record.first_bad_cause == "loss"
    assert "log in the loss" in record.first_bad_at


# Members that leave, modules side by side, and steps that are passed over -----------------------------------


def test_a_member_that_leaves_early_keeps_what_was_seen_of_it():
    monitor = Monitor()
    made = population([member(0, 200, 3e-3), member(1, 200, 0.3)], monitor, patience=2, epochs=20)
    made.fit()
    lasts = [max(row["epoch"] for row in made.history.rows if row["member"] == each) for each in range(2)]
    assert min(lasts) < max(lasts), "both stayed as long"
    for record, last in zip(monitor.records, lasts, strict=True):
        assert len(record.train_loss) == len(record.validation_loss) == last
        assert len(record.norm) == len(record.step_loss) == len(record.looked)
        assert record.looked.max() < last * record.steps_per_epoch
        assert record.looked.max() >= (last - 1) * record.steps_per_epoch
        assert record.sampled.max() < last * record.steps_per_epoch
        assert record.probed.max() <= last
        assert np.isfinite(record.norm).all()


def side_by_side(modules: list[nn.Module], monitor: Monitor | None, epochs: int = 4) -> Population:
    """Modules of PyTorch as the members of one population."""
    goal = ModuleGoal(nn.CrossEntropyLoss(), [], modules[0])
    goal.prepare(torch.from_numpy(Y), torch.zeros(ROWS, 2))
    data = Dataset({"x": torch.from_numpy(X)}, torch.from_numpy(Y), torch.ones(ROWS))
    settings = {"epochs": epochs, "batch_size": 16, "patience": None, "precision": "float32", "members": 1}
    settings |= {"weight_decay": 0.0, "schedule": "constant", "warmup": 0.0, "label_smoothing": 0.0}
    network = ForeignNetwork(modules, goal)
    network.attach()
    rates, decays = network.layout.rates(), network.layout.decays()
    return Population(
        network,
        data,
        [
            Member(seed, torch.arange(120 - 20 * seed), torch.arange(120, 150), 1e-2)
            for seed in range(len(modules))
        ],
        TrainingConfig.model_validate(settings),
        [] if monitor is None else [monitor],
        optimizer=Optimizer("adam", network.flat.detach(), Settings(), rates, decays),
    )


def test_modules_side_by_side_are_recorded_as_if_each_trained_alone():
    first = [mlp(), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))]
    together, plain = Monitor(), copy.deepcopy(first)
    trained_plain = side_by_side(plain, None)
    trained_plain.train()
    watched = side_by_side(copy.deepcopy(first), together)
    watched.train()
    assert torch.equal(trained_plain.network.flat, watched.network.flat)
    for place, record in enumerate(together.records):
        (unit,) = record.units
        assert (unit.layer, unit.kind, unit.units) == ("1", "relu", 8)
        kernel = next(each for each in record.parameters if each.name.endswith("0.weight"))
        before = first[place][0].weight.detach()
        assert kernel.moved == pytest.approx(
            float((watched.network.owned[place][0].weight.detach() - before).abs().max()), rel=1e-5
        )
        assert kernel.weight[0] == pytest.approx(float(before.square().mean().sqrt()), rel=1e-5)
        assert len(record.train_loss) == 4
        assert record.steps_per_epoch == [8, 7][place]


@pytest.mark.parametrize("members", [1, 2])
def test_numbers_that_break_between_two_looks_are_found_in_their_step(members):
    """Norms of later steps are taken every eighth time only; what is not finite is seen in each."""

    class Late(nn.Module):
        def __init__(self, at: int) -> None:
            super().__init__()
            self.at, self.calls = at, 0

        def forward(self, x):
            self.calls += self.training
            return torch.log(0 * x) if self.training and self.calls > self.at else x

    at = 43
    modules = [mlp(Late(at if place == members - 1 else 10**9)) for place in range(members)]
    monitor = Monitor()
    made = side_by_side(modules, monitor, epochs=8)
    made.train()  # which goes back to its best epoch
    record = monitor.records[-1]
    assert at not in record.looked
    assert record.first_bad_cause == "forward"
    assert "log in 1" in record.first_bad_at
    assert abs(record.first_bad - at) <= 1
    if members == 2:
        assert monitor.records[0].first_bad is None
        assert np.isfinite(monitor.records[0].norm).all()
