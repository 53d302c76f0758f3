"""A classifier: the plainest conditional model, p(y|x) = softmax(f(x))_y.

    L = -(1/N) sum_n log p(y_n|x_n)

It learns where classes part, and nothing about x itself; beside generative models it serves as a
measure, and with an encoder as its first layers as a use of what the encoder has learnt.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygen.arrays import Array, Params, namespace, to_host
from tinygen.layers import Dense, Layer, Sequential
from tinygen.layers.base import check_sizes
from tinygen.likelihoods import Categorical
from tinygen.models.labels import check_examples, check_labels
from tinygen.models.nets import RELU, Shape, dense_encoder, dense_features
from tinygen.pullback import Pullback


@dataclass(frozen=True)
class Classifier:
    """-log p(y|x) of examples (x, y), in nats, a mean over the batch; p is that of the net.

    net     : x (N, ...) -> logits (N, K)
    classes : K; labels y (N,) are whole numbers 0 .. K-1 of an integer dtype

    Raises ValueError for labels out of range, TypeError for labels that are no integers.
    """

    net: Layer
    classes: int

    def __post_init__(self) -> None:
        check_sizes(self, minimum=2, classes=self.classes)

    def init(
        self, rng: np.random.Generator, dtype: Any = np.float32, weights: str = "glorot"
    ) -> Params:
        """The parameters of the net."""
        return self.net.init(rng, dtype, weights)

    def draw_noise(self, rng: np.random.Generator, batch: tuple[Array, Array]) -> None:
        """There is none."""

    def loss(
        self, p: Params, batch: tuple[Array, Array], noise: None = None
    ) -> tuple[Array, Pullback]:
        """The mean of -log p(y|x), and its pullback d -> (dp, (dx, ())): labels have no gradient.

        `backward.terms` holds "error", the share of the batch that is classed wrongly.
        """
        x, y = self.examples(batch)
        logits, net_backward = self.net.forward(p, x)  #                    (N, K)
        nll, nll_backward = Categorical(self.classes).nll(logits, y)  #     (N,)
        value = nll.mean()
        terms = {"error": (logits.argmax(axis=1) != y).mean()}

        def dlogits(d: Array) -> Array:
            return nll_backward.dp(namespace(nll).full_like(nll, d / len(nll)))

        def dp(d: Array) -> Params:
            return net_backward.dp(dlogits(d))

        def both(d: Array) -> tuple[Params, Any]:
            grads, dx = net_backward(dlogits(d))
            return grads, (dx, ())

        def dx(d: Array) -> Any:
            return net_backward.dx(dlogits(d)), ()

        return value, Pullback(dp, dx, value, both, terms=terms)

    def logits(self, p: Params, x: Array) -> Array:
        """(N, K)."""
        return self.net.forward(p, x)[0]

    def predict(self, p: Params, x: Array) -> Array:
        """The likeliest class of each example, (N,)."""
        return self.logits(p, x).argmax(axis=1)

    def accuracy(self, p: Params, x: Array, y: Array) -> float:
        """The share of the examples that are classed rightly."""
        labels = check_labels("Classifier", y, len(x), self.classes)
        return float((to_host(self.predict(p, x)) == labels).mean())

    def examples(self, batch: Any) -> tuple[Array, Array]:
        """x and y, after refusing what is no such pair. Raises TypeError, ValueError."""
        return check_examples("Classifier", batch, self.classes)


def dense_classifier(
    shape: int | Shape, hidden: int | tuple[int, ...], classes: int, activation: Layer = RELU
) -> Classifier:
    """The classifier of a dense net: features of these widths, and a linear layer.

    shape  : of one example: a number for rows (N, I), or (H, W, C) for images
    hidden : the width of the hidden layer, or a tuple; () is logistic regression

    p = {"features", "logits"}: the output of the one is what the other sees.
    """
    image = shape if isinstance(shape, tuple) else (1, 1, shape)
    hidden = hidden if isinstance(hidden, tuple) else (hidden,)
    features = list(dense_encoder(image, hidden, activation).layers.values())
    if not isinstance(shape, tuple):
        features = features[1:]  # rows need no flattening
    last = Dense(dense_features(image, hidden), classes)
    return Classifier(Sequential(features=Sequential(*features), logits=last), classes)
