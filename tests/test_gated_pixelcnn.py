"""Gated PixelCNN: no blind spot, its conditions, how it draws; sums and gradients are cases."""

import numpy as np
import pytest
from pixel_models import gated_at as point

from tinygen import layers as L
from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.cases.gated_pixelcnn import GREY, MODELS, small, told
from tinygen.check import check_causal, receptive_field
from tinygen.check.receptive_field import REGIONS, regions
from tinygen.layers import gated_block
from tinygen.likelihoods import Bernoulli, Categorical
from tinygen.models import GatedPixelCNN, PixelCNN, picture_prompt
from tinygen.optim import adam

every_model = pytest.mark.parametrize("name", MODELS)
BLIND, LEAK = REGIONS.index("blind spot"), REGIONS.index("leak")


# What it sees


def fields_at(model, place, size):
    rng = np.random.default_rng(0)
    p, x = jittered(rng, model.init(rng, np.float64)), rng.random((2, size, size, 1))
    return receptive_field(model.conditionals, p, x, place)


def test_pixelcnn_has_a_blind_spot_and_gated_pixelcnn_has_none():
    """Figure 1 of the paper, on 11 x 11: a cone to the right above is missed by PixelCNN."""
    size, place = 11, (8, 5)
    grey = Bernoulli(grey=True)
    plain = PixelCNN((size, size, 1), features=8, blocks=3, head=4, kernel=3, likelihood=grey)
    gated = GatedPixelCNN(
        (size, size, 1), features=2, layers=4, head=4, first=3, likelihood=grey
    )  # of the same reach: 4 columns to either side
    sees = fields_at(plain, place, size)
    found = regions(sees, place)
    for row, column in np.ndindex(size, size):
        up, right = place[0] - row, column - place[1]
        if 0 < up <= 4 and abs(right) <= 4:
            assert (found[row, column] == BLIND) == (right > up), (row, column)
    assert (found == BLIND).sum() == 3 + 2 + 1
    sees = fields_at(gated, place, size)
    assert not (regions(sees, place) == BLIND).any()
    past = np.arange(size * size).reshape(size, size) < place[0] * size + place[1]
    rows, columns = np.indices((size, size))
    within = (np.abs(columns - place[1]) <= 4) & (place[0] - rows <= 5)
    assert np.array_equal(sees, past & within)  # all that was before within reach, and no more


def leaks_of(model, p, x):
    """What check_causal says of a model that was tampered with."""
    return {row.name: row.verdict for row in check_causal(model.conditionals, p, x).rows}


def test_a_vertical_stack_that_is_not_shifted_is_caught(monkeypatch):
    model, p, x, _ = point("grey pixels", n=1)
    assert check_causal(model.conditionals, p, x).passed
    monkeypatch.setattr(gated_block, "shift_down", lambda a: a)
    monkeypatch.setattr(gated_block, "shift_up", lambda dy: dy)
    verdicts = leaks_of(model, p, x)
    assert "sees input" in verdicts["gradient"] and "sees input" in verdicts["values"]


def test_mask_b_in_the_first_horizontal_layer_is_caught():
    model, p, x, _ = point("grey pixels", n=1)
    first = model.blocks["block0"]
    vars(first)["horizontal"] = L.MaskedConv2d(1, 2 * model.features, (1, 3), "B")
    try:
        verdicts = leaks_of(model, p, x)
    finally:
        del vars(first)["horizontal"]
    assert "sees input" in verdicts["gradient"] and "sees input" in verdicts["values"]


def test_gates_whose_halves_mix_the_colours_are_caught():
    """Halves of all features, in place of halves of each third: red's gate reads green's."""
    model, p, x, _ = point("grey colours", n=1)
    assert check_causal(model.conditionals, p, x, channels=3).passed
    for block in model.blocks.values():
        object.__setattr__(block, "gate", lambda a: gated_block.GatedBlock(1, 6, 3, "A").gate(a))
    try:
        assert not check_causal(model.conditionals, p, x, channels=3).passed
    finally:
        for block in model.blocks.values():
            object.__delattr__(block, "gate")


# How it is trained


@every_model
def test_every_parameter_moves_after_one_step(name):
    model, p, x, condition = point(name, n=8)
    before, optimiser = tree.map(np.copy, p), adam(1e-2)
    data = x if condition is None else (x, condition)
    _, backward = model.loss(p, data)
    optimiser.update(p, backward.dp(1.0), optimiser.init(p))
    for (leaf, a), (_, b) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert (a != b).any(), leaf
        if leaf.startswith("block") and "horizontal" not in leaf and "residual" not in leaf:
            assert (a != b).mean() > 0.6, leaf  # what no mask hides


@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize("mask", ["A", "B"])
def test_a_block_equals_pytorch(mask, dtype, tolerance):
    torch = pytest.importorskip("torch")
    conv = torch.nn.functional.conv2d
    rng, block = np.random.default_rng(0), L.GatedBlock(4, 4, 3, mask)
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, block.init(rng)))
    v, h = (rng.normal(size=(2, 5, 6, 4)).astype(dtype) for _ in range(2))
    dv, dh = (rng.normal(size=(2, 5, 6, 4)).astype(dtype) for _ in range(2))

    def nchw(a):
        return torch.tensor(np.ascontiguousarray(np.moveaxis(a, -1, 1)), requires_grad=True)

    def kernel(W):
        return torch.tensor(np.ascontiguousarray(W.transpose(3, 2, 0, 1)))

    def halves(a):
        return torch.tanh(a[:, :4]) * torch.sigmoid(a[:, 4:])

    V, H = nchw(v), nchw(h)
    over = torch.nn.functional.pad(V, (1, 1, 1, 0))
    a = conv(over, kernel(p["vertical"]["W"]), torch.tensor(p["vertical"]["b"]))
    down = torch.nn.functional.pad(a, (0, 0, 1, 0))[:, :, :-1]
    taps = p["horizontal"]["W"][:, : 2 if mask == "B" else 1]
    left = torch.nn.functional.pad(H, (1, 0))[..., : None if mask == "B" else -1]
    b = conv(left, kernel(taps), torch.tensor(p["horizontal"]["b"]))
    b = b + conv(down, kernel(p["link"][None, None]))
    out = conv(halves(b), kernel(p["residual"]["W"]), torch.tensor(p["residual"]["b"]))
    out = out + H if mask == "B" else out
    torch.autograd.backward([halves(a), out], [nchw(dv).detach(), nchw(dh).detach()])
    (v_out, h_out), backward = block.forward(p, (v, h))
    _, grads = backward((dv, dh))
    for ours, theirs in zip((v_out, h_out, *grads), (halves(a), out, V.grad, H.grad), strict=True):
        theirs = np.moveaxis(theirs.detach().numpy(), 1, -1)
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


# What it is told


def test_a_label_and_a_picture_change_what_is_likely():
    for name in ("classes", "a picture"):
        model, p, x, condition = point(name)
        other = (condition + 1) % 3 if model.classes else condition + 1
        here, there = (model.log_prob(p, (x, c))[0] for c in (condition, other))
        assert (here != there).all(), name


def test_a_label_moves_the_gates_of_both_stacks():
    """With V of one stack at zero the label still matters through the other."""
    model, p, x, condition = point("classes")
    for stack, other in (("vertical", "horizontal"), ("horizontal", "vertical")):
        q = tree.map(np.copy, p)
        for name in model.blocks:
            q[name]["V"][stack][...] = 0
        here, there = (model.log_prob(q, (x, c))[0] for c in (condition, (condition + 1) % 3))
        assert (here != there).all(), other


def test_labels_have_no_gradient_and_pictures_have_one():
    model, p, x, condition = point("a picture")
    dx, dcondition = model.loss(p, (x, condition))[1].dx(1.0)
    assert dx.shape == x.shape and dcondition.shape == condition.shape
    model, p, x, condition = point("classes")
    dx, dcondition = model.loss(p, (x, condition))[1].dx(1.0)
    assert dx.shape == x.shape and dcondition == ()


# How it draws


@every_model
def test_cached_and_naive_draws_are_the_same_pixels(name):
    model, p, _, condition = point(name)
    cached, naive = (
        model.sample(p, np.random.default_rng(7), 3, condition, cached=way) for way in (True, False)
    )
    assert np.array_equal(cached, naive)
    assert len(np.unique(cached)) > 1


def test_completions_keep_what_is_known():
    model, p, x, _ = point("binary pixels")
    rng = np.random.default_rng
    done, naive = (model.complete(p, rng(3), x, 9, cached=way) for way in (True, False))
    assert np.array_equal(done, naive)
    flat, known = done.reshape(3, -1), x.reshape(3, -1)
    assert np.array_equal(flat[:, :9], known[:, :9]) and (flat != known).any()


def test_passes_over_all_pixels_at_once_end_in_the_draw_in_order():
    """x_i = [u_i < p(x_i = 1 | x_<i)] for all i: a fixed point, found in at most D passes."""
    model, p, x, _ = point("binary pixels")
    expected = model.sample(p, np.random.default_rng(4), 3)
    u = np.random.default_rng(4).random((model.size, 3)).T.reshape(x.shape)
    x = np.zeros_like(x)
    for k in range(model.size):
        flat, wanted = x.reshape(3, -1), expected.reshape(3, -1)
        assert np.array_equal(flat[:, :k], wanted[:, :k])  # k passes settle k pixels at least
        x = (u < model.likelihood.mean(model.conditionals(p, x)[0])).astype(x.dtype)
    assert np.array_equal(x, expected)


# What it refuses


@pytest.mark.parametrize(
    "build, error",
    [
        (lambda: GatedPixelCNN((4, 4, 1), kernel=4), r"kernel must be odd, got 4"),
        (lambda: GatedPixelCNN((4, 4, 1), first=6), r"kernel must be odd, got 6"),
        (lambda: GatedPixelCNN((4, 4, 1), layers=0), r"layers must be a whole number >= 1"),
        (lambda: GatedPixelCNN((4, 4, 3), features=16), r"3 channels must divide features = 16"),
        (lambda: GatedPixelCNN((4, 4, 3), features=3), r"and head = 32"),
        (lambda: GatedPixelCNN((7,)), r"shape must be \(H, W, C\), got \(7,\)"),
        (
            lambda: GatedPixelCNN((4, 4, 1), classes=2, prompt=L.Embedding(2, 16)),
            r"two ways to be told something: give one",
        ),
        (lambda: L.VerticalConv2d(3, 4, 2), r"VerticalConv2d: the kernel must be odd, got 2"),
        (lambda: L.GatedBlock(3, 4, 3, "B"), r"c_in = 3 must be features = 4"),
        (lambda: L.GatedBlock(3, 4, 3, "C"), r"mask must be 'A' or 'B', got 'C'"),
    ],
)
def test_sizes_that_cannot_be_are_refused(build, error):
    with pytest.raises(ValueError, match=error):
        build()


@pytest.mark.parametrize(
    "labels, kind, error",
    [
        (np.array([0, 1, 3]), ValueError, r"labels lie in 0..3, expected 0..2: .*classes=4"),
        (
            np.array([0, -1, 2]),
            ValueError,
            r"labels lie in -1..2, expected 0..2: number the classes",
        ),
        (np.array([0, 1]), ValueError, r"labels of shape \(3,\), one an example, got \(2,\)"),
        (np.array([0.0, 1.0, 2.0]), TypeError, r"array of whole numbers, got float64"),
        ([0, 1, 2], TypeError, r"array of whole numbers, got list"),
    ],
)
def test_labels_that_are_none_are_refused(labels, kind, error):
    model, p, x, _ = point("classes")
    for call in (model.loss, lambda p, x: model.sample(p, np.random.default_rng(0), 3, x[1])):
        with pytest.raises(kind, match=error):
            call(p, (x, labels))


def test_conditions_that_do_not_fit_are_refused():
    plain, p, x, _ = point("binary pixels")
    with pytest.raises(ValueError, match=r"built without a condition, and got one: build it"):
        plain.loss(p, (x, np.zeros(3, int)))
    model, p, x, condition = point("a picture")
    with pytest.raises(ValueError, match=r"told its prompt's condition beside x, and got none"):
        model.loss(p, x)
    with pytest.raises(ValueError, match=r"message of shape \(2, 4, 5, 2\) for 3 examples"):
        model.loss(p, (x, condition[:2]))
    wide = small(GREY, Bernoulli(), prompt=picture_prompt(GREY, (2, 5, 2), 3, 2, 1))
    with pytest.raises(ValueError, match=r"message of shape \(3, 4, 5, 3\) .*model's sizes"):
        wide.loss(wide.init(np.random.default_rng(0), np.float64), (1.0 * (x > 0.5), condition))


def test_a_block_says_what_message_it_takes():
    rng = np.random.default_rng(0)
    v = np.zeros((2, 3, 3, 1))
    deaf, told_block = L.GatedBlock(1, 2, 3, "A"), L.GatedBlock(1, 2, 3, "A", message=4)
    p, q = deaf.init(rng, np.float64), told_block.init(rng, np.float64)
    with pytest.raises(ValueError, match=r"takes no message, got 1: give x as \(v, h\)"):
        deaf.forward(p, (v, v, np.zeros((2, 4))))
    with pytest.raises(ValueError, match=r"a message of 4 features, got 0: give x as \(v, h, m\)"):
        told_block.forward(q, (v, v))
    with pytest.raises(ValueError, match=r"shape \(2, 4\) or \(2, 3, 3, 4\), got \(3, 4\)"):
        told_block.forward(q, (v, v, np.zeros((3, 4))))


def test_a_diverged_model_says_in_which_block():
    model, p, x, _ = point("binary pixels")
    p["block1"]["vertical"]["b"][...] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinite") as raised:
        model.loss(p, x)
    assert "block1" in " ".join(raised.value.__notes__)


def test_parameters_of_another_model_are_refused():
    model, p, x, _ = point("binary pixels")
    with pytest.raises(ValueError, match=r"GatedPixelCNN: expected the parameters \['block0'"):
        model.loss({**p, "prompt": {}}, x)
    assert isinstance(MODELS["a softmax"].likelihood, Categorical)
    assert told(model, None) == model.conditionals
