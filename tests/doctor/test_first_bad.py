"""Where the first number that is not finite came up."""

from __future__ import annotations

import pytest
import torch
from tests.doctor.watched import X, trained
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from netwright.doctor.monitor import Monitor
from netwright.errors import NetwrightError


class Layer(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def broken(function, **settings):
    monitor = Monitor()
    net = nn.Sequential(nn.Linear(6, 4), Layer(function), nn.Linear(4, 2))
    with pytest.raises(NetwrightError, match="not a finite number"):
        trained(net, [monitor], **settings)
    return monitor.records[0]


@pytest.mark.parametrize(
    ("function", "where"),
    [
        (lambda x: torch.exp(x * 1e4), "exp in 1"),
        (lambda x: torch.log(torch.relu(x)), "log in 1"),
        (lambda x: torch.relu(x) / torch.relu(x), "in 1"),
    ],
)
def test_the_operation_that_overflows_is_named(function, where):
    torch.manual_seed(0)
    record = broken(function)
    assert record.stopped == "diverged"
    assert record.first_bad == 0
    assert record.first_bad_cause == "forward"
    assert where in record.first_bad_at


def test_a_row_that_is_no_number_is_named():
    torch.manual_seed(0)
    x = torch.from_numpy(X.copy())
    y = torch.from_numpy(X[:, :1].copy())
    x[7, 2] = torch.nan
    monitor = Monitor()
    with pytest.raises(NetwrightError):
        trained(
            nn.Linear(6, 1), [monitor], DataLoader(TensorDataset(x, y), 16), None, loss=nn.MSELoss(), epochs=1
        )
    record = monitor.records[0]
    assert (record.first_bad, record.first_bad_cause) == (0, "inputs")
    assert "row 7" in record.first_bad_at


def test_a_root_of_nothing_is_found_in_the_gradient():
    class Length(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(6, 1)

        def forward(self, x):
            return torch.sqrt(0 * self.line(x) ** 2)

    monitor = Monitor()
    y = X[:, :1]
    with pytest.raises(NetwrightError):
        trained(Length(), [monitor], X, y, loss=nn.MSELoss())
    record = monitor.records[0]
    assert (record.first_bad, record.first_bad_cause) == (0, "gradient")


def test_a_loss_of_zero_probability_is_found_in_the_loss():
    class Zero(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = nn.Linear(6, 2)

        def forward(self, x):
            return torch.softmax(1e6 * self.line(x), -1)

    monitor = Monitor()
    torch.manual_seed(0)

    def loss(output, target):
        return -torch.log(output.gather(1, target[:, None])).mean()

    with pytest.raises(NetwrightError):
        trained(Zero(), [monitor], loss=loss)
    record = monitor.records[0]
    assert record.first_bad == 0
    assert record.first_bad_cause == "loss"
    assert "log in the loss" in record.first_bad_at
