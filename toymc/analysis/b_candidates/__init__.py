"""B -> K(*) S candidates: a prompt kaon (or K* -> K pi) and a fitted, displaced pair of opposite tracks."""

from toymc.analysis.b_candidates.candidates import PairChannel, b_candidates
from toymc.analysis.b_candidates.reduced_mass import pair_mass, reduced_mass
from toymc.analysis.b_candidates.truth import true_proper_length

__all__ = ["PairChannel", "b_candidates", "pair_mass", "reduced_mass", "true_proper_length"]
