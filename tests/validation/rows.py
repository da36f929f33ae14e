"""A row of the validation table: what was measured, what it is held against, and how well the two agree."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from scipy.stats import norm


@dataclass(frozen=True)
class Row:
    """One comparison.

    `probability`: chance of a deviation at least this large if both are the same (None where there is no statistics);
    `allowed`: largest relative deviation that the test accepts, for comparisons without a probability.
    """

    section: str
    check: str
    ours: str
    reference: str
    source: str
    test: str
    sample: str
    probability: float | None = None
    deviation: float | None = None
    allowed: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """For results.json, without what is not there."""
        return {key: value for key, value in asdict(self).items() if value is not None}


def number(value: float, error: float | None = None) -> str:
    """Value with error to two digits of the error; without error to four digits.

    >>> number(0.09873, 0.00061), number(0.31416)
    ('0.09873 ± 0.00061', '0.3142')
    """
    if not error:
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def of_values(
    section: str, check: str, ours: tuple[float, float], reference: tuple[float, float], source: str, test: str,
    sample: str, unit: str = "",
) -> Row:  # fmt: skip
    """Two numbers with Gaussian errors; an exact reference has error 0."""
    sigma = math.hypot(ours[1], reference[1])
    probability = float(2.0 * norm.sf(abs(ours[0] - reference[0]) / sigma))
    texts = [f"{number(*pair)} {unit}".strip() for pair in (ours, reference)]
    return Row(section, check, *texts, source, test, sample, probability=probability)


def within(
    section: str, check: str, ours: float, reference: float, allowed: float, source: str, test: str, sample: str,
    unit: str = "",
) -> Row:  # fmt: skip
    """Two numbers that should agree to `allowed` (relative): a calculation against another of stated precision."""
    texts = [f"{number(value)} {unit}".strip() for value in (ours, reference)]
    return Row(section, check, *texts, source, test, sample, deviation=ours / reference - 1.0, allowed=allowed)


def of_shapes(
    section: str, check: str, probabilities: dict[str, float], reference: str, source: str, test: str, sample: str
) -> Row:
    """One or several distributions: the smallest of n probabilities p counts as 1 - (1 - p)^n."""
    n, smallest = len(probabilities), min(probabilities.values())
    name = min(probabilities, key=lambda key: probabilities[key])
    ours = "one distribution" if n == 1 else f"{n} distributions, least likely: {name} ({smallest:.2g})"
    return Row(
        section, check, ours, reference, source, test, sample, probability=-math.expm1(n * math.log1p(-smallest))
    )
