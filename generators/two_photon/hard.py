"""The hard event of e+e- -> e+e- l+l- (h+h-) by two photons: beams, a point of phase space, its weight, the frame.

Leptons: both multiperipheral diagrams, exact in all masses and virtualities; hadrons: the luminosity function of
transverse photons times a measured cross-section and a form factor in Q^2 of either photon (`hadrons`). Events with
leptons are kept by the ratio of the complete tree to the sum of the parts (`complete`).
"""

import numpy as np

from toymc.generators.amplitudes.four_leptons import (
    MINUS_BITS,
    PLUS_BITS,
    _fill_four_leptons,
    _four_lepton_density,
)
from toymc.generators.amplitudes.phase_space import _two_sided
from toymc.generators.beams import _sample_beams, _sample_vertex
from toymc.generators.lorentz import _apply, _times_boost, _times_rotation, _transverse, _unit_matrix
from toymc.generators.tau.tables import ALIAS_KEEP, ALIAS_PARTNER, CORNER, EXTENT, PEAK
from toymc.generators.two_photon.complete import _beam_rows, _complete_ratio
from toymc.generators.two_photon.emitted import (
    _emitted_decay,
    _emitted_point,
    _emitted_rate,
    _mirror,
)
from toymc.generators.two_photon.hadrons import _hadron_rate
from toymc.generators.two_photon.kinematics import _density_sums, _photon_axes, _scattered_leptons
from toymc.generators.two_photon.layout import (
    ALL_PAIRS,
    AXIS_X,
    AZIMUTH,
    CEILING,
    COS_THETA,
    DECAY_ROWS,
    DENSITY,
    DIMENSIONS,
    ELECTRON,
    EMITTED,
    FACTOR,
    FIXED_S,
    FORM_MASS2,
    FRAME,
    INSIDE,
    LEPTONS,
    M_BEAM,
    M_PAIR,
    MINUS,
    NU,
    OUT_MINUS,
    OUT_PLUS,
    PAIR,
    PAIR_MINUS,
    PAIR_PLUS,
    PLUS,
    POSITRON,
    Q2_1,
    Q2_2,
    ROOT_X,
    TOTAL,
    VERTEX,
    W2,
    W_LOW,
    W,
)
from toymc.generators.two_photon.leptons import _lepton_spinors, _pair_squared, _place_leptons
from toymc.kernels import kernel, lean_kernel
from toymc.kinematics import _boost

_EIGHT_PI = 8.0 * np.pi


@lean_kernel
def _to_centre_of_mass(v, row):
    """Momentum of the row PAIR_MINUS or PAIR_PLUS (axes of the pair) in the e+e- centre of mass: x, y, z, E."""
    e = v[TOTAL, 3]
    x = v[row, 0] * v[AXIS_X, 0] + v[row, 1] * v[AXIS_X + 1, 0] + v[row, 2] * v[AXIS_X + 2, 0]
    y = v[row, 0] * v[AXIS_X, 1] + v[row, 1] * v[AXIS_X + 1, 1] + v[row, 2] * v[AXIS_X + 2, 1]
    z = v[row, 0] * v[AXIS_X, 2] + v[row, 1] * v[AXIS_X + 1, 2] + v[row, 2] * v[AXIS_X + 2, 2]
    return _boost(x, y, z, v[row, 3], v[TOTAL, 0] / e, v[TOTAL, 1] / e, v[TOTAL, 2] / e)


@lean_kernel
def _mixed_masses_above(v, least2):
    """Whether the e+e- pairs made of a scattered and a produced lepton, and of both scattered ones, have W >= W_LOW."""
    x, y, z, t = v[OUT_MINUS, 0], v[OUT_MINUS, 1], v[OUT_MINUS, 2], v[OUT_MINUS, 3]
    for partner in range(3):
        if partner < 2:
            other = OUT_MINUS if partner == 0 else OUT_PLUS
            px, py, pz, pt = _to_centre_of_mass(v, PAIR_PLUS if partner == 0 else PAIR_MINUS)
            px, py, pz, pt = px + v[other, 0], py + v[other, 1], pz + v[other, 2], pt + v[other, 3]
        else:
            px, py, pz, pt = x + v[OUT_PLUS, 0], y + v[OUT_PLUS, 1], z + v[OUT_PLUS, 2], t + v[OUT_PLUS, 3]
        if pt * pt - px * px - py * py - pz * pz < least2:
            return False
    return True


@lean_kernel
def _pair_weight(rng, y, switches, reals, table, v, z, inv, s):
    """|M|^2 times the phase space of the pair, in units of the flux of transverse photons; fills angles and rows."""
    w = np.sqrt(inv[W2])
    mass = reals[M_PAIR]
    beta = np.sqrt(max(0.0, 1.0 - 4.0 * mass * mass / inv[W2]))
    phi = 2.0 * np.pi * rng.random()
    inv[AZIMUTH] = phi
    if switches[PAIR] == LEPTONS:
        cosine, jacobian = _two_sided(y, inv[ROOT_X] * beta / inv[NU], 1.0)
        inv[COS_THETA] = cosine
        _photon_axes(s, reals, v, inv)
        _place_leptons(v, inv, mass, cosine, phi)
        if switches[ALL_PAIRS] != 0 and not _mixed_masses_above(v, reals[W_LOW] * reals[W_LOW]):
            return 0.0
        _lepton_spinors(v, z, inv, mass)
        return beta / _EIGHT_PI * 0.5 * jacobian * _pair_squared(v, z)
    cosine = 2.0 * y - 1.0
    inv[COS_THETA] = cosine
    first, second = _density_sums(inv)
    form = (1.0 + inv[Q2_1] * reals[FORM_MASS2]) * (1.0 + inv[Q2_2] * reals[FORM_MASS2])
    return 8.0 * inv[ROOT_X] * _hadron_rate(table, w, cosine) * first * second / (form * form)


@lean_kernel
def _weight(rng, beam, switches, reals, table, v, z, inv, av, az, y, state):
    """Weight in fb of one trial at y; beams in `state`: ex, ez, ee, px, pz, e."""
    ex, ez, ee, px, pz, e = _sample_beams(rng, beam)
    state[0, 0], state[0, 1], state[0, 2], state[0, 3], state[1, 0], state[1, 1] = ex, ez, ee, px, pz, e
    s = e * e - px * px - pz * pz
    if reals[FIXED_S] > 0.0:
        s = reals[FIXED_S]
    state[1, 2] = s
    if switches[PAIR] == EMITTED:
        space = _emitted_point(y, s, reals, v, inv)
        rate = _emitted_rate(s, reals, v, inv, av, az) if space > 0.0 else 0.0
    else:
        space = _scattered_leptons(y, s, reals, v, inv)
        rate = _pair_weight(rng, y[5], switches, reals, table, v, z, inv, s) if space > 0.0 else 0.0
    if not rate > 0.0:
        return 0.0
    # 1/(2 s beta) and both 1/(4 p), p^2 = s beta^2/4
    beta2 = 1.0 - 4.0 * reals[M_BEAM] ** 2 / s
    return reals[FACTOR] * space * rate / (8.0 * s * s * beta2 * np.sqrt(beta2))


@kernel
def _probe_two_photon(rng, settings, scratch, chosen, points, rates):
    """A random point in each chosen cell: `points` its place in the cell (0..1), `rates` the weight there."""
    cells, beam, switches, reals, table = (
        settings.cells, settings.beam, settings.switches, settings.reals, settings.table,
    )  # fmt: skip
    v, z, inv, y, state = scratch.vectors, scratch.spinors, scratch.invariants, scratch.y, scratch.work
    av, az = scratch.amplitude_v, scratch.amplitude_z
    for i in range(len(chosen)):
        c = chosen[i]
        for d in range(DIMENSIONS):
            points[i, d] = rng.random()
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * points[i, d]
        rates[i] = _weight(rng, beam, switches, reals, table, v, z, inv, av, az, y, state)


@lean_kernel
def _laboratory_frame(rng, state, frame, work, rotation):
    """`frame`: e+e- centre of mass (e- along +z, random azimuth) -> laboratory."""
    ex, ez, ee, px, pz, e = state[0, 0], state[0, 1], state[0, 2], state[0, 3], state[1, 0], state[1, 1]
    root = np.sqrt(e * e - px * px - pz * pz)
    # electron in the centre of mass (its mass is of no weight for the direction): inverse boost of its lab momentum
    shift = (ee + (ee * e - ex * px - ez * pz) / root) / (e + root)
    dx, dz = ex - shift * px, ez - shift * pz
    length = np.sqrt(dx * dx + dz * dz)
    dx, dz = dx / length, dz / length
    ux, uy, uz, wx, wy, wz = _transverse(dx, 0.0, dz)
    phi = 2.0 * np.pi * rng.random()
    c, sn = np.cos(phi), np.sin(phi)
    rotation[0, 0], rotation[1, 0], rotation[2, 0] = c * ux + sn * wx, c * uy + sn * wy, c * uz + sn * wz
    rotation[0, 1], rotation[1, 1], rotation[2, 1] = c * wx - sn * ux, c * wy - sn * uy, c * wz - sn * uz
    rotation[0, 2], rotation[1, 2], rotation[2, 2] = dx, 0.0, dz
    _unit_matrix(frame)
    _times_boost(frame, px / e, 0.0, pz / e, e / root, work)
    _times_rotation(work, rotation, frame)


@lean_kernel
def _store_momentum(frame, v, row, hard, column):
    x, y, z = _apply(frame, v, row)
    hard[column], hard[column + 1], hard[column + 2] = x, y, z


@lean_kernel
def _place_pair(frame, mass2, half, nx, ny, nz, hard):
    """Momenta of the pair in the laboratory; `frame` takes its rest frame there, n: direction of the h-."""
    p = np.sqrt(max(0.0, half * half - mass2))
    x, y, z = p * nx, p * ny, p * nz
    for i in range(3):
        t = frame[i, 3] * half
        q = frame[i, 0] * x + frame[i, 1] * y + frame[i, 2] * z
        hard[MINUS + i], hard[PLUS + i] = t + q, t - q


@lean_kernel
def _base_event(rng, cells, beam, switches, reals, table, v, z, inv, av, az, rho, y, state):
    """One unweighted event of the part alone; returns weight over envelope of the accepted trial."""
    while True:
        x = rng.random() * len(cells)
        c = int(x)
        if x - c >= cells[c, ALIAS_KEEP]:
            c = int(cells[c, ALIAS_PARTNER])
        for d in range(DIMENSIONS):
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * rng.random()
        weight = _weight(rng, beam, switches, reals, table, v, z, inv, av, az, y, state)
        ratio = weight / cells[c, PEAK]
        if rng.random() < ratio:
            break
    if switches[PAIR] == EMITTED:
        _mirror(rng, state[1, 2], reals, v, inv, av, az)
        _emitted_decay(rng, reals, inv, av, az, rho)
    elif switches[PAIR] != LEPTONS:
        _photon_axes(state[1, 2], reals, v, inv)
    return ratio


@lean_kernel
def _lepton_rows(switches, reals, v, av, s, p):
    """Rows of `p` (`toymc.generators.amplitudes.four_leptons`): beams, scattered leptons, pair."""
    _beam_rows(s, reals[M_BEAM], p)
    for side in range(2):
        for k in range(4):
            p[2 + side, k] = v[OUT_MINUS + side, k]
        if switches[PAIR] == EMITTED:
            for k in range(4):
                p[4 + side, k] = av[DECAY_ROWS + side, k]
        else:
            p[4 + side, 0], p[4 + side, 1], p[4 + side, 2], p[4 + side, 3] = _to_centre_of_mass(v, PAIR_MINUS + side)


@lean_kernel
def _event_ratio(
    rng, cells, beam, switches, reals, table, v, z, inv, av, az, rho, y, state,
    lines, kets, bras, groups, masses, p, amplitudes, gz, flow, photon,
):  # fmt: skip
    """One event of the part alone with the ratio R of the complete tree: (weight over envelope, R)."""
    ratio = _base_event(rng, cells, beam, switches, reals, table, v, z, inv, av, az, rho, y, state)
    if switches[PAIR] != LEPTONS and switches[PAIR] != EMITTED:
        return ratio, 1.0
    _lepton_rows(switches, reals, v, av, state[1, 2], p)
    least2 = reals[W_LOW] * reals[W_LOW] if switches[ALL_PAIRS] != 0 else 0.0
    return ratio, _complete_ratio(p, least2, lines, kets, bras, groups, masses, amplitudes, gz, flow, photon)


@kernel
def _probe_complete(rng, settings, scratch, trees, found):
    """R of len(found) events of the part alone."""
    graphs = settings.graphs
    for i in range(len(found)):
        _, found[i] = _event_ratio(
            rng, settings.cells, settings.beam, settings.switches, settings.reals, settings.table, scratch.vectors,
            scratch.spinors, scratch.invariants, scratch.amplitude_v, scratch.amplitude_z, scratch.rho, scratch.y,
            scratch.work, graphs.lines, graphs.kets, graphs.bras, graphs.groups, graphs.masses, trees.p,
            trees.amplitudes, trees.z, trees.flow, trees.photon,
        )  # fmt: skip


@lean_kernel
def _store_pair(leptons, reals, v, inv, p, frame, work, hard):
    """Momenta of the pair; `frame`: e+e- centre of mass -> laboratory, `work`: rest frame of the pair -> laboratory."""
    if leptons:
        for side in range(2):
            _store_momentum(frame, p, 4 + side, hard, MINUS + 3 * side)
        return
    # direction in the axes of the pair's frame
    sine = np.sqrt(max(0.0, 1.0 - inv[COS_THETA] ** 2))
    a, b, c = sine * np.cos(inv[AZIMUTH]), sine * np.sin(inv[AZIMUTH]), inv[COS_THETA]
    nx = a * v[AXIS_X, 0] + b * v[AXIS_X + 1, 0] + c * v[AXIS_X + 2, 0]
    ny = a * v[AXIS_X, 1] + b * v[AXIS_X + 1, 1] + c * v[AXIS_X + 2, 1]
    nz = a * v[AXIS_X, 2] + b * v[AXIS_X + 1, 2] + c * v[AXIS_X + 2, 2]
    half = 0.5 * np.sqrt(inv[W2])
    _place_pair(work, reals[M_PAIR] ** 2, half, nx, ny, nz, hard)


@lean_kernel
def _store_event(rng, beam, switches, reals, v, inv, p, frame, work, rotation, state, hard):
    """Momenta in the laboratory, frame of the spin density, vertex of an accepted event."""
    _laboratory_frame(rng, state, frame, work, rotation)
    _store_momentum(frame, v, OUT_MINUS, hard, ELECTRON)
    _store_momentum(frame, v, OUT_PLUS, hard, POSITRON)
    w, e = np.sqrt(inv[W2]), v[TOTAL, 3]
    _times_boost(frame, v[TOTAL, 0] / e, v[TOTAL, 1] / e, v[TOTAL, 2] / e, e / w, work)
    leptons = switches[PAIR] == LEPTONS or switches[PAIR] == EMITTED
    _store_pair(leptons, reals, v, inv, p, frame, work, hard)
    for i in range(4):
        for j in range(4):
            hard[FRAME + 4 * i + j] = frame[i, j]
    for k in range(3):
        hard[INSIDE + k], hard[INSIDE + 3 + k] = p[4, k], p[5, k]
    hard[VERTEX], hard[VERTEX + 1], hard[VERTEX + 2] = _sample_vertex(rng, beam)
    hard[W] = w


@kernel
def _generate_two_photon(rng, settings, scratch, trees, spin, hard, ratios):
    """len(hard) unweighted events; `spin`: with the spin density of the pair; `ratios`: weight over R_max."""
    beam, switches, reals, graphs = settings.beam, settings.switches, settings.reals, settings.graphs
    v, inv, state, p = scratch.vectors, scratch.invariants, scratch.work, trees.p
    work = np.empty((4, 4))
    for event in range(len(hard)):
        while True:
            _, ratio = _event_ratio(
                rng, settings.cells, beam, switches, reals, settings.table, v, scratch.spinors, inv,
                scratch.amplitude_v, scratch.amplitude_z, scratch.rho, scratch.y, state, graphs.lines, graphs.kets,
                graphs.bras, graphs.groups, graphs.masses, p, trees.amplitudes, trees.z, trees.flow, trees.photon,
            )  # fmt: skip
            ratios[event] = ratio / reals[CEILING]
            if rng.random() < ratios[event]:
                break
        _store_event(rng, beam, switches, reals, v, inv, p, scratch.frame, work, scratch.rotation, state, hard[event])
        if spin:
            _fill_four_leptons(
                p, graphs.lines, graphs.kets, graphs.bras, graphs.groups, graphs.masses, trees.amplitudes, trees.z,
                trees.flow, trees.photon, 2,
            )  # fmt: skip
            _four_lepton_density(trees.amplitudes, MINUS_BITS[1], PLUS_BITS[1], hard[event, DENSITY : DENSITY + 16])
