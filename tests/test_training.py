"""The loop lowers the loss, records its terms, repeats itself by the seed, and stops at NaN."""

import dataclasses

import numpy as np
import pytest

from tinygen import layers as L
from tinygen import tree
from tinygen.data import binarise
from tinygen.diagnosis import first_nonfinite
from tinygen.layers.base import NonFinite
from tinygen.likelihoods import Gaussian
from tinygen.models.vae import VAE, dense_vae
from tinygen.optim import adam, sgd
from tinygen.training import Diverged, Turn, evaluate, train

VAE_7 = dense_vae(7, 5, 2)


def turn_of(model, optimiser=None):
    return Turn("vae", model.loss, model.draw_noise, optimiser or adam(1e-2))


def grey_images(rng, n=30):
    return rng.random((n, 1)).repeat(7, axis=1).astype(np.float32)  # dark ones and bright ones


def run(seed=0, **kw):
    rng = np.random.default_rng(seed)
    kw = {"epochs": 3, "batch": 8, "transform": binarise, "progress": False} | kw
    return train(turn_of(VAE_7), VAE_7.init(rng), grey_images(rng), rng=rng, **kw)


def equal(a, b):
    return all(
        np.array_equal(x, y) for (_, x), (_, y) in zip(tree.leaves(a), tree.leaves(b), strict=True)
    )


def test_training_lowers_both_losses(rng):
    done = run(seed=1, epochs=100, validation=grey_images(rng))
    for part in ("train", "validation"):
        assert done.log[-1][part]["loss"] < done.log[0][part]["loss"] - 0.3


def test_each_epoch_is_recorded_with_its_terms(rng):
    done = run(validation=grey_images(rng))
    assert [record["epoch"] for record in done.log] == [1, 2, 3]
    for record in done.log:
        for part in ("train", "validation"):
            terms = record[part]
            assert terms.keys() == {"loss", "nll", "kl"}
            assert terms["loss"] == pytest.approx(terms["nll"] + terms["kl"], rel=1e-6)


def test_the_same_seed_gives_the_same_run(rng):
    x = grey_images(rng)
    first, second, other = run(validation=x), run(validation=x), run(seed=1, validation=x)
    assert first.log == second.log and equal(first.p, second.p)
    assert first.log != other.log and not equal(first.p, other.p)


def test_the_parameters_given_are_not_written(rng):
    p = VAE_7.init(rng)
    before = tree.map(lambda a: a.copy(), p)
    done = train(turn_of(VAE_7), p, np.ones((5, 7), np.float32), rng=rng, epochs=1, progress=False)
    assert equal(p, before) and not equal(p, done.p)


def test_an_epoch_shows_each_example_once_in_a_drawn_order(rng):
    model, seen = dense_vae(1, 5, 2, Gaussian(std=1.0)), []

    def draw_noise(rng, x):
        seen.append(x[:, 0].tolist())
        return model.draw_noise(rng, x)

    turn = Turn("vae", model.loss, draw_noise, adam(1e-2))
    x = np.arange(10, dtype=np.float32)[:, None]
    train(turn, model.init(rng), x, rng=rng, epochs=2, batch=4, progress=False)
    assert [len(rows) for rows in seen] == [4, 4, 2] * 2
    orders = [[i for rows in seen[:3] for i in rows], [i for rows in seen[3:] for i in rows]]
    assert all(sorted(order) == list(range(10)) for order in orders)
    assert orders[0] != orders[1] != sorted(orders[1])


def test_means_weigh_a_small_last_batch_by_its_size(rng):
    p, x = VAE_7.init(rng), binarise(rng, grey_images(rng, 9))
    whole = evaluate(zero_noise(VAE_7), p, x, rng, batch=9)
    parts = evaluate(zero_noise(VAE_7), p, x, rng, batch=4)
    assert parts == pytest.approx(whole, rel=1e-5)


def zero_noise(model):
    return Turn("vae", model.loss, lambda rng, x: np.zeros((len(x), 2), x.dtype), adam(1e-2))


def test_the_best_epoch_is_that_of_least_validation_loss(rng):
    done = run(epochs=12, validation=grey_images(rng, 5))
    losses = [record["validation"]["loss"] for record in done.log]
    assert done.best_epoch == 1 + int(np.argmin(losses))


def test_best_parameters_have_the_recorded_loss(rng):
    model, x = dense_vae(7, 5, 2), np.ones((5, 7), np.float32)
    turn, seen = zero_noise(model), []
    turn = dataclasses.replace(turn, optimiser=sgd(1.5))  # too long a step: the loss goes up again
    done = train(
        turn, model.init(rng), x, rng=rng, epochs=9, validation=x, transform=None, progress=False
    )
    seen = [record["validation"]["loss"] for record in done.log]
    assert evaluate(turn, done.best, x, rng)["loss"] == pytest.approx(min(seen), rel=1e-6)
    assert evaluate(turn, done.p, x, rng)["loss"] == pytest.approx(seen[-1], rel=1e-6)


def test_patience_stops_a_run_that_no_longer_improves(rng):
    model = dense_vae(7, 5, 2)
    frozen = Turn("vae", model.loss, model.draw_noise, sgd(1e-30))
    x = np.ones((5, 7), np.float32)
    done = train(
        frozen, model.init(rng), x, rng=rng, epochs=50, validation=x, patience=3, progress=False
    )
    assert len(done.log) == 4 and done.best_epoch == 1


def test_validation_sees_the_same_pixels_and_noise_at_each_epoch(rng):
    model = dense_vae(7, 5, 2)
    frozen = Turn("vae", model.loss, model.draw_noise, sgd(1e-30))
    x = grey_images(rng)
    done = train(
        frozen, model.init(rng), x, rng=rng, epochs=3, validation=x, transform=binarise,
        progress=False,
    )  # fmt: skip
    assert len({record["validation"]["loss"] for record in done.log}) == 1
    assert len({record["train"]["loss"] for record in done.log}) == 3  # these are drawn anew


def test_the_progress_bar_shows_the_terms(capsys):
    run(progress=True)
    shown = capsys.readouterr().err
    assert "12/12" in shown and "train loss" in shown and "kl" in shown


@dataclasses.dataclass(frozen=True)
class Explodes(L.Layer):
    """y = x until some x exceeds the limit; then infinity."""

    limit: float

    def forward(self, p, x):
        y = x / 0.0 if abs(x).max() > self.limit else x * 1.0
        return y, L.Relu().forward({}, x)[1]


def exploding(limit):
    encoder = L.Sequential(
        L.Dense(7, 5), late=Explodes(limit), q=L.Fork(mean=L.Dense(5, 2), log_var=L.Dense(5, 2))
    )
    return VAE(encoder, L.Dense(2, 7), 2, VAE_7.likelihood)


def test_a_loss_that_is_not_finite_stops_the_run_and_names_the_layer(rng):
    model = exploding(limit=0.8)
    p, x = model.init(rng), np.ones((6, 7), np.float32)
    p["encoder"]["0"]["W"][:] = 0.1
    turn = turn_of(model, adam(0.003))
    with pytest.raises(
        Diverged,
        match=r"epoch \d+: vae: .* not finite: the output of layer encoder\.late \(Explodes\)",
    ) as caught:
        train(turn, p, x, rng=rng, epochs=200, batch=3, progress=False)
    done = caught.value.trained
    assert len(done.log) >= 1  # some epochs went well, and their parameters are there
    value = evaluate(turn, done.p, x, rng)["loss"]
    assert np.isfinite(value)
    assert not equal(done.p, p)


def test_an_overflow_in_the_first_step_leaves_the_parameters_given(rng):
    p = VAE_7.init(rng)
    p["decoder"]["0"]["W"][:] = 3e38
    x = np.ones((6, 7), np.float32)
    with pytest.raises(Diverged, match=r"layer decoder\.0 \(Dense\)") as caught:
        train(turn_of(VAE_7), p, x, rng=rng, epochs=1, progress=False)
    assert equal(caught.value.trained.p, p)
    assert caught.value.trained.log == []


def test_the_diagnosis_names_parameters_data_noise_and_the_loss(rng):
    p, x = VAE_7.init(rng), np.ones((3, 7), np.float32)
    noise = VAE_7.draw_noise(rng, x)
    bad = tree.replace(p, "encoder.q.mean.b", np.float32([0, np.nan]))
    assert first_nonfinite(VAE_7.loss, bad, x, noise) == "parameter encoder.q.mean.b"
    assert first_nonfinite(VAE_7.loss, p, x * np.float32(np.nan), noise) == "the data"
    assert first_nonfinite(VAE_7.loss, p, x, noise) == "the loss itself"
    assert first_nonfinite(VAE_7.loss, p, x, noise * np.float32(np.inf)) == "the noise"


def test_a_loss_of_nan_without_a_layer_is_refused_before_a_step(rng):
    class Constant(VAE):
        def loss(self, p, x, noise):
            value, backward = super().loss(p, x, noise)
            return value * np.float32(np.nan), backward

    model = Constant(VAE_7.encoder, VAE_7.decoder, 2, VAE_7.likelihood)
    turn, p = turn_of(model), model.init(rng)
    before = tree.map(lambda a: a.copy(), p)
    with pytest.raises(NonFinite, match="first not finite: the loss itself"):
        turn.play(p, turn.optimiser.init(p), np.ones((3, 7), np.float32), rng)
    assert equal(p, before)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"epochs": 0}, ValueError, "epochs must be a whole number >= 1, got 0"),
        ({"batch": 2.5}, ValueError, "batch must be a whole number >= 1, got 2.5"),
        ({"patience": 3}, ValueError, "patience needs validation data"),
        ({"validation": np.ones((0, 7), np.float32)}, ValueError, "validation: .* is empty"),
        ({"validation": np.ones((2, 6), np.float32)}, ValueError, r"\(\.\.\., 7\), got \(2, 6\)"),
        ({"validation": np.full((2, 7), np.nan, np.float32)}, ValueError, "NaN or infinite"),
        ({"validation": [[1.0]]}, TypeError, "expected a NumPy or CuPy array, got list"),
    ],
)
def test_bad_arguments_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        run(**({"transform": None, "validation": None} | change) | {"transform": binarise})
