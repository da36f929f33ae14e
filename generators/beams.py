"""The colliding beams of one event: four-momentum with energy spread and crossing angle, and where they met.

Beam divergence at the interaction point is left out: its effect on the direction of the boost (below 1 mrad) is far
under the angular resolution of any track.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E
from toymc.geometry.beam import BeamCard
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]

# Layout of the array that a BeamCard becomes for the kernels.
E_ELECTRON, SPREAD_ELECTRON, SIN_ELECTRON, COS_ELECTRON = 0, 1, 2, 3
E_POSITRON, SPREAD_POSITRON, SIN_POSITRON, COS_POSITRON = 4, 5, 6, 7
CENTRE, SIGMA, SQRT_S, N_BEAM = 8, 11, 14, 15

REFERENCE_SQRT_S = 10.579
"""GeV; energy of lowest-order cross-sections (``isr=false``) for beams within 5 MeV of it."""
_SAME_ENERGY = 5e-3


def lowest_order_energy(sqrt_s: float, use_isr: bool) -> float:
    """Energy at which a cross-section is computed: that of the beams, at lowest order the reference near to it.

    Parameters
    ----------
    sqrt_s : float
        Of the beam card, GeV.
    use_isr : bool

    Returns
    -------
    float
        GeV.

    Examples
    --------
    >>> lowest_order_energy(10.5796, False), lowest_order_energy(10.5796, True), lowest_order_energy(10.52, False)
    (10.579, 10.5796, 10.52)
    """
    return REFERENCE_SQRT_S if not use_isr and abs(sqrt_s - REFERENCE_SQRT_S) < _SAME_ENERGY else sqrt_s


def beam_array(card: BeamCard) -> FloatArray:
    """Flatten a beam card for the kernels.

    Parameters
    ----------
    card : BeamCard

    Returns
    -------
    float64 (15,)
        Energy, spread (GeV), sine and cosine of the tilt for electrons and positrons; centre and width of the
        luminous region (cm); nominal centre-of-mass energy (GeV).

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> beam_array(load_beam("belle2")).shape
    (15,)
    """
    region = card.luminous_region
    out = np.empty(N_BEAM)
    for first, beam in ((0, card.electron), (4, card.positron)):
        tilt = beam.tilt_rad.value
        out[first : first + 4] = beam.energy_GeV.value, beam.energy_spread_GeV.value, np.sin(tilt), np.cos(tilt)
    out[CENTRE : CENTRE + 3] = region.centre_x_cm.value, region.centre_y_cm.value, region.centre_z_cm.value
    out[SIGMA : SIGMA + 3] = region.sigma_x_cm.value, region.sigma_y_cm.value, region.sigma_z_cm.value
    out[SQRT_S] = card.sqrt_s
    return out


@lean_kernel
def _sample_beams(rng, beam):
    """Electron four-momentum and four-momentum of the pair of beams: (ex, ez, ee, px, pz, e); all py are 0."""
    ee = beam[0] + beam[1] * rng.standard_normal()
    ep = beam[4] + beam[5] * rng.standard_normal()
    pe = np.sqrt(ee * ee - M_E * M_E)
    pp = np.sqrt(ep * ep - M_E * M_E)
    ex = pe * beam[2]
    ez = pe * beam[3]
    return ex, ez, ee, ex + pp * beam[6], ez - pp * beam[7], ee + ep


@lean_kernel
def _sample_vertex(rng, beam):
    """Point of the collision in cm."""
    x = beam[8] + beam[11] * rng.standard_normal()
    y = beam[9] + beam[12] * rng.standard_normal()
    z = beam[10] + beam[13] * rng.standard_normal()
    return x, y, z


@kernel
def _fill_beams(rng, beam, momentum, vertex):
    for i in range(len(momentum)):
        _, _, _, px, pz, e = _sample_beams(rng, beam)
        momentum[i, 0] = px
        momentum[i, 1] = 0.0
        momentum[i, 2] = pz
        momentum[i, 3] = e
        x, y, z = _sample_vertex(rng, beam)
        vertex[i, 0] = x
        vertex[i, 1] = y
        vertex[i, 2] = z


def sample_beams(rng: np.random.Generator, card: BeamCard, n: int) -> tuple[FloatArray, FloatArray]:
    """Draw the four-momentum and the collision point of `n` events.

    Parameters
    ----------
    rng : numpy.random.Generator
    card : BeamCard
    n : int

    Returns
    -------
    momentum : float64 (n, 4)
        px, py, pz, E in GeV, lab frame.
    vertex : float64 (n, 3)
        x, y, z in cm, lab frame.

    Examples
    --------
    >>> from toymc.geometry.beam import load_beam
    >>> from toymc.streams import stream
    >>> momentum, vertex = sample_beams(stream(1, "doc", "test", 0), load_beam("belle2"), 100)
    >>> momentum.shape, vertex.shape
    ((100, 4), (100, 3))
    """
    momentum = np.empty((n, 4))
    vertex = np.empty((n, 3))
    _fill_beams(rng, beam_array(card), momentum, vertex)
    return momentum, vertex


def to_laboratory(
    momenta: FloatArray, energies: FloatArray, events: npt.NDArray[np.int64], beams: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Four-vectors from the e+e- centre of mass, electrons along +z, to the laboratory.

    Parameters
    ----------
    momenta : float64 (n, 3)
        Momenta (or positions).
    energies : float64 (n,)
        Energies (or times, in the units of the positions).
    events : int64 (n,)
        Row of `beams` that each vector belongs to.
    beams : float64 (n_events, 4)
        Four-momentum px, py, pz, E of the pair of beams in GeV; the crossing plane is x-z, so py = 0.

    Returns
    -------
    vectors : float64 (n, 3)
    energies : float64 (n,)

    Examples
    --------
    >>> moved, e = to_laboratory(np.zeros((1, 3)), np.array([2.0]), np.array([0]), np.array([[0.6, 0.0, 0.0, 1.0]]))
    >>> moved[0].round(6).tolist(), e.round(6).tolist()
    ([1.5, 0.0, 0.0], [2.5])
    """
    velocity = beams[:, :3] / beams[:, 3:]
    # direction of the electrons in the centre of mass: massless beams of half crossing angle phi about z have
    # P = ((E1+E2) sin phi, 0, (E1-E2) cos phi), which fixes phi and the energies
    sin_phi = velocity[:, 0]
    cos_phi = np.sqrt(1.0 - sin_phi**2)
    electron = 0.5 * (1.0 + velocity[:, 2] / cos_phi)
    gamma = 1.0 / np.sqrt(1.0 - np.sum(velocity**2, axis=1))
    along = electron * (velocity[:, 0] * sin_phi + velocity[:, 2] * cos_phi)
    shift = gamma**2 / (1.0 + gamma) * along - gamma * electron
    axis_x = electron * sin_phi + shift * velocity[:, 0]
    axis_z = electron * cos_phi + shift * velocity[:, 2]
    length = np.hypot(axis_x, axis_z)
    dx, dz = (axis_x / length)[events], (axis_z / length)[events]
    x = dz * momenta[:, 0] + dx * momenta[:, 2]
    z = dz * momenta[:, 2] - dx * momenta[:, 0]
    rotated = np.stack([x, momenta[:, 1], z, energies], axis=1)
    boosted = boost(rotated, velocity[events])
    return boosted[:, :3], boosted[:, 3]
