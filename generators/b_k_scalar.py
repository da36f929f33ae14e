"""The process e+e- -> Upsilon(4S) -> B Bbar, one B -> K(*) S with S -> e e, mu mu, pi pi, K K, or a control mode.

Cross-section and weights. `cross_section_fb` is that of all B pairs, N_BB/L: measured, so that ``isr`` changes the
photons and energies of the events and not the rate (there is no lowest order to give). The weight of every event is
2 f B: f the share f+- or f00 of the species, 2 because either B may be the signal, B the product of all branching
fractions of the channel. `branching_fraction` is that product: B(B -> K(*) S) B(S -> x x), for K* with its decay to
the K pi that is made, for K_S with K0 -> K_S (the decays of the K_S are all made). Left at auto it is 1 without a
coupling (a forced decay, as efficiencies are quoted), the prediction of the Higgs-mixed scalar with one (which gives
ctau as well), and the measured value for control modes.

The new particle. Spin 0 (PDG code 54) or 1 (32; B -> K modes alone, where it is longitudinal; with K* the model
would have to give three amplitudes). The scalar and the pseudoscalar have the same distributions. Its mass is sharp.

The other B comes from the stored pool of generic decays (`b_meson.pool`), or stays undecayed (status 3) with
``other=none``. No CP violation: both charges are made equally often, and the flavour of the other B in K_S modes does
not know of the decay time. Photons off the products of each decay by `toymc.generators.radiation`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toymc.constants import mass
from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators.b_meson.channels import CHANNELS, Channel, channel_tables, find_channel
from toymc.generators.b_meson.events import Options, SignalTables, signal_events
from toymc.generators.b_meson.inputs import B_PLUS, B_ZERO, delta_m_per_cm, number, uncertainty
from toymc.generators.b_meson.kstar import kstar_table
from toymc.generators.b_meson.parameters import PRODUCTION, AutoOrNumber
from toymc.generators.b_meson.pool import decay_pool
from toymc.generators.b_meson.upsilon import UpsilonTables, upsilon_tables
from toymc.generators.models import model_point
from toymc.generators.parameters import Parameter, Value
from toymc.generators.rows import check_events
from toymc.geometry.beam import BeamCard

DESCRIPTION = "e+e- -> Upsilon(4S) -> B Bbar with B -> K(*) S, S -> e e, mu mu, pi pi, K K, and control modes"
DEFAULT_CTAU_CM = 1.0
PARAMETERS = (
    Parameter("channel", "kplus_mumu", "decay of the signal B", choices=tuple(CHANNELS)),
    Parameter("mass", 1.0, "mass of S in GeV, between twice that of its products and m_B - m_K", low=0.0, high=5.3),
    AutoOrNumber("ctau", "auto", "proper decay length of S in cm; auto: of the coupling, else 1", low=0.0, high=1e9),
    Parameter("coupling", 0.0, "sin(theta) of the Higgs-mixed scalar; 0: none, ctau is free", low=0.0, high=1.0),
    Parameter("spin", 0.0, "spin of S: 0, or 1 in kplus and kshort channels", low=0.0, high=1.0),
    AutoOrNumber(
        "branching_fraction", "auto", "of the whole signal decay, enters the weight; auto: model, else 1",
        low=0.0, high=1.0,
    ),
    Parameter("other", "pool", "the other B: a generic decay of the pool, or left undecayed", choices=("pool", "none")),
    Parameter("fsr", True, "photons off the products of the signal decay"),
    *PRODUCTION,
)  # fmt: skip


@dataclass(frozen=True)
class BToKaonScalar:
    """Signal B decays, prepared: see `toymc.generators.processes.PreparedProcess`.

    `parameters` has ctau and branching_fraction as numbers, whatever they followed from.
    """

    name: str
    description: str
    parameters: Mapping[str, Value]
    cross_section_fb: float
    cross_section_error_fb: float
    weight: float
    neutral: bool
    upsilon: UpsilonTables
    signal: SignalTables
    options: Options

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate events.

        Parameters
        ----------
        rng : numpy.random.Generator
        n_events : int
            At least 1; batches of about 2^14 stay in the cache.
        first_event_id : int

        Returns
        -------
        EventBatch
            Lab frame. Rows: Upsilon(4S), signal B, other B, photons of the beams, products of the signal B, of the
            other B. Weight: fraction of all B pairs that the event stands for.

        Raises
        ------
        InputError
            For fewer than one event.
        ToymcError
            With ``other=pool``, if Pythia 8 is not installed.
        """
        check_events(n_events)
        # here and not when prepared: to tell a cross-section no pool has to be made
        pool = decay_pool(B_ZERO if self.neutral else B_PLUS) if self.options.other else None
        return signal_events(
            rng, n_events, first_event_id, self.neutral, self.upsilon, self.signal, self.options, pool, self.weight,
            self.name,
        )  # fmt: skip


def allowed_masses(channel: str) -> tuple[float, float]:
    """Masses of the new particle that a channel leaves open, GeV, edges excluded.

    Raises
    ------
    InputError
        For an unknown channel or a control mode.

    Examples
    --------
    >>> [round(m, 4) for m in allowed_masses("kplus_mumu")]
    [0.2113, 4.7857]
    """
    found = find_channel(channel)
    if found.control:
        raise InputError(f"channel {channel} is a control mode without a new particle: it has no mass to choose")
    return found.masses()


def _check(channel: Channel, values: Mapping[str, Value]) -> None:
    """Refuse what the channel does not allow."""
    new_mass, spin, coupling = (float(values[name]) for name in ("mass", "spin", "coupling"))
    if channel.control:
        if coupling > 0.0 or values["ctau"] != "auto":
            raise InputError(f"channel {channel.name} is a control mode: it takes no coupling and no ctau")
        return
    if spin not in (0.0, 1.0) or (spin == 1.0 and channel.products[0] not in (321, 310)):
        raise InputError(f"spin = {spin:g} in channel {channel.name}: give 0, or 1 in kplus and kshort channels")
    low, high = channel.masses()
    if not low < new_mass < high:
        raise InputError(
            f"mass = {new_mass:g} GeV in channel {channel.name}: allowed are masses above {low:.6g} and below "
            f"{high:.6g} GeV"
        )
    if coupling > 0.0 and (values["ctau"] != "auto" or values["branching_fraction"] != "auto" or spin == 1.0):
        raise InputError(
            f"coupling = {coupling:g} gives ctau and branching_fraction of a spin-0 particle: leave these out, or "
            "leave out the coupling"
        )


def _ctau_and_fraction(channel: Channel, values: Mapping[str, Value]) -> tuple[float, float]:
    """Proper decay length in cm and branching fraction in use."""
    coupling = float(values["coupling"])
    ctau, fraction = DEFAULT_CTAU_CM, channel.fraction if channel.control else 1.0
    if coupling > 0.0:
        point = model_point("higgs_scalar", float(values["mass"]), coupling)
        made = point.production.get(channel.model, 0.0) * channel.sub_fraction
        ctau, fraction = point.ctau_cm, made * point.branching_fractions.get(channel.mode, 0.0)
        if not fraction > 0.0:
            raise InputError(
                f"coupling = {coupling:g}: the model has no {channel.mode} at mass = {values['mass']} GeV (above 2 GeV "
                "it knows quarks, not mesons): give ctau and branching_fraction instead"
            )
        if not fraction <= 1.0:
            raise InputError(f"coupling = {coupling:g}: the branching fraction would be {fraction:.3g}: give less")
    if values["ctau"] != "auto":
        ctau = float(values["ctau"])
    if values["branching_fraction"] != "auto":
        fraction = float(values["branching_fraction"])
    return ctau, fraction


def build(values: Mapping[str, Value], beam: BeamCard, seed: int = 0) -> BToKaonScalar:
    """Prepare signal B decays from checked parameters (called by `toymc.generators.processes.prepare`).

    Parameters
    ----------
    values : mapping
        A value for every one of `PARAMETERS`.
    beam : BeamCard
    seed : int
        Not used.

    Returns
    -------
    BToKaonScalar

    Raises
    ------
    InputError
        For a mass that the channel does not allow, parameters that exclude each other, or beams off the Upsilon(4S).
    """
    channel = find_channel(str(values["channel"]))
    _check(channel, values)
    ctau, fraction = _ctau_and_fraction(channel, values)
    new_mass, neutral = float(values["mass"]), channel.b == B_ZERO
    codes, numbers = channel_tables(channel, new_mass, ctau, int(float(values["spin"])))
    kstar = np.zeros(2)
    if codes[0, 1] != 0:
        kstar = kstar_table(channel.products[0], mass(channel.b), new_mass)
    upsilon = upsilon_tables(beam, bool(values["isr"]))
    cross_section = 1e6 * float(values["sigma_bb"])
    relative = uncertainty("sample", "sigma_bb_nb") / number("sample", "sigma_bb_nb")
    return BToKaonScalar(
        name="b_k_scalar",
        description=DESCRIPTION,
        parameters={**values, "ctau": ctau, "branching_fraction": fraction},
        cross_section_fb=cross_section,
        cross_section_error_fb=relative * cross_section,
        weight=2.0 * float(values["f_neutral" if neutral else "f_charged"]) * fraction,
        neutral=neutral,
        upsilon=upsilon,
        signal=SignalTables(codes, numbers, kstar),
        options=Options(
            delta_m_per_cm() if values["mixing"] else 0.0, bool(values["fsr"]), values["other"] == "pool"
        ),
    )
