from __future__ import annotations

import torch

from netwright.layers import Dense


def test_dense_equals_torch(run, normal, close):
    layer = run(Dense(4, "relu"), (3, 5))
    x = normal(1, 7, 3, 5).requires_grad_()
    y = layer(x)
    reference = torch.nn.Linear(5, 4).double()
    weights = layer.weights()
    reference.load_state_dict({"weight": weights["kernel"].T, "bias": weights["bias"]})
    expected = torch.relu(reference(x[0]))
    close(y[0], expected)
    flat, given = layer.gradients(y, x)
    loss = (expected * normal(*expected.shape, seed=98)).sum()
    wanted = torch.autograd.grad(loss, [reference.weight, reference.bias, x])
    close(flat[0], torch.cat([wanted[0].T.reshape(-1), wanted[1]]))
    close(given, wanted[2])


def test_members_of_dense(alike, normal):
    alike(lambda: Dense(4, "tanh"), normal(3, 6, 5))
