"""Principal components as a linear autoencoder: the least squared error of any linear one.

P. Baldi and K. Hornik, Neural Networks and Principal Component Analysis, Neural Networks 2, 1989.
                                                           docs/derivations/autoencoder.md
"""

from tinygen.arguments import check_whole
from tinygen.arrays import Array, Params, namespace
from tinygen.layers.base import check_array


def pca_autoencoder(x: Array, n_latent: int) -> tuple[Params, float]:
    """Parameters of `linear_autoencoder` of which no others have a smaller loss on x; that loss.

    x : (N, ...), of I numbers an example; n_latent : Z <= I

    The codes are the first Z principal components, and the loss is the sum of the discarded
    eigenvalues of the covariance (1/N). Raises ValueError for another Z, no examples and NaN.
    """
    check_array("pca_autoencoder", x, "...")
    check_whole("pca_autoencoder", "n_latent", n_latent)
    rows = x.reshape(len(x), -1)  #                                     (N, I)
    if n_latent > rows.shape[1]:
        raise ValueError(
            f"pca_autoencoder: n_latent is {n_latent}, an example has {rows.shape[1]} numbers: "
            "choose no more components than that"
        )
    mean = rows.mean(axis=0)  #                                         (I,)
    centred = (rows - mean).astype("float64")
    values, vectors = namespace(x).linalg.eigh(centred.T @ centred / len(x))  # ascending
    V = vectors[:, ::-1][:, :n_latent].astype(x.dtype)  #               (I, Z)
    discarded = float(values[: rows.shape[1] - n_latent].sum())  #                (14)
    encoder = {"code": {"W": V, "b": -(mean @ V)}}  # z = (x - mean) V  (N, Z)    (13)
    decoder = {"images": {"0": {"W": V.T, "b": mean}}}  # r = mean + z V^T
    return {"encoder": encoder, "decoder": decoder}, discarded
