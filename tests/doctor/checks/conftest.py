from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch


@pytest.fixture(scope="session")
def zoo() -> ModuleType:
    """Healthy networks, and parts to build faulty ones of."""
    path = Path(__file__).parent / "zoo.py"
    spec = importlib.util.spec_from_file_location("doctor_zoo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def start() -> None:
    torch.manual_seed(0)
