"""Identification tables of a card as arrays: probability and error in (p, theta, charge) per working point."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from toymc.detector.tables import IdentificationTable
from toymc.errors import InputError
from toymc.geometry.identification import IdentificationSection, StandIn
from toymc.geometry.numbers import SPECIES
from toymc.geometry.reading import check_tiling
from toymc.kernels import kernel

FloatArray = npt.NDArray[np.float64]

_DRAWS = ("electron", "muon", "kaon", "proton")  # columns of Tracks.pid_uniform
_CHARGES = {"-": (0,), "+": (1,), "both": (0, 1)}


@kernel
def _lookup(values, p_edges, theta_edges, zero_below, pdg, p, theta, charge, out):
    """Cell of each track; 0 for other species and outside the table in theta; the last cell above it in p."""
    n_p = len(p_edges) - 1
    n_t = len(theta_edges) - 1
    for i in range(len(out)):
        code = abs(pdg[i])
        species = -1
        if code == 11:
            species = 0
        elif code == 13:
            species = 1
        elif code == 211:
            species = 2
        elif code == 321:
            species = 3
        elif code == 2212:
            species = 4
        out[i] = 0.0
        # written so that a NaN in p or theta fails
        if species < 0 or not (theta[i] >= theta_edges[0] and theta[i] < theta_edges[n_t] and p[i] >= 0.0):
            continue
        if p[i] < p_edges[0] and zero_below:
            continue
        k = 0
        while k < n_p - 1 and p[i] >= p_edges[k + 1]:
            k += 1
        j = 0
        while theta[i] >= theta_edges[j + 1]:
            j += 1
        out[i] = values[species, 1 if charge[i] > 0 else 0, k, j]


def _table(name: str, section: IdentificationSection, where: Path) -> IdentificationTable:
    """Arrays of one working point; NaN where a species has no rows."""
    cells = [cell for cell in section.cells if cell.working_point == name]
    names = (("p_min", "p_max"), ("theta_min_deg", "theta_max_deg"))
    p = np.array(check_tiling([(c.p_min, c.p_max) for c in cells], names[0], where, f"{name}: "))
    theta = np.array(check_tiling([(c.theta_min_deg, c.theta_max_deg) for c in cells], names[1], where, f"{name}: "))
    value = np.full((len(SPECIES), 2, len(p) - 1, len(theta) - 1), np.nan)
    error = np.full_like(value, np.nan)
    for c in cells:
        for q in _CHARGES[c.charge]:
            cell = (int(np.searchsorted(p, c.p_min)), int(np.searchsorted(theta, c.theta_min_deg)))
            at = (SPECIES.index(c.species), q, *cell)
            if not np.isnan(value[at]):
                raise InputError(
                    f"{where}: {name}: cell {c.species}, p_min = {c.p_min:g}, theta_min_deg = {c.theta_min_deg:g}, "
                    f"charge {c.charge} appears twice: keep one row"
                )
            value[at], error[at] = c.value, c.error
    partial = np.isnan(value).any(axis=(1, 2, 3)) & ~np.isnan(value).all(axis=(1, 2, 3))
    if partial.any():
        lacking = SPECIES[int(np.argmax(partial))]
        raise InputError(f"{where}: {name}: species {lacking} has rows for some cells of the grid only: give all")
    point = section.working_points[name]
    return IdentificationTable(
        p, np.radians(theta), value, error, _DRAWS.index(point.draw), point.mirrored, point.below == "zero"
    )


def _at_centres(source: IdentificationTable, target: IdentificationTable, species: int) -> FloatArray:
    """Values of one species of `source` at the cell centres of `target`, (charge, p, theta)."""
    p = 0.5 * (target.p_edges[1:] + target.p_edges[:-1])
    theta = 0.5 * (target.theta_edges[1:] + target.theta_edges[:-1])
    k = np.clip(np.searchsorted(source.p_edges, p, side="right") - 1, 0, len(source.p_edges) - 2)
    j = np.clip(np.searchsorted(source.theta_edges, theta, side="right") - 1, 0, len(source.theta_edges) - 2)
    values: FloatArray = source.value[species][:, k[:, None], j[None, :]]
    return values


def _fill(tables: dict[str, IdentificationTable], entry: StandIn, where: Path) -> None:
    """Numbers of a species without rows, from the stand-in that the card names."""
    target, source = tables[entry.working_point], tables[entry.from_working_point]
    row = SPECIES.index(entry.species)
    if not np.isnan(target.value[row]).all():
        raise InputError(f"{where}: stand_in for {entry.species} in '{entry.working_point}': the table has rows for it")
    value = _at_centres(source, target, SPECIES.index(entry.from_species))
    if entry.scale_like is not None:
        like = SPECIES.index(entry.scale_like)
        tight = _at_centres(source, target, like)
        ratio = np.divide(target.value[like], tight, out=np.ones_like(tight), where=tight > 0.0)
        value = np.minimum(value * ratio, 1.0)
    if np.isnan(value).any():
        raise InputError(f"{where}: stand_in for {entry.species} in '{entry.working_point}': its source has no rows")
    target.value[row] = value
    target.error[row] = entry.error * value


def identification_tables(section: IdentificationSection, where: Path) -> dict[str, IdentificationTable]:
    """Tables of every working point of a card, stand-ins filled in.

    Raises
    ------
    InputError
        If bins do not join, a cell is missing or double, or a species has neither rows nor a stand-in.
    """
    tables = {}
    for name in section.working_points:
        tables[name] = _table(name, section, where)
    for entry in section.stand_in:
        _fill(tables, entry, where)
    for name, table in tables.items():
        lacking = np.isnan(table.value).any(axis=(1, 2, 3))
        if lacking.any():
            raise InputError(f"{where}: {name}: no rows and no stand_in for species {SPECIES[int(np.argmax(lacking))]}")
    return tables
