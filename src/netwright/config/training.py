"""The network, and how it is trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from netwright.config.section import Chance, NonNegative, Positive, Section, Share

Loss = Literal[
    "auto",
    "cross_entropy",
    "focal",
    "generalized_cross_entropy",
    "symmetric_cross_entropy",
    "mse",
    "huber",
    "mae",
]


class NetworkConfig(Section):
    """The network between the encoders and the head."""

    kind: Literal["auto", "mlp", "residual", "tabm", "layers"] = "auto"
    """mlp: plain layers; residual: blocks with a skip; tabm: an MLP shared by `heads` cheap members; layers:
    those given below"""
    width: Annotated[int, Field(ge=1, le=8192)] | Literal["auto"] = "auto"
    """units of a layer"""
    depth: Annotated[int, Field(ge=0, le=64)] | Literal["auto"] = "auto"
    """hidden layers (blocks for residual)"""
    heads: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """members that share the weights (tabm)"""
    activation: Literal["relu", "gelu", "silu", "mish", "selu", "tanh", "leaky_relu", "elu"] = "relu"
    normalization: Literal["auto", "none", "layer", "batch"] = "auto"
    dropout: Share | Literal["auto"] = "auto"
    layers: list[str | dict[str, Any]] | None = None
    """hidden layers by hand instead, such as [{Dense: {units: 64, activation: relu}}, {Dropout: 0.2}]"""


class TrainingConfig(Section):
    """How the weights are found."""

    effort: Literal["quick", "normal", "best"] = "normal"
    """quick: a usable score in seconds; best: may take an hour"""
    optimizer: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    learning_rate: Positive | Literal["auto"] = "auto"
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    """of sgd and rmsprop"""
    nesterov: bool = False
    beta1: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    beta2: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    weight_decay: NonNegative | Literal["auto"] = "auto"
    """decoupled for adamw, added to the gradient otherwise"""
    l1: NonNegative = 0.0
    """weight of the sum of absolute weights in the loss"""
    epochs: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = "auto"
    schedule: Literal["cosine", "constant", "linear", "step", "exponential"] = "cosine"
    warmup: Share | Literal["auto"] = "auto"
    """share of the steps in which the learning rate rises from 0"""
    clip_norm: Positive | None = 1.0
    """largest norm of a member's gradient"""
    label_smoothing: Share | Literal["auto"] = "auto"
    """share of a target that goes to the other classes"""
    class_weights: Literal["none", "balanced"] | dict[str, Positive] = "none"
    sampling: Literal["plain", "balanced"] = "plain"
    """balanced: each epoch draws as many rows as there are, of each class equally many"""
    logit_adjustment: NonNegative = 0.0
    """tau: logits + tau * log of the classes' shares, in the loss only (classes; 1 balances them)"""
    threshold: Literal["half", "f1", "balanced_accuracy", "accuracy"] | Chance = "half"
    """probability above which the positive class is predicted, or what it is chosen for on validation rows"""
    loss: Loss = "auto"
    """auto: cross_entropy or mse; focal for rare classes; generalized or symmetric for wrong labels; huber or
    mae for outliers in a regression"""
    focal_gamma: NonNegative = 2.0
    generalized_q: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    """of generalized_cross_entropy: near 0 cross-entropy, 1 the absolute error"""
    symmetric_alpha: NonNegative = 0.1
    """of symmetric_cross_entropy: factor of the cross-entropy"""
    symmetric_beta: NonNegative = 1.0
    """of symmetric_cross_entropy: factor of the reverse cross-entropy"""
    huber_delta: Positive = 1.0
    """in standard deviations of the target"""
    mixup: NonNegative = 0.0
    """alpha: rows of a batch are blended by shares from Beta(alpha, alpha); 0 for none, .1 to .4 are usual"""
    reweigh: bool = False
    """weights that make target and sensitive groups independent (Kamiran and Calders, 2012)"""
    patience: Annotated[int, Field(ge=1)] | Literal["auto"] | None = "auto"
    """epochs without a better validation score before training stops; null never stops"""
    members: Annotated[int, Field(ge=1, le=256)] | Literal["auto"] = "auto"
    """networks trained together from different seeds and averaged"""
    refit: bool = False
    """fit again on training and validation rows for the epochs found"""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    """processor threads; found and recorded"""
    time_limit: Positive | None = None
    """seconds for the whole process"""
    start_from: str | None = None
    """folder of a run whose network is the start of this one"""
    stop_step: Annotated[int, Field(ge=0)] | None = None
    """the step at which a training was cut off; recorded so that it can be repeated"""
