"""Where a track can have begun, from the number of layers that it hit."""

import numpy as np
import numpy.typing as npt

from toymc.events import Tracks
from toymc.geometry import DetectorCard

FloatArray = npt.NDArray[np.float64]


def _silicon(card: DetectorCard, detector: str) -> FloatArray:
    """Largest radius of each layer of the pixel ("pxd") or strip ("svd") detector, rising."""
    names = [layer.layer for layer in card.tracking.silicon_layers if layer.detector == detector]
    largest = [
        max(max(s.r_at_z_min_cm, s.r_at_z_max_cm) for s in card.tracking.silicon_sensors if s.layer == name)
        for name in names
    ]
    return np.sort(np.array(largest, dtype=np.float64))


def start_radii(tracks: Tracks, card: DetectorCard) -> FloatArray:
    """Smallest and largest transverse radius at which each track can have begun.

    A particle that flies outward and hits n of the N layers of a subdetector, and none of those inside of it, began
    inside of layer N - n. Layers without a hit by inefficiency or counted twice by overlaps are allowed for: the upper
    end is one layer further out (two in the chamber), the lower end one layer further in.

    Parameters
    ----------
    tracks : Tracks
        `n_pxd`, `n_svd`, `n_cdc` are layers with a hit.
    card : DetectorCard

    Returns
    -------
    float64 (n_tracks, 2)
        cm; give rows of it as `radii` to `fit_vertices`.

    Examples
    --------
    >>> from toymc.detector import build_detector, particle_batch, simulate
    >>> from toymc.geometry import load_card
    >>> from toymc.streams import stream
    >>> detector = build_detector(load_card("belle2"))
    >>> event = simulate(particle_batch([13], [[0.0, 2.0, 0.5]]), detector, stream(1, "radii", "test", 0))
    >>> float(start_radii(event.tracks, detector.card)[0, 0])
    0.0
    """
    pixels, strips = _silicon(card, "pxd"), _silicon(card, "svd")
    wires = np.array([layer.waist_radius_cm for layer in card.tracking.chamber])
    silicon = np.concatenate([np.zeros(2), pixels, strips])
    # index of the first layer hit, in each subdetector
    pixel = np.clip(len(pixels) - tracks.n_pxd, 0, max(len(pixels) - 1, 0))
    strip = np.clip(len(strips) - tracks.n_svd, 0, max(len(strips) - 1, 0))
    wire = np.clip(len(wires) - tracks.n_cdc, 0, max(len(wires) - 1, 0))
    radii = np.empty((len(tracks.n_pxd), 2))
    radii[:, 0] = silicon[-2]
    radii[:, 1] = wires[np.minimum(wire + 2, len(wires) - 1)]
    in_strips = tracks.n_svd > 0
    radii[in_strips, 0] = silicon[len(pixels) + strip[in_strips]]
    radii[in_strips, 1] = np.append(strips, wires[0])[strip[in_strips] + 1]
    in_pixels = tracks.n_pxd > 0
    radii[in_pixels, 0] = 0.0
    radii[in_pixels, 1] = np.append(pixels, strips[0])[pixel[in_pixels] + 1]
    return radii
