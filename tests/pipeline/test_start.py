"""Networks that start from another: what is kept is kept to the bit, and errors say why nothing can be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from netwright.api import make_config
from netwright.config import Config
from netwright.data.text import codes
from netwright.errors import InputError
from netwright.nn.network import Network
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.start import with_start
from netwright.pipeline.train import train
from netwright.pipeline.watch import Watch
from netwright.runs import bundle
from netwright.training.callbacks import Callback, State

ROWS = 120
SMALL = {"network": {"kind": "tabm", "width": 8, "depth": 2, "heads": 2}}
TINY = {"number": {"bins": 8, "size": 3}, "category": {"one_hot_up_to": 3, "size": 4}}
TRAINING = {
    "epochs": 1,
    "batch_size": 32,
    "threads": 1,
    "precision": "float32",
    "device": "cpu",
    "members": 1,
}
CLASSES = ["ant", "bee", "cat"]


class Stop(Callback):
    """Ends a training before its first step, so that the first weights are left."""

    def on_start(self, state: State) -> None:
        state.stop = True


def table(names: list[str], towns: int = 6, classes: list[str] = CLASSES, seed: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    columns = {name: random.normal(size=ROWS).round(3) for name in names}
    town = [f"town {place}" for place in random.permutation(np.arange(ROWS) % towns)]
    kind = random.permutation(np.array(classes)[np.arange(ROWS) % len(classes)])
    return pl.DataFrame({**columns, "town": town, "kind": kind})


def fitted(frame: pl.DataFrame, start: Path | None = None, first: bool = False, **values: Any) -> Any:
    """The network of a short training, or its first weights; and what led to it."""
    settings = {"data": {"target": ["kind"]}, "training": dict(TRAINING), **values}
    if start is None:
        settings = {"inputs": TINY, **SMALL, **settings}
    else:
        settings["training"] = {**settings["training"], "start_from": str(start)}
    prepared = prepare(Config.parse(settings), frame, Watch())
    config, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    network, history, config = fit(
        prepared, config, prepared.dataset().to(device), [Stop()] if first else [], None
    )
    return network, history, config, prepared.schema


def saved(folder: Path, frame: pl.DataFrame, **values: Any) -> tuple[Network, Any]:
    network, _, config, schema = fitted(frame, **values)
    bundle.save(folder / "model", bundle.Bundle(network, schema, config.inputs, config.network))
    return network, schema


def values(network: Network) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in network.named_values().items()}


def test_the_same_columns_and_classes_give_the_same_network(tmp_path):
    old, _ = saved(tmp_path, table(["a", "b"]))
    new, history, config, _ = fitted(table(["a", "b"]), tmp_path, first=True)
    assert history.start["kept"] == history.start["numbers"] == old.parameter_count
    assert np.array_equal(old.flat.detach(), new.flat.detach())
    assert (config.network.kind, config.network.width) == ("tabm", 8)  # what the weights fit


def test_preparation_is_fitted_to_the_new_rows(tmp_path):
    saved(tmp_path, table(["a", "b"]))
    moved = table(["a", "b"]).with_columns(pl.col("a") + 100)
    new, _, _, _ = fitted(moved, tmp_path, first=True)
    assert abs(values(new)["encoders.parts.0.centre"][0, 0] - 100) < 1


def test_columns_go_by_name_wherever_they_stand(tmp_path):
    old, _ = saved(tmp_path, table(["a", "b"]))
    other = {**TRAINING, "seed": 7}  # what is drawn anew is then another
    new, history, _, _ = fitted(table(["c", "b"], seed=1), tmp_path, first=True, training=other)
    before, now = values(old), values(new)
    size = 2 + 3  # features of a number
    weight = "encoders.parts.0.weight"
    assert np.array_equal(now[weight][0, 1], before[weight][0, 1])
    assert not np.array_equal(now[weight][0, 0], before[weight][0, 0])
    inputs = "trunk.mlp.blocks.0.linear.weight"
    assert np.array_equal(now[inputs][0, size:], before[inputs][0, size:])  # of b and town
    assert not np.isclose(now[inputs][0, :size], before[inputs][0, :size]).any()  # of c
    factors = "trunk.views.factors"
    assert np.array_equal(now[factors][..., size:], before[factors][..., size:])
    assert np.array_equal(now["trunk.mlp.blocks.1.linear.weight"], before["trunk.mlp.blocks.1.linear.weight"])
    parts = {part["part"]: part for part in history.start["parts"]}
    assert "not there before: c" in parts["number (c, b)"]["why"]
    assert parts["trunk"]["why"] == f"{size} of {2 * size + 4} inputs are new"


def test_categories_go_by_value(tmp_path):
    """Towns 0 to 5 before, 2 to 5 and another now: rows of the embedding move."""
    old, old_schema = saved(tmp_path, table(["a"]))
    frame = table(["a"], seed=1).with_columns(
        pl.col("town").replace({"town 0": "a town", "town 1": "a town"})
    )
    new, _, _, schema = fitted(frame, tmp_path, first=True)
    before, now = (values(each)["encoders.parts.1.table"][0] for each in (old, new))
    names, others = schema.column("town").categories, old_schema.column("town").categories
    assert names != others
    for name in names:
        same = name in others and np.array_equal(now[2 + names.index(name)], before[2 + others.index(name)])
        assert same == (name in others)
    assert np.array_equal(now[:2], before[:2])  # unseen and missing


def test_one_hot_inputs_go_by_value(tmp_path):
    inputs = {**TINY, "category": {"one_hot_up_to": 9}}
    old, _ = saved(tmp_path, table(["a"], towns=3), inputs=inputs)
    frame = table(["a"], towns=3).with_columns(pl.col("town").replace({"town 0": "z"}))
    new, _, _, _ = fitted(frame, tmp_path, first=True)
    before, now = (values(each)["trunk.mlp.blocks.0.linear.weight"][0] for each in (old, new))
    # 5 features of a, then missing, town 0, 1, 2; now missing, town 1, 2, z
    assert np.array_equal(now[[0, 5, 6, 7]], before[[0, 5, 7, 8]])
    assert not np.isclose(now[8], before[6]).any()


@pytest.mark.parametrize("encoder", ["bag", "cnn", "transformer"])
def test_words_go_by_themselves(tmp_path, encoder):
    """Texts of other words: rows of the table move to where the words are now."""
    if encoder == "transformer":
        pytest.importorskip("tokenizers")
    random = np.random.default_rng(0)
    words = [f"w{letter}x{letter}" for letter in "abcdefghijklmnop"]

    def frame(known: list[str]) -> pl.DataFrame:
        texts = [" ".join(random.choice(known, 6)) for _ in range(ROWS)]
        return pl.DataFrame(
            {"note": texts, "kind": random.permutation(np.array(CLASSES)[np.arange(ROWS) % 3])}
        )

    inputs = {
        "text": {"encoder": encoder, "size": 4, "width": 4, "depth": 1, "characters": False, "buckets": 40}
    }
    old, old_schema = saved(tmp_path, frame(words[:10]), inputs=inputs)
    other = {**TRAINING, "seed": 7}
    new, history, config, schema = fitted(frame(words[5:15]), tmp_path, first=True, training=other)
    assert config.inputs.text.encoder == encoder
    tables = [values(network)["encoders.parts.0.table"][0] for network in (old, new)]
    if encoder == "transformer":
        known = [
            json.loads(told.column("note").vocabulary)["model"]["vocab"] for told in (old_schema, schema)
        ]
        assert known[0] != known[1]
        for piece in known[1]:
            same = piece in known[0] and np.array_equal(
                tables[1][known[1][piece] + 1], tables[0][known[0][piece] + 1]
            )
            assert same == (piece in known[0]), piece
    else:
        rows = []
        for network, told, table in ((old, old_schema, tables[0]), (new, schema, tables[1])):
            raw = torch.from_numpy(codes(pl.Series(words[:15]), told.column("note"))).int()
            place = network.encoders.list[0].lookup(raw[None])[0] + (encoder == "cnn")
            rows.append([table[each] for each in place[:, 0]])
        shared = [np.array_equal(*pair) for pair in zip(*rows, strict=True)]
        assert all(shared[5:10])
        assert not any(shared[10:15])
    assert 0 < history.start["parts"][0]["kept"] < history.start["parts"][0]["numbers"]


def test_classes_go_by_name(tmp_path):
    old, _ = saved(tmp_path, table(["a"]))
    new, history, _, _ = fitted(table(["a"], classes=["bee", "cat", "dog", "emu"]), tmp_path, first=True)
    before, now = values(old)["head.weight"][0], values(new)["head.weight"][0]
    assert np.array_equal(now[..., :2], before[..., 1:])
    assert history.start["parts"][-1]["why"] == "not among the classes before: dog, emu"
    assert history.start["parts"][-1]["kept"] == 2 * history.start["parts"][-1]["numbers"] / 4


def test_the_other_positive_class_turns_the_logit_round(tmp_path):
    frame = table(["a"], classes=["no", "yes"])
    old, _ = saved(tmp_path, frame)
    data = {"target": ["kind"]}
    was = bundle.load(tmp_path / "model").schema.target.positive
    data["positive"] = "no" if was == "yes" else "yes"
    new, _, _, _ = fitted(frame, tmp_path, first=True, data=data)
    assert np.array_equal(values(new)["head.weight"], -values(old)["head.weight"])
    alike, _, _, _ = fitted(frame, tmp_path, first=True, data={**data, "positive": was})
    assert np.array_equal(values(alike)["head.weight"], values(old)["head.weight"])


def test_another_task_has_another_head(tmp_path):
    saved(tmp_path, table(["a", "b"]))
    frame = table(["a", "b"]).with_columns(kind=pl.col("b") + pl.col("a"))
    _, history, _, _ = fitted(frame, tmp_path, first=True)
    assert history.start["parts"][-1]["kept"] == 0
    assert history.start["parts"][-1]["why"] == "the task was multiclass before"


def test_members_start_from_members(tmp_path):
    old, _ = saved(tmp_path, table(["a"]), training={**TRAINING, "members": 2})
    training = {**TRAINING, "members": 3, "seed": 1}
    new, _, _, _ = fitted(table(["a"]), tmp_path, first=True, training=training)
    for member, source in enumerate((1, 0, 1)):  # the member of the same seed
        assert np.array_equal(new.flat[member].detach(), old.flat[source].detach())


def test_statistics_of_batch_norm_go_with_their_weights(tmp_path):
    network = {"kind": "mlp", "width": 8, "depth": 1, "normalization": "batch"}
    old, _ = saved(tmp_path, table(["a"]), network=network, training={**TRAINING, "epochs": 3})
    new, _, _, _ = fitted(table(["a"]), tmp_path, first=True)
    before, now = values(old), values(new)
    names = [name for name in before if name.startswith("trunk") and "norm" in name]
    assert len(names) == 4
    for name in names:
        assert np.array_equal(now[name], before[name]), name


def test_settings_of_the_user_win(tmp_path):
    saved(tmp_path, table(["a"]))
    new, history, config, _ = fitted(table(["a"]), tmp_path, first=True, network={"width": 16})
    assert (config.network.width, config.network.kind) == (16, "tabm")
    parts = {part["part"]: part for part in history.start["parts"]}
    assert parts["trunk"]["kept"] < parts["trunk"]["numbers"]
    assert parts["head"] == {
        "part": "head",
        "kept": 0,
        "numbers": 2 * 17 * 3,
        "why": "it stands on another trunk",
    }
    assert new.trunk.width == 16


def test_more_of_the_same_rows_begins_where_the_first_training_ended(tmp_path):
    """A fine-tuning is as good after one epoch as a training from scratch after several."""
    random = np.random.default_rng(3)
    x = random.normal(size=(900, 6)).round(3)
    wanted = np.sign(x[:, 0] * x[:, 1]) + np.sign(x[:, 2])
    frame = pl.DataFrame({f"x{n}": x[:, n] for n in range(6)}).with_columns(
        kind=pl.Series(np.array(CLASSES)[np.digitize(wanted, [-1, 1])])
    )
    long = {**TRAINING, "epochs": 12, "schedule": "constant"}
    network = {"kind": "mlp", "width": 32, "depth": 2}
    saved(tmp_path, frame[:600], training=long, network=network)
    rest = frame[600:]
    _, tuned, _, _ = fitted(rest, tmp_path, training=long)
    _, scratch, _, _ = fitted(rest, training=long, network=network)
    losses = [history.column("validation_loss") for history in (tuned, scratch)]
    assert losses[0][0] < min(losses[1][:6])


def test_a_run_tells_what_was_kept_and_repeats(tmp_path, request):
    frame = table(["a", "b"])
    settings = {"epochs": 1, "training__members": 1, "device": "cpu", "training__threads": 1}
    settings["doctor__watch"] = False
    first = train(make_config("kind", SMALL, {**settings, "out": tmp_path / "first"}), frame)
    config = make_config("kind", None, {**settings, "out": tmp_path / "second", "start_from": first})
    second = train(config, table(["a", "c"]))
    start = json.loads((second / "evaluation.json").read_text())["network"]["start"]
    assert 0 < start["kept"] < start["numbers"]
    assert "parameters kept" in (second / "log.txt").read_text()
    assert "not there before: c" in (second / "report.html").read_text()
    request.getfixturevalue("no_pages")
    again = Config.load(second / "config.yaml")
    again.output.folder = str(tmp_path / "third")
    third = train(again, table(["a", "c"]))
    assert (second / "model" / bundle.WEIGHTS).read_bytes() == (third / "model" / bundle.WEIGHTS).read_bytes()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: None, "there is no such folder"),
        (lambda folder: folder.mkdir(), "neither a run nor a saved model"),
        (lambda folder: saved(folder, table(["a"]).drop("town")), "nothing of the network"),
    ],
)
def test_what_cannot_be_a_start_is_refused(tmp_path, make, told):
    folder = tmp_path / "before"
    make(folder)
    frame = table(["b"]).drop("town")
    with pytest.raises(InputError, match=told):
        fitted(frame, folder)


def test_another_kind_of_data_is_refused(tmp_path):
    saved(tmp_path, table(["a"]).drop("town"))
    frame = table([])
    with pytest.raises(
        InputError, match="trained on columns of kind number, and this data has columns of kind"
    ):
        fitted(frame, tmp_path)


def test_without_a_start_a_config_stays_as_it_is():
    config = Config()
    assert with_start(config) is config


def test_half_of_the_digits_helps_to_learn_the_other_half(tmp_path):
    """Pictures of 0 to 4 first; then 5 to 9 take fewer epochs than from scratch."""
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    for number, (pixels, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
        folder = tmp_path / ("low" if digit < 5 else "high") / f"digit {digit}"
        folder.mkdir(parents=True, exist_ok=True)
        if number < 1000:
            Image.fromarray((pixels * 15.9).astype(np.uint8)).save(folder / f"{number}.png")
    training = {**TRAINING, "schedule": "constant", "learning_rate": 1e-3, "batch_size": 64, "patience": None}
    inputs = {"image": {"encoder": "cnn", "size": 8}}

    def losses(half: str, epochs: int, start: Path | None = None) -> list[float]:
        settings = {
            "data": {},
            "training": {**training, "epochs": epochs, "start_from": None},
            "inputs": inputs,
        }
        if start is not None:
            settings["training"]["start_from"] = str(start)
        prepared = prepare(Config.parse(settings), str(tmp_path / half), Watch())
        config, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
        network, history, config = fit(prepared, config, prepared.dataset().to(device), [], None)
        if half == "low":
            made = bundle.Bundle(network, prepared.schema, config.inputs, config.network)
            bundle.save(tmp_path / "first" / "model", made)
        return history.column("validation_loss")

    losses("low", 8)
    tuned, scratch = losses("high", 8, tmp_path / "first"), losses("high", 8)

    def needed(history: list[float]) -> int:
        return next(epoch for epoch, loss in enumerate(history, 1) if loss < 0.5)

    assert all(one < other for one, other in zip(tuned, scratch, strict=True))
    assert needed(tuned) < needed(scratch) - 1
