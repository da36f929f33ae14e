"""Make pythia_four_pion.json: mass spectra of tau -> 4 pi nu from Pythia 8 (its own matrix element of the same model).

Run from the top of the project, takes about two minutes:
    python tests/generators/data/make_pythia_four_pion.py 30000
"""

import json
import sys
from pathlib import Path

import numpy as np
import pythia8mc

CHANNELS = {
    "3pi_pi0": ("16 211 211 211 111", (-211, -211, 211, 111)),
    "pi_3pi0": ("16 111 111 111 211", (-211, 111, 111, 111)),
}
# spectra of row combinations in that order; of identical combinations only the first, so that entries are independent
SPECTRA = {
    "3pi_pi0": {
        "m0123": (0.5, 1.8, 26),
        "m023": (0.4, 1.6, 48),
        "m012": (0.4, 1.6, 24),
        "m02": (0.2, 1.4, 24),
        "m03": (0.2, 1.4, 24),
        "m23": (0.2, 1.4, 24),
    },
    "pi_3pi0": {
        "m0123": (0.5, 1.8, 26),
        "m012": (0.4, 1.6, 24),
        "m123": (0.4, 1.6, 24),
        "m01": (0.2, 1.4, 24),
        "m12": (0.2, 1.4, 24),
    },
}


def decays(channel: str, n: int) -> np.ndarray:
    products, order = CHANNELS[channel]
    pythia = pythia8mc.Pythia("", False)
    for line in (
        "ProcessLevel:all = off",
        "Print:quiet = on",
        "Random:setSeed = on",
        "Random:seed = 20261",
        "TauDecays:mode = 1",
        "111:mayDecay = off",
        "15:onMode = off",
        f"15:onIfMatch = {products}",
    ):
        pythia.readString(line)
    pythia.init()
    mass = pythia.particleData.m0(15)
    rows = np.empty((n, 4, 4))
    for i in range(n):
        pythia.event.reset()
        pythia.event.append(15, 1, 0, 0, 0.0, 0.0, 0.0, mass, mass)
        if not pythia.next():
            raise RuntimeError("Pythia failed")
        left = [q for q in pythia.event if q.isFinal()]
        for k, code in enumerate(order):
            at = next(j for j, q in enumerate(left) if q.id() == code)
            q = left.pop(at)
            rows[i, k] = (q.px(), q.py(), q.pz(), q.e())
    return rows


def main(n: int) -> None:
    spectra: dict[str, object] = {}
    for channel, wanted in SPECTRA.items():
        p = decays(channel, n)
        spectra[channel] = {}
        for name, (low, high, bins) in wanted.items():
            total = p[:, [int(c) for c in name[1:]]].sum(axis=1)
            m = np.sqrt(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(axis=1))
            counts = np.histogram(m, bins=bins, range=(low, high))[0]
            spectra[channel][name] = {"low": low, "high": high, "counts": counts.tolist()}
    version = pythia8mc.Pythia("", False).settings.parm("Pythia:versionNumber")
    document = {
        "generator": f"Pythia {version:.3f} (pythia8mc), TauDecays:mode = 1, tau at rest",
        "command": f"python tests/generators/data/make_pythia_four_pion.py {n}",
        "rows": {"3pi_pi0": "pi- pi- pi+ pi0", "pi_3pi0": "pi- pi0 pi0 pi0"},
        "events": n,
        "spectra": spectra,
    }
    Path(__file__).with_name("pythia_four_pion.json").write_text(json.dumps(document) + "\n")


main(int(sys.argv[1]))
