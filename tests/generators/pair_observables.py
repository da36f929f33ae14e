"""Observables of tau pairs that Pythia's and toymc's events are filled into alike (numpy, one definition for both)."""

import numpy as np

# Decay classes of a tau: charged daughter and number of daughters.
CLASSES = {"e": (11, 3), "mu": (13, 3), "pi": (211, 2), "rho": (211, 3)}
_X = np.linspace(0.0, 1.0, 9)
_PHI = np.linspace(0.0, 2 * np.pi, 13)
_COS = np.linspace(-1.0, 1.0, 9)

# name -> edges of each axis
OBSERVABLES = {
    "cos_theta_tau": (np.linspace(-1.0, 1.0, 21),),
    "x_pi_pi": (_X, _X),
    "x_rho_rho": (_X, _X),
    "x_pi_rho": (_X, _X),
    "x_lepton_pi": (_X, _X),
    "x_lepton_rho": (_X, _X),
    "x_lepton_lepton": (_X, _X),
    "phi_difference_pi_pi": (_PHI,),
    "phi_sum_pi_pi": (_PHI,),
    "transverse_longitudinal_pi_pi": (_COS,),
    "acoplanarity_pi_pi": (np.linspace(0.0, np.pi, 17),),
    "acoplanarity_rho_rho": (np.linspace(0.0, np.pi, 17),),
    "acoplanarity_lepton_rho": (np.linspace(0.0, np.pi, 17),),
    "acollinearity_all": (np.linspace(0.0, 1.6, 17),),
}


def new_histograms():
    """Empty counts for every observable."""
    return {name: np.zeros([len(e) - 1 for e in edges], dtype=np.int64) for name, edges in OBSERVABLES.items()}


def _boost(p, tau):
    """Four-momenta p (n, 4) [px,py,pz,E] seen from the rest frame of tau (n, 4)."""
    mass = np.sqrt(tau[:, 3] ** 2 - np.sum(tau[:, :3] ** 2, axis=1))
    energy = (p[:, 3] * tau[:, 3] - np.sum(p[:, :3] * tau[:, :3], axis=1)) / mass
    factor = (p[:, 3] + energy) / (tau[:, 3] + mass)
    return p[:, :3] - factor[:, None] * tau[:, :3]


def _unit(v):
    return v / np.linalg.norm(v, axis=1)[:, None]


def fill_arrays(histograms, tau, charged_pdg, n_daughters, charged, visible):
    """Fill from arrays: tau, charged, visible (n, 2, 4) in the e+e- rest frame, e- along +z; index 0 is the tau-."""
    axis = _unit(tau[:, 0, :3])
    label = np.full(charged_pdg.shape, "-----")
    for name, (pdg, n) in CLASSES.items():
        label[(charged_pdg == pdg) & (n_daughters == n)] = name
    lepton = np.isin(label, ("e", "mu"))
    kind = np.where(lepton, "lepton", label)
    x = visible[:, :, 3] / tau[:, :, 3]

    def add(name, *values):
        histograms[name] += np.histogramdd(np.stack(values, axis=1), bins=OBSERVABLES[name])[0].astype(np.int64)

    add("cos_theta_tau", axis[:, 2])
    phi = np.arctan2(visible[:, :, 1], visible[:, :, 0])
    acoplanarity = np.abs(np.pi - np.abs(phi[:, 0] - phi[:, 1]))
    for a, b in (
        ("pi", "pi"), ("rho", "rho"), ("pi", "rho"), ("lepton", "pi"), ("lepton", "rho"), ("lepton", "lepton")
    ):  # fmt: skip
        # the smaller label first, whatever the charges; equal labels as tau-, tau+
        for first, second in ((0, 1), (1, 0)):
            mask = (kind[:, first] == a) & (kind[:, second] == b)
            if a == b and first == 1:
                continue
            add(f"x_{a}_{b}", x[mask, first], x[mask, second])
            if f"acoplanarity_{a}_{b}" in OBSERVABLES:
                add(f"acoplanarity_{a}_{b}", acoplanarity[mask])
    cosine = np.sum(_unit(visible[:, 0, :3]) * _unit(visible[:, 1, :3]), axis=1)
    add("acollinearity_all", np.pi - np.arccos(np.clip(cosine, -1.0, 1.0)))
    mask = (kind == "pi").all(axis=1)
    _spin_angles(add, axis[mask], [_unit(_boost(charged[mask, i], tau[mask, i])) for i in (0, 1)])


def _spin_angles(add, axis, pions):
    """Azimuths about the tau- direction from the production plane, and the transverse-longitudinal product."""
    beam = np.array([0.0, 0.0, 1.0])
    cos_theta = axis[:, 2]
    t = _unit(beam - cos_theta[:, None] * axis)
    n = np.cross(axis, t)
    phi = [np.arctan2(np.sum(p * n, axis=1), np.sum(p * t, axis=1)) for p in pions]
    add("phi_difference_pi_pi", np.mod(phi[0] - phi[1], 2 * np.pi))
    add("phi_sum_pi_pi", np.mod(phi[0] + phi[1], 2 * np.pi))
    longitudinal = [np.sum(p * axis, axis=1) for p in pions]
    transverse = [np.sum(p * t, axis=1) for p in pions]
    product = longitudinal[0] * transverse[1] + longitudinal[1] * transverse[0]
    add("transverse_longitudinal_pi_pi", np.sign(cos_theta) * product)


def fill(histograms, rows):
    """Fill from a list of events, each ((tau, charged pdg, daughters, charged, visible) of tau-, same of tau+)."""
    if not rows:
        return
    column = [[[side[k] for side in event] for event in rows] for k in range(5)]
    tau, pdg, n, charged, visible = (np.array(c) for c in column)
    fill_arrays(histograms, tau, pdg, n, charged, visible)
