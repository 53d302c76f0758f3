"""1. How large must the code be? Reconstructions from 2, 5 and 20 numbers, beside PCA."""

from autoencoder_parts.drawing import COLUMNS, rows
from autoencoder_parts.setting import Answer, Numbers, Setting, Trained
from tinygen.models import linear_autoencoder, pca_autoencoder

SIZES = (2, 5, 20)


def answer(setting: Setting) -> Answer:
    """The error for each size, of the dense autoencoder and of PCA."""
    numbers: Numbers = {"the mean image": {"autoencoder": setting.mean_image_error()}}
    shown = {"test images": setting.ink(setting.x)}
    for z in SIZES:
        found, linear = setting.dense(z), pca(setting, z)
        numbers[f"code of {z}"] = {
            "autoencoder": found.error(setting.x),
            "PCA": linear.error(setting.x),
        }
        for name, net in (("code", found), ("PCA", linear)):
            error = net.error(setting.x)[0]
            shown[f"{name} of {z}: {error:.1f}"] = setting.ink(net.reconstruct(setting.x[:COLUMNS]))
    words = (
        "The squared error falls with the size of the code. PCA is the best that a linear net "
        "does with as many numbers. A curved surface of the same dimension lies closer to the "
        "images."
    )
    return Answer(
        words,
        numbers,
        rows(shown, "reconstructions, and the mean squared error of all test images"),
    )


def pca(setting: Setting, n_latent: int) -> Trained:
    """Principal components of the training images, in closed form."""
    p, _ = pca_autoencoder(setting.train, n_latent)
    return Trained(linear_autoencoder(setting.data.shape, n_latent), p)
