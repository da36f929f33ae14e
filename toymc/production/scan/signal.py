"""Efficiency and mass shape of the signal over mass and lifetime, from a few generated masses and lifetimes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator

from toymc.analysis.b_candidates import reduced_mass
from toymc.analysis.lifetime_maps import LifetimeSample
from toymc.inference.unbinned import SignalShape, crystal_ball
from toymc.inference.unbinned.simulation import fit_crystal_ball
from toymc.production.scan.tables import CandidateTable, best_candidates
from toymc.studies.scan_study import PairSelection, ScanChannel, ScanStudy

FloatArray = npt.NDArray[np.float64]

N_PARAMETERS = 6
_LEAST_FOR_SHAPE = 500.0
"""Sigma to 5 %: what it changes by from one lifetime to the next but one."""
SELECTIONS = ("displaced", "tight")


@dataclass(frozen=True)
class SignalMaps:
    """What the signal looks like at every node and lifetime.

    Attributes
    ----------
    nodes : float64 (n_nodes,)
        Masses that were simulated, GeV.
    lifetimes : float64 (n_lifetimes,)
        cm.
    efficiency, error, effective_events : float64 (2, n_nodes, n_lifetimes)
        Of the two selections, see `SELECTIONS`; for a signal meson that decays as forced.
    identification_error : float64 (n_nodes, n_lifetimes)
        Relative.
    shape : float64 (n_nodes, n_lifetimes, 6)
        Shift of the peak in the reduced mass, core width (GeV), and the tails of the double-sided Crystal Ball.
    shape_events : float64 (n_nodes, n_lifetimes)
        Effective events of each lifetime; where one has fewer than 500 its shape is that of the nearest lifetime that
        has them, or of the one with most where none has.
    sigma_error : float64 (n_nodes, n_lifetimes)
        Statistical error of the core width, GeV.
    product_mass : float
    """

    nodes: FloatArray
    lifetimes: FloatArray
    efficiency: FloatArray
    error: FloatArray
    effective_events: FloatArray
    identification_error: FloatArray
    shape: FloatArray
    shape_events: FloatArray
    sigma_error: FloatArray
    product_mass: float

    def _at(self, values: FloatArray, masses: FloatArray) -> FloatArray:
        """Monotone cubic interpolation along the nodes; constant beyond the outermost."""
        result: FloatArray = PchipInterpolator(self.nodes, values, axis=0)(
            np.clip(masses, self.nodes[0], self.nodes[-1])
        )
        return result

    def efficiency_at(self, masses: npt.ArrayLike, selection: int = 0) -> FloatArray:
        """Efficiency, shape (n_masses, n_lifetimes)."""
        return np.clip(self._at(self.efficiency[selection], np.asarray(masses, dtype=np.float64)), 0.0, 1.0)

    def efficiency_error_at(self, masses: npt.ArrayLike) -> FloatArray:
        """Relative error from identification and statistics of the simulation, shape (n_masses, n_lifetimes)."""
        statistical = np.divide(
            self.error[0], self.efficiency[0], out=np.zeros_like(self.error[0]), where=self.efficiency[0] > 0.0
        )
        both = np.hypot(np.minimum(statistical, 0.9), self.identification_error)
        return self._at(both, np.asarray(masses, dtype=np.float64))

    def sigma_at(self, masses: npt.ArrayLike) -> FloatArray:
        """Core width in the reduced mass, GeV, shape (n_masses, n_lifetimes)."""
        return self._at(self.shape[..., 1], np.asarray(masses, dtype=np.float64))

    def mass_resolution_at(self, masses: npt.ArrayLike) -> FloatArray:
        """Core width in the mass itself, GeV: dM = (M_red/M) dM_red, shape (n_masses, n_lifetimes)."""
        m = np.asarray(masses, dtype=np.float64)
        return self.sigma_at(m) * (reduced_mass(m, self.product_mass) / m)[:, None]

    def shapes_at(self, masses: npt.ArrayLike) -> SignalShape:
        """Double-sided Crystal Balls in the reduced mass, (n_masses, n_lifetimes)."""
        m = np.asarray(masses, dtype=np.float64)
        p = self._at(self.shape, m)
        mean = reduced_mass(m, self.product_mass)[:, None] + p[..., 0]
        return crystal_ball(mean, *np.moveaxis(p[..., 1:], -1, 0))


def _selected(table: CandidateTable, selection: PairSelection, tight: bool) -> CandidateTable:
    """The final selection: all cuts, one candidate per event."""
    displacement = selection.tight_displacement if tight else selection.displacement
    passed = table.select({**selection.common, **selection.box, "displacement": displacement})
    return best_candidates(passed, selection.best)


def select_sample(
    channel: ScanChannel, tables: list[CandidateTable], ctau: tuple[float, ...], tight: bool
) -> tuple[LifetimeSample, dict[str, FloatArray]]:
    """True signal candidates of one node after the final selection, all generated lifetimes together."""
    chosen = [_selected(t, channel.selection, tight) for t in tables]
    columns = {
        name: np.concatenate([t.columns[name] for t in chosen])
        for name in ("Mred", "properLength", "isSignal", "triggerWeight", "identification", "identificationError", "dv")
    }
    true = (columns["isSignal"] > 0.0) & np.isfinite(columns["properLength"])
    columns = {name: column[true] for name, column in columns.items()}
    # the generator's weight, 2 f B of the forced decay, is no part of the efficiency
    generated = np.array([float(t.generated) for t in tables])
    weight = columns["triggerWeight"] * columns["identification"]
    return LifetimeSample(np.array(ctau), generated, columns["properLength"], weight), columns


def _shapes(
    sample: LifetimeSample, residual: FloatArray, lifetimes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Shape parameters (n_lifetimes, 6) of one node, effective events of each lifetime, error of sigma."""
    effective = np.array([sample.efficiency(float(ctau))[2] for ctau in lifetimes])
    good = np.flatnonzero(effective >= _LEAST_FOR_SHAPE)
    if not len(good):
        good = np.array([int(np.argmax(effective))])
    fits = {int(k): fit_crystal_ball(residual, sample.weights(float(lifetimes[k]))) for k in good}
    nearest = [fits[int(good[np.argmin(np.abs(good - k))])] for k in range(len(lifetimes))]
    return np.array([f.parameters() for f in nearest]), effective, np.array([f.sigma_error for f in nearest])


def signal_maps(
    study: ScanStudy, channel: ScanChannel, tables: dict[float, list[CandidateTable]], lifetimes: FloatArray
) -> SignalMaps:
    """Efficiency and shape at all nodes and lifetimes.

    Parameters
    ----------
    study : ScanStudy
    channel : ScanChannel
    tables : dict
        From `node_tables`.
    lifetimes : float64 (n_lifetimes,)
        cm, rising.

    Returns
    -------
    SignalMaps

    Raises
    ------
    InputError
        If a node has too few events for a shape.
    """
    shape = (len(channel.nodes), len(lifetimes))
    numbers = np.zeros((3, 2, *shape))
    identification, behind, sigma_error = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    parameters = np.zeros((*shape, N_PARAMETERS))
    for i, mass in enumerate(channel.nodes):
        for tight in (False, True):
            sample, columns = select_sample(channel, tables[mass], study.generated_ctau_cm, tight)
            for k, ctau in enumerate(lifetimes):
                numbers[:, int(tight), i, k] = sample.efficiency(float(ctau))
                if not tight:
                    w = sample.weights(float(ctau))
                    mean = float((w * columns["identificationError"]).sum() / w.sum()) if w.sum() > 0.0 else 0.0
                    identification[i, k] = mean
            if not tight:
                residual = columns["Mred"] - float(reduced_mass(mass, channel.pair.product_mass))
                parameters[i], behind[i], sigma_error[i] = _shapes(sample, residual, lifetimes)
    return SignalMaps(
        nodes=np.array(channel.nodes),
        lifetimes=lifetimes,
        efficiency=numbers[0],
        error=numbers[1],
        effective_events=numbers[2],
        identification_error=identification,
        shape=parameters,
        shape_events=behind,
        sigma_error=sigma_error,
        product_mass=channel.pair.product_mass,
    )
