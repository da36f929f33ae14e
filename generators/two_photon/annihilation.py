"""Four leptons from e+e- annihilation: e+e- -> l+ l- gamma*(-> L+ L-), the virtual photon off either line.

    d sigma = d sigma(e+e- -> l+ l- V(M)) alpha/(3 pi) dM^2/M^2 (1 + 2 m_L^2/M^2) sqrt(1 - 4 m_L^2/M^2)

with V a vector of mass M that couples with e to the lines that emit it; production, angles of the decay and spins are
those of `toymc.generators.llx` (the density of V is carried over, nothing is averaged). Only the mass of V is drawn
here: with density 1/M^2 in place of a line shape.
"""

import numpy as np

from toymc.constants import ALPHA_LO
from toymc.generators.amplitudes.emission import _fill_amplitudes
from toymc.generators.amplitudes.layout import P_MINUS, P_PLUS
from toymc.generators.amplitudes.spin import _lepton_pair_density
from toymc.generators.amplitudes.spinors import _dot
from toymc.generators.llx.hard import _decay_boson, _radiation_frame, _store, _to_laboratory
from toymc.generators.llx.hard import _weight as _hard_weight
from toymc.generators.llx.layout import (
    BOSON_MASS,
    DIMENSIONS,
    FULL,
    M_ELECTRON,
    M_LEPTON,
    MASS,
    MODE_MASS,
    PRIMARY_DENSITY,
    PRIMARY_SPIN,
    SPIN,
)
from toymc.generators.tau.tables import ALIAS_KEEP, ALIAS_PARTNER, CORNER, EXTENT, PEAK
from toymc.kernels import kernel, lean_kernel

_THIRD = ALPHA_LO / (3.0 * np.pi)
_MASS_DIRECTION = 4


@lean_kernel
def _photon_mass(y, low, high, pair_mass):
    """(mass of the virtual photon, alpha/(3 pi) (1 + 2 m^2/M^2) beta dlnM^2/dy)."""
    length = 2.0 * np.log(high / low)
    mass = low * np.exp(0.5 * y * length)
    ratio = (pair_mass / mass) ** 2
    return mass, _THIRD * length * (1.0 + 2.0 * ratio) * np.sqrt(max(0.0, 1.0 - 4.0 * ratio))


@lean_kernel
def _trial(
    rng, channel, low, high, least2, share, beam, leg, numbers, running, modes, switches, reals, couplings,
    v, z, y, shares, photons, frame, work, rotation, state,
):  # fmt: skip
    """Weight of one trial at y, with `reals` set to its mass; the pair l+l- has a mass^2 of at least `least2`."""
    mass, factor = _photon_mass(y[_MASS_DIRECTION], low, high, modes[0, MODE_MASS])
    reals[MASS] = mass
    weight, _, _ = _hard_weight(
        rng, channel, beam, leg, numbers, running, modes, switches, reals, couplings,
        v, z, y, shares, photons, frame, work, rotation, state,
    )  # fmt: skip
    m = reals[M_LEPTON]
    if 2.0 * (m * m + _dot(v, P_MINUS, P_PLUS)) < least2:
        return 0.0
    return share * factor * weight


@kernel
def _probe_annihilation(rng, settings, scratch, low, high, least2, share, chosen, points, rates):
    """A random point in each chosen cell: `points` its place in the cell (0..1), `rates` the weight there."""
    cells, channel = settings.cells, settings.channel
    y, reals = scratch.y, settings.reals.copy()
    for i in range(len(chosen)):
        c = chosen[i]
        for d in range(DIMENSIONS):
            points[i, d] = rng.random()
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * points[i, d]
        rates[i] = _trial(
            rng, channel[c], low, high, least2, share, settings.beam, settings.leg, settings.numbers, settings.running,
            settings.modes, settings.switches, reals, settings.couplings, scratch.v, scratch.z, y, scratch.shares,
            scratch.photons, scratch.frame, scratch.work, scratch.rotation, scratch.state,
        )  # fmt: skip


@lean_kernel
def _event(
    rng, low, high, least2, share, beam, leg, numbers, running, cells, channel, modes, switches, reals, couplings,
    v, z, y, shares, photons, frame, work, rotation, rho, state, hard,
):  # fmt: skip
    """One unweighted event into the row `hard` (columns of `toymc.generators.llx.hard`); returns weight/envelope."""
    while True:
        x = rng.random() * len(cells)
        c = int(x)
        if x - c >= cells[c, ALIAS_KEEP]:
            c = int(cells[c, ALIAS_PARTNER])
        for d in range(DIMENSIONS):
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * rng.random()
        weight = _trial(
            rng, channel[c], low, high, least2, share, beam, leg, numbers, running, modes, switches, reals, couplings,
            v, z, y, shares, photons, frame, work, rotation, state,
        )  # fmt: skip
        ratio = weight / cells[c, PEAK]
        if rng.random() < ratio:
            break
    n = _radiation_frame(rng, numbers, state, photons, frame, work, rotation)
    _to_laboratory(n, state, photons, frame, work)
    _store(rng, beam, n, reals[MASS], v, photons, frame, hard)
    if switches[PRIMARY_SPIN] != 0:
        if switches[FULL] == 0:
            one = complex(1.0, 0.0)
            _fill_amplitudes(
                v, z, reals[M_LEPTON], reals[M_ELECTRON], reals[MASS], switches[SPIN], couplings[0], couplings[1],
                couplings[2], couplings[3], False, one, one, one, one,
            )  # fmt: skip
        _lepton_pair_density(z, 3, hard[PRIMARY_DENSITY : PRIMARY_DENSITY + 16])
    _decay_boson(rng, hard[BOSON_MASS], modes, switches, couplings, running, reals, state[1], v, z, rho, hard)
    return ratio


@kernel
def _generate_annihilation(rng, settings, scratch, low, high, least2, share, hard, ratios):
    """len(hard) unweighted events."""
    reals = settings.reals.copy()
    for i in range(len(hard)):
        ratios[i] = _event(
            rng, low, high, least2, share, settings.beam, settings.leg, settings.numbers, settings.running,
            settings.cells, settings.channel, settings.modes, settings.switches, reals, settings.couplings, scratch.v,
            scratch.z, scratch.y, scratch.shares, scratch.photons, scratch.frame, scratch.work, scratch.rotation,
            scratch.rho, scratch.state, hard[i],
        )  # fmt: skip
