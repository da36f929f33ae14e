"""The same decays tau -> 3 pi nu with another mass of the tau: spectra of several true masses with one set of events.

Kept: the energy and direction of the tau in the rest frame of the pair, the direction of the neutrino in that of the
tau, and the hadrons W in their own rest frame, their mass Q included. Changed: the momentum of the tau, and

    |k| = (m^2 - Q^2) / 2m

of the neutrino in the rest frame of the tau. At fixed Q the decay rate through a spin-1 current is proportional to

    (1 - Q^2/m^2)^2 (1 + 2 Q^2/m^2)   [J. H. Kuehn, E. Mirkes, Z. Phys. C 56 (1992) 661, integrated over the angles],

whose ratio is the weight. The angles of the hadrons against the tau change their distribution as well, by terms of the
relative change of the mass, 0.5 % for 8 MeV: they are left as they are. A track moves by what its true momentum moves,
so that its distance to the truth, and with it the resolution, stays. Valid for changes of some ten MeV; tested against
events that are generated at the other mass.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from toymc.analysis.pseudomass import stacked, tracks_pseudo_mass
from toymc.constants import M_PI
from toymc.events import EventBatch
from toymc.geometry.beam import BeamCard
from toymc.kinematics import boost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Columns = dict[str, npt.NDArray[Any]]
PARTICLES = ("tau", "tauPair", "neutrino")
_CHARGED, _NEUTRINO = (211, 321, 11, 13), 16


def decay_columns(batch: EventBatch, event: IntArray) -> Columns:
    """True four-momenta of the tau with three charged daughters, of both taus, and of its neutrino.

    Parameters
    ----------
    batch : EventBatch
        Of the process tau_pair: the taus are rows 0 and 1 of an event.
    event : int64 (n,)
        Rows of the events in the batch.

    Returns
    -------
    dict of str to float64 (n, 4)
        ``tau_p4``, ``tauPair_p4``, ``neutrino_p4`` as (px, py, pz, E) in GeV, laboratory; zeros without such a tau.
    """
    owner, code = np.repeat(np.arange(batch.n_events), np.diff(batch.offsets)), np.abs(batch.pdg)
    direct = (batch.mother >= 0) & (batch.mother < 2)
    slot, size = 2 * owner + np.where(direct, batch.mother, 0), 2 * batch.n_events
    three = np.bincount(slot[direct & np.isin(code, _CHARGED)], minlength=size).reshape(-1, 2) == 3
    row = np.arange(len(code)) - batch.offsets[owner]
    tau = (row < 2) & (batch.mother < 0) & (code == 15)
    momenta = np.stack([batch.px, batch.py, batch.pz, batch.energy], axis=1)

    def summed(rows: npt.NDArray[np.bool_], place: IntArray) -> FloatArray:
        parts = [np.bincount(place[rows], momenta[rows, k], size).astype(np.float64) for k in range(4)]
        return np.stack(parts, axis=1).reshape(-1, 2, 4)

    taus, neutrinos = summed(tau, 2 * owner + row), summed(direct & (code == _NEUTRINO), slot)
    side = np.argmax(three, axis=1)[event]
    good = three[event, side] & (taus[event, side, 3] > 0.0)
    found = {"tau": taus[event, side], "tauPair": taus[event].sum(axis=1), "neutrino": neutrinos[event, side]}
    return {f"{name}_p4": np.where(good[:, None], value, 0.0) for name, value in found.items()}


def moved(columns: Columns, delta: float) -> tuple[FloatArray, FloatArray]:
    """True momenta of the three tracks in decays of a tau that is heavier by `delta` GeV, and the weight.

    Parameters
    ----------
    columns : dict
        With those of `decay_columns` and of `toymc.analysis.pseudomass.tag_momenta`.
    delta : float

    Returns
    -------
    momenta : float64 (n, 3, 3)
        Events, tracks, components in GeV, laboratory; unchanged where the event has no such tau.
    weight : float64 (n,)
        0 where the hadrons are heavier than the tau.
    """
    tau, pair, neutrino = (columns[f"{name}_p4"] for name in PARTICLES)
    true = stacked(columns, true=True)
    good = tau[:, 3] > 0.0
    tau, pair, neutrino = tau[good], pair[good], neutrino[good]
    old = np.sqrt(_square(tau))
    q2 = np.maximum(_square(tau - neutrino), 0.0)
    new = old + delta
    open_ = new**2 > q2
    to_pair = pair[:, :3] / pair[:, 3:]
    here = boost(tau, -to_pair)  # in the rest frame of the pair
    there = _faster(here, here[:, 3], np.sqrt(np.maximum(here[:, 3] ** 2 - new**2, 0.0)))
    k = boost(boost(neutrino, -to_pair), -_velocity(here))  # in that of the tau
    size = np.where(open_, (new**2 - q2) / (2.0 * new), 0.0)
    recoil_old = _faster(-k, np.sqrt(q2 + np.sum(k[:, :3] ** 2, axis=1)), np.sqrt(np.sum(k[:, :3] ** 2, axis=1)))
    recoil_new = _faster(-k, np.sqrt(q2 + size**2), size)
    pions = np.concatenate([true[good], np.sqrt(np.sum(true[good] ** 2, axis=2) + M_PI**2)[..., None]], axis=2)
    for velocity in (-to_pair, -_velocity(here), -_velocity(recoil_old), _velocity(recoil_new), _velocity(there),
                     to_pair):  # fmt: skip
        pions = boost(pions, velocity[:, None, :])
    momenta, weight = true.copy(), np.ones(len(good))
    momenta[good] = pions[..., :3]
    weight[good] = np.where(open_, _rate(q2 / new**2) / np.maximum(_rate(q2 / old**2), 1e-12), 0.0)
    return momenta, weight


def mass_shift(beam: BeamCard, delta: float, columns: Columns) -> tuple[FloatArray, FloatArray]:
    """Pseudomass of the tracks if the tau were heavier by `delta` GeV, and the factor of the weight."""
    momenta, weight = moved(columns, delta)
    seen = momenta + (stacked(columns) - stacked(columns, true=True))
    return tracks_pseudo_mass(seen, beam.boost, beam.sqrt_s), weight


def _square(p4: FloatArray) -> FloatArray:
    return np.asarray(p4[:, 3] ** 2 - np.sum(p4[:, :3] ** 2, axis=1))


def _velocity(p4: FloatArray) -> FloatArray:
    return np.asarray(p4[:, :3] / p4[:, 3:])


def _faster(p4: FloatArray, energy: FloatArray, momentum: FloatArray) -> FloatArray:
    """Same direction, another energy and momentum."""
    length = np.maximum(np.sqrt(np.sum(p4[:, :3] ** 2, axis=1)), 1e-12)
    return np.concatenate([p4[:, :3] * (momentum / length)[:, None], energy[:, None]], axis=1)


def _rate(x: FloatArray) -> FloatArray:
    """Rate at fixed mass of the hadrons, x = Q^2 / m^2."""
    return np.asarray((1.0 - x) ** 2 * (1.0 + 2.0 * x))
