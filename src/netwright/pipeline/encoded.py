"""Rows encoded once before a training, where their features cannot change in its course.

Members with the same training rows, such as all trials of one fold, share fitted encoders and features.
"""

from __future__ import annotations

from dataclasses import replace

from netwright.data.dataset import Dataset
from netwright.nn.encoders import ENCODED
from netwright.nn.network import Network
from netwright.training.population import Member

MOST_BYTES = 256_000_000  # of features; beyond it they are computed in each step


def encode_once(network: Network, data: Dataset, members: list[Member]) -> tuple[Dataset, list[Member]]:
    """Fits the members' encoders, and encodes all rows for each set of training rows.

    Arguments:
        network: of these members; its encoders are fitted where something is encoded.
        data: raw tensors of all rows on the network's device.
        members: M of them.

    Returns:
        The features in the place of the raw tensors, one set of training rows after another, and the members
        with the numbers of their rows there; what was given where encoders learn, or features take too much
        room.
    """
    sets: dict[bytes, list[int]] = {}
    for place, member in enumerate(members):
        sets.setdefault(member.train.numpy().tobytes(), []).append(place)
    features = sum(network.encoders.columns)
    if not network.encoders.constant or 4 * len(sets) * len(data) * features > MOST_BYTES:
        return data, members
    for alike in sets.values():
        rows = members[alike[0]].train.to(data.target.device)
        network.fit_preparation(alike[0], data.raw, data.target, data.weight, rows)
        for values in network.encoders.state_dict().values():
            values[alike] = values[alike[0]].clone()
    different = network.select([alike[0] for alike in sets.values()])
    assert isinstance(different, Network)
    encoded = Dataset(
        {ENCODED: different.encode(data.raw).flatten(0, 1)},  # [sets * N, D]
        data.target.repeat(len(sets), *[1] * (data.target.dim() - 1)),
        data.weight.repeat(len(sets)),
    )
    moved = list(members)
    for number, alike in enumerate(sets.values()):
        start = number * len(data)
        for place in alike:
            member = members[place]
            moved[place] = replace(member, train=member.train + start, validation=member.validation + start)
    return encoded, moved
