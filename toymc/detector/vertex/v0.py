"""K_S, Lambda and converted photons from pairs of reconstructed tracks, by the rules of the card's vertexing section.

As basf2's V0Finder: every pair of opposite charge whose point of closest approach lies away from the beam, or whose
momenta are nearly parallel, is fitted once; it is kept under each hypothesis whose windows it passes, so that one pair
may be a K_S, a Lambda and a photon at the same time. What this model does not have to do: hits inside of the vertex are
not removed from a track, because simulated tracks have none there.
"""

import math

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, M_P, M_PI, OMEGA_PER_TESLA_GEV_CM
from toymc.detector.tables import Detector
from toymc.detector.vertex.fit import VertexFit, _run, beam_spot, gather
from toymc.detector.vertex.radii import start_radii
from toymc.events import Reconstruction, V0s
from toymc.geometry.vertexing import HadronRules, MassWindow, VertexingSection
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

KINDS = (310, 3122, -3122, 22)
"""PDG codes of the hypotheses, in the order in which a pair is tried."""
_MASSES = np.array([[M_PI, M_PI], [M_P, M_PI], [M_PI, M_P], [M_E, M_E]])
"""Masses of the positive and the negative track under them."""


@kernel
def _may_be_displaced(d0a, phia, tana, z0a, d0b, phib, tanb, z0b, rho_min, cos_opening):
    """Nearly parallel, or straight lines at the perigees that are closest away from the beam."""
    na, nb = 1.0 / math.sqrt(1.0 + tana * tana), 1.0 / math.sqrt(1.0 + tanb * tanb)
    ax, ay, az = na * math.cos(phia), na * math.sin(phia), na * tana
    bx, by, bz = nb * math.cos(phib), nb * math.sin(phib), nb * tanb
    cosine = ax * bx + ay * by + az * bz
    sine_square = 1.0 - cosine * cosine
    if cosine > cos_opening or sine_square < 1e-12:
        return True
    px, py = d0a * math.sin(phia), -d0a * math.cos(phia)
    qx, qy = d0b * math.sin(phib), -d0b * math.cos(phib)
    dx, dy, dz = qx - px, qy - py, z0b - z0a
    da, db = dx * ax + dy * ay + dz * az, dx * bx + dy * by + dz * bz
    along_a, along_b = (da - db * cosine) / sine_square, (da * cosine - db) / sine_square
    x = 0.5 * (px + qx + along_a * ax + along_b * bx)
    y = 0.5 * (py + qy + along_a * ay + along_b * by)
    return x * x + y * y > rho_min * rho_min


@kernel
def _pairs(offsets, d0, phi0, omega, z0, tan_lambda, rho_min, cos_opening, event, plus, minus):
    """Write events and rows (of the whole table) of the pairs to fit; counts alone if the arrays are empty."""
    n = np.int64(0)
    write = len(plus) > 0
    for e in range(len(offsets) - 1):
        for i in range(offsets[e], offsets[e + 1]):
            if omega[i] <= 0.0:
                continue
            for j in range(offsets[e], offsets[e + 1]):
                if omega[j] >= 0.0:
                    continue
                if _may_be_displaced(
                    d0[i], phi0[i], tan_lambda[i], z0[i], d0[j], phi0[j], tan_lambda[j], z0[j], rho_min, cos_opening
                ):
                    if write:
                        event[n], plus[n], minus[n] = e, i, j
                    n += 1
    return n


def _select_pairs(reconstruction: Reconstruction, section: VertexingSection) -> tuple[IntArray, IntArray, IntArray]:
    """Event, row of the positive and row of the negative track of every pair to fit."""
    tracks = reconstruction.tracks
    columns = (tracks.offsets, tracks.d0, tracks.phi0, tracks.omega, tracks.z0, tracks.tan_lambda)
    cuts = (section.pair.rho_min_cm.value, float(section.pair.cos_opening.value))
    none = np.empty(0, dtype=np.int64)
    n = int(_pairs(*columns, *cuts, none, none, none))
    event, plus, minus = (np.empty(n, dtype=np.int64) for _ in range(3))
    if n:
        _pairs(*columns, *cuts, event, plus, minus)
    return event, plus, minus


def _within(mass: FloatArray, window: MassWindow) -> BoolArray:
    inside: BoolArray = (mass > window.low.value) & (mass < window.high.value)
    return inside


def _reachable(p: FloatArray, masses: FloatArray, window: MassWindow) -> BoolArray:
    """Whether momenta p (n, 2) can make a mass in the window at some angle between them."""
    energy = np.sqrt(p * p + masses * masses).sum(axis=1)
    least, most = energy**2 - p.sum(axis=1) ** 2, energy**2 - (p[:, 0] - p[:, 1]) ** 2
    possible: BoolArray = (most > window.low.value**2) & (least < window.high.value**2)
    return possible


def _accepted(
    fit: VertexFit, masses: FloatArray, p: FloatArray, section: VertexingSection, inside_pipe: bool
) -> BoolArray:
    """Which hypotheses (columns, as `KINDS`) each fitted pair passes."""
    radius = np.hypot(fit.position[:, 0], fit.position[:, 1])
    outside = radius > section.vertex.radius_min_cm.value
    good = (fit.status == 0) & (fit.chi2 < section.vertex.chi2_max.value)
    good &= np.cos(fit.pointing_angle) >= section.vertex.cos_pointing_min.value
    table = np.zeros((len(radius), len(KINDS)), dtype=np.bool_)
    rules: tuple[HadronRules, ...] = (section.k_short, section.lambda_, section.lambda_)
    for column, rule in enumerate(rules):
        mass = masses[:, 2 * column]
        kept = outside & _reachable(p, _MASSES[column], rule.possible) & _within(mass, rule.fitted)
        if inside_pipe:
            kept |= ~outside & _within(mass, rule.inside)
        table[:, column] = good & kept
    table[:, 3] = good & outside & (masses[:, 6] < section.photon.mass_max.value)
    return table


def find_v0s(
    reconstruction: Reconstruction,
    detector: Detector,
    *,
    settings: VertexingSection | None = None,
    inside_pipe: bool = False,
) -> V0s:
    """Find K_S, Lambda, anti-Lambda and converted photons among the tracks of each event.

    Parameters
    ----------
    reconstruction : Reconstruction
    detector : Detector
    settings : VertexingSection, optional
        Rules in place of those of the detector's card (`card.vertexing.model_copy(update=...)`).
    inside_pipe : bool
        Also take pairs with a vertex inside of the beam pipe whose mass lies in the narrower windows for them, as the
        standard K_S and Lambda lists of basf2 do: every pair of tracks is fitted then.

    Returns
    -------
    V0s
        Sorted by event, then by positive and negative track, then by hypothesis in the order of `KINDS`; a pair may
        appear under several.

    Notes
    -----
    Source of the rules: basf2, tracking/modules/V0Finder and analysis/scripts/stdV0s.py; the numbers with their sources
    are in vertexing.toml of the card.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch, simulate
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> detector = build_detector(load_card("belle2"))
    >>> pions = particle_batch([211, -211], [[0.5, 0.2, 0.1], [0.5, -0.2, 0.1]], [[3.0, 0.0, 0.6]] * 2)
    >>> event = simulate(pions, detector, stream(1, "v0", "test", 0))
    >>> find_v0s(event, detector).n_events == event.n_events
    True
    """
    section = settings if settings is not None else detector.card.vertexing
    if inside_pipe:
        everything = section.pair.rho_min_cm.model_copy(update={"value": 0.0})
        section = section.model_copy(update={"pair": section.pair.model_copy(update={"rho_min_cm": everything})})
    event, plus, minus = _select_pairs(reconstruction, section)
    rows = np.stack([plus, minus], axis=1)
    helices, covs = gather(reconstruction, rows)
    field = detector.card.field.solenoid_tesla.value
    radii = start_radii(reconstruction.tracks, detector.card)[rows]
    fit, masses = _run(
        helices, covs, _MASSES, len(KINDS), field, beam_spot(detector.card), 0, None, None, False, radii
    )
    p = OMEGA_PER_TESLA_GEV_CM * abs(field) * np.sqrt(1.0 + helices[:, :, 4] ** 2) / np.abs(helices[:, :, 2])
    pair, kind = np.nonzero(_accepted(fit, masses, p, section, inside_pipe))
    return _table(reconstruction, event[pair], plus[pair], minus[pair], kind, fit, masses, pair)


def _table(
    reconstruction: Reconstruction, event: IntArray, plus: IntArray, minus: IntArray, kind: IntArray, fit: VertexFit,
    masses: FloatArray, pair: IntArray,
) -> V0s:  # fmt: skip
    """The event record's table of accepted (pair, hypothesis) combinations."""
    n_events = reconstruction.tracks.n_events
    counts = np.bincount(event, minlength=n_events)
    first = reconstruction.tracks.offsets[event]
    x, y, z = (np.ascontiguousarray(column) for column in fit.position[pair].T)
    px, py, pz = (np.ascontiguousarray(column) for column in fit.momentum[pair].T)
    return V0s(
        offsets=np.concatenate(([0], np.cumsum(counts))),
        kind=np.array(KINDS, dtype=np.int32)[kind],
        plus=(plus - first).astype(np.int32),
        minus=(minus - first).astype(np.int32),
        x=x,
        y=y,
        z=z,
        cov=fit.position_cov[pair],
        px=px,
        py=py,
        pz=pz,
        mass=masses[pair, 2 * kind],
        mass_error=masses[pair, 2 * kind + 1],
        chi2=fit.chi2[pair],
    )
