"""The decays of the signal B: K(*) S with S -> e e, mu mu, pi pi, K K, and the control modes.

Every channel is B -> M X. M is a K+, a K_S, a pi+ or a K*; X the new particle, or J/psi, anti-D0, K_S. What decays here
decays into two: isotropic, ~ cos^2 (helicity 0 into two spinless mesons: K* -> K pi, vector -> pi pi),
or ~ 1 - beta^2 cos^2 (helicity 0 into two leptons through a vector current: J/psi -> l l). A B has no spin, so M and X
have the same helicity: with a spinless partner, a K* or a vector is longitudinal.
"""

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from toymc.constants import ctau_cm, mass
from toymc.errors import InputError
from toymc.generators.b_meson.inputs import B_PLUS, B_ZERO, number

FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]

ISOTROPIC, COSINE_SQUARED, LEPTON_PAIR = 0, 1, 2
# columns of the tables that `_signal_side` reads, one row for M and one for X
CODE, DECAYS, FIRST, SECOND, ANGULAR, SHAPE, N_CODES = 0, 1, 2, 3, 4, 5, 6
MASS, CTAU, MASS_FIRST, MASS_SECOND, BETA2, N_NUMBERS = 0, 1, 2, 3, 4, 5

NEW_SCALAR, NEW_VECTOR = 54, 32
"""PDG codes of the new particle: spin-0 mediator, new vector boson."""
_K_S, _K_STAR_ZERO, _K_STAR_PLUS, _D_ZERO, _J_PSI = 310, 313, 323, 421, 443


@dataclass(frozen=True)
class Channel:
    """One decay of the signal B, for the particle; the antiparticle is its conjugate.

    Attributes
    ----------
    name : str
    b : int
        521 or 511.
    products : tuple of int
        PDG codes of M and X; X = 0 stands for the new particle.
    pair : tuple of int
        What X decays to; empty if the common secondary decays take care of it.
    model : str
        Key of the production in the model of the Higgs-mixed scalar; empty for control modes.
    mode : str
        Key of the decay in that model.
    sub_fraction : float
        Share of the decays of M that are made (K* modes, K0 to K_S).
    fraction : float
        Branching fraction of a control mode with all that follows.
    """

    name: str
    b: int
    products: tuple[int, int]
    pair: tuple[int, ...]
    model: str = ""
    mode: str = ""
    sub_fraction: float = 1.0
    fraction: float = 0.0

    @property
    def control(self) -> bool:
        """A decay of the Standard Model, without the new particle."""
        return self.products[1] != 0

    def masses(self) -> tuple[float, float]:
        """Range of the mass of the new particle in GeV, edges excluded."""
        return 2.0 * mass(self.pair[0]), mass(self.b) - mass(self.products[0])


def _signals() -> list[Channel]:
    kaons = (
        ("kplus", B_PLUS, 321, "bplus_to_kplus_S", 1.0),
        ("kstar", B_ZERO, _K_STAR_ZERO, "b0_to_kstar0_S", number("branching", "kstar0_to_kplus_piminus")),
        ("kshort", B_ZERO, _K_S, "b0_to_k0_S", number("branching", "k0_to_kshort")),
        ("kstarplus", B_PLUS, _K_STAR_PLUS, "bplus_to_kstarplus_S", number("branching", "kstarplus_to_kshort_piplus")),
    )
    pairs = (("ee", 11, "e_e"), ("mumu", 13, "mu_mu"), ("pipi", 211, "pi_pi"), ("kk", 321, "K_K"))
    return [
        Channel(f"{kaon}_{pair}", b, (code, 0), (lepton, -lepton), model, mode, share)
        for kaon, b, code, model, share in kaons
        for pair, lepton, mode in pairs
    ]


def _controls() -> list[Channel]:
    jpsi = number("branching", "bplus_to_jpsi_kplus")
    charm = number("branching", "bplus_to_d0bar_piplus") * number("branching", "d0_to_kminus_piplus")
    kshort = number("branching", "bplus_to_k0_piplus") * number("branching", "k0_to_kshort")
    ee, mumu = (jpsi * number("branching", name) for name in ("jpsi_to_ee", "jpsi_to_mumu"))
    return [
        Channel("kshort_piplus", B_PLUS, (211, _K_S), (), fraction=kshort),
        Channel("jpsi_ee_kplus", B_PLUS, (321, _J_PSI), (11, -11), fraction=ee),
        Channel("jpsi_mumu_kplus", B_PLUS, (321, _J_PSI), (13, -13), fraction=mumu),
        Channel("d0bar_piplus", B_PLUS, (211, -_D_ZERO), (321, -211), fraction=charm),
    ]


CHANNELS = MappingProxyType({channel.name: channel for channel in (*_signals(), *_controls())})


def find_channel(name: str) -> Channel:
    """Channel of that name.

    Raises
    ------
    InputError
        For a name that is not in `CHANNELS`.

    Examples
    --------
    >>> find_channel("kstar_mumu").products
    (313, 0)
    """
    if name not in CHANNELS:
        raise InputError(f"unknown channel '{name}': allowed are {', '.join(CHANNELS)}")
    return CHANNELS[name]


def channel_tables(channel: Channel, new_mass: float, ctau: float, spin: int) -> tuple[Int32Array, FloatArray]:
    """Tables of M and X for the event kernel.

    Parameters
    ----------
    channel : Channel
    new_mass : float
        Of the new particle, GeV; control modes ignore these three.
    ctau : float
        cm.
    spin : int
        0 or 1.

    Returns
    -------
    codes : int32 (2, 6)
    numbers : float64 (2, 5)

    Examples
    --------
    >>> codes, numbers = channel_tables(find_channel("kplus_mumu"), 1.0, 0.5, 0)
    >>> codes[1].tolist()
    [54, 1, 13, -13, 0, 0]
    """
    codes, numbers = np.zeros((2, N_CODES), dtype=np.int32), np.zeros((2, N_NUMBERS))
    for row, code in enumerate(channel.products):
        codes[row, CODE] = code
        if code != 0:
            numbers[row, MASS] = mass(code)
    first = channel.products[0]
    if first in (_K_STAR_ZERO, _K_STAR_PLUS):
        daughters = (321, -211) if first == _K_STAR_ZERO else (_K_S, 211)
        codes[0, DECAYS:] = 1, *daughters, COSINE_SQUARED, 1
        numbers[0, MASS_FIRST : MASS_SECOND + 1] = [mass(c) for c in daughters]
    if channel.pair:
        codes[1, DECAYS : SECOND + 1] = 1, *channel.pair
        numbers[1, MASS_FIRST : MASS_SECOND + 1] = [mass(c) for c in channel.pair]
    if not channel.control:
        codes[1, CODE] = NEW_VECTOR if spin == 1 else NEW_SCALAR
        numbers[1, MASS], numbers[1, CTAU] = new_mass, ctau
    elif abs(channel.products[1]) == _D_ZERO:
        numbers[1, CTAU] = ctau_cm(_D_ZERO)
    vector = channel.products[1] == _J_PSI or (not channel.control and spin == 1)
    if vector:
        leptons = abs(channel.pair[0]) < 20
        codes[1, ANGULAR] = LEPTON_PAIR if leptons else COSINE_SQUARED
        numbers[1, BETA2] = 1.0 - (2.0 * numbers[1, MASS_FIRST] / numbers[1, MASS]) ** 2
    return codes, numbers
