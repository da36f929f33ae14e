"""The figures of the performance page: what a card gives, with published numbers as points where there are any."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from toymc.plotting.style import COLOURS, LABEL, new_figure, style

Rows = Sequence[dict[str, Any]]

# six lines that stay apart for any reader, dark to light
_LINES = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7", "#56B4E9")
_BAND = "0.75"
_LEAST_SHARE = 1e-3
TRACK_QUANTITIES = {
    "sigma_pt_over_pt": (r"$\sigma(p_T)/p_T$ [%]", 100.0),
    "sigma_d0_um": (r"$\sigma(d_0)$ [$\mu$m]", 1.0),
    "sigma_z0_um": (r"$\sigma(z_0)$ [$\mu$m]", 1.0),
    "sigma_phi_mrad": (r"$\sigma(\phi_0)$ [mrad]", 1.0),
    "sigma_tan_lambda": (r"$\sigma(\tan\lambda)$ [$10^{-3}$]", 1000.0),
}
_REGIONS = {"fwd": "forward", "barrel": "barrel", "bwd": "backward"}
_TARGETS = {
    "electron": "e", "muon": "mu", "kaon": "K", "pion": "pi", "proton": "p", "eID": "e", "muID": "mu", "atc": "K",
}  # fmt: skip
_SPECIES = {"e": "e", "mu": r"$\mu$", "pi": r"$\pi$", "K": "K", "p": "p"}


def _label(axes: Axes, card: str, text: str = "") -> None:
    axes.set_title(LABEL, loc="left", fontsize=11, fontweight="bold")
    axes.set_title(f"{card}, {text}" if text else card, loc="right", fontsize=10)


def _logarithmic(*ways: Axis) -> None:
    """Plain numbers at 1, 2 and 5 of every decade."""
    for axis in ways:
        axis.set_major_locator(LogLocator(10.0, subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_locator(LogLocator(10.0, subs=tuple(range(1, 10))))
        axis.set_minor_formatter(NullFormatter())


def _style_of(theta: float) -> str:
    return "--" if theta > 90.0 else "-"


def _series(rows: Rows, x: str, y: str, **where: Any) -> tuple[np.ndarray, np.ndarray]:
    chosen = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return np.array([row[x] for row in chosen], dtype=float), np.array([row[y] for row in chosen], dtype=float)


def _values(rows: Rows, key: str) -> list[Any]:
    return list(dict.fromkeys(row[key] for row in rows))


def track_resolution(grid: Rows, quantity: str, card: str, published: Rows = ()) -> Figure:
    """One track parameter against momentum, a line for each polar angle; pions.

    Parameters
    ----------
    grid : sequence of rows
        Of `detector_performance`.
    quantity : str
        A key of `TRACK_QUANTITIES`.
    card : str
    published : sequence of rows
        Of `published_comparison`: the parametrisation of pT and the values at high momentum are drawn.
    """
    name, scale = TRACK_QUANTITIES[quantity]
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, theta in enumerate(_values(grid, "theta_deg")):
            p, sigma = _series(grid, "p_GeV", quantity, species="pi", theta_deg=theta)
            axes.plot(
                p, scale * sigma, _style_of(theta), color=_LINES[k % len(_LINES)], label=rf"$\theta$ = {theta:g}°"
            )
        _published_tracks(axes, quantity, published)
        axes.set(xscale="log", yscale="log", xlabel="p [GeV]", ylabel=name)
        _logarithmic(axes.xaxis, axes.yaxis)
        axes.set_xlim(min(_values(grid, "p_GeV")), max(_values(grid, "p_GeV")))
        axes.legend(ncols=2)
        _label(axes, card, "pions")
    return figure


def _published_tracks(axes: Axes, quantity: str, published: Rows) -> None:
    def numbers(start: str) -> list[tuple[float, float, dict[str, Any]]]:
        found = []
        for row in published:
            if row["quantity"].startswith(start):
                value = row["published"]
                low, high = value if isinstance(value, list) else (value, value)
                found.append((low, high, row))
        return found

    if quantity == "sigma_pt_over_pt":
        rising = [n for n in numbers("sigma(pT)/pT: term a of")]
        falling = [n for n in numbers("sigma(pT)/pT: term b") if "chamber" not in n[2]["quantity"]]
        if rising and falling:
            p = np.geomspace(0.2, 5.0, 60)
            beta = p / np.hypot(p, 0.13957)
            low_line = np.hypot(rising[0][0] * p, falling[0][0] / beta)
            high_line = np.hypot(rising[0][1] * p, falling[0][1] / beta)
            axes.fill_between(
                p, low_line, high_line + 1e-9, color=_BAND, linewidth=1.5, label="published, 90° (remembered)"
            )
    for start, name in (("sigma(d0) at high", "sigma_d0_um"), ("sigma(z0) at high", "sigma_z0_um")):
        if quantity == name:
            for low, high, row in numbers(start):
                middle = 0.5 * (low + high)
                axes.errorbar(
                    [5.0], [middle], yerr=[[middle - low], [high - middle]], fmt="s", color="k", markersize=5,
                    markerfacecolor="none", capsize=3, label=_short(row), clip_on=False,
                )  # fmt: skip


def _short(row: dict[str, Any]) -> str:
    words = str(row["source"]).removeprefix("remembered: ")
    return (words if len(words) < 34 else words[:32] + "…") + (" (rem.)" if row["remembered"] else "")


def tracking_efficiency(grid: Rows, card: str, published: Rows = ()) -> Figure:
    """Efficiency of prompt pions against transverse momentum, a line for each polar angle."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, theta in enumerate(_values(grid, "theta_deg")):
            p, value = _series(grid, "p_GeV", "efficiency", species="pi", theta_deg=theta)
            pt = p * math.sin(math.radians(theta))
            axes.plot(
                pt, value, _style_of(theta), marker="o", markersize=3, color=_LINES[k % len(_LINES)],
                label=rf"$\theta$ = {theta:g}°",
            )  # fmt: skip
        points = [row for row in published if row["quantity"] == "tracking efficiency"]
        if points:
            pt_of = [float(row["condition"].split()[1]) for row in points]
            axes.plot(
                pt_of, [row["published"] for row in points], "ks", markerfacecolor="none", markersize=6,
                label="published, acceptance (remembered)",
            )  # fmt: skip
        axes.set(xscale="log", xlabel=r"$p_T$ [GeV]", ylabel="tracking efficiency", ylim=(0.0, 1.12))
        _logarithmic(axes.xaxis)
        axes.legend(ncols=2, loc="lower right")
        _label(axes, card)
    return figure


def displaced_efficiency(rows: Rows, card: str) -> Figure:
    """Efficiency of displaced muons against their production radius."""
    edges = np.array([row["rho_low_cm"] for row in rows] + [rows[-1]["rho_high_cm"]])
    with style():
        figure = new_figure()
        axes = figure.subplots()
        names = {"along_radius": "straight from the beam", "any_direction": "any direction"}
        for k, (key, name) in enumerate(names.items()):
            axes.stairs([row[key] for row in rows], edges, color=_LINES[k], linewidth=1.6, label=name)
        axes.set(xlabel="production radius [cm]", ylabel="tracking efficiency", ylim=(0.0, 1.1), xlim=(0.0, edges[-1]))
        axes.legend(loc="upper right")
        _label(axes, card, "muons, 0.5 to 3 GeV")
    return figure


def identification(rows: Rows, card: str, theta: float = 90.0) -> Figure:
    """Every working point in a panel: probability of each species against momentum at one polar angle."""
    points = _values(rows, "working_point")
    columns = 3
    lines = math.ceil(len(points) / columns)
    with style():
        figure = new_figure(12.0, 1.0 + 2.9 * lines)
        panels = np.atleast_2d(figure.subplots(lines, columns, sharex=True, sharey=True)).ravel()
        for axes, point in zip(panels, points, strict=False):
            for k, (species, name) in enumerate(_SPECIES.items()):
                p, value = _series(rows, "p_GeV", "probability", species=species, theta_deg=theta, working_point=point)
                target = any(point.startswith(word) and own == species for word, own in _TARGETS.items())
                axes.plot(
                    p, np.maximum(value, 1e-5), "-o", markersize=2.5, color=_LINES[k],
                    linewidth=2.2 if target else 1.0, label=name,
                )  # fmt: skip
            axes.set(yscale="log", ylim=(1e-4, 10.0))
            axes.text(0.97, 0.05, point, transform=axes.transAxes, ha="right", fontsize=11)
        for axes in panels[len(points) :]:
            axes.set_axis_off()
        for axes in panels[max(len(points) - columns, 0) : len(points)]:
            axes.set_xlabel("p [GeV]")
            axes.tick_params(labelbottom=True)
        panels[0].legend(ncols=5, loc="upper center", fontsize=9, handlelength=1.2, columnspacing=0.9)
        for axes in panels[::columns]:
            axes.set_ylabel("probability")
        _label(panels[0], "")
        panels[min(columns, len(points)) - 1].set_title(f"{card}, {theta:g}°", loc="right", fontsize=10)
    return figure


def photon_resolution(rows: Rows, quantity: str, card: str, published: Rows = ()) -> Figure:
    """Energy or angular resolution of photons against energy, a line for each region."""
    names = {
        "sigma_E_over_E": (r"$\sigma(E)/E$ [%]", 100.0, "photon sigma(E)/E"),
        "sigma_theta_mrad": (r"$\sigma(\theta)$ [mrad]", 1.0, "photon angle"),
        "sigma_phi_mrad": (r"$\sigma(\phi)$ [mrad]", 1.0, "none"),
    }
    name, scale, start = names[quantity]
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, (region, words) in enumerate(_REGIONS.items()):
            energy, value = _series(rows, "E_GeV", quantity, region=region)
            axes.plot(energy, scale * value, "-o", markersize=3.5, color=_LINES[k], label=words)
        points = [row for row in published if row["quantity"].startswith(start)]
        if points:
            at = [float(row["condition"].split()[0]) for row in points]
            words = "published, barrel" + (" (remembered)" if points[0]["remembered"] else "")
            axes.plot(at, [row["published"] for row in points], "ks", markerfacecolor="none", markersize=6, label=words)
        axes.set(xscale="log", yscale="log", xlabel="E [GeV]", ylabel=name)
        _logarithmic(axes.xaxis, axes.yaxis)
        axes.legend()
        _label(axes, card)
    return figure


def pi0_width(rows: Rows, card: str, published: Rows = ()) -> Figure:
    """Width of the two-photon mass peak against the momentum of the pi0."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        p, value = _series(rows, "p_GeV", "sigma68_MeV")
        axes.plot(p, value, "-o", markersize=4, color=_LINES[0], label=r"$\pi^0 \to \gamma\gamma$, 90°")
        for row in published:
            if row["quantity"].startswith("width of pi0"):
                axes.axhspan(*row["published"], color=_BAND, zorder=0, label="published (remembered)")
        axes.set(xlabel="p [GeV]", ylabel="half of the central 68.3 % [MeV]")
        axes.set_ylim(0.0, 1.35 * float(np.nanmax(value)))
        axes.legend()
        _label(axes, card)
    return figure


def conversions(rows: Rows, card: str) -> Figure:
    """Probability that a photon has converted inside a radius."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, theta in enumerate(_values(rows, "theta_deg")):
            for energy, line in ((1.0, "-"), (0.1, ":")):
                radius, value = _series(rows, "radius_cm", "probability", theta_deg=theta, E_GeV=energy)
                axes.plot(
                    radius, 100.0 * value, line, marker="o", markersize=3, color=_LINES[k],
                    label=rf"$\theta$ = {theta:g}°, {energy:g} GeV",
                )  # fmt: skip
        axes.set(xscale="log", xlabel="radius [cm]", ylabel="converted [%]", ylim=(0.0, None))
        _logarithmic(axes.xaxis)
        axes.legend(loc="upper left")
        _label(axes, card)
    return figure


def muon_range(rows: Rows, card: str, theta: float = 90.0) -> Figure:
    """Share of tracks with hits in the KLM against momentum."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, species in enumerate(_values(rows, "species")):
            for key, line, words in (("hit", "-", "any layer"), ("full_range", "--", "range of a muon")):
                p, value = _series(rows, "p_GeV", key, species=species, theta_deg=theta)
                name = f"{_SPECIES[species]}, {words}"
                shown = np.maximum(value, _LEAST_SHARE)
                axes.plot(p, shown, line, marker="o", markersize=3, color=_LINES[k], label=name)
        axes.set(xlabel="p [GeV]", ylabel="share of tracks", yscale="log", ylim=(_LEAST_SHARE, 10.0))
        axes.legend(ncols=3, loc="upper right", fontsize=8.5, title="range of a muon: last layer at most one short")
        _label(axes, card, rf"$\theta$ = {theta:g}°")
    return figure


def neutral_hadrons(rows: Rows, card: str, published: Rows = ()) -> Figure:
    """Share of K_L and neutrons with a cluster against momentum."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        names = {"K_L": r"$K_L$", "n": "n"}
        for k, (particle, name) in enumerate(names.items()):
            for key, line in (("klm", "-"), ("ecl", ":"), ("either", "--")):
                p, value = _series(rows, "p_GeV", key, particle=particle)
                words = {"klm": "KLM", "ecl": "ECL", "either": "either"}[key]
                axes.plot(p, value, line, marker="o", markersize=3, color=_LINES[k], label=f"{name}, {words}")
        points = [row for row in published if row["quantity"] == "K_L cluster in the KLM"]
        if points:
            axes.plot(
                [float(row["condition"].split()[0]) for row in points], [row["published"] for row in points], "ks",
                markerfacecolor="none", label=r"$K_L$ in the KLM, design (remembered)",
            )  # fmt: skip
        axes.set(xlabel="p [GeV]", ylabel="share with a cluster", ylim=(0.0, 1.3))
        axes.legend(ncols=2, fontsize=8.5)
        _label(axes, card)
    return figure


def trigger_curves(rows: Rows, card: str) -> Figure:
    """Probability that an event is triggered against momentum or energy of a probe."""
    with style():
        figure = new_figure()
        axes = figure.subplots()
        for k, probe in enumerate(_values(rows, "probe")):
            x, value = _series(rows, "value_GeV", "probability", probe=probe)
            axes.plot(x, value, "-o", markersize=3, color=_LINES[k], label=probe)
        axes.set(xlabel="momentum or energy [GeV]", ylabel="L1 probability", ylim=(0.0, 1.25))
        axes.legend(loc="upper left", fontsize=9)
        _label(axes, card)
    return figure


def mass_widths(rows: Rows, card: str, published: Rows = ()) -> Figure:
    """Widths of two-body mass peaks, with the published ranges."""
    names = [row["name"] for row in rows]
    at = np.arange(len(names))
    with style():
        figure = new_figure(6.4, 4.2)
        axes = figure.subplots()
        axes.barh(at, [row["sigma68_MeV"] for row in rows], color=COLOURS[0], height=0.6, label=LABEL)
        first = True
        for row in published:
            key = row["quantity"].removeprefix("width of ")
            for k, name in enumerate(names):
                if name == _PEAK_NAMES.get(key):
                    low, high = row["published"]
                    axes.plot([low, high], [k, k], "k-", linewidth=3, label="published (remembered)" if first else None)
                    first = False
        axes.set_xscale("log")
        axes.set_yticks(at, [_PEAK_LABELS.get(name, name) for name in names])
        axes.tick_params(axis="y", which="both", left=False, right=False)
        axes.set_xlabel("half of the central 68.3 % [MeV]")
        _logarithmic(axes.xaxis)
        axes.legend(loc="upper right")
        axes.set_ylim(-0.6, len(names) + 0.6)
        _label(axes, card)
    return figure


_PEAK_LABELS = {
    "Jpsi_mumu": r"$J/\psi \to \mu\mu$", "Jpsi_ee": r"$J/\psi \to ee$",
    "Jpsi_ee_recovered": r"$J/\psi \to ee + \gamma$", "D0_Kpi": r"$D^0 \to K\pi$",
    "phi_KK": r"$\phi \to KK$", "KS_pipi": r"$K_S \to \pi\pi$", "pi0_gammagamma": r"$\pi^0 \to \gamma\gamma$",
    "eta_gammagamma": r"$\eta \to \gamma\gamma$",
}  # fmt: skip
_PEAK_NAMES = {
    "J/psi to mu mu": "Jpsi_mumu", "K_S to pi pi": "KS_pipi", "D0 to K pi": "D0_Kpi",
    "pi0 to gamma gamma": "pi0_gammagamma",
}  # fmt: skip
