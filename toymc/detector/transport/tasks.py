"""The table of particles that need a path: one row of the table per quantity, one place per particle.

A block of events is worked through in rounds. First the particles of the generator to which something may happen, then
what they made, then what that made: every round fills the table anew. Kernels in lanes (`glide`, `passage`) read and
write eight neighbours of a row; the rare rest (`act`) takes one particle at a time.
"""

# what the particle is and where: state (cm, ns, GeV), row of the species, code, event of the block, its mother's code
# for those that it makes (`record`), place of its fate
X, Y, Z, T, PX, PY, PZ, M, SPECIES, CODE, EVENT, SELF, TARGET = range(13)
# the uniform number of the fast decision with its two bounds (`quick`), -1 for none; three new uniform numbers
SPLIT, DECAY_BOUND, MATERIAL_BOUND, FIRST_NUMBER, SECOND_NUMBER, THIRD_NUMBER = range(13, 19)
# the path, names as in `path`; a neutral particle has CHARGED = 0
(
    CHARGED, RADIUS, CENTRE, PERIGEE2, START, TANGENT, STRETCH, ALONG, MISS2, OMEGA, RHO, PER_CIRCLE,
) = range(19, 31)  # fmt: skip
# arc of the decay or of the end of the watch, whether it decays there, hazard that is left to use up, interactions per
# depth, bin and weight of a photon's energy, kinetic energy if it has to be followed (else -1), fate if nothing happens
LAST, DECAYS, LEFT, STRENGTH, BIN, WEIGHT, KINETIC, ARRIVES = range(31, 39)
# what there is to do; the walk: stretch of the path, arc where it begins, how it ended, where, in which piece
TO_DO, STRETCH_NUMBER, BEGIN, OUTCOME, ARC, PIECE = range(39, 45)
N_COLUMNS = 45

# what there is to do: nothing (the fate is in ARRIVES), decay on the spot, decay at LAST, walk through the material
NOTHING_TO_DO, AT_ONCE, DECAY, WALK = 0.0, 1.0, 2.0, 3.0
