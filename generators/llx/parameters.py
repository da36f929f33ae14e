"""Parameters that the processes e+e- -> l+ l- X share."""

from dataclasses import dataclass

from toymc.errors import InputError
from toymc.generators.parameters import Parameter, Value


@dataclass(frozen=True)
class ModelOrNumber(Parameter):
    """A number in a range, or the word ``model``: the value follows from the couplings.

    Examples
    --------
    >>> length = ModelOrNumber("ctau", "model", "proper decay length in cm", low=0.0)
    >>> length.convert("model"), length.convert("0.5"), length.convert(2)
    ('model', 0.5, 2.0)
    >>> length.allowed()
    'model, or a number from 0 to inf'
    """

    def allowed(self) -> str:
        """What may be given, in words."""
        return f"model, or a number from {self.low:g} to {self.high:g}"

    def _typed(self, value: object) -> Value | None:
        if isinstance(value, str) and value.strip() == "model":
            return "model"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            number = float(value)
        except ValueError:
            return None
        return number if self.low <= number <= self.high and number < float("inf") else None


def mass(default: float, particle: str) -> Parameter:
    """Mass of the boson; the upper end depends on the beams and is checked when the process is built.

    Examples
    --------
    >>> mass(1.0, "Z'").default
    1.0
    """
    return Parameter("mass", default, f"mass of the {particle} in GeV, below the energy less both leptons", low=1e-3)


def length(value: Value) -> float | None:
    """ctau in cm, None for that of the model.

    Examples
    --------
    >>> length("model"), length(0.5)
    (None, 0.5)
    """
    return None if value == "model" else float(value)


CTAU = ModelOrNumber("ctau", "model", "proper decay length in cm; model: from the width", low=0.0)
INITIAL = Parameter("initial", False, "emission off the incoming e+e- as well, with its interference")
ISR = Parameter("isr", True, "initial-state radiation and line shape of the boson; false: lowest order, zero width")
POLARISATION = Parameter(
    "vacuum_polarisation", False, "running coupling of the exchanged photon (needs isr); published limits leave it out"
)
FSR = Parameter("fsr", True, "photons off the products of the boson and of the taus")
TAU_MODES = Parameter("tau_modes", "all", "modes of all taus: names or groups, comma-separated")


def check_mass(process: str, value: float, sqrt_s: float, lepton_mass: float, lowest: float, decay: str) -> None:
    """Refuse a mass outside what production and decay leave open.

    Raises
    ------
    InputError
        With the allowed range.

    Examples
    --------
    >>> check_mass("mumu_zprime", 1.0, 10.58, 0.106, 0.0, "all")
    """
    highest = sqrt_s - 2.0 * lepton_mass
    if not (lowest < value < highest):
        reason = f" for decay = {decay}" if lowest > 0.0 else ""
        raise InputError(
            f"process {process}: mass = {value:g} GeV: allowed are masses above {max(lowest, 1e-3):.6g} and below "
            f"{highest:.6g} GeV{reason}"
        )
