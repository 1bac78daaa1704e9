"""What a repair has tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Attempt:
    """One change that was tried.

    Arguments:
        diagnosis: id of what it is for.
        changes: what was changed, in words.
        before: mean mark (accuracy or R²; of classes that are rare, mean recall) on validation rows without
            the change, after as many epochs.
        after: the same with it.
        error: standard error of the gain, of paired rows.
        epochs: of the training with the change; 0 where nothing was trained.
        accepted: whether the change was kept.
        why: in words.
        config: the changes as settings, by dotted key; empty where they are none.
    """

    diagnosis: str
    changes: tuple[str, ...]
    before: float
    after: float
    error: float
    epochs: int
    accepted: bool
    why: str
    config: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For a file, beside the diagnoses."""
        return asdict(self) | {"changes": list(self.changes)}

    @classmethod
    def of(cls, values: dict[str, Any]) -> Attempt:
        """What `as_dict` gave."""
        given: dict[str, Any] = values | {"changes": tuple(values["changes"])}
        return cls(**given)
