"""Born tau pairs: cross-section and spin correlation against spinor amplitudes, closed forms and limits."""

import numpy as np
import pytest
from scipy import stats

from tests.generators.pair_twin import spin_correlation
from toymc.constants import ALPHA, ALPHA_LO, M_TAU
from toymc.errors import InputError
from toymc.generators.born import (
    _sample_costheta,
    born_cross_section_fb,
    correlation_matrix,
    final_state_factor,
    sample_polarimeters,
)
from toymc.streams import stream

S = 10.58**2


@pytest.mark.parametrize("gamma", [1.001, 1.5, 10.58 / 2 / M_TAU, 20.0])
@pytest.mark.parametrize("cos_theta", [-0.95, -0.4, 0.0, 0.3, 0.8])
def test_correlation_matrix_equals_spinor_amplitudes(gamma, cos_theta):
    expected, minus, plus, _ = spin_correlation(cos_theta, gamma)
    ours = correlation_matrix(cos_theta, 4 * M_TAU**2 * gamma**2)
    np.testing.assert_allclose(ours, expected, atol=1e-9)
    # a pure photon does not polarise single taus
    np.testing.assert_allclose([minus, plus], 0.0, atol=1e-9)


def test_angular_distribution_equals_spinor_amplitudes():
    gamma = 10.58 / 2 / M_TAU
    g = 1 / gamma**2
    traces = [spin_correlation(c, gamma)[3] / (1 + c * c + g * (1 - c * c)) for c in (-0.9, 0.0, 0.5)]
    np.testing.assert_allclose(traces, traces[0], rtol=1e-9)


def test_correlation_matrix_trace_and_limits():
    for c in (-0.7, 0.2):
        assert np.trace(correlation_matrix(c, S)) == pytest.approx(1.0, abs=1e-14)
        # at threshold the pair is in the S wave: the spins are those of the beams, C_ij = a_i a_j
        a = np.array([0.0, np.sqrt(1 - c * c), c])
        np.testing.assert_allclose(correlation_matrix(c, 4 * M_TAU**2), np.outer(a, a), atol=1e-12)


@pytest.mark.parametrize(("cos_theta", "s"), [(1.1, S), (0.0, 3.0), (float("nan"), S), (0.0, float("nan"))])
def test_correlation_matrix_refuses(cos_theta, s):
    with pytest.raises(InputError):
        correlation_matrix(cos_theta, s)


def test_lowest_order_cross_section():
    # 4 pi alpha^2/(3 s) = 86.8 nb/s [PDG review, e+e- annihilation]: 0.776 nb for muons at 10.58 GeV
    muons = 4 * np.pi * ALPHA_LO**2 / (3 * S) * 0.3893793721e6
    assert muons == pytest.approx(0.776, abs=5e-4)
    beta = np.sqrt(1 - 4 * M_TAU**2 / S)
    ours = float(born_cross_section_fb(S, ALPHA_LO)) * 1e-6
    assert ours == pytest.approx(muons * beta * (3 - beta**2) / 2, rel=1e-6)
    # 0.773 nb is quoted to three digits
    assert ours == pytest.approx(0.773, abs=1.5e-3)
    assert float(born_cross_section_fb(3.5**2)) == 0.0
    with pytest.raises(InputError):
        born_cross_section_fb(0.0)


def test_final_state_factor_limits():
    assert float(final_state_factor(1e8)) == pytest.approx(1 + 3 * ALPHA / (4 * np.pi), abs=1e-6)
    s = 4 * M_TAU**2 * (1 + 1e-4)
    beta = np.sqrt(1 - 4 * M_TAU**2 / s)
    # Coulomb attraction, and a finite remainder of order alpha
    assert float(final_state_factor(s)) == pytest.approx(1 + np.pi * ALPHA / (2 * beta), abs=0.01)


def test_production_angle_distribution():
    rng = stream(3, "born", "test", 0)
    g = 4 * M_TAU**2 / S
    sample = np.array([_sample_costheta(rng, g) for _ in range(40_000)])
    norm = 2 + 2 / 3 + g * (2 - 2 / 3)

    def cdf(c):
        return ((1 + g) * (c + 1) + (1 - g) * (c**3 + 1) / 3) / norm

    assert stats.kstest(sample, cdf).pvalue > 1e-3


@pytest.mark.parametrize("lengths", [(1.0, 1.0), (0.6, 0.3), (0.0, 1.0)])
@pytest.mark.parametrize("cos_theta", [-0.6, 0.1, 1.0])
def test_polarimeter_directions_have_the_density(cos_theta, lengths):
    n = 200_000
    minus, plus = sample_polarimeters(stream(4, "born", "test", 0), cos_theta, S, lengths, n)
    np.testing.assert_allclose(np.linalg.norm(minus, axis=1), 1.0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(plus, axis=1), 1.0, atol=1e-12)
    expected = lengths[0] * lengths[1] * correlation_matrix(cos_theta, S) / 9
    # each product has variance about 1/9; nine of them, 4.5 sigma
    np.testing.assert_allclose(minus.T @ plus / n, expected, atol=4.5 / 3 / np.sqrt(n))
    for vectors in (minus, plus):
        for axis in range(3):
            assert stats.kstest(vectors[:, axis], stats.uniform(-1, 2).cdf).pvalue > 1e-4
    # given the first direction the second is linear in the cosine to its axis: second moments stay those of a sphere
    np.testing.assert_allclose(plus.T @ plus / n, np.eye(3) / 3, atol=4.5 * 0.3 / np.sqrt(n))


def test_polarimeter_sampling_refuses():
    with pytest.raises(InputError):
        sample_polarimeters(stream(1, "born", "test", 0), 0.0, S, (1.2, 1.0), 10)
