"""What a trained model leaves for a classifier: its encoder, as a net by itself; the decoder goes.

    code    f = e(x), of a VAE the mean of q(z|x)          (N, Z)
    hidden  f = the output of the layer before the code    (N, F)

With a linear layer behind it the net is a classifier whose weights have seen the data before the
first label: frozen (`metrics.linear_probe`), or trained on from there (`Classifier`), as by
G. E. Hinton and R. R. Salakhutdinov, Science 313, 2006, and D. Erhan et al., Why Does Unsupervised
Pre-training Help Deep Learning?, JMLR 11, 2010.
"""

from tinygen.arrays import Params
from tinygen.layers import Fork, Layer, Sequential
from tinygen.models.autoencoder import Autoencoder
from tinygen.models.latent import LatentModel

PARTS = ("code", "hidden")


def encoder_net(
    model: Autoencoder | LatentModel, p: Params, part: str = "code"
) -> tuple[Sequential, Params]:
    """The net x -> f, and its weights out of the trained p: uncopied, as training copies its own.

    part : "code" or "hidden", as above

    Raises ValueError for another part, and for an encoder of one layer, which has no hidden one.
    """
    if part not in PARTS:
        raise ValueError(f"encoder_net: unknown part {part!r}: choose {' or '.join(PARTS)}")
    weights = weights_of(model, p)
    if not isinstance(model.encoder, Sequential):
        if part == "hidden":
            raise ValueError(
                f"encoder_net: {type(model.encoder).__name__} is one layer, whose output is the "
                "code: ask for part='code'"
            )
        return Sequential(code=model.encoder), {"code": weights}
    *trunk, (name, last) = model.encoder.layers.items()
    layers: dict[str, Layer] = dict(trunk)
    kept = {key: w for key, w in weights.items() if key in layers}
    if part == "code":
        head = weights[name]
        if isinstance(last, Fork):  # q(z|x): its mean is the code
            last, head = last.layers["mean"], head["mean"]
        layers, kept = layers | {"code": last}, kept | {"code": head}
    return Sequential(**layers), kept


def weights_of(model: Autoencoder | LatentModel, p: Params) -> Params:
    """The encoder's weights, after refusing what the model's `init` did not return."""
    checked = model.nets(p) if isinstance(model, Autoencoder) else model.checked(p)
    return checked["encoder"]
