"""Decays moved to another mass of the tau: four-vectors, and events that are generated there."""

import numpy as np
import pytest

from toymc.analysis.moved_mass import decay_columns, mass_shift, moved
from toymc.analysis.pseudomass import TAG_TRACKS, true_pseudo_mass
from toymc.constants import M_PI, M_TAU
from toymc.generators.processes import prepare
from toymc.geometry.beam import load_beam
from toymc.inference.unbinned.edge import RANGE, fit_edge_counts
from toymc.streams import stream
from toymc.studies.tau_mass import BINS, SIGNAL

BEAM = load_beam("belle2")


def pairs(n, chunk=0, **parameters):
    return prepare("tau_pair", {**SIGNAL, **parameters}).generate(stream(4, "moved_mass", "test", chunk), n)


def columns_of(batch):
    """The charged daughters of the three-prong tau as tracks that are seen as they are."""
    owner = np.repeat(np.arange(batch.n_events), np.diff(batch.offsets))
    charged = (batch.mother >= 0) & (batch.mother < 2) & np.isin(np.abs(batch.pdg), (211, 321, 11, 13))
    slot = 2 * owner + np.where(charged, batch.mother, 0)
    three = np.bincount(slot[charged], minlength=2 * batch.n_events) == 3
    rows = np.flatnonzero(charged & three[slot]).reshape(-1, 3)
    event = owner[rows[:, 0]]
    columns = decay_columns(batch, event)
    for k, track in enumerate(TAG_TRACKS):
        for axis in ("px", "py", "pz"):
            columns[f"{track}_{axis}"] = columns[f"{track}_true_{axis}"] = getattr(batch, axis)[rows[:, k]]
    return columns, event


def test_no_move_changes_nothing():
    batch = pairs(2000)
    columns, event = columns_of(batch)
    value, weight = mass_shift(BEAM, 0.0, columns)
    assert len(value) == 2000
    assert np.allclose(value, true_pseudo_mass(batch, BEAM.boost, BEAM.sqrt_s)[event], rtol=0.0, atol=1e-10)
    assert np.allclose(weight, 1.0, atol=1e-9)


def test_a_moved_decay_has_the_new_mass_and_the_same_hadrons():
    """Without radiation the pair is at rest in a known frame, and tau minus hadrons has no mass."""
    columns, _ = columns_of(pairs(300, isr=False, fsr=False))
    delta = 0.015
    before = moved(columns, 0.0)[0]
    after, weight = moved(columns, delta)
    for k in np.flatnonzero(weight > 0.0):
        pair, tau = columns["tauPair_p4"][k], columns["tau_p4"][k]
        hadrons = []
        for tracks in (before[k], after[k]):
            energy = np.sqrt(np.sum(tracks**2, axis=1) + M_PI**2)
            hadrons.append(np.append(tracks.sum(axis=0), energy.sum()))
        q = [h[3] ** 2 - h[:3] @ h[:3] for h in hadrons]
        assert q[1] == pytest.approx(q[0], rel=1e-7)
        # the tau of the new mass: its energy in the frame of the pair, its direction there, as one four-vector
        s = pair[3] ** 2 - pair[:3] @ pair[:3]
        u = pair / np.sqrt(s)
        e = tau[3] * u[3] - tau[:3] @ u[:3]
        across = tau - e * u
        size = np.sqrt(across[:3] @ across[:3] - across[3] ** 2)
        new = e * u + across / size * np.sqrt(e**2 - (M_TAU + delta) ** 2)
        missing = new - hadrons[1]
        assert abs(missing[3] ** 2 - missing[:3] @ missing[:3]) < 1e-6


def test_moved_decays_against_generated_ones():
    """One set of events moved by 16 MeV against events with that mass: edge and shape of the true pseudomass."""
    delta, here, there, generated = 0.016, np.zeros(BINS), np.zeros(BINS), np.zeros(BINS)
    for chunk in range(6):
        batch = pairs(16384, chunk)
        columns, _ = columns_of(batch)
        value, weight = mass_shift(BEAM, delta, columns)
        there += np.histogram(value, BINS, RANGE, weights=weight)[0]
        here += np.histogram(mass_shift(BEAM, 0.0, columns)[0], BINS, RANGE)[0]
        other = pairs(16384, 100 + chunk, tau_mass=M_TAU + delta)
        generated += np.histogram(true_pseudo_mass(other, BEAM.boost, BEAM.sqrt_s), BINS, RANGE)[0]
    first, second, third = (fit_edge_counts(h) for h in (here, there, generated))
    assert 1e3 * (second.values[0, 0] - first.values[0, 0]) == pytest.approx(16.0, abs=0.5)
    # five standard deviations of two samples of their own
    error = np.hypot(second.errors[0, 0], third.errors[0, 0])
    assert abs(second.values[0, 0] - third.values[0, 0]) < 5.0 * error
    ours, theirs = (h.reshape(25, -1).sum(axis=1) for h in (there, generated))
    ours *= theirs.sum() / ours.sum()
    chi2 = np.sum((ours - theirs) ** 2 / np.maximum(ours + theirs, 1.0))
    # 1e-6 of a chi2 with 25 degrees of freedom is 74
    assert chi2 < 74.0


def test_events_without_such_a_tau_stay():
    batch = prepare("tau_pair", {"decay": "one_prong", "tag": "one_prong"}).generate(
        stream(4, "moved_mass", "test", 1), 50
    )
    columns = decay_columns(batch, np.arange(50))
    assert np.all(columns["tau_p4"] == 0.0)
    rng = stream(4, "moved_mass", "test", 2)
    for track in TAG_TRACKS:
        for axis in ("px", "py", "pz"):
            columns[f"{track}_{axis}"] = columns[f"{track}_true_{axis}"] = rng.normal(0.0, 1.0, 50)
    momenta, weight = moved(columns, 0.01)
    assert np.all(momenta[:, 0, 0] == columns["tag1_true_px"]) and np.all(weight == 1.0)
