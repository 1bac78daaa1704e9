from __future__ import annotations

import pytest
import torch

from netwright.errors import InputError
from netwright.layers import GRU, LSTM, Bidirectional, Dense, SimpleRNN


def torch_state(weights, torch_suffix: str, prefix: str) -> dict[str, torch.Tensor]:
    bias = weights[f"{prefix}.bias"]
    return {
        f"weight_ih_l0{torch_suffix}": weights[f"{prefix}.kernel"].T,
        f"weight_hh_l0{torch_suffix}": weights[f"{prefix}.recurrent_kernel"].T,
        f"bias_ih_l0{torch_suffix}": bias,
        f"bias_hh_l0{torch_suffix}": torch.zeros_like(bias),
    }


@pytest.mark.parametrize("members", [1, 2])
def test_equals_torch(members, run, normal, close):
    layer = run(Bidirectional(LSTM(5, return_sequences=True)), (7, 3), members)
    assert layer.shape == (7, 10)
    x = normal(members, 4, 7, 3).requires_grad_()
    y = layer(x)
    _, given = layer.gradients(y, x)
    for member in range(members):
        weights = layer.weights(member)
        assert [name.split(".")[0] for name in weights] == ["forward_layer"] * 3 + ["backward_layer"] * 3
        reference = torch.nn.LSTM(3, 5, batch_first=True, bidirectional=True).double()
        reference.load_state_dict(
            torch_state(weights, "", "forward_layer") | torch_state(weights, "_reverse", "backward_layer")
        )
        expected, (last, _) = reference(x[member])
        close(y[member], expected)
        loss = (expected * normal(*expected.shape, seed=98)).sum()
        close(given[member], torch.autograd.grad(loss, x)[0][member])
        ends = run(Bidirectional(LSTM(5)), (7, 3))
        ends.flat = layer.flat[member : member + 1]
        close(ends(x[member : member + 1])[0], torch.cat((last[0], last[1]), -1))


def test_merges(run, normal, close):
    x = normal(1, 2, 6, 3)
    side_by_side = run(Bidirectional(GRU(4)), (6, 3))(x)
    ahead, back = side_by_side.chunk(2, -1)
    for merge, expected in (("sum", ahead + back), ("mul", ahead * back), ("ave", (ahead + back) / 2)):
        layer = run(Bidirectional(GRU(4), merge), (6, 3))
        assert layer.shape == (4,)
        close(layer(x), expected)


def test_members(alike, normal):
    alike(lambda: Bidirectional(SimpleRNN(4, dropout=0.5)), normal(3, 2, 5, 3), training=True)


def test_a_layer_of_its_own_for_the_way_back(run, normal):
    layer = run(Bidirectional(LSTM(4), backward_layer=GRU(2, go_backwards=True)), (6, 3))
    assert layer.shape == (6,)
    assert layer(normal(1, 2, 6, 3)).shape == (1, 2, 6)


def test_frozen(run):
    layer = run(Bidirectional(GRU(2), trainable=False), (6, 3))
    assert {place.declared.rate for place in layer.layout.places} == {0.0}


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Bidirectional(Dense(3)), "no recurrent layer"),  # type: ignore[arg-type]
        (lambda: Bidirectional(LSTM(3), "cancat"), "merge_mode is 'cancat'"),
        (lambda: Bidirectional(LSTM(3), None), "merge_mode is None"),  # type: ignore[arg-type]
        (lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3)), "same direction"),
        (
            lambda: Bidirectional(LSTM(3), backward_layer=LSTM(3, go_backwards=True, return_sequences=True)),
            "return_sequences",
        ),
        (lambda: Bidirectional(LSTM(3), "sum", LSTM(4, go_backwards=True)), "3 and 4 units"),
        (lambda: Bidirectional(LSTM(3)).output_shape((10,)), "takes sequences"),
    ],
)
def test_errors(make, what):
    with pytest.raises(InputError, match=what):
        make()
