"""How the numbers of rows flow through a network: from what a trace wrote down to what leads where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError
from netwright.doctor.trace import AFFINE, CUTS, DROPOUTS, SAME, Call, Trace
from netwright.nn.foreign import ForeignNetwork

ROWS = (61, 59, 53, 47, 43, 41, 37, 31, 29, 23, 19, 17, 13, 11)
LARGE = 800_000  # numbers of all rows; of large pictures fewer go through
ONE_BY_ONE = {
    *("add", "sub", "mul", "div", "true_divide", "__add__", "__radd__", "__sub__", "__rsub__", "__mul__"),
    *("__rmul__", "__truediv__", "__iadd__", "__isub__", "__imul__", "__itruediv__", "neg", "lerp"),
}
"""operations that are linear where only one of their arguments comes from the rows"""
PASSES = SAME | CUTS | DROPOUTS | {"batch_norm", "roll", "flip", "pad"}
"""operations that are linear in evaluation mode, and do not mix features"""


@dataclass
class Flow:
    """A traced forward pass on a number of rows that no axis of the network has.

    Arguments:
        trace: in evaluation mode.
        rows: what went through, `count` of them.
        count: a prime number, by which tensors that hold rows are known.
    """

    trace: Trace
    rows: Rows
    count: int

    def __post_init__(self) -> None:
        self.users: dict[int, set[int]] = {}
        for number, call in enumerate(self.trace.calls):
            for given in call.given:
                self.users.setdefault(given, set()).add(number)

    def holds_rows(self, tensor: Tensor) -> bool:
        return any(size and size % self.count == 0 for size in tensor.shape)

    def data(self, call: Call) -> list[int]:
        """The places of the arguments that come from the rows."""
        return [place for place, each in enumerate(call.inputs) if self.holds_rows(each)]

    def is_affine(self, call: Call) -> bool:
        """Whether it is a learnt linear map of one argument."""
        return call.name in AFFINE and call.learnt and len(self.data(call)) == 1

    def is_passed(self, call: Call) -> bool:
        """Whether it hands on its one argument, scaled and shifted at most."""
        if len(self.data(call)) != 1:
            return False
        return call.name in PASSES or call.name in ONE_BY_ONE

    def before(self, call: Call) -> int:
        """The number of the call that gave what it takes of the rows; -1 where that is the input."""
        places = self.data(call)
        return call.given[places[0]] if places else -1

    def number_of(self, tensor: Tensor) -> int:
        """The number of the last call that gave this very tensor; -1 where none did."""
        numbers = [n for n, call in enumerate(self.trace.calls) if call.output is tensor]
        return numbers[-1] if numbers else -1

    def reaching(self, number: int) -> list[int]:
        """The numbers of all calls with rows that a call depends on, and its own."""
        found, open_ = set(), [number]
        while open_:
            each = open_.pop()
            if each < 0 or each in found or not self.holds_rows(self.trace.calls[each].output):
                continue
            found.add(each)
            open_ += self.trace.calls[each].given
        return sorted(found)


def output_of(trace: Trace) -> Tensor:
    """The one tensor that the network gave in a trace; see `single`."""
    return single(trace.output)


def single(output: Any) -> Tensor:
    """The one tensor that a network gave.

    Raises:
        CannotTellError: there are several.
    """
    while isinstance(output, list | tuple) and len(output) == 1:
        output = output[0]
    if not isinstance(output, Tensor):
        raise CannotTellError("the network has several outputs")
    return output


def row_axis(tensor: Tensor, count: int) -> int:
    """The axis of the rows.

    Raises:
        CannotTellError: none has that length, or several have.
    """
    if list(tensor.shape).count(count) != 1:
        raise CannotTellError("the outputs do not lie row by row")
    return list(tensor.shape).index(count)


def flow_of(case: Case) -> Flow:
    """The flow of some training rows through the network as it is. Made once for each case.

    Raises:
        CannotTellError: the training rows are not known.
    """
    if "flow" not in case.notes:
        count = row_count(case)
        rows = cycled(_train(case), count)
        with torch.no_grad():
            case.notes["flow"] = Flow(case.trace(rows), rows, count)
    return case.notes["flow"]


def row_count(case: Case) -> int:
    """A prime number that divides no length in network and rows."""
    train = _train(case)
    tensors = [*train.raw.values(), *_tensors(train.target)]
    sizes = {size for each in tensors for size in each.shape[1:]}
    for module in modules_of(case):
        for each in [*module.parameters(), *module.buffers()]:
            sizes |= set(each.shape)
    sizes |= {size for place in case.network.layout.places for size in place.declared.shape}
    numbers = sum(each[0].numel() for each in train.raw.values())
    most = max(ROWS[-2], LARGE // max(1, numbers))
    free = [prime for prime in ROWS if prime <= most and not any(size % prime == 0 for size in sizes if size)]
    if not free:
        raise CannotTellError("the axis of the rows cannot be told from the others")
    return free[0]


def modules_of(case: Case) -> list[nn.Module]:
    """The modules of PyTorch that the network stands for, or the network itself."""
    return list(getattr(case.network, "owned", [case.network]))


def normalises(case: Case) -> bool:
    """Whether there is batch normalisation."""
    names = [type(part).__name__ for own in modules_of(case) for part in own.modules()]
    return any("BatchNorm" in name for name in names)


def stuck_in(case: Case, *, training: bool) -> list[str]:
    """Names of dropout and batch normalisation of PyTorch that are in this mode when told the other one."""
    network = case.twin()
    if not isinstance(network, ForeignNetwork):
        return []
    module = network.owned[0]
    module.train(training)
    module.train(not training)
    return [name for name, part in module.named_modules() if part.training == training and _acts(part)]


def _acts(part: nn.Module) -> bool:
    """Whether it does something else while training."""
    if isinstance(part, nn.modules.dropout._DropoutNd):
        return part.p > 0
    return isinstance(part, nn.modules.batchnorm._BatchNorm) and part.track_running_stats


def cycled(rows: Rows, count: int, start: int = 0) -> Rows:
    """So many rows, evenly spaced; from the first on again where there are too few."""
    step = max(1, len(rows) // count)
    return rows.at((start + step * torch.arange(count)) % len(rows))


def spoken(call: Call) -> str:
    """What a user calls the place of an operation."""
    layer = _short(call.layer)
    return f"{call.name} in {layer}" if layer and layer != call.name else call.name


def listed(names: list[str]) -> str:
    """The first three names, and how many there are beside."""
    shown = ", ".join(_short(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _short(name: str) -> str:
    return name.removeprefix("graph.layers.")


def _train(case: Case) -> Rows:
    if case.train is None or not len(case.train):
        raise CannotTellError("the training rows come from a loader")
    return case.train


def _tensors(target: object) -> list[Tensor]:
    if isinstance(target, dict):
        return list(target.values())
    return [target] if isinstance(target, Tensor) else []
