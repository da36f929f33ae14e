"""Published numbers beside ours: `published.toml` and what it is compared with."""

import math
import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from toymc.geometry.reading import check


class PublishedEntry(BaseModel):
    """One published number: a value, or a range from low to high, and the number of ours that belongs to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ours: Annotated[str, Field(min_length=1)]
    quantity: str
    condition: str
    unit: str
    value: float | None = None
    error: Annotated[float, Field(gt=0.0)] | None = None
    low: float | None = None
    high: float | None = None
    tag: Literal["P", "R", "M"]
    source: Annotated[str, Field(min_length=3)]
    cards: tuple[Literal["belle2", "belle2_run2", "belle"], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.value is None) != (self.low is not None and self.high is not None):
            raise ValueError(f"{self.quantity}: give either a value or low and high")
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"{self.quantity}: low = {self.low:g} must be below high = {self.high:g}")
        return self


class PublishedTable(BaseModel):
    """Contents of published.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entry: tuple[PublishedEntry, ...] = Field(min_length=1)


@cache
def published_entries() -> tuple[PublishedEntry, ...]:
    """All entries of published.toml, checked.

    Examples
    --------
    >>> {entry.tag for entry in published_entries()} <= {"P", "R", "M"}
    True
    """
    file = resources.files("toymc.detector.performance").joinpath("published.toml")
    content = tomllib.loads(file.read_text(encoding="utf-8"))
    return check(PublishedTable, content, Path("published.toml")).entry


def published_comparison(card: str, ours: dict[str, float]) -> list[dict[str, Any]]:
    """Rows *ours | published | source* for a card.

    Parameters
    ----------
    card : str
        Name of the card; the numbers of other detectors are left out.
    ours : dict of str to float
        From `toymc.detector.performance.summary.summarise`.

    Returns
    -------
    list of dict
        quantity, condition, unit, ours (None where the model has no such number), published (a number or [low, high]),
        error, ratio (ours over the published value, or over the nearer edge of a range; 1 inside it), remembered (true
        for numbers from memory), source.

    Examples
    --------
    >>> rows = published_comparison("belle2_run2", {"d0_high_p_um": 11.0})
    >>> [row["ratio"] for row in rows if row["ours"] == 11.0]
    [1.0]
    """
    rows = []
    for entry in published_entries():
        if card not in entry.cards:
            continue
        value = ours.get(entry.ours, math.nan)
        known = math.isfinite(value)
        rows.append(
            {
                "quantity": entry.quantity,
                "condition": entry.condition,
                "unit": entry.unit,
                "ours": value if known else None,
                "published": [entry.low, entry.high] if entry.value is None else entry.value,
                "error": entry.error,
                "ratio": _ratio(value, entry) if known else None,
                "remembered": entry.tag == "M",
                "source": ("remembered: " if entry.tag == "M" else "") + entry.source,
            }
        )
    return rows


def _ratio(value: float, entry: PublishedEntry) -> float:
    if entry.value is not None:
        return value / entry.value
    low, high = float(entry.low or 0.0), float(entry.high or 0.0)
    if value < low:
        return value / low
    return value / high if value > high else 1.0
