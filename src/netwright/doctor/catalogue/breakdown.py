"""Numbers that get out of hand: too large, too small, or no numbers at all."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

BREAKDOWN = (
    Symptom(
        "not_finite_loss",
        "The loss is no longer a number",
        "explosion",
        14,
        what="Loss or gradient became NaN or infinite; from there on every weight is lost.",
        looks="Loss and gradient norm are kept for each step; the first that is NaN or infinite ends the "
        "training. The batch is then sent through again, operation by operation, to find where the first "
        "such number comes from, and the causes are told apart: the data, the overflow of float16, "
        "gradients or weights that had grown a hundred times before, a logarithm, root or division of 0, "
        "inputs or first weights so large that the very first step overflows.",
        why="A learning rate that is too high, the logarithm or root of zero, a division by zero, exp() of "
        "a large number, half precision, NaN in the data.",
        todo=(
            "Look at the data first: no NaN, no huge values.",
            "A learning rate ten times smaller (training.learning_rate), from the last finite weights.",
            "Clip the gradient (training.clip_norm: 1).",
            "A loss that takes logits instead of a logarithm of probabilities; a small number inside of "
            "log, sqrt and divisions.",
            "Single precision, or bfloat16 in the place of float16 (training.precision).",
        ),
        source="Goodfellow et al. (2016), section 4.1; Pascanu, Mikolov and Bengio (2013), On the "
        "difficulty of training recurrent neural networks",
        when="during",
    ),
    Symptom(
        "exploding_gradient",
        "Gradients that explode",
        "explosion",
        15,
        what="The gradient is suddenly, or again and again, many times larger than it was, and the "
        "training suffers from it.",
        looks="The norm of a step's gradient is fifty times its own running median, three times or more, "
        "and the training ends badly. Gradients that are clipped and train well are a note: that is what "
        "clipping is for. Their size alone is no symptom: it depends on the loss.",
        why="A learning rate that is too high, first weights that are too large, many layers or long "
        "sequences whose factors multiply, single rows with huge values.",
        todo=(
            "Clip the gradient (training.clip_norm: 1). Where most steps are clipped, lower the rate "
            "instead.",
            "A learning rate three times smaller (training.learning_rate), or a longer rise to it "
            "(training.warmup: 0.1).",
            "First weights after He or Glorot; normalisation and residual connections in deep networks "
            "(network.kind: residual).",
        ),
        source="Bengio, Simard and Frasconi (1994), Learning long-term dependencies with gradient descent "
        "is difficult; Pascanu et al. (2013)",
        gate=True,
        when="during",
    ),
    Symptom(
        "unscaled_inputs",
        "Inputs of very different sizes",
        "explosion",
        16,
        what="Some inputs are thousands of times larger than others, or far from zero, as the first layer "
        "sees them.",
        looks="The size of each input where it first meets learnt weights, whatever the network does to it "
        "before: an input a hundred times as large as the middle one, sizes that are all far from 1, or "
        "means fifty times the spread. Inputs that a normalisation has gone over lie between .2 and 10. "
        "Where a normalisation follows the first layer only relations of the inputs to each other count, "
        "unless a copy that learns from standardised inputs is clearly better. So is one value that comes "
        "again and again five times the range of all others beyond them: it stands for a missing one. "
        "Constant inputs are ignored.",
        why="Raw units (euros beside shares), pixels from 0 to 255, times in seconds since 1970, one "
        "column with a few giant values, -999 where nothing is known.",
        todo=(
            "Standardise the inputs by the training rows: mean 0, spread 1. netwright train does so inside "
            "of the network (inputs.number.scaling: robust or standard).",
            "By hand: subtract the mean and divide by the spread, or begin with BatchNormalization.",
            "For heavy tails a logarithm, or ranks (inputs.number.scaling: quantile).",
            "Fill missing cells with the median, and tell in a column beside which they are.",
        ),
        source="LeCun, Bottou, Orr and Müller (1998), Efficient BackProp",
        gate=True,
        when="both",
    ),
    Symptom(
        "low_precision",
        "Numbers too small for the precision",
        "explosion",
        17,
        what="Much of the gradient is exactly zero because half precision cannot hold numbers this small.",
        looks="70 % and more of the gradients of a layer are exactly 0, and the weights are of half "
        "precision, or some operation inside of the network computes in it.",
        why="float16 ends near 6e-8 and at 65504; gradients of deep layers lie below, sums of squares above.",
        todo=(
            "bfloat16 in the place of float16 (training.precision: bfloat16): the range of single precision.",
            "Scale the loss before the backward pass and divide after it (torch.amp.GradScaler).",
            "Keep the loss, softmax, normalisations and sums in single precision.",
        ),
        source="Micikevicius et al. (2018), Mixed precision training; Kalamkar et al. (2019), A study of "
        "bfloat16 for deep learning training",
        gate=True,
    ),
)
