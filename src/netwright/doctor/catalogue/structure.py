"""What is wrong with the network itself, whatever it is trained on."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

STRUCTURE = (
    Symptom(
        "wrong_head",
        "An output that does not fit loss or labels",
        "static",
        9,
        what="The last operation, the loss and the labels do not belong together.",
        looks="The operations of one forward pass and the loss are looked at: a softmax or sigmoid before "
        "a loss that applies one itself, a ReLU or tanh at the end that cannot reach what the loss or the "
        "targets want, probabilities that are wanted and not there, a softmax over the rows or over a "
        "single column, a loss that stays the same when targets are exchanged between rows ([B, 1] minus [B] "
        "is [B, B]), squared error on codes of classes. The last is told of a network that does well, too, "
        "where a copy that is trained as far with an output for each class is right on 5 % more of the "
        "validation rows. Heads of netwright train fit their task and are passed over.",
        why="A loss that takes logits is given probabilities; a network was taken from another task; an "
        "axis was mistaken.",
        todo=(
            "Classes: a linear last layer with one output a class and cross-entropy on logits.",
            "Yes or no: one linear output and binary cross-entropy on logits.",
            "Numbers: a linear output, standardised targets, squared or absolute error.",
            "Leave softmax and sigmoid to the loss; apply them only to predict.",
        ),
        source="Bridle (1990), Probabilistic interpretation of feedforward classification network outputs; "
        "Humbatova et al. (2020), Taxonomy of real faults in deep learning systems",
        gate=True,
        when="both",
    ),
    Symptom(
        "mixed_rows",
        "Rows that influence each other",
        "static",
        10,
        what="The output of one row depends on the other rows of its batch.",
        looks="In evaluation mode half of the rows of a batch are exchanged for others: the answers for "
        "the rows that stayed must not change by more than a thousandth of their spread. The first "
        "operation where they do is named. A warning; an error where the trained network answers clearly "
        "worse for it. Batch normalisation mixes rows while training and is meant to; it is not counted.",
        why="A reshape where a transpose was meant, an axis of a softmax or a mean that is the batch, a "
        "recurrent or attention layer that takes the batch for time.",
        todo=(
            "Look at the reshapes of the named layer: view and reshape keep the order of numbers, they do "
            "not swap axes.",
            "Look at the axis of softmax, mean, sum and normalisation, and at batch_first of recurrent and "
            "attention layers.",
            "Give attention a mask where rows or steps must not see each other.",
        ),
        source="Karpathy (2019), A recipe for training neural networks: use backprop to chart dependencies",
        when="both",
    ),
    Symptom(
        "missing_nonlinearity",
        "Linear layers without anything between",
        "static",
        11,
        what="Two linear layers follow each other directly; together they can do no more than one.",
        looks="In the operations of one forward pass a linear or convolution layer hands its numbers "
        "straight to another. An error where nothing in the whole network bends, a warning where something "
        "else does, a note where the pair is narrow in the middle, which saves weights and is often meant. "
        "It counts as harm, too, if a copy with activations in these places, trained from the same first "
        "weights, is better on validation rows by .03 and 3 standard errors.",
        why="An activation was forgotten, or activation=None was left in place.",
        todo=(
            "Put an activation between them: ReLU, GELU or SiLU.",
            "Where the narrow layer is meant (a factorised matrix), leave it.",
        ),
        source="Goodfellow, Bengio and Courville (2016), Deep Learning, section 6.1; Humbatova et al. (2020)",
        gate=True,
        when="both",
    ),
    Symptom(
        "untrained_layer",
        "A layer that does not learn",
        "static",
        12,
        what="Some parameters do not change: they are frozen, get no gradient, or are not given to the "
        "optimiser.",
        looks="Before: parameters that are computed with and get no gradient, and frozen ones. After: "
        "parameters that have not moved by a millionth though they have a gradient. Frozen layers that "
        "look trained, such as a pretrained backbone, are a note where the network does well. Where others "
        "are left out, a copy is trained with them, and what it gains is told.",
        why="requires_grad=False left from fine-tuning, a detach() or an argmax on the way, an optimiser "
        "made before the layer was, a layer that is built and never called.",
        todo=(
            "Give all parameters that should learn to the optimiser, after the whole network is built.",
            "Look for detach(), .data, torch.no_grad() and argmax between the layer and the loss.",
            "If it is frozen on purpose, nothing is to be done.",
        ),
        source="Humbatova et al. (2020); Cao et al. (2022), DeepFD",
        gate=True,
        when="both",
    ),
    Symptom(
        "modes_disagree",
        "Training and evaluation mode disagree",
        "static",
        13,
        what="On the same rows the loss in evaluation mode is far from the loss in training mode.",
        looks="Before: modules stuck in one mode, noise in evaluation mode, dropout of 80 % and more. "
        "After: the same training rows are sent through in both modes, and the loss in evaluation mode is "
        "at least half as large again as in training mode, with marks worse by .05 and 3 standard errors, "
        "or by .01 on training and on validation rows each, beyond chance. Dropout makes the training mode "
        "the worse one; that is as it should be. And what goes into each layer: where it is drawn at random "
        "while training, its mean must be between .6 and 1.7 times what it is in evaluation mode. Where "
        "answers are drawn at random after training, the mean of 20 draws is compared with one of them; "
        "where batch normalisation has up to four rows, a copy learns in batches of 32.",
        why="Running statistics of batch normalisation that have not settled (few steps, small batches, a "
        "momentum that is too small) or that come from other rows; dropout so high that the two modes are "
        "two networks, or dropout of one's own that does not divide by the share that it keeps; a mode that "
        "is never switched.",
        todo=(
            "Call train() before each epoch and eval() before each evaluation; nw.Trainer and Sequential do.",
            "Larger batches, a larger momentum of the running statistics, or layer or group normalisation "
            "(network.normalization: layer).",
            "Less dropout (network.dropout); none directly before batch normalisation.",
        ),
        source="Ioffe and Szegedy (2015), Batch normalization; Li et al. (2019), Understanding the "
        "disharmony between dropout and batch normalization; Wu and He (2018), Group normalization",
        gate=True,
        when="both",
    ),
)
