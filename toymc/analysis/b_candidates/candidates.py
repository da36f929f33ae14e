"""B -> K(*) S, S -> x x: from reconstructed tracks to a table of candidates.

The pair is fitted to a vertex without any constraint: its position, mass and momentum come from there; the kaon (the
K*'s kaon and pion) is taken at its perigee. Everything that a selection of arXiv:2306.02830 cuts on is a column.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.b_candidates.combinations import SLACK_ENERGY_GEV, SLACK_MOMENTUM_GEV, Windows, _combinations
from toymc.analysis.b_candidates.extrapolation import extrapolated_theta
from toymc.analysis.b_candidates.reduced_mass import reduced_mass
from toymc.analysis.b_candidates.truth import codes, mother_rows, true_rows
from toymc.analysis.candidates import track_columns
from toymc.analysis.event_variables import event_variables
from toymc.analysis.frames import beam_constrained_mass, check_frame, delta_energy
from toymc.constants import M_K, M_PI
from toymc.detector import Detector
from toymc.detector.calorimeter import recover_bremsstrahlung
from toymc.detector.vertex import beam_spot, fit_pairs, start_radii
from toymc.errors import InputError
from toymc.events import Reconstruction

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class PairChannel:
    """What a candidate is made of, and the wide windows it must lie in.

    Attributes
    ----------
    product_mass : float
        Mass of each of the two products of S, GeV.
    kstar : bool
        K*0 -> K+ pi- in place of K+.
    kaon_mass : float
        Mass given to the single track, GeV; that of a pion for control modes.
    mbc_min, delta_e_max : float
        Of the table, GeV: sidebands included.
    displacement_min : float
        Smallest transverse distance of the pair's vertex from the interaction point, cm.
    kaon_dr_max, kaon_dz_max : float
        |d0| and |z0| of the tracks of the kaon, cm.
    kstar_window : tuple of float
        Masses of K pi, GeV.
    recover : bool
        Photons that the products of S radiated (electrons) are added to their momenta.
    """

    product_mass: float
    kstar: bool = False
    kaon_mass: float = M_K
    mbc_min: float = 5.20
    delta_e_max: float = 0.25
    displacement_min: float = 0.0
    kaon_dr_max: float = 0.5
    kaon_dz_max: float = 3.0
    kstar_window: tuple[float, float] = (0.796, 0.996)
    recover: bool = False

    def __post_init__(self) -> None:
        """Refuse windows that hold nothing."""
        values = (self.delta_e_max, self.kaon_dr_max, self.kaon_dz_max, self.kaon_mass)
        if not (0.0 <= self.product_mass < 2.5 and self.mbc_min > 0.0 and all(value > 0.0 for value in values)):
            raise InputError(
                f"product_mass = {self.product_mass}, mbc_min = {self.mbc_min}, delta_e_max = {self.delta_e_max}, "
                f"kaon_dr_max = {self.kaon_dr_max}, kaon_dz_max = {self.kaon_dz_max}: give positive numbers, a product "
                "lighter than 2.5 GeV"
            )
        if not (self.displacement_min >= 0.0 and 0.0 < self.kstar_window[0] < self.kstar_window[1]):
            raise InputError(
                f"displacement_min = {self.displacement_min}, kstar_window = {self.kstar_window}: give a distance of "
                "0 cm or more and two rising masses"
            )


def _windows(channel: PairChannel, boost: FloatArray, sqrt_s: float) -> Windows:
    square = 0.25 * sqrt_s**2 - channel.mbc_min**2
    if not square > 0.0:
        raise InputError(f"mbc_min = {channel.mbc_min} GeV at sqrt(s) = {sqrt_s} GeV: give less than half of sqrt(s)")
    return Windows(
        boost_x=float(boost[0]),
        boost_y=float(boost[1]),
        boost_z=float(boost[2]),
        gamma=float(1.0 / np.sqrt(1.0 - boost @ boost)),
        beam_energy=0.5 * sqrt_s,
        energy_window=channel.delta_e_max + SLACK_ENERGY_GEV,
        momentum_max=float(np.sqrt(square)) + SLACK_MOMENTUM_GEV,
        product_mass=channel.product_mass,
        kaon_mass=channel.kaon_mass,
        pion_mass=M_PI,
        with_pion=int(channel.kstar),
        kstar_low=channel.kstar_window[0],
        kstar_high=channel.kstar_window[1],
        d0_max=channel.kaon_dr_max,
        z0_max=channel.kaon_dz_max,
    )


def _photons(reco: Reconstruction, detector: Detector, channel: PairChannel) -> FloatArray:
    """Momentum of the radiated photons found for every track, (n_tracks, 3), GeV; zeros without recovery."""
    t = reco.tracks
    if not channel.recover:
        return np.zeros((len(t.px), 3))
    found = recover_bremsstrahlung(reco, detector)
    return np.stack([found.px - t.px, found.py - t.py, found.pz - t.pz], axis=1)


def _combine(
    reco: Reconstruction, windows: Windows, photons: FloatArray
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Kaon rows (n, 2), pair of each combination (n,), tracks of the pairs (n_pairs, 2), event (n,)."""
    t = reco.tracks
    qx, qy, qz = (np.ascontiguousarray(p + photons[:, k]) for k, p in enumerate((t.px, t.py, t.pz)))
    columns = (t.offsets, t.d0, t.z0, t.px, t.py, t.pz, qx, qy, qz, t.charge, windows)
    none, flat = np.empty((0, 2), dtype=np.int64), np.empty(0, dtype=np.int64)
    n, n_pairs = _combinations(*columns, none, flat, none, flat)
    found, pairs = (np.empty((size, 2), dtype=np.int64) for size in (n, n_pairs))
    pair_of, event = (np.empty(n, dtype=np.int64) for _ in range(2))
    if n:
        _combinations(*columns, found, pair_of, pairs, event)
    return found, pair_of, pairs, event


def _energy(momentum: FloatArray, mass: float) -> FloatArray:
    values: FloatArray = np.sqrt((momentum**2).sum(axis=-1) + mass**2)
    return values


def _mass(momenta: FloatArray, mass: float) -> FloatArray:
    """Invariant mass of pairs of momenta (n, 2, 3) of particles of one mass."""
    square = _energy(momenta, mass).sum(axis=1) ** 2 - (momenta.sum(axis=1) ** 2).sum(axis=1)
    values: FloatArray = np.sqrt(np.maximum(square, 0.0))
    return values


def _kaon_momentum(reco: Reconstruction, rows: IntArray, mass: float) -> tuple[FloatArray, FloatArray]:
    """Momentum (n, 3) and energy (n,) of the K or K*, tracks at their perigees."""
    t = reco.tracks
    momentum = np.stack([t.px, t.py, t.pz], axis=1)
    kaon = momentum[rows[:, 0]]
    energy = _energy(kaon, mass)
    if len(rows) and rows[0, 1] >= 0:
        pion = momentum[rows[:, 1]]
        return kaon + pion, energy + _energy(pion, M_PI)
    return kaon, energy


def b_candidates(
    reco: Reconstruction, detector: Detector, channel: PairChannel, boost: npt.ArrayLike, sqrt_s: float
) -> Columns:
    """All candidates of a channel in a batch of events.

    Parameters
    ----------
    reco : Reconstruction
    detector : Detector
    channel : PairChannel
    boost : array-like (3,)
        Velocity of the e+e- centre of mass in the laboratory, units of c.
    sqrt_s : float
        Centre-of-mass energy in GeV.

    Returns
    -------
    dict of str to array (n,)
        One row per candidate, events in order; see `toymc.analysis.variables.VARIABLES`. GeV, cm, rad.

    Raises
    ------
    InputError
        For a boost or an energy that cannot be, or windows above half of it.

    Notes
    -----
    Source: Belle II, arXiv:2306.02830. Candidates whose vertex fit fails are left out.

    Examples
    --------
    >>> from toymc.analysis import frames
    >>> from toymc.detector import build_detector, simulate
    >>> from toymc.generators.processes import prepare
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> detector = build_detector(load_card("belle2"))
    >>> signal = prepare("b_k_scalar", {"mass": 1.0, "ctau": 1.0, "other": "none"})
    >>> batch = signal.generate(stream(1, "b", "generate", 0), 200)
    >>> reco = simulate(batch, detector, stream(1, "b", "simulate", 0))
    >>> beam = detector.card.beam
    >>> table = b_candidates(reco, detector, PairChannel(0.10566), beam.boost, beam.sqrt_s)
    >>> bool(abs(np.median(table["M"]) - 1.0) < 0.02)
    True
    """
    b = check_frame(boost, sqrt_s)
    photons = _photons(reco, detector, channel)
    found, pair_of, pairs, event = _combine(reco, _windows(channel, b, sqrt_s), photons)
    field = detector.card.field.solenoid_tesla.value
    spot = beam_spot(detector.card)
    radii = start_radii(reco.tracks, detector.card)[pairs]
    fit = fit_pairs(
        reco, pairs[:, 0], pairs[:, 1], [channel.product_mass] * 2, field, origin=spot, radii=radii
    )  # fmt: skip
    momentum, energy = _kaon_momentum(reco, found, channel.kaon_mass)
    momenta = fit.momenta + photons[pairs]
    pair_energy = _energy(momenta, channel.product_mass).sum(axis=1)
    total = momentum + momenta.sum(axis=1)[pair_of]
    gamma = 1.0 / np.sqrt(1.0 - b @ b)
    sum_energy = energy + pair_energy[pair_of]
    centre = gamma * (sum_energy - total @ b)
    square = centre**2 - (sum_energy**2 - (total**2).sum(axis=1))
    mbc = beam_constrained_mass(np.sqrt(np.maximum(square, 0.0)), sqrt_s)
    delta_e = delta_energy(centre, sqrt_s)
    flight = np.hypot(fit.flight[:, 0], fit.flight[:, 1])[pair_of]
    keep = (fit.status == 0)[pair_of] & (mbc > channel.mbc_min) & (np.abs(delta_e) < channel.delta_e_max)
    keep &= flight >= channel.displacement_min
    rows = np.nonzero(keep)[0]
    pair, event = pair_of[rows], event[rows]
    columns: Columns = {"event": event, "Mbc": mbc[rows], "deltaE": delta_e[rows], "dv": flight[rows]}
    columns.update(_pair_columns(fit.flight[pair], momenta[pair], channel.product_mass))
    columns["pairChi2"] = fit.chi2[pair]
    columns["foxWolframR2"] = event_variables(reco, b, sqrt_s)["foxWolframR2"][event]
    tracks = {"kaon": found[rows, 0], "x1": pairs[pair, 0], "x2": pairs[pair, 1]}
    if channel.kstar:
        tracks["pion"] = found[rows, 1]
        columns["kstarM"] = np.sqrt(energy[rows] ** 2 - (momentum[rows] ** 2).sum(axis=1))
    for name, track in tracks.items():
        columns[f"{name}_row"] = track
        columns.update(track_columns(reco, event, track, name))
    for k, name in enumerate(("x1", "x2")):
        columns[f"{name}_thetaExtrapolated"] = extrapolated_theta(
            fit.position[pair], fit.momenta[pair, k], columns[f"{name}_charge"], detector
        )
    columns.update(_truth_columns(reco, event, tracks))
    columns["weight"], columns["triggerWeight"] = reco.weight[event], reco.trigger_weight[event]
    return columns


def _pair_columns(flight: FloatArray, momenta: FloatArray, product_mass: float) -> Columns:
    """Masses under the hypotheses of the selection and the pointing angle across the beam."""
    momentum = momenta.sum(axis=1)
    mass = _mass(momenta, product_mass)
    across = flight[:, 0] * momentum[:, 0] + flight[:, 1] * momentum[:, 1]
    sizes = np.hypot(flight[:, 0], flight[:, 1]) * np.hypot(momentum[:, 0], momentum[:, 1])
    return {
        "M": mass,
        "Mred": reduced_mass(mass, product_mass),
        "MPiPi": _mass(momenta, M_PI),
        "cosPointingXY": np.divide(across, sizes, out=np.zeros_like(across), where=sizes > 0.0),
        "pair_p": np.sqrt((momentum**2).sum(axis=1)),
    }


def _truth_columns(reco: Reconstruction, event: IntArray, tracks: dict[str, IntArray]) -> Columns:
    """Common mother of the pair, and whether pair and kaon come from the same B."""
    rows = {name: true_rows(reco, event, track) for name, track in tracks.items()}
    first, second = (mother_rows(reco.truth, event, rows[name]) for name in ("x1", "x2"))
    pair = np.where(first == second, first, -1)
    kaon = mother_rows(reco.truth, event, rows["kaon"])
    if "pion" in rows:
        kaon = np.where(kaon == mother_rows(reco.truth, event, rows["pion"]), kaon, -1)
        kaon = mother_rows(reco.truth, event, kaon)
    above = mother_rows(reco.truth, event, pair)
    return {
        "pairMotherPDG": codes(reco.truth, pair),
        "isSignal": ((above >= 0) & (above == kaon)).astype(np.float64),
    }
