"""What comes of it on rows that the network has not seen, in parts of the data, and in time."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

GENERALISATION = (
    Symptom(
        "class_imbalance",
        "Rare classes that are missed",
        "generalisation",
        33,
        what="Some classes have few rows, and the network hardly ever predicts them.",
        looks="One class has ten times the rows of another, and it shows: a class with at least 5 validation "
        "rows is found in less than half of them, while the network's own answers divided by the classes' "
        "shares find clearly more, or in less than 30 %, while a simple model with balanced weights does. "
        "Also classes with a twentieth of another's rows of which the few validation rows are missed, or "
        "fewer than five, so that no score speaks of them; and a class of the validation rows that no "
        "training row has. And a loss that leaves a class out, or weighs a rare one a fifth and less of one "
        "with more rows, where a copy that is trained with the usual loss is better. Rare classes that are "
        "found are no symptom.",
        why="Of a hundred rows with one rare one, never saying the rare class is right 99 times: the loss "
        "asks for little more.",
        todo=(
            "Judge by balanced accuracy, macro F1 or average precision, not by accuracy.",
            "Weigh the classes (training.class_weights: balanced) or draw them equally often "
            "(training.sampling: balanced).",
            "Move the logits by the classes' shares (training.logit_adjustment: 1).",
            "For yes or no choose the threshold on validation rows (training.threshold: f1).",
            "Collect rows of the rare class.",
        ),
        source="Menon et al. (2021), Long-tail learning via logit adjustment; Buda, Maki and Mazurowski "
        "(2018), A systematic study of the class imbalance problem in convolutional neural networks",
    ),
    Symptom(
        "overfitting",
        "Learnt by heart",
        "generalisation",
        34,
        what="The network fits its training rows far better than new ones, and new ones worse than it could.",
        looks="Scores are much higher on training than on validation rows (from .15 on, less where the "
        "network is clearly worse than simple models), beyond chance, and a simple model does as well on "
        "new rows. Or the network was clearly better on validation rows at an earlier epoch (.03 and 2.5 "
        "standard errors) that was not kept; or 500 rows and fewer are known by heart by a network with "
        "fifty parameters for each; or its probabilities are worth less than not knowing. A gap alone is no "
        "symptom: most good networks have one. A validation loss that rises while the score does not fall "
        "is a note.",
        why="Few rows, a network that is large for them, many epochs, labels that are wrong.",
        todo=(
            "Keep the best epoch and stop early (training.patience); it costs nothing.",
            "More weight decay (training.weight_decay), some dropout (network.dropout: 0.2).",
            "Augmentation for pictures, sounds and series; training.mixup for tables.",
            "A smaller network (network.width, network.depth) or a pretrained one.",
            "More rows: netwright learning-curve tells whether they would help.",
        ),
        source="Prechelt (1998), Early stopping: but when?; Zhang et al. (2017), Understanding deep "
        "learning requires rethinking generalization",
    ),
    Symptom(
        "underfitting",
        "Learnt too little",
        "generalisation",
        35,
        what="Training and validation scores are alike, and both are below what simple models reach.",
        looks="The network is clearly worse than a simple model, and not because it has learnt its "
        "training rows by heart: its training score is low too. An error where it is behind by .1 on "
        "training and validation rows. It is the last explanation: what else was found comes first; but "
        "where all that is known of a row passes through one or two numbers, that explains what else is "
        "seen, such as units that die. Where nothing has been found, a copy is trained in the usual way "
        "(Adam, all parameters, no dropout, decay or clipping): where it is clearly better, the warning "
        "names what alone brings most of the gain, or is this one.",
        why="A network that is too small, too much regularisation, a rate that is off, too few epochs.",
        todo=(
            "Less regularisation (training.weight_decay, network.dropout).",
            "Another rate and more epochs (training.learning_rate, training.epochs).",
            "A wider or deeper network (network.width, network.depth).",
            "Numbers in pieces or waves, where trees win (inputs.number.embedding: piecewise).",
        ),
        source="Goodfellow et al. (2016), section 5.2; Grinsztajn, Oyallon and Varoquaux (2022), Why do "
        "tree-based models still outperform deep learning on typical tabular data?",
        gate=True,
    ),
    Symptom(
        "weak_slice",
        "A part of the rows that does worse",
        "slices",
        36,
        what="On a part of the rows that a column names, the network does clearly worse than on the rest.",
        looks="A value of a column, or a fifth of its range, with at least 5 % and 20 of the validation and "
        "test rows, on which the score is below 80 % of the average, beyond chance after a correction for "
        "all slices that were looked at (Benjamini and Hochberg), and where a simple model does better, "
        "training rows are lacking, or nobody knows more than a constant where a column has this value. A "
        "part that is merely harder for all models is a note.",
        why="Few training rows of that kind, another relation between inputs and target there, worse labels.",
        todo=(
            "Look at those rows: are their inputs and labels right?",
            "Collect more of them, or weigh them (data.weight).",
            "Do not use the network there, or say so: the model card has the place for it.",
        ),
        source="Chung et al. (2019), Slice Finder; Sagawa et al. (2020), Distributionally robust neural "
        "networks for group shifts",
    ),
    Symptom(
        "loss_and_metric_disagree",
        "Loss and score tell different stories",
        "slices",
        37,
        what="Over the epochs the validation loss gets worse while the score gets better, or the other way "
        "round.",
        looks="Over the epochs the validation loss falls by a fifth while the score gets worse by .05 and "
        "3 standard errors. The other way round, a loss that rises while the score holds, is how networks "
        "become too sure, and is told by overfitting.",
        why="Probabilities that become too sure while the classes stay right, a loss that is summed or "
        "weighted in another way than the metric, a metric that does not belong to the task.",
        todo=(
            "Decide which of both matters, and keep the best epoch by that one.",
            "If probabilities matter: calibration, label smoothing (training.label_smoothing: 0.1).",
            "See whether loss and metric are averaged over the same rows with the same weights.",
        ),
        source="Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks",
    ),
    Symptom(
        "padding",
        "Mostly padding",
        "slices",
        38,
        what="More than half of what the network computes is padding or unknown words.",
        looks="More than half of the tokens that an embedding looks up are one value at the start or end "
        "of the sequences. It costs time, not quality: a note.",
        why="A length that the longest row dictates, a vocabulary from other texts.",
        todo=(
            "A shorter length (inputs.text.length, inputs.series.length): the 95 % quantile is often enough.",
            "Batches of rows of similar length.",
            "For unknown words, character n-grams (inputs.text.characters: true) or the right tokenizer.",
        ),
        source="Khomenko et al. (2016), Accelerating recurrent neural network training using sequence "
        "bucketing",
        when="before",
    ),
    Symptom(
        "waiting_for_data",
        "Waiting for data",
        "slices",
        39,
        what="More than half of the time the training waits for its batches.",
        looks="The loop waits for the loader for more than half of the time. It costs time, not quality: a "
        "note.",
        why="Decoding pictures or sounds on the fly, one worker, a slow disk, heavy augmentation.",
        todo=(
            "More workers in the loader (num_workers) and pinned memory.",
            "Decode once and keep the result, in memory where it fits: netwright train does.",
            "Augment whole batches on the device.",
        ),
        source="Mohan et al. (2021), Analyzing and mitigating data stalls in DNN training",
    ),
)
