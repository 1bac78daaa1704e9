"""How the training itself goes, whatever the cause."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

LEARNING = (
    Symptom(
        "input_ignored",
        "Inputs that are not looked at",
        "learning",
        26,
        what="The network does as well when its inputs are blanked out: it has learnt only the mean.",
        looks="Before: the answers of the network, with weights shaken a little so that a last layer of "
        "zeros does not hide it, are the same for different rows, and no gradient reaches the inputs. "
        "After: the trained network answers the same to all rows, or looks at less than half of the "
        "columns that vary, while simple models of the same columns do clearly better.",
        why="A detach or an argmax between inputs and output, rows and labels that are shuffled apart, "
        "dead units in a first layer, inputs that say nothing of the target.",
        todo=(
            "See whether inputs and targets are still in the same order: print a few rows of a batch.",
            "See whether changing an input changes the output.",
            "See whether a linear model learns something from the same rows; if it does not, the inputs "
            "may hold nothing.",
        ),
        source="Karpathy (2019): an input-independent baseline",
        when="both",
    ),
    Symptom(
        "cannot_overfit",
        "A few rows cannot be learnt by heart",
        "learning",
        27,
        what="A copy of the network is trained on a few rows and does not get them right, which any "
        "working network does.",
        looks="A copy is trained on up to 16 rows, no more than a linear model could learn by heart, with "
        "rates of its own, and gets less than 35 % of what the best constant prediction leaves. Healthy "
        "networks get beyond 70 %, most of them within 60 steps.",
        why="A mistake somewhere between inputs, network, loss and optimiser: a wrong head, a poor start, "
        "a layer that does not learn, gradients that are not set to zero.",
        todo=(
            "Deal with what else was found first: it often tells the mistake.",
            "See whether the loss fits the labels, whether all parameters are given to the optimiser, and "
            "whether zero_grad, backward and step come in that order.",
            "Try a higher and a lower learning rate on these rows.",
        ),
        source="Karpathy (2019): overfit one batch; Goodfellow et al. (2016), section 11.5",
        gate=True,
        when="before",
    ),
    Symptom(
        "not_learning",
        "A network that does not learn",
        "learning",
        28,
        what="On its own training rows the network is hardly better than a constant prediction, while "
        "simple models learn from the same rows.",
        looks="The network has gained at most 5 % of what a constant prediction leaves to be gained on its "
        "own training rows, while simple models clearly do better. Or its loss only rises, where plain "
        "steps from the same start lower it. A warning where it has learnt its training rows but neither "
        "it nor any simple model can tell other rows: then inputs and targets may not belong together.",
        why="A learning rate that is far off, dead units, layers that do not learn, labels that are "
        "shuffled, a loss that does not fit.",
        todo=(
            "Train on one batch until it is learnt by heart: if that fails, the mistake is in network or "
            "loss.",
            "A range test for the rate (training.learning_rate: auto).",
            "See whether each layer has a gradient and is given to the optimiser.",
            "Print inputs and targets of one batch as the network gets them.",
        ),
        source="Karpathy (2019); Zhang et al. (2021), AUTOTRAINER",
    ),
    Symptom(
        "slow_convergence",
        "Not done yet",
        "learning",
        29,
        what="The loss was still falling at a good pace when the training ended.",
        looks="The training ends behind simple models, the smoothed training loss still fell in the last "
        "fifth by more than a tenth of all that it has fallen, and the validation loss has not begun to "
        "rise. Also fewer than a hundred steps of a quarter of the rows or more, and an end before half of "
        "the epochs, where a copy that learns in batches of 32, or for longer, is clearly better.",
        why="Too few epochs, a rate that is low, batches so large that there are few steps.",
        todo=(
            "More epochs (training.epochs): early stopping ends in time.",
            "A rate three times larger (training.learning_rate), or a range test.",
            "Smaller batches (training.batch_size): more steps an epoch.",
        ),
        source="Smith and Topin (2019), Super-convergence; Bengio (2012)",
        gate=True,
    ),
    Symptom(
        "oscillating_loss",
        "A loss that goes up and down",
        "learning",
        30,
        what="The training loss goes up and down from epoch to epoch instead of down.",
        looks="The training ends badly, and its loss turns in half of the epochs and more, by more than a "
        "tenth each; or batches are of fewer than 8 rows and their gradients mostly noise.",
        why="A rate that is too high for the batch size, batches of a few rows, rows in the order of their "
        "labels.",
        todo=(
            "A rate three times smaller (training.learning_rate), or one that falls (training.schedule: "
            "cosine).",
            "Batches two to four times larger (training.batch_size).",
            "Average the weights of the last epochs.",
        ),
        source="Smith, Kindermans, Ying and Le (2018), Don't decay the learning rate, increase the batch "
        "size; Izmailov et al. (2018), Averaging weights leads to wider optima",
        gate=True,
    ),
    Symptom(
        "harmful_augmentation",
        "Changed rows that no longer fit their labels",
        "learning",
        31,
        what="The random changes made to training rows (mirrored, turned, cut) change what they are.",
        looks="Rows are changed in training, mostly at random, the trained network does not fit its training "
        "rows well, or those that are changed much less well, and a copy trained a little further without "
        "the changes is clearly better on validation rows than one trained as far with them. Both copies "
        "begin at the first weights where the network has learnt next to nothing.",
        why="A mirrored digit is another digit or none; a turned arrow points elsewhere; a cut leaves the "
        "object out.",
        todo=(
            "Look at some changed rows: would you still give them this label?",
            "Leave that change out (inputs.image.flip: none, inputs.image.rotation: 0, "
            "inputs.image.augment: none) or make it smaller.",
        ),
        source="Shorten and Khoshgoftaar (2019), A survey on image data augmentation: safety of augmentation",
    ),
    Symptom(
        "over_regularised",
        "Held back too much",
        "learning",
        32,
        what="Weight decay, dropout or another regulariser is so strong that the network cannot fit its "
        "own training rows.",
        looks="The network does not fit its own training rows, and a short training from the same first "
        "weights without weight decay and dropout fits them better. Asked for beside it: weights that have "
        "shrunk to a fifth of their length, a strong penalty, or dropout of 60 % and more. Where these are "
        "seen and no simple model is better, a copy is trained without them, and what it gains is told; of "
        "an optimiser of one's own, a copy is trained with Adam.",
        why="A decay for another optimiser (decoupled, as in AdamW, it is a factor of the rate), dropout "
        "in every layer of a small network, several regularisers at once.",
        todo=(
            "A tenth of the weight decay (training.weight_decay).",
            "Less dropout, by .2 (network.dropout).",
            "Less label smoothing and mixing (training.label_smoothing, training.mixup).",
        ),
        source="Srivastava et al. (2014), Dropout; Loshchilov and Hutter (2019), Decoupled weight decay "
        "regularization",
        gate=True,
        when="both",
    ),
)
