"""The encoder of pictures, and the networks in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright.config import ImageConfig, InputsConfig, NetworkConfig, TrainingConfig
from netwright.data.dataset import Dataset
from netwright.data.schema import Column, Schema, Target
from netwright.encoders.augment import NOTHING
from netwright.encoders.image import ImageEncoder, augmented, body
from netwright.encoders.measure import largest
from netwright.layers import Conv2D
from netwright.nn.member import PREDICT, Mode
from netwright.nn.mixup import Mix
from netwright.nn.network import Network
from netwright.training.population import Member, Population

ALL = {"flip": "horizontal", "rotation": 10.0, "shift": 0.1, "scale": 0.2, "colour": 0.2}
ALL |= {"noise": 0.05, "cutout": 0.3}


def settings(encoder="cnn", size=4, **more):
    common = {"encoder": encoder, "size": size, "patch": 2, "dropout": 0.0, "both_sides": False}
    return ImageConfig.model_validate(NOTHING | common | more)


def made(shape=(8, 8, 1), members=1, classes=2, **more):
    column = Column(name="x", kind="image", reason="", shape=list(shape))
    names = [str(place) for place in range(classes)]
    task = "binary" if classes == 2 else "multiclass"
    schema = Schema(columns=[column], target=Target(columns=["y"], task=task, classes=names))
    network = NetworkConfig(kind="mlp", width=1, depth=0, heads=1, normalization="none", dropout=0.0)
    inputs = InputsConfig(image=settings(**more))
    return Network(schema, inputs, network, members, encoders={"image": ImageEncoder})


def encoder_of(network) -> ImageEncoder:
    (part,) = network.encoders.list
    return part


def data(rows=48, shape=(8, 8, 1), classes=2, seed=0):
    """Pictures with a bright spot; where it is tells the class."""
    random = np.random.default_rng(seed)
    x = random.integers(0, 120, (rows, *shape), dtype=np.uint8)
    y = random.integers(0, classes, rows)
    for row, code in enumerate(y):
        x[row, 1 + 2 * code : 3 + 2 * code, 2:6] += 100
    target = torch.from_numpy(y)
    return Dataset({"image:x": torch.from_numpy(x)}, target, torch.ones(rows))


def trained(seeds, rows, epochs=3, classes=2, mixup=0.0, **more):
    """A population of networks and its data; each member has rows of its own."""
    given = data(max(48, max(int(each.max()) for each in rows) + 1), classes=classes)
    network = made(members=len(seeds), classes=classes, **more)
    config = TrainingConfig(
        epochs=epochs, batch_size=16, learning_rate=3e-3, weight_decay=0.01, mixup=mixup, label_smoothing=0.1
    )
    config.patience, config.warmup, none = None, 0.1, torch.zeros(0, dtype=torch.long)
    members = [Member.of(config, each, none, seed) for seed, each in zip(seeds, rows, strict=True)]
    Population(network, given, members, config).fit()
    return network, given


SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (9, 17, 3), (4, 4, 1), (96, 64, 3), (256, 256, 3), (5, 300, 1)]


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
@pytest.mark.parametrize("shape", SHAPES)
def test_pictures_of_all_sizes_give_features(encoder, shape):
    config = settings(encoder, 8).model_copy(update={"patch": max(2, min(shape[:2]) // 8)})
    network = body(shape, config)
    (features,) = network.connect(shape, 2)
    for module in network.modules():
        for name, declared in getattr(module, "declared", {}).items():
            setattr(module, name, 0.1 * torch.randn(2, *declared.shape))
    found = network(torch.randn(2, 3, *shape), PREDICT)
    assert found.shape == (2, 3, features)
    assert bool(found.isfinite().all())


@pytest.mark.parametrize("shape", [(28, 28, 1), (256, 256, 3)])
def test_large_pictures_cost_no_more_than_some_times_small_ones(shape):
    network = body(shape, settings("cnn", 32))
    network.connect(shape, 1)
    assert largest(network)[0] < 60e6


def test_costs_are_counted():
    layer = Conv2D(8, 3, 2, padding="same")
    layer.connect((10, 10, 2), 3)
    assert largest(layer) == (5 * 5 * 3 * 3 * 2 * 8, 5 * 5 * 8)


def test_channels_are_scaled_by_training_rows():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (600, 6, 5, 3), dtype=np.uint8)
    part = encoder_of(made((6, 5, 3)))
    part.fit(0, torch.from_numpy(pixels))
    np.testing.assert_allclose(part.mean[0], pixels.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(part.deviation[0], pixels.std((0, 1, 2)), rtol=1e-5)


def test_weights_count_rows_and_missing_pictures_do_not():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (4, 6, 5, 1), dtype=np.uint8)
    part, repeated = encoder_of(made((6, 5, 1))), encoder_of(made((6, 5, 1)))
    gone = np.zeros((3, 6, 5, 1), np.uint8)
    part.fit(
        0, torch.from_numpy(np.concatenate([gone, pixels])), torch.tensor([5.0, 1, 1, 2, 1, 0, 3]).double()
    )
    repeated.fit(0, torch.from_numpy(pixels[[0, 0, 1, 3, 3, 3]]))
    torch.testing.assert_close(part.mean, repeated.mean)
    torch.testing.assert_close(part.deviation, repeated.deviation)


def test_pictures_of_one_colour_and_none_at_all_do_no_harm():
    for pixels in (
        torch.full((9, 8, 8, 1), 77, dtype=torch.uint8),
        torch.zeros(9, 8, 8, 1, dtype=torch.uint8),
    ):
        network = made(flip="tested")
        network.fit_preparation(0, {"image:x": pixels}, torch.arange(9) % 2, torch.ones(9), torch.arange(9))
        network.initialise([0])
        assert bool(network.predict({"image:x": pixels}).isfinite().all())


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
def test_a_missing_picture_is_the_mean_picture(encoder):
    """Its features are those of a picture that is at the mean everywhere, which no uint8 can be."""
    network, _ = trained([0], [torch.arange(32)], epochs=1, encoder=encoder)
    part = encoder_of(network)
    network.layout.bind(network.flat.detach())
    missing = part(torch.zeros(1, 1, 8, 8, 1, dtype=torch.uint8), PREDICT)
    torch.testing.assert_close(missing, part.body(torch.zeros(1, 1, 8, 8, 1), PREDICT))


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
@pytest.mark.parametrize("more", [{}, ALL, {"flip": "tested", "mixup": 0.3, "mix": "cut"}], ids=str)
def test_members_learn_beside_each_other_what_they_learn_alone(encoder, more):
    """With rows of different number, so that last batches are masked and one member ends its epochs first."""
    seeds = [3, 4, 5]
    rows = [torch.arange(40), torch.arange(8, 45), torch.arange(30)]
    together, given = trained(seeds, rows, encoder=encoder, **more)
    for place, (seed, each) in enumerate(zip(seeds, rows, strict=True)):
        alone, _ = trained([seed], [each], encoder=encoder, **more)
        found = together.predict(given.raw)[place]
        torch.testing.assert_close(found, alone.predict(given.raw)[0], atol=2e-3, rtol=0)
        torch.testing.assert_close(encoder_of(together).mean[place], encoder_of(alone).mean[0])


def test_nothing_is_changed_in_prediction():
    network, given = trained([0], [torch.arange(32)], **ALL)
    x = given.raw["image:x"][None, :20]
    network.layout.bind(network.flat.detach())
    part = encoder_of(network)
    found = part(x, PREDICT)
    scaled = (x.float() - part.mean[:, None, None, None]) / part.deviation[:, None, None, None]
    torch.testing.assert_close(found, part.body(scaled, PREDICT))
    learnt = part(x, Mode(True, [torch.Generator().manual_seed(0)]))
    assert not torch.allclose(found, learnt)


def test_predictions_of_both_sides_do_not_know_left_from_right():
    network, given = trained([0], [torch.arange(32)], flip="horizontal", both_sides=True)
    x = given.raw["image:x"]
    torch.testing.assert_close(network.predict({"image:x": x}), network.predict({"image:x": x.flip(2)}))
    encoder_of(network).flips.zero_()
    one, other = network.predict({"image:x": x}), network.predict({"image:x": x.flip(2)})
    assert not torch.allclose(one, other)


def test_pixels_are_blended():
    network, given = trained([0], [torch.arange(32)])
    network.layout.bind(network.flat.detach())
    part, x = encoder_of(network), given.raw["image:x"][None, :2]
    mix = Mix(torch.tensor([[1, 0]]), torch.tensor([0.25]))
    found = part(x, Mode(mix=mix))
    blended = 0.25 * x.float() + 0.75 * x.flip(1).float()
    scaled = (blended - part.mean[:, None, None, None]) / part.deviation[:, None, None, None]
    torch.testing.assert_close(found, part.body(scaled, PREDICT))


def test_what_the_report_shows():
    network, given = trained([0], [torch.arange(32)], **ALL)
    x = given.raw["image:x"][:9]
    found = augmented(encoder_of(network), x, seed=1)
    assert (found.dtype, found.shape) == (torch.uint8, x.shape)
    assert torch.equal(found, augmented(encoder_of(network), x, seed=1))
    assert not torch.equal(found, augmented(encoder_of(network), x, seed=2))
    still, _ = trained([0], [torch.arange(32)], epochs=1)
    assert torch.equal(augmented(encoder_of(still), x, seed=1), x)


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
def test_gradients_are_those_of_finite_differences(encoder):
    network, given = trained([0], [torch.arange(16)], epochs=1, classes=3, encoder=encoder)
    network = network.double()
    encoder_of(network).one = encoder_of(network).one.double()
    raw = {"image:x": given.raw["image:x"][None, :6]}
    target, mode = given.target[None, :6] % 3, Mode(training=True)
    gradient = network.step(raw, target, None, mode).gradient[0]
    assert bool((gradient != 0).double().mean() > 0.5)
    random = torch.Generator().manual_seed(0)
    start, distance = network.flat.detach().clone(), 1e-6
    for _ in range(5):
        way = torch.randn(start.shape, generator=random, dtype=torch.float64)
        losses = []
        for sign in (1, -1):
            network.flat.data.copy_(start + sign * distance * way)
            with torch.no_grad():
                losses.append(float(network.losses(network(raw, mode), target)[0]))
        slope = (losses[0] - losses[1]) / (2 * distance)
        assert slope == pytest.approx(float(gradient @ way[0]), rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
def test_every_parameter_has_a_gradient(encoder):
    network, given = trained([0], [torch.arange(32)], epochs=1, classes=3, encoder=encoder, size=8)
    raw = {"image:x": given.raw["image:x"][None]}
    gradient = network.step(raw, given.target[None], None, Mode(training=True)).gradient[0]
    for place in network.layout.places:
        part = gradient[place.start : place.start + place.declared.size]
        assert float(part.abs().max()) > 0, place.name


@pytest.mark.parametrize("encoder", ["cnn", "resnet", "vit"])
def test_32_pictures_are_learnt_by_heart(encoder):
    """Pictures of noise, with classes that have nothing to do with them."""
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.integers(0, 256, (32, 8, 8, 1), dtype=np.uint8))
    y = torch.from_numpy(random.integers(0, 3, 32))
    network = made(classes=3, encoder=encoder, size=8)
    config = TrainingConfig(
        epochs=40, batch_size=16, learning_rate=3e-3, patience=None, label_smoothing=0.0, warmup=0.1
    )
    rows = torch.arange(32)
    member = Member.of(config.model_copy(update={"weight_decay": 0.0}), rows, rows[:0], 0)
    Population(network, Dataset({"image:x": x}, y, torch.ones(32)), [member], config).fit()
    assert torch.equal(network.predict({"image:x": x})[0].argmax(1), y)


def test_a_place_that_tells_the_class_is_found():
    network, _ = trained([0], [torch.arange(300)], epochs=4, classes=3, size=8)
    judged = data(200, classes=3, seed=1)
    found = network.predict(judged.raw)[0].argmax(1)
    assert float((found == judged.target).double().mean()) > 0.95
