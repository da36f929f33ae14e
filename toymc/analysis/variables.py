"""The variables of the analysis: name, meaning, unit and where the name comes from.

Names are basf2's where basf2 has the quantity ("basf2"), the Belle II tau group's public 3x1 code where that has it
("tau 3x1"), and toymc's own otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Variable:
    """A column of an analysis table."""

    name: str
    meaning: str
    unit: str
    source: str


_TABLE = (
    # event
    ("event", "row of the event in its batch", "", "toymc"),
    ("weight", "weight of the generator", "", "toymc"),
    ("triggerWeight", "probability that the event is triggered", "", "toymc"),
    ("nTracks", "fitted tracks", "", "basf2 EventVariables"),
    ("nGoodTracks", "tracks that pass the track cuts of the particle lists", "", "tau 3x1"),
    ("nNeutralECLClusters", "neutral calorimeter clusters, photon hypothesis", "", "basf2 EventVariables"),
    # event shape
    ("thrust", "thrust of tracks (pion mass) and photons, CMS", "", "basf2 EventShapeVariables"),
    ("thrustAxisCosTheta", "cosine of the angle of thrust axis and electron beam, CMS; its sign is arbitrary", "",
     "basf2 EventShapeVariables"),
    ("foxWolframR1", "Fox-Wolfram H1/H0, CMS", "", "basf2 EventShapeVariables"),
    ("foxWolframR2", "Fox-Wolfram H2/H0, CMS", "", "basf2 EventShapeVariables"),
    ("foxWolframR3", "Fox-Wolfram H3/H0, CMS", "", "basf2 EventShapeVariables"),
    ("foxWolframR4", "Fox-Wolfram H4/H0, CMS", "", "basf2 EventShapeVariables"),
    # event kinematics
    ("visibleEnergyOfEventCMS", "energy of tracks (pion mass) and photons, CMS", "GeV", "basf2 EventVariables"),
    ("missingEnergyOfEventCMS", "sqrt(s) minus visible energy, CMS", "GeV", "basf2 EventVariables"),
    ("missingMomentumOfEventCMS", "size of the missing momentum, CMS", "GeV", "basf2 EventVariables"),
    ("missingMomentumOfEventCMS_theta", "its angle to the electron beam, CMS", "rad", "basf2 EventVariables"),
    ("missingMomentumOfEvent", "size of the missing momentum, laboratory", "GeV", "basf2 EventVariables"),
    ("missingMomentumOfEvent_theta", "its polar angle, laboratory", "rad", "basf2 EventVariables"),
    ("missingMass2OfEvent", "missing energy squared minus missing momentum squared", "GeV^2", "basf2 EventVariables"),
    ("totalPhotonsEnergyOfEvent", "sum of photon energies, laboratory", "GeV", "basf2 EventVariables"),
    # 3x1 topology
    ("tag3hEnergyCMS", "energy of the three-prong system (pion masses), CMS", "GeV", "toymc; E_3h of 2212.03634"),
    ("tag3hPCMS", "momentum of the three-prong system, CMS", "GeV", "toymc"),
    ("tag3hM", "invariant mass of the three-prong system (pion masses)", "GeV", "toymc; M_3h of 2212.03634"),
    ("tag3hMmin", "pseudo-mass of the three-prong system", "GeV", "toymc; M_min of 2305.19116"),
    ("signalLeptonECMS", "energy of the one-prong track as the lepton of the channel, CMS", "GeV", "toymc"),
    ("signalLeptonECMS_e", "the same as an electron", "GeV", "toymc"),
    ("signalLeptonECMS_mu", "the same as a muon", "GeV", "toymc"),
    ("signalLeptonEnergyFraction", "2 E/m_tau of the one-prong track in the pseudo-rest frame, lepton of the channel",
     "", "toymc; x_l of 2212.03634"),
    ("signalLeptonEnergyFraction_e", "the same as an electron", "", "toymc; x_e"),
    ("signalLeptonEnergyFraction_mu", "the same as a muon", "", "toymc; x_mu"),
    ("nPi0s", "pi0 candidates", "", "tau 3x1"),
    ("nPi0s_1prong", "pi0 candidates in the one-prong hemisphere", "", "tau 3x1"),
    ("nPi0s_3prong", "pi0 candidates in the three-prong hemisphere", "", "tau 3x1"),
    ("nPhotons_1prong", "photons outside pi0 candidates, one-prong hemisphere", "", "tau 3x1"),
    ("nPhotons_3prong", "photons outside pi0 candidates, three-prong hemisphere", "", "tau 3x1"),
    ("photonE_1prong", "their energy, laboratory", "GeV", "tau 3x1"),
    ("photonE_3prong", "their energy, laboratory", "GeV", "tau 3x1"),
    ("photonECMS_1prong", "their energy, CMS", "GeV", "tau 3x1"),
    ("photonECMS_3prong", "their energy, CMS", "GeV", "tau 3x1"),
    # B candidates: kaon and displaced pair
    ("Mbc", "beam-constrained mass", "GeV", "basf2"),
    ("deltaE", "energy of the candidate minus half of sqrt(s), CMS", "GeV", "basf2"),
    ("M", "invariant mass of the pair at its vertex", "GeV", "basf2"),
    ("Mred", "reduced mass sqrt(M^2 - 4 m^2) of the pair", "GeV", "toymc; M_red of 2306.02830"),
    ("MPiPi", "mass of the pair as pions", "GeV", "toymc"),
    ("kstarM", "mass of the K*", "GeV", "toymc"),
    ("dv", "distance of the pair's vertex from the interaction point across the beam", "cm",
     "toymc; d_v of 2306.02830"),
    ("cosPointingXY", "cosine of the angle between flight and momentum of the pair across the beam", "",
     "toymc; cos(alpha) of 2306.02830"),
    ("pairChi2", "chi2 of the pair's vertex", "", "toymc"),
    ("pair_p", "momentum of the pair, laboratory", "GeV", "toymc"),
    ("pairMotherPDG", "PDG code of the common mother of the pair, 0 if there is none", "", "toymc"),
    ("isSignal", "1 where the pair's mother and the kaon come from one particle", "", "basf2"),
)  # fmt: skip

_TRACK = (
    ("row", "row of the track table", ""),
    ("p", "momentum, laboratory", "GeV"),
    ("pt", "transverse momentum, laboratory", "GeV"),
    ("theta", "polar angle, laboratory", "rad"),
    ("charge", "charge", "e"),
    ("pdg", "PDG code of the true particle, 0 if there is none", ""),
)
_PREFIXES = {
    "kaon": "kaon",
    "pion": "pion of the K*",
    "x1": "positive track of the pair",
    "x2": "negative track of the pair",
    "signal": "one-prong track",
    "tag1": "first track of the three-prong side",
    "tag2": "second track of the three-prong side",
    "tag3": "third track of the three-prong side",
}

VARIABLES: Mapping[str, Variable] = MappingProxyType(
    {row[0]: Variable(*row) for row in _TABLE}
    | {
        f"{prefix}_{name}": Variable(f"{prefix}_{name}", f"{meaning} of the {owner}", unit, "toymc")
        for prefix, owner in _PREFIXES.items()
        for name, meaning, unit in _TRACK
    }
    | {
        f"{prefix}_thetaExtrapolated": Variable(
            f"{prefix}_thetaExtrapolated",
            f"polar angle where the {_PREFIXES[prefix]} meets the calorimeter, seen from the interaction point",
            "rad",
            "toymc",
        )
        for prefix in ("x1", "x2")
    }
)
"""Every variable that cuts may name, by name."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "nNeutralECLClusters(1)": "nNeutralECLClusters",
        "foxWolframR(1)": "foxWolframR1",
        "foxWolframR(2)": "foxWolframR2",
        "foxWolframR(3)": "foxWolframR3",
        "foxWolframR(4)": "foxWolframR4",
        "Mmin": "tag3hMmin",
        "M_3prong": "tag3hM",
        "ECMS_3prong": "tag3hEnergyCMS",
    }
)
"""Other spellings in use: basf2's own with arguments, and those of the tau group's 3x1 code."""
