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
        looks="All inputs, targets and weights of the rows that the doctor keeps are looked through; one "
        "missing or infinite number is enough, since one makes the loss of its batch NaN and the next step "
        "every weight. So are targets that the loss does not know, such as class 5 of 5 that are counted "
        "from 0. Networks for tables take missing cells as such; inputs that the network makes finite "
        "itself are a note, and test rows a warning.",
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
        when="both",
    ),
    Symptom(
        "leaking_column",
        "A column that gives the target away",
        "data",
        1,
        what="One input alone predicts the target almost perfectly, which is rarely luck.",
        looks="A decision tree on one column alone gains 85 % and more of what a constant prediction "
        "leaves to be gained, on rows that it has not seen, about as much as all columns together, while "
        "all the others together are far behind (15 % and more, or 2 % beside a perfect column). An error "
        "where the column tells practically everything. So are a column that is the target itself, in "
        "another unit, in a quarter of the rows, columns of two values that each tell one class and never "
        "err, a column of the shares of yes among the rows that have its values, and a total whose parts, "
        "the target among them, add up exactly. In a table the checks "
        "of the data have looked before, at sums and differences of columns too.",
        why="The column is a copy or a consequence of the target, is filled in after the fact (a date of "
        "discharge, an amount refunded), counts rows that were sorted by class, is a mean of the "
        "targets of few rows, or a mark in a picture put there by those who knew.",
        todo=(
            "Ask whether the column is known at the moment of prediction.",
            "If not, drop it (data.clean.drop_columns, or data.clean.leaks: drop) and train again: the "
            "honest score is the one without it.",
            "If it is known and simply this good, keep it; a rule on that column may serve as well.",
        ),
        source="Kaufman, Rosset, Perlich and Stitelman (2012), Leakage in data mining; Kapoor and "
        "Narayanan (2023), Leakage and the reproducibility crisis in machine-learning-based science",
        when="before",
    ),
    Symptom(
        "shared_rows",
        "Rows that stand in more than one part",
        "data",
        2,
        what="Rows of the validation or test part, or near copies of them, or rows of the same group, are "
        "also in the training part.",
        looks="Rows of the validation and test parts that are equal to a training row, or closer to one "
        "than a quarter of the distance that neighbours have which are nothing to each other (told from "
        "those further off, since all near ones may be copies); and groups (a patient, a shop) with rows in "
        "two parts, where groups are given. An error from 10 % of a part on, or where the "
        "shared rows make the score at least .02 better than it is on the others; a note below 8 %, and "
        "where equal rows come up by chance because no column is continuous.",
        why="The table was joined or exported with repetitions, or was split by row although several rows "
        "belong to one thing.",
        todo=(
            "Split by group (split.group, --group): all rows of a group on one side.",
            "Drop the copies (data.clean.duplicates: drop) and score again.",
            "Where the split is given by others, report the score of the rows that are not shared.",
        ),
        source="Barz and Denzler (2020), Do we train on test data? Purging CIFAR of near-duplicates; "
        "Kapoor and Narayanan (2023)",
        when="both",
    ),
    Symptom(
        "too_good",
        "Too good to be true",
        "data",
        3,
        what="The score is nearly perfect, and there is a leak that explains it.",
        looks="98 % and more of the validation rows are answered rightly, together with a leaking column "
        "or shared rows. A high score alone is no symptom: some tasks are easy.",
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
        looks="Single columns and the target are compared between training rows and validation or test "
        "rows: a distance of Kolmogorov and Smirnov of .2 and more that chance gives in any column less "
        "than once in a thousand times, or a classifier that tells the parts apart with an area under the "
        "curve of .65. A warning; an error where the scale of a column is another altogether, where "
        "classes are missing among the training rows, or where models clearly lose by it. An error too where "
        "nothing is to be seen of the columns, but models that know unseen training rows lose .1 and 5 "
        "standard errors. Several rows of one thing are taken together in all this. And an error where the "
        "network takes most rows of a class for another one in one part alone, and that one for the first.",
        why="The parts are from other times, places or devices; one part was scaled or sampled in another "
        "way; the table was sorted and then cut; columns stand in another order.",
        todo=(
            "See whether both parts went through the same preparation: the same units, the same scaling, "
            "fitted on training rows only.",
            "If time is the cause, split by time (split.time) and expect the later score.",
            "Otherwise split at random within what matters, or collect training rows like those to be "
            "predicted.",
        ),
        source="Rabanser, Günnemann and Lipton (2019), Failing loudly; Lopez-Paz and Oquab (2017), "
        "Revisiting classifier two-sample tests",
        when="both",
    ),
    Symptom(
        "label_errors",
        "Labels that look wrong",
        "data",
        5,
        what="A good part of the labels contradicts what models that have not seen them are sure of.",
        looks="Confident learning: linear models, nearest neighbours and trees predict each training row "
        "from folds that it is not in, and rows are suspected whose given class is improbable while "
        "another is as probable as it usually is for its own rows. Whether any are wrong is read from the "
        "rows that models are surest of: where classes overlap hardly any of them has another label, and "
        "how many would is computed class by class; wrong labels are as frequent there as anywhere, and as "
        "frequent among the surest quarter of these. The network is asked too where it knows more than "
        "simple models. Targets that the inputs of a neighbouring row tell, where rows come in no order, "
        "stand beside the wrong rows. A warning from 7 % on, an error from "
        "15 % on where chance is far; the suspected rows are listed, the worst first. For numbers: a part of "
        "the targets does not follow the predictions at all, or up to 5 % are of another size than all "
        "others, beyond a gap that no tail explains, and spoil the network. A warning too where the network "
        "learns rows by heart and nobody is sure of others: then either targets are wrong or the inputs say "
        "little of them; and where models tell a fifth less of training rows than of all other parts.",
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
        looks="Training rows are grouped by the contents of their inputs, and rows with more than one "
        "target counted; numbers conflict when they are half a standard deviation apart. A warning from 5 "
        "% of the rows on, an error where no network can be right on 10 %; a note where the columns are so "
        "coarse that this is to be expected.",
        why="The column that would tell them apart is not in the table, or the labels are slips.",
        todo=(
            "Look at the listed rows: what tells them apart, and can it be a column?",
            "Correct the slips. What is truly ambiguous stays: the network then learns the shares.",
        ),
        source="Brodley and Friedl (1999), Identifying mislabeled training data",
        when="before",
    ),
    Symptom(
        "duplicate_rows",
        "Many rows that are repeated",
        "data",
        7,
        what="A good part of the training rows are copies of others and weigh accordingly.",
        looks="Training rows are compared by inputs and target together. A note from 5 % of copies on, a "
        "warning from 10 % on, unless all columns are coarse: few columns of few values repeat by nature.",
        why="An export or a join that repeats rows, rows drawn with replacement, several sources put "
        "together.",
        todo=(
            "Find out whether the repetition means something (many such sales) or is a slip of the export.",
            "If it is a slip, drop the copies (data.clean.duplicates: drop).",
            "In either case keep copies on one side of the split, as netwright train does.",
        ),
        source="Lee et al. (2022), arXiv 2107.06499; Barz and Denzler (2020), arXiv 1902.00423",
        when="before",
    ),
    Symptom(
        "unshuffled",
        "Rows in the order of their labels",
        "data",
        8,
        what="Neighbouring rows have the same label far more often than chance, in an order that the "
        "training or the split follows.",
        looks="The rows are cut into 20 stretches: in shuffled rows these differ in their targets by "
        "chance only (0 to 10 % of the variance), in sorted rows by 90 % and more. Looked at where batches "
        "are taken in that order (from half of the variance on), and where validation rows were cut from "
        "one end.",
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
        when="both",
    ),
)
