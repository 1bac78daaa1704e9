"""Whether rows come in the order of their targets: in batches, or where the validation rows were cut off."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netwright.doctor.case import Case, Rows
from netwright.doctor.diagnosis import CannotTellError, Diagnosis, Fix
from netwright.doctor.record import Record
from netwright.doctor.standing import standing

SORTED = 0.5  # share of the targets' variance that the place in the order explains
APART = 0.3  # share of the rows whose class would have to change for the parts to agree
BEYOND = 0.9  # greatest distance of the parts' distributions, for numbers
FEWEST = 20
BLOCKS = 20


def unshuffled(case: Case) -> Iterator[Diagnosis]:
    """Rows that are sorted by their targets, and an order that is never drawn anew, or validation rows that
    were cut from the end of them.

    How sorted: the share of the targets' variance between 20 blocks of the order, less what chance gives. It
    is 0 to .1 for shuffled rows, .9 to 1 for sorted ones.
    """
    yield from _cut_off(case)
    found = _batches(case)
    if found is not None:
        yield found


def unshuffled_after(case: Case, record: Record) -> Iterator[Diagnosis]:
    """The same as an error where the network is clearly worse than simple models, which know no order."""
    found = _batches(case)
    if found is None or not ((stand := standing(case)).bad or stand.useless):
        return
    yield Diagnosis(
        found.id, "error", found.message, found.evidence, found.cause, found.fix, member=case.member
    )


def _batches(case: Case) -> Diagnosis | None:
    if case.train is None:
        raise CannotTellError("the training rows come from a loader")
    if case.plan.shuffled is not False or case.task not in ("classes", "yes_no", "numbers"):
        return None
    share = _sorted(case, case.train)
    if share < SORTED or case.counts["train"] <= 2 * case.plan.batch_size:
        return None
    return Diagnosis(
        "unshuffled",
        "warning",
        f"the rows come in the order of their targets ({100 * share:.0f} % of the targets' variance is "
        "between stretches of the order), and are never shuffled: each batch sees a few kinds of rows only",
        {"sorted": share, "series": {"target": _targets(case, case.train.spread(400)).tolist()}},
        "a sorted file, and shuffle=False: the network forgets the first rows while it learns the last",
        Fix("shuffle the rows in each epoch: shuffle=True"),
        member=case.member,
    )


def _cut_off(case: Case) -> Iterator[Diagnosis]:
    """Validation rows from the end of rows in the order of their targets."""
    train, validation = case.train, case.validation
    if train is None or validation is None or min(len(train), len(validation)) < FEWEST:
        return
    if train.numbers is None or validation.numbers is None or case.task == "unknown":
        return
    after = int(validation.numbers.min()) > int(train.numbers.max())
    before = int(validation.numbers.max()) < int(train.numbers.min())
    if not (after or before):
        return
    wanted, held = case.wanted(train), case.wanted(validation)
    if case.task in ("classes", "yes_no"):
        count = int(max(wanted.max(), held.max())) + 1
        shares = [np.bincount(each, minlength=count) / len(each) for each in (wanted, held)]
        apart = 0.5 * float(np.abs(shares[0] - shares[1]).sum())
        chance = float(np.sqrt(count / len(held)))  # about twice of what the same rows would give
        unseen = [code for code in range(count) if shares[0][code] == 0 and shares[1][code] > 0]
        share = float(shares[1][unseen].sum())
        if apart < APART + 0.5 * chance:
            return
        told = f"{100 * share:.0f} % of them are of classes that training never sees ({_list(unseen)})"
        evidence = {
            "apart": apart,
            "unseen": unseen,
            "series": {"train_share": shares[0].tolist(), "validation_share": shares[1].tolist()},
        }
        if not share:
            told = f"the classes' shares differ for {100 * apart:.0f} % of the rows"
    elif case.task == "numbers":
        from scipy.stats import ks_2samp

        share = 0.0
        apart = float(ks_2samp(wanted[:, 0], held[:, 0]).statistic)  # type: ignore[union-attr]
        if apart < BEYOND or _sorted(case, train) < SORTED:
            return
        told = (
            f"their targets lie at {np.median(held[:, 0]):.4g} in the middle, those of the training rows at "
            f"{np.median(wanted[:, 0]):.4g}"
        )
        evidence = {"apart": apart}
    else:
        return
    yield Diagnosis(
        "unshuffled",
        "error" if share >= 0.5 else "warning",
        f"the validation rows are the {'last' if after else 'first'} rows, and the rows stand in the order "
        f"of their targets: {told}",
        evidence,
        "a sorted file, and a validation part that was cut from its end",
        Fix("shuffle the rows before they are split, each class alike in all parts (stratified)"),
        member=case.member,
    )


def _targets(case: Case, rows: Rows) -> np.ndarray:
    wanted = case.wanted(rows)
    return (wanted if wanted.ndim == 1 else wanted[:, 0]).astype(np.float64)


def _sorted(case: Case, rows: Rows) -> float:
    """Share of the targets' variance between stretches of the order, less what chance gives; 0 to 1."""
    wanted = case.wanted(rows)
    if wanted.ndim == 1:
        values = np.eye(int(wanted.max()) + 1)[wanted]  # [n, C]
    else:
        values = wanted.argsort(0).argsort(0).astype(np.float64)  # ranks: no tail counts more than another
    blocks = min(BLOCKS, len(values) // 4)
    if blocks < 2:
        return 0.0
    whole = float(values.var(0).sum())
    if whole == 0:
        return 0.0
    parts = np.array_split(values, blocks)
    inside = sum(len(part) * float(part.var(0).sum()) for part in parts) / len(values)
    chance = (blocks - 1) / (len(values) - 1)
    return max(0.0, 1 - inside / whole - chance) / (1 - chance)


def _list(codes: list[int]) -> str:
    return ", ".join(str(code) for code in codes[:5]) + (", ..." if len(codes) > 5 else "")
