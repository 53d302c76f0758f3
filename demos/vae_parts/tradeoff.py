"""6. What does beta trade? Rate against distortion, and the units that stay active.

    loss = D + beta R,    D = -log p(x|z),    R = KL(q(z|x) || p(z)),    -ELBO = D + R

A. A. Alemi and others, Fixing a Broken ELBO, ICML 2018, arXiv 1711.00464.
"""

from typing import Any

from tinygen import plots
from vae_parts.setting import Numbers, Setting

BETAS = (0.1, 0.3, 1.0, 3.0, 10.0)


def answer(setting: Setting) -> tuple[Numbers, Any]:
    """One model a beta: its test numbers, and the curve on test and training images."""
    rows, points = {}, {"test": [], "training images": []}  # type: ignore[var-annotated]
    seen = setting.train[:5000]
    seen = setting.transform(setting.rng, seen) if setting.transform else seen
    for beta in BETAS:
        if beta == 1:
            model, p = setting.plain
        else:
            model = setting.model(beta=beta)
            p = setting.fit(f"beta {beta:g}", model).p
        on_test, on_train = setting.measure(model, p), setting.measure(model, p, seen)
        for name, found in (("test", on_test), ("training images", on_train)):
            points[name].append((beta, found["rate"][0], found["distortion"][0]))
        rows[f"beta {beta:g}"] = on_test | {"train -ELBO": on_train["minus ELBO"]}
    return rows, plots.rate_distortion(points, "rate and distortion over beta", "nats an image")
