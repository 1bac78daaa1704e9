"""What is chosen on validation rows after the training: the members' weights, and the threshold."""

from __future__ import annotations

import numpy as np
import torch

from netwright.config import Config
from netwright.data.dataset import Dataset
from netwright.data.schema import Task
from netwright.errors import InputError
from netwright.evaluate.ensemble import greedy_weights
from netwright.evaluate.threshold import METRICS, choose
from netwright.nn.network import Network


def check_decisions(config: Config, validation: np.ndarray) -> None:
    """Refuses choices on validation rows that are not there.

    Raises:
        InputError: names the option.
    """
    if len(validation):
        return
    hint = "give split.validation a share above 0, such as 0.16"
    if config.training.threshold in METRICS:
        what = f"training.threshold is {config.training.threshold}, and no validation rows choose it"
        raise InputError(what, where="training.threshold", hint=f"{hint}, or a number between 0 and 1")
    if config.ensemble.weights == "greedy":
        what = "ensemble.weights is greedy, and no validation rows choose the weights"
        raise InputError(what, where="ensemble.weights", hint=f"{hint}, or take equal")


@torch.no_grad()
def decide(network: Network, data: Dataset, task: Task, config: Config, validation: np.ndarray) -> None:
    """Sets the network's `member_weights` and `threshold`.

    Arguments:
        network: trained.
        data: raw tensors and targets on the network's device.
        task: of the target.
        config: resolved; `ensemble.weights` and `training.threshold` count.
        validation: numbers of the rows that choose. They did not train the members. [n] int64
    """
    rows = torch.from_numpy(validation).to(data.weight.device)
    wanted = config.training.threshold
    if config.ensemble.weights == "greedy" and network.members > 1:
        outputs = network.predict(data.raw, rows).double().cpu().numpy()
        truth, weight = data.target[rows].cpu().numpy(), data.weight[rows].double().cpu().numpy()
        network.member_weights = greedy_weights(task, truth, outputs, weight)
    if wanted in METRICS:
        output = network.predict_mean(data.raw, rows).double().cpu().numpy()
        network.threshold = choose(data.target[rows].cpu().numpy(), output[:, 1], str(wanted))
    elif isinstance(wanted, float):
        network.threshold = wanted
