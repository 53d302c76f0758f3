"""4. Does the architecture matter, at one size of the code? Linear, deep, convolutional."""

from autoencoder_parts.drawing import COLUMNS, rows
from autoencoder_parts.setting import HIDDEN, Answer, Numbers, Setting
from autoencoder_parts.sizes import pca
from tinygen import tree
from tinygen.models import conv_autoencoder, dense_autoencoder, linear_autoencoder

SIZE = 20
CHANNELS = (32, 64, 64, 64)


def answer(setting: Setting) -> Answer:
    """The error of each architecture with a code of SIZE."""
    shape = setting.data.shape
    nets = {
        "linear: PCA, closed form": pca(setting, SIZE),
        "linear: by gradient": setting.autoencoder("linear", linear_autoencoder(shape, SIZE)),
        "dense, 400": setting.autoencoder("dense, 400", dense_autoencoder(shape, (400,), SIZE)),
        f"dense, {'-'.join(map(str, HIDDEN))}": setting.dense(SIZE),
        "convolutional, 4 layers": setting.autoencoder(
            "convolutional", conv_autoencoder(shape, SIZE, CHANNELS)
        ),
    }
    numbers: Numbers = {}
    shown = {"test images": setting.ink(setting.x)}
    for name, found in nets.items():
        error = found.error(setting.x)
        weights = sum(leaf.size for _, leaf in tree.leaves(found.p))
        numbers[name] = {
            "training images": found.error(setting.train),
            "test images": error,
            "weights": int(weights),
        }
        shown[f"{name}: {error[0]:.1f}"] = setting.ink(found.reconstruct(setting.x[:COLUMNS]))
    words = (
        f"Each has a code of {SIZE} and as many steps. On the training images no linear net is "
        "better than PCA, which enough steps find too. Nets with hidden layers go below it."
    )
    return Answer(
        words,
        numbers,
        rows(shown, f"codes of {SIZE}, and the mean squared error of all test images"),
    )
