"""Modules of PyTorch behind the engine's interface: their parameters become views of one flat tensor."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn

from netwright.errors import InputError
from netwright.nn.member import PREDICT, Declared, Layout, Mode, Place
from netwright.nn.trainable import Purpose, Step, Trainable

Style = Literal["one", "several", "named"]
"""How a module takes its inputs: module(x), module(*x) or module(**x)"""


class Goal(Protocol):
    """What a module is trained for. It sees the outputs of one module [B, ...], as it gave them."""

    def loss(self, output: Any, target: Any, weight: Tensor | None) -> Tensor:
        """The mean loss, one number; `weight` of the rows is [B]."""
        ...

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        """Loss and metrics of each row. Each [B] or [B, S]"""
        ...

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        """Their values from their means over rows. Each [M]"""
        ...

    def purpose(self) -> Purpose:
        """What the loss asks for."""
        ...

    def answers(self, output: Any) -> Tensor:
        """Probabilities or numbers, classes on the last axis. [B, ..., C]"""
        ...


class Outputs(list[Any]):
    """What each module gave, M of them."""


class ForeignNetwork(Trainable):
    """M modules of PyTorch that an engine can train, one after another in each step.

    The modules stay their owner's: parameters (`data`) and gradients become views of flat tensors and nothing
    else changes. Tied parameters are there once, frozen ones (`requires_grad=False`) stay as they are.

    Arguments:
        modules: M modules of one shape.
        goal: what they are trained for.

    Attributes:
        style: how they take their inputs.
        micro: rows that go through at a time in training; gradients add up. None: all of a batch.
        watched: whether outputs are kept for metrics of training batches.

    Raises:
        InputError: nothing to train, or parameters of several types, devices or shapes.
    """

    goal: Goal

    def __init__(self, modules: Sequence[nn.Module], goal: Goal | None = None) -> None:
        super().__init__(len(modules))
        self.owned = list(modules)  # in a list, so that they are no submodules of this one
        self.style: Style = "one"
        self.micro: int | None = None
        self.watched = False
        self.called = False
        if goal is not None:
            self.goal = goal
        named = [_trainable(module) for module in modules]
        shapes = [[(name, each.shape) for name, each in own.items()] for own in named]
        if any(each != shapes[0] for each in shapes):
            raise InputError("modules that train together must have parameters of the same names and shapes")
        self.parameters_of = [list(own.values()) for own in named]  # M lists
        self.layout = ForeignLayout(modules[0], named[0])
        rows = [torch.cat([each.detach().reshape(-1) for each in own]) for own in self.parameters_of]
        self.flat = nn.Parameter(torch.stack(rows))
        self.gradient = torch.zeros_like(self.flat.detach())
        with torch.no_grad():
            for own, row in zip(self.parameters_of, self.flat.detach(), strict=True):
                for each, part in zip(own, self._parts(row, own), strict=True):
                    each.data = part
        self.stacked = self._stack_buffers() if self.members > 1 else []

    def _parts(self, row: Tensor, own: list[nn.Parameter]) -> list[Tensor]:
        """Views of a row [P], of the parameters' shapes."""
        pieces = row.split(self.layout.sizes)
        return [piece.view(each.shape) for piece, each in zip(pieces, own, strict=True)]

    def _stack_buffers(self) -> list[Tensor]:
        """The buffers of all modules become views of stacks [M, ...], so that they can be kept together."""
        stacks = []
        for group in zip(*[module.buffers() for module in self.owned], strict=True):
            stack = torch.stack(list(group))
            for buffer, part in zip(group, stack, strict=True):
                buffer.data = part
            stacks.append(stack)
        return stacks

    def attach(self) -> None:
        """Before a training: gradients are gathered in the flat gradient."""
        for own, row in zip(self.parameters_of, self.gradient, strict=True):
            for each, part in zip(own, self._parts(row, own), strict=True):
                each.grad = part

    def detach(self) -> None:
        """After a training: the modules have no gradients, as before one."""
        for own in self.parameters_of:
            for each in own:
                each.grad = None

    def attached(self) -> bool:
        """Whether the modules' parameters still lie here, and are still those that train."""
        for module, own, row in zip(self.owned, self.parameters_of, self.flat.detach(), strict=True):
            now = [each for each in module.parameters() if each.requires_grad]
            if len(now) != len(own) or any(mine is not other for mine, other in zip(now, own, strict=True)):
                return False
            if any(
                each.data_ptr() != part.data_ptr()
                for each, part in zip(own, self._parts(row, own), strict=True)
            ):
                return False
        return True

    def forward(self, raw: dict[str, Tensor], mode: Mode = PREDICT) -> Outputs:
        """What each module gives for raw tensors [M, B, ...]."""
        return Outputs(
            self.call(member, _row(raw, member), training=mode.training) for member in range(self.members)
        )

    def call(self, member: int, raw: dict[str, Tensor], *, training: bool) -> Any:
        """One module on raw tensors [B, ...]."""
        module = self.owned[member]
        if module.training != training:
            module.train(training)
        try:
            if self.style == "one":
                output = module(next(iter(raw.values())))
            elif self.style == "several":
                output = module(*raw.values())
            else:
                output = module(**raw)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, ValueError, IndexError) as error:
            if self.called:  # shapes that fitted once are not what is wrong
                raise
            shapes = ", ".join(f"{name} {tuple(each.shape)} {each.dtype}" for name, each in raw.items())
            what = f"the module {type(module).__name__} cannot compute on its inputs: {_first_line(error)}"
            whole = any(not each.is_floating_point() for each in raw.values())
            raise InputError(
                what,
                where=shapes.replace("torch.", ""),
                hint="whole numbers stay whole: give x.float() where the module wants floating ones"
                if whole
                else None,
            ) from error
        self.called = True
        return output

    def step(
        self,
        raw: dict[str, Tensor],
        target: Any,
        weight: Tensor | None,
        mode: Mode,
        smoothing: Tensor | None = None,
    ) -> Step:
        self.gradient.zero_()
        losses, outputs = [], []
        for member in range(self.members):
            # Modules know no masks: they never see the rows that fill up a ragged batch, which stand last.
            count = None if mode.rows is None else int(mode.rows[member].sum())
            own = slice(0, count)
            weights = None if weight is None else weight[member][own]
            loss, output = self._back(member, _row(raw, member, own), _row(target, member, own), weights)
            losses.append(loss)
            outputs.append(output)
        kept: Any = None
        if self.watched:
            size = _any(target).shape[1]
            kept = _stacked([_filled(output, size) for output in outputs])
        return Step(torch.stack(losses), self.gradient, kept)

    @torch.enable_grad()
    def _back(
        self, member: int, raw: dict[str, Tensor], target: Any, weight: Tensor | None
    ) -> tuple[Tensor, Any]:
        """Loss of one module and its outputs; its gradient has been added up."""
        rows = len(_any(raw))
        size = max(1, min(self.micro or rows, rows))
        total, outputs = None, []
        for start in range(0, rows, size):
            part = slice(start, start + size)
            output = self.call(member, _cut(raw, part), training=True)
            weights = None if weight is None else weight[part]
            loss = self.goal.loss(output, _cut(target, part), weights)
            if size < rows:  # a mean over parts, each as heavy as its rows
                share = min(size, rows - start) / rows
                if weight is not None and weights is not None:
                    share = weights.sum() / weight.sum().clamp(min=1e-12)
                loss = loss * share
            loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
            if self.watched:
                outputs.append(_map(output, Tensor.detach))
        if total is None:
            total = self.flat.new_zeros(())
        return total.float(), _joined(outputs) if outputs else None

    def losses(
        self, output: Any, target: Any, weight: Tensor | None = None, smoothing: Tensor | None = None
    ) -> Tensor:
        return torch.stack(
            [
                self.goal.loss(_of(output, m), _row(target, m), None if weight is None else weight[m])
                for m in range(self.members)
            ]
        )

    def scores(self, output: Any, target: Any) -> dict[str, Tensor]:
        each = [self.goal.scores(_of(output, m), _row(target, m)) for m in range(self.members)]
        return {name: torch.stack([scores[name] for scores in each]) for name in each[0]}

    def finish(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        return self.goal.finish(means)

    def purpose(self) -> Purpose:
        return self.goal.purpose()

    def answers(self, output: Any) -> Tensor:
        return torch.stack([self.goal.answers(_of(output, m)) for m in range(self.members)])

    def select(self, places: list[int]) -> ForeignNetwork:
        """A network of copies of some of the modules."""
        made = ForeignNetwork([copy.deepcopy(self.owned[place]) for place in places], self.goal)
        made.style, made.micro, made.watched = self.style, self.micro, self.watched
        made.attach()
        return made

    def live(self) -> list[Tensor]:
        return self.stacked or [buffer[None] for buffer in self.owned[0].buffers()]

    def rows_at_a_time(self) -> int:
        return 1024

    def named_values(self) -> dict[str, Tensor]:
        named = [dict(module.state_dict()) for module in self.owned]
        return {name: torch.stack([own[name].detach() for own in named]) for name in named[0]}

    def load_values(self, values: dict[str, Tensor]) -> None:
        for member, module in enumerate(self.owned):
            module.load_state_dict({name: value[member] for name, value in values.items()})


class ForeignLayout(Layout):
    """What lies where in the flat tensor. Matrices are (outputs, everything else), as PyTorch has them.

    Weight decay leaves vectors and single numbers (biases, norms) alone, as everywhere here.
    """

    def __init__(self, module: nn.Module, named: dict[str, nn.Parameter]) -> None:
        self.places, start = [], 0
        for name, each in named.items():
            path, _, attribute = name.rpartition(".")
            shape = tuple(each.shape) if each.dim() <= 2 else (len(each), each[0].numel())
            declared = Declared(shape, _never, decay=each.dim() > 1)
            self.places.append(Place(name, module.get_submodule(path), attribute, declared, start))  # type: ignore[arg-type]
            start += declared.size
        self.sizes = [place.declared.size for place in self.places]
        self.size = start


def _never(*_: Any) -> Any:
    raise AssertionError("modules of PyTorch come with their first values")


def _trainable(module: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that train, each once, by name."""
    named = {name: each for name, each in module.named_parameters() if each.requires_grad}
    where = type(module).__name__
    if not named:
        raise InputError(
            "the module has no parameters that train", where=where, hint="set requires_grad of some to True"
        )
    for what, kinds in (
        ("types", {str(each.dtype).removeprefix("torch.") for each in named.values()}),
        ("devices", {str(each.device) for each in named.values()}),
    ):
        if len(kinds) > 1:
            raise InputError(
                f"the module's parameters are of several {what}: {', '.join(sorted(kinds))}",
                where=where,
                hint="bring them together with module.to(...), or freeze those of one kind",
            )
    return named


# Outputs and targets may be tensors, or lists, tuples and dictionaries of them.


def _map(value: Any, function: Callable[[Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {name: _map(each, function) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_map(each, function) for each in value]
    return value


def _row(value: Any, member: int, part: slice = slice(None)) -> Any:
    """One member's part of [M, B, ...]."""
    return _map(value, lambda each: each[member][part])


def _cut(value: Any, part: slice) -> Any:
    return _map(value, lambda each: each[part])


def _of(output: Any, member: int) -> Any:
    return output[member] if isinstance(output, Outputs) else _row(output, member)


def _any(value: Any) -> Tensor:
    """Some tensor of several."""
    while not isinstance(value, Tensor):
        value = next(iter(value.values() if isinstance(value, dict) else value))
    return value


def _gathered(parts: list[Any], function: Callable[[list[Tensor]], Tensor]) -> Any:
    first = parts[0]
    if isinstance(first, Tensor):
        return function(parts)
    if isinstance(first, dict):
        return {name: _gathered([part[name] for part in parts], function) for name in first}
    if isinstance(first, list | tuple):
        return [_gathered(list(each), function) for each in zip(*parts, strict=True)]
    return first


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else _gathered(parts, torch.cat)


def _stacked(parts: list[Any]) -> Any:
    return _gathered(parts, torch.stack)


def _filled(output: Any, size: int) -> Any:
    """Rows of 0 at the end, which weigh nothing. [B, ...]"""

    def fill(each: Tensor) -> Tensor:
        missing = size - len(each)
        return torch.cat([each, each.new_zeros(missing, *each.shape[1:])]) if missing > 0 else each

    return _map(output, fill)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
