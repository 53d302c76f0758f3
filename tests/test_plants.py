"""The checks reject every planted bug, where it is, and accept the layer without it."""

import pytest
from plants import PLANTS
from plants.distributions import VarianceForStd

from tinygen.check import check_gradients


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_planted_bug_is_rejected_in_the_rows_that_it_touches(plant):
    report = plant.check(plant.wrong)
    assert not report.passed, str(report)
    assert {row.name for row in report.rows if not row.passed} == set(plant.rows), str(report)


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_right_version_is_accepted(plant):
    report = plant.check(plant.right)
    assert report.passed, str(report)


def test_gradient_check_cannot_see_a_wrong_distribution(rng):
    p = {"mean": rng.normal(size=(2, 3)), "log_var": rng.normal(size=(2, 3))}
    report = check_gradients(VarianceForStd(), p, rng.normal(size=(2, 3)), rng=rng)
    assert report.passed, str(report)
