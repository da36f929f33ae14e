"""Constants against independently known values."""

import math

import pytest

from toymc import constants as c
from toymc.errors import InputError


def test_conversion_factor():
    # (hbar c)^2 = 0.3893793721 GeV^2 mbarn (PDG)
    assert pytest.approx(0.3893793721e12, rel=1e-9) == c.GEV2_TO_FB


def test_curvature_factor():
    # p_T [GeV] = 0.299792458 B [T] R [m]
    assert pytest.approx(1 / (100 / 0.299792458), rel=1e-12) == c.OMEGA_PER_TESLA_GEV_CM


def test_particle_properties_in_our_units():
    assert pytest.approx(1.777, abs=5e-4) == c.M_TAU
    assert pytest.approx(87.03e-4, rel=5e-3) == c.CTAU_TAU_CM
    assert c.ctau_cm(11) == math.inf
    assert c.mass(12) == 0.0
    assert (c.charge(15), c.charge(-321), c.charge(310)) == (-1.0, -1.0, 0.0)
    assert c.width(333) == pytest.approx(4.25e-3, rel=0.01)


def test_unknown_code_is_refused():
    with pytest.raises(InputError, match="unknown PDG code 999999999"):
        c.mass(999999999)
