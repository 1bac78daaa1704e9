"""The first weights, the size of the steps, and what they do to units and gradients."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

STEPS = (
    Symptom(
        "symmetric_start",
        "First weights that are all alike",
        "start",
        18,
        what="The units of a layer start with the same weights; they get the same gradient and stay the "
        "same.",
        looks="The units of each layer are compared before the first step, by their weights and by the "
        "gradient that they get: alike in both, they stay alike. A last layer of zeros, or the zero branch "
        "of a residual, starts so on purpose, and the first gradient tells its units apart. Afterwards a "
        "copy is trained from Glorot's start, to see what it has cost.",
        why="Weights filled with zeros or with another constant.",
        todo=(
            "Draw the weights at random: He for ReLU-like activations, Glorot otherwise. Layers of "
            "Netwright and PyTorch do so unless told otherwise.",
            "Keep zeros for biases, and for the last layer of a residual branch.",
        ),
        source="Goodfellow et al. (2016), section 8.4; Glorot and Bengio (2010), Understanding the "
        "difficulty of training deep feedforward neural networks",
        gate=True,
        when="both",
    ),
    Symptom(
        "poor_start",
        "A start far worse than not knowing",
        "start",
        19,
        what="Before the first step the loss is well above that of a constant prediction.",
        looks="The loss of training rows before the first step against the best that one constant output "
        "reaches (-log of 1/C for C equal classes, the variance of the target). Healthy networks begin at "
        ".2 to 1.7 times that; weights of spread 1 in a small network at 35 times, unscaled targets at 4 "
        "to 10. Also first weights so small that hardly anything of the inputs arrives at the last layer. "
        "Afterwards a copy is trained from Glorot's start, to see what it has cost.",
        why="First weights that are too large, or inputs that are; a last bias far from the mean of the "
        "target; targets that are not standardised.",
        todo=(
            "First weights after He or Glorot, inputs of mean 0 and spread 1.",
            "Set the last bias to the logarithms of the classes' shares, or to the mean of the target: "
            "netwright train does.",
            "Standardise the target of a regression, and undo it in the prediction.",
        ),
        source="Glorot and Bengio (2010); He et al. (2015), Delving deep into rectifiers; Lin et al. "
        "(2017), Focal loss (the prior as bias); Karpathy (2019)",
        gate=True,
        when="both",
    ),
    Symptom(
        "rate_too_high",
        "A learning rate that is too high",
        "rate",
        20,
        what="Each step changes the weights by so much that what was learnt is lost again.",
        looks="The training ends badly, and a short training from the same first weights at a lower rate "
        "gets further than all of it: the proof is in the message. Where short trainings cannot be made: "
        "steps that change the weights by more than a tenth of their length, where a thousandth is usual. "
        "A network that ends well enough is looked at too: a warning where the steps are longer than a tenth "
        "of the weights, which end as four times what they were (or where batches of a few rows leave half "
        "of a layer dead), and the whole training at a tenth or a hundredth of the rate fits training and "
        "validation rows better. Gradients that add up from step to step, because zero_grad is missing, or "
        "over several batches, and a momentum of .99 and more are told here too.",
        why="A rate from another optimiser (SGD takes ten to a hundred times that of Adam), from another "
        "batch size, or for other inputs.",
        todo=(
            "A rate three to ten times smaller (training.learning_rate).",
            "Find it: a range test raises the rate step by step and shows where the loss falls fastest. "
            "training.learning_rate: auto, or netwright tune.",
            "A rise at the beginning (training.warmup) and a fall at the end (training.schedule: cosine).",
        ),
        source="Smith (2017), Cyclical learning rates (the range test); Bengio (2012)",
        gate=True,
    ),
    Symptom(
        "rate_too_low",
        "A learning rate that is too low",
        "rate",
        21,
        what="The steps are so small that the training ends before the network has learnt much.",
        looks="The training ends badly, its steps change the weights by less than .0003 of their length, "
        "and a short training from the same first weights at ten times the rate and more gets further than "
        "all of it; or by less than .01, and the whole training at ten times the rate is clearly better on "
        "validation rows, by three standard errors. Where short trainings cannot be made: steps of less than "
        "a hundred-thousandth. Also a schedule that takes the rate to nothing before half of the training is "
        "done, and an epsilon of Adam's of .001 and more, where a copy with 1e-8 is clearly better.",
        why="A rate from fine-tuning or from another optimiser, a schedule that falls too early, a "
        "patience that ends the training before it has begun.",
        todo=(
            "A rate ten times larger (training.learning_rate), or a range test: training.learning_rate: "
            "auto.",
            "A schedule that falls later (training.schedule: cosine), more patience (training.patience).",
            "More epochs (training.epochs), if time does not matter.",
        ),
        source="Smith (2017); Bengio (2012)",
        gate=True,
    ),
    Symptom(
        "loss_spike",
        "A loss that leaps",
        "rate",
        22,
        what="The loss rose suddenly to a multiple of what it was, and the network has not recovered well.",
        looks="The training loss of an epoch is ten times the mean of those before it, at least a tenth of "
        "the first epoch's, and what it broke is not mended. A leap that is made good again does no harm.",
        why="A batch with odd rows, a rate at the edge of stability, Adam's estimate of the gradient's "
        "size while gradients are tiny.",
        todo=(
            "Look at the rows of that batch.",
            "Clip the gradient (training.clip_norm: 1).",
            "Half the rate (training.learning_rate), or a longer rise to it (training.warmup).",
            "Go back to the weights before the leap and leave out its batches.",
        ),
        source="Chowdhery et al. (2023), PaLM, section 5.1; Cohen et al. (2021), Gradient descent on "
        "neural networks typically occurs at the edge of stability",
        gate=True,
        when="during",
    ),
    Symptom(
        "dead_units",
        "Units that have died",
        "units",
        23,
        what="Most units of a ReLU layer give zero for every row, get no gradient, and never come back.",
        looks="Each unit of a ReLU is looked at over the same training rows: it is dead where it gives "
        "zero for 99 % of them. Told where more than half of a layer is dead; a warning where the units "
        "that are left learn half of what there is. Many zeros are no symptom: 60 to 70 % are usual, with "
        "each unit on for some rows.",
        why="A step that was too large and pushed the biases down, biases that start negative, inputs that "
        "are far from zero.",
        todo=(
            "A rate ten times smaller and a new start: dead units do not come back (training.learning_rate).",
            "An activation that lets some gradient through: GELU, SiLU, leaky ReLU (network.activation: "
            "gelu).",
            "Normalise the inputs, or the layers (network.normalization: layer).",
        ),
        source="Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic "
        "models; Lu et al. (2020), Dying ReLU and initialization",
        gate=True,
    ),
    Symptom(
        "saturated_units",
        "Units at their ends",
        "units",
        24,
        what="Most units of a sigmoid or tanh layer stand at one of their ends, where the gradient is "
        "almost zero.",
        looks="More than half of the numbers that go into a sigmoid or tanh, over the same training rows, "
        "are beyond 5 in absolute value, where it is flat.",
        why="First weights that are too large, inputs that are not scaled, steps that are too large.",
        todo=(
            "Standardise the inputs (inputs.number.scaling).",
            "First weights after Glorot.",
            "ReLU or GELU in hidden layers (network.activation: relu), or normalisation before the "
            "activation.",
        ),
        source="Glorot and Bengio (2010); LeCun et al. (1998)",
        gate=True,
    ),
    Symptom(
        "vanishing_gradient",
        "Gradients that vanish on their way",
        "units",
        25,
        what="Hardly any gradient reaches the first layers: they stay as they were drawn.",
        looks="The gradient of a first layer is less than a thousandth of the greatest one, and below "
        ".0001, as medians over the first half of the training: a network that has learnt its rows has "
        "small gradients everywhere.",
        why="Many layers of sigmoid or tanh, each of which makes the gradient smaller; first weights that "
        "are too small; long sequences in a plain recurrent layer.",
        todo=(
            "ReLU or GELU with He's first weights (network.activation: relu).",
            "Normalisation between the layers (network.normalization: layer).",
            "Residual connections (network.kind: residual), or fewer layers (network.depth).",
            "GRU or LSTM in the place of a plain recurrent layer.",
        ),
        source="Hochreiter (1991); Bengio et al. (1994); Glorot and Bengio (2010); He et al. (2016), Deep "
        "residual learning",
        gate=True,
    ),
)
