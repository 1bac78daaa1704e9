from __future__ import annotations

import pytest
import torch

from netwright.errors import InputError
from netwright.layers.trunk import LayersTrunk
from netwright.nn.member import PREDICT, Layout


def test_layers_compute_one_after_another():
    trunk = LayersTrunk([{"Dense": {"units": 4, "activation": "relu"}}, {"Dense": 3}], inputs=5, members=2)
    layout = Layout(trunk)
    flat = torch.stack([layout.draw(seed) for seed in (1, 2)])
    layout.bind(flat)
    x = torch.randn(2, 7, 5, generator=torch.Generator().manual_seed(0))
    given = trunk(x, PREDICT)
    assert given.shape == (2, 1, 7, 3)
    assert (trunk.width, trunk.heads) == (3, 1)
    for member in range(2):
        values = dict(
            zip([place.name for place in layout.places], flat[member].split(layout.sizes), strict=True)
        )
        hidden = (x[member] @ values["layers.0.kernel"].view(5, 4) + values["layers.0.bias"]).relu()
        expected = hidden @ values["layers.1.kernel"].view(4, 3) + values["layers.1.bias"]
        torch.testing.assert_close(given[member, 0], expected, rtol=1e-5, atol=1e-6)


def test_inner_layers_and_pictures_of_features_fit_in():
    specs = [
        {
            "Residual": {
                "layers": [{"Dense": {"units": 8, "activation": "gelu"}}, {"class": "Dense", "units": 6}]
            }
        },
        {"Reshape": {"target_shape": [3, 2]}},
        {"Conv1D": {"filters": 4, "kernel_size": 2}},
        "Flatten",
    ]
    assert LayersTrunk(specs, inputs=6, members=1).width == 8


def test_describing_names_each_layer_with_its_size():
    trunk = LayersTrunk([{"Dense": {"units": 4, "use_bias": False}}, {"Dropout": 0.2}], inputs=5, members=3)
    assert trunk.describe() == [
        "Dense(units=4, use_bias=False) gives 4, 20 parameters",
        "Dropout(rate=0.2) gives 4, 0 parameters",
    ]


@pytest.mark.parametrize(
    ("specs", "place", "said"),
    [
        ([{"Dense": 4}, "Flatten", {"Dens": 3}], 2, "did you mean 'Dense'"),
        ([{"Dense": 4}, {"Dense": {"unit": 3}}], 1, "did you mean 'units'"),
        ([{"Dense": 4}, {"Dense": {"units": 3, "activation": "rlu"}}], 1, "did you mean 'relu'"),
        ([{"Dense": 4}, {"Dense": 0}], 1, "units is 0"),
        ([{"Dropout": 2}], 0, "rate is 2"),
        ([{"Conv1D": {"filters": 2, "kernel_size": 2}}], 0, "shape"),
        ([{"Dense": 4}, "Add"], 1, "joins several inputs"),
        ([{"Embedding": {"input_dim": 4, "output_dim": 2}}], 0, "takes codes"),
        ([{"Dense": 4}, {"Dense": {"units": 3, "activation": "softmax"}}], 1, "softmax"),
        ([{"Dense": 4}, "Softmax"], 1, "softmax"),
        ([{"Reshape": {"target_shape": [5, 1]}}, {"Dense": 3}], 1, "end with Flatten"),
        ([{"Dense": 4, "Dropout": 0.2}], 0, "several layers"),
    ],
)
def test_errors_name_the_layer(specs, place, said):
    with pytest.raises(InputError, match=said) as caught:
        LayersTrunk(specs, inputs=5, members=1)
    assert caught.value.where == f"network.layers[{place}]"
