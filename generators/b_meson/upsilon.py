"""e+e- -> Upsilon(4S) -> B Bbar: energy of the pair, photons of the beams, angle of the mesons.

Each event draws the two beam energies and, with radiation, the energy fraction that either beam loses, from the
structure function of `toymc.generators.isr` (its soft form is exact here to 1e-6: a loss above 0.6 % ends below
threshold). It is kept with probability sigma(s')/max, where the line is a P-wave Breit-Wigner
sigma(s) ~ Gamma(s)/((s - M^2)^2 + M^2 Gamma(s)^2), Gamma(s) = Gamma_0 (p/p_0)^3 (M/sqrt(s)) F(p)/F(p_0),
F = 1/(1 + R^2 p^2) [J. Blatt, V. Weisskopf, Theoretical Nuclear Physics (1952)], mass and width of the PDG, p the
momentum of that species: below its threshold nothing is made. B+ and B0 have lines of their own; how often each
is made is an input (f+-/f00), not a result. Without radiation only the beam spread is left, cut at the threshold.

The total width that the PDG gives comes from another form of the line [BaBar, PRD 72 (2005) 032005]; the slope
of the line over the 5 MeV of the beam spread is known to some ten per cent, so is the pull of the mean energy.

The mesons are spinless and the Upsilon has helicity +-1 along the beams: dN/dcos(theta*) ~ sin^2(theta*).
"""

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, mass, width
from toymc.errors import InputError
from toymc.generators.b_meson.inputs import M_B_PLUS, M_B_ZERO, UPSILON_4S, number
from toymc.generators.beams import _sample_beams, beam_array
from toymc.generators.initial_state import _recoil
from toymc.generators.isr import V_MIN, _isr_photons, beta_electron
from toymc.generators.lorentz import _times_boost, _unit_matrix
from toymc.geometry.beam import BeamCard
from toymc.kernels import kernel, lean_kernel

FloatArray = npt.NDArray[np.float64]

_N_LINE = 4096
_SPREADS = 8.0
"""The line is tabulated up to this many standard deviations of the energy above nominal."""


class UpsilonTables(NamedTuple):
    """What `_upsilon` needs.

    `line` (2, n): sigma(s')/max of B+ and B0 pairs at equidistant momenta 0..`reals[3]`. `reals`: masses of B+ and B0,
    largest loss of a beam to the power beta/2, largest momentum, 2/beta. `numbers`: as in `isr.IsrTables`.
    """

    beam: FloatArray
    line: FloatArray
    reals: FloatArray
    numbers: FloatArray
    isr: int


def line_shape(sqrt_s: npt.ArrayLike, b_mass: float, radius: float | None = None) -> FloatArray:
    """Shape of sigma(e+e- -> B Bbar) without radiation, 1 at sqrt(s) = M of the Upsilon(4S).

    Parameters
    ----------
    sqrt_s : array_like
        GeV.
    b_mass : float
        GeV.
    radius : float, optional
        Blatt-Weisskopf radius in 1/GeV, from the table by default.

    Returns
    -------
    float64 array
        0 below threshold.

    Examples
    --------
    >>> line_shape([10.55, 10.5794], 5.2794).round(6).tolist()
    [0.0, 1.0]
    """
    e = np.asarray(sqrt_s, dtype=np.float64)
    r = number("upsilon", "radius_inverse_GeV") if radius is None else radius
    m, g = mass(UPSILON_4S), width(UPSILON_4S)
    p2 = np.clip(0.25 * e * e - b_mass * b_mass, 0.0, None)
    p02 = 0.25 * m * m - b_mass * b_mass
    running = g * (p2 / p02) ** 1.5 * (m / e) * (1.0 + r * r * p02) / (1.0 + r * r * p2)
    return np.asarray(m * m * g * running / ((e * e - m * m) ** 2 + (m * running) ** 2))


def upsilon_tables(beam: BeamCard, isr: bool = True) -> UpsilonTables:
    """Tables of the production for one beam card.

    Parameters
    ----------
    beam : BeamCard
    isr : bool
        Radiation and line shape; False leaves the beam spread alone.

    Raises
    ------
    InputError
        For beams more than eight standard deviations away from where pairs can be made.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> upsilon_tables(load_beam("belle2")).line.shape
    (2, 4097)
    """
    return _tables(beam.model_dump_json(), beam.sqrt_s, isr)


@cache
def _tables(card: str, sqrt_s: float, isr: bool) -> UpsilonTables:
    beam = BeamCard.model_validate_json(card)
    relative = [b.energy_spread_GeV.value / b.energy_GeV.value for b in (beam.electron, beam.positron)]
    highest = sqrt_s * (1.0 + _SPREADS * 0.5 * float(np.hypot(relative[0], relative[1])))
    threshold = 2.0 * max(M_B_PLUS, M_B_ZERO)
    if not threshold < highest < 11.0:
        raise InputError(
            f"centre-of-mass energy {sqrt_s:.5g} GeV of the beam card: B pairs of the Upsilon(4S) need {threshold:.5g} "
            "to 10.9 GeV"
        )
    momentum = float(np.sqrt(0.25 * highest**2 - min(M_B_PLUS, M_B_ZERO) ** 2))
    p = np.linspace(0.0, momentum, _N_LINE + 1)
    line = np.ones((2, _N_LINE + 1))
    if isr:
        line = np.stack([line_shape(2.0 * np.sqrt(p * p + m * m), m) for m in (M_B_PLUS, M_B_ZERO)])
        line /= line.max(axis=1, keepdims=True)
    beta = beta_electron(sqrt_s**2)
    loss = 1.0 - (2.0 * min(M_B_PLUS, M_B_ZERO) / highest) ** 2
    eps = 4.0 * M_E**2 / sqrt_s**2
    log_max = 2.0 * np.log1p(np.sqrt(1.0 - eps)) - np.log(eps)
    return UpsilonTables(
        beam=beam_array(beam),
        line=line,
        reals=np.array([M_B_PLUS, M_B_ZERO, loss ** (0.5 * beta), momentum, 2.0 / beta]),
        numbers=np.array([2.0 / beta, 0.0, sqrt_s**2, eps, log_max]),
        isr=int(isr),
    )


@lean_kernel
def _accept_pair(rng, s_prime, neutral, line, reals):
    """True with probability sigma(s')/max."""
    p2 = 0.25 * s_prime - reals[neutral] * reals[neutral]
    if p2 <= 0.0:
        return False
    x = np.sqrt(p2) / reals[3] * (line.shape[1] - 1)
    i = min(int(x), line.shape[1] - 2)
    return rng.random() < line[neutral, i] + (x - i) * (line[neutral, i + 1] - line[neutral, i])


@lean_kernel
def _lost(rng, reals):
    """Energy fraction that one beam radiates: density of the soft part times its hard bracket, near 1 - v."""
    while True:
        v = (reals[2] * rng.random()) ** reals[4]
        if rng.random() < 1.0 - v:
            return v if v > V_MIN else 0.0


@lean_kernel
def _upsilon(rng, neutral, beam, line, reals, numbers, isr, photons, frame, work):
    """One Upsilon(4S): (photons of the beams, its mass, axis of the beams in its rest frame).

    photons (>=2, 4) in the lab; frame (4, 4): rest frame of the Upsilon -> lab.
    """
    v1, v2 = 0.0, 0.0
    while True:
        ex, ez, ee, px, pz, e = _sample_beams(rng, beam)
        s = e * e - px * px - pz * pz
        if isr != 0:
            v1, v2 = _lost(rng, reals), _lost(rng, reals)
        s_prime = (1.0 - v1) * (1.0 - v2) * s
        if _accept_pair(rng, s_prime, neutral, line, reals):
            break
    root = np.sqrt(s)
    _unit_matrix(work)
    _times_boost(work, px / e, 0.0, pz / e, e / root, frame)
    shift = (ee + (ee * e - ex * px - ez * pz) / root) / (e + root)
    dx, dz = ex - shift * px, ez - shift * pz
    length = np.sqrt(dx * dx + dz * dz)
    dx, dz = dx / length, dz / length
    n = _isr_photons(rng, v1, v2, s, numbers, photons)
    if n == 0:
        return 0, root, dx, 0.0, dz
    n, s_prime, ax, ay, az = _recoil(rng, n, s, s_prime, dx, dz, photons, frame, work)
    return n, np.sqrt(s_prime), ax, ay, az


@lean_kernel
def _sample_sine_squared(rng):
    """cos(theta) with density 3/4 (1 - c^2): the inverse of its integral in closed form."""
    return 2.0 * np.sin(np.arcsin(2.0 * rng.random() - 1.0) / 3.0)


@kernel
def _fill_pairs(rng, neutral, beam, line, reals, numbers, isr, energy, cosine, photons):
    work, frame, photon = np.empty((4, 4)), np.empty((4, 4)), np.empty((2, 4))
    for i in range(len(energy)):
        n, energy[i], _, _, _ = _upsilon(rng, neutral, beam, line, reals, numbers, isr, photon, frame, work)
        photons[i] = 0.0
        for j in range(n):
            photons[i] += photon[j, 3]
        cosine[i] = _sample_sine_squared(rng)


def sample_pairs(
    rng: np.random.Generator, tables: UpsilonTables, n: int, neutral: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mass of the Upsilon, cosine of the mesons to the beams, energy lost to photons.

    Parameters
    ----------
    rng : numpy.random.Generator
    tables : UpsilonTables
    n : int
    neutral : bool
        B0 pairs; B+ pairs by default.

    Returns
    -------
    energy : float64 (n,)
        Mass of the pair in GeV.
    cosine : float64 (n,)
        In its rest frame.
    photons : float64 (n,)
        Energy of the photons of the beams in GeV, lab.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> from toymc.streams import stream
    >>> energy, _, _ = sample_pairs(stream(1, "doc", "test", 0), upsilon_tables(load_beam("belle2")), 100)
    >>> bool((energy > 2.0 * M_B_PLUS).all())
    True
    """
    energy, cosine, photons = np.empty(n), np.empty(n), np.empty(n)
    _fill_pairs(rng, int(neutral), *tables, energy, cosine, photons)
    return energy, cosine, photons
