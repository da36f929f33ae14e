"""Tables of the energy response: built once for each card with numpy.

Photons. The width without beam background has a Novosibirsk shape [H. Ikeda et al., NIM A441 (2000) 401]: with
tau = -asinh(eta sqrt(ln 4))/sqrt(ln 4) and y normal with mean tau and unit width, the deviation from the peak is
(exp(tau y) - 1)/(Lambda tau), Lambda = sinh(tau sqrt(ln 4))/(sigma tau sqrt(ln 4)). The background widens it by a
Gaussian: its share is what the resolution table gives for the card's level beside the level without background.
Photons that convert behind the tracker lose what the pair leaves in the rest of the material. The scale of the shape
is solved so that half the central 68.3 % of the outcome, late conversions included, is the value of the table.

Charged particles. Bethe's mean loss with the density effect [PDG review, eq. 34.5] and Vavilov's straggling, which
turns into Landau's for thin layers and fast particles.

Both shapes are kept as functions of a normal score: a draw is one normal number and a look-up.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri, sici

from toymc.constants import M_E, M_MU
from toymc.geometry.calorimeter import REGIONS, CalorimeterSection
from toymc.geometry.showers import Ionisation

FloatArray = npt.NDArray[np.float64]

ENERGIES = np.exp(np.linspace(math.log(0.005), math.log(12.0), 32))
SCORES = np.linspace(-4.5, 4.5, 73)
DEPTHS = np.linspace(0.0, 0.6, 7)
LOG_BETA_GAMMA = np.linspace(math.log(0.2), math.log(150.0), 48)
_SMALLEST_SCALE = 0.6
"""Where what late conversions lose would leave the shower less than this part of the table's width (forward end cap
below 0.15 GeV), the loss is reduced: the table is from full simulation, the end caps' material less well known."""
_CORE_GRID = np.linspace(-4.0, 4.0, 160)
_TAIL_GRID = np.linspace(1.0, 0.02, 40)
_ROOT_LN4 = math.sqrt(math.log(4.0))
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


def sigma_table(section: CalorimeterSection, level: str) -> FloatArray:
    """sigma_E/E, sigma_theta, sigma_phi (rad) on `ENERGIES`, shape (3 regions, energies, 3).

    value(E) = a/E + b/sqrt(E) + c/E^(1/4) + d above the threshold, a constant below it: a fraction for the energy, in
    the table's unit for the angles.
    """
    table = np.empty((3, len(ENERGIES), 3))
    e = ENERGIES
    for row in section.coefficients:
        if row.background_level != level:
            continue
        column = ("sigmaE_over_E", "sigma_theta", "sigma_phi").index(row.quantity)
        scale = 1e-2 if row.unit == "%" else 1e-3
        value = scale * (row.a_invE / e + row.b_invE0p5 / np.sqrt(e) + row.c_invE0p25 / e**0.25 + row.d_const)
        below = row.value_below_threshold * (1.0 if row.unit == "%" else 1e-3)
        table[REGIONS.index(row.region), :, column] = np.where(e < row.threshold_GeV, below, value)
    return table


def pair_factor(section: CalorimeterSection, energy: FloatArray) -> FloatArray:
    """7/9 times the pair cross-section relative to its asymptotic value."""
    pair = section.conversion
    slope = (1.0 - pair.factor_low.value) / math.log(pair.energy_unity.value / pair.energy_low.value)
    factor = pair.factor_low.value + slope * np.log(energy / pair.energy_low.value)
    return 7.0 / 9.0 * np.clip(factor, 0.0, 1.0)


def _novosibirsk_score(x: FloatArray, eta: float) -> FloatArray:
    """Normal score of the deviation x (units of sigma) from the peak."""
    tau = -math.asinh(eta * _ROOT_LN4) / _ROOT_LN4
    if abs(tau) < 1e-6:
        return x
    argument = 1.0 + x * math.sinh(tau * _ROOT_LN4) / _ROOT_LN4
    with np.errstate(divide="ignore", invalid="ignore"):
        score: FloatArray = np.where(argument > 0.0, np.log(np.maximum(argument, 1e-300)) / tau - tau, np.inf)
    return score


def _novosibirsk_value(score: FloatArray, eta: float) -> FloatArray:
    """Inverse of `_novosibirsk_score`."""
    tau = -math.asinh(eta * _ROOT_LN4) / _ROOT_LN4
    if abs(tau) < 1e-6:
        return score
    value: FloatArray = np.expm1(tau * (score + tau)) / (math.sinh(tau * _ROOT_LN4) / _ROOT_LN4)
    return value


def _shape(eta: float, shower: float) -> tuple[FloatArray, FloatArray]:
    """Normal scores and deviations of shower (+) background of unit width, `shower` the part of the first."""
    noise = math.sqrt(max(1.0 - shower * shower, 0.0))
    x = shower * _novosibirsk_value(np.linspace(-6.0, 6.0, 241), eta) + noise * np.linspace(-6.0, 6.0, 241)
    weights = _WEIGHTS / _WEIGHTS.sum()
    cumulative = ndtr(_novosibirsk_score((x[:, None] - noise * _NODES) / shower, eta)) @ weights
    keep = (cumulative > 1e-9) & (cumulative < 1.0 - 1e-9)
    score = ndtri(cumulative[keep])
    rising = np.concatenate(([True], np.diff(np.maximum.accumulate(score)) > 0.0))
    return score[rising], x[keep][rising]


def _quantiles(
    scale: FloatArray, shape: tuple[FloatArray, FloatArray, FloatArray], share: FloatArray, loss: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Half the central 68.3 %, and the median, of a shape times `scale`; `share` of the photons lose up to `loss`."""
    x, cumulative, integral = shape
    result = np.empty((3, len(scale)))
    for k, (s, q, most) in enumerate(zip(scale, share, loss, strict=True)):
        grid = np.concatenate([_CORE_GRID[:1] - (most + 0.05) * _TAIL_GRID, _CORE_GRID])
        total = np.interp(grid / s, x, cumulative, 0.0, 1.0)
        if most > 0.0:
            # the mean over a uniform loss is the difference of the integral of the distribution
            above, below = np.interp([(grid + most) / s, grid / s], x, integral, 0.0)
            above += np.maximum((grid + most) / s - x[-1], 0.0)
            below += np.maximum(grid / s - x[-1], 0.0)
            total = (1.0 - q) * total + q * s / most * (above - below)
        result[:, k] = np.interp(ndtr([-1.0, 0.0, 1.0]), total, grid)
    return 0.5 * (result[2] - result[0]), result[1]


def _scales(score: FloatArray, x: FloatArray, share: FloatArray, loss: FloatArray) -> FloatArray:
    """What makes half the central 68.3 % equal to 1 and the median 0: (n, 3), scale, factor of the loss, shift.

    By bisection. The factor is 1 unless the loss alone is so wide that the shape would have to shrink below
    `_SMALLEST_SCALE`.
    """
    cumulative = ndtr(score)
    integral = np.concatenate(([0.0], np.cumsum(0.5 * (cumulative[1:] + cumulative[:-1]) * np.diff(x))))
    shape = (x, cumulative, integral)
    bounds = np.full((2, len(share)), [[_SMALLEST_SCALE], [1.2]])
    for _ in range(11):
        middle = 0.5 * (bounds[0] + bounds[1])
        wide = _quantiles(middle, shape, share, loss)[0] > 1.0
        bounds = np.where(wide, [bounds[0], middle], [middle, bounds[1]])
    scale = bounds.mean(axis=0)
    factor = np.ones_like(scale)
    stuck = bounds[0] == _SMALLEST_SCALE
    if np.any(stuck):
        bounds = np.full((2, int(stuck.sum())), [[0.0], [1.0]])
        for _ in range(9):
            middle = 0.5 * (bounds[0] + bounds[1])
            wide = _quantiles(scale[stuck], shape, share[stuck], middle * loss[stuck])[0] > 1.0
            bounds = np.where(wide, [bounds[0], middle], [middle, bounds[1]])
        factor[stuck] = bounds.mean(axis=0)
    shift = -_quantiles(scale, shape, share, factor * loss)[1]
    return np.stack([scale, factor, shift], axis=1)


def response_table(section: CalorimeterSection) -> tuple[FloatArray, FloatArray]:
    """Shape of the energy response and its scale.

    Returns
    -------
    shape : float64 (3 regions, energies, scores)
        Deviation of the energy on `SCORES`, in units that the scale turns into the table's sigma.
    scale : float64 (3 regions, energies, depths, 3)
        Scale of the shape, factor of what late conversions lose, shift in sigma, over X/X0 behind the tracker
        (`DEPTHS`).
    """
    total = sigma_table(section, section.background_level.value)[:, :, 0]
    shower = np.clip(sigma_table(section, section.response.shower_level.value)[:, :, 0] / total, 0.2, 1.0)
    late = (1.0 - section.conversion.outer_loss.value) * -np.expm1(-pair_factor(section, ENERGIES)[:, None] * DEPTHS)
    table, scale = np.empty((3, len(ENERGIES), len(SCORES))), np.empty((3, len(ENERGIES), len(DEPTHS), 3))
    for region in range(3):
        loss = section.conversion.energy_per_x0.value * DEPTHS / (ENERGIES * total[region])[:, None]
        for k in range(len(ENERGIES)):
            score, x = _shape(section.response.tail_eta.value, float(shower[region, k]))
            table[region, k] = np.interp(SCORES, score, x)
            scale[region, k] = _scales(score, x, late[k], loss[k])
    return table, scale


def xi_gev(section: Ionisation, path_cm: float) -> float:
    """Landau's xi for beta = 1, GeV: 0.153537 MeV cm^2/mol times Z/A times the thickness."""
    return 1e-3 * 0.153537 * section.z_over_a.value * section.density_g_cm3.value * path_cm


def _density_effect(section: Ionisation, beta_gamma: FloatArray) -> FloatArray:
    """Sternheimer's delta [PDG review, eq. 34.7]; 0 below x0, which is right to 1 % of the loss in an insulator."""
    x = np.log10(beta_gamma)
    below = np.maximum(section.density_x1.value - x, 0.0)
    delta = (
        2.0 * math.log(10.0) * x - section.density_c.value + section.density_a.value * below**section.density_k.value
    )
    return np.where(x < section.density_x0.value, 0.0, np.maximum(delta, 0.0))


def largest_transfer(beta_gamma: FloatArray, mass: float) -> FloatArray:
    """Largest energy (GeV) that goes to one electron [PDG review, eq. 34.4]."""
    gamma = np.sqrt(1.0 + beta_gamma**2)
    result: FloatArray = 2.0 * M_E * beta_gamma**2 / (1.0 + 2.0 * gamma * M_E / mass + (M_E / mass) ** 2)
    return result


def mean_loss(section: Ionisation, path_cm: float, beta_gamma: FloatArray, mass: float) -> FloatArray:
    """Bethe's mean energy loss in GeV: xi/beta^2 (ln(2 m b^2 g^2 W / I^2) - 2 b^2 - delta) [PDG review, eq. 34.5].

    Examples
    --------
    >>> from toymc.constants import M_MU
    >>> from toymc.geometry import load_card
    >>> csi = load_card("belle2").calorimeter.showers.ionisation
    >>> round(1e3 * float(mean_loss(csi, 1.0, np.array([3.2]), M_MU)[0]), 1)
    5.6
    """
    square = beta_gamma**2 / (1.0 + beta_gamma**2)
    mean = 1e-9 * section.excitation_eV.value
    largest = largest_transfer(beta_gamma, mass)
    logarithm = np.log(2.0 * M_E * beta_gamma**2 * largest / mean**2)
    loss: FloatArray = (
        xi_gev(section, path_cm) / square * (logarithm - 2.0 * square - _density_effect(section, beta_gamma))
    )
    return np.maximum(loss, 0.0)


def _vavilov(kappa: float, square: float) -> tuple[FloatArray, FloatArray]:
    """Normal score and deviation from the mean in units of the largest transfer [P. V. Vavilov, JETP 5 (1957) 749].

    The logarithm of the characteristic function is kappa int_0^1 (exp(isv) - 1 - isv)(1 - beta^2 v)/v^2 dv, which
    sine and cosine integrals give in closed form; the density is its Fourier transform.
    """
    n = 1 << 15
    step = 0.5 / max(1.0, 2.0 * math.sqrt(kappa))
    s = step * np.arange(1, n)
    sine_integral, cosine_integral = sici(s)
    first = -(np.euler_gamma + np.log(s) - cosine_integral) + 1j * sine_integral
    exponent = -(np.exp(1j * s) - 1.0 - 1j * s) + 1j * s * first - square * (first - 1j * s)
    values = np.concatenate(([1.0 + 0.0j], np.exp(kappa * exponent)))
    values[0] *= 0.5
    density = np.fft.fftshift(np.fft.fft(values, 2 * n).real) * step / math.pi
    x = np.fft.fftshift(np.fft.fftfreq(2 * n, step / (2.0 * math.pi)))
    cumulative = np.cumsum(np.maximum(density, 0.0))
    cumulative = (cumulative - 0.5 * np.maximum(density, 0.0)) / cumulative[-1]
    keep = (cumulative > 1e-6) & (cumulative < 1.0 - 1e-6)
    score, x = ndtri(cumulative[keep]), x[keep]
    rising = np.concatenate(([True], np.diff(np.maximum.accumulate(score)) > 1e-9))
    return score[rising], x[rising]


def ionisation_table(section: Ionisation, path_cm: float) -> FloatArray:
    """Energy loss (GeV) over ln(beta gamma) and normal score, shape (n_b, n_s).

    Vavilov's straggling around Bethe's mean, with the largest transfer of a muon (that of hadrons is a little larger
    above beta gamma of 30, where it only cuts the far tail); a Gaussian of the same width where kappa = xi/W is above
    5.
    """
    beta_gamma = np.exp(LOG_BETA_GAMMA)
    square = beta_gamma**2 / (1.0 + beta_gamma**2)
    mean, largest = mean_loss(section, path_cm, beta_gamma, M_MU), largest_transfer(beta_gamma, M_MU)
    kappa = xi_gev(section, path_cm) / square / largest
    table = np.empty((len(beta_gamma), len(SCORES)))
    for k in range(len(beta_gamma)):
        if kappa[k] > 5.0:
            deviation = SCORES * math.sqrt(kappa[k] * (1.0 - 0.5 * square[k]))
        else:
            deviation = np.interp(SCORES, *_vavilov(float(kappa[k]), float(square[k])))
        table[k] = np.maximum(mean[k] + largest[k] * deviation, 0.0)
    return table
