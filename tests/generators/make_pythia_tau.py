"""Make tests/generators/data/pythia_tau_decays.json: tau- decays at rest, one mode at a time, from Pythia 8.

Run ``python tests/generators/make_pythia_tau.py`` with pythia8mc installed (about three minutes). Taus are produced by
e+e- -> tau+ tau- at 10.58 GeV with TauDecays:mode = 3 and polarisation +1 along the flight direction; only tau- are
kept (for tau+ Pythia does not change the sign of the vector current against the axial one, so that its tau+ -> K pi
pi nu and K K pi nu are not the CP mirror of tau-). The polarisation drops out of everything but `polarised`: the mean
cosine of every hadron to the flight direction in the tau rest frame.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pythia8mc

from tests.generators.tau_observables import observables

# products of the Pythia channel, rows wanted (neutrino first, then the order of toymc.generators.tau.modes)
CHANNELS = {
    "pi_pi0_nu": ((16, 111, -211), (16, -211, 111)),
    "K_pi0_nu": ((16, 111, -321), (16, -321, 111)),
    "pi_K0_nu": ((16, -211, -311), (16, -211, -311)),
    "K_K0_nu": ((16, 311, -321), (16, -321, 311)),
    "3pi_nu": ((16, -211, -211, 211), (16, -211, -211, 211)),
    "pi_2pi0_nu": ((16, 111, 111, -211), (16, 111, 111, -211)),
    "K_pi_pi_nu": ((16, -211, 211, -321), (16, -321, -211, 211)),
    "K_2pi0_nu": ((16, 111, 111, -321), (16, 111, 111, -321)),
    "pi_K0_pi0_nu": ((16, 111, -211, -311), (16, -211, -311, 111)),
    "K_K_pi_nu": ((16, -211, -321, 321), (16, -321, -211, 321)),
    "K_K0_pi0_nu": ((16, 111, 311, -321), (16, -321, 111, 311)),
    "pi_KS_KL_nu": ((16, 130, -211, 310), (16, 310, -211, 130)),
    "pi_KS_KS_nu": ((16, -211, 310, 310), (16, 310, -211, 310)),
    "3pi_pi0_nu": ((16, 111, -211, -211, 211), (16, -211, -211, 211, 111)),
    "pi_3pi0_nu": ((16, 111, 111, 111, -211), (16, -211, 111, 111, 111)),
}
EVENTS = {3: 25_000, 4: 10_000, 5: 10_000}  # by number of daughters
BINS = 30
OPTIONS = [
    "Print:quiet=on", "Beams:idA=11", "Beams:idB=-11", "Beams:eCM=10.58", "PDF:lepton=off",
    "WeakSingleBoson:ffbar2gmZ=on", "23:onMode=off", "23:onIfAny=15", "PartonLevel:ISR=off", "PartonLevel:FSR=off",
    "PartonLevel:MPI=off", "TauDecays:mode=3", "TauDecays:tauPolarization=1", "Random:setSeed=on", "15:onMode=off",
    "15:m0=1.77693", *[f"{code}:mayDecay=off" for code in (111, 310, 130, 311, 211, 321)],
]  # fmt: skip


def at_rest(tau, particle):
    """[px, py, pz, E] in the tau rest frame, z along its flight."""
    flight = np.array([tau.px(), tau.py(), tau.pz()])
    momentum = np.linalg.norm(flight)
    z = flight / momentum
    x = np.cross(z, [0.0, 0.0, 1.0] if abs(z[2]) < 0.99 else [1.0, 0.0, 0.0])
    x /= np.linalg.norm(x)
    p = np.array([particle.px(), particle.py(), particle.pz()])
    gamma, gb = tau.e() / tau.m(), momentum / tau.m()
    along = p @ z
    return [p @ x, p @ np.cross(z, x), gamma * along - gb * particle.e(), gamma * particle.e() - gb * along]


def decays(name, seed):
    """Four-momenta (events, 1 + hadrons, 4) of tau- decays into one channel."""
    products, rows = CHANNELS[name]
    pythia = pythia8mc.Pythia("", False)
    for option in [*OPTIONS, f"Random:seed={seed}"]:
        assert pythia.readString(option), option
    entry = pythia.particleData.particleDataEntryPtr(15)
    for i in range(entry.sizeChannels()):
        channel = entry.channel(i)
        if sorted(channel.product(j) for j in range(channel.multiplicity())) == sorted(products):
            pythia.readString(f"15:{i}:onMode=1")
    assert pythia.init()
    result = []
    while len(result) < EVENTS[len(rows)]:
        if not pythia.next():
            continue
        event = pythia.event
        for i in range(event.size()):
            tau = event[i]
            if tau.id() == 15 and event[tau.daughter1()].id() == 16:
                left = [event[j] for j in range(tau.daughter1(), tau.daughter2() + 1)]
                vectors = []
                for code in rows:
                    particle = next(p for p in left if p.id() == code)
                    left = [p for p in left if p.index() != particle.index()]
                    vectors.append(at_rest(tau, particle))
                result.append(vectors)
    return np.array(result[: EVENTS[len(rows)]])


def histograms(name, p4):
    """Thirty bins of equal content for every observable."""
    table = {}
    for key, values in observables(p4, CHANNELS[name][1][1:]).items():
        edges = np.round(np.quantile(values, np.linspace(0, 1, BINS + 1)), 5)
        edges[0], edges[-1] = -1e9, 1e9
        counts = np.histogram(values, edges)[0]
        table[key] = {"edges": edges.tolist(), "counts": counts.tolist()}
    cosines = p4[:, 1:, 2] / np.linalg.norm(p4[:, 1:, :3], axis=2)
    table["polarised"] = {
        "mean": cosines.mean(axis=0).round(5).tolist(),
        "error": (cosines.std(axis=0) / np.sqrt(len(p4))).round(5).tolist(),
    }
    return table


def main():
    """All modes, or those named on the command line (the others stay as they are)."""
    path = Path(__file__).parent / "data" / "pythia_tau_decays.json"
    path.parent.mkdir(exist_ok=True)
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    content["generator"] = f"Pythia 8 (pythia8mc {version('pythia8mc')}), tau- with helicity matrix elements"
    content["command"] = "python tests/generators/make_pythia_tau.py"
    for seed, name in enumerate(CHANNELS, start=1):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            content[name] = histograms(name, decays(name, seed))
            print(name, flush=True)
    path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
