"""The hard event of e+e- -> l+ l- X: beams, radiation, a point of phase space, its weight, the decay of X.

One trial: beams with their energy spread; energy fractions of the initial-state radiation; a
cell of the envelope (`toymc.generators.llx.sampler`), a point in it; the mass of X from its line shape; momenta; the
squared amplitude. What is accepted goes, one row per event, to the array that `toymc.generators.llx.rows` turns into
particles. Momenta are those of the hard centre of mass: electron along +z, boson in the x-z plane; a matrix takes them
to the laboratory, a random azimuth about the beams included.

With X = gamma no photon is made twice: `toymc.generators.llx.hard_photon`.
"""

import numpy as np

from toymc.generators.amplitudes.bhabha_photon import _bhabha_photon
from toymc.generators.amplitudes.emission import _fill_amplitudes, _final_squared, _lepton_line, _sum_amplitudes
from toymc.generators.amplitudes.layout import BOSON, P_ELECTRON, P_MINUS, P_PLUS, P_POSITRON, SPIN_1
from toymc.generators.amplitudes.phase_space import (
    BEAM_MINUS,
    FINAL,
    INITIAL,
    LEG_MINUS,
    _beam_point,
    _beams,
    _eikonal_shares,
    _exchange_shares,
    _final_point,
    _initial_point,
    _leg_point,
)
from toymc.generators.amplitudes.radiator import _leg_fraction, _running
from toymc.generators.amplitudes.spin import (
    _boson_density,
    _boson_density_final,
    _lepton_pair_density,
    _lepton_pair_density_final,
    _scalar_pair_density,
    _vector_decay_direction,
    _vector_pair_density,
)
from toymc.generators.amplitudes.spinors import _dot
from toymc.generators.beams import _sample_beams, _sample_vertex
from toymc.generators.initial_state import _recoil
from toymc.generators.isr import _isr_photons
from toymc.generators.llx.hard_photon import (
    _final_photons,
    _leads,
    _least_opening,
    _least_scale,
    _leptons_pass,
    _passes,
)
from toymc.generators.llx.layout import (
    BOSON_MASS,
    BOSON_P,
    DECAY_DENSITY,
    DIMENSIONS,
    DIRECTION,
    EXCHANGE,
    FACTOR,
    FINAL_PHOTONS,
    FIXED_S,
    FRAME,
    FULL,
    ISR,
    LEPTON_COSINE,
    LEPTON_ENERGY,
    LEPTON_MINUS,
    LEPTON_PLUS,
    LINE_HIGH,
    LINE_LOW,
    LINE_SHAPE,
    LINE_WIDTHS,
    M_ELECTRON,
    M_LEPTON,
    MASS,
    MODE,
    MODE_CHOSEN,
    MODE_FACTOR,
    MODE_KIND,
    MODE_MASS,
    MODE_PDG,
    N_PHOTONS,
    PHOTON,
    PHOTON_COSINE,
    PHOTON_ENERGY,
    PHOTONS,
    PRIMARY_DENSITY,
    PRIMARY_SPIN,
    SHARE_E,
    SHARE_L,
    SPIN,
    VERTEX,
    WEIGHT,
    WIDTH,
)
from toymc.generators.llx.widths import _partial_width
from toymc.generators.lorentz import _times_rotation, _transverse, _unit_matrix
from toymc.generators.tau.tables import ALIAS_KEEP, ALIAS_PARTNER, CORNER, EXTENT, PEAK
from toymc.kernels import kernel, lean_kernel


@lean_kernel
def _collision(rng, beam, leg, numbers, use_isr, fixed_s, u, state):
    """Beams and energy fractions: state = s, s', ex, ez, ee, px, pz, e, v1, v2.

    u is the place of the harder of both legs in the order of their energy fractions.
    """
    ex, ez, ee, px, pz, e = _sample_beams(rng, beam)
    s = e * e - px * px - pz * pz
    if fixed_s > 0.0:
        s = fixed_s
    v1, v2 = 0.0, 0.0
    if use_isr:
        # the larger of two uniform numbers is sqrt(u), the smaller one uniform below it
        larger = np.sqrt(u)
        v1, v2 = _leg_fraction(larger, leg, numbers), _leg_fraction(larger * rng.random(), leg, numbers)
        if rng.random() < 0.5:
            v1, v2 = v2, v1
    state[0], state[1] = s, (1.0 - v1) * (1.0 - v2) * s
    state[2], state[3], state[4], state[5], state[6], state[7] = ex, ez, ee, px, pz, e
    state[8], state[9] = v1, v2


@lean_kernel
def _radiation_frame(rng, numbers, state, photons, frame, work, rotation):
    """Photons of the beams in the e+e- frame (e- along +z) and the matrix `frame`: hard frame -> e+e- frame.

    The hard frame has the beam axis along +z and a random azimuth. Returns how many photons there are.
    """
    s = state[0]
    n = 0
    if state[8] > 0.0 or state[9] > 0.0:
        n = _isr_photons(rng, state[8], state[9], s, numbers, photons)
    _unit_matrix(frame)
    ax, ay, az = 0.0, 0.0, 1.0
    if n > 0:
        _, _, ax, ay, az = _recoil(rng, n, s, state[1], 0.0, 1.0, photons, frame, work)
    ux, uy, uz, wx, wy, wz = _transverse(ax, ay, az)
    phi = 2.0 * np.pi * rng.random()
    c, sn = np.cos(phi), np.sin(phi)
    rotation[0, 0], rotation[1, 0], rotation[2, 0] = c * ux + sn * wx, c * uy + sn * wy, c * uz + sn * wz
    rotation[0, 1], rotation[1, 1], rotation[2, 1] = c * wx - sn * ux, c * wy - sn * uy, c * wz - sn * uz
    rotation[0, 2], rotation[1, 2], rotation[2, 2] = ax, ay, az
    _times_rotation(frame, rotation, work)
    for i in range(4):
        for j in range(4):
            frame[i, j] = work[i, j]
    return n


@lean_kernel
def _boson_mass(y, switches, reals):
    """(mass, density of the line shape over that of the map): Breit-Wigner of fixed width, without q Gamma(q).

    It is normalised to 1 over LINE_WIDTHS widths to either side, whether or not all of that is open.
    """
    mass, width = reals[MASS], reals[WIDTH]
    if switches[LINE_SHAPE] == 0:
        return mass, 1.0
    low, high = reals[LINE_LOW], reals[LINE_HIGH]
    a = np.arctan((low * low - mass * mass) / (mass * width))
    b = np.arctan((high * high - mass * mass) / (mass * width))
    q2 = mass * mass + mass * width * np.tan(a + y * (b - a))
    q2 = min(max(q2, low * low), high * high)
    return np.sqrt(q2), (b - a) / (2.0 * np.arctan(LINE_WIDTHS))


@lean_kernel
def _total_width(modes, q):
    """Widths of all modes and of the chosen ones at mass q."""
    total, chosen = 0.0, 0.0
    for i in range(len(modes)):
        w = _partial_width(modes[i, MODE_KIND], modes[i, MODE_MASS], modes[i, MODE_FACTOR], q)
        total += w
        if modes[i, MODE_CHOSEN] > 0.0:
            chosen += w
    return total, chosen


@lean_kernel
def _amplitude(v, z, s, mass, switches, reals, couplings, running):
    """sum |M|^2 / e^4, vacuum polarisation included."""
    cl, cr, el, er = couplings[0], couplings[1], couplings[2], couplings[3]
    m = reals[M_LEPTON]
    f_s = _running(running, s)
    if switches[FULL] == 0:
        value = _final_squared(v, z, m, mass, switches[SPIN], cl, cr)
        return value * 2.0 / s * (f_s.real * f_s.real + f_s.imag * f_s.imag)
    exchange = switches[EXCHANGE] != 0
    f_ll = _running(running, 2.0 * m * m + 2.0 * _dot(v, P_MINUS, P_PLUS))
    f_minus, f_plus = complex(1.0, 0.0), complex(1.0, 0.0)
    if exchange:
        f_minus = _running(running, 2.0 * m * m - 2.0 * _dot(v, P_ELECTRON, P_MINUS))
        f_plus = _running(running, 2.0 * m * m - 2.0 * _dot(v, P_POSITRON, P_PLUS))
        closed = _bhabha_photon(v, m, f_s, f_ll, f_minus, f_plus)
        if closed >= 0.0:
            return closed * (cl.real * cl.real)
    n_pol = _fill_amplitudes(
        v, z, m, reals[M_ELECTRON], mass, switches[SPIN], cl, cr, el, er, exchange, f_s, f_ll, f_minus, f_plus
    )
    return _sum_amplitudes(z, n_pol)


@lean_kernel
def _place(channel, y, s, mass, e_low, least, least_k, least_e, switches, reals, v, shares):
    """Momenta of the point y of a channel: its phase space times its share of the amplitude.

    e_low, least_k: least energy and 1 - cos to e-, e+ of the photon in the hard frame; least_e, least: of the leptons.
    """
    m, m_e = reals[M_LEPTON], reals[M_ELECTRON]
    _beams(v, s, m_e)
    if channel == FINAL:
        space = _final_point(y, s, m, mass, e_low, v)
    elif channel == INITIAL:
        space = _initial_point(y, s, m, m_e, mass, e_low, min(least_k[0], least_k[1]), v)
    elif channel < LEG_MINUS:
        # the photon along one beam, the lepton of the other near that one
        near, far = (0, 1) if channel == BEAM_MINUS else (1, 0)
        least_t = least[far] * np.sqrt(s) * least_e
        space = _beam_point(y, s, m, m_e, mass, e_low, least_k[near], least_t, channel == BEAM_MINUS, v)
    else:
        space = _leg_point(y, s, m, e_low, least[1] if channel == LEG_MINUS else least[0], channel == LEG_MINUS, v)
    if space <= 0.0 or switches[FULL] == 0:
        return space
    if switches[EXCHANGE] != 0:
        _exchange_shares(v, s, m, shares)
    else:
        _eikonal_shares(v, s, mass, m, m_e, reals[SHARE_L], reals[SHARE_E], shares)
    return space * shares[channel]


@lean_kernel
def _weight(
    rng, channel, beam, leg, numbers, running, modes, switches, reals, couplings,
    v, z, y, shares, photons, frame, work, rotation, state,
):  # fmt: skip
    """Weight of one trial at the point y: (weight, mass of the boson, number of photons); 0 for no event."""
    use_isr = switches[ISR] != 0
    _collision(rng, beam, leg, numbers, use_isr, reals[FIXED_S], y[5], state)
    s = state[1]
    mass, weight = _boson_mass(y[4], switches, reals)
    if np.sqrt(s) <= mass + 2.0 * reals[M_LEPTON]:
        return 0.0, mass, 0
    if switches[LINE_SHAPE] != 0:
        weight *= mass * _total_width(modes, mass)[0] / (reals[MASS] * reals[WIDTH])
    n, e_low, least_e, least, least_k = 0, 0.0, 0.0, (0.0, 0.0), (0.0, 0.0)
    photon, exchange = switches[PHOTON] != 0, switches[EXCHANGE] != 0
    if photon:
        n = _radiation_frame(rng, numbers, state, photons, frame, work, rotation)
        scale = _least_scale(n, state[0], photons)
        e_low, least_e = scale * reals[PHOTON_ENERGY], scale * max(reals[LEPTON_ENERGY], 1e-3)
        c_k = reals[PHOTON_COSINE]
        least_k = _least_opening(n, c_k, 1.0, frame), _least_opening(n, c_k, -1.0, frame)
        if exchange:
            c = reals[LEPTON_COSINE]
            least = _least_opening(n, c, 1.0, frame), _least_opening(n, c, -1.0, frame)
    weight *= _place(channel, y, s, mass, e_low, least, least_k, least_e, switches, reals, v, shares)
    if not weight > 0.0:
        return 0.0, mass, 0
    across2 = 0.0
    if photon:
        across2, passes = _passes(v, frame, n, photons, reals, exchange, least, least_k)
        if not passes:
            return 0.0, mass, 0
    weight *= _amplitude(v, z, s, mass, switches, reals, couplings, running) * reals[FACTOR] / s
    if use_isr:
        weight *= s / state[0]
    if switches[FINAL_PHOTONS] != 0:
        beams, n = n, _final_photons(rng, v, n, photons, frame, reals[M_LEPTON])
        if n > beams and (_leads(photons, beams, n, across2, reals) or not _leptons_pass(v, frame, reals)):
            return 0.0, mass, 0
    return weight, mass, n


@kernel
def _probe_hard(rng, settings, scratch, chosen, points, rates):
    """A random point in each chosen cell: `points` its place in the cell (0..1), `rates` the weight there."""
    cells, channel = settings.cells, settings.channel
    beam, leg, numbers, running = settings.beam, settings.leg, settings.numbers, settings.running
    modes, switches, reals, couplings = settings.modes, settings.switches, settings.reals, settings.couplings
    y = scratch.y
    for i in range(len(chosen)):
        c = chosen[i]
        for d in range(DIMENSIONS):
            points[i, d] = rng.random()
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * points[i, d]
        rates[i], _, _ = _weight(
            rng, channel[c], beam, leg, numbers, running, modes, switches, reals, couplings,
            scratch.v, scratch.z, y, scratch.shares, scratch.photons, scratch.frame, scratch.work, scratch.rotation,
            scratch.state,
        )  # fmt: skip


@lean_kernel
def _to_laboratory(n, state, photons, frame, work):
    """Photons, and `frame`, from the e+e- frame (e- along +z) to the laboratory."""
    ex, ez, ee, px, pz, e = state[2], state[3], state[4], state[5], state[6], state[7]
    root = np.sqrt(e * e - px * px - pz * pz)
    # electron in the e+e- frame (its mass is of no weight here): inverse boost of its lab momentum
    shift = (ee + (ee * e - ex * px - ez * pz) / root) / (e + root)
    dx, dz = ex - shift * px, ez - shift * pz
    length = np.sqrt(dx * dx + dz * dz)
    dx, dz = dx / length, dz / length
    bx, bz, gamma = px / e, pz / e, e / root
    k = gamma * gamma / (1.0 + gamma)
    for i in range(n):
        x, y, z = dz * photons[i, 0] + dx * photons[i, 2], photons[i, 1], dz * photons[i, 2] - dx * photons[i, 0]
        f = k * (bx * x + bz * z) + gamma * photons[i, 3]
        photons[i, 0], photons[i, 1], photons[i, 2] = x + f * bx, y, z + f * bz
        photons[i, 3] = np.sqrt(photons[i, 0] ** 2 + y * y + photons[i, 2] ** 2)
    for j in range(4):
        x, y, z, t = dz * frame[0, j] + dx * frame[2, j], frame[1, j], dz * frame[2, j] - dx * frame[0, j], frame[3, j]
        along = bx * x + bz * z
        f = k * along + gamma * t
        frame[0, j], frame[1, j], frame[2, j], frame[3, j] = x + f * bx, y, z + f * bz, gamma * (along + t)


@lean_kernel
def _choose_mode(rng, modes, q):
    """One of the chosen modes by its width at mass q, and the share of the chosen modes in the total width."""
    total, chosen = _total_width(modes, q)
    u = rng.random() * chosen
    last = -1
    for i in range(len(modes)):
        if modes[i, MODE_CHOSEN] > 0.0:
            w = _partial_width(modes[i, MODE_KIND], modes[i, MODE_MASS], modes[i, MODE_FACTOR], q)
            if w > 0.0:
                last = i
                u -= w
                if u < 0.0:
                    break
    return last, chosen / total if total > 0.0 else 0.0


@lean_kernel
def _decay_boson(rng, mass, modes, switches, couplings, running, reals, s, v, z, rho, hard):
    """Mode, direction (boson rest frame) and pair density of the decay into row `hard`."""
    mode, fraction = _choose_mode(rng, modes, mass)
    hard[MODE], hard[WEIGHT] = mode, fraction
    if mode < 0:
        return
    m = modes[mode, MODE_MASS]
    beta = np.sqrt(max(0.0, 1.0 - 4.0 * m * m / (mass * mass)))
    vector = switches[SPIN] == SPIN_1
    if vector:
        if switches[FULL] == 0:
            _boson_density_final(z, 3, rho)
        else:
            _boson_density(z, 3, rho)
        nx, ny, nz = _vector_decay_direction(rng, v, rho, beta)
    else:
        nz = 2.0 * rng.random() - 1.0
        phi = 2.0 * np.pi * rng.random()
        sn = np.sqrt(1.0 - nz * nz)
        nx, ny = sn * np.cos(phi), sn * np.sin(phi)
    hard[DIRECTION], hard[DIRECTION + 1], hard[DIRECTION + 2] = nx, ny, nz
    if modes[mode, MODE_PDG] != 15.0:
        return
    # daughters in the hard frame, in the spare rows 8, 9
    p, half = 0.5 * mass * beta, 0.5 * mass
    kx, ky, kz, ke = v[BOSON, 0], v[BOSON, 1], v[BOSON, 2], v[BOSON, 3]
    for side in range(2):
        q = p if side == 0 else -p
        along = q * (kx * nx + ky * ny + kz * nz) / mass
        f = (along / (ke + mass)) + half / mass
        v[8 + side, 0], v[8 + side, 1], v[8 + side, 2] = q * nx + f * kx, q * ny + f * ky, q * nz + f * kz
        v[8 + side, 3] = ke * half / mass + along
    density = hard[DECAY_DENSITY : DECAY_DENSITY + 16]
    if vector:
        _vector_pair_density(v, z, 8, 9, m, rho, density)
    else:
        _scalar_pair_density(v, z, 8, 9, m, couplings[0], couplings[1], density)


@lean_kernel
def _store(rng, beam, n, mass, v, photons, frame, hard):
    """Frame, momenta, photons and vertex of an accepted event."""
    for i in range(4):
        for j in range(4):
            hard[FRAME + 4 * i + j] = frame[i, j]
    for k in range(3):
        hard[LEPTON_MINUS + k], hard[LEPTON_PLUS + k], hard[BOSON_P + k] = v[P_MINUS, k], v[P_PLUS, k], v[BOSON, k]
    hard[BOSON_MASS], hard[WEIGHT], hard[N_PHOTONS], hard[MODE] = mass, 1.0, n, -1.0
    for i in range(n):
        for k in range(4):
            hard[PHOTONS + 4 * i + k] = photons[i, k]
    hard[VERTEX], hard[VERTEX + 1], hard[VERTEX + 2] = _sample_vertex(rng, beam)


@lean_kernel
def _hard_event(
    rng, beam, leg, numbers, running, cells, channel, modes, switches, reals, couplings,
    v, z, y, shares, photons, frame, work, rotation, rho, state, hard,
):  # fmt: skip
    """One unweighted event into the row `hard`; returns weight over envelope of the accepted trial."""
    while True:
        x = rng.random() * len(cells)
        c = int(x)
        if x - c >= cells[c, ALIAS_KEEP]:
            c = int(cells[c, ALIAS_PARTNER])
        for d in range(DIMENSIONS):
            y[d] = cells[c, CORNER + d] + cells[c, EXTENT + d] * rng.random()
        weight, mass, n = _weight(
            rng, channel[c], beam, leg, numbers, running, modes, switches, reals, couplings,
            v, z, y, shares, photons, frame, work, rotation, state,
        )  # fmt: skip
        ratio = weight / cells[c, PEAK]
        if rng.random() < ratio:
            break
    if switches[PHOTON] == 0:
        n = _radiation_frame(rng, numbers, state, photons, frame, work, rotation)
    _to_laboratory(n, state, photons, frame, work)
    _store(rng, beam, n, mass, v, photons, frame, hard)
    if switches[PRIMARY_SPIN] != 0:
        n_pol = 3 if switches[SPIN] == SPIN_1 else 1
        if switches[FULL] == 0:
            # the squared amplitude has left the spinors of one spin of the l-
            _lepton_line(v, z, reals[M_LEPTON], mass * mass, switches[SPIN], n_pol, couplings[0], couplings[1], 2)
            _lepton_pair_density_final(z, n_pol, hard[PRIMARY_DENSITY : PRIMARY_DENSITY + 16])
        else:
            _lepton_pair_density(z, n_pol, hard[PRIMARY_DENSITY : PRIMARY_DENSITY + 16])
    if len(modes) > 0:
        _decay_boson(rng, mass, modes, switches, couplings, running, reals, state[1], v, z, rho, hard)
    return ratio


@kernel
def _generate_hard(rng, settings, scratch, hard, ratios):
    """len(hard) unweighted events."""
    for i in range(len(hard)):
        ratios[i] = _hard_event(
            rng, settings.beam, settings.leg, settings.numbers, settings.running, settings.cells,
            settings.channel, settings.modes, settings.switches, settings.reals, settings.couplings,
            scratch.v, scratch.z, scratch.y, scratch.shares, scratch.photons, scratch.frame, scratch.work,
            scratch.rotation, scratch.rho, scratch.state, hard[i],
        )  # fmt: skip
