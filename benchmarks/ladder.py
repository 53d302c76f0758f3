"""The rungs of the likelihood ladder: how each model is trained, and what was published.

`words` are what `tinygen train` is told on a CPU; `full` is the published recipe, for a GPU.
Published numbers are test NLLs in nats an image unless said otherwise, of these sources:

DBN   H. Larochelle and I. Murray 2011; K. Gregor et al. 2014, tables of binarised MNIST
PG    github.com/EugenHotaj/pytorch-generative, its README's table
MADE  M. Germain et al. 2015, arXiv 1502.03509, and github.com/karpathy/pytorch-made
VAN   A. van den Oord et al. 2016, arXiv 1601.06759, table 4
IWAE  Y. Burda et al. 2016, arXiv 1509.00519
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Rung:
    """One row of the table.

    name      : of the row, and with the set's of the run's folder
    title     : in words
    words     : of the command line, for a CPU
    full      : the published recipe
    passes    : how many steps follow one another, in a training step and in a sample of 28x28
    published : set -> (nats, source)
    more      : set -> what its row on a CPU is told besides, such as fewer epochs
    """

    name: str
    title: str
    words: str
    full: str
    passes: tuple[int, int]
    published: dict[str, tuple[float, str]] = field(default_factory=dict)
    more: dict[str, str] = field(default_factory=dict)


VAE = "vae --epochs 50 --batch 128"
NADE = "nade --hidden 500 --epochs 50 --batch 512 --lr 0.001"
FVBN = "fvbn --epochs 50 --batch 512 --lr 0.03 --decay 0.5 --decay-every 7"

RUNGS = {
    rung.name: rung
    for rung in (
        Rung(
            "mixture",
            "mixture of 500 Bernoullis",
            "bernoulli-mixture --components 500 --epochs 30",
            "bernoulli-mixture --components 500 --epochs 100",
            (1, 1),
            {"static": (137.64, "DBN, recalled")},
        ),
        Rung("fvbn", "FVBN", FVBN, FVBN, (1, 784), {"dynamic": (96.58, "PG")}),
        Rung(
            "nade",
            "NADE, 500 hidden",
            NADE,
            NADE,
            (784, 784),
            {"dynamic": (85.65, "PG"), "static": (88.33, "DBN, recalled")},
        ),
        Rung(
            "made",
            "MADE, 1 x 500, one mask",
            "made --hidden 500 --order random --epochs 100 --batch 100 --lr 0.001 --l2 0.0001 "
            "--decay 0.1 --decay-every 45",
            "made --hidden 8000 --epochs 85 --batch 64 --lr 0.001",
            (1, 784),
            {"static": (94.5, "MADE, validation, recalled"), "dynamic": (84.87, "PG, 1 x 8000")},
        ),
        Rung("vae", "VAE 784-400-20, importance-sampled", VAE, VAE, (1, 1)),
        Rung(
            "iwae",
            "the same trained as IWAE, k = 5",
            f"{VAE} --importance 5",
            f"{VAE} --importance 50",
            (1, 1),
            {"dynamic": (85.54, "IWAE, 2 x 200 and 3280 epochs")},
        ),
        Rung(
            "pixelcnn",
            "PixelCNN, 15 blocks of 32",
            "pixelcnn --features 32 --epochs 20 --batch 32 --lr 0.001 --decay 0.9999",
            "pixelcnn --features 32 --epochs 457 --batch 256 --lr 0.001 --decay 0.999977",
            (1, 784),
            {"dynamic": (81.45, "PG, 457 epochs"), "static": (81.30, "VAN")},
            {"static": "--epochs 5"},
        ),
        Rung(
            "gated",
            "Gated PixelCNN, 6 layers of 24",
            "gated-pixelcnn --features 24 --layers 6 --first 15 --head 32 --epochs 20 --batch 32 "
            "--lr 0.001 --decay 0.9999",
            "gated-pixelcnn --features 128 --layers 10 --epochs 457 --batch 128 --lr 0.001 "
            "--decay 0.9999",
            (1, 784),
            {"dynamic": (81.50, "PG, 10 layers of 128, 457 epochs")},
            {"static": "--epochs 2"},
        ),
        Rung(
            "pixel-rnn-row",
            "PixelRNN, 3 Row LSTMs of 16",
            "pixel-rnn --lstm row --layers 3 --features 16 --lr 0.002 --decay 0.99975 --epochs 2 "
            "--batch 16",
            "pixel-rnn --lstm row --layers 7 --features 16 --optimiser rmsprop --epochs 32 "
            "--batch 16",
            (28, 784),
            {"static": (80.54, "VAN, recalled")},
        ),
        Rung(
            "pixel-rnn-diagonal",
            "PixelRNN, 3 Diagonal BiLSTMs of 16",
            "pixel-rnn --lstm diagonal --layers 3 --features 16 --lr 0.002 --decay 0.99975 "
            "--epochs 2 --batch 16",
            "pixel-rnn --lstm diagonal --layers 7 --features 16 --optimiser rmsprop --epochs 32 "
            "--batch 16",
            (55, 784),
            {"static": (79.20, "VAN")},
        ),
    )
}
