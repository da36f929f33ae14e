"""Vacuum polarisation of the photon in the time-like region: leptons exact at one loop, hadrons as a parametrisation.

The running coupling is alpha / |1 - Delta alpha(s)|. The hadronic real part is the smooth parametrisation of Burkhardt
and Pietrzyk [PLB 513 (2001) 46] at |q^2| = s; the poles of the narrow Upsilon(1S..3S) just below the Upsilon(4S) are
not in it. They would add about +6e-4 to Delta alpha at 10.58 GeV (3 Gamma_ee s / (alpha M (s - M^2)) for each, less
their share of the parametrisation and the states above), that is +0.13 % to the cross-section; this is part of the
quoted error. The imaginary part takes the exact lepton loops and the parton model for the hadrons (2e-4 of the
result).
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA, M_E, M_MU, M_TAU
from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

_LEPTON_MASSES = (M_E, M_MU, M_TAU)


@cache
def _card() -> dict[str, Any]:
    path = Path(__file__).parent / "data" / "vacuum_polarisation.toml"
    with path.open("rb") as handle:
        return tomllib.load(handle)


def leptonic(q2: npt.ArrayLike) -> ComplexArray:
    """One-loop lepton contribution to Delta alpha(q^2), exact in the masses.

    Parameters
    ----------
    q2 : array_like
        Photon virtuality in GeV^2, positive in the time-like region, not 0.

    Returns
    -------
    complex128 array
        Real part, and imaginary part alpha/3 * sum beta (3 - beta^2)/2 above the thresholds.

    Notes
    -----
    Delta alpha = alpha/(3 pi) sum_l [1/3 - (1 + 2 m^2/q^2) (2 + beta ln((beta-1)/(beta+1)))] with
    beta = sqrt(1 - 4 m^2/q^2) [e.g. W. Hollik, Fortschr. Phys. 38 (1990) 165, eq. (3.5)]; for q^2 >> m^2 this tends to
    alpha/(3 pi) (ln(q^2/m^2) - 5/3 - i pi).

    Examples
    --------
    >>> round(float(leptonic(10.58**2).real), 4)
    0.0213
    """
    s = np.asarray(q2, dtype=np.complex128)
    total = np.zeros_like(s)
    for mass in _LEPTON_MASSES:
        ratio = mass * mass / s
        beta = np.sqrt(1.0 - 4.0 * ratio)
        # (beta - 1)/(beta + 1) = -4 m^2/s / (1 + beta)^2, free of cancellation; s + i0 puts the cut below
        log = np.log(-4.0 * ratio / (1.0 + beta) ** 2 + 0.0j)
        exact = 1.0 / 3.0 - (1.0 + 2.0 * ratio) * (2.0 + beta * log)
        x = 1.0 / ratio
        # far below threshold the exact form cancels: its series in x = q^2/m^2
        total += np.where(np.abs(x) < 1e-3, -x * (1.0 / 5.0 + 3.0 * x / 140.0), exact)
    return np.asarray(ALPHA / (3.0 * np.pi) * total)


def hadronic(q2: npt.ArrayLike, edition: str = "2001") -> FloatArray:
    """Real part of the hadronic contribution (five flavours) to Delta alpha(q^2).

    Parameters
    ----------
    q2 : array_like
        GeV^2; the parametrisation depends on its absolute value.
    edition : {"2001", "1995"}

    Returns
    -------
    float64 array

    Raises
    ------
    InputError
        For an unknown edition.

    Examples
    --------
    >>> round(float(hadronic(10.58**2)), 5)
    0.01496
    """
    if edition not in ("2001", "1995"):
        raise InputError(f"unknown edition '{edition}' of the hadronic vacuum polarisation: give 2001 or 1995")
    regions = _card()["regions"] if edition == "2001" else _card()["earlier"]["regions"]
    x = np.abs(np.asarray(q2, dtype=np.float64))
    index = np.minimum(np.searchsorted([r["up_to_GeV"] ** 2 for r in regions], x), len(regions) - 1)
    a, b, c = (np.array([r[key] for r in regions])[index] for key in "abc")
    return np.asarray(a + b * np.log1p(c * x))


def _hadronic_imaginary(s: FloatArray) -> FloatArray:
    """-(alpha/3) R with the parton model R = 3 sum Q^2 (1 + alpha_s/pi), alpha_s(10 GeV) = 0.18 [PDG, QCD review]."""
    r = np.where(s > (2 * 1.87) ** 2, 10.0 / 3.0, 2.0) * (1.0 + 0.18 / np.pi)  # D meson threshold: charm opens
    return np.asarray(-ALPHA / 3.0 * r)


def enhancement(s: npt.ArrayLike, edition: str = "2001") -> FloatArray:
    """Factor 1/|1 - Delta alpha(s)|^2 on a cross-section that is given with alpha(0)^2.

    Parameters
    ----------
    s : array_like
        Squared energy in GeV^2, time-like, above the resonance region (s > 9 GeV^2).
    edition : {"2001", "1995"}
        Edition of the hadronic parametrisation.

    Returns
    -------
    float64 array

    Examples
    --------
    >>> round(float(enhancement(10.58**2)), 3)
    1.076
    """
    s = np.asarray(s, dtype=np.float64)
    loops = leptonic(s)
    real = 1.0 - loops.real - hadronic(s, edition)
    imaginary = loops.imag + _hadronic_imaginary(s)
    return np.asarray(1.0 / (real * real + imaginary * imaginary))


def enhancement_error(s: npt.ArrayLike) -> FloatArray:
    """Absolute uncertainty of `enhancement`: dispersion integral, and half the step from the 1995 to the 2001 edition.

    Examples
    --------
    >>> float(enhancement_error(10.58**2)) < 2e-3
    True
    """
    s = np.asarray(s, dtype=np.float64)
    nominal = enhancement(s)
    dispersion = 2.0 * nominal**1.5 * _card()["relative_error"]["value"] * hadronic(s)
    step = 0.5 * (enhancement(s, "1995") - nominal)
    return np.asarray(np.hypot(dispersion, step))
