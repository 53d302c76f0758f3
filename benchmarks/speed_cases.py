"""What is timed: one list of cases, with the sizes that both sides build from.

A case is one training step of a layer: forward, then the gradients of the parameters and of the
input; or a whole step of a model. Imports nothing, so that the worker processes start small.
"""

from dataclasses import dataclass
from typing import Any

BATCH = 64
CONVS = [  # c_in, c_out, height and width, kernel, stride, padding
    (1, 64, 28, 4, 2, 1),
    (64, 128, 14, 4, 2, 1),
    (64, 64, 28, 3, 1, 1),
    (32, 32, 28, 3, 1, 1),
    (128, 256, 16, 4, 2, 1),
    (256, 512, 8, 4, 2, 1),
]


@dataclass(frozen=True)
class Case:
    """One line of the table.

    name          : for --only
    title         : for the table
    kind          : which builder of a side makes its step
    sizes         : the builder's arguments
    multiply_adds : that the step needs (a masked convolution needs those of its taps alone)
    goal          : the ratio ours / PyTorch's to reach, where there is one
    group         : cases of one group get a geometric mean
    """

    name: str
    title: str
    kind: str
    sizes: dict[str, Any]
    multiply_adds: int = 0
    goal: float | None = None
    group: str = ""

    @property
    def sides(self) -> tuple[str, ...]:
        """ours, torch, and PyTorch with the settings that its tutorials leave out."""
        more = {
            "conv": ("torch channels-last",),
            "conv_transpose": ("torch channels-last",),
            "masked_conv": ("torch channels-last",),
            "adam": ("torch foreach", "torch fused"),
            "vae": ("torch foreach", "torch fused"),
            "pixelcnn": ("torch channels-last",),
            "dcgan": ("torch channels-last",),
            "critic": ("torch channels-last",),
            "diagonal": ("torch padded",),
            "pixelrnn": ("torch padded",),
        }
        return ("ours", "torch", *more.get(self.kind, ()))


def vae(batch: int) -> Case:
    encoder, decoder = 784 * 400 + 400 * 40, 20 * 400 + 400 * 784
    # forward, dW and dx of each layer; the first needs no dx
    needed = batch * (3 * (encoder + decoder) - 784 * 400)
    title = f"VAE 784-400-20, step with Adam, batch {batch}"
    return Case(f"vae-{batch}", title, "vae", {"batch": batch}, needed, 1.0)


def pixelcnn(features: int) -> Case:
    """The whole training step: 7x7 mask A, 15 residual blocks, a head of 32, Adam."""
    F, blocks, head, batch, size = features, 15, 32, 32, 28
    block = F * F // 2 + 5 * (F // 2) ** 2 + F * F // 2
    macs = 24 * F + blocks * block + F * head + head
    title = f"PixelCNN, {blocks} blocks of {F}, step with Adam, batch {batch}"
    sizes = {"batch": batch, "size": size, "features": F, "blocks": blocks, "head": head}
    return Case(f"pixelcnn-{F}", title, "pixelcnn", sizes, 3 * batch * size * size * macs, 1.0)


def dcgan(batch: int) -> Case:
    """A round of the game on 28x28 pixels: D's turn, G's turn, Adam for both."""
    side, (a, b), latent = 28, (64, 128), 100
    edge = (side // 2) ** 2 * 16 * a  # D's first layer, and G's last one
    middle = (side // 4) ** 2 * 16 * a * b  # D's second layer, and G's last but one
    score, project = (side // 4) ** 2 * b, latent * (side // 4) ** 2 * b
    # D's turn, on data and on fakes: forward, dW, and dx but for the first layer
    needed = 2 * (2 * edge + 3 * middle + 3 * score)
    # G's turn: its fakes, once for both turns; D forward and dx; G's dW, and dx but for the first
    needed += 2 * (edge + middle + score) + 3 * (edge + middle) + 2 * project
    title = f"DCGAN 28x28, 64 and 128 features, both players' steps with Adam, batch {batch}"
    sizes = {"batch": batch, "side": side, "features": (a, b), "latent": latent}
    return Case("dcgan", title, "dcgan", sizes, batch * needed, 1.1)


def critic(batch: int, activation: str) -> Case:
    """The critic's move of WGAN-GP on 28x28 pixels: data, fakes, and the gradient of a gradient."""
    size, (a, b) = 28, (64, 128)
    first = (size // 2) ** 2 * 16 * a
    rest = (size // 4) ** 2 * (16 * a * b + b)
    # data and fakes: forward, dW, and dx but for the first layer
    needed = 2 * (2 * first + 3 * rest)
    # the penalty: forward, gradient in x, tangent; of the pair dW, and du but for the first layer
    needed += 4 * first + 5 * rest
    if activation == "tanh":  # y has a gradient too: dW, and dx of the second convolution
        needed += first + 2 * (rest - (size // 4) ** 2 * b)
    title = f"WGAN-GP 28x28, the critic's step with Adam, {a} and {b} features, {activation}, "
    sizes = {"batch": batch, "size": size, "features": (a, b), "activation": activation}
    name = f"wgan-gp-{activation.lower()}"
    return Case(name, f"{title}batch {batch}", "critic", sizes, batch * needed)


def diagonal(batch: int, n_in: int, n_hidden: int) -> Case:
    """Both directions: the input and two states to four gates, at each place."""
    title = f"DiagonalBiLSTM B {n_in}→{n_hidden}, {batch}x28x28"
    sizes = {"batch": batch, "size": 28, "n_in": n_in, "n_hidden": n_hidden}
    macs = 2 * (n_in + 2 * n_hidden) * 4 * n_hidden
    return Case(f"diagonal-{batch}", title, "diagonal", sizes, 3 * batch * 28 * 28 * macs, 1.0)


def pixelrnn(batch: int) -> Case:
    """The whole training step: 7x7 mask A, 7 Diagonal BiLSTMs of 16, a head of 32, Adam."""
    F, layers, head, size = 16, 7, 32, 28
    layer = 2 * (2 * F + 2 * F) * 4 * F + F * 2 * F
    macs = 24 * 2 * F + layers * layer + 2 * F * head + head
    title = f"PixelRNN, {layers} Diagonal BiLSTMs of {F}, step with Adam, batch {batch}"
    sizes = {"batch": batch, "size": size, "features": F, "layers": layers, "head": head}
    return Case("pixelrnn", title, "pixelrnn", sizes, 3 * batch * size * size * macs, 1.0)


def conv(c_in: int, c_out: int, size: int, kernel: int, stride: int, padding: int) -> Case:
    out = (size + 2 * padding - kernel) // stride + 1
    return Case(
        f"conv-{c_in}-{c_out}-k{kernel}s{stride}",
        f"Conv2d {c_in}→{c_out}, {size}x{size}, k{kernel} s{stride} p{padding}",
        "conv",
        {
            "batch": BATCH,
            "size": size,
            "arguments": (c_in, c_out, kernel, stride, padding),
        },
        3 * BATCH * out * out * kernel * kernel * c_in * c_out,
        1.6,
        "Conv2d",
    )


def conv_transpose(
    c_out: int, c_in: int, size: int, kernel: int, stride: int, padding: int
) -> Case:
    """The convolution's mirror: from its output's shape to its input's."""
    small = (size + 2 * padding - kernel) // stride + 1
    return Case(
        f"convt-{c_in}-{c_out}-k{kernel}s{stride}",
        f"ConvTranspose2d {c_in}→{c_out}, {small}x{small}, k{kernel} s{stride} p{padding}",
        "conv_transpose",
        {
            "batch": BATCH,
            "size": small,
            "arguments": (c_in, c_out, kernel, stride, padding),
        },
        3 * BATCH * small * small * kernel * kernel * c_in * c_out,
        1.6,
        "ConvTranspose2d",
    )


IMAGES = (64, 28, 28, 32)  # N, H, W, C: what activations, norms and resampling are timed on
ROWS = (128, 784)


def layer(title: str, shape: tuple[int, ...] = IMAGES, **sizes: Any) -> Case:
    name = title.partition("(")[0].strip()
    text = "x".join(str(size) for size in shape)
    return Case(name.lower(), f"{title}, {text}", "layer", {"name": name, "shape": shape, **sizes})


CASES = [
    vae(128),
    vae(512),
    *(conv(*sizes) for sizes in CONVS),
    *(conv_transpose(*sizes) for sizes in CONVS),
    Case(
        "masked-conv",
        "MaskedConv2d B 64→64, 28x28, k3",
        "masked_conv",
        {"batch": BATCH, "size": 28, "channels": 64},
        3 * BATCH * 28 * 28 * 5 * 64 * 64,  # 5 of the 9 taps lie in the past
        0.8,
    ),
    Case(
        "lstm",
        "LSTM 64x28x28, H 128",
        "lstm",
        {"batch": BATCH, "time": 28, "n_in": 28, "n_hidden": 128},
        3 * BATCH * 28 * (28 + 128) * 4 * 128,
        1.2,
    ),
    pixelcnn(16),
    pixelcnn(32),
    diagonal(16, 32, 16),
    diagonal(32, 32, 16),
    pixelrnn(16),
    dcgan(BATCH),
    critic(BATCH, "LeakyReLU"),
    critic(BATCH, "tanh"),
    Case(
        "row-lstm",
        "RowLSTM B 32→16, 16x28x28, k3",
        "row_lstm",
        {"batch": 16, "size": 28, "n_in": 32, "n_hidden": 16},
        3 * 16 * 28 * 28 * (2 * 32 + 3 * 16) * 4 * 16,
        1.0,
    ),
    Case("adam", "Adam, 10 million weights", "adam", {"n": 10_000_000}, 0, 1.0),
    Case(
        "dense",
        "Dense 784→400, batch 512",
        "dense",
        {"batch": 512, "n_in": 784, "n_out": 400},
        3 * 512 * 784 * 400,
    ),
    layer("Relu"),
    layer("LeakyRelu(0.2)"),
    layer("Elu"),
    layer("Tanh"),
    layer("Sigmoid"),
    layer("Softplus"),
    layer("Maxout(2)"),
    layer("GatedTanh"),
    layer("BatchNorm(32)"),
    layer("InstanceNorm(32)"),
    layer("PixelNorm"),
    layer("LayerNorm(784)", (512, 784)),
    layer("Dropout(0.5)"),
    layer("Softmax", (512, 784)),
    layer("AvgPool2d(2)"),
    layer("MaxPool2d(2)"),
    layer("Upsample2d(2)"),
    layer("ReflectionPad2d(1)"),
    Case(
        "embedding",
        "Embedding 1000→64, 128x50 labels",
        "embedding",
        {"n": 1000, "dim": 64, "shape": (128, 50)},
    ),
    Case("bernoulli", "Bernoulli NLL, 128x784", "bernoulli", {"shape": ROWS}),
]

# One large matrix product: the speed that a share of peak is measured against.
PEAK = Case("peak", "matrix product, 2048", "product", {"n": 2048}, 2048**3)
