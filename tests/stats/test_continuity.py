"""Is the limit of a count without replacement the exact one, and does the correction lead there?"""

import math

import numpy as np
import pytest
from scipy.stats import binom, hypergeom

from radhard.stats.continuity import continuity_correction, lowest_share

TAILS = (0.2, 0.025, 0.005, 1e-6)


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("population", [7, 40, 600])
def test_lowest_share_is_the_first_that_makes_so_many_events_likely_enough(population, tail):
    totals = np.arange(population + 1)
    for n in {1, 3, population // 3, population // 2, population - 1}:
        for events in {1, 2, n // 10, n // 2, n - 1, n} - {0}:
            if events > n:
                continue
            # Every number of events that the population may have, one after the other.
            likely = hypergeom.sf(events - 1, population, totals, n) > tail * (1 - 1e-9)
            expected = totals[likely][0] / population
            assert lowest_share(events, n, population, tail) == expected, (events, n)


@pytest.mark.parametrize("tail", TAILS)
def test_in_an_endless_population_the_limit_is_that_of_clopper_and_pearson(tail):
    for events, n in ((1, 1), (1, 50), (7, 50), (49, 50), (50, 50)):
        share = lowest_share(events, n, None, tail)
        assert binom.sf(events - 1, n, share) == pytest.approx(tail, rel=1e-9)
    assert lowest_share(0, 50, None, tail) == 0.0


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.25])
def test_wilsons_limit_of_the_corrected_count_is_the_exact_limit(fraction):
    n, z = 400, 1.959964
    population = round(n / fraction) if fraction else None
    size = n if population is None else n * (population - 1) / (population - n)
    for events in (2, 9, 60, 200):
        observed = (events - continuity_correction(events, n, fraction, z)) / n
        middle, half = (
            observed + z**2 / (2 * size),
            z * math.sqrt(observed * (1 - observed) / size + z**2 / (4 * size**2)),
        )
        wilson = (middle - half) / (1 + z**2 / size)
        # Of a small part of a population the limit is that of an endless one.
        exact = lowest_share(events, n, population if fraction > 0.02 else None, 0.025)
        assert wilson == pytest.approx(exact, rel=1e-6)


def test_between_two_counts_the_correction_is_interpolated_and_a_count_is_not():
    n, z = 100, 1.959964
    third, fourth = (continuity_correction(k, n, 0.0, z) for k in (3, 4))
    assert continuity_correction(3.25, n, 0.0, z) == pytest.approx(0.75 * third + 0.25 * fourth)
    assert continuity_correction(4 - 1e-12, n, 0.0, z) == fourth
    assert continuity_correction(0, n, 0.0, z) == 0.0
    assert continuity_correction(5, n, 1.0, z) == 0.0
