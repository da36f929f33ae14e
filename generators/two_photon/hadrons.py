"""gamma gamma -> pi+ pi-, K+ K-, p pbar: partial waves fitted to measurements, as a table in W for the kernels.

The parametrisation is that of TREPS (``generators/data/two_photon_hadrons.toml`` has the form, the numbers and their
source). At low W it is about half of the Born term of scalar QED for pions (final-state interaction, and what the
experiments measured); around 1.27 GeV the f2(1270) in helicity 2 interferes with the D wave.
"""

import tomllib
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.constants import ALPHA_LO, GEV2_TO_FB, mass
from toymc.errors import InputError
from toymc.kernels import lean_kernel

FloatArray = npt.NDArray[np.float64]

KINDS = ("pions", "kaons", "protons")
W_HIGH = 10.6
_STEP = 0.002
_NB_GEV2 = GEV2_TO_FB * 1e-6
_EDGE = 0.8  # |z| beyond which the high-energy angular distribution is constant
_EDGE_INTEGRAL = 0.5 * (_EDGE / (1.0 - _EDGE**2) + np.arctanh(_EDGE)) + (1.0 - _EDGE) / (1.0 - _EDGE**2) ** 2
# columns: 1, sqrt(5) P2, 5 P2^2, 15/8 (1-z^2)^2, 1/(1-min(|z|, 0.8)^2)^2 normalised to 1 over |z| from 0 to 1
N_WAVES = 5


@cache
def hadron_card() -> dict[str, Any]:
    """Contents of ``two_photon_hadrons.toml``.

    Examples
    --------
    >>> hadron_card()["pions"]["pdg"]
    211
    """
    text = (resources.files("toymc.generators") / "data" / "two_photon_hadrons.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _tensor(w: FloatArray, m: float, card: dict[str, Any]) -> npt.NDArray[np.complex128]:
    """Amplitude of the tensor meson in helicity 2, nb^(1/2)."""
    m_r, width, radius = card["mass_GeV"], card["width_GeV"], card["radius"]

    def momentum(x: FloatArray | float) -> FloatArray:
        return np.asarray(np.sqrt(np.maximum(0.25 * np.square(x) - m * m, 0.0)))

    def barrier(x: FloatArray) -> FloatArray:
        return np.asarray(1.0 / (9.0 + 3.0 * x * x + x**4))

    q, q_r = momentum(w), momentum(m_r)
    running = (q / q_r) ** 5 * barrier(q * radius) / barrier(q_r * radius)
    strength = 40.0 * np.pi * m_r / w * card["gamma_gamma_GeV"] * width * card["fraction"] * _NB_GEV2
    line = np.sqrt(strength) * running / (m_r * m_r - w * w - 1j * m_r * width * running)
    return np.asarray(line * np.exp(1j * np.radians(card["phase_deg"])))


def _lorentz(w: FloatArray, card: dict[str, Any]) -> FloatArray:
    quarter = 0.25 * card["width_GeV"] ** 2
    return np.asarray(card["peak_nb"] * quarter / ((w - card["mass_GeV"]) ** 2 + quarter))


def _eta_c(w: FloatArray, card: dict[str, Any]) -> FloatArray:
    m, width = card["mass_GeV"], card["width_GeV"]
    strength = 8.0 * np.pi * m / w * card["gamma_gamma_fraction_GeV"] * width * _NB_GEV2
    return np.asarray(strength / ((m * m - w * w) ** 2 + (m * width) ** 2))


def waves(kind: str, w: npt.ArrayLike) -> FloatArray:
    """Strengths of the angular functions at given masses of the pair.

    Parameters
    ----------
    kind : {"pions", "kaons", "protons"}
    w : array_like
        Mass of the pair, GeV.

    Returns
    -------
    float64 (..., 5)
        nb; of 1, sqrt(5) P2, 5 P2^2, 15/8 (1-z^2)^2 and the function of high energies. Zero below the pair's threshold
        or the lowest W of the parametrisation.

    Raises
    ------
    InputError
        For an unknown pair.

    Examples
    --------
    >>> bool(280.0 < waves("pions", 1.27)[[0, 2, 3, 4]].sum() < 400.0)
    True
    """
    if kind not in KINDS:
        raise InputError(f"no gamma gamma cross-section for '{kind}': allowed are {', '.join(KINDS)}")
    card = hadron_card()[kind]
    w = np.asarray(w, dtype=np.float64)
    m = mass(card["pdg"])
    safe = np.maximum(w, card["lowest_GeV"])
    low = np.minimum(safe, card["high_from_GeV"]) if kind == "protons" else safe
    first, last = card["grid_GeV"]
    grid = np.linspace(first, last, len(card["a"]))
    a, b, d = (np.interp(low, grid, card[name]) for name in "abd")
    out = np.zeros((*w.shape, N_WAVES))
    if kind == "pions":
        r = _tensor(safe, m, card["tensor"])
        out[..., 0] = a * a + _lorentz(safe, card["lorentz"])
        out[..., 1], out[..., 2] = 2.0 * a * b, b * b
        out[..., 3] = d * d + 2.0 * d * r.real + np.abs(r) ** 2
    else:
        out[..., 0], out[..., 2], out[..., 3] = a, b, d
        if kind == "kaons":
            out[..., 3] += np.abs(_tensor(safe, m, card["tensor"])) ** 2 + _lorentz(safe, card["lorentz"])
    above = safe >= card["high_from_GeV"]
    if kind == "protons":
        out *= np.where(above, (card["high_from_GeV"] / safe) ** card["high_power"], 1.0)[..., None]
        out[..., 0] += _eta_c(safe, card["eta_c"])
    else:
        out[above] = 0.0
        out[..., 4] = np.where(above, card["high_nb_GeV6"] / safe ** card["high_power"] * _EDGE_INTEGRAL, 0.0)
    out[w < max(2.0 * m, card["lowest_GeV"])] = 0.0
    return out


def angular_functions(z: npt.ArrayLike) -> FloatArray:
    """The five angular functions, each but the second normalised to 1 over |z| from 0 to 1.

    Returns
    -------
    float64 (..., 5)

    Examples
    --------
    >>> angular_functions(0.0).shape
    (5,)
    """
    z = np.asarray(z, dtype=np.float64)
    p2 = np.sqrt(5.0) * 0.5 * (3.0 * z * z - 1.0)
    edge = 1.0 - np.minimum(np.abs(z), _EDGE) ** 2
    functions = (np.ones_like(z), p2, p2 * p2, 1.875 * (1.0 - z * z) ** 2, 1.0 / (edge * edge * _EDGE_INTEGRAL))
    return np.stack(functions, axis=-1)


def cross_section_nb(kind: str, w: npt.ArrayLike) -> FloatArray:
    """gamma gamma -> h+ h- over all angles in nb.

    Examples
    --------
    >>> float(cross_section_nb("pions", 1.25)) > 300.0
    True
    """
    strengths = waves(kind, w)
    return np.asarray(strengths.sum(axis=-1) - strengths[..., 1])


def born_pions_nb(w: npt.ArrayLike) -> FloatArray:
    """gamma gamma -> pi+ pi- in scalar QED over all angles, nb [V. Budnev et al., Phys. Rep. 15 (1975) 181, App. E].

    Examples
    --------
    >>> round(float(born_pions_nb(0.5)))
    242
    """
    w = np.asarray(w, dtype=np.float64)
    beta = np.sqrt(1.0 - 4.0 * mass(211) ** 2 / w**2)
    log = np.log((1.0 + beta) / (1.0 - beta))
    shape = beta * (2.0 - beta**2) - 0.5 * (1.0 - beta**4) * log
    return np.asarray(2.0 * np.pi * ALPHA_LO**2 / w**2 * _NB_GEV2 * shape)


@cache
def wave_table(kind: str) -> FloatArray:
    """Strengths on a uniform grid in W for the kernels.

    Returns
    -------
    float64 (n + 1, 5)
        Row 0: lowest W, 1/step, three unused.

    Examples
    --------
    >>> wave_table("kaons").shape[1]
    5
    """
    low = max(2.0 * mass(hadron_card()[kind]["pdg"]), hadron_card()[kind]["lowest_GeV"])
    n = int((W_HIGH - low) / _STEP) + 2
    w = low + _STEP * np.arange(n)
    table = np.zeros((n + 1, N_WAVES))
    table[0, 0], table[0, 1] = low, 1.0 / _STEP
    table[1:] = waves(kind, w)
    return table


@lean_kernel
def _hadron_rate(table, w, z):
    """d sigma/dz in nb for z from -1 to 1 (half of the one for |z|), 0 outside the table."""
    x = (w - table[0, 0]) * table[0, 1]
    if x < 0.0 or x >= len(table) - 2:
        return 0.0
    i = int(x)
    f = x - i
    p2 = np.sqrt(5.0) * 0.5 * (3.0 * z * z - 1.0)
    edge = 1.0 - min(abs(z), _EDGE) ** 2
    c = 1.0 - z * z
    total = 0.0
    for k in range(N_WAVES):
        strength = table[1 + i, k] + f * (table[2 + i, k] - table[1 + i, k])
        if k == 0:
            total += strength
        elif k == 1:
            total += strength * p2
        elif k == 2:
            total += strength * p2 * p2
        elif k == 3:
            total += strength * 1.875 * c * c
        else:
            total += strength / (edge * edge * _EDGE_INTEGRAL)
    return 0.5 * max(total, 0.0)
