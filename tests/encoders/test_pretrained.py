"""Networks of transformers as encoders give what transformers itself gives; weights lie where they should."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from netwright.config import ImageConfig, SoundConfig, TextConfig
from netwright.data.schema import Column
from netwright.data.tokens import token_codes
from netwright.encoders import hub, preprocessing
from netwright.encoders.pretrained import groups_of, name_of
from netwright.encoders.pretrained_kinds import PRETRAINED
from netwright.errors import InputError
from netwright.nn.member import Layout, Mode
from netwright.pipeline.recipes.image import settle

transformers = pytest.importorskip("transformers")
pytest.importorskip("tokenizers")


def _checkpoints() -> ModuleType:
    spec = importlib.util.spec_from_file_location("checkpoints", Path(__file__).parent / "checkpoints.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


checkpoints = _checkpoints()
SETTINGS: dict[str, Any] = {"image": ImageConfig, "text": TextConfig, "sound": SoundConfig}


@pytest.fixture(scope="session")
def saved(tmp_path_factory) -> Any:
    """`saved("vit")` is the folder of a small checkpoint."""
    made: dict[str, Path] = {}

    def get(name: str) -> Path:
        if name not in made:
            made[name] = checkpoints.save(name, tmp_path_factory.mktemp(name))
        return made[name]

    return get


def column_of(folder: Path, shape: list[int] | None = None, **preprocess: Any) -> Column:
    """A column as `pipeline.pretrained.attach` leaves it."""
    found = hub.read(str(folder))
    kind = found.family.kind
    if kind == "image":
        how = preprocessing.of_pictures(found.preprocess)
        shape = shape or [*how["resize"], 3]
    elif kind == "sound":
        how = preprocessing.of_sounds(found.preprocess, found.type)
    else:
        how = {"pad": 0}
    backbone = {"type": found.type, "config": found.config, "sha256": hub.load(found)}
    return Column(
        name="x",
        kind=kind,
        reason="",
        shape=shape or [],
        backbone=backbone | {"preprocess": how | preprocess},
    )


def encoder_of(column: Column, tune: str = "frozen", members: int = 1, **settings: Any) -> Any:
    config = SETTINGS[column.kind](tune=tune, pretrained="x", **settings)
    if column.kind == "image":
        config = settle(column, config, 100, "normal")
    return PRETRAINED[column.kind]([column], [0], config, members)


def start(encoder: Any, seeds: list[int]) -> Tensor:
    """Parameters as a network would give them to its encoder. [M, P]"""
    layout = Layout(encoder)
    flat = torch.stack([layout.draw(seed) for seed in seeds]).requires_grad_()
    layout.bind(flat)
    return flat


def own(folder: Path, **options: Any) -> Any:
    return transformers.AutoModel.from_pretrained(folder, **options).eval()


PROCESSORS = {
    "resnet": "ConvNextImageProcessorPil",
    "convnext": "ConvNextImageProcessorPil",
    "vit": "ViTImageProcessorPil",
    "dinov2": "BitImageProcessorPil",
}


@pytest.mark.parametrize("name", PROCESSORS)
def test_pictures_are_seen_as_transformers_sees_them(name, saved):
    """With its own processor and its own model, for pictures of the size that they are scaled to."""
    folder = saved(name)
    column = column_of(folder)
    raw = torch.randint(1, 256, (3, *column.shape), dtype=torch.uint8)
    processor = getattr(transformers, PROCESSORS[name]).from_pretrained(folder)
    values = processor(list(raw.numpy()), return_tensors="pt", input_data_format="channels_last")
    with torch.no_grad():
        output = own(folder)(pixel_values=values["pixel_values"].float())
    if name in ("resnet", "convnext"):
        wanted = output.pooler_output.flatten(1)
    else:
        wanted = torch.cat([output.last_hidden_state[:, 0], output.last_hidden_state[:, 1:].mean(1)], 1)
    encoder = encoder_of(column)
    assert encoder.columns == [wanted.shape[1]]
    torch.testing.assert_close(encoder.features_of(raw), wanted, atol=1e-5, rtol=1e-4)


def test_a_missing_picture_enters_as_the_mean(saved):
    how = preprocessing.of_pictures(checkpoints.PICTURES)
    raw = torch.zeros(2, 32, 32, 3, dtype=torch.uint8)
    raw[0, 0, 0, 0] = 1
    seen = preprocessing.pixels(raw, how)
    assert bool((seen[1] == 0).all())
    assert float(seen[0].mean()) < -1  # black


def test_positions_are_interpolated_for_another_size(saved):
    folder = saved("vit")
    column = column_of(folder, [48, 48, 3], crop=[48, 48], resize=[48, 48])
    raw = torch.randint(1, 256, (2, 48, 48, 3), dtype=torch.uint8)
    values = preprocessing.pixels(raw, column.backbone["preprocess"])
    with torch.no_grad():
        output = own(folder)(pixel_values=values, interpolate_pos_encoding=True).last_hidden_state
    found = encoder_of(column).features_of(raw)
    torch.testing.assert_close(
        found, torch.cat([output[:, 0], output[:, 1:].mean(1)], 1), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert", "modernbert", "deberta-v2"])
def test_texts_are_read_as_transformers_reads_them(name, saved):
    folder = saved(name)
    texts = ["the film was very good", "dull", "", "unheard of words the plot"]
    written = (folder / "tokenizer.json").read_text()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]"
    )
    given = tokenizer(texts, padding=True, return_tensors="pt")
    given.pop("token_type_ids", None)
    with torch.no_grad():
        hidden = own(folder)(**given).last_hidden_state
    real = given["attention_mask"][..., None]
    wanted = torch.cat([hidden[:, 0], (hidden * real).sum(1) / real.sum(1)], dim=1)
    codes = torch.from_numpy(token_codes(texts_series(texts), written, 12))
    found = encoder_of(column_of(folder, [12])).features_of(codes)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def texts_series(texts: list[str | None]) -> Any:
    import polars as pl

    return pl.Series("x", texts)


def test_long_texts_are_cut_with_their_end(saved):
    written = (saved("bert") / "tokenizer.json").read_text()
    codes = token_codes(texts_series(["good bad film plot the", None]), written, 4)
    assert codes.tolist() == [[3, 6, 7, 4], [3, 4, 0, 0]]  # [CLS] good bad [SEP], each 1 above


@pytest.mark.parametrize("mask", [False, True])
def test_sounds_are_heard_as_transformers_hears_them(mask, saved):
    folder = saved("wav2vec2")
    waves = [np.random.default_rng(n).normal(0.1, 0.2, size).clip(-1, 1) for n, size in enumerate((900, 700))]
    raw = torch.full((2, 900), -32768, dtype=torch.int16)
    for row, wave in enumerate(waves):
        raw[row, : len(wave)] = torch.from_numpy(np.rint(wave * 32767).astype(np.int16))
    extractor = transformers.Wav2Vec2FeatureExtractor(sampling_rate=8000, return_attention_mask=mask)
    rounded = [raw[row, : len(wave)].numpy() / 32767 for row, wave in enumerate(waves)]
    if mask:
        given = extractor(rounded, sampling_rate=8000, padding=True, return_tensors="pt")
    else:  # each by itself, filled up with 0 behind
        alone = [
            extractor(wave, sampling_rate=8000, return_tensors="pt")["input_values"][0] for wave in rounded
        ]
        given = {"input_values": torch.nn.utils.rnn.pad_sequence(alone, batch_first=True)}
    model = own(folder)
    with torch.no_grad():
        hidden = model(**given).last_hidden_state
    lengths = model._get_feat_extract_output_lengths(torch.tensor([900, 700]))
    wanted = torch.stack([each[:length].mean(0) for each, length in zip(hidden, lengths, strict=True)])
    found = encoder_of(column_of(folder, [900], mask=mask)).features_of(raw)
    torch.testing.assert_close(found, wanted, atol=1e-4, rtol=1e-3)


def test_spectra_are_those_of_transformers(saved):
    folder = saved("audio-spectrogram-transformer")
    random = np.random.default_rng(0)
    raw = torch.full((3, 16_000), -32768, dtype=torch.int16)
    for row, size in enumerate((16_000, 5_000, 2_000)):
        raw[row, :size] = torch.from_numpy(random.normal(0, 3000, size).astype(np.int16))
    extractor = transformers.ASTFeatureExtractor.from_pretrained(folder)
    waves = [raw[row, :size].numpy() / np.float32(32767) for row, size in enumerate((16_000, 5_000, 2_000))]
    given = extractor(waves, sampling_rate=16_000, return_tensors="pt")["input_values"]
    encoder = encoder_of(column_of(folder, [16_000]))
    torch.testing.assert_close(encoder.inputs(raw)["input_values"], given, atol=1e-4, rtol=1e-3)
    with torch.no_grad():
        wanted = own(folder)(given).pooler_output
    torch.testing.assert_close(encoder.features_of(raw), wanted, atol=1e-4, rtol=1e-3)


def example(name: str, folder: Path) -> tuple[Column, Tensor]:
    """A column, and raw values of 4 rows."""
    column = column_of(folder, {"bert": [8], "wav2vec2": [600]}.get(name))
    if name == "bert":
        return column, torch.randint(1, 15, (4, 8), dtype=torch.int32)
    if name == "wav2vec2":
        return column, torch.randint(-3000, 3000, (4, 600), dtype=torch.int16)
    return column, torch.randint(1, 256, (4, *column.shape), dtype=torch.uint8)


@pytest.mark.parametrize("name", ["resnet", "vit", "bert", "wav2vec2"])
def test_tuned_networks_start_where_the_frozen_one_stands(name, saved):
    column, raw = example(name, saved(name))
    wanted = encoder_of(column).features_of(raw)
    encoder = encoder_of(column, "full")
    start(encoder, [0])
    encoder.fit(0, raw)
    torch.testing.assert_close(encoder(raw[None], Mode())[0], wanted, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["resnet", "convnext", "vit", "dinov2", "bert", "wav2vec2"])
def test_gradients_reach_the_open_layers_and_no_others(name, saved):
    column, raw = example(name, saved(name))
    encoder = (
        encoder_of(column, "gradual", augment="none")
        if column.kind == "image"
        else encoder_of(column, "gradual")
    )
    flat = start(encoder, [0])
    encoder.fit(0, raw)
    layout = Layout(encoder)
    for opened in range(encoder.groups + 1):
        encoder.opened = opened
        flat.grad = None
        mode = Mode(training=True, generators=[torch.Generator().manual_seed(0)])
        features = encoder(raw[None], mode)
        if not opened:
            assert not features.requires_grad
            continue
        features.square().sum().backward()
        for group in range(encoder.groups):
            moved = [
                bool((flat.grad[0, place.start : place.start + place.declared.size] != 0).any())
                for place in layout.places
                if encoder.network.group[name_of(place.attribute)] == group
            ]
            assert any(moved) == (group >= encoder.groups - opened), (name, opened, group)


def test_members_learn_as_if_alone_and_dropout_is_theirs(saved):
    """BERT has dropout: what a member draws depends on its own generator, not on who learns beside it."""
    column, raw = example("bert", saved("bert"))
    both = encoder_of(column, "full", members=2)
    start(both, [0, 1])
    generators = [torch.Generator().manual_seed(seed) for seed in (5, 6)]
    together = both(torch.stack([raw, raw.flip(0)]), Mode(training=True, generators=generators))
    alone = encoder_of(column, "full")
    start(alone, [1])
    before = torch.get_rng_state()
    mode = Mode(training=True, generators=[torch.Generator().manual_seed(6)])
    torch.testing.assert_close(alone(raw.flip(0)[None], mode)[0], together[1])
    assert torch.equal(torch.get_rng_state(), before)
    quiet = alone(raw.flip(0)[None], Mode())[0]
    assert not torch.allclose(quiet, together[1])


def test_a_frozen_network_takes_rows_or_features(saved):
    column, raw = example("vit", saved("vit"))
    encoder = encoder_of(column, members=2)
    features = encoder.features_of(raw)
    encoder.fit(0, raw)
    encoder.fit(1, features[:2])
    shared = encoder(raw[None].expand(2, -1, -1, -1, -1), Mode())
    torch.testing.assert_close(shared, encoder(features[None].expand(2, -1, -1), Mode()))
    own_rows = encoder(torch.stack([raw, raw.flip(0)]), Mode())
    torch.testing.assert_close(own_rows[1], shared[1].flip(0))
    scaled = (features - features.mean(0)) / features.std(0, correction=0)
    torch.testing.assert_close(shared[0], scaled, atol=1e-4, rtol=1e-4)


def test_rates_fall_from_layer_to_layer(saved):
    column, _ = example("bert", saved("bert"))
    encoder = encoder_of(column, "full", tune_rate=0.1, tune_decay=0.5)
    rates = {name_of(name): declared.rate for name, declared in encoder.declared.items()}
    assert rates["encoder.layer.1.output.dense.weight"] == 0.1
    assert rates["encoder.layer.0.output.dense.weight"] == 0.05
    assert rates["embeddings.word_embeddings.weight"] == 0.025
    assert not any(declared.decay for declared in encoder.declared.values())


@pytest.mark.parametrize("name", checkpoints.MODELS)
def test_every_parameter_has_its_group(name, saved):
    """Embeddings lie below all layers, and what follows the last layer belongs to it."""
    module = own(saved(name))
    groups = groups_of([each for each, _ in module.named_parameters()])
    layers = 2
    assert set(groups.values()) == set(range(layers + 1))
    names = list(groups)
    assert groups[names[0]] == 0
    for each in names:
        if "embed" in each.split(".")[0] or each.startswith("feature_"):
            assert groups[each] == 0, each
        if each.startswith(("layernorm", "final_norm", "encoder.layer_norm")):
            assert groups[each] == layers, each


def changed_config(folder: Path, into: Path, **values: Any) -> Path:
    import json
    import shutil

    shutil.copytree(folder, into)
    config = json.loads((into / "config.json").read_text()) | values
    (into / "config.json").write_text(json.dumps(config))
    return into


def test_pickled_weights_are_refused(saved, tmp_path):
    folder = changed_config(saved("bert"), tmp_path / "pickled")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match=r"pytorch_model.bin, a file that can run code"):
        hub.read(str(folder))


def test_code_of_a_checkpoint_is_left_alone(saved, tmp_path):
    folder = changed_config(
        saved("bert"), tmp_path / "code", auto_map={"AutoModel": "evil.Model"}, architectures=["Model"]
    )
    (folder / "evil.py").write_text("raise SystemExit('run')")
    column, raw = example("bert", folder)
    assert encoder_of(column).features_of(raw).shape == (4, 32)


def test_a_checkpoint_names_no_kernels_to_fetch(saved, tmp_path):
    folder = changed_config(saved("bert"), tmp_path / "kernel", attn_implementation="somebody/kernel")
    column, raw = example("bert", folder)
    assert encoder_of(column).features_of(raw).shape == (4, 32)
    column.backbone["config"]["_attn_implementation"] = "somebody/kernel"  # as a saved model may have it
    assert encoder_of(column).features_of(raw).shape == (4, 32)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_type": "gpt2"}, "architecture that is not known here: gpt2"),
        ({"hidden_size": 24, "intermediate_size": 30}, "have another shape for"),
        ({"num_hidden_layers": 3}, "lack 16 parts of the network"),
        ({"num_attention_heads": 3}, "cannot be read"),
    ],
)
def test_wrong_checkpoints_are_told(change, told, saved, tmp_path):
    folder = changed_config(saved("bert"), tmp_path / "wrong", **change)
    with pytest.raises(InputError, match=told):
        hub.load(hub.read(str(folder)))


def test_damaged_weights_are_told(saved, tmp_path):
    folder = changed_config(saved("bert"), tmp_path / "damaged")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        hub.load(hub.read(str(folder)))


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match=r"config.json is missing"):
        hub.read(str(tmp_path))


def test_without_a_network_the_error_says_how_to_get_the_files(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(InputError, match="not in the cache") as error:
        hub.read("somebody/no-such-network")
    assert "hf download somebody/no-such-network" in str(error.value)


def test_a_name_that_cannot_be_one():
    with pytest.raises(InputError, match=r"no folder '\./nowhere/at/all'"):
        hub.read("./nowhere/at/all")


def test_a_network_in_the_cache_is_found_without_the_hub(saved, tmp_path, monkeypatch):
    import shutil

    place = tmp_path / "models--me--small"
    shutil.copytree(saved("vit"), place / "snapshots" / "abc")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    found = hub.read("me/small")
    assert found.type == "vit"
    assert found.folder.name == "abc"
