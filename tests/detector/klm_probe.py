"""The muon detector's kernels for a single track, as the stage calls them one after the other."""

from toymc.detector.muons.kernels import _klm_expected, _klm_last
from toymc.kernels import kernel


@kernel
def expected_layer(p, tan_lambda, numbers, reach):
    """Region and last layer of a muon."""
    return _klm_expected(p, tan_lambda, numbers, reach.reshape(-1), reach.shape[1])


@kernel
def klm(rng, species, charge, p, tan_lambda, numbers, reach, cumulative):
    """Region, expected layer, last layer hit."""
    region, expected = _klm_expected(p, tan_lambda, numbers, reach.reshape(-1), reach.shape[1])
    return region, expected, _klm_last(
        rng.random(), species, charge, region, expected, numbers, cumulative.reshape(-1)
    )
