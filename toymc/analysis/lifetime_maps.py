"""One signal sample at every lifetime: weights that turn generated proper lengths into those of another lifetime.

A sample is made with several mean proper lengths tau_k, N_k events each, so that decays at all distances are there.
An event with proper length t was drawn from the mixture sum_k N_k exp(-t/tau_k)/tau_k, whichever of them it came from;
with the weight

    w(t; tau) = [exp(-t/tau)/tau] / [sum_k N_k exp(-t/tau_k)/tau_k]

the sum over all generated events has the mean 1, and the sum over the selected ones is the efficiency (the balance
heuristic of E. Veach and L. Guibas, SIGGRAPH 95: no weight can exceed max_k tau_k/(tau N_k) for tau > tau_k, or the
same with tau_k the next shorter lifetime). How much a weighted sample is worth is told by its effective number of
events, (sum w)^2/sum w^2.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from toymc.errors import InputError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LifetimeSample:
    """Selected events of one hypothesis, made with several lifetimes.

    Attributes
    ----------
    ctau_cm : float64 (k,)
        Mean proper lengths that were generated.
    generated : float64 (k,)
        Events of each.
    length_cm : float64 (n,)
        True proper length of every selected event.
    weight : float64 (n,)
        Weight of every selected event (identification, trigger, ...).
    """

    ctau_cm: FloatArray
    generated: FloatArray
    length_cm: FloatArray
    weight: FloatArray

    def __post_init__(self) -> None:
        """Refuse what no weight can be computed from."""
        if self.ctau_cm.shape != self.generated.shape or self.ctau_cm.ndim != 1 or not len(self.ctau_cm):
            raise InputError(
                f"{self.ctau_cm.shape} lifetimes for {self.generated.shape} numbers of events: give as many"
            )
        if np.any(~(self.ctau_cm > 0.0)) or np.any(~(self.generated > 0.0)):
            raise InputError("lifetimes and numbers of generated events: give positive numbers")
        if self.length_cm.shape != self.weight.shape or self.length_cm.ndim != 1:
            raise InputError(f"{self.length_cm.shape} proper lengths for {self.weight.shape} weights: give as many")
        if np.any(~(self.length_cm >= 0.0)):
            raise InputError(
                "proper lengths of selected events must not be negative: events without one must be left out"
            )

    def weights(self, ctau_cm: float) -> FloatArray:
        """Weight of every selected event at another lifetime; their sum is the efficiency.

        Parameters
        ----------
        ctau_cm : float
            Mean proper length, cm.

        Returns
        -------
        float64 (n,)

        Raises
        ------
        InputError
            For a lifetime that is not positive.

        Examples
        --------
        >>> sample = LifetimeSample(np.array([1.0]), np.array([100.0]), np.array([0.5, 3.0]), np.ones(2))
        >>> sample.weights(1.0).tolist()
        [0.01, 0.01]
        """
        if not 0.0 < ctau_cm < np.inf:
            raise InputError(f"ctau = {ctau_cm} cm: give a positive number")
        # exponents relative to that of the target: neither side overflows for long lengths
        relative = 1.0 / ctau_cm - 1.0 / self.ctau_cm
        mixture = (self.generated / self.ctau_cm * np.exp(np.minimum(self.length_cm[:, None] * relative, 600.0))).sum(1)
        result: FloatArray = self.weight / (ctau_cm * mixture)
        return result

    def efficiency(self, ctau_cm: float) -> tuple[float, float, float]:
        """Efficiency at a lifetime, its statistical error, and the effective number of selected events.

        Raises
        ------
        InputError
            For a lifetime that is not positive.

        Notes
        -----
        Error: sqrt(sum w^2 - (sum w)^2/N) with N the number of generated events.

        Examples
        --------
        >>> sample = LifetimeSample(np.array([1.0]), np.array([100.0]), np.full(50, 0.5), np.ones(50))
        >>> [round(number, 4) for number in sample.efficiency(1.0)]
        [0.5, 0.05, 50.0]
        """
        w = self.weights(ctau_cm)
        total, square = float(w.sum()), float((w**2).sum())
        variance = max(square - total**2 / float(self.generated.sum()), 0.0)
        return total, float(np.sqrt(variance)), total**2 / square if square > 0.0 else 0.0
