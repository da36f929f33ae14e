"""The bosons: couplings, decay modes and total width, from the library of widths (`toymc.generators.models`)."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, M_E, M_MU, M_TAU
from toymc.generators.amplitudes.layout import SPIN_0, SPIN_1
from toymc.generators.llx.layout import N_MODE_COLUMNS
from toymc.generators.llx.widths import KIND_PHOTONS, KIND_PSEUDOSCALAR, KIND_SCALAR, KIND_VECTOR
from toymc.generators.models import alp, leptophilic_scalar, zprime
from toymc.generators.models.two_body import V_HIGGS

FloatArray = npt.NDArray[np.float64]

LEPTON_MASS = {"e": M_E, "mu": M_MU, "tau": M_TAU}
ZPRIME_PDG, SCALAR_PDG, ALP_PDG, CHI_PDG = 32, 54, 36, 52
"""PDG codes: Z' (32), spin-0 mediator (54), pseudoscalar (36, that of the A0), spin-1/2 dark matter (52)."""
_PER_TEV = 1e-3


@dataclass(frozen=True)
class Boson:
    """A boson at one mass and coupling.

    Attributes
    ----------
    spin, pdg : int
    mass, width : float
        GeV.
    coupling : tuple of complex
        c_L, c_R to the primary lepton, then to the electron.
    modes : dict of str to tuple of float rows
        Rows of the table of decays by name of the decay: (kind, mass, factor, 1, pdg).
    """

    spin: int
    pdg: int
    mass: float
    width: float
    coupling: tuple[complex, complex, complex, complex]
    modes: dict[str, tuple[tuple[float, ...], ...]]

    def table(self, decay: str) -> FloatArray:
        """Table of decays with the modes of `decay` (a name or 'all') chosen.

        Returns
        -------
        float64 (n, N_MODE_COLUMNS)
        """
        rows = []
        for name, parts in self.modes.items():
            for kind, mass, factor, _, pdg in parts:
                rows.append((kind, mass, factor, 1.0 if decay in ("all", name) else 0.0, pdg))
        return np.array(rows, dtype=np.float64).reshape(len(rows), N_MODE_COLUMNS)

    def lowest_mass(self, decay: str) -> float:
        """Threshold of the decay in GeV."""
        table = self.table(decay)
        return float(2.0 * table[table[:, 3] > 0.0, 1].min())


def leptophilic(mass: float, xi: float, lepton: str) -> Boson:
    """Leptophilic scalar, L = -xi sum m_l/v phi lbar l.

    Examples
    --------
    >>> boson = leptophilic(1.0, 2.0, "tau")
    >>> abs(boson.width / (4.0 * sum(leptophilic_scalar.widths(1.0).values())) - 1.0) < 1e-12
    True
    """
    yukawa = {name: xi * m / V_HIGGS for name, m in LEPTON_MASS.items()}
    modes: dict[str, tuple[tuple[float, ...], ...]] = {
        name: ((KIND_SCALAR, LEPTON_MASS[flavour], yukawa[flavour] ** 2 / (8.0 * math.pi), 1.0, float(pdg)),)
        for name, flavour, pdg in (("ee", "e", 11), ("mumu", "mu", 13), ("tautau", "tau", 15))
    }
    widths = leptophilic_scalar.widths(mass)
    photons = xi * xi * widths["gamma_gamma"] / mass**3
    modes["gammagamma"] = ((KIND_PHOTONS, 0.0, photons, 1.0, 22.0),)
    y, e = complex(yukawa[lepton]), complex(yukawa["e"])
    return Boson(SPIN_0, SCALAR_PDG, mass, xi * xi * sum(widths.values()), (y, y, e, e), modes)


def axion_like(mass: float, coupling: float, lepton: str) -> Boson:
    """ALP with L = (d_mu a/2 Lambda) C lbar gamma^mu gamma5 l, that is i y gamma5 with y = m_l C/Lambda.

    `coupling` is C/Lambda in TeV^-1.
    """
    yukawa = {name: coupling * _PER_TEV * m for name, m in LEPTON_MASS.items()}
    modes: dict[str, tuple[tuple[float, ...], ...]] = {
        name: ((KIND_PSEUDOSCALAR, LEPTON_MASS[flavour], yukawa[flavour] ** 2 / (8.0 * math.pi), 1.0, float(pdg)),)
        for name, flavour, pdg in (("ee", "e", 11), ("mumu", "mu", 13), ("tautau", "tau", 15))
    }
    width = coupling * coupling * sum(alp.widths(mass).values())
    y, e = yukawa[lepton], yukawa["e"]
    return Boson(SPIN_0, ALP_PDG, mass, width, (-1j * y, 1j * y, -1j * e, 1j * e), modes)


def z_prime(mass: float, coupling: float, alpha_dark: float, mass_dark: float) -> Boson:
    """Z' of L_mu - L_tau with coupling g', and a dark Dirac fermion if alpha_dark > 0."""
    factor = coupling * coupling / (12.0 * math.pi)
    modes: dict[str, tuple[tuple[float, ...], ...]] = {
        "nunu": ((KIND_VECTOR, 0.0, 0.5 * factor, 1.0, 14.0), (KIND_VECTOR, 0.0, 0.5 * factor, 1.0, 16.0)),
        "mumu": ((KIND_VECTOR, M_MU, factor, 1.0, 13.0),),
        "tautau": ((KIND_VECTOR, M_TAU, factor, 1.0, 15.0),),
    }
    width = coupling * coupling * sum(zprime.widths(mass).values())
    if alpha_dark > 0.0:
        modes["chichi"] = ((KIND_VECTOR, mass_dark, alpha_dark / 3.0, 1.0, float(CHI_PDG)),)
        width += zprime.dark_width(mass, alpha_dark, mass_dark)
    g = complex(coupling)
    return Boson(SPIN_1, ZPRIME_PDG, mass, width, (g, g, 0j, 0j), modes)


def photon(initial: bool = True) -> Boson:
    """The photon, with the coupling e to both lines (or to the final one alone) and no decay.

    Examples
    --------
    >>> photon().mass
    0.0
    """
    e = complex(math.sqrt(4.0 * math.pi * ALPHA_LO))
    beams = e if initial else 0j
    return Boson(SPIN_1, 22, 0.0, 0.0, (e, e, beams, beams), {})
