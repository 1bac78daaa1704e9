"""Recurrent layers: SimpleRNN, LSTM and GRU, with Keras's gates, weights and arguments.

With the usual activations LSTM runs in PyTorch's fused kernel, and so does GRU for one member. Other
activations, more members, recurrent dropout and SimpleRNN run in a loop over time that takes all members at
once; for SimpleRNN it is the faster way for one member too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from netwright.errors import InputError
from netwright.layers import fused
from netwright.layers.base import Layer, Shape, at_least, last_axis, share
from netwright.layers.parameters import group, start
from netwright.nn import activations
from netwright.nn import layers as blocks
from netwright.nn.initial import Initial
from netwright.nn.layers import affine
from netwright.nn.member import Mode

Fused = Callable[[Tensor, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]


class Recurrent(Layer):
    """What recurrent layers share. [T, F] to [units], or to [T, units] with return_sequences.

    Weights, G gates side by side: kernel [F, G * units], recurrent_kernel [units, G * units], bias.
    """

    gates: ClassVar[int] = 1
    torch_kernel: ClassVar[Fused | None] = None
    fused_members: ClassVar[int] = 0  # up to which number of members it is faster than the loop

    kernel: Tensor
    recurrent_kernel: Tensor
    bias: Tensor

    def __init__(
        self,
        units: int,
        activation: Any,
        recurrent_activation: Any,
        use_bias: bool,
        initializers: tuple[Any, Any, Any],
        regularizers: tuple[Any, Any, Any],
        constraints: tuple[Any, Any, Any],
        *,
        dropout: float,
        recurrent_dropout: float,
        return_sequences: bool,
        return_state: bool,
        go_backwards: bool,
        **common: Any,
    ) -> None:
        super().__init__(**common)
        self.units = at_least(units, 1, "units", self)
        self.use_bias = use_bias
        try:
            self.names = (activations.name_of(activation), activations.name_of(recurrent_activation))
            self.activate = activations.get(activation)
            self.recurrent_activate = activations.get(recurrent_activation)
        except InputError as error:
            raise self.wrong(error.what, error.hint) from None
        self.starts = [start(each, self) for each in initializers]
        pairs = zip(regularizers, constraints, strict=True)
        self.groups = [group(self, penalty, constraint) for penalty, constraint in pairs]
        self.dropout = share(dropout, "dropout", self)
        self.recurrent_dropout = share(recurrent_dropout, "recurrent_dropout", self)
        self.return_sequences, self.go_backwards = return_sequences, go_backwards
        if return_state:
            raise self.wrong(
                "return_state=True is not available: a layer has one output here",
                "the last output is a layer's state: use return_sequences=True and take the last time step",
            )

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise self.wrong(
                f"it takes sequences [time, features] and its input has shape {shape}",
                f"put Reshape(({shape[0]}, 1)) before it" if len(shape) == 1 and shape[0] else None,
            )
        last_axis(shape, self)
        return (shape[0], self.units) if self.return_sequences else (self.units,)

    def build(self, shape: Shape) -> None:
        inputs, width = last_axis(shape, self), self.gates * self.units
        self.declare("kernel", (inputs, width), self.starts[0], **self.groups[0])
        self.declare("recurrent_kernel", (self.units, width), self.starts[1], **self.groups[1])
        if self.use_bias:
            self.declare("bias", self.bias_shape(width), self.starts[2], **self.groups[2])
        self.drops = blocks.Dropout(torch.full((self.members,), self.dropout))
        self.recurrent_drops = blocks.Dropout(torch.full((self.members,), self.recurrent_dropout))

    def bias_shape(self, width: int) -> tuple[int, ...]:
        """Of the bias, where there is one."""
        return (width,)

    def forward(self, x: Tensor, mode: Mode) -> Tensor:
        if self.go_backwards:
            x = x.flip(2)
        if self.drops.active and mode.training:  # one mask for all time steps
            x = x * self.drops(x.new_ones(*x.shape[:2], x.shape[-1]), mode)[:, :, None]
        dropping = self.recurrent_drops.active and mode.training
        if len(x) <= self.fused_members and not dropping and self.fusable():
            return self.run_fused(x)
        first = x.new_zeros(*x.shape[:2], self.units)
        mask = self.recurrent_drops(torch.ones_like(first), mode) if dropping else None
        states = self.loop(self.inputs(x), first, mask)
        return torch.stack(states, 2) if self.return_sequences else states[-1]

    def inputs(self, x: Tensor) -> Sequence[Tensor]:
        """x W + b of each time step. [M, B, T, F] to T times [M, B, G * units]"""
        bias = self.input_bias()
        return affine(x.transpose(1, 2), self.kernel, None if bias is None else bias[:, None]).unbind(1)

    def input_bias(self) -> Tensor | None:
        """What is added to x W. [M, G * units]"""
        return self.bias if self.use_bias else None

    def loop(self, inputs: Sequence[Tensor], state: Tensor, mask: Tensor | None) -> list[Tensor]:
        """The outputs of all time steps.

        Arguments:
            inputs: x W + b of each. T times [M, B, G * units]
            state: before the first. [M, B, units]
            mask: of recurrent dropout, the same for all; None for none. [M, B, units]
        """
        raise NotImplementedError

    def gate_pair(self, x: Tensor) -> tuple[Tensor, ...]:
        """Two gates in one operation. [M, B, 2 units] to twice [M, B, units]"""
        return self.recurrent_activate(x.unflatten(-1, (2, self.units))).unbind(-2)

    def fusable(self) -> bool:
        """Whether PyTorch has a kernel for these activations."""
        return self.names == ("tanh", "sigmoid")

    def run_fused(self, x: Tensor) -> Tensor:
        """The same in PyTorch's kernel, for one member after another."""
        kernel = type(self).torch_kernel
        assert kernel is not None
        biases = self.bias if self.use_bias else [None] * len(x)
        with torch.autocast(x.device.type, enabled=False):  # the kernels want all in one precision
            x = x.to(self.kernel.dtype)
            weights = zip(x, self.kernel, self.recurrent_kernel, biases, strict=True)
            found = [kernel(*each) for each in weights]  # each [B, T, units] and [1, B, units]
        if self.return_sequences:
            return torch.stack([every for every, _ in found])
        return torch.cat([last for _, last in found])


class SimpleRNN(Recurrent):
    """h = activation(x W + h U + b), step by step.

    Arguments:
        units: outputs.
        activation: name or function.
        use_bias: whether there is a b.
        kernel_initializer: how W starts; "auto" is Glorot's uniform start.
        recurrent_initializer, bias_initializer: how U and b start.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties, such as "l2".
        kernel_constraint, recurrent_constraint, bias_constraint: such as `constraints.MaxNorm(3)`.
        dropout: share of inputs that are zeroed while training, the same ones at all time steps
            (arXiv 1512.05287).
        recurrent_dropout: the same of h, where it is multiplied by U.
        return_sequences: whether to give the outputs of all time steps, and not the last one.
        return_state: not available.
        go_backwards: whether to start at the end; the outputs then come in that order.
        **common: name, input_shape, input_dim, trainable; see `Layer`.

    Weights: kernel [inputs, units], recurrent_kernel [units, units], bias [units].

    Example:
        >>> SimpleRNN(8).output_shape((20, 3)), SimpleRNN(8, return_sequences=True).output_shape((20, 3))
        ((8,), (20, 8))
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "auto",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            None,
            use_bias,
            (kernel_initializer, recurrent_initializer, bias_initializer),
            (kernel_regularizer, recurrent_regularizer, bias_regularizer),
            (kernel_constraint, recurrent_constraint, bias_constraint),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            **common,
        )

    def loop(self, inputs: Sequence[Tensor], state: Tensor, mask: Tensor | None) -> list[Tensor]:
        states = []
        for each in inputs:
            state = self.activate(torch.baddbmm(each, masked(state, mask), self.recurrent_kernel))
            states.append(state)
        return states


class LSTM(Recurrent):
    """Long short-term memory (Neural Computation 9, 1997), gates i, f, o and candidate c:

    c = f c + i activation(x Wc + h Uc + bc) and h = o activation(c), where a gate is
    recurrent_activation(x W + h U + b) with weights of its own.

    Arguments:
        units: outputs, and cells.
        activation: of candidate and output.
        recurrent_activation: of the gates.
        unit_forget_bias: whether the bias of f starts at 1.
        others: as for `SimpleRNN`.

    Weights: kernel [inputs, 4 units], recurrent_kernel [units, 4 units], bias [4 units]; in the order i, f,
    c, o.

    Example:
        >>> LSTM(8, return_sequences=True).output_shape((None, 3))
        (None, 8)
    """

    gates = 4
    torch_kernel = staticmethod(fused.lstm)
    fused_members = 16

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "auto",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            (kernel_initializer, recurrent_initializer, bias_initializer),
            (kernel_regularizer, recurrent_regularizer, bias_regularizer),
            (kernel_constraint, recurrent_constraint, bias_constraint),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            **common,
        )
        if unit_forget_bias:
            self.starts[2] = remembering(self.starts[2], self.units)

    def loop(self, inputs: Sequence[Tensor], state: Tensor, mask: Tensor | None) -> list[Tensor]:
        cell = torch.zeros_like(state)
        states = []
        for each in inputs:
            z = torch.baddbmm(each, masked(state, mask), self.recurrent_kernel)  # [M, B, 4 units]
            i, f = self.gate_pair(z[..., : 2 * self.units])
            c, o = z[..., 2 * self.units :].chunk(2, -1)
            cell = f * cell + i * self.activate(c)
            state = self.recurrent_activate(o) * self.activate(cell)
            states.append(state)
        return states


class GRU(Recurrent):
    """Gated recurrent unit (arXiv 1406.1078), gates z and r:

    h = z h + (1 - z) activation(candidate). The candidate is x Wh + bh + r (h Uh + ch) with reset_after, and
    x Wh + bh + (r h) Uh without.

    Arguments:
        units: outputs.
        activation: of the candidate.
        recurrent_activation: of the gates.
        reset_after: whether r multiplies after the product with U, as in PyTorch, or h before it.
        others: as for `SimpleRNN`.

    Weights: kernel [inputs, 3 units], recurrent_kernel [units, 3 units], bias [2, 3 units] (of x and of h)
    with reset_after, else [3 units]; in the order z, r, h.

    Example:
        >>> GRU(8).output_shape((20, 3))
        (8,)
    """

    gates = 3
    torch_kernel = staticmethod(fused.gru)
    fused_members = 1

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "auto",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        reset_after: bool = True,
        **common: Any,
    ) -> None:
        super().__init__(
            units,
            activation,
            recurrent_activation,
            use_bias,
            (kernel_initializer, recurrent_initializer, bias_initializer),
            (kernel_regularizer, recurrent_regularizer, bias_regularizer),
            (kernel_constraint, recurrent_constraint, bias_constraint),
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            **common,
        )
        self.reset_after = reset_after

    def bias_shape(self, width: int) -> tuple[int, ...]:
        return (2, width) if self.reset_after else (width,)

    def input_bias(self) -> Tensor | None:
        if not self.use_bias:
            return None
        return self.bias[:, 0] if self.reset_after else self.bias

    def loop(self, inputs: Sequence[Tensor], state: Tensor, mask: Tensor | None) -> list[Tensor]:
        step = self._reset_after if self.reset_after else self._reset_before
        states = []
        for each in inputs:
            z, candidate = step(each, masked(state, mask))
            state = z * state + (1 - z) * candidate
            states.append(state)
        return states

    def _reset_after(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """The gate z and the candidate. [M, B, 3 units] and [M, B, units] to twice [M, B, units]"""
        bias = self.bias[:, 1:] if self.use_bias else x.new_zeros(1)
        inner = torch.baddbmm(bias, state, self.recurrent_kernel)
        edge = 2 * self.units
        z, r = self.gate_pair(x[..., :edge] + inner[..., :edge])
        return z, self.activate(x[..., edge:] + r * inner[..., edge:])

    def _reset_before(self, x: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        edge = 2 * self.units
        gates, candidate = self.recurrent_kernel[..., :edge], self.recurrent_kernel[..., edge:]
        z, r = self.gate_pair(torch.baddbmm(x[..., :edge], state, gates))
        return z, self.activate(torch.baddbmm(x[..., edge:], r * state, candidate))

    def fusable(self) -> bool:
        return self.reset_after and super().fusable()


def masked(state: Tensor, mask: Tensor | None) -> Tensor:
    """The state as recurrent dropout shows it to the products."""
    return state if mask is None else state * mask


def remembering(initial: Initial, units: int) -> Initial:
    """A start of LSTM's bias at which the forget gate is open (Jozefowicz et al. 2015)."""

    def draw(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        values = np.array(initial(random, shape))
        values[units : 2 * units] = 1.0
        return values

    return draw
