"""Activations under Keras's names, as functions of tensors: `layers.Dense(8, activation=activations.relu)`.

What a name means is told in `netwright.nn.activations`.
"""

from __future__ import annotations

from netwright.nn.activations import FUNCTIONS
from netwright.nn.activations import get as get

linear = FUNCTIONS["linear"]
sigmoid = FUNCTIONS["sigmoid"]
tanh = FUNCTIONS["tanh"]
relu = FUNCTIONS["relu"]
leaky_relu = FUNCTIONS["leaky_relu"]
relu6 = FUNCTIONS["relu6"]
elu = FUNCTIONS["elu"]
celu = FUNCTIONS["celu"]
selu = FUNCTIONS["selu"]
gelu = FUNCTIONS["gelu"]
silu = FUNCTIONS["silu"]
mish = FUNCTIONS["mish"]
softplus = FUNCTIONS["softplus"]
softsign = FUNCTIONS["softsign"]
exponential = FUNCTIONS["exponential"]
hard_sigmoid = FUNCTIONS["hard_sigmoid"]
hard_silu = FUNCTIONS["hard_silu"]
hard_tanh = FUNCTIONS["hard_tanh"]
log_sigmoid = FUNCTIONS["log_sigmoid"]
softmax = FUNCTIONS["softmax"]
log_softmax = FUNCTIONS["log_softmax"]

swish = silu
hard_swish = hard_silu
identity = linear
exp = exponential
