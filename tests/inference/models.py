"""Models for the tests: seeded, small enough for pyhf, each with another mixture of modifiers."""

import numpy as np

from toymc.inference import (
    Channel,
    HistoSys,
    Luminosity,
    Model,
    NormFactor,
    NormSys,
    Parameter,
    Sample,
    ShapeFactor,
    ShapeSys,
    StatError,
)
from toymc.streams import stream


def random_stream(number):
    return stream(20260101, "inference", "test", number)


def shapes(rng, data, names, size=0.06):
    """One HistoSys per name: a slope with a random sign, not symmetric."""
    x = np.linspace(-1.0, 1.0, data.size)
    out = []
    for name in names:
        slope = size * rng.uniform(0.3, 1.0) * rng.choice([-1.0, 1.0]) * (x + 0.3 * rng.normal(size=data.size))
        out.append(HistoSys(name, data * (1.0 - slope), data * (1.0 + 1.2 * slope)))
    return tuple(out)


def mixed_model(number, n_bins=4):
    """A random model; `number` decides what it is made of."""
    rng = random_stream(number)
    channels = []
    for c in range(1 + number % 2):
        name = "xy"[c]
        x = np.linspace(0.0, 1.0, n_bins)
        signal = rng.uniform(4.0, 10.0) * np.exp(-0.5 * ((x - rng.uniform(0.2, 0.8)) / 0.25) ** 2)
        flat = rng.uniform(20.0, 60.0, n_bins)
        peak = rng.uniform(5.0, 40.0) * np.exp(-3.0 * x) + 0.5
        stat = number % 3
        names = [f"shape{k}" for k in range(number % 4)]
        on_signal, on_flat, on_peak = [NormFactor("mu")], [NormSys("scale", 0.85, 1.2)], [NormSys("other", 0.9, 1.06)]
        on_signal += [NormSys("scale", 0.97, 1.02), *shapes(rng, signal, names)]
        on_flat += shapes(rng, flat, names)
        on_peak += shapes(rng, peak, names[:1])
        if stat >= 1:
            on_flat.append(StatError(f"stat_{name}", 0.08 * flat))
            on_peak.append(StatError(f"stat_{name}", 0.15 * peak))
        if stat == 2:
            on_signal.append(StatError(f"stat_{name}", 0.05 * signal))
        if number % 5 == 1:
            on_peak.append(ShapeSys(f"bins_{name}", 0.2 * peak))
        if number % 5 == 2:
            on_flat.append(NormFactor("n_flat"))
        if number % 5 == 3:
            on_signal.append(Luminosity())
            on_peak.append(Luminosity())
        if number % 5 == 4 and c == 1:
            on_peak.append(ShapeFactor("free_peak"))
        samples = (
            Sample("signal", signal, tuple(on_signal)),
            Sample("flat", flat, tuple(on_flat)),
            Sample("peak", peak, tuple(on_peak)),
        )
        channels.append(Channel(name, samples, rng.poisson(flat + peak)))
    lumi = Parameter("lumi", inits=(1.0,), bounds=((0.5, 1.5),), auxdata=(1.0,), sigmas=(0.02,))
    return Model(channels, "mu", (lumi,) if number % 5 == 3 else ())


def counting_model(signal, background, observed=None, error=0.0):
    """One bin; a background error becomes a ShapeSys."""
    modifiers = (ShapeSys("error", [error]),) if error > 0 else ()
    samples = (Sample("signal", [signal], (NormFactor("mu"),)), Sample("background", [background], modifiers))
    return Model([Channel("sr", samples, None if observed is None else [observed])], "mu")


def thirty_bins(seed=0, n_bins=30, n_shapes=8):
    """30 bins, 3 samples, 8 shape nuisances, Monte Carlo statistics: 39 parameters with the signal strength."""
    rng = random_stream(1000 + seed)
    x = np.linspace(0.0, 1.0, n_bins)
    falling, flat = 200.0 * np.exp(-2.0 * x), np.full(n_bins, 60.0)
    signal = 30.0 * np.exp(-0.5 * ((x - 0.5) / 0.08) ** 2)

    def sample(name, data, relative, *first):
        shifts = [0.03 * np.sin(3.0 * (k + 1) * x + k) for k in range(n_shapes)]
        systematics = [
            HistoSys(f"shape{k}", data * (1.0 - s), data * (1.0 + s + 0.005)) for k, s in enumerate(shifts)
        ]
        return Sample(name, data, (*first, *systematics, StatError("statistics", relative * data)))

    samples = (
        sample("signal", signal, 0.05, NormFactor("mu")),
        sample("falling", falling, 0.04),
        sample("flat", flat, 0.06),
    )
    return Model([Channel("sr", samples, rng.poisson(falling + flat))], "mu")


def two_channels(n_bins=59, n_shapes=10, scale=1e4):
    """Two channels, a wide signal over a dominant background: signal, main mode and other background float freely."""
    x = np.linspace(0.02, 2.0, n_bins)
    shifts = [0.01 * np.cos((k + 1) * x + k) for k in range(n_shapes)]
    channels = []
    for name, mass in (("e", 0.9), ("mu", 1.1)):
        michel = scale * x**2 * np.clip(2.2 - x, 0.0, None)
        other = 0.05 * scale * np.exp(-x)
        signal = 0.01 * scale * np.exp(-0.5 * ((x - mass) / 0.15) ** 2)
        parts = []
        for label, data, free in (("signal", signal, "mu"), ("lnunu", michel, "n_lnunu"), ("other", other, "n_b")):
            systematics = [HistoSys(f"s{k}", data * (1 - s), data * (1 + s)) for k, s in enumerate(shifts)]
            own = NormFactor(free if free == "mu" else f"{free}_{name}")
            parts.append(Sample(label, data, (own, *systematics, StatError(f"stat_{name}", 0.003 * data))))
        channels.append(Channel(name, tuple(parts), np.round(michel + other)))
    return Model(channels, "mu")
