"""Make the Pythia 8 reference histograms of tau pairs that the tests compare with (not run by the tests).

Command: python tests/generators/make_pythia_pairs.py SECONDS SEED OUTPUT.json [isr]
Without `isr`: spin-correlated tau pairs from a pure photon at 10.58 GeV, no radiation at all, taus forced to
e, mu, pi, pi pi0. With `isr`: only 1 - s'/s, from Pythia's electron structure function.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pythia8mc
from pair_observables import OBSERVABLES, fill, new_histograms

SQRT_S = 10.58
COMMON = (
    "Print:quiet = on",
    "Beams:idA = 11",
    "Beams:idB = -11",
    f"Beams:eCM = {SQRT_S}",
    "WeakSingleBoson:ffbar2gmZ = on",
    "WeakZ0:gmZmode = 1",
    "23:onMode = off",
    "23:onIfAny = 15",
    "PhaseSpace:mHatMin = 3.6",
    "23:mMin = 3.6",
)
SPIN = (
    "PDF:lepton = off",
    "PartonLevel:ISR = off",
    "PartonLevel:FSR = off",
    "HadronLevel:QED = off",
    "TauDecays:mode = 1",
    "111:mayDecay = off",
    "15:onMode = off",
    "15:onIfMatch = 16 11 12",
    "15:onIfMatch = 16 13 14",
    "15:onIfMatch = 16 211",
    "15:onIfMatch = 16 111 211",
)
ISR = ("PDF:lepton = on", "PartonLevel:all = off")


def _four(p) -> list[float]:
    return [p.px(), p.py(), p.pz(), p.e()]


def _spin_event(event):
    """tau-, tau+ and, for each, (charged daughter pdg, its four-momentum, summed visible four-momentum)."""
    taus = {p.id(): p for p in (event[i] for i in range(event.size())) if abs(p.id()) == 15 and p.daughter1() > 0}
    out = []
    for pdg in (15, -15):
        tau = taus[pdg]
        daughters = [event[i] for i in range(tau.daughter1(), tau.daughter2() + 1)]
        charged = next(d for d in daughters if d.isCharged())
        visible = np.sum([_four(d) for d in daughters if abs(d.id()) not in (12, 14, 16)], axis=0)
        out.append((_four(tau), abs(charged.id()), len(daughters), _four(charged), visible))
    return out


def run(seconds: float, seed: int, isr: bool) -> dict:
    pythia = pythia8mc.Pythia("", False)
    for line in (*COMMON, *(ISR if isr else SPIN), "Random:setSeed = on", f"Random:seed = {seed}"):
        if not pythia.readString(line):
            raise SystemExit(f"Pythia refused: {line}")
    pythia.init()
    start = time.monotonic()
    rows, missing, n = [], [], 0
    histograms = new_histograms()
    while time.monotonic() - start < seconds:
        if not pythia.next():
            continue
        n += 1
        if isr:
            missing.append(1.0 - pythia.infoPython().sHat() / SQRT_S**2)
            continue
        rows.append(_spin_event(pythia.event))
        if len(rows) == 500:
            fill(histograms, rows)
            rows = []
    result = {"events": n, "settings": [*COMMON, *(ISR if isr else SPIN)]}
    if isr:
        edges = np.array([0.0, 1e-3, 3e-3, 1e-2, 0.03, 0.06, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.84])
        result["one_minus_s_prime_over_s"] = {
            "edges": edges.tolist(),
            "counts": np.histogram(missing, edges)[0].tolist(),
        }
    else:
        fill(histograms, rows)
        result["histograms"] = {
            name: {"edges": [np.asarray(e).tolist() for e in OBSERVABLES[name]], "counts": counts.tolist()}
            for name, counts in histograms.items()
        }
    return result


if __name__ == "__main__":
    isr = sys.argv[4:] == ["isr"]
    content = run(float(sys.argv[1]), int(sys.argv[2]), isr)
    content["generator"] = f"Pythia {pythia8mc.Pythia('', False).settings.parm('Pythia:versionNumber'):.3f}"
    content["command"] = " ".join(["python", *sys.argv])
    Path(sys.argv[3]).write_text(json.dumps(content) + "\n")
