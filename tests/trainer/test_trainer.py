"""The Trainer beside a loop written by hand in PyTorch, with the same batches."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
import textwrap
from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import netwright as nw
from netwright import callbacks, losses, optimizers, schedules
from netwright.errors import InputError, NetwrightError
from netwright.training.randomness import order

ROWS, BATCH, SEED = 53, 8, 3
X = torch.from_numpy(np.random.default_rng(1).normal(size=(ROWS, 6))).float()
CODES = (X[:, 0] + X[:, 1] > 0).long() + (X[:, 2] > 1).long()
VALUES = X[:, :2].sum(1, keepdim=True)


def net(outputs: int = 3, norm: bool = False) -> nn.Sequential:
    torch.manual_seed(5)
    middle = nn.BatchNorm1d(10) if norm else nn.Identity()
    return nn.Sequential(nn.Linear(6, 10), middle, nn.Tanh(), nn.Linear(10, outputs))


def trainer(module: nn.Module, loss: Any = None, optimizer: Any = "sgd", rate: Any = None, **more: Any):
    loss = nn.CrossEntropyLoss() if loss is None else loss
    return nw.Trainer(module, loss, optimizer, rate, device="cpu", **({"seed": SEED} | more))


def by_hand(
    module: nn.Module, loss: Any, optimizer: torch.optim.Optimizer, y: Tensor, epochs: int, clip: float = 0.0
) -> None:
    module.train()
    for epoch in range(1, epochs + 1):
        rows = order(SEED, epoch, ROWS)
        for start in range(0, ROWS, BATCH):
            own = rows[start : start + BATCH]
            optimizer.zero_grad()
            loss(module(X[own]), y[own]).backward()
            if clip:
                nn.utils.clip_grad_norm_(module.parameters(), clip)
            optimizer.step()


def same(ours: nn.Module, theirs: nn.Module, tolerance: float = 1e-6) -> None:
    for (name, a), (_, b) in zip(ours.state_dict().items(), theirs.state_dict().items(), strict=True):
        torch.testing.assert_close(
            a, b, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("norm", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (optimizers.SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (optimizers.SGD(0.1, momentum=0.9), lambda p: torch.optim.SGD(p, 0.1, momentum=0.9)),
        (optimizers.Adam(0.01, epsilon=1e-12), lambda p: torch.optim.Adam(p, 0.01, eps=1e-12)),
        (torch.optim.AdamW, torch.optim.AdamW),
    ],
)
def test_weights_are_those_of_a_loop_by_hand(norm, ours, theirs):
    if norm and isinstance(ours, optimizers.Adam):
        pytest.skip("a bias before a batch norm has no gradient but rounding, which Adam blows up")
    mine, other = net(norm=norm), net(norm=norm)
    trainer(mine, optimizer=ours).fit(X, CODES, epochs=5, batch_size=BATCH, verbose=0)
    by_hand(other, nn.CrossEntropyLoss(), theirs(other.parameters()), CODES, 5)
    same(mine, other, 2e-6)


def test_an_instance_of_torch_optim_steps_by_itself_with_its_groups():
    mine, other = net(), net()

    def made(module: nn.Sequential) -> torch.optim.Optimizer:
        slow = {"params": module[0].parameters(), "lr": 0.01}
        return torch.optim.SGD([{"params": module[3].parameters()}, slow], 0.1, momentum=0.5)

    trainer(mine, optimizer=made(mine), clip_norm=0.3).fit(X, CODES, epochs=3, batch_size=BATCH, verbose=0)
    by_hand(other, nn.CrossEntropyLoss(), made(other), CODES, 3, clip=0.3)
    same(mine, other)
    with pytest.raises(InputError, match="other parameters than the module's"):
        trainer(net(), optimizer=made(other)).fit(X, CODES, verbose=0)
    with pytest.raises(InputError, match="LBFGS"):
        trainer(net(), optimizer=torch.optim.LBFGS).fit(X, CODES, verbose=0)


def test_accumulated_batches_are_one_large_batch():
    mine, other = net(), net()
    trainer(mine, rate=0.1, accumulate=3).fit(X[:48], CODES[:48], epochs=3, batch_size=4, verbose=0)
    trainer(other, rate=0.1).fit(X[:48], CODES[:48], epochs=3, batch_size=12, verbose=0)
    same(mine, other)
    third = net()
    loader = DataLoader(TensorDataset(X[:48], CODES[:48]), 4)
    trainer(third, rate=0.1, accumulate=3).fit(loader, epochs=3, verbose=0)
    fourth = net()
    trainer(fourth, rate=0.1).fit(DataLoader(TensorDataset(X[:48], CODES[:48]), 12), epochs=3, verbose=0)
    same(third, fourth)


def test_a_module_sees_the_ragged_batch_as_it_is():
    seen: list[int] = []

    class Watch(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            if self.training:
                seen.append(len(input))
            return super().forward(input)

    trainer(Watch(6, 3)).fit(X, CODES, batch_size=20, verbose=0)
    assert seen == [20, 20, 13]


def test_tied_and_frozen_parameters():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two, self.still = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 1)
            self.two.weight = self.one.weight
            self.still.weight.requires_grad = False

        def forward(self, x: Tensor) -> Tensor:
            return self.still(torch.tanh(self.two(torch.tanh(self.one(x)))))

    torch.manual_seed(0)
    mine = Tied()
    other = copy.deepcopy(mine)
    frozen = mine.still.weight.clone()
    made = trainer(mine, nn.MSELoss(), rate=0.1)
    made.fit(X, VALUES, epochs=4, batch_size=BATCH, verbose=0)
    by_hand(other, nn.MSELoss(), torch.optim.SGD(other.parameters(), 0.1), VALUES, 4)
    same(mine, other)
    assert mine.two.weight is mine.one.weight
    assert torch.equal(mine.still.weight, frozen)
    assert made.network is not None
    assert made.network.flat.shape == (1, 36 + 6 + 6 + 1)


def test_the_module_stays_its_owners():
    mine = net(norm=True)
    mine[1].eval()
    made = trainer(mine)
    made.fit(X, CODES, verbose=0)
    assert mine.training
    assert not mine[1].training
    assert all(each.grad is None for each in mine.parameters())
    other = copy.deepcopy(mine)
    for module in (mine, other):
        by_hand(module, nn.CrossEntropyLoss(), torch.optim.SGD(module.parameters(), 0.1), CODES, 1)
    same(mine, other)
    mine.double()  # takes the parameters out of the flat tensor
    made.fit(X, CODES, verbose=0)
    assert mine[0].weight.dtype == torch.float64
    assert not torch.allclose(mine[0].weight.float(), other[0].weight)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_of_numbers(dtype):
    mine = net(1).to(dtype)
    history = trainer(mine, "mse", rate=0.1).fit(X.numpy(), VALUES, epochs=8, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert mine[0].weight.dtype == dtype
    assert trainer(mine, "mse").predict(X).dtype == (np.float64 if dtype == torch.float64 else np.float32)


def test_mixed_precision_trains():
    mine = net()
    history = trainer(mine, rate=0.1, precision="bfloat16", metrics=["accuracy"]).fit(
        X, CODES, epochs=10, verbose=0
    )
    assert history.history["accuracy"][-1] > history.history["accuracy"][0]
    assert mine[0].weight.dtype == torch.float32


def test_frames_arrays_tensors_and_data_sets_are_the_same():
    expected = net()
    trainer(expected, rate=0.1).fit(X, CODES, epochs=2, batch_size=BATCH, verbose=0)
    frame = {f"c{place}": X[:, place].numpy() for place in range(6)}
    for x, y in (
        (X.numpy().astype(np.float64), CODES.numpy()),
        (pd.DataFrame(frame), pd.Series(CODES.numpy())),
        (pl.DataFrame(frame), pl.Series(CODES.numpy())),
        (TensorDataset(X, CODES), None),
        (X.tolist(), CODES.tolist()),
    ):
        mine = net()
        trainer(mine, rate=0.1).fit(x, y, epochs=2, batch_size=BATCH, verbose=0)
        same(mine, expected, 0)


class Rows(Dataset):
    def __len__(self) -> int:
        return ROWS

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        return X[place], CODES[place]


class Stream(IterableDataset):
    def __iter__(self):
        return ((X[place], CODES[place]) for place in range(ROWS))


def test_loaders_map_and_iterable_data_sets():
    in_order = net()
    trainer(in_order, rate=0.1).fit(X, CODES, epochs=2, batch_size=BATCH, shuffle=False, verbose=0)
    for source in (DataLoader(Rows(), BATCH), Stream(), DataLoader(Stream(), BATCH)):
        mine = net()
        made = trainer(mine, rate=0.1)
        history = made.fit(source, epochs=2, batch_size=BATCH, verbose=0, validation_data=source)
        same(mine, in_order)
        assert [row["step"] for row in history.rows] == [7, 14]
        assert made.evaluate(source)["loss"] == pytest.approx(made.evaluate(X, CODES)["loss"], rel=1e-5)
        np.testing.assert_allclose(made.predict(source), made.predict(X), atol=1e-6)
    shuffled = net()
    trainer(shuffled, rate=0.1).fit(Rows(), epochs=2, batch_size=BATCH, verbose=0)
    assert not torch.allclose(shuffled[0].weight, in_order[0].weight)
    with pytest.raises(InputError, match="needs the number of steps"):
        trainer(net(), schedule="cosine").fit(Stream(), verbose=0)


def test_several_inputs_as_a_tuple_or_by_name():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(6, 3)

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.layer(torch.cat([a, b], 1))

    made = []
    for x in ((X[:, :2], X[:, 2:]), {"b": X[:, 2:], "a": X[:, :2]}):
        torch.manual_seed(0)
        module = Two()
        trainer(module, rate=0.1).fit(x, CODES, epochs=2, verbose=0)
        made.append(module)
    same(*made)
    loader = DataLoader([((x[:2], x[2:]), y) for x, y in zip(X, CODES, strict=True)], 32)
    assert trainer(made[0]).predict(loader).shape == (ROWS, 3)
    with pytest.raises(InputError, match="numbers of rows differ"):
        trainer(Two()).fit((X[:, :2], X[1:, 2:]), CODES, verbose=0)


def test_losses_by_name_are_of_logits_and_agree_with_pytorchs():
    for name, own, outputs, y in (
        ("sparse_categorical_crossentropy", nn.CrossEntropyLoss(), 3, CODES),
        ("crossentropy", functional.cross_entropy, 3, CODES),
        ("binary_crossentropy", nn.BCEWithLogitsLoss(), 1, (CODES > 0).float()),
        ("mse", nn.MSELoss(), 1, VALUES[:, 0]),
        (losses.Huber(0.5), nn.HuberLoss(delta=0.5), 1, VALUES),
        ("mse", lambda output, target: (output - target.view_as(output)).square().mean(), 1, VALUES),
    ):
        a, b = net(outputs), net(outputs)
        trainer(a, name, rate=0.1).fit(X, y, epochs=2, verbose=0)
        trainer(b, own, rate=0.1).fit(X, y, epochs=2, verbose=0)
        same(a, b)
    ended = nn.Sequential(OrderedDict([("net", net()), ("end", nn.Softmax(-1))]))
    logits = trainer(net(), "sparse_categorical_crossentropy").evaluate(X, CODES)
    assert trainer(ended, "sparse_categorical_crossentropy").evaluate(X, CODES) == pytest.approx(
        logits, rel=1e-4
    )


def test_metrics_are_of_probabilities():
    made = trainer(net(1), nn.BCEWithLogitsLoss(), rate=0.5, metrics=["accuracy", "auc"])
    y = (CODES > 0).long()
    history = made.fit(X, y, epochs=5, validation_data=(X, y), verbose=0)
    output = torch.from_numpy(made.predict(X))
    found = made.evaluate(X, y)
    assert found["accuracy"] == pytest.approx(float(((output[:, 0] > 0) == y).float().mean()))
    assert history.history["val_auc"][-1] == found["auc"] > 0.8
    assert found["loss"] == pytest.approx(
        float(functional.binary_cross_entropy_with_logits(output[:, 0], y.float())), rel=1e-5
    )


def test_a_row_of_weight_2_is_that_row_twice():
    weight = torch.tensor([2.0, 1.0, 0.0]).repeat(18)[:ROWS]
    rows = torch.repeat_interleave(torch.arange(ROWS), weight.long())
    for loss in (nn.CrossEntropyLoss(), "crossentropy", functional.cross_entropy):
        a, b = net(), net()
        trainer(a, loss, rate=0.1).fit(X, CODES, sample_weight=weight, epochs=3, batch_size=999, verbose=0)
        trainer(b, loss, rate=0.1).fit(X[rows], CODES[rows], epochs=3, batch_size=999, verbose=0)
        same(a, b)
    with pytest.raises(InputError, match="rows cannot have weights"):
        trainer(net(), lambda output, target: output.mean()).fit(X, CODES, sample_weight=weight, verbose=0)


def test_schedules_over_the_training_and_by_step():
    linear = trainer(net(), rate=0.1, schedule="linear").fit(X, CODES, epochs=2, batch_size=BATCH, verbose=0)
    assert linear.rates == pytest.approx([0.1 * (1 - 6 / 14), 0.1 * (1 - 13 / 14)])
    halved = schedules.ExponentialDecay(0.1, 7, 0.5, staircase=True)
    for made in (trainer(net(), schedule=halved), trainer(net(), rate=halved)):
        assert made.fit(X, CODES, epochs=2, batch_size=BATCH, verbose=0).rates == pytest.approx([0.1, 0.05])


def test_a_second_fit_goes_on_where_the_first_ended():
    once, twice = net(), net()
    trainer(once, optimizer="adam").fit(X, CODES, epochs=4, verbose=0)
    made = trainer(twice, optimizer="adam")
    made.fit(X, CODES, epochs=1, verbose=0)
    made.fit(X, CODES, epochs=3, verbose=0)
    same(twice, once, 0)


def test_randomness_follows_the_seed_and_leaves_the_users_alone():
    def weights(seed: int | None) -> Tensor:
        torch.manual_seed(2)
        module = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, 3))
        torch.manual_seed(7)
        expected = torch.rand(3) if seed is not None else None
        torch.manual_seed(7)
        trainer(module, rate=0.1, seed=seed).fit(X, CODES, epochs=2, verbose=0)
        if expected is not None:
            assert torch.equal(torch.rand(3), expected)
        return module[0].weight.detach()

    assert torch.equal(weights(1), weights(1))
    assert torch.equal(weights(None), weights(None))  # torch.manual_seed decides
    assert not torch.equal(weights(1), weights(2))


def test_weights_are_saved_as_pytorch_can_read_them(tmp_path):
    made = trainer(net(norm=True))
    made.fit(X, CODES, verbose=0)
    made.save_weights(tmp_path / "w.safetensors")
    plain = net(norm=True)
    plain.load_state_dict(load_file(tmp_path / "w.safetensors"))
    same(plain, made.module, 0)
    other = trainer(net(norm=True))
    other.load_weights(tmp_path / "w.safetensors")
    np.testing.assert_array_equal(other.predict(X), made.predict(X))
    with pytest.raises(InputError, match="of another module"):
        trainer(net(2)).load_weights(tmp_path / "w.safetensors")
    with pytest.raises(InputError, match="no such file"):
        made.load_weights(tmp_path / "x.safetensors")


KILLED = """
    import os, signal, sys
    import torch
    from torch import nn
    import netwright as nw
    from netwright import callbacks

    x = torch.randn(60, 5, generator=torch.Generator().manual_seed(0))
    y = x.sum(1, keepdim=True)
    folder, die, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU(), nn.Linear(8, 1))
    data = torch.utils.data.TensorDataset(x, y)
    own = torch.Generator().manual_seed(4)
    loader = torch.utils.data.DataLoader(data, 8, shuffle=True, generator=own)

    def at(batch, logs):
        if watch.state.step == die:
            os.kill(os.getpid(), signal.SIGKILL)

    watch = callbacks.LambdaCallback(on_train_batch_end=at)
    reduce = callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0)
    adam = nw.optimizers.Adam(0.01, clip_percentile=90, use_ema=True)
    optimizer = adam if kind == "own" else torch.optim.Adam
    trainer = nw.Trainer(module, "mse", optimizer, callbacks=[watch, reduce], device="cpu", checkpoint=folder)
    history = trainer.fit(loader, epochs=5, validation_data=(x, y), verbose=0, resume=die == 0)
    nw.Trainer(module, "mse", device="cpu").save_weights(folder + "/end.safetensors")
    print(history.history["loss"])
"""


@pytest.mark.parametrize("kind", ["own", "torch"])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path, kind):
    def run(folder: str, die: int) -> subprocess.CompletedProcess[str]:
        code = textwrap.dedent(KILLED)
        arguments = [sys.executable, "-c", code, str(tmp_path / folder), str(die), kind]
        return subprocess.run(arguments, capture_output=True, text=True, check=False)

    whole = run("whole", -1)
    assert whole.returncode == 0, whole.stderr
    killed = run("cut", 27)  # of 8 steps an epoch: within the fourth
    assert killed.returncode == -signal.SIGKILL
    resumed = run("cut", 0)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == whole.stdout
    expected = load_file(tmp_path / "whole" / "end.safetensors")
    for name, value in load_file(tmp_path / "cut" / "end.safetensors").items():
        assert torch.equal(value, expected[name]), name


def test_checkpoints_that_do_not_fit(tmp_path):
    trainer(net(), checkpoint=tmp_path).fit(X, CODES, verbose=0)
    with pytest.raises(InputError, match="of another network"):
        trainer(net(4), checkpoint=tmp_path).fit(X, CODES, verbose=0, resume=True)
    with pytest.raises(InputError, match="another optimizer"):
        trainer(net(), optimizer="adam", checkpoint=tmp_path).fit(X, CODES, verbose=0, resume=True)
    stopping = callbacks.EarlyStopping("loss")
    with pytest.raises(InputError, match="other callbacks"):
        trainer(net(), checkpoint=tmp_path, callbacks=[stopping]).fit(X, CODES, verbose=0, resume=True)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match="damaged"):
        trainer(net(), checkpoint=tmp_path).fit(X, CODES, verbose=0, resume=True)
    with pytest.raises(InputError, match="no checkpoint to resume"):
        trainer(net()).fit(X, CODES, verbose=0, resume=True)
    history = trainer(net(), checkpoint=tmp_path / "new").fit(X, CODES, verbose=0, resume=True)
    assert history.epoch == [0]


def test_ctrl_c_ends_with_the_history_so_far():
    def at(batch, logs):
        if watch.state.step == 10:
            signal.raise_signal(signal.SIGINT)

    watch = callbacks.LambdaCallback(on_train_batch_end=at)
    history = trainer(net(), callbacks=[watch]).fit(X, CODES, epochs=9, batch_size=BATCH, verbose=0)
    assert history.stopped == "interrupted"
    assert history.epoch == [0, 1]


def test_a_training_ended_by_ctrl_c_resumes_as_if_it_had_not_been(tmp_path):
    def at(batch, logs):
        if watch.state.step == 10 and watch.state.epoch == 2 and not resumed:
            signal.raise_signal(signal.SIGINT)

    watch = callbacks.LambdaCallback(on_train_batch_end=at)
    stopper = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
    whole, cut = net(), net()
    settings = {"epochs": 4, "batch_size": BATCH, "verbose": 0}
    expected = trainer(whole, optimizer="adam", callbacks=[stopper]).fit(X, CODES, **settings)
    for resumed in (False, True):
        stopper = callbacks.EarlyStopping("loss", patience=2, restore_best_weights=True)
        fresh = net() if resumed else cut
        made = trainer(fresh, optimizer="adam", callbacks=[watch, stopper], checkpoint=tmp_path)
        history = made.fit(X, CODES, resume=resumed, **settings)
    same(fresh, whole, 0)
    assert history.history == expected.history


def test_a_loss_that_runs_away_is_a_clear_error():
    with pytest.raises(NetwrightError, match=r"ran away in epoch 1.*below 1e\+30"):
        trainer(net(1), "mse", rate=1e30).fit(X, VALUES, epochs=3, verbose=0)


def test_the_range_test_finds_rates_that_train_and_changes_nothing():
    mine = net(norm=True)
    made = trainer(mine, optimizer="adam")
    before = copy.deepcopy(mine.state_dict())
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    test = made.find_rate(X, CODES, batch_size=BATCH)
    assert torch.equal(torch.rand(1), expected)
    for name, value in mine.state_dict().items():
        assert torch.equal(value, before[name])
    assert 1e-4 < test.suggestion <= test.lowest / 10 < 1
    assert test.rates[0] == pytest.approx(1e-7)
    ratios = np.diff(np.log(test.rates))
    np.testing.assert_allclose(ratios, np.log(1e8) / 199, rtol=1e-6)
    assert test.plot().axes[0].get_xscale() == "log"
    assert made.fit(X, CODES, epochs=1, verbose=0).rows[0]["step"] == 2
    with pytest.raises(InputError, match="at least 10 steps"):
        made.find_rate(X, CODES, steps=3)


def test_ensembles_of_modules_train_behind_the_same_interface():
    from netwright.config import TrainingConfig
    from netwright.data.dataset import Dataset as Rows_
    from netwright.nn.foreign import ForeignNetwork
    from netwright.trainer.goal import ModuleGoal
    from netwright.training.population import Member, Population

    modules = [net(norm=True), net(norm=True)]
    goal = ModuleGoal(nn.CrossEntropyLoss(), [], modules[0])
    goal.prepare(CODES, modules[0](X))
    modules = [net(norm=True), net(norm=True)]
    network = ForeignNetwork(modules, goal)
    counts = (ROWS, 30)
    members = [Member(SEED, torch.arange(count), torch.arange(0), 0.1) for count in counts]
    config = TrainingConfig(epochs=2, batch_size=BATCH, schedule="constant", warmup=0.0, patience=None)
    engine = optimizers.SGD(0.1).build(network.flat.detach(), network.layout)
    network.attach()
    data = Rows_({"x": X}, CODES, torch.ones(ROWS))
    Population(network, data, members, config, optimizer=engine, keep_best=False).train()
    for module, count in zip(modules, counts, strict=True):
        alone = net(norm=True)
        trainer(alone, rate=0.1).fit(X[:count], CODES[:count], epochs=2, batch_size=BATCH, verbose=0)
        same(module, alone)


def wrong(
    match: str, loss: Any = None, module: nn.Module | None = None, x: Any = X, y: Any = CODES, **fit: Any
):
    with pytest.raises(InputError, match=match):
        trainer(net() if module is None else module, loss).fit(x, y, verbose=0, **fit)


def test_wrong_data():
    wrong("numbers of rows differ: x 53, y 52", y=CODES[1:])
    wrong("x is empty", x=X[:0], y=CODES[:0])
    nan = X.clone()
    nan[3, 2] = torch.nan
    wrong(r"x holds 1 missing value, in row 3, column 2", x=nan)
    wrong(r"1 missing values|NaN or infinite", "mse", net(1), y=torch.full((ROWS,), torch.nan))
    wrong("1 infinite|missing values|NaN", nn.MSELoss(), net(1), y=torch.full((ROWS, 1), torch.nan))
    wrong("fit needs y", y=None)
    wrong("cannot compute on its inputs: mat1 and mat2", x=X[:, :3])
    wrong("whole numbers stay whole", x=X.long())
    wrong("text|no numbers", x=[["a"]] * ROWS)
    wrong("validation_split is 1", validation_split=1.0)
    wrong("leaves nothing of 1 rows", x=X[:1], y=CODES[:1], validation_split=0.5)
    wrong("not both", validation_split=0.1, validation_data=(X, CODES))
    wrong("validation_data is", validation_data=X)
    wrong(
        "validation_y has|numbers of rows differ: validation_x 53, validation_y 5",
        validation_data=(X, CODES[:5]),
    )
    wrong("sample_weight has 5 values for 53 rows", sample_weight=np.ones(5))
    wrong("epochs is 0", epochs=0)
    wrong("where \\(x, y\\) is wanted", x=DataLoader(X, 8), y=None)
    wrong("do not go with a data set", x=DataLoader(TensorDataset(X, CODES), 8))
    wrong("loader has no batches", x=DataLoader(TensorDataset(X, CODES), 99, drop_last=True), y=None)


def test_losses_that_do_not_fit():
    wrong("holds the label 2, and the module has outputs for the classes 0 to 1", module=net(2))
    wrong("wants class numbers of shape", y=functional.one_hot(CODES))
    wrong(r"y has shape \(N, 2\), and the module gives \(N, 1\)", nn.MSELoss(), net(1), y=X[:, :2])
    wrong("wants probabilities, and the module gives numbers outside", losses.SparseCategoricalCrossentropy())
    wrong("outside the 2 classes", "sparse_categorical_crossentropy", net(2))
    wrong("gave float, not a tensor", lambda output, target: 1.0)
    recurrent = nn.GRU(6, 3, batch_first=True)
    wrong("the module gives a tuple", "mse", recurrent, x=X[:, None])


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"loss": "mze"}, "unknown loss 'mze'"),
        ({"loss": nn.MSELoss}, r"give MSELoss\(\)"),
        ({"loss": 3}, "3 is no loss"),
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"schedule": "cosin"}, "did you mean 'cosine'"),
        ({"precision": "bfloat"}, "did you mean 'bfloat16'"),
        ({"device": "gpu"}, "unknown device"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0"),
        ({"accumulate": 0}, "accumulate is 0"),
        ({"module": nn.Linear}, r"give an object"),
        ({"callbacks": [3]}, "3 is no callback"),
    ],
)
def test_wrong_arguments(settings, match):
    with pytest.raises(InputError, match=match):
        nw.Trainer(**({"module": net(), "loss": "mse"} | settings))


def test_modules_that_cannot_train():
    wrong("no parameters that train", module=nn.Identity())
    mixed = nn.Sequential(nn.Linear(6, 3), nn.Linear(3, 3).double())
    wrong("several types: float32, float64|cannot compute", module=mixed)


def test_lazy_modules_are_built_by_the_data():
    mine = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 3))
    with torch.random.fork_rng():
        trainer(mine).fit(X, CODES, verbose=0)
    assert mine[0].weight.shape == (4, 6)


@pytest.mark.parametrize("logarithms", [True, False])
def test_metrics_of_counts_are_those_of_the_counts_that_are_meant(logarithms: bool) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(200, 3)).astype("float32")
    y = random.poisson(np.exp(0.5 * x[:, :1] + 1)).astype("float32")
    torch.manual_seed(0)
    parts: list[nn.Module] = [nn.Linear(3, 1)] + ([] if logarithms else [nn.Softplus()])
    made = nw.Trainer(
        nn.Sequential(*parts), nn.PoissonNLLLoss(log_input=logarithms), "adam", 0.01, metrics=["mae"], seed=0
    )
    made.fit(x, y, epochs=3, verbose=0)
    told = made.evaluate(x, y)["mae"]
    given = made.module(torch.tensor(x)).detach().numpy()
    assert told == pytest.approx(np.abs((np.exp(given) if logarithms else given) - y).mean(), rel=1e-4)
