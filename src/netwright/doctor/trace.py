"""One forward pass, operation by operation: what the checks of structure and of activations look at.

Every network is looked at in the same way, whoever wrote it: not its layers are read but what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

RELUS = {"relu", "relu6", "threshold"}
SIGMOIDS = {"sigmoid", "tanh", "hardsigmoid", "hardtanh", "softsign"}
ACTIVATIONS = (
    RELUS
    | SIGMOIDS
    | {"leaky_relu", "rrelu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish", "softplus", "hardswish"}
    | {"logsigmoid"}
)
AFFINE = {
    *("linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "bilinear"),
    *("matmul", "bmm", "mm", "baddbmm", "addmm", "einsum", "__matmul__", "__rmatmul__"),
}
SOFTMAXES = {"softmax", "log_softmax"}
DROPOUTS = {"dropout", "alpha_dropout", "feature_alpha_dropout", "dropout1d", "dropout2d", "dropout3d"}
NORMS = {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm"}
SAME = {
    *("view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze", "permute", "transpose", "movedim"),
    *("contiguous", "clone", "detach", "to", "float", "expand", "t", "view_as", "reshape_as", "__get__"),
    *("swapaxes", "adjoint", "type", "type_as"),
}
"""operations that leave the numbers as they are"""
CUTS = SAME | {"split", "chunk", "select", "narrow", "unbind", "__getitem__"}


@dataclass
class Call:
    """One operation.

    Arguments:
        name: of the function, without a final underscore: "relu", "linear", "softmax", ...
        layer: the module that it was computed in, by its name in the network; "" for the network itself.
        given: numbers of the calls that its tensors came from; -1 for inputs, parameters and constants.
        inputs: its tensor arguments, in order.
        output: what it gave.
        settings: its other arguments by name, where they have one; those by place under "args".
        learnt: whether one of its arguments is, or is cut from, a parameter.
    """

    name: str
    layer: str
    given: list[int]
    inputs: list[Tensor]
    output: Tensor
    settings: dict[str, Any]
    learnt: bool


@dataclass
class Trace:
    """The operations of a forward pass in order, and what it gave."""

    calls: list[Call] = field(default_factory=list)
    output: Any = None

    def of(self, names: set[str]) -> list[Call]:
        """The calls with one of these names."""
        return [call for call in self.calls if call.name in names]

    def source(self, call: Call, place: int = 0) -> Call | None:
        """The call that gave an argument, where reshapes are passed over; None for inputs and parameters."""
        number = call.given[place] if place < len(call.given) else -1
        while number >= 0 and self.calls[number].name in SAME:
            number = self.calls[number].given[0] if self.calls[number].given else -1
        return None if number < 0 else self.calls[number]

    def last(self) -> Call | None:
        """The call that gave the output, where reshapes are passed over."""
        if not self.calls:
            return None
        end = self.calls[-1]
        return self.source(end) if end.name in SAME else end


class _Recorder(TorchFunctionMode):
    """Writes down each operation on floating tensors; operations inside of others are left out."""

    def __init__(self, trace: Trace, where: list[str], parameters: set[int]) -> None:
        super().__init__()
        self.trace, self.where, self.parameters = trace, where, parameters
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no id is given twice

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        output = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        name = name if name.endswith("__") else name.removesuffix("_")
        several = output if isinstance(output, tuple | list) else (output,)
        made = [each for each in several if isinstance(each, Tensor)]
        if not made or not made[0].is_floating_point() or name in ("size", "dim"):
            return output
        tensors = [each for each in _flat((*args, *kwargs.values())) if isinstance(each, Tensor)]
        learnt = any(id(each) in self.parameters for each in tensors)
        if learnt and name in CUTS:
            self.parameters.update(id(each) for each in made)
        call = Call(
            name,
            self.where[-1] if self.where else "",
            [self.numbers.get(id(each), -1) for each in tensors],
            tensors,
            made[0],
            {key: each for key, each in kwargs.items() if _is_plain(each)}
            | {"args": [each for each in args if _is_plain(each)]},
            learnt,
        )
        self.numbers.update((id(each), len(self.trace.calls)) for each in made)
        self.kept.append(output)
        self.trace.calls.append(call)
        return output


def _flat(values: Any) -> Iterator[Any]:
    """All values, also those inside of lists and tuples."""
    for each in values:
        if isinstance(each, list | tuple):
            yield from _flat(each)
        else:
            yield each


def _is_plain(value: Any) -> bool:
    return not any(isinstance(each, Tensor) for each in _flat([value]))


@contextmanager
def _named_modules(root: nn.Module, where: list[str]) -> Iterator[None]:
    """While it lasts, `where` ends with the name of the module that is computing."""
    names = {id(each): name for name, each in root.named_modules()}

    def enter(module: nn.Module, _: Any) -> None:
        where.append(names.get(id(module), where[-1] if where else ""))

    def leave(module: nn.Module, _: Any, __: Any) -> None:
        if where:
            where.pop()

    handles = [hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def trace(compute: Callable[[], Any], root: nn.Module) -> Trace:
    """Runs `compute()` and writes down what it does.

    Arguments:
        compute: the forward pass.
        root: the module whose parts give the operations their places.

    Example:
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
        >>> x = torch.zeros(2, 4)
        >>> [(call.name, call.layer) for call in trace(lambda: net(x), net).calls]
        [('linear', '0'), ('relu', '1')]
    """
    found, where = Trace(), []
    parameters = {id(each) for each in root.parameters()}
    with _named_modules(root, where), _Recorder(found, where, parameters):
        found.output = compute()
    return found
