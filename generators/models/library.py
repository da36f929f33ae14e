"""The table of models and the one way to ask any of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType

from toymc.constants import M_E, M_K, mass
from toymc.errors import InputError
from toymc.generators.models import alp, higgs_scalar, hnl, leptophilic_scalar, zprime
from toymc.generators.models.point import ModelPoint


@dataclass(frozen=True)
class Model:
    """One row: what the coupling is, the masses for which the formulas hold (GeV), how to evaluate them."""

    name: str
    description: str
    coupling: str
    mass_min: float
    mass_max: float
    point: Callable[[float, float], ModelPoint]


_ROWS = (
    Model("higgs_scalar", "scalar that mixes with the Higgs boson", "sin(theta)", 2.0 * M_E, mass(521) - M_K,
          higgs_scalar.point),
    Model("leptophilic_scalar", "scalar that couples to leptons by their mass", "xi", 2.0 * M_E, 10.6,
          leptophilic_scalar.point),
    Model("zprime", "vector of L_mu - L_tau", "g'", 1e-6, 10.6, zprime.point),
    Model("alp", "axion-like particle coupled to leptons", "C/Lambda in TeV^-1", 2.0 * M_E, 10.6, alp.point),
    Model("hnl", "heavy neutral lepton", "|V|^2", 1e-3, 5.0, lambda m, c: hnl.mixed_point(m, {"tau": c})),
)  # fmt: skip
MODELS = MappingProxyType({row.name: row for row in _ROWS})


def model_point(
    name: str, mass: float, coupling: float = 1.0, flavour: str | None = None, dirac: bool = False
) -> ModelPoint:
    """Widths, lifetime, branching fractions and production of a model at one mass.

    Parameters
    ----------
    name : str
        higgs_scalar, leptophilic_scalar, zprime, alp or hnl.
    mass : float
        GeV, within the range of the model.
    coupling : float
        sin(theta), xi, g', C/Lambda (TeV^-1) or |V|^2; positive.
    flavour : str, optional
        Of the mixing of an hnl: e, mu or tau (the default).
    dirac : bool
        A Dirac hnl; Majorana otherwise.

    Returns
    -------
    ModelPoint

    Raises
    ------
    InputError
        For an unknown model, a mass or coupling outside what is allowed, or an option of another model.

    Examples
    --------
    >>> round(model_point("higgs_scalar", 0.5).production["bplus_to_kplus_S"], 3)
    0.428
    >>> model_point("hnl", 0.5, 1e-4, flavour="mu").width_GeV > model_point("hnl", 0.5, 1e-4, "mu", True).width_GeV
    True
    """
    if name not in MODELS:
        raise InputError(f"unknown model '{name}': allowed are {', '.join(MODELS)}")
    model = MODELS[name]
    if not model.mass_min < mass < model.mass_max:
        raise InputError(
            f"mass {mass} GeV of {name}: give {model.mass_min:.6g} to {model.mass_max:.6g}, edges excluded"
        )
    if not (coupling > 0.0 and math.isfinite(coupling)):
        raise InputError(f"coupling {coupling} of {name} ({model.coupling}): give a positive number")
    if name != "hnl":
        if flavour is not None or dirac:
            raise InputError(f"{name} has no flavour and no Dirac form: these options belong to hnl")
        return model.point(mass, coupling)
    chosen = flavour or "tau"
    if chosen not in hnl.FLAVOURS:
        raise InputError(f"flavour '{chosen}': allowed are {', '.join(hnl.FLAVOURS)}")
    return hnl.mixed_point(mass, {chosen: coupling}, dirac)
