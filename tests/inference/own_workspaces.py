"""Own models for the comparison with pyhf: one generator, thirty settings, each with another mixture.

The settings walk through 1 to 60 bins, 1 to 4 channels, every type of modifier alone and together, correlations across
channels, low counts and bins without observed events, large shape variations, and places of the parameter of interest.
"""

from dataclasses import dataclass

import numpy as np

from tests.inference.models import random_stream
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


@dataclass(frozen=True)
class Recipe:
    """What a model is made of; `where` is the place of the signal: first, all, or two samples."""

    bins: int = 4
    channels: int = 1
    level: float = 30.0  # background events per bin
    signal: float = 0.6  # signal per channel over the square root of its background
    norms: int = 0
    shapes: int = 0
    size: float = 0.08  # of the shape variations
    stat: float = 0.0  # relative statistical error, shared by all samples
    uncorrelated: float = 0.0  # relative, per bin of one background
    lumi: bool = False
    free: bool = False  # free normalisation of a background with a control channel
    factor: bool = False  # free shape shared with a control channel
    where: str = "all"
    data: str = "poisson"  # poisson, zero, excess, deficit


RECIPES = (
    Recipe(bins=1),
    Recipe(bins=1, level=0.8, signal=2.0, data="zero"),
    Recipe(bins=1, level=3.0, norms=2, stat=0.2, data="excess"),
    Recipe(bins=2, norms=1),
    Recipe(bins=2, channels=2, norms=2, where="first"),
    Recipe(bins=3, shapes=1),
    Recipe(bins=3, channels=3, norms=2, shapes=1),
    Recipe(bins=4, stat=0.1),
    Recipe(bins=4, uncorrelated=0.2),
    Recipe(bins=4, stat=0.1, uncorrelated=0.2, norms=1),
    Recipe(bins=4, channels=2, lumi=True, norms=1),
    Recipe(bins=3, channels=2, free=True, stat=0.05, where="first"),
    Recipe(bins=3, channels=2, factor=True, where="first"),
    Recipe(bins=5, shapes=2, size=0.6),
    Recipe(bins=5, channels=2, shapes=2, size=0.4, norms=2),
    Recipe(bins=6, level=0.5, signal=2.5, data="poisson"),
    Recipe(bins=6, level=0.3, signal=3.0, norms=1, data="zero"),
    Recipe(bins=6, level=1.5, signal=1.5, shapes=2, stat=0.3),
    Recipe(bins=8, level=1e4, norms=2, shapes=2),
    Recipe(bins=8, level=200.0, data="excess", norms=2, stat=0.03),
    Recipe(bins=8, level=200.0, data="deficit", shapes=3),
    Recipe(bins=6, where="two", norms=3, shapes=1),
    Recipe(bins=4, channels=4, norms=3, shapes=1),
    Recipe(bins=4, channels=4, level=2.0, signal=1.5, norms=2, where="first", data="poisson"),
    Recipe(bins=12, shapes=3, norms=3),
    Recipe(bins=12, channels=2, free=True, norms=2, shapes=2, level=60.0),
    Recipe(bins=20, shapes=4, stat=0.05),
    Recipe(bins=20, channels=2, level=0.7, signal=2.0, norms=3),
    Recipe(bins=40, norms=3, shapes=2),
    Recipe(bins=60, norms=2, shapes=3),
)

SMALL = tuple(number for number, recipe in enumerate(RECIPES) if recipe.bins * recipe.channels <= 8)


def variations(rng, data, recipe, factor=1.0):
    """One HistoSys per shape, its own slope, not symmetric; never below a twentieth of the template."""
    x = np.linspace(-1.0, 1.0, data.size) if data.size > 1 else np.array([0.7])
    out = []
    for k in range(recipe.shapes):
        slope = factor * recipe.size * rng.uniform(0.5, 1.0) * np.cos(2.0 * (k + 1) * x + rng.uniform(0.0, 3.0))
        low = np.maximum(data * (1.0 - slope), 0.05 * data)
        out.append(HistoSys(f"shape{k}", low, np.maximum(data * (1.0 + 1.3 * slope), 0.05 * data)))
    return out


def scales(rng, recipe, size):
    """One NormSys per scale, shared by name, not symmetric."""
    return [NormSys(f"scale{k}", 1.0 - rng.uniform(0.3, 1.0) * size, 1.0 + rng.uniform(0.3, 1.2) * size)
            for k in range(recipe.norms)]  # fmt: skip


def counts(rng, recipe, background, signal):
    if recipe.data == "zero":
        return np.where(np.arange(background.size) % 2 == 0, 0.0, np.floor(background))
    if recipe.data == "excess":
        return np.round(background + 2.0 * signal)
    if recipe.data == "deficit":
        return np.round(background - 1.5 * np.sqrt(background))
    return rng.poisson(background).astype(float)


def own_model(number):
    """The model of `RECIPES[number]`."""
    recipe, rng = RECIPES[number], random_stream(3000 + number)
    channels = []
    for c in range(recipe.channels):
        x = np.linspace(0.0, 1.0, recipe.bins) if recipe.bins > 1 else np.array([0.5])
        falling = recipe.level * rng.uniform(0.6, 1.2) * np.exp(-1.5 * x)
        flat = np.full(recipe.bins, 0.5 * recipe.level * rng.uniform(0.6, 1.2))
        peak = np.exp(-0.5 * ((x - rng.uniform(0.3, 0.7)) / 0.2) ** 2) + 0.02
        signal = recipe.signal * np.sqrt((falling + flat).sum()) * peak / peak.sum()
        on_falling = [*scales(rng, recipe, 0.2), *variations(rng, falling, recipe)]
        on_flat = [*scales(rng, recipe, 0.1)[:1], *variations(rng, flat, recipe, 0.5)[:1]]
        on_signal = [NormFactor("mu"), *scales(rng, recipe, 0.05)[-1:], *variations(rng, signal, recipe, 0.3)[-1:]]
        if recipe.stat:
            name = f"stat{c}"
            on_falling.append(StatError(name, recipe.stat * falling))
            on_flat.append(StatError(name, 1.5 * recipe.stat * flat))
        if recipe.uncorrelated:
            on_flat.append(ShapeSys(f"bins{c}", recipe.uncorrelated * flat))
        if recipe.lumi:
            on_signal.append(Luminosity())
            on_flat.append(Luminosity())
        if recipe.free:
            on_falling.append(NormFactor("n_falling"))
        if recipe.factor:
            on_falling.append(ShapeFactor("free_shape"))
        samples = [Sample("falling", falling, tuple(on_falling)), Sample("flat", flat, tuple(on_flat))]
        if recipe.where != "first" or c == 0:
            samples.append(Sample("signal", signal, tuple(on_signal)))
        if recipe.where == "two":
            samples.append(Sample("second", 0.3 * signal[::-1].copy(), (NormFactor("mu"), NormSys("own", 0.8, 1.25))))
        channels.append(Channel(f"c{c}", tuple(samples), counts(rng, recipe, falling + flat, signal)))
    lumi = Parameter("lumi", inits=(1.0,), bounds=((0.5, 1.5),), auxdata=(1.0,), sigmas=(0.02,))
    return Model(tuple(channels), "mu", (lumi,) if recipe.lumi else ())
