"""Measured decays that take the place of Pythia's: lines for Pythia from ``[decays]`` of ``data/b_meson.toml``.

Pythia's channels with the same daughters are switched off, new ones with the measured fractions added; what is left of
its table shares the rest. b -> c l nu does not change isospin, so that the widths of B0 -> D- l+ nu and B+ -> anti-D0
l+ nu are equal (the charges of a pion beside the D turn as well) and the fractions scale with the lifetimes. The modes
of the control samples have in generic B+ decays the fractions that their signals have.
"""

from collections.abc import Iterator

from toymc.generators.b_meson.inputs import B_PLUS, CTAU_B_PLUS_CM, CTAU_B_ZERO_CM, entry_rows, number

# Pythia's matrix elements: phase space, V-A
_PHASE_SPACE, _WEAK = 0, 22
_LEPTONS = {"light": ((12, -11), (14, -13)), "tau": ((16, -15),)}
# anti-D and pion of B0 -> anti-D (pi) l nu, and of the same decay of a B+
_PARTNER = {411: 421, 421: 411, 413: 423, 423: 413, 415: 425, 10411: 10421, 10413: 10423, 20413: 20423}
_CONTROL = {
    "bplus_to_k0_piplus": (311, 211),
    "bplus_to_jpsi_kplus": (443, 321),
    "bplus_to_d0bar_piplus": (-421, 211),
}


def isospin_partner(products: tuple[int, ...]) -> tuple[int, ...]:
    """Daughters of the B+ for those of a semileptonic B0 decay.

    Parameters
    ----------
    products : tuple of int
        PDG codes without the leptons.

    Examples
    --------
    >>> isospin_partner((-411,)), isospin_partner((-421, -211)), isospin_partner((-411, 211, -211))
    ((-421,), (-411, 211), (-421, -211, 211))
    """
    return tuple(-_PARTNER[-code] if -code in _PARTNER else -code if abs(code) == 211 else code for code in products)


def measured_decays(species: int) -> Iterator[tuple[tuple[int, ...], float, int]]:
    """Daughters, branching fraction and Pythia's matrix element of every decay in the table.

    Parameters
    ----------
    species : int
        521 or 511.

    Examples
    --------
    >>> next(measured_decays(511))
    ((12, -11, -413), 0.0511, 22)
    """
    charged = species == B_PLUS
    scale = CTAU_B_PLUS_CM / CTAU_B_ZERO_CM if charged else 1.0
    for kind, pairs in _LEPTONS.items():
        for products, fraction in entry_rows("decays", kind):
            hadrons = isospin_partner(products) if charged else products
            for pair in pairs:
                yield (*pair, *hadrons), scale * fraction, _WEAK if len(hadrons) == 1 else _PHASE_SPACE
    for products, fraction in entry_rows("decays", "hadronic_plus" if charged else "hadronic_zero"):
        yield products, fraction, _PHASE_SPACE
    if charged:
        for name, products in _CONTROL.items():
            yield products, number("branching", name), _PHASE_SPACE


def pythia_lines(species: int) -> tuple[str, ...]:
    """Lines that replace the decays of one species in Pythia's table.

    Pythia normalises the sum of its channels: what is added is scaled to what stays, so that it keeps its fraction.

    Examples
    --------
    >>> pythia_lines(521)[0], pythia_lines(521)[-1]
    ('521:offIfMatch = 12 -11 -423', '521:addChannel = 1 0.00441415 0 -421 211')
    """
    kept = number("decays", "kept_plus" if species == B_PLUS else "kept_zero")
    scale = kept / (1.0 - sum(share for _, share, _ in measured_decays(species)))
    rows = [
        (" ".join(map(str, products)), scale * share, matrix) for products, share, matrix in measured_decays(species)
    ]
    off = [f"{species}:offIfMatch = {products}" for products, _, _ in rows]
    return (*off, *(f"{species}:addChannel = 1 {share:.6g} {matrix} {products}" for products, share, matrix in rows))
