"""Detectors of the cards, built once."""

import pytest

from toymc.detector import build_detector
from toymc.geometry import load_card


@pytest.fixture(scope="session")
def belle2():
    return build_detector(load_card("belle2"))


@pytest.fixture(scope="session", params=["belle2", "belle2_run2", "belle"])
def any_detector(request):
    return build_detector(load_card(request.param))
