"""Channels of tau -> N X and N -> Y: names, thresholds, fractions from the model, tables for the kernels.

Fractions are those of `toymc.generators.models.hnl`; a channel here is one row of distributions (one flavour, N or
Nbar), and the rows of a mode share its fraction as the partial widths of their flavours do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from toymc.constants import M_E, M_ETA, M_ETAP, M_K, M_KSTAR, M_MU, M_OMEGA, M_PHI, M_PI, M_PI0, M_RHO, M_TAU
from toymc.errors import InputError
from toymc.generators.hnl import layout, lines
from toymc.generators.hnl.layout import ChainTables
from toymc.generators.models import hnl
from toymc.generators.secondary import mass_table
from toymc.generators.tau import resonances

FloatArray = npt.NDArray[np.float64]

LEPTON_CODE = {"e": 11, "mu": 13, "tau": 15}
_STEPS = 4096


@dataclass(frozen=True)
class Mode:
    """A production or decay by name.

    Attributes
    ----------
    key : str
        Its name in the model.
    meson : int
        PDG code for the decay of a tau- or of N, 0 without a meson.
    mass : float
        Sum of the masses beside N (production) or of the products (decay), narrow mesons, GeV.
    lepton : str
        Flavour of the charged lepton, empty for none.
    """

    key: str
    meson: int
    mass: float
    lepton: str = ""


PRODUCTIONS: Mapping[str, Mode] = {
    "pi": Mode("tau_to_pi_N", -211, M_PI),
    "rho": Mode("tau_to_rho_N", -213, M_RHO),
    "K": Mode("tau_to_K_N", -321, M_K),
    "Kstar": Mode("tau_to_Kstar_N", -323, M_KSTAR),
    "e": Mode("tau_to_e_nu_N", 0, M_E, "e"),
    "mu": Mode("tau_to_mu_nu_N", 0, M_MU, "mu"),
}
DECAYS: Mapping[str, Mode] = {
    "nunu": Mode("3nu", 0, 0.0),
    "ee": Mode("nu_e_e", 0, 2.0 * M_E, "e"),
    "mumu": Mode("nu_mu_mu", 0, 2.0 * M_MU, "mu"),
    "emu": Mode("nu_e_mu", 0, M_E + M_MU),
    "pi0": Mode("nu_pi0", 111, M_PI0),
    "eta": Mode("nu_eta", 221, M_ETA),
    "etap": Mode("nu_etap", 331, M_ETAP),
    "rho": Mode("nu_rho0", 113, M_RHO),
    "omega": Mode("nu_omega", 223, M_OMEGA),
    "phi": Mode("nu_phi", 333, M_PHI),
    "epi": Mode("e_pi", 211, M_E + M_PI, "e"),
    "mupi": Mode("mu_pi", 211, M_MU + M_PI, "mu"),
    "eK": Mode("e_K", 321, M_E + M_K, "e"),
    "muK": Mode("mu_K", 321, M_MU + M_K, "mu"),
    "erho": Mode("e_rho", 213, M_E + M_RHO, "e"),
    "murho": Mode("mu_rho", 213, M_MU + M_RHO, "mu"),
    "eKstar": Mode("e_Kstar", 323, M_E + M_KSTAR, "e"),
    "muKstar": Mode("mu_Kstar", 323, M_MU + M_KSTAR, "mu"),
}
DECAY_GROUPS = {"all": tuple(DECAYS), "visible": tuple(name for name in DECAYS if name != "nunu")}
_MESON_MASS = {111: M_PI0, 221: M_ETA, 331: M_ETAP, 211: M_PI, 321: M_K}


@dataclass(frozen=True)
class Fractions:
    """Fractions of the chain.

    Attributes
    ----------
    production, decay : mapping of str to float
        B(tau -> N X) and B(N -> Y) of the modes that are generated.
    left_out : mapping of str to float
        Fractions of N that no mode here stands for, by their name in the model.
    width_GeV, ctau_cm : float
        Of N, from the model.
    """

    production: Mapping[str, float]
    decay: Mapping[str, float]
    left_out: Mapping[str, float]
    width_GeV: float
    ctau_cm: float


def _names(text: str, allowed: Mapping[str, Mode], groups: Mapping[str, tuple[str, ...]], what: str) -> list[str]:
    found: list[str] = []
    for word in (part.strip() for part in text.split(",")):
        if word in groups:
            found += groups[word]
        elif word in allowed:
            found.append(word)
        else:
            raise InputError(f"{what} = '{word}' is not known: allowed are {', '.join((*groups, *allowed))}")
    return list(dict.fromkeys(found))


@dataclass
class _Lines:
    """Tables made so far."""

    tables: list[FloatArray] = field(default_factory=list)

    def add(self, table: FloatArray) -> float:
        self.tables.append(table)
        return float(len(self.tables) - 1)


def _pion_form_factor(s: FloatArray) -> FloatArray:
    """|F|^2 (p/q)^3 of the two-pion vector current."""
    grid = resonances.build_lines(resonances.form_factors(), _STEPS)[:, resonances.RHO_2PI]
    x = np.clip(s / M_TAU**2, 0.0, 1.0) * _STEPS
    form = np.interp(x, np.arange(_STEPS + 1), grid.real) ** 2 + np.interp(x, np.arange(_STEPS + 1), grid.imag) ** 2
    return np.asarray(form * np.power(np.maximum(0.25 - M_PI**2 / s, 0.0), 1.5))


def _line(code: int) -> tuple[Callable[[FloatArray], FloatArray], float, float, tuple[float, float]]:
    """Spectral function of a vector meson, its reach in mass and its pole."""
    row = next(row for row in mass_table() if int(row[0]) == abs(code))
    _, m0, g0, m1, m2, constant, low, high, _ = (float(value) for value in row)
    if abs(code) in (113, 213):
        return _pion_form_factor, 2.0 * M_PI, M_TAU, (m0, g0)

    def momentum(q: FloatArray | float) -> FloatArray:
        return np.sqrt(np.maximum((q * q - (m1 + m2) ** 2) * (q * q - (m1 - m2) ** 2), 0.0)) / (2.0 * np.asarray(q))

    def spectral(s: FloatArray) -> FloatArray:
        q = np.sqrt(s)
        width = q * g0 * (constant + (1.0 - constant) * (momentum(q) / momentum(m0)) ** 3 * m0 / q)
        return np.asarray(width / ((s - m0 * m0) ** 2 + width**2) / s)

    return spectral, low, high, (m0, g0)


def _row(kind: float, share: float, codes: tuple[int, ...], masses: tuple[float, ...], sign: float = 1.0) -> FloatArray:
    row = np.zeros(layout.N_COLUMNS)
    row[layout.KIND], row[layout.CUMULATIVE], row[layout.SIGN] = kind, share, sign
    row[layout.CODE : layout.CODE + len(codes)] = codes
    row[layout.MASS : layout.MASS + len(masses)] = masses
    return row


def _meson_row(mother: float, partner: float, codes: tuple[int, int], share: float, made: _Lines) -> FloatArray:
    """mother -> partner (row 0) + meson (row 1)."""
    meson = codes[1]
    if abs(meson) in _MESON_MASS:
        return _row(layout.PSEUDOSCALAR, share, codes, (partner, _MESON_MASS[abs(meson)]))
    row = _row(layout.VECTOR, share, codes, (partner, 0.0))
    row[layout.LINE] = made.add(lines.vector_meson(mother, partner, *_line(meson)))
    return row


def _production_rows(
    m: float, mixing: Mapping[str, float], name: str, fraction: float, made: _Lines
) -> list[FloatArray]:
    mode = PRODUCTIONS[name]
    if mode.meson:
        return [_meson_row(M_TAU, m, (layout.N_PDG, mode.meson), fraction, made)]
    code, lepton = LEPTON_CODE[mode.lepton], hnl.LEPTON_MASS[mode.lepton]
    rows = []
    # N in the place of nu_tau, Nbar in the place of the antineutrino of the lepton
    as_tau, as_lepton = lines.three_body(M_TAU, 0.0, m, lepton), lines.three_body(M_TAU, m, lepton, 0.0)
    shares = (mixing.get("tau", 0.0) * lines.integral(as_tau), mixing.get(mode.lepton, 0.0) * lines.integral(as_lepton))
    for kind, table, share, neutrino, sign in (
        (layout.AS_TAU, as_tau, shares[0], -(code + 1), 1.0),
        (layout.AS_LEPTON, as_lepton, shares[1], 16, -1.0),
    ):
        if share > 0.0:
            part = fraction * share / sum(shares)
            row = _row(kind, part, (layout.N_PDG, code, neutrino), (m, lepton, 0.0), sign)
            row[layout.LINE] = made.add(table)
            rows.append(row)
    return rows


def neutral_current(m: float, lepton: float, same_flavour: bool) -> tuple[float, float, FloatArray, FloatArray, float]:
    """N -> nu l- l+: g_L, g_R, tables of the two kinds of terms, and Gamma/(G_F^2 m^5/(192 pi^3)) from their integrals.

    Examples
    --------
    >>> g_left, g_right, *_ = neutral_current(1.0, 0.1, True)
    >>> round(g_left - g_right, 12)
    0.5
    """
    g_right = hnl.S2W
    g_left = g_right + (0.5 if same_flavour else -0.5)
    pair, mixed = lines.three_body(m, lepton, lepton, 0.0), lines.interference(m, lepton)
    total = (g_left**2 + g_right**2) * lines.integral(pair) + g_left * g_right * lines.integral(mixed)
    return g_left, g_right, pair, mixed, total


def _pair_row(m: float, flavour: str, lepton: str, share: float, made: _Lines) -> FloatArray:
    g_left, g_right, pair, mixed, _ = neutral_current(m, hnl.LEPTON_MASS[lepton], flavour == lepton)
    code, mass = LEPTON_CODE[lepton], hnl.LEPTON_MASS[lepton]
    row = _row(layout.NEUTRAL_PAIR, share, (LEPTON_CODE[flavour] + 1, code, -code), (0.0, mass, mass))
    row[layout.LINE], row[layout.LINE + 1] = made.add(pair), made.add(mixed)
    row[layout.G_LEFT], row[layout.G_RIGHT] = g_left, g_right
    parts = np.array([g_left**2, g_right**2, 0.0]) * lines.integral(pair)
    if g_left * g_right > 0.0:
        parts[2] = g_left * g_right * lines.integral(mixed)
    row[layout.SHARE_LEFT], row[layout.SHARE_RIGHT] = np.cumsum(parts)[:2] / parts.sum()
    if parts[2] == 0.0:
        row[layout.SHARE_RIGHT] = 2.0  # beyond every random number
    return row


def _charged_row(m: float, flavour: str, share: float, made: _Lines) -> FloatArray:
    """N -> l_a- l_b+ nu_b, a = `flavour` and b the other of e and mu."""
    other = "mu" if flavour == "e" else "e"
    a, b = hnl.LEPTON_MASS[flavour], hnl.LEPTON_MASS[other]
    codes = (LEPTON_CODE[other] + 1, LEPTON_CODE[flavour], -LEPTON_CODE[other])
    row = _row(layout.THREE_LEPTONS, share, codes, (0.0, a, b))
    row[layout.LINE] = made.add(lines.three_body(m, b, 0.0, a))
    return row


def _invisible_rows(m: float, flavour: str, share: float, made: _Lines) -> list[FloatArray]:
    """N -> nu_a nu_b anti-nu_b: half with b = a (twice the amplitude, identical), a quarter for each other."""
    line, rows = made.add(lines.three_body(m, 0.0, 0.0, 0.0)), []
    for other in hnl.FLAVOURS:
        part = share * (0.5 if other == flavour else 0.25)
        neutrino = LEPTON_CODE[other] + 1
        row = _row(layout.THREE_LEPTONS, part, (LEPTON_CODE[flavour] + 1, neutrino, -neutrino), (0.0, 0.0, 0.0))
        row[layout.LINE] = line
        rows.append(row)
    return rows


def _decay_rows(m: float, flavour: str, name: str, share: float, made: _Lines) -> list[FloatArray]:
    mode = DECAYS[name]
    if name == "nunu":
        return _invisible_rows(m, flavour, share, made)
    if name == "emu":
        return [_charged_row(m, flavour, share, made)]
    if not mode.meson:
        return [_pair_row(m, flavour, mode.lepton, share, made)]
    if mode.lepton:
        return [_meson_row(m, hnl.LEPTON_MASS[mode.lepton], (LEPTON_CODE[mode.lepton], mode.meson), share, made)]
    return [_meson_row(m, 0.0, (LEPTON_CODE[flavour] + 1, mode.meson), share, made)]


def _check_open(m: float, production: list[str], decay: list[str], explicit: tuple[bool, bool]) -> None:
    """Refuse a mass at which something that was named is closed."""
    beside = [PRODUCTIONS[name].mass for name in production]
    needed = [DECAYS[name].mass for name in decay]
    high = M_TAU - (max(beside) if explicit[0] else min(beside))
    low = max(needed) if explicit[1] else min(needed)
    if not low < m < high:
        raise InputError(
            f"mass = {m:g} GeV: production {', '.join(production)} and decay {', '.join(decay)} allow masses above "
            f"{max(low, 1e-3):.6g} and below {high:.6g} GeV" + (": they never go together" if low >= high else "")
        )


def _open_fractions(names: list[str], modes: Mapping[str, Mode], have: Mapping[str, float]) -> dict[str, float]:
    return {name: have[modes[name].key] for name in names if have.get(modes[name].key, 0.0) > 0.0}


def _tabulated(rows: list[FloatArray]) -> FloatArray:
    table = np.array(rows)
    running = np.cumsum(table[:, layout.CUMULATIVE])
    table[:, layout.CUMULATIVE] = running / running[-1]
    table[-1, layout.CUMULATIVE] = 1.0
    return np.ascontiguousarray(table)


def chain_tables(
    m: float,
    mixing: Mapping[str, float],
    production: str = "all",
    decay: str = "all",
    dirac: bool = False,
    ctau: float | None = None,
) -> tuple[ChainTables, Fractions]:
    """Tables of the chain tau -> N X, N -> Y, and its fractions.

    Parameters
    ----------
    m : float
        Mass of N in GeV.
    mixing : mapping of str to float
        |V|^2 by flavour (e, mu, tau); at least one above 0.
    production : str
        Names of `PRODUCTIONS`, comma-separated, or all.
    decay : str
        Names of `DECAYS`, comma-separated, or all, or visible (all but three neutrinos).
    dirac : bool
        A Dirac N; Majorana otherwise.
    ctau : float, optional
        Proper decay length in cm; from the width if not given.

    Returns
    -------
    ChainTables, Fractions

    Raises
    ------
    InputError
        For an unknown name, a mass at which a named mode is closed, or a mixing that does not allow a named mode.

    Examples
    --------
    >>> tables, fractions = chain_tables(1.0, {"tau": 1e-4}, "pi", "mumu")
    >>> round(fractions.production["pi"] / 1e-4, 4), round(fractions.decay["mumu"], 4)
    (0.0332, 0.0379)
    """
    produced = _names(production, PRODUCTIONS, {"all": tuple(PRODUCTIONS)}, "production")
    decayed = _names(decay, DECAYS, DECAY_GROUPS, "decay")
    groups = {word.strip() for word in decay.split(",")} & set(DECAY_GROUPS)
    explicit = ("all" not in production.split(","), not groups)
    _check_open(m, produced, decayed, explicit)
    point = hnl.mixed_point(m, mixing, dirac)
    shares = _open_fractions(produced, PRODUCTIONS, point.production)
    fractions = point.branching_fractions
    chosen = _open_fractions(decayed, DECAYS, fractions)
    text = ", ".join(f"|V_{a}|^2 = {mixing.get(a, 0.0):g}" for a in hnl.FLAVOURS)
    for names, found, what, asked in (
        (produced, shares, "production", explicit[0]), (decayed, chosen, "decay", explicit[1]),
    ):  # fmt: skip
        missing = [name for name in names if name not in found]
        if (asked and missing) or not found:
            raise InputError(f"{what} {', '.join(missing)} does not happen at mass {m:g} GeV with {text}")
    made = _Lines()
    productions = [row for name, share in shares.items() for row in _production_rows(m, mixing, name, share, made)]
    decays = []
    for flavour, square in mixing.items():
        widths = hnl.widths(m, flavour) if square > 0.0 else {}
        for name in chosen:
            part = square * widths.get(DECAYS[name].key, 0.0)
            if part > 0.0:
                decays += _decay_rows(m, flavour, name, part, made)
    known = {mode.key for mode in DECAYS.values()}
    length = point.ctau_cm if ctau is None else ctau
    tables = ChainTables(
        productions=_tabulated(productions),
        decays=_tabulated(decays),
        lines=np.ascontiguousarray(made.tables) if made.tables else np.zeros((1, lines.N_CELLS + 1, 4)),
        numbers=np.array([m, length, 0.0 if dirac else 1.0]),
    )
    left_out = {key: value for key, value in fractions.items() if key not in known}
    return tables, Fractions(shares, chosen, left_out, point.width_GeV, point.ctau_cm)
