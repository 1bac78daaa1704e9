"""Networks from elsewhere in whole runs: what learns when, what is saved, and what is refused."""

from __future__ import annotations

import importlib.util
import shutil
import wave
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

import netwright as nw
from netwright.api import make_config
from netwright.config import Config
from netwright.encoders import hub
from netwright.encoders.pretrained import Backbone, attribute_of
from netwright.errors import InputError
from netwright.pipeline.fit import fit
from netwright.pipeline.prepare import prepare
from netwright.pipeline.resolve import resolve
from netwright.pipeline.train import train as train_run
from netwright.pipeline.unfreeze import correction, opened
from netwright.pipeline.watch import Watch
from netwright.runs import bundle
from netwright.runs.model import TableModel
from netwright.training.callbacks import Callback, State

pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

_SPEC = importlib.util.spec_from_file_location(
    "checkpoints", Path(__file__).parent.parent / "encoders" / "checkpoints.py"
)
assert _SPEC is not None
checkpoints = importlib.util.module_from_spec(_SPEC)
assert _SPEC.loader is not None
_SPEC.loader.exec_module(checkpoints)

ROWS = 60
TRAINING = {"threads": 1, "precision": "float32", "device": "cpu", "batch_size": 16, "patience": None}


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Any:
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = checkpoints.save(name, tmp_path_factory.mktemp(name))
        return made[name]

    return get


@pytest.fixture(scope="session")
def pictures(tmp_path_factory) -> Path:
    """A folder of two folders of pictures: reddish and greenish ones."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name, colour in (("red", (180, 80, 90)), ("green", (80, 180, 90))):
        (folder / name).mkdir()
        for number in range(ROWS // 2):
            pixels = random.normal(colour, 50, (36, 40, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="session")
def sounds(tmp_path_factory) -> Path:
    folder, random = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    for name, pitch in (("low", 200), ("high", 1000)):
        (folder / name).mkdir()
        for number in range(ROWS // 2):
            time = np.arange(int(random.integers(600, 900))) / 8000
            values = 8000 * np.sin(2 * np.pi * pitch * time) + random.normal(0, 500, len(time))
            with wave.open(str(folder / name / f"{number}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
                file.writeframes(values.astype("<i2").tobytes())
    return folder


def reviews(names: tuple[str, ...] = ("review",)) -> pl.DataFrame:
    """Texts with one word that tells their class, beside a number that does not."""
    random = np.random.default_rng(0)
    label = random.integers(0, 2, ROWS)
    columns: dict[str, Any] = {}
    for name in names:
        words = random.choice(checkpoints.WORDS[2:], (ROWS, 7))
        words[np.arange(ROWS), random.integers(0, 7, ROWS)] = np.array(checkpoints.WORDS)[label]
        columns[name] = [" ".join(row) for row in words]
    columns["length"] = random.normal(size=ROWS).round(3)
    return pl.DataFrame({**columns, "label": np.array(["bad", "good"])[label]})


def trained(
    source: Any, checkpoint: Path, callbacks: tuple[Callback, ...] = (), epochs: int = 4, **values: Any
) -> Any:
    """The network of a short training, and what led to it."""
    values = {"training": {**TRAINING, "epochs": epochs}, **values}
    inputs = values.setdefault("inputs", {})
    if not any("pretrained" in str(each) for each in inputs.values()):
        inputs["pretrained"] = str(checkpoint)
    target = ["label"] if isinstance(source, pl.DataFrame) else []
    config = Config.parse({"data": {"target": target}, **values})
    prepared = prepare(config, source, Watch())
    resolved, device = resolve(prepared.config, prepared.schema, len(prepared.split.train))
    data = prepared.dataset().to(device)
    network, history, resolved = fit(prepared, resolved, data, callbacks, None)
    return network, history, resolved, prepared, data


def values_of(folder: Path) -> dict[str, torch.Tensor]:
    found = hub.read(str(folder))
    return hub.weights(hub.load(found))


class Weights(Callback):
    """Remembers a network's weights after each epoch."""

    def __init__(self) -> None:
        self.seen: list[dict[str, torch.Tensor]] = []

    def on_epoch(self, state: State) -> None:
        values = state.population.network.named_values()
        self.seen.append({name: value.clone() for name, value in values.items()})


def moved(before: dict[str, torch.Tensor], now: dict[str, torch.Tensor]) -> set[str]:
    return {
        name for name, value in now.items() if "backbone" in name and not torch.equal(before[name], value)
    }


@pytest.mark.parametrize(("name", "source"), [("vit", "pictures"), ("wav2vec2", "sounds"), ("bert", None)])
def test_a_frozen_network_runs_once_and_stays_as_it_was(name, source, saved, request, monkeypatch):
    rows = 0
    call = Backbone.__call__

    def counted(self: Backbone, inputs: Any, values: Any, *, training: bool) -> Any:
        nonlocal rows
        rows += len(next(iter(inputs.values())))
        return call(self, inputs, values, training=training)

    monkeypatch.setattr(Backbone, "__call__", counted)
    data = reviews().drop("length") if source is None else request.getfixturevalue(source)
    network, history, config, prepared, _ = trained(data, saved(name))
    assert rows == len(prepared.table) == ROWS
    assert history.epochs == 4
    (part,) = network.encoders.list
    assert network.parameter_count == part.columns[0] + 1  # the head alone
    wanted = values_of(saved(name))
    held = part.constants()
    assert held.keys() == wanted.keys()
    assert all(torch.equal(held[key], value) for key, value in wanted.items())
    assert getattr(config.inputs, part.raw).tune == "frozen"


def test_a_saved_model_needs_no_checkpoint(saved, pictures, tmp_path):
    """The weights are its own, frozen or not, and so are the tokenizer and what is done to inputs."""
    for name, source, tune in (
        ("resnet", pictures, "full"),
        ("vit", pictures, "frozen"),
        ("bert", reviews(), "frozen"),
        ("distilbert", reviews(), "head_first"),
    ):
        checkpoint = tmp_path / name
        shutil.copytree(saved(name), checkpoint)
        kind = "image" if source is pictures else "text"
        settings = {kind: {"pretrained": str(checkpoint), "tune": tune}}
        network, _, config, prepared, data = trained(source, checkpoint, epochs=2, inputs=settings)
        folder = tmp_path / f"{name} model"
        bundle.save(folder, bundle.Bundle(network, prepared.schema, config.inputs, config.network))
        shutil.rmtree(checkpoint)
        hub._WEIGHTS.clear()
        table = prepared.table
        wanted = network.predict_mean(data.raw)
        found = TableModel.load(folder).outputs(table)
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5, err_msg=name)


def test_after_the_head_all_of_it_learns(saved):
    watch = Weights()
    settings = {"text": {"pretrained": str(saved("bert")), "tune": "head_first"}}
    network, *_ = trained(reviews(), saved("bert"), (watch,), epochs=4, inputs=settings)
    start = {
        f"encoders.parts.{place}.{attribute_of(name)}": value[None]
        for place, part in enumerate(network.encoders.list)
        if part.raw == "text"
        for name, value in values_of(saved("bert")).items()
    }
    assert not moved(start, watch.seen[0])
    assert not torch.equal(watch.seen[0]["head.weight"], watch.seen[1]["head.weight"])
    assert moved(watch.seen[0], watch.seen[1]) >= {name for name in start if "query/weight" in name}


def test_layers_open_from_above(saved):
    watch = Weights()
    settings = {"text": {"pretrained": str(saved("bert")), "tune": "gradual"}}
    trained(reviews(), saved("bert"), (watch,), epochs=8, inputs=settings)
    steps = [moved(*pair) for pair in pairwise(watch.seen)]
    first = [
        next((place for place, names in enumerate(steps) if any(part in name for name in names)), 99)
        for part in ("layer/1/", "layer/0/", "word_embeddings")
    ]
    assert first == sorted(first)
    assert len(set(first)) == 3
    assert first[-1] < 99
    assert not steps[0]


def test_a_layer_that_opens_late_moves_no_faster_than_from_the_start():
    """Adam with its steps counted from the start, corrected, against Adam that begins at the opening."""
    torch.manual_seed(0)
    gradients = torch.randn(60, 5).double() + 0.5
    late, own = torch.zeros(5).double(), torch.zeros(5).double().requires_grad_()
    reference = torch.optim.Adam([own], lr=0.01, eps=1e-12)
    m = v = torch.zeros(5).double()
    before = 500
    for step, gradient in enumerate(gradients, 1):
        own.grad = gradient.clone()
        reference.step()
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient.square()
        total = before + step
        adam = (m / (1 - 0.9**total)) / (v / (1 - 0.999**total)).sqrt()
        factor = (1 - 0.9**total) / (1 - 0.9**step) * ((1 - 0.999**step) / (1 - 0.999**total)) ** 0.5
        late = late - 0.01 * adam * factor
        assert correction(step, total, 0.9, 0.999) == pytest.approx(factor)
    torch.testing.assert_close(late, own.detach(), rtol=1e-5, atol=1e-8)


def test_everything_opens_however_few_epochs_there_are():
    assert opened("head_first", 5, 1, 1) == 0
    assert opened("head_first", 5, 2, 2) == 5
    for epochs in (4, 10, 50):
        counts = [opened("gradual", 13, epoch, epochs) for epoch in range(1, epochs + 1)]
        assert counts == sorted(counts)
        assert (counts[0], counts[-1]) == (0, 13)


def test_learning_uses_what_the_network_knows(saved):
    """A word tells the class. The head finds it in features of random weights, and tuning finds more."""
    losses = {}
    for tune in ("frozen", "full"):
        settings = {"text": {"pretrained": str(saved("distilbert")), "tune": tune, "tune_rate": 1.0}}
        training = {**TRAINING, "learning_rate": 0.01, "schedule": "constant", "label_smoothing": 0.0}
        _, history, *_ = trained(
            reviews().drop("length"), saved("distilbert"), inputs=settings, training=training | {"epochs": 25}
        )
        losses[tune] = history.column("train_loss")
    assert losses["frozen"][-1] < 0.65
    assert losses["full"][-1] < 0.5 * losses["frozen"][-1]


def test_a_picture_a_text_and_numbers_learn_together(saved, pictures, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    names = sorted(path.relative_to(pictures).as_posix() for path in pictures.rglob("*.png"))
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(pictures / name, folder / name)
    reviews().with_columns(pl.Series("photo", names)).write_csv(folder / "table.csv")
    settings = {"text": {"pretrained": str(saved("bert"))}, "image": {"pretrained": str(saved("convnext"))}}
    network, *_ = trained(
        folder / "table.csv", saved("bert"), inputs=settings, data={"target": ["label"]}, epochs=2
    )
    told = {part.raw: part for part in network.encoders.list}
    assert set(told) == {"number", "image", "text"}
    assert told["text"].columns == [32]
    assert told["image"].columns == [12]


def test_members_and_the_config_repeat(saved):
    settings = {"text": {"pretrained": str(saved("bert")), "tune": "full"}}
    training = {**TRAINING, "epochs": 2, "members": 2}
    network, _, config, *_ = trained(reviews(), saved("bert"), inputs=settings, training=training)
    again, *_ = trained(reviews(), saved("bert"), **config.model_dump(exclude={"output", "data"}))
    assert torch.equal(network.flat, again.flat)
    alone, *_ = trained(reviews(), saved("bert"), inputs=settings, training={**training, "members": 1})
    torch.testing.assert_close(alone.flat[0], network.flat[0], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "source", "inputs", "told"),
    [
        ("bert", "pictures", {}, "is for texts, and the data has none"),
        ("vit", "reviews", {}, "is for pictures, and the data has none; its columns are text, number"),
        ("bert", "pictures", {"image": {"pretrained": "bert"}}, r"is for texts, not for pictures"),
        ("bert", "two texts", {}, "2 columns have them: review, title"),
        ("wav2vec2", "sounds", {"sound": {"pretrained": "wav2vec2", "rate": 16_000}}, "hears 8,000 samples"),
    ],
)
def test_a_network_for_other_data_is_refused(name, source, inputs, told, saved, request):
    if source in ("reviews", "two texts"):
        data = reviews(("review", "title") if source == "two texts" else ("review",))
    else:
        data = request.getfixturevalue(source)
    for settings in inputs.values():
        settings["pretrained"] = str(saved(settings["pretrained"]))
    with pytest.raises(InputError, match=told):
        trained(data, saved(name), inputs=inputs)


def test_one_of_two_columns_can_have_it(saved):
    columns = {"title": {"pretrained": str(saved("bert"))}}
    network, _, config, *_ = trained(
        reviews(("review", "title")), saved("bert"), inputs={"columns": columns}, epochs=1
    )
    kinds = {part.names[0]: type(part).__name__ for part in network.encoders.list}
    assert kinds["title"] == "PretrainedText"
    assert kinds["review"] != "PretrainedText"
    assert config.inputs.columns["title"]["tune"] == "frozen"


def test_the_short_setting(saved):
    config = make_config("label", None, {"pretrained": saved("bert")})
    assert config.inputs.pretrained == str(saved("bert"))


class Steps(Callback):
    """Remembers the parameters after each step."""

    def __init__(self) -> None:
        self.seen: list[torch.Tensor] = []

    def on_step(self, state: State) -> None:
        self.seen.append(state.population.network.flat.detach().clone())


def test_the_first_step_of_an_opened_layer_is_that_of_adam(saved):
    """rate * sign of the gradient, however many steps the head has taken before."""
    watch = Steps()
    settings = {"pretrained": str(saved("bert")), "tune": "head_first", "tune_rate": 0.1, "tune_decay": 0.5}
    training = {**TRAINING, "learning_rate": 0.01, "schedule": "constant", "warmup": 0.0, "optimizer": "adam"}
    network, *_ = trained(
        reviews(), saved("bert"), (watch,), inputs={"text": settings}, training=training | {"epochs": 8}
    )
    name = next(each for each in (place.name for place in network.layout.places) if "layer/0/inter" in each)
    place = next(each for each in network.layout.places if each.name == name)
    part = [flat[0, place.start : place.start + place.declared.size] for flat in watch.seen]
    moves = [(after - before).abs() for before, after in pairwise(part)]
    opening = next(place for place, move in enumerate(moves) if bool(move.any()))
    assert opening > 3
    rate = 0.01 * 0.1 * 0.5  # one layer below the uppermost
    assert float(moves[opening].max()) == pytest.approx(rate, rel=0.02)
    assert all(float(move.max()) < 1.1 * rate for move in moves)


@pytest.mark.usefixtures("no_pages")
def test_layers_that_open_open_again_where_a_training_was_broken_off(saved, tmp_path, monkeypatch):
    """With the rates of those that are settling, and with the steps since they were opened."""

    class Killed(BaseException):
        pass

    class Kill(Callback):
        def on_epoch_start(self, state: State) -> None:
            if state.epoch == 6:
                raise Killed

    monkeypatch.setattr("netwright.pipeline.resume.EVERY", 1e-9)
    monkeypatch.setattr("netwright.training.checkpoint.SHARE", 1e9)
    reviews().write_csv(tmp_path / "reviews.csv")
    text = {"pretrained": str(saved("bert")), "tune": "gradual"}
    values = {"inputs": {"text": text}, "training": {**TRAINING, "epochs": 8}, "doctor": {"watch": False}}
    watch = Watch()
    watch.callbacks = [Kill()]
    given = make_config("label", values, {"out": tmp_path / "run"})
    with pytest.raises(Killed):
        train_run(given, tmp_path / "reviews.csv", watch)
    runs = [
        nw.train(resume=tmp_path / "run", progress=False),
        nw.train(tmp_path / "reviews.csv", "label", config=values, out=tmp_path / "other", progress=False),
    ]
    first, second = ((run.folder / "model/network.safetensors").read_bytes() for run in runs)
    assert first == second
