"""PixelCNN: its order, its conditions, what it refuses; gradients and sums are in the cases."""

import numpy as np
import pytest
from pixel_models import pixelcnn_at as point

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.cases.pixelcnn import MODELS, small
from tinygen.check import check_causal
from tinygen.layers import Conv2d, Embedding, MaskedConv2d, Residual, Sequential
from tinygen.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from tinygen.models.pixelcnn import PixelCNN
from tinygen.models.pixelcnn_nets import picture_prompt
from tinygen.models.pixelcnn_stack import ResidualStack
from tinygen.optim import adam


def test_mask_b_in_the_first_layer_is_caught():
    model, p, x, _ = point("grey pixels", n=1)
    assert check_causal(model.conditionals, p, x).passed
    vars(model)["first"] = MaskedConv2d(1, model.features, model.kernel, "B")  # the cached layer
    try:
        report = check_causal(model.conditionals, p, x)
    finally:
        del vars(model)["first"]
    rows = {row.name: row.verdict for row in report.rows}
    assert "sees input" in rows["gradient"] and "sees input" in rows["values"]


def test_outputs_in_another_order_of_channels_are_caught():
    """A last layer whose thirds are mixed: blue's parameters stand where red's belong."""
    model, p, x, _ = point("binary colours", n=1)

    def turned(p, x):
        y, backward = model.conditionals(p, x)
        return y[..., ::-1], lambda dy: backward(dy[..., ::-1])

    assert check_causal(model.conditionals, p, x, channels=3).passed
    assert not check_causal(turned, p, x, channels=3).passed


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_moves_after_one_step(name):
    model, p, x, condition = point(name, n=8)
    before, optimiser = tree.map(np.copy, p), adam(1e-2)
    data = x if condition is None else (x, condition)
    _, backward = model.loss(p, data)
    optimiser.update(p, backward.dp(1.0), optimiser.init(p))
    hidden = {"first.W"}  # mask A hides half of it, and more
    for (leaf, a), (_, b) in zip(tree.leaves(before), tree.leaves(p), strict=True):
        assert (a != b).any(), leaf
        assert leaf in hidden or "past" in leaf or a.size < 3 or (a != b).mean() > 0.3, leaf


def test_the_condition_changes_what_is_likely():
    for name in ("classes", "a picture"):
        model, p, x, condition = point(name)
        rolled = np.roll(condition, 1, axis=0) + 0
        here, there = (model.log_prob(p, (x, c))[0] for c in (condition, rolled))
        assert (here != there).any(), name


def test_labels_have_no_gradient_and_pictures_have_one():
    model, p, x, condition = point("a picture")
    _, backward = model.loss(p, (x, condition))
    dx, dcondition = backward.dx(1.0)
    assert dx.shape == x.shape and dcondition.shape == condition.shape
    model, p, x, condition = point("classes, a softmax")
    dx, dcondition = model.loss(p, (x, condition))[1].dx(1.0)
    assert dx == () and not list(tree.leaves(dcondition))


def test_the_net_is_the_published_one():
    """A mask A of 7x7, 15 blocks of 1x1, 3x3, 1x1 on half the features, a head of 32."""
    model = PixelCNN((28, 28, 1))
    assert (model.first.kernel, model.first.mask, model.first.c_out) == (7, "A", 16)
    stack = model.stack.layers["features"]
    blocks = [layer for layer in stack.layers.values() if isinstance(layer, Residual)]
    assert len(blocks) == 15
    convs = [
        (layer.c_in, layer.c_out, layer.kernel, layer.mask)
        for layer in blocks[0].layers["f"].layers.values()
        if isinstance(layer, MaskedConv2d)
    ]
    assert convs == [(16, 8, 1, "B"), (8, 8, 3, "B"), (8, 16, 1, "B")]
    assert (stack.layers["head"].c_out, stack.layers["out"].c_out) == (32, 1)


# The stack on the CPU


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype, tolerance", [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_the_stack_is_the_chain_of_its_layers(channels, dtype, tolerance):
    rng, stack = np.random.default_rng(0), ResidualStack(12, 3, 9, 6, channels)
    p = tree.map(lambda a: a.astype(dtype), jittered(rng, stack.init(rng)))
    x = rng.normal(size=(5, 4, 3, 12)).astype(dtype)  # two, two and one image
    dy = rng.normal(size=(5, 4, 3, 6)).astype(dtype)
    x.flags.writeable = dy.flags.writeable = False
    y, backward = stack.forward(p, x)
    chain, chain_backward = Sequential(**stack.layers).forward(p, x)
    here, there = {"y": y, "d": backward(dy)}, {"y": chain, "d": chain_backward(dy)}
    for (leaf, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert a.dtype == dtype, leaf
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=leaf)


def test_a_stack_without_blocks_is_its_head():
    rng, stack = np.random.default_rng(0), ResidualStack(4, 0, 3, 2)
    p, x = stack.init(rng, np.float64), rng.normal(size=(3, 2, 2, 4))
    expected = Sequential(**stack.layers).forward(p, x)[0]
    np.testing.assert_allclose(stack.forward(p, x)[0], expected, rtol=1e-12)


def test_a_diverged_stack_says_in_which_layer():
    model, p, x, _ = point("binary pixels")
    p["stack"]["features"]["block1"]["f"]["past"]["b"][...] = np.nan
    with pytest.raises(ValueError, match=r"NaN or infinite") as raised:
        model.loss(p, x)
    assert "block1" in " ".join(raised.value.__notes__)


# What it refuses


class Strange(Likelihood):
    """A likelihood without outputs in the net."""

    def nll(self, params, x):
        raise NotImplementedError


@pytest.mark.parametrize(
    "build, error",
    [
        (lambda: PixelCNN((4, 4, 1), kernel=4), r"kernel must be odd, got 4"),
        (
            lambda: PixelCNN((4, 4, 3), features=16),
            r"features must be a multiple of 6, got 16.*features=18",
        ),
        (
            lambda: PixelCNN((4, 4, 3), features=18, head=32),
            r"head must be a multiple of 3, got 32: .*head=33",
        ),
        (lambda: PixelCNN((4, 4, 1), features=5), r"features must be a multiple of 2, got 5: "),
        (lambda: PixelCNN((4, 4, 1), blocks=-1), r"blocks must be a whole number >= 0"),
        (lambda: PixelCNN((7,)), r"shape must be \(H, W, C\), got \(7,\)"),
        (lambda: PixelCNN((4, 4, 1), likelihood=Strange()), r"places that are Bernoulli, Gaussian"),
        (lambda: MaskedConv2d(1, 2, 3, "C"), r"mask must be 'A' or 'B', got 'C'"),
        (lambda: picture_prompt((8, 8, 1), (3, 4, 1)), r"\(3, 4\) pixels do not divide .*resize"),
    ],
)
def test_sizes_that_cannot_be_are_refused(build, error):
    with pytest.raises(ValueError, match=error):
        build()


def test_conditions_that_do_not_fit_are_refused():
    plain, p, x, _ = point("binary pixels")
    with pytest.raises(ValueError, match=r"no prompt for the condition: build it with prompt="):
        plain.loss(p, (x, np.zeros(3, int)))
    model, p, x, condition = point("classes")
    with pytest.raises(ValueError, match=r"a prompt, and no condition: give data as tuples"):
        model.loss(p, x)
    with pytest.raises(ValueError, match=r"features of shape \(2, 4\) for 3 examples"):
        model.loss(p, (x, condition[:2]))
    wide = small(model.shape, Bernoulli(grey=True), prompt=Embedding(3, 5))
    with pytest.raises(ValueError, match=r"features of shape \(3, 5\) .* a prompt for the model"):
        wide.loss(wide.init(np.random.default_rng(0), np.float64), (x, condition))
    assert isinstance(picture_prompt((4, 4, 1), (4, 4, 1)).layers["0"], Conv2d)


def test_parameters_of_another_model_are_refused():
    model, p, x, _ = point("binary pixels")
    with pytest.raises(ValueError, match=r"expected the parameters \['first', 'stack'\]"):
        model.loss({**p, "prompt": {}}, x)


def test_grey_levels_go_in_spread_over_minus_one_to_one():
    model, p, x, _ = point("a softmax")
    assert isinstance(model.likelihood, Categorical)
    np.testing.assert_allclose(model.as_floats(p, np.array([0, 3])), [-1, 1])
    assert small((2, 2, 1), Gaussian()).as_floats({}, x) is x
