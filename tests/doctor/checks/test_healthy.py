"""Checks of structure have nothing to say of networks as they are built every day."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from netwright import NetClassifier, NetRegressor, Sequential, layers
from netwright.doctor.case import untouched
from netwright.doctor.checks.head import wrong_head
from netwright.doctor.checks.mixing import mixed_rows
from netwright.doctor.checks.modes import modes_after, modes_before
from netwright.doctor.checks.nonlinearity import missing_nonlinearity
from netwright.doctor.checks.padding import padding
from netwright.doctor.checks.untrained import untrained_before

CHECKS = (wrong_head, mixed_rows, missing_nonlinearity, modes_before, untrained_before, padding)
GROUPS = 6
NOTES = {
    "inverted residuals": ["missing_nonlinearity"],
    "autoencoder": ["missing_nonlinearity"],
    "frozen backbone": ["untrained_layer"],
}


def said(case):
    with untouched():
        return [each for check in CHECKS for each in check(case)]


@pytest.mark.parametrize("group", range(GROUPS))
def test_modules_of_pytorch(zoo, group):
    assert len(zoo.HEALTHY) > 30
    for name, make in list(zoo.HEALTHY.items())[group::GROUPS]:
        torch.manual_seed(0)
        found = said(zoo.case_for(*make()))
        assert all(each.severity == "note" for each in found), (name, found)
        assert [each.id for each in found] == NOTES.get(name, []), name


def test_layers_by_hand(zoo):
    x, codes, classes = zoo.rows(6).numpy(), zoo.codes().numpy(), "sparse_categorical_crossentropy"
    pictures = zoo.rows(8, 8, 1).numpy()
    networks = [
        (x, codes, classes, [layers.Dense(16, "relu"), layers.Dense(3, "softmax")]),
        (x, zoo.rows(1).numpy(), "mse", [layers.Dense(16, "tanh"), layers.Dense(1)]),
        (
            x,
            codes,
            classes,
            [
                *(layers.Dense(16), layers.BatchNormalization(), layers.Activation("relu")),
                *(layers.Dropout(0.3), layers.Dense(3, "softmax")),
            ],
        ),
        (
            pictures,
            codes,
            classes,
            [
                *(layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(2)),
                *(layers.SeparableConv2D(8, 2, activation="relu"), layers.GlobalAveragePooling2D()),
                layers.Dense(3, "softmax"),
            ],
        ),
        (
            zoo.tokens().numpy(),
            codes,
            classes,
            [layers.Embedding(40, 8), layers.Bidirectional(layers.LSTM(6)), layers.Dense(3, "softmax")],
        ),
    ]
    for x, y, loss, parts in networks:
        grab = zoo.Grab()
        model = Sequential(parts)
        model.compile(optimizer="adam", loss=loss)
        model.fit(x, y, epochs=1, verbose=0, callbacks=[grab])
        assert said(grab.before) == []


@pytest.mark.parametrize("kind", ["mlp", "residual", "tabm"])
def test_networks_for_tables(zoo, kind):
    random = np.random.default_rng(0)
    x = random.normal(size=(150, 5))
    for estimator, y in (
        (NetClassifier, x[:, 0] > 0),
        (NetClassifier, random.choice(list("abc"), 150)),
        (NetRegressor, random.integers(0, 5, 150)),  # ratings, which look like codes
    ):
        grab = zoo.Grab()
        estimator(network=kind, epochs=1, callbacks=[grab], random_state=0).fit(x, y)
        assert said(grab.before) == []
        assert list(modes_after(grab.before, None)) == []
