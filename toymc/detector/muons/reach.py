"""How far a muon gets: last layer of the muon detector over momentum and polar angle, stepped through coil and iron.

A muon from the origin is stepped through the crystals, the coil and the yoke of a card with its mean energy loss,

    -dE/dx = K rho Z/A / beta^2 [ 1/2 ln(2 m_e (beta gamma)^2 T_max / I^2) - beta^2 - delta/2 ],

delta from Sternheimer's parametrisation [PDG review, "Passage of particles through matter", eqs. 34.5 and 34.7], and
turns in the solenoid, in the linear fall-off across the coil and in the return field of the barrel's iron. The sides of
the octagon count with their distance averaged over azimuth. Straggling is not part of it: the range tables hold it.
Limits: muons from the origin (the direction at the yoke of a muon born 50 cm off the axis differs by a few degrees),
no scattering, no field in the end yokes, the cracks are the geometric efficiency of the card. Iron of the end yokes is
continued inwards over the hole of the final-focus magnets, which stop muons as well.
"""

import numpy as np
import numpy.typing as npt

from toymc.constants import OMEGA_PER_TESLA_GEV_CM, mass
from toymc.geometry.muons import Metal, MuonSettings

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

_K = 0.307075e-3  # GeV cm2/mol, PDG
_M_E, _M_MU = mass(11), mass(13)
_STOPPED = 0.03  # GeV; a muon below it has 2 mm of iron left
P_STEP = 0.02
P_MAX = 2.2
"""Grid in momentum: above it every muon that enters the yoke leaves it again."""
TAN_STEP = 0.06
_MAX_STEPS = 2000


def energy_loss(metal: Metal, p: npt.ArrayLike) -> FloatArray:
    """Mean energy loss of a muon in GeV/cm.

    Parameters
    ----------
    metal : Metal
    p : float64 (...)
        Momentum in GeV, above 0.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> iron = load_card("belle2").muons.metals["iron"]
    >>> round(float(energy_loss(iron, 0.35)) / iron.density.value * 1e3, 2)
    1.45
    """
    momentum = np.asarray(p, dtype=np.float64)
    bg2 = (momentum / _M_MU) ** 2
    gamma = np.sqrt(1.0 + bg2)
    beta2 = bg2 / (1.0 + bg2)
    most = 2.0 * _M_E * bg2 / (1.0 + 2.0 * gamma * _M_E / _M_MU + (_M_E / _M_MU) ** 2)
    x = 0.5 * np.log10(bg2)
    x0, x1 = metal.x0.value, metal.x1.value
    delta = 2.0 * np.log(10.0) * x - metal.c.value + metal.a.value * np.maximum(x1 - x, 0.0) ** metal.k.value
    delta = np.where(x >= x0, delta, 0.0)
    excitation = metal.excitation_eV.value * 1e-9
    bracket = 0.5 * np.log(2.0 * _M_E * bg2 * most / excitation**2) - beta2 - 0.5 * delta
    loss: FloatArray = _K * metal.density.value * metal.z_over_a.value / beta2 * bracket
    return loss


class _Yoke:
    """Where a muon is: metal around it and layer of the muon detector, for arrays of points."""

    def __init__(self, section: MuonSettings) -> None:
        self.section = section
        barrel = section.barrel
        self.scale = barrel.octagon.value
        self.pitch = (barrel.gap.value + barrel.iron.value) * self.scale
        self.inner = barrel.inner_r.value * self.scale
        self.outer = self.inner + barrel.layers * self.pitch
        self.z_low, self.z_high = barrel.z_min.value, barrel.z_max.value

    def barrel(self, r: FloatArray, z: FloatArray) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
        """Inside the barrel, layer there, share of iron."""
        card = self.section.barrel
        inside = (r > self.inner) & (r < self.outer) & (z > self.z_low) & (z < self.z_high)
        layer = np.floor((r - self.inner) / self.pitch)
        in_gap = (r - self.inner) - layer * self.pitch < card.gap.value * self.scale
        iron = np.where(in_gap, card.module_iron.value / card.gap.value, 1.0)
        # the last gap has no iron behind it
        iron = np.where((layer == card.layers - 1) & ~in_gap, 0.0, iron)
        return inside, np.where(in_gap, layer, -1.0), np.where(inside, iron, 0.0)

    def endcap(
        self, depth: FloatArray, r: FloatArray, layers: int
    ) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
        """Inside an end yoke at a depth behind its face, layer there, share of iron."""
        card = self.section.endcaps
        pitch = card.iron.value + card.gap.value
        inside = (depth > 0.0) & (depth < layers * pitch) & (r < card.r_max.value)
        layer = np.floor(depth / pitch)
        in_iron = depth - layer * pitch < card.iron.value
        iron = np.where(in_iron, 1.0, card.module_iron.value / card.gap.value)
        live = inside & ~in_iron & (r > card.r_min.value)
        return inside, np.where(live, layer, -1.0), np.where(inside, iron, 0.0)

    def in_crystals(self, r: FloatArray, z: FloatArray) -> npt.NDArray[np.bool_]:
        """Crystals start at the front faces and are `depth` long as seen from the origin."""
        card = self.section.crystals
        far = np.hypot(r, z)
        front = np.full_like(r, np.inf)
        for at, edge in ((r, card.barrel_r.value), (z, card.forward_z.value), (z, card.backward_z.value)):
            ahead = at * edge > 0.0
            front = np.minimum(front, np.where(ahead, far * edge / np.where(ahead, at, 1.0), np.inf))
        return (far > front) & (far < front + card.depth.value)

    def field(
        self, r: FloatArray, z: FloatArray, iron: FloatArray, in_barrel: npt.NDArray[np.bool_], solenoid: float
    ) -> FloatArray:
        """Field along z in T."""
        flux, ends = self.section.flux, self.section.endcaps
        low, high = flux.coil_r_min.value, flux.coil_r_max.value
        inside = np.clip((high - r) / (high - low), 0.0, 1.0) * solenoid
        inside = np.where((z > ends.backward.face_z.value) & (z < ends.forward.face_z.value), inside, 0.0)
        return np.where(in_barrel, np.where(iron == 1.0, flux.return_tesla.value, 0.0), inside)

    def behind(self, r: FloatArray, z: FloatArray) -> npt.NDArray[np.bool_]:
        """Outside the detector."""
        ends = self.section.endcaps
        pitch = ends.iron.value + ends.gap.value
        past = z > ends.forward.face_z.value + ends.forward.layers * pitch
        past |= z < ends.backward.face_z.value - ends.backward.layers * pitch
        return past | (r > max(self.outer, ends.r_max.value))


class _Muons:
    """Muons under way: their place in the result, position, direction, momentum."""

    def __init__(self, p: FloatArray, tan_lambda: FloatArray) -> None:
        cosine = 1.0 / np.sqrt(1.0 + tan_lambda**2)
        self.row = np.arange(len(p))
        self.p = p.copy()
        self.u = np.stack([cosine, np.zeros_like(cosine), cosine * tan_lambda])
        self.x = np.zeros((3, len(p)))

    def keep(self, mask: npt.NDArray[np.bool_]) -> None:
        """Go on with some of them."""
        self.row, self.p, self.u, self.x = self.row[mask], self.p[mask], self.u[:, mask], self.x[:, mask]

    def turn(self, angle: FloatArray) -> None:
        """Rotate the directions clockwise about z."""
        c, s = np.cos(angle), np.sin(angle)
        self.u[0], self.u[1] = self.u[0] * c + self.u[1] * s, self.u[1] * c - self.u[0] * s


def _add_loss(loss: FloatArray, share: FloatArray, metal: Metal, p: FloatArray) -> None:
    """Add the loss of those muons that are in a metal."""
    here = np.flatnonzero(share)
    if len(here):
        loss[here] += share[here] * energy_loss(metal, p[here])


def _step(muons: _Muons, yoke: _Yoke, solenoid: float, last: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """One step of every muon: energy loss, turn, move. `last` (barrel, forward, backward) notes layers. True: alive."""
    section = yoke.section
    ends = section.endcaps
    r, z = np.hypot(muons.x[0], muons.x[1]), muons.x[2]
    in_barrel, *layer_iron = yoke.barrel(r, z)
    forward = yoke.endcap(z - ends.forward.face_z.value, r, ends.forward.layers)
    backward = yoke.endcap(ends.backward.face_z.value - z, r, ends.backward.layers)
    iron = layer_iron[1] + forward[2] + backward[2]
    for part, inside, layer in ((0, in_barrel, layer_iron[0]), (1, *forward[:2]), (2, *backward[:2])):
        here = np.flatnonzero(inside)
        last[part, muons.row[here]] = np.maximum(last[part, muons.row[here]], layer[here].astype(np.int64))
    step = np.where((r < 110.0) & (np.abs(z) < 90.0), 6.0, 1.0)
    loss = np.zeros_like(r)
    _add_loss(loss, iron, section.metals["iron"], muons.p)
    _add_loss(loss, yoke.in_crystals(r, z).astype(np.float64), section.metals[section.crystals.metal], muons.p)
    for piece in section.front:
        # thin walls: the part of the step inside them, taken along the radius
        share = np.clip(np.minimum(r + 0.5, piece.r_max) - np.maximum(r - 0.5, piece.r_min), 0.0, 1.0)
        _add_loss(loss, share * ((z > piece.z_min) & (z < piece.z_max)), section.metals[piece.metal], muons.p)
    energy = np.sqrt(muons.p**2 + _M_MU**2) - loss * step
    muons.p = np.sqrt(np.maximum(energy**2 - _M_MU**2, _STOPPED**2))
    half = 0.5 * step * OMEGA_PER_TESLA_GEV_CM * yoke.field(r, z, iron, in_barrel, solenoid) / muons.p
    muons.turn(half)
    muons.x += muons.u * step
    muons.turn(half)
    alive: npt.NDArray[np.bool_] = energy > np.sqrt(_STOPPED**2 + _M_MU**2)
    return alive


def muon_reach(
    section: MuonSettings, solenoid: float, p: npt.ArrayLike, tan_lambda: npt.ArrayLike
) -> tuple[Int32Array, Int32Array]:
    """Region (code of `Tracks.klm_region`) and last layer that a muon from the origin reaches.

    Parameters
    ----------
    section : MuonSettings
        `card.muons`.
    solenoid : float
        Field in T.
    p, tan_lambda : float64 (n,)
        Momentum at the origin in GeV and tangent of the dip angle.

    Returns
    -------
    region, layer : int32 (n,)
        0 and -1 where no layer is reached. A muon that crosses both barrel and end yoke counts as one of the end yoke,
        with the layers of both added up to the last of the end yoke. One that leaves an end yoke sideways counts as
        stopped there: it has no more layers to fire.

    Examples
    --------
    >>> from toymc.geometry import load_card
    >>> region, layer = muon_reach(load_card("belle2").muons, 1.5, [0.4, 0.8, 2.0], [0.0, 0.0, 0.0])
    >>> region.tolist(), int(layer[0]), int(layer[2])
    ([0, 1, 3], -1, 14)
    """
    momenta, tangents = np.broadcast_arrays(np.asarray(p, dtype=np.float64), np.asarray(tan_lambda, dtype=np.float64))
    yoke = _Yoke(section)
    muons = _Muons(momenta.ravel(), tangents.ravel())
    last = np.full((3, momenta.size), -1)
    left = np.zeros(momenta.size, dtype=np.bool_)
    for _ in range(_MAX_STEPS):
        alive = _step(muons, yoke, solenoid, last)
        out = alive & yoke.behind(np.hypot(muons.x[0], muons.x[1]), muons.x[2])
        left[muons.row[out]] = True
        muons.keep(alive & ~out)
        if not len(muons.row):
            break
    barrel, ends = last[0], section.endcaps
    top = section.barrel.layers - 1
    region = np.where(barrel >= 0, np.where(left & (barrel == top), 3, 1), 0)
    layer = np.where(region == 3, top, np.minimum(barrel, top - 1))
    for end, layers in ((last[1], ends.forward.layers), (last[2], ends.backward.layers)):
        total = np.minimum(end + 1 + barrel + 1, layers) - 1
        passed = left & (end == layers - 1)
        region = np.where(end >= 0, np.where(passed, 4, 2), region)
        layer = np.where(end >= 0, np.where(passed, layers - 1, total), layer)
    shape = momenta.shape
    return region.astype(np.int32).reshape(shape), layer.astype(np.int32).reshape(shape)
