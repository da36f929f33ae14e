"""Template smoothing: what must be kept is kept, and the error shrinks as it should."""

import numpy as np
import pytest

from toymc.analysis.smoothing import silverman_width, smoothing_matrix
from toymc.errors import InputError
from toymc.streams import stream


def test_sum_is_kept_and_a_flat_template_stays_flat():
    matrix = smoothing_matrix(40, 3.0)
    values = stream(1, "smoothing", "test", 0).random(40)
    assert (matrix @ values).sum() == pytest.approx(values.sum())
    assert matrix @ np.ones(40) == pytest.approx(np.ones(40), rel=1e-9)


def test_width_of_a_gaussian_sample_is_silvermans():
    rng = stream(2, "smoothing", "test", 0)
    counts = np.histogram(rng.normal(50, 10, 20_000), bins=np.arange(101))[0].astype(float)
    # sigma 10 bins, n^(-1/5) = 0.138; the sample's own sigma and quartiles scatter by less than 3 % (4 sigma)
    assert silverman_width(counts, 20_000) == pytest.approx(0.9 * 10 * 20_000**-0.2, rel=0.03)


def test_smoothed_template_is_closer_to_the_truth():
    rng = stream(3, "smoothing", "test", 0)
    truth = np.exp(-0.5 * ((np.arange(100) - 50) / 15) ** 2)
    truth *= 200 / truth.sum()
    better = 0
    for _ in range(200):
        counts = rng.poisson(truth).astype(float)
        smooth = smoothing_matrix(100, silverman_width(counts, counts.sum())) @ counts
        better += np.sum((smooth - truth) ** 2) < np.sum((counts - truth) ** 2)
    assert better == 200


@pytest.mark.parametrize("call", [lambda: silverman_width(np.zeros(3), 1.0), lambda: smoothing_matrix(3, -1.0)])
def test_bad_input(call):
    with pytest.raises(InputError):
        call()
