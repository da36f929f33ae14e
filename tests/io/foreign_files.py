"""Small LHE and HepMC3 files with known content: e+e- -> tau+ tau- at the energy of the machine."""

import gzip
import math
from pathlib import Path

import pyhepmc

SQRT_S = 10.5796
M_TAU = 1.777
HEAD = """<LesHouchesEvents version="3.0">
<header>
</header>
<init>
{beams} 0 0 0 0 -4 1
1.2e+01 1.0e-02 1.2e+01 1
<generator name='MadGraph5_aMC@NLO' version='3.5.1'>please cite</generator>
</init>
"""
END = "</LesHouchesEvents>\n"
CENTRE_OF_MASS = f"-11 11 {SQRT_S / 2} {SQRT_S / 2}"


def row(pdg, status, mothers, p, mass, lifetime=0.0, spin=9.0) -> str:
    energy = math.sqrt(sum(c * c for c in p) + mass * mass)
    numbers = " ".join(f"{c:.10e}" for c in (*p, energy, mass))
    return f" {pdg} {status} {mothers[0]} {mothers[1]} 0 0 {numbers} {lifetime:.6e} {spin}"


def tau_event(phi: float, ctau_mm: float = 3.0, weight: float = 2.0, boost: float = 0.0) -> str:
    """Positrons along +z; tau- decays to a lone neutrino-like row that carries everything, after ctau_mm."""
    half = SQRT_S / 2.0
    p = math.sqrt(half**2 - M_TAU**2)
    direction = (p * math.cos(phi), p * math.sin(phi), 0.0)

    def moved(momentum, mass):
        energy = math.sqrt(sum(c * c for c in momentum) + mass * mass)
        gamma = 1.0 / math.sqrt(1.0 - boost**2)
        return (momentum[0], momentum[1], gamma * (momentum[2] + boost * energy))

    back = tuple(-c for c in direction)
    rows = [
        row(-11, -1, (0, 0), moved((0.0, 0.0, half), 0.0), 0.0),
        row(11, -1, (0, 0), moved((0.0, 0.0, -half), 0.0), 0.0),
        row(15, 2, (1, 2), moved(direction, M_TAU), M_TAU, ctau_mm),
        row(-15, 1, (1, 2), moved(back, M_TAU), M_TAU, 0.0, -1.0),
        row(13, 1, (3, 3), moved(direction, M_TAU), M_TAU),
    ]
    return f"<event>\n {len(rows)} 1 {weight:.6e} 10.58 0.0078 0.118\n" + "\n".join(rows) + "\n# a comment\n</event>\n"


def write_lhe(path: Path, events: list[str], beams: str = CENTRE_OF_MASS) -> Path:
    text = HEAD.format(beams=beams) + "".join(events) + END
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def hepmc_event(number: int, length=pyhepmc.Units.MM, unit=pyhepmc.Units.GEV, codes=(211, 310)):
    """e- e+ -> (tau- -> first code at (1, 2, 3) mm, ct = 4) and the second code; the vertex of the tau has no place."""
    scale = 1000.0 if unit == pyhepmc.Units.MEV else 1.0
    size = 0.1 if length == pyhepmc.Units.CM else 1.0

    def particle(p, mass, pdg, status):
        energy = math.sqrt(sum(c * c for c in p) + mass * mass)
        made = pyhepmc.GenParticle(tuple(scale * c for c in (*p, energy)), pdg, status)
        made.generated_mass = scale * mass
        return made

    event = pyhepmc.GenEvent(unit, length)
    event.event_number = number
    event.weights = [1.5]
    half = SQRT_S / 2.0
    collision, decay, chain = (
        pyhepmc.GenVertex((0, 0, 0, 0)), pyhepmc.GenVertex(tuple(size * c for c in (1.0, 2.0, 3.0, 4.0))),
        pyhepmc.GenVertex(),
    )  # fmt: skip
    collision.add_particle_in(particle((0, 0, half), 0.000511, 11, 4))
    collision.add_particle_in(particle((0, 0, -half), 0.000511, -11, 4))
    p = math.sqrt(half**2 - M_TAU**2)
    tau = particle((p, 0, 0), M_TAU, 15, 2)
    middle = particle((p, 0, 0), M_TAU, 15, 2)
    collision.add_particle_out(tau)
    collision.add_particle_out(particle((-p, 0, 0), M_TAU, codes[1], 1))
    decay.add_particle_in(tau)
    decay.add_particle_out(middle)
    chain.add_particle_in(middle)
    chain.add_particle_out(particle((p, 0, 0), M_TAU, codes[0], 1))
    for vertex in (collision, decay, chain):
        event.add_vertex(vertex)
    return event


def write_hepmc(path: Path, n: int = 5, form: str | None = None, **units) -> Path:
    with pyhepmc.open(str(path), "w", format=form) as file:
        for number in range(n):
            file.write(hepmc_event(number, **units))
    return path
