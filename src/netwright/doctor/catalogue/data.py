"""What goes wrong before any network is there: cells, labels, and what stands in which part."""

from __future__ import annotations

from netwright.doctor.catalogue.symptom import Symptom

DATA = (
    Symptom(
        "not_finite_data",
        "Inputs or targets that are no numbers",
        "data",
        0,
        what="Some of the numbers that the network is given are missing (NaN) or infinite.",
        looks="Inputs, targets and weights of the rows are looked through; one such number is enough. One "
        "NaN makes the loss of its batch NaN, and the next step makes every weight NaN.",
        why="Missing cells that nobody filled, a division by zero or the logarithm of zero in the "
        "preparation, a sensor's way of saying nothing.",
        todo=(
            "Fill the gaps with the median of the training rows, and add a column that says where they "
            "were: netwright train does both by itself.",
            "Drop rows whose target is missing; a target cannot be filled.",
            "Look for the step of the preparation that makes infinite numbers.",
        ),
        source="Little and Rubin (2019), Statistical Analysis with Missing Data; Le Morvan et al. (2021), "
        "What's a good imputation to predict with missing values?",
        when="before",
    ),
    Symptom(
        "leaking_column",
        "A column that gives the target away",
        "data",
        1,
        what="One input alone predicts the target almost perfectly, which is rarely luck.",
        looks="A model that sees one column only reaches almost the score of all columns together, on rows "
        "that it has not seen. Also columns that number the rows, where their order tells the target.",
        why="The column is a copy or a consequence of the target, is filled in after the fact (a date of "
        "discharge, an amount refunded), or counts rows that were sorted by class.",
        todo=(
            "Ask whether the column is known at the moment of prediction.",
            "If not, drop it (data.clean.drop_columns, or data.clean.leaks: drop) and train again: the "
            "honest score is the one without it.",
            "If it is known and simply this good, keep it; a rule on that column may serve as well.",
        ),
        source="Kaufman, Rosset, Perlich and Stitelman (2012), Leakage in data mining; Kapoor and "
        "Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based science",
    ),
    Symptom(
        "shared_rows",
        "Rows that stand in more than one part",
        "data",
        2,
        what="Rows of the validation or test part, or near copies of them, or rows of the same group, are "
        "also in the training part.",
        looks="Equal rows are counted by their contents, near copies by their distance, and groups (a "
        "patient, a shop) by their names where they are given. It is an error where the rows that are not "
        "shared score clearly lower, a warning otherwise.",
        why="The table was joined or exported with repetitions, or was split by row although several rows "
        "belong to one thing.",
        todo=(
            "Split by group (split.group, --group): all rows of a group on one side.",
            "Drop the copies (data.clean.duplicates: drop) and score again.",
            "Where the split is given by others, report the score of the rows that are not shared.",
        ),
        source="Barz and Denzler (2020), Do we train on test data? Purging CIFAR of near-duplicates; "
        "Kapoor and Narayanan (2023)",
    ),
    Symptom(
        "too_good",
        "Too good to be true",
        "data",
        3,
        what="The score is nearly perfect, and there is a leak that explains it.",
        looks="Hardly an error on rows that were not trained on, together with a leaking column or shared "
        "rows. A high score alone is no symptom: some tasks are easy.",
        why="The network reads the answer from a column, or has seen the rows before.",
        todo=(
            "Deal with the leaking column or the shared rows first.",
            "Train again, and believe the score without the leak.",
        ),
        source="Kaufman et al. (2012); Kapoor and Narayanan (2023)",
    ),
    Symptom(
        "drift",
        "Parts that are not alike",
        "data",
        4,
        what="Training rows and the rows that the network is judged by come from different distributions.",
        looks="The distribution of single columns and of the target differs between parts by more than "
        "chance and by a lot, or a classifier can tell which part a row is from.",
        why="The parts are from other times, places or devices; one part was scaled or sampled in another "
        "way; the table was sorted and then cut.",
        todo=(
            "See whether both parts went through the same preparation: the same units, the same scaling, "
            "fitted on training rows only.",
            "If time is the cause, split by time (split.time) and expect the later score.",
            "Otherwise split at random within what matters, or collect training rows like those to be "
            "predicted.",
        ),
        source="Rabanser, Günnemann and Lipton (2019), Failing loudly; Lopez-Paz and Oquab (2017), "
        "Revisiting classifier two-sample tests",
    ),
    Symptom(
        "label_errors",
        "Labels that look wrong",
        "data",
        5,
        what="A good part of the labels contradicts what models that have not seen them are sure of.",
        looks="Confident learning: simple models predict each training row from folds that it is not in, "
        "and rows count whose given class is improbable while another is as probable as it usually is for "
        "its own rows. Above some share of the rows it is said, with the rows ranked, the most suspicious "
        "first.",
        why="Slips and disagreement of annotators, labels derived by a rule, classes mixed up in a join.",
        todo=(
            "Look at the first rows of the list; twenty are enough to see whether they are wrong.",
            "Correct or drop those, and train again.",
            "Where they cannot be corrected, use a loss that wrong labels pull less (training.loss: "
            "generalized_cross_entropy or symmetric_cross_entropy; mae or huber for numbers), label "
            "smoothing (training.label_smoothing: 0.1) and early stopping.",
        ),
        source="Northcutt, Jiang and Chuang (2021), Confident learning; Zhang and Sabuncu (2018), "
        "Generalized cross entropy",
    ),
    Symptom(
        "conflicting_labels",
        "Equal rows with different labels",
        "data",
        6,
        what="Rows that agree in all inputs have different targets: no network can get all of them right.",
        looks="Rows are grouped by the contents of their inputs, and groups with more than one target are "
        "counted. The share of rows that must be missed bounds the best possible score.",
        why="The column that would tell them apart is not in the table, or the labels are slips.",
        todo=(
            "Look at the listed rows: what tells them apart, and can it be a column?",
            "Correct the slips. What is truly ambiguous stays: the network then learns the shares.",
        ),
        source="Brodley and Friedl (1999), Identifying mislabeled training data",
    ),
    Symptom(
        "duplicate_rows",
        "Many rows that are repeated",
        "data",
        7,
        what="A good part of the training rows are copies of others and weigh accordingly.",
        looks="Rows are compared by inputs and target together. A few natural repetitions say nothing, "
        "above all where there are few columns with few values each.",
        why="An export or a join that repeats rows, rows drawn with replacement, several sources put "
        "together.",
        todo=(
            "Find out whether the repetition means something (many such sales) or is a slip of the export.",
            "If it is a slip, drop the copies (data.clean.duplicates: drop).",
            "In either case keep copies on one side of the split, as netwright train does.",
        ),
        source="Lee et al. (2022), Deduplicating training data makes language models better; Barz and "
        "Denzler (2020)",
    ),
    Symptom(
        "unshuffled",
        "Rows in the order of their labels",
        "data",
        8,
        what="Neighbouring rows have the same label far more often than chance, in an order that the "
        "training or the split follows.",
        looks="The target of a row tells that of the next one, and batches or parts are taken in that "
        "order: each batch then sees few classes, and the gradient pulls now here, now there.",
        why="The file is sorted by class or by target and is read without shuffling; a loader has "
        "shuffle=False.",
        todo=(
            "Shuffle the rows of each epoch: shuffle=True in the loader. Arrays are shuffled unless told "
            "otherwise.",
            "If the file is sorted, split at random or stratified (split.method), not by cutting it.",
            "If the order is time, it is no slip: split by time (split.time).",
        ),
        source="Bottou (2012), Stochastic gradient descent tricks; Bengio (2012), Practical "
        "recommendations for gradient-based training of deep architectures",
    ),
)
