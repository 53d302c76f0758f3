"""Feature matching: the generator is paid for the mean of the discriminator's features.

L_G = |E f(x) - E f(G(z))|^2,    D(x) = score(f(x))

D is trained as ever, so its features are those in which data and fakes differ most. T. Salimans, I.
Goodfellow, W. Zaremba, V. Cheung, A. Radford and X. Chen, arXiv 1606.03498, section 3.1.
                                                           docs/derivations/feature_matching.md
"""

from dataclasses import dataclass
from typing import Any

from tinygen.arrays import Array, Params, namespace
from tinygen.layers import Layer, Sequential
from tinygen.models.gan import GAN, run
from tinygen.pullback import Pullback

FEATURES = "features"  # the name of the layer of D whose output f is


@dataclass(frozen=True)
class FeatureMatching(GAN):
    """A GAN whose generator matches the means of D's features, over the batch.

    discriminator : a Sequential with a layer named "features", its output f; the layers behind it
                    make the score

    D's turn is that of a GAN, its objective too. Raises ValueError where D has no such layer, and
    for classes.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.features  # refuses
        if self.classes:
            raise ValueError("FeatureMatching: classes are not taken: leave them out")

    @property
    def features(self) -> Layer:
        """f. Raises ValueError where the discriminator has no such layer, as its first one."""
        D = self.discriminator
        names = list(D.layers) if isinstance(D, Sequential) else [type(D).__name__]
        if not isinstance(D, Sequential) or names[0] != FEATURES:
            raise ValueError(
                f"FeatureMatching: the discriminator's first layer must be named {FEATURES!r}, got "
                f"{', '.join(names)}: build it as "
                "Sequential(features=Sequential(...), score=Dense(n, 1))"
            )
        return D.layers[FEATURES]

    def generator_loss(self, p: Params, x: Any, noise: Params) -> tuple[Array, Pullback]:
        """|E f(x) - E f(G(z))|^2, a sum over the features; pullback d -> (dp, ()).

        dp holds the key "generator" alone.
        """
        x, _ = self.parts(x)
        fake, g_backward = self.painted(p, noise, x, None)  #               (N, ...)
        f, p_f = self.features, p["discriminator"].get(FEATURES, {})
        real_extras, extras = (noise.get(key, {}).get(FEATURES) for key in ("real", "fake"))
        real_features, _ = run(f, p_f, x, None, real_extras)  #             (M, ...)
        features, f_backward = run(f, p_f, fake, None, extras)
        gap = real_features.mean(axis=0) - features.mean(axis=0)  #         (...)
        value = (gap * gap).sum()  # |E f(x) - E f(G(z))|^2                 ()      (1)

        def dp(d: Array) -> Params:
            # each row, of an example or of a pack, has the share 1 / M in the mean (2)
            share = -2 * d / len(features)
            dfeatures = namespace(gap).broadcast_to(gap * share, features.shape)
            return {"generator": g_backward.dp(f_backward.dx(dfeatures))}  #         (3)

        return value, Pullback(dp, lambda d: (), value)
