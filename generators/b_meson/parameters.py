"""Parameters that the B-meson processes share."""

from dataclasses import dataclass

from toymc.generators.b_meson.inputs import number
from toymc.generators.parameters import Parameter, Value


@dataclass(frozen=True)
class AutoOrNumber(Parameter):
    """A number in a range, or the word ``auto``: the value follows from the other parameters.

    Examples
    --------
    >>> length = AutoOrNumber("ctau", "auto", "proper decay length in cm", low=0.0, high=1e6)
    >>> length.convert("auto"), length.convert("0.5"), length.convert(2)
    ('auto', 0.5, 2.0)
    >>> length.allowed()
    'auto, or a number from 0 to 1e+06'
    """

    def allowed(self) -> str:
        """What may be given, in words."""
        return f"auto, or a number from {self.low:g} to {self.high:g}"

    def _typed(self, value: object) -> Value | None:
        if isinstance(value, str) and value.strip() == "auto":
            return "auto"
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            return None
        try:
            found = float(value)
        except ValueError:
            return None
        return found if self.low <= found <= self.high else None


PRODUCTION = (
    Parameter("isr", True, "photons of the beams and line shape of the Upsilon(4S); false: beam spread alone"),
    Parameter("mixing", True, "oscillation of B0 pairs"),
    Parameter(
        "sigma_bb", number("sample", "sigma_bb_nb"), "B pairs per luminosity (N_BB/L) in nb", low=1e-3, high=10.0
    ),
    Parameter("f_charged", number("sample", "f_charged"), "share of B+ B- pairs, f+-", low=0.0, high=1.0),
    Parameter("f_neutral", number("sample", "f_neutral"), "share of B0 B0bar pairs, f00", low=0.0, high=1.0),
)
