"""The symptoms that the doctor knows: the one source of `doctor --list`, `--explain`, guide and ranks.

A file for each stage at which things go wrong, in the order in which they cause others.
"""

from __future__ import annotations

from netwright.doctor.catalogue.breakdown import BREAKDOWN
from netwright.doctor.catalogue.data import DATA
from netwright.doctor.catalogue.generalisation import GENERALISATION
from netwright.doctor.catalogue.learning import LEARNING
from netwright.doctor.catalogue.steps import STEPS
from netwright.doctor.catalogue.structure import STRUCTURE
from netwright.doctor.catalogue.symptom import FAMILIES, Family, Symptom

__all__ = ["FAMILIES", "SYMPTOMS", "Family", "Symptom"]

SYMPTOMS: dict[str, Symptom] = {
    each.id: each for each in (*DATA, *STRUCTURE, *BREAKDOWN, *STEPS, *LEARNING, *GENERALISATION)
}
"""by id, in the order of their ranks"""
