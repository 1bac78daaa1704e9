from __future__ import annotations

import re

import pytest
import torch
from sklearn.metrics import r2_score
from torch import nn
from torch.nn import functional

from netwright import Sequential, layers
from netwright.doctor.checks.head import wrong_head
from netwright.doctor.diagnosis import CannotTellError

CE, BCE = nn.CrossEntropyLoss(), nn.BCEWithLogitsLoss()
BY_NAME = "sparse_categorical_crossentropy"


def ended(zoo, last, outputs=3):
    """A network that ends with a function of its logits."""
    return zoo.Computed(lambda parts, x: last(parts[0](x)), zoo.mlp(6, 8, outputs))


def by_hand(x):
    powers = x.exp()
    return powers / powers.sum(1, keepdim=True)


FAULTS = {
    # name: ends with, outputs, loss, severity, what is said
    "softmax twice": (lambda x: x.softmax(1), 3, CE, "error", "ends with softmax.*squashed twice"),
    "softmax by hand": (by_hand, 3, CE, "error", "squashed twice"),
    "softmax as a function": (lambda x: x.softmax(1), 3, BY_NAME, "error", "squashed twice"),
    "sigmoid before cross entropy": (torch.sigmoid, 3, CE, "error", "ends with sigmoid.*squashed twice"),
    "sigmoid twice": (torch.sigmoid, 1, BCE, "error", "ends with sigmoid.*squashed twice"),
    "relu before logits": (torch.relu, 3, CE, "error", "ends with relu, which gives no numbers below 0"),
    "relu before yes or no": (torch.relu, 1, BCE, "error", "no numbers below 0"),
    "clamp": (lambda x: x.clamp(0, 5), 1, nn.MSELoss(), "error", "ends with clamp.*from 0 to 5, and 5.% of"),
    "tanh before logits": (torch.tanh, 3, CE, "warning", "numbers from -1 to 1"),
    "relu, regression": (torch.relu, 1, nn.MSELoss(), "error", "ends with relu.*targets lie outside"),
    "tanh, regression": (torch.tanh, 1, nn.L1Loss(), "error", "numbers from -1 to 1, and 3.% of the"),
    "softmax over rows": (lambda x: x.softmax(0), 3, CE, "error", "goes over the rows of a batch"),
    "log-softmax over rows": (
        lambda x: x.log_softmax(0),
        3,
        nn.NLLLoss(),
        "error",
        "log_softmax at the end goes over the rows",
    ),
    "softmax of one": (lambda x: x.softmax(1), 1, nn.BCELoss(), "error", "over a single column"),
    "nll of logits": (lambda x: x, 3, nn.NLLLoss(), "error", "logarithms of prob.*comes out of linear"),
    "nll of probabilities": (
        lambda x: x.softmax(1),
        3,
        nn.NLLLoss(),
        "error",
        "the probabilities themselves",
    ),
    "within bounds": (lambda x: 0.5 + 0.1 * x.relu(), 1, nn.BCELoss(), None, ""),
}


def targets(zoo, outputs, loss):
    if isinstance(loss, nn.MSELoss | nn.L1Loss):
        return zoo.rows(1, seed=3)
    return zoo.codes() if outputs == 3 else zoo.codes(2)[:, None].float()


@pytest.mark.parametrize("name", FAULTS)
def test_ends_that_do_not_fit_the_loss(zoo, start, name):
    last, outputs, loss, severity, pattern = FAULTS[name]
    case = zoo.case_for(ended(zoo, last, outputs), loss, zoo.rows(6), targets(zoo, outputs, loss))
    found = zoo.told(wrong_head(case))
    if severity is None:
        assert found == []
        return
    assert len(found) == 1
    assert found[0][0] == severity
    assert re.search(pattern, found[0][1]), found


def test_targets_out_of_reach_cost_what_the_best_answers_within_leave(zoo, start):
    case = zoo.case_for(ended(zoo, torch.tanh, 1), nn.MSELoss(), zoo.rows(6), zoo.rows(1, seed=3))
    (found,) = wrong_head(case)
    y = case.train.target.reshape(-1)
    assert found.evidence["gained"] == pytest.approx(1 - r2_score(y, y.clamp(-1, 1)), abs=1e-4)


def test_targets_hardly_out_of_reach_prove_nothing(zoo, start):
    case = zoo.case_for(
        ended(zoo, torch.tanh, 1), nn.MSELoss(), zoo.rows(6), 1.02 * zoo.rows(1, seed=3).sign()
    )
    (found,) = wrong_head(case)
    assert "gained" not in found.evidence


def test_softmax_over_places_instead_of_classes(zoo, start):
    net = zoo.Computed(lambda parts, x: parts[0](x).log_softmax(-1), zoo.Segmenter())
    case = zoo.case_for(net, nn.NLLLoss(), zoo.rows(1, 8, 8), (zoo.rows(8, 8) > 0).long())
    [(severity, text)] = zoo.told(wrong_head(case))
    assert severity == "error"
    assert "axis 3" in text
    assert "classes are on axis 1" in text


@pytest.mark.parametrize(
    ("outputs", "loss", "target", "severity", "text"),
    [
        (1, CE, "yes", "error", "one output: the loss is the same whatever it answers"),
        (1, BCE, "signs", "error", "wants targets from 0 to 1, and they go from -1 to 1"),
        (1, BCE, "codes", "error", "they go from 0 to 2"),
        (1, nn.MSELoss(), "codes", "warning", "look like 3 classes numbered 0 to 2"),
        (3, nn.MSELoss(), "one-hot", "warning", "look like 3 classes, and the loss mse is for numbers"),
        (4, CE, "labels", "warning", "several labels at once"),
    ],
)
def test_losses_that_do_not_fit_the_targets(zoo, start, outputs, loss, target, severity, text):
    yes = zoo.codes(2)[:, None].float()
    y = {
        "yes": yes,
        "signs": 2 * yes - 1,
        "codes": zoo.codes()[:, None].float(),
        "one-hot": zoo.one_hot(),
        "labels": (zoo.rows(4, seed=4) > 0).float(),
    }[target]
    [found] = zoo.told(wrong_head(zoo.case_for(zoo.mlp(6, 8, outputs), loss, zoo.rows(6), y)))
    assert found[0] == severity
    assert text in found[1]


def test_what_a_function_computes_is_looked_into(zoo, start):
    case = zoo.case_for(
        zoo.mlp(6, 8, 3), lambda out, y: functional.cross_entropy(out.softmax(1), y), zoo.rows(6), zoo.codes()
    )
    assert "squashed twice" in zoo.told(wrong_head(case))[0][1]


def test_a_loss_that_is_not_known_is_told(zoo, start):
    case = zoo.case_for(zoo.mlp(6, 8, 1), lambda out, y: ((out - y) ** 2).mean(), zoo.rows(6), zoo.rows(1))
    with pytest.raises(CannotTellError, match="function of its own"):
        list(wrong_head(case))


def test_heavy_tails_and_counts_are_no_codes(zoo, start):
    counts = torch.poisson(torch.full((150, 1), 1.5), generator=torch.Generator().manual_seed(0))
    assert list(wrong_head(zoo.case_for(zoo.mlp(6, 8, 1), nn.MSELoss(), zoo.rows(6), 7 * counts))) == []


def test_layers_by_hand(zoo):
    grab = zoo.Grab()
    twice = [layers.Dense(8, "relu"), layers.Dense(3, "softmax"), layers.Activation("softmax")]
    model = Sequential(twice)
    model.compile(optimizer="adam", loss=BY_NAME)
    model.fit(zoo.rows(6).numpy(), zoo.codes().numpy(), epochs=1, verbose=0, callbacks=[grab])
    assert "squashed twice" in zoo.told(wrong_head(grab.before))[0][1]


@pytest.mark.parametrize(("shape", "said"), [((-1,), True), ((-1, 1), False)])
def test_answers_that_are_compared_with_the_targets_of_all_rows(zoo, start, shape, said):
    def loss(output, target):
        return (output - target).square().mean()

    case = zoo.case_for(zoo.mlp(6, 8, 1), loss, zoo.rows(6), zoo.rows(1).reshape(shape))
    if not said:
        with pytest.raises(CannotTellError, match="function of its own"):
            list(wrong_head(case))
        return
    [(severity, text)] = zoo.told(wrong_head(case))
    assert severity == "error"
    assert "targets of all rows" in text
    assert re.search(r"answers \[(\d+), 1\] and targets \[\1\]", text)


def test_a_loss_without_targets_is_not_stretched(zoo, start):
    case = zoo.case_for(zoo.mlp(6, 8, 1), lambda out, y: out.square().mean(), zoo.rows(6), zoo.rows(1)[:, 0])
    with pytest.raises(CannotTellError):
        list(wrong_head(case))


def test_labels_that_do_not_exclude_each_other_need_probabilities_of_their_own(zoo, start):
    x, random = zoo.rows(6), torch.Generator().manual_seed(0)
    several = (torch.rand(len(x), 3, generator=random) > 0.5).float()
    one = torch.nn.functional.one_hot(zoo.codes(), 3).float()
    for target, told in ((several, ["error"]), (one, [])):
        case = zoo.case_for(ended(zoo, lambda each: each.softmax(-1), 3), nn.BCELoss(), x, target)
        assert [severity for severity, _ in zoo.told(wrong_head(case))] == told
