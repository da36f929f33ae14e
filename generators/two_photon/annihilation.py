"""Four leptons from e+e- annihilation: e+e- -> l+ l- gamma*(-> L+ L-), the virtual photon off either line.

    d sigma = d sigma(e+e- -> l+ l- V(M)) alpha/(3 pi) dM^2/M^2 (1 + 2 m_L^2/M^2) sqrt(1 - 4 m_L^2/M^2)

with V a vector of mass M that couples with e to the lines that emit it; production and angles of the decay are those of
`toymc.generators.llx` (the density of V is carried over, nothing is averaged). Only the mass of V is drawn here: with
density 1/M^2 in place of a line shape. Events are kept by the ratio of the complete tree to the sum of the parts
(`complete`), which brings identical particles and the interference of emitters that stand in different parts; spins of
taus are those of the complete tree. The correlation of spins between the two pairs of four taus is left out.
"""

import numpy as np

from toymc.constants import ALPHA_LO
from toymc.generators.amplitudes.four_leptons import (
    MINUS_BITS,
    PLUS_BITS,
    _fill_four_leptons,
    _four_lepton_density,
)
from toymc.generators.amplitudes.layout import BOSON, P_MINUS, P_PLUS
from toymc.generators.amplitudes.spinors import _dot
from toymc.generators.llx.hard import _decay_boson, _radiation_frame, _store, _to_laboratory
from toymc.generators.llx.hard import _weight as _hard_weight
from toymc.generators.llx.layout import (
    DECAY_DENSITY,
    DIMENSIONS,
    DIRECTION,
    M_ELECTRON,
    M_LEPTON,
    MASS,
    MODE,
    MODE_MASS,
    MODE_PDG,
    PRIMARY_DENSITY,
    PRIMARY_SPIN,
    WEIGHT,
)
from toymc.generators.tau.tables import ALIAS_KEEP, ALIAS_PARTNER, CORNER, EXTENT, PEAK
from toymc.generators.two_photon.complete import _beam_rows, _complete_ratio
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
def _base_event(
    rng, low, high, least2, share, beam, leg, numbers, running, cells, channel, modes, switches, reals, couplings,
    v, z, y, shares, photons, frame, work, rotation, rho, state, hard,
):  # fmt: skip
    """One unweighted event of the part alone: momenta in `v`, decay of the virtual photon in the row `hard`."""
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
        if rng.random() * cells[c, PEAK] < weight:
            break
    _decay_boson(rng, reals[MASS], modes, switches, couplings, running, reals, state[1], v, z, rho, hard)


@lean_kernel
def _lepton_rows(v, mass, pair_mass, s, beam_mass, first, hard, p):
    """Rows of `p` (`toymc.generators.amplitudes.four_leptons`): beams, l-, l+ in rows first.., the other pair."""
    _beam_rows(s, beam_mass, p)
    momentum = np.sqrt(max(0.0, 0.25 * mass * mass - pair_mass * pair_mass))
    kx, ky, kz, ke = v[BOSON, 0], v[BOSON, 1], v[BOSON, 2], v[BOSON, 3]
    for side in range(2):
        for k in range(4):
            p[first + side, k] = v[P_MINUS + side, k]
        q, row = momentum if side == 0 else -momentum, 6 - first + side
        dx, dy, dz = q * hard[DIRECTION], q * hard[DIRECTION + 1], q * hard[DIRECTION + 2]
        along = (kx * dx + ky * dy + kz * dz) / mass
        f = along / (ke + mass) + 0.5
        p[row, 0], p[row, 1], p[row, 2], p[row, 3] = dx + f * kx, dy + f * ky, dz + f * kz, 0.5 * ke + along


@lean_kernel
def _event_ratio(
    rng, low, high, least2, share, first, beam, leg, numbers, running, cells, channel, modes, switches, reals,
    couplings, v, z, y, shares, photons, frame, work, rotation, rho, state, hard,
    lines, kets, bras, groups, masses, p, amplitudes, gz, flow, photon,
):  # fmt: skip
    """One event of the part alone; returns the ratio R of the complete tree."""
    _base_event(
        rng, low, high, least2, share, beam, leg, numbers, running, cells, channel, modes, switches, reals, couplings,
        v, z, y, shares, photons, frame, work, rotation, rho, state, hard,
    )  # fmt: skip
    _lepton_rows(v, reals[MASS], modes[0, MODE_MASS], state[1], reals[M_ELECTRON], first, hard, p)
    return _complete_ratio(p, 0.0, lines, kets, bras, groups, masses, amplitudes, gz, flow, photon)


@kernel
def _probe_complete(rng, settings, scratch, graphs, trees, low, high, least2, share, first, hard, found):
    """R of len(found) events of the part alone."""
    reals = settings.reals.copy()
    for i in range(len(found)):
        found[i] = _event_ratio(
            rng, low, high, least2, share, first, settings.beam, settings.leg, settings.numbers, settings.running,
            settings.cells, settings.channel, settings.modes, settings.switches, reals, settings.couplings, scratch.v,
            scratch.z, scratch.y, scratch.shares, scratch.photons, scratch.frame, scratch.work, scratch.rotation,
            scratch.rho, scratch.state, hard, graphs.lines, graphs.kets, graphs.bras, graphs.groups, graphs.masses,
            trees.p, trees.amplitudes, trees.z, trees.flow, trees.photon,
        )  # fmt: skip


@lean_kernel
def _densities(hard, first, lines, kets, bras, groups, masses, p, amplitudes, gz, flow, photon):
    """Spin densities of both pairs, each with everything else summed."""
    _fill_four_leptons(p, lines, kets, bras, groups, masses, amplitudes, gz, flow, photon, 2)
    own, other = first // 2 - 1, 2 - first // 2
    _four_lepton_density(amplitudes, MINUS_BITS[own], PLUS_BITS[own], hard[PRIMARY_DENSITY : PRIMARY_DENSITY + 16])
    _four_lepton_density(amplitudes, MINUS_BITS[other], PLUS_BITS[other], hard[DECAY_DENSITY : DECAY_DENSITY + 16])


@kernel
def _generate_annihilation(
    rng, settings, scratch, graphs, trees, low, high, least2, share, first, ceiling, hard, ratios
):
    """len(hard) unweighted events; `ratios`: weight over R_max."""
    reals = settings.reals.copy()
    spins = settings.switches[PRIMARY_SPIN] != 0 or settings.modes[0, MODE_PDG] == 15.0
    for i in range(len(hard)):
        while True:
            ratio = _event_ratio(
                rng, low, high, least2, share, first, settings.beam, settings.leg, settings.numbers, settings.running,
                settings.cells, settings.channel, settings.modes, settings.switches, reals, settings.couplings,
                scratch.v, scratch.z, scratch.y, scratch.shares, scratch.photons, scratch.frame, scratch.work,
                scratch.rotation, scratch.rho, scratch.state, hard[i], graphs.lines, graphs.kets, graphs.bras,
                graphs.groups, graphs.masses, trees.p, trees.amplitudes, trees.z, trees.flow, trees.photon,
            )  # fmt: skip
            ratios[i] = ratio / ceiling
            if rng.random() < ratios[i]:
                break
        mode, weight = hard[i, MODE], hard[i, WEIGHT]
        n = _radiation_frame(
            rng, settings.numbers, scratch.state, scratch.photons, scratch.frame, scratch.work, scratch.rotation
        )
        _to_laboratory(n, scratch.state, scratch.photons, scratch.frame, scratch.work)
        _store(rng, settings.beam, n, reals[MASS], scratch.v, scratch.photons, scratch.frame, hard[i])
        hard[i, MODE], hard[i, WEIGHT] = mode, weight
        if spins:
            _densities(
                hard[i], first, graphs.lines, graphs.kets, graphs.bras, graphs.groups, graphs.masses, trees.p,
                trees.amplitudes, trees.z, trees.flow, trees.photon,
            )  # fmt: skip
