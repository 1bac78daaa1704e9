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
        looks="The share of each class, together with the share of its validation rows that are found "
        "(recall). Rare classes that are found are no symptom.",
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
        looks="Either the weights that are kept are clearly worse on validation rows than those of an "
        "earlier epoch, or training and validation scores are far apart while a simple model does at least "
        "as well on new rows. A gap alone is no symptom: most good networks have one.",
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
        looks="Almost no gap between training and validation rows, and a linear model, nearest neighbours "
        "or trees clearly ahead on the validation rows.",
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
        looks="Slices of one or two columns with at least 5 % of the rows are compared with all others; "
        "the difference must be large and beyond chance, also after so many comparisons.",
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
        looks="The correlation of validation loss and validation metric over the epochs, where both move "
        "by more than chance.",
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
        looks="The share of padding and unknown tokens in the training rows as the network gets them.",
        why="A length that the longest row dictates, a vocabulary from other texts.",
        todo=(
            "A shorter length (inputs.text.length, inputs.series.length): the 95 % quantile is often enough.",
            "Batches of rows of similar length.",
            "For unknown words, character n-grams (inputs.text.characters: true) or the right tokenizer.",
        ),
        source="Khomenko et al. (2016), Accelerating recurrent neural network training using sequence "
        "bucketing",
    ),
    Symptom(
        "waiting_for_data",
        "Waiting for data",
        "slices",
        39,
        what="More than half of the time the training waits for its batches.",
        looks="The loader's share of the time of a step.",
        why="Decoding pictures or sounds on the fly, one worker, a slow disk, heavy augmentation.",
        todo=(
            "More workers in the loader (num_workers) and pinned memory.",
            "Decode once and keep the result, in memory where it fits: netwright train does.",
            "Augment whole batches on the device.",
        ),
        source="Mohan et al. (2021), Analyzing and mitigating data stalls in DNN training",
    ),
)
