"""Training on tuples of arrays, and in an order that hangs on the weights."""

import signal

import numpy as np
import pytest

from tinygen import checkpoint, examples
from tinygen.layers.base import NonFinite
from tinygen.models.classifier import dense_classifier
from tinygen.optim import adam
from tinygen.runs import Run
from tinygen.training import Interrupted, Turn, evaluate, train

MODEL = dense_classifier(4, 5, 3)
TURN = Turn("classifier", MODEL.loss, MODEL.draw_noise, adam(1e-2))


def labelled(n=30):
    """Points whose class is the greatest of their first three numbers."""
    x = np.random.default_rng(3).normal(size=(n, 4)).astype(np.float32)
    return x, x[:, :3].argmax(axis=1)


def hard_ones(rng, p):
    """Twelve examples, drawn by how badly they are explained: hangs on the weights."""
    x, y = labelled()
    logits = MODEL.logits(p, x)
    p_y = np.exp(logits - logits.max(axis=1, keepdims=True))
    doubt = 1.01 - (p_y / p_y.sum(axis=1, keepdims=True))[np.arange(len(y)), y]
    return rng.choice(len(y), 12, p=doubt.astype(float) / doubt.astype(float).sum())


def bits(a):
    return np.asarray(a).tobytes()


def go(run=None, **kw):
    rng = np.random.default_rng(0)
    kw = {"epochs": 4, "batch": 5, "order": hard_ones} | kw
    x = kw.pop("x", labelled())
    return train(TURN, MODEL.init(rng), x, rng=rng, progress=False, run=run, **kw)


def test_rows_of_a_tuple_stay_together():
    x, y = examples.rows(labelled(), np.array([4, 4, 1]))
    assert np.array_equal(y, x[:, :3].argmax(axis=1)) and np.array_equal(x[0], x[1])
    joined = examples.join([examples.rows(labelled(), slice(0, 9)), (x, y)])
    assert examples.count(joined) == 12 and np.array_equal(joined[1][9:], y)


def test_labels_train_and_validate_beside_their_data():
    done = go(order=None, epochs=150, validation=labelled(9))
    assert done.log[-1]["train"]["error"] < 0.2 < done.log[0]["train"]["error"]
    assert evaluate(TURN, done.best, labelled(9), np.random.default_rng(0))["error"] < 0.3


def test_only_the_examples_of_the_order_are_seen():
    """A label that no class has is refused where it is seen, and only there."""
    x, y = labelled()
    y = np.where(np.arange(len(y)) == 7, 9, y)
    go(x=(x, y), order=lambda rng, p: np.delete(np.arange(30), 7))
    with pytest.raises(ValueError, match="9"):
        go(x=(x, y), order=lambda rng, p: np.array([7]))


def test_an_epoch_is_as_long_as_its_order():
    assert go().log[-1]["step"] == 4 * 3  # 12 examples, in batches of 5
    assert go(order=lambda rng, p: np.arange(5)).log[-1]["step"] == 4


def test_the_order_is_drawn_anew_each_epoch_from_the_weights_then():
    seen = []

    def watched(rng, p):
        seen.append((rng.random(), p["logits"]["W"].copy()))
        return np.arange(30)

    go(order=watched)
    assert len({r for r, _ in seen}) == len(seen) == 4
    assert not np.array_equal(seen[0][1], seen[1][1])


@pytest.mark.parametrize("step", [1, 2, 3, 4, 7])
def test_a_run_with_an_order_goes_on_to_the_same_bits(tmp_path, step):
    """Stopped in the middle of an epoch, whose order hangs on weights that are gone since."""
    go(Run.create(tmp_path / "whole", {"seed": 0}))
    run = Run.create(tmp_path / "parts", {"seed": 0})
    go(run, epochs=None, steps=step)
    go(Run.open(run.path))
    whole, parts = (
        checkpoint.load(tmp_path / name / "checkpoint.safetensors")[0]
        for name in ("whole", "parts")
    )
    assert {k: bits(a) for k, a in whole.items()} == {k: bits(a) for k, a in parts.items()}


def test_an_order_is_a_part_of_what_a_run_is(tmp_path):
    run = Run.create(tmp_path / "run", {"seed": 0})
    go(run, epochs=1)
    with pytest.raises(checkpoint.CheckpointError, match="another order"):
        go(Run.open(run.path), order=None)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (np.arange(3.0), "whole numbers"),
        (np.zeros((2, 2), int), "whole numbers"),
        (np.zeros(0, int), "whole numbers"),
        (np.array([0, 30]), "0 to 30, of 30"),
        (np.array([-1, 2]), "-1 to 2, of 30"),
    ],
)
def test_an_order_that_is_none_is_refused(order, words):
    with pytest.raises(ValueError, match=words):
        go(order=lambda rng, p: order)


def test_bad_examples_are_refused():
    x, y = labelled()
    with pytest.raises(ValueError, match=r"as many examples each, got \[30, 29\]"):
        go(x=(x, y[:-1]))
    with pytest.raises(NonFinite, match=r"x\[0\]: .*NaN"):
        go(x=(np.where(x > 2, np.nan, x).astype(np.float32), y))
    with pytest.raises(TypeError, match=r"x\[1\]"):
        go(x=(x, list(y)))


def test_a_classifier_refuses_what_is_no_pair():
    x, y = labelled()
    p = MODEL.init(np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"expected \(x, y\)"):
        MODEL.loss(p, x)
    with pytest.raises(TypeError, match="whole numbers"):
        MODEL.loss(p, (x, y.astype(np.float32)))
    with pytest.raises(ValueError, match="3"):
        MODEL.loss(p, (x, y + 1))
    assert MODEL.accuracy(p, x, MODEL.predict(p, x)) == 1


def test_a_run_stopped_in_the_middle_of_an_epoch_keeps_its_order(tmp_path):
    def stop(rng, batch):
        signal.raise_signal(signal.SIGINT)  # as Ctrl-C would; the step is done first
        return batch

    run = Run.create(tmp_path / "run", {"seed": 0})
    with pytest.raises(Interrupted):
        go(run, transform=stop)
    assert "order" in checkpoint.load(run.checkpoint)[0]


def test_to_resume_what_is_done_changes_no_bit(tmp_path):
    run = Run.create(tmp_path / "run", {"seed": 0})
    go(run)
    done = checkpoint.load(run.checkpoint)[0]
    go(Run.open(run.path))
    again = checkpoint.load(run.checkpoint)[0]
    assert {k: bits(a) for k, a in done.items()} == {k: bits(a) for k, a in again.items()}
