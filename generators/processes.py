"""The table of processes: what can be generated, with which parameters, and the one way to prepare any of them.

A process is a row of `PROCESSES`: name, description, typed parameters, and a function that builds a `PreparedProcess`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np

from toymc.errors import InputError
from toymc.events import EventBatch
from toymc.generators import b_generic, b_k_scalar, continuum, ee_hadrons, ee_ll, tau_hnl, tau_pair
from toymc.generators.llx import alp, photon, scalar, zprime
from toymc.generators.parameters import Parameter, Value, resolve
from toymc.geometry.beam import BeamCard, load_beam


class PreparedProcess(Protocol):
    """A process with its parameters and beams fixed, its tables built; safe to share between threads."""

    @property
    def name(self) -> str:
        """Name in the table of processes."""

    @property
    def description(self) -> str:
        """One line for the user."""

    @property
    def parameters(self) -> Mapping[str, Value]:
        """The values in use, defaults included."""

    @property
    def cross_section_fb(self) -> float:
        """Cross-section before any weight, in fb."""

    @property
    def cross_section_error_fb(self) -> float:
        """Uncertainty of the cross-section, in fb."""

    def generate(self, rng: np.random.Generator, n_events: int, first_event_id: int = 0) -> EventBatch:
        """Generate `n_events` events whose ids start at `first_event_id`."""
        ...


@dataclass(frozen=True)
class Process:
    """One row of the table: what the process is and how it is prepared."""

    name: str
    description: str
    parameters: tuple[Parameter, ...]
    build: Callable[[Mapping[str, Value], BeamCard, int], PreparedProcess]


_ROWS = (
    Process(
        name="tau_pair",
        description=tau_pair.DESCRIPTION,
        parameters=tau_pair.PARAMETERS,
        build=tau_pair.build,
    ),
    Process(
        name="continuum",
        description=continuum.DESCRIPTION,
        parameters=continuum.PARAMETERS,
        build=continuum.build,
    ),
    Process("mumu_zprime", zprime.DESCRIPTION, zprime.PARAMETERS, zprime.build),
    Process("mumu_scalar", scalar.MUMU_DESCRIPTION, scalar.MUMU_PARAMETERS, scalar.build_mumu),
    Process("mumu_alp", alp.DESCRIPTION, alp.PARAMETERS, alp.build),
    Process("tautau_scalar", scalar.TAUTAU_DESCRIPTION, scalar.TAUTAU_PARAMETERS, scalar.build_tautau),
    Process("mumu_gamma", photon.MUMU_DESCRIPTION, photon.MUMU_PARAMETERS, photon.build_mumu),
    Process("ee_gamma", photon.EE_DESCRIPTION, photon.EE_PARAMETERS, photon.build_ee),
    Process("ee_ll", ee_ll.DESCRIPTION, ee_ll.PARAMETERS, ee_ll.build),
    Process("ee_hadrons", ee_hadrons.DESCRIPTION, ee_hadrons.PARAMETERS, ee_hadrons.build),
    Process("b_k_scalar", b_k_scalar.DESCRIPTION, b_k_scalar.PARAMETERS, b_k_scalar.build),
    Process("b_generic", b_generic.DESCRIPTION, b_generic.PARAMETERS, b_generic.build),
    Process("tau_hnl", tau_hnl.DESCRIPTION, tau_hnl.PARAMETERS, tau_hnl.build),
)

PROCESSES: Mapping[str, Process] = MappingProxyType({row.name: row for row in _ROWS})


def find(name: str) -> Process:
    """Return the row of a process.

    Raises
    ------
    InputError
        For a name that is not in the table.

    Examples
    --------
    >>> find("tau_pair").name
    'tau_pair'
    """
    if name not in PROCESSES:
        raise InputError(f"unknown process '{name}': allowed are {', '.join(PROCESSES)}")
    return PROCESSES[name]


def prepare(
    name: str, parameters: Mapping[str, object] | None = None, beam: BeamCard | None = None, seed: int = 0
) -> PreparedProcess:
    """Check the parameters of a process, build its tables, compute its cross-section.

    Parameters
    ----------
    name : str
        A key of `PROCESSES`.
    parameters : mapping, optional
        Values by parameter name; text as from the command line is converted. What is not given takes its default.
    beam : BeamCard, optional
        The card ``belle2`` if not given.
    seed : int
        Seed of processes that integrate numerically with random points; others ignore it.

    Returns
    -------
    PreparedProcess

    Raises
    ------
    InputError
        For an unknown process, an unknown parameter, or a value outside what is allowed.

    Examples
    --------
    >>> prepare("tau_pair", {"isr": False, "fsr": False}).cross_section_fb > 7e5
    True
    """
    process = find(name)
    values = resolve(process.name, process.parameters, parameters or {})
    return process.build(values, load_beam("belle2") if beam is None else beam, seed)


def list_processes() -> list[dict[str, str]]:
    """Names and descriptions for ``toymc process list``.

    Examples
    --------
    >>> list_processes()[0]["name"]
    'tau_pair'
    """
    return [{"name": row.name, "description": row.description} for row in PROCESSES.values()]


def show_process(
    name: str, parameters: Mapping[str, object] | None = None, beam: BeamCard | None = None
) -> dict[str, object]:
    """Cross-section and parameters for ``toymc process show``.

    Returns
    -------
    dict
        ``name``, ``description``, ``cross_section_fb``, ``error_fb``, ``info`` (what else a process knows: sampling
        efficiency, width, lifetime, branching fractions), ``parameters`` (the values in use) and ``allowed`` (default,
        allowed values and help of every parameter).

    Raises
    ------
    InputError
        As `prepare`.

    Examples
    --------
    >>> sorted(show_process("tau_pair"))
    ['allowed', 'cross_section_fb', 'description', 'error_fb', 'info', 'name', 'parameters']
    """
    process = find(name)
    prepared = prepare(name, parameters, beam)
    return {
        "name": name,
        "description": process.description,
        "cross_section_fb": prepared.cross_section_fb,
        "error_fb": prepared.cross_section_error_fb,
        "info": dict(getattr(prepared, "info", {})),
        "parameters": dict(prepared.parameters),
        "allowed": {p.name: {"default": p.default, "allowed": p.allowed(), "help": p.help} for p in process.parameters},
    }
