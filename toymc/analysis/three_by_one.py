"""The 3x1 topology: one tau gives one charged track, the other three, in opposite halves of the event.

Four good tracks with net charge zero; thrust axis of tracks (as pions) and photons in the e+e- centre of mass; three
tracks on one side of the plane across it and one on the other. The cheap conditions come first, so that thrust and
pi0 candidates are computed for candidates only. Selection and column names follow the Belle II tau group's 3x1 code and
arXiv:2212.03634 (tau -> l alpha) and arXiv:2305.19116 (tau mass).

Not done: recovery of bremsstrahlung photons for the electron (the published 3x1 searches do not use it as far as
known [M]); a good photon near the electron is counted like any other.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from toymc.analysis.candidates import track_columns
from toymc.analysis.frames import beam_axis_cms, check_frame, pseudo_mass, pseudo_rest_frame_boost
from toymc.analysis.particle_lists import (
    ParticleLists,
    PhotonArrays,
    Pi0Cuts,
    TrackArrays,
    _fill_cms,
    _good_photons,
    _good_tracks,
    largest,
    photon_arrays,
    track_arrays,
)
from toymc.constants import M_E, M_MU, M_TAU
from toymc.errors import InputError
from toymc.events import Reconstruction
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _thrust

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Int8Array = npt.NDArray[np.int8]
BoolArray = npt.NDArray[np.bool_]

STAGES = ("all", "four good tracks", "net charge zero", "3x1 hemispheres")
"""What `ThreeByOne.stage` counts: the number of conditions after the first that an event has passed."""

_KERNEL_COLUMNS = (
    "thrust", "thrustAxisCosTheta", "visibleEnergyOfEventCMS", "missingMomentumOfEventCMS",
    "missingMomentumOfEventCMS_theta", "totalPhotonsEnergyOfEvent", "tag3hEnergyCMS", "tag3hPCMS", "tag3hM",
    "signalLeptonECMS_e", "signalLeptonECMS_mu", "signalLeptonEnergyFraction_e", "signalLeptonEnergyFraction_mu",
    "nPi0s_1prong", "nPi0s_3prong", "nPhotons_1prong", "nPhotons_3prong", "photonE_1prong", "photonE_3prong",
    "photonECMS_1prong", "photonECMS_3prong",
)  # fmt: skip


@dataclass(frozen=True)
class ThreeByOneConfig:
    """Parameters of the topology.

    Attributes
    ----------
    lists : ParticleLists
        Good tracks and photons; default: the tau group's.
    pi0 : Pi0Cuts
        Photon pairs that count as pi0; default: the tau group's.
    """

    lists: ParticleLists = field(default_factory=lambda: ParticleLists.named("tau_3x1"))
    pi0: Pi0Cuts = field(default_factory=Pi0Cuts.tau_3x1)


@dataclass(frozen=True)
class ThreeByOne:
    """Events of the 3x1 topology.

    Attributes
    ----------
    columns : dict of str to array (n_selected,)
        See `toymc.analysis.variables.VARIABLES`. ``event`` is the row of the event in the batch; ``signal_row``,
        ``tag1_row``, ``tag2_row``, ``tag3_row`` are rows of the track table.
    stage : int8 (n_events,)
        How far every event of the batch came, see `STAGES`.
    """

    columns: dict[str, npt.NDArray[Any]]
    stage: Int8Array

    def __len__(self) -> int:
        return len(self.columns["event"])

    def for_lepton(self, lepton: Literal["e", "mu"]) -> dict[str, npt.NDArray[Any]]:
        """Columns with `signalLeptonEnergyFraction` and `signalLeptonECMS` under that mass hypothesis.

        Raises
        ------
        InputError
            For another lepton than e or mu.
        """
        if lepton not in ("e", "mu"):
            raise InputError(f"lepton '{lepton}': allowed are e, mu")
        chosen = {name: self.columns[f"{name}_{lepton}"] for name in ("signalLeptonEnergyFraction", "signalLeptonECMS")}
        return {**self.columns, **chosen}


@kernel
def _four_tracks(
    offsets: IntArray, tracks: TrackArrays, charge: npt.NDArray[np.int32], cuts: FloatArray, stage: Int8Array,
    rows: IntArray, event: IntArray, candidate: IntArray,
) -> int:  # fmt: skip
    """Events with four good tracks and net charge zero: their indices and track rows; their number."""
    n = 0
    for i in range(len(offsets) - 1):
        stage[i] = 0
        if offsets[i + 1] - offsets[i] < 4 or _good_tracks(offsets[i], offsets[i + 1], tracks, cuts, rows) != 4:
            continue
        stage[i] = 1
        if charge[rows[0]] + charge[rows[1]] + charge[rows[2]] + charge[rows[3]] != 0:
            continue
        stage[i] = 2
        event[n] = i
        for k in range(4):
            candidate[n, k] = rows[k]
        n += 1
    return n


@lean_kernel
def _count_pi0(
    n: int, rows: IntArray, p: FloatArray, p_cms: FloatArray, region: npt.NDArray[np.int32], window: FloatArray,
    cuts: FloatArray, axis: FloatArray, used: BoolArray,
) -> tuple[int, int]:  # fmt: skip
    """pi0 candidates on the positive and on the negative side of the axis; marks the photons in them."""
    positive, negative = 0, 0
    for a in range(n):
        used[a] = False
    for a in range(n - 1):
        for b in range(a + 1, n):
            cut = cuts[region[rows[a]], region[rows[b]]]
            if max(p[a, 3], p[b, 3]) <= cut[0] or min(p[a, 3], p[b, 3]) <= cut[1]:
                continue
            energies = p[a, 3] * p[b, 3]
            cos_angle = (p[a, 0] * p[b, 0] + p[a, 1] * p[b, 1] + p[a, 2] * p[b, 2]) / energies
            mass2 = 2.0 * energies * (1.0 - cos_angle)
            momentum2 = (p[a, 3] + p[b, 3]) ** 2 - mass2
            if cos_angle <= cut[2] or momentum2 <= cut[3] * cut[3]:
                continue
            if window[0] * window[0] < mass2 < window[1] * window[1]:
                used[a] = True
                used[b] = True
                along = 0.0
                for k in range(3):
                    along += (p_cms[a, k] + p_cms[b, k]) * axis[k]
                if along > 0.0:
                    positive += 1
                else:
                    negative += 1
    return positive, negative


@lean_kernel
def _side_sums(
    n: int, side: int, axis: FloatArray, p: FloatArray, p_cms: FloatArray, used: BoolArray, out: FloatArray, k: int
) -> float:
    """Number, laboratory and CMS energy of the photons outside pi0 candidates per side; total photon energy."""
    total = 0.0
    for j in range(n):
        total += p[j, 3]
        if used[j]:
            continue
        along = p_cms[j, 0] * axis[0] + p_cms[j, 1] * axis[1] + p_cms[j, 2] * axis[2]
        other = 0 if (along > 0.0) == (side > 0) else 1
        out[15 + other, k] += 1.0
        out[17 + other, k] += p[j, 3]
        out[19 + other, k] += p_cms[j, 3]
    return total


@lean_kernel
def _signal_and_tag(
    p: FloatArray, signal: int, p_signal: FloatArray, boost: FloatArray, gamma: float, beta: float, out: FloatArray,
    k: int,
) -> None:  # fmt: skip
    """Tag system, and lepton energy in the CMS and in the pseudo-rest frame, which moves against the tag system."""
    ex, ey, ez, e = 0.0, 0.0, 0.0, 0.0
    for j in range(4):
        if j != signal:
            ex += p[j, 0]
            ey += p[j, 1]
            ez += p[j, 2]
            e += p[j, 3]
    p_tag = np.sqrt(ex * ex + ey * ey + ez * ez)
    out[6, k] = e
    out[7, k] = p_tag
    out[8, k] = np.sqrt(max(e * e - p_tag * p_tag, 0.0))
    # the lepton's own mass: the event shape took it for a pion, whose boost differs along the boost only
    lab2 = p_signal[0] ** 2 + p_signal[1] ** 2 + p_signal[2] ** 2
    b2 = boost[0] ** 2 + boost[1] ** 2 + boost[2] ** 2
    boost_gamma = 1.0 / np.sqrt(1.0 - b2)
    bp = boost[0] * p_signal[0] + boost[1] * p_signal[1] + boost[2] * p_signal[2]
    for hypothesis in range(2):
        m = M_E if hypothesis == 0 else M_MU
        e_lab = np.sqrt(lab2 + m * m)
        shift = boost_gamma * boost_gamma / (1.0 + boost_gamma) * bp - boost_gamma * e_lab
        e_cms = boost_gamma * (e_lab - bp)
        along = (
            (p_signal[0] + shift * boost[0]) * ex
            + (p_signal[1] + shift * boost[1]) * ey
            + (p_signal[2] + shift * boost[2]) * ez
        ) / p_tag
        out[9 + hypothesis, k] = e_cms
        # x = 2 E' / m_tau with E' = gamma (E* + beta p*.n_tag): the tau flies along -n_tag [arXiv:2212.03634];
        # the caller divides by m_tau / 2
        out[11 + hypothesis, k] = gamma * (e_cms + beta * along)
    return None


@kernel
def _reconstruct(
    event: IntArray, candidate: IntArray, tracks: TrackArrays, photon_offsets: IntArray, photons: PhotonArrays,
    cuts: FloatArray, window: FloatArray, pi0_cuts: FloatArray, boost: FloatArray, beam: FloatArray, gamma: float,
    beta: float, stage: Int8Array, rows: IntArray, p_lab: FloatArray, p: FloatArray, used: BoolArray,
    out: FloatArray,
) -> int:  # fmt: skip
    """Thrust, hemispheres and all columns for the candidates; event and candidate are compacted in place."""
    n = 0
    axis = np.empty(3)
    p_signal = np.empty(3)
    for c in range(len(event)):
        i = event[c]
        n_photons = _good_photons(photon_offsets[i], photon_offsets[i + 1], photons, cuts, rows, p_lab)
        total = _fill_cms(tracks, candidate[c], 4, p_lab, n_photons, boost, p)
        thrust, axis[0], axis[1], axis[2] = _thrust(p, total)
        sides, pattern = 0, 0
        for j in range(4):
            if p[j, 0] * axis[0] + p[j, 1] * axis[1] + p[j, 2] * axis[2] > 0.0:
                sides += 1
                pattern += j
            else:
                pattern -= j
        if sides != 1 and sides != 3:
            continue
        # the four indices sum to 6: a lone positive j gives pattern 2 j - 6, a lone negative one 6 - 2 j
        signal = (pattern + 6) // 2 if sides == 1 else (6 - pattern) // 2
        side = 1 if sides == 1 else -1
        stage[i] = 3
        row = candidate[c, signal]
        first = candidate[c, 0]
        candidate[n, 1], candidate[n, 2], candidate[n, 3] = (
            first if signal > 0 else candidate[c, 1],
            candidate[c, 2] if signal < 2 else candidate[c, 1],
            candidate[c, 3] if signal < 3 else candidate[c, 2],
        )
        candidate[n, 0] = row
        event[n] = i
        mx, my, mz, visible = 0.0, 0.0, 0.0, 0.0
        for j in range(total):
            mx -= p[j, 0]
            my -= p[j, 1]
            mz -= p[j, 2]
            visible += p[j, 3]
        missing = np.sqrt(mx * mx + my * my + mz * mz)
        for j in range(13, 21):
            out[j, n] = 0.0
        positive, negative = _count_pi0(
            n_photons, rows, p_lab, p[4:], photons[4], window, pi0_cuts, axis, used
        )
        out[0, n] = thrust
        out[1, n] = axis[0] * beam[0] + axis[1] * beam[1] + axis[2] * beam[2]
        out[2, n] = visible
        out[3, n] = missing
        out[4, n] = np.arccos((mx * beam[0] + my * beam[1] + mz * beam[2]) / missing)
        out[13, n] = positive if side > 0 else negative
        out[14, n] = negative if side > 0 else positive
        out[5, n] = _side_sums(n_photons, side, axis, p_lab, p[4:], used, out, n)
        p_signal[0], p_signal[1], p_signal[2] = tracks[2][row], tracks[3][row], tracks[4][row]
        _signal_and_tag(p, signal, p_signal, boost, gamma, beta, out, n)
        n += 1
    return n


def three_by_one(
    reco: Reconstruction,
    boost: npt.ArrayLike,
    sqrt_s: float,
    config: ThreeByOneConfig | None = None,
    electron: npt.ArrayLike | None = None,
) -> ThreeByOne:
    """Select events of the 3x1 topology and compute their variables.

    Parameters
    ----------
    reco : Reconstruction
    boost : array-like (3,)
        Velocity of the e+e- centre of mass in the laboratory, units of c (its x component matters).
    sqrt_s : float
        Centre-of-mass energy in GeV.
    config : ThreeByOneConfig, optional
    electron : array-like (3,), optional
        Direction of the electron beam in the laboratory, see `beam_axis_cms`; default: beams symmetric about z.

    Returns
    -------
    ThreeByOne
        Columns of the selected events, GeV and rad, and how far every event came.

    Raises
    ------
    InputError
        For a boost or an energy that cannot be.

    Notes
    -----
    The pseudo-rest frame takes E_tau = sqrt(s)/2 and the tau direction opposite to the three-prong system
    [arXiv:2212.03634]; ``signalLeptonEnergyFraction_*`` = 2 E'/m_tau there, by an exact boost.
    """
    config = config or ThreeByOneConfig()
    b = check_frame(boost, sqrt_s)
    gamma, beta = pseudo_rest_frame_boost(sqrt_s)
    tracks, photons = track_arrays(reco.tracks), photon_arrays(reco.clusters)
    n_events = reco.n_events
    stage = np.empty(n_events, dtype=np.int8)
    event = np.empty(n_events, dtype=np.int64)
    candidate = np.empty((n_events, 4), dtype=np.int64)
    most_photons = largest(reco.clusters.offsets)
    rows = np.empty(max(largest(reco.tracks.offsets), most_photons, 4), dtype=np.int64)
    cuts = config.lists.as_array()
    n = _four_tracks(reco.tracks.offsets, tracks, reco.tracks.charge, cuts, stage, rows, event, candidate)
    event, candidate = event[:n], candidate[:n]
    out = np.empty((len(_KERNEL_COLUMNS), n))
    n = _reconstruct(
        event, candidate, tracks, reco.clusters.offsets, photons, cuts,
        np.array([config.pi0.mass_min, config.pi0.mass_max]), config.pi0.regions, b, beam_axis_cms(b, electron),
        gamma, beta, stage, rows, np.empty((most_photons, 4)), np.empty((most_photons + 4, 4)),
        np.empty(most_photons, dtype=np.bool_), out,
    )  # fmt: skip
    columns: dict[str, npt.NDArray[Any]] = {"event": event[:n]}
    for k, name in enumerate(("signal_row", "tag1_row", "tag2_row", "tag3_row")):
        columns[name] = np.ascontiguousarray(candidate[:n, k])
    columns.update({name: out[k, :n] for k, name in enumerate(_KERNEL_COLUMNS)})
    _derive(columns, reco, sqrt_s)
    return ThreeByOne(columns, stage)


def _derive(columns: dict[str, npt.NDArray[Any]], reco: Reconstruction, sqrt_s: float) -> None:
    """Columns that follow from the others, per-event weights, and the signal track."""
    for name in ("signalLeptonEnergyFraction_e", "signalLeptonEnergyFraction_mu"):
        columns[name] /= 0.5 * M_TAU
    energy = sqrt_s - columns["visibleEnergyOfEventCMS"]
    columns["missingEnergyOfEventCMS"] = energy
    columns["missingMass2OfEvent"] = energy**2 - columns["missingMomentumOfEventCMS"] ** 2
    columns["tag3hMmin"] = pseudo_mass(columns["tag3hM"], columns["tag3hEnergyCMS"], columns["tag3hPCMS"], sqrt_s)
    columns["nPi0s"] = columns["nPi0s_1prong"] + columns["nPi0s_3prong"]
    event = columns["event"]
    columns["weight"] = reco.weight[event]
    columns["triggerWeight"] = reco.trigger_weight[event]
    columns.update(track_columns(reco, event, columns["signal_row"], "signal"))
