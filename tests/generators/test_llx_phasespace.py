"""Three-body phase space beside the package `phasespace` (extra `bench`): mass of a pair and both angles."""

import numpy as np
import pytest
from scipy import stats

from toymc.constants import M_E, M_MU
from toymc.generators.amplitudes.layout import BOSON, P_MINUS, P_PLUS, scratch
from toymc.generators.amplitudes.phase_space import FINAL, INITIAL, _beams, _final_point, _initial_point
from toymc.kernels import kernel
from toymc.streams import stream

SQRT_S, MASS, N, BINS = 10.58, 1.0, 400_000, 40


@kernel
def _points(rng, channel, s, m, mass, v, momenta, weights):
    """l-, l+, X and the weight of each point of a map."""
    y = np.empty(4)
    for i in range(len(weights)):
        for d in range(4):
            y[d] = rng.random()
        _beams(v, s, M_E)
        if channel == FINAL:
            weights[i] = _final_point(y, s, m, mass, 0.0, v)
        else:
            weights[i] = _initial_point(y, s, m, M_E, mass, 0.0, 0.0, v)
        for k in range(4):
            momenta[i, 0, k], momenta[i, 1, k], momenta[i, 2, k] = v[P_MINUS, k], v[P_PLUS, k], v[BOSON, k]


def squared(p):
    return p[..., 3] ** 2 - np.sum(p[..., :3] ** 2, axis=-1)


def observables(momenta):
    """Masses squared of l- l+ and of l- X (the Dalitz plane), |cos| of X to the axis."""
    minus, plus, boson = momenta[:, 0], momenta[:, 1], momenta[:, 2]
    return {
        "ll": squared(minus + plus),
        "lX": squared(minus + boson),
        "cosine": np.abs(boson[:, 2]) / np.linalg.norm(boson[:, :3], axis=1),
    }


@pytest.mark.validate
@pytest.mark.parametrize("channel", [FINAL, INITIAL])
def test_three_bodies_are_those_of_phasespace(channel):
    """Weighted histograms of either: chi2 with the errors of both, probability above 1e-4 in each."""
    phasespace = pytest.importorskip("phasespace", reason="pip install 'toymc[bench]'")
    theirs_weight, theirs = phasespace.nbody_decay(SQRT_S, [M_MU, M_MU, MASS]).generate(n_events=N, seed=11)
    theirs_weight = theirs_weight.numpy()
    momenta = np.stack([theirs[f"p_{i}"].numpy() for i in range(3)], axis=1)
    ours, weight = np.empty((N, 3, 4)), np.empty(N)
    _points(stream(3, "phasespace", "test", channel), channel, SQRT_S**2, M_MU, MASS, scratch()[0], ours, weight)
    reference = observables(momenta)
    for name, values in observables(ours).items():
        edges = np.quantile(reference[name], np.linspace(0.0, 1.0, BINS + 1))
        edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
        shares, variances = [], []
        for x, w in ((values, weight), (reference[name], theirs_weight)):
            share = np.histogram(x, edges, weights=w)[0] / w.sum()
            shares.append(share)
            # of a ratio of weighted sums
            second = np.histogram(x, edges, weights=w**2)[0]
            variances.append((second * (1.0 - 2.0 * share) + share**2 * np.sum(w**2)) / w.sum() ** 2)
        chi2 = np.sum((shares[0] - shares[1]) ** 2 / (variances[0] + variances[1]))
        assert stats.chi2.sf(chi2, BINS - 1) > 1e-4, name
