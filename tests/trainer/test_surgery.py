from __future__ import annotations

import copy

import torch
from torch import nn

from netwright.trainer import surgery

X = torch.randn(7, 4, generator=torch.Generator().manual_seed(0))


class Odd(nn.Module):
    def forward(self, x):
        return x * 2


def net(*parts: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Sequential(nn.Linear(5, 3), nn.ReLU()), *parts)


def kinds(module: nn.Module) -> list[str]:
    return [type(part).__name__ for part in module.modules() if not list(part.children())]


def test_standardised_inputs_have_mean_0_and_deviation_1_and_gaps_are_the_mean():
    x = X * 100 + 7
    x[:, 3] = 2.0  # which never varies
    mean, deviation = surgery.scale_of(x)
    made = surgery.Standardised(nn.Identity(), mean, deviation)(x)
    torch.testing.assert_close(made.mean(0), torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(made.std(0, correction=0)[:3], torch.ones(3))
    x[2, 1] = torch.nan
    assert surgery.Standardised(nn.Identity(), mean, deviation)(x)[2, 1] == 0
    assert torch.isfinite(torch.stack(surgery.scale_of(x))).all()


def test_pictures_have_one_scale():
    mean, deviation = surgery.scale_of(torch.rand(5, 1, 4, 4) * 255)
    assert mean.shape == deviation.shape == ()


def test_rescaled_and_without_columns():
    made = surgery.Rescaled(nn.Identity(), torch.tensor([10.0]), torch.tensor([2.0]))
    assert made(torch.tensor([[3.0]])).item() == 16
    kept = surgery.Without(nn.Identity(), torch.tensor([1.0, 0, 1, 1]))(X)
    assert (kept[:, 1] == 0).all()
    assert torch.equal(kept[:, 2:], X[:, 2:])


def test_hidden_activations_change_and_the_last_one_stays():
    module = net(nn.Linear(3, 2), nn.Sigmoid())
    made = surgery.hidden_activations(module, surgery.SQUASHING, nn.GELU)
    assert made is not None
    assert kinds(made) == ["Linear", "GELU", "Linear", "ReLU", "Linear", "Sigmoid"]
    assert kinds(module)[1] == "Sigmoid"  # the user's own stays
    assert surgery.replaced(nn.Linear(1, 1), surgery.SQUASHING, lambda _: nn.GELU()) is None


def test_activations_at_the_end_go():
    made = surgery.without_end(net(nn.Linear(3, 2), nn.ReLU(), nn.Softmax(1)))
    assert made is not None
    assert kinds(made) == ["Linear", "Sigmoid", "Linear", "ReLU", "Linear"]
    inner = surgery.without_end(nn.Sequential(nn.Linear(4, 2), nn.Sequential(nn.Softmax(1))))
    assert inner is not None
    assert torch.equal(inner(X), inner[0](X))
    assert surgery.without_end(nn.Linear(4, 2)) is None
    assert surgery.without_end(net(nn.Linear(3, 2))) is None


def test_a_new_start_is_drawn_and_what_is_frozen_stays():
    module = net(nn.Linear(3, 2))
    with torch.no_grad():
        for each in module.parameters():
            each.zero_()
    module[3].requires_grad_(False)
    before = torch.get_rng_state()
    made = surgery.restarted(module, 3)
    assert torch.equal(torch.get_rng_state(), before)
    assert made[0].weight.std() > 0.1
    assert (made[3].weight == 0).all()
    assert all((each == 0).all() for each in module.parameters())
    assert torch.equal(surgery.restarted(module, 3)[0].weight, made[0].weight)
    assert not torch.equal(surgery.restarted(module, 4)[0].weight, made[0].weight)


def test_what_is_put_between_layers():
    straight = nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 2))
    made = surgery.with_activations(straight)
    assert made is not None
    assert kinds(made) == ["Linear", "ReLU", "Linear"]
    assert surgery.with_activations(made) is None
    normed = surgery.with_norms(net(nn.Linear(3, 2)))
    assert normed is not None
    assert kinds(normed) == ["Linear", "LayerNorm", "Sigmoid", "Linear", "LayerNorm", "ReLU", "Linear"]
    assert normed(X).shape == (7, 2)
    dropped = surgery.add_dropout(made, 0.3)
    assert dropped is not None
    assert kinds(dropped) == ["Linear", "ReLU", "Dropout", "Linear"]
    assert surgery.add_dropout(dropped, 0.3) is None


def test_dropout_and_frozen_parameters():
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.9), nn.Dropout(0.1))
    made = surgery.with_dropout(module, 0.2)
    assert made is not None
    assert (made[1].p, made[2].p, module[1].p) == (0.2, 0.1, 0.9)
    assert surgery.with_dropout(made, 0.2) is None
    first = surgery.with_dropout(nn.Sequential(nn.Dropout(0.1), module), 0.2)
    assert first is not None
    assert (first[0].p, first[1][1].p) == (0.0, 0.2)  # what is dropped of the inputs is lost
    module[0].weight.requires_grad_(False)
    free = surgery.unfrozen(module)
    assert free is not None
    assert free[0].weight.requires_grad
    assert not module[0].weight.requires_grad
    assert surgery.unfrozen(free) is None


def test_parts_of_the_users_own_that_could_be_left_out():
    module = nn.Sequential(nn.Linear(4, 4), Odd(), nn.ReLU(), nn.Sequential(Odd()), nn.Linear(4, 2)).train()
    state = copy.deepcopy(module.state_dict())
    assert surgery.plain_parts(module, X) == ["1", "3.0"]
    assert module.training
    assert all(torch.equal(state[name], each) for name, each in module.state_dict().items())
    assert surgery.plain_parts(nn.Linear(4, 2), X) == []


def test_wider_layers_fit_each_other_also_after_pictures_are_made_flat():
    chain = nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.ReLU()),
        nn.Flatten(),
        nn.Linear(2 * 16, 3),
        nn.LayerNorm(3),
        nn.ReLU(),
        Odd(),
        nn.Linear(3, 5),
    )
    x = torch.randn(6, 1, 4, 4)
    made = surgery.wider(chain, 4, 10, 1)
    assert made is not None
    assert made(x).shape == (6, 5)
    shapes = [tuple(each.shape) for each in made.parameters()]
    assert shapes == [(10, 1, 3, 3), (10,), (10,), (12, 160), (12,), (12,), (12,), (5, 12), (5,)]
    assert chain(x).shape == (6, 5)  # the user's own stays
    again = surgery.wider(chain, 4, 10, 1)
    assert again is not None
    assert torch.equal(made(x), again(x))
    assert surgery.wider(nn.Sequential(nn.Linear(4, 2)), 4, 10, 1) is None  # nothing is hidden
    assert surgery.wider(nn.Sequential(nn.Embedding(4, 2), nn.Linear(2, 2), nn.Linear(2, 1)), 4, 8, 1) is None


def test_a_head_gets_more_outputs():
    made = surgery.with_outputs(nn.Sequential(net(), nn.Linear(3, 1), nn.Sigmoid()), 7, 0)
    assert made is not None
    assert made(X).shape == (7, 7)
    assert made(X).min() < 0
    assert surgery.with_outputs(nn.Sequential(nn.Linear(4, 3), Odd()), 7, 0) is None


def test_activations_come_where_nothing_bends_between_affine_layers():
    chain = nn.Sequential(
        nn.Sequential(nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Identity()),
        nn.Flatten(),
        nn.Linear(4, 3),
        nn.Dropout(0.5),
        nn.Linear(3, 3),
        nn.MaxPool1d(2),
        nn.Linear(1, 2),
    )
    made = surgery.with_activations(chain)
    assert made is not None
    assert kinds(made) == [
        *("Conv1d", "BatchNorm1d", "ReLU", "Identity", "Flatten"),
        *("Linear", "ReLU", "Dropout", "Linear", "MaxPool1d", "Linear"),
    ]
    assert surgery.with_activations(net()) is None
