"""What two players are paid: the papers' values, slopes by hand, and what is refused."""

import numpy as np
import pytest

from tinygen import adversarial as A
from tinygen.models.unrolled_gan import curvature

OBJECTIVES = [A.Minimax(), A.NonSaturating(), A.LeastSquares(), A.Hinge(), A.Wasserstein(0.01)]
every_objective = pytest.mark.parametrize("objective", OBJECTIVES, ids=lambda o: type(o).__name__)


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@pytest.fixture
def scores(rng):
    return rng.normal(size=(7, 1)), rng.normal(size=(5, 1))


def papers(real, fake):
    """Objective -> (what D minimises, what G minimises), as the papers write them."""
    D_real, D_fake = sigmoid(real), sigmoid(fake)
    minimax = -np.log(D_real).mean() - np.log(1 - D_fake).mean()
    hinge = np.clip(1 - real, 0, None).mean() + np.clip(1 + fake, 0, None).mean()
    squares = (((real - 1) ** 2).mean() + (fake**2).mean()) / 2
    critic = fake.mean() - real.mean() + 0.01 * (real**2).mean()
    return [
        (minimax, np.log(1 - D_fake).mean()),
        (minimax, -np.log(D_fake).mean()),
        (squares, ((fake - 1) ** 2).mean() / 2),
        (hinge, -fake.mean()),
        (critic, -fake.mean()),
    ]


@pytest.mark.parametrize("i", range(5))
def test_values_are_those_of_the_papers(scores, i):
    real, fake = scores
    found = OBJECTIVES[i].discriminator(real, fake)[0], OBJECTIVES[i].generator(fake)[0]
    assert found == pytest.approx(papers(real, fake)[i], rel=1e-12)


@every_objective
def test_real_and_fake_batches_may_differ_in_size(objective, scores):
    """A mean over each: doubling a batch by a copy of itself changes nothing but the slopes."""
    real, fake = scores
    value, backward = objective.discriminator(real, fake)
    twice, twice_backward = objective.discriminator(np.tile(real, (2, 1)), fake)
    assert twice == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(twice_backward.dx()[0][:7], backward.dx()[0] / 2, rtol=1e-12)
    np.testing.assert_array_equal(twice_backward.dx()[1], backward.dx()[1])


@pytest.mark.parametrize("f", [-9.0, -5.0, 0.0, 5.0])
def test_minimax_saturates_where_fakes_are_told_and_the_other_does_not(f):
    fake = np.full((4, 1), f)
    flat, steep = (o.generator(fake)[1].dx() * 4 for o in (A.Minimax(), A.NonSaturating()))
    np.testing.assert_allclose(flat, -sigmoid(f), rtol=1e-9)
    np.testing.assert_allclose(steep, -sigmoid(-f), rtol=1e-9)
    np.testing.assert_allclose(flat / steep, np.exp(f), rtol=1e-9)


@pytest.mark.parametrize("lost", [-12.0, -17.0, -20.0, -60.0, -120.0])
def test_single_precision_keeps_the_digits_of_a_slope_that_dies(lost):
    """Adam divides a small slope by its own size, so that an error of its last bits is a step."""
    fake, real = np.full((4, 1), lost, np.float32), np.full((4, 1), -lost, np.float32)
    one = np.exp(lost) / (1 + np.exp(lost))  # in double precision
    flat = A.Minimax().generator(fake)[1].dx()
    dreal, dfake = A.Minimax().discriminator(real, fake)[1].dx()
    won = A.NonSaturating().generator(real)[1].dx()
    bend = curvature(A.Minimax(), real, fake)
    tiny = float(np.finfo(np.float32).tiny)  # below it float32 has fewer digits
    slopes = [(-flat, one), (-dreal, one), (dfake, one), (-won, one)]
    for found, truth in [*slopes, *((b, one * (1 - one)) for b in bend)]:
        assert found.dtype == np.float32
        np.testing.assert_allclose(4 * found, truth, rtol=2e-6, atol=tiny)


@every_objective
def test_each_player_pulls_its_own_way(objective):
    """D raises real scores and lowers fake ones; G raises fake ones, where D has not won."""
    real, fake = np.full((3, 1), 0.3), np.full((3, 1), 0.2)
    dreal, dfake = objective.discriminator(real, fake)[1].dx()
    assert (dreal < 0).all() and (dfake > 0).all()
    assert (objective.generator(fake)[1].dx() < 0).all()


def test_the_hinge_stops_where_the_margin_is_reached():
    dreal, dfake = (
        A.Hinge().discriminator(np.array([[0.9], [1.1]]), np.array([[-0.9], [-1.1]]))[1].dx()
    )
    assert dreal.ravel().tolist() == [-0.5, 0] and dfake.ravel().tolist() == [0.5, 0]


@every_objective
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_scores_stay_finite_and_the_dtype_stays(objective, dtype):
    real, fake = np.array([[-3e4], [3e4]], dtype), np.array([[3e4], [-3e4]], dtype)
    for value, backward in (objective.discriminator(real, fake), objective.generator(fake)):
        slopes = backward.dx(2.0)
        slopes = slopes if isinstance(slopes, tuple) else (slopes,)
        assert value.dtype == dtype and np.isfinite(value)
        assert all(s.dtype == dtype and np.isfinite(s).all() for s in slopes)


@every_objective
def test_the_cotangent_scales_every_slope(objective, scores):
    real, fake = scores
    one, two = (objective.discriminator(real, fake)[1].dx(d) for d in (1.0, -2.5))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_allclose(b, -2.5 * a, rtol=1e-12)
    one, two = (objective.generator(fake)[1].dx(d) for d in (1.0, -2.5))
    np.testing.assert_allclose(two, -2.5 * one, rtol=1e-12)


def test_thresholds_are_where_real_and_fake_are_alike():
    assert [o.threshold for o in OBJECTIVES] == [0, 0, 0.5, 0, None]


# What is refused


@every_objective
@pytest.mark.parametrize(
    "bad, error, says",
    [
        (np.zeros(4), ValueError, r"expected x of shape \(N, 1\), got \(4,\)"),
        (np.zeros((4, 2)), ValueError, r"expected x of shape \(N, 1\), got \(4, 2\)"),
        (np.zeros((0, 1)), ValueError, "is empty"),
        (np.array([[np.nan]]), ValueError, "NaN or infinite"),
        (np.zeros((4, 1), int), TypeError, "expected floats, got int64"),
    ],
)
def test_what_are_no_scores_is_refused(objective, bad, error, says):
    good = np.zeros((4, 1))
    for play in (
        lambda: objective.discriminator(bad, good),
        lambda: objective.discriminator(good, bad),
        lambda: objective.generator(bad),
    ):
        with pytest.raises(error, match=rf"adversarial loss: scores: .*{says}"):
            play()


def test_scores_of_two_precisions_are_refused():
    with pytest.raises(TypeError, match="real scores are float64, fake ones float32: use"):
        A.Hinge().discriminator(np.zeros((2, 1)), np.zeros((2, 1), np.float32))


@pytest.mark.parametrize("drift", [-0.1, float("nan"), float("inf"), "0.1", None])
def test_a_drift_that_is_no_weight_is_refused(drift):
    with pytest.raises(ValueError, match=r"Wasserstein: drift must be .*>= 0, got"):
        A.Wasserstein(drift)


def test_an_objective_without_losses_says_which_is_missing():
    class Mine(A.Objective):
        pass

    with pytest.raises(NotImplementedError, match="Mine defines no discriminator"):
        Mine().discriminator(np.zeros((1, 1)), np.zeros((1, 1)))
    with pytest.raises(NotImplementedError, match="Mine defines no generator"):
        Mine().generator(np.zeros((1, 1)))
