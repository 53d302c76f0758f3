"""The nets of CycleGAN, from the words of arXiv 1703.10593, section 7.2.

    c7s1-k  7x7 convolution to k channels, stride 1         Rk  x + f(x), f two 3x3 convolutions
    dk      3x3 convolution to k channels, stride 2         uk  3x3 transposed one, stride 2
    Ck      4x4 convolution to k channels, stride 2 (of the last one 1), of a discriminator

An instance norm and a ReLU (in discriminators a LeakyReLU) follow each. In a generator borders are
reflected where the stride is 1, and a tanh ends it, so images lie in -1..1.

                                                            docs/derivations/cycle_gan.md
"""

import re
from typing import Any

from tinygen.layers import (
    Conv1d,
    Conv2d,
    ConvTranspose2d,
    InstanceNorm,
    Layer,
    LeakyRelu,
    ReflectionPad2d,
    Relu,
    Residual,
    Sequential,
    Tanh,
)
from tinygen.models.cycle_gan import CycleGAN
from tinygen.models.nets import Shape, check_shape, check_widths

WORD = re.compile(r"(c\d+s1-|d|R|u)(\d+)(?:x(\d+))?")


def generator_net(words: str, c_in: int, norm: bool = True) -> Sequential:
    """Images (N, H, W, c_in) -> (N, H, W, C) in -1..1, of the paper's words.

    words : such as "c7s1-64,d128,d256,R256x9,u128,u64,c7s1-3"; R256x9 stands for nine R256. The
            last word is a c, without norm, and tanh follows it
    norm  : False leaves the instance norms out. They take an image's own brightness and contrast
            away, which small pictures of digits are better off with

    Convolutions before a norm have no bias, which it would subtract again. Raises ValueError for
    a word that is none, an R of another width than what it is given, and an even kernel.
    """
    layers: list[Layer] = []
    width = c_in
    parts = words.split(",")
    for i, word in enumerate(parts):
        found = WORD.fullmatch(word)
        if not found or (i == len(parts) - 1 and word[0] != "c"):
            raise ValueError(
                f"generator_net: {word!r} is no word, or none to end with: expected words such as "
                "c7s1-64,d128,R128x6,u64,c7s1-3, the last one a c"
            )
        kind, k, times = found[1], int(found[2]), int(found[3] or 1)
        for _ in range(times):
            layers += block(kind, width, k, norm, last=i == len(parts) - 1)
            width = k
    return Sequential(*layers)


def block(kind: str, c: int, k: int, norm: bool, last: bool) -> list[Layer]:
    """The layers of one word, from c channels to k."""
    scaled: list[Layer] = [InstanceNorm(k)] if norm else []
    bias = not norm
    if kind == "d":
        return [Conv2d(c, k, 3, stride=2, padding=1, bias=bias), *scaled, Relu()]
    if kind == "u":
        up = ConvTranspose2d(c, k, 3, stride=2, padding=1, output_padding=1, bias=bias)
        return [up, *scaled, Relu()]
    if kind == "R":
        if c != k:
            raise ValueError(f"generator_net: R{k} is given {c} channels: give it as many")
        once: list[Layer] = [ReflectionPad2d(1), Conv2d(k, k, 3, bias=bias), *scaled]
        return [Residual(Sequential(*once, Relu(), *once))]
    kernel = int(kind[1 : kind.index("s")])
    if kernel % 2 == 0 or kernel < 3:
        raise ValueError(f"generator_net: a kernel must be odd and 3 or more, got {kernel}")
    wide: list[Layer] = [ReflectionPad2d(kernel // 2), Conv2d(c, k, kernel, bias=bias or last)]
    return [*wide, Tanh()] if last else [*wide, *scaled, Relu()]


def residual_generator(
    c_in: int,
    c_out: int,
    width: int = 64,
    blocks: int = 9,
    downs: int = 2,
    kernel: int = 7,
    norm: bool = True,
) -> Sequential:
    """The paper's generator: c7s1-k, then `downs` halvings, `blocks` residuals, as many doublings.

    width : k, channels at full size; each halving doubles them;  norm: as of `generator_net`
    """
    check_widths("width, blocks", (width, blocks))
    down = [f"d{width * 2**i}" for i in range(1, downs + 1)]
    up = [f"u{width * 2**i}" for i in reversed(range(downs))]
    middle = f"R{width * 2**downs}x{blocks}"
    words = [f"c{kernel}s1-{width}", *down, middle, *up, f"c{kernel}s1-{c_out}"]
    return generator_net(",".join(words), c_in, norm)


def patch_discriminator(
    c_in: int, widths: tuple[int, ...] = (64, 128, 256, 512), norm: bool = True
) -> Sequential:
    """PatchGAN: images (N, H, W, c_in) -> a score for each patch (N, h, w, 1).

    widths : C64-C128-C256-C512 of the paper. All but the last halve the image; the last, and the
             scores after it, have stride 1. The first has no norm. A score sees `patch(widths)`
             pixels a side: 70, or 16 with (32, 64), for digits of 28 or 32 pixels
    """
    check_widths("widths", widths, fewest=1)
    layers: list[Layer] = []
    c = c_in
    for i, k in enumerate(widths):
        stride = 1 if i == len(widths) - 1 else 2
        scaled = norm and i > 0
        layers += [Conv2d(c, k, 4, stride, padding=1, bias=not scaled)]
        layers += [InstanceNorm(k), LeakyRelu(0.2)] if scaled else [LeakyRelu(0.2)]
        c = k
    return Sequential(*layers, Conv2d(c, 1, 4, padding=1))


def patch(widths: tuple[int, ...]) -> int:
    """Pixels a side that one score of `patch_discriminator` sees."""
    size = 4 + 3  # the scores, and the last C, both of stride 1
    for _ in widths[1:]:
        size = 2 * size + 2
    return size


def conv_cycle_gan(
    shape_a: Shape,
    shape_b: Shape,
    width: int = 64,
    blocks: int = 9,
    downs: int = 2,
    patch_widths: tuple[int, ...] = (64, 128, 256, 512),
    kernel: int = 7,
    norm: bool = True,
    **options: Any,
) -> CycleGAN:
    """The paper's model for images of these shapes (H, W, C), which the caller has in 0..1.

    options : of `CycleGAN`; the others are those of the nets

    Raises ValueError for heights and widths that are no multiple of 2^downs: the generator would
    not come back to them; and for ones that the discriminators halve to nothing.
    """
    for name, shape in {"a": shape_a, "b": shape_b}.items():
        check_shape(f"conv_cycle_gan: {name}", shape)
        step = 2**downs
        if shape[0] % step or shape[1] % step:
            H, W = (size - size % step for size in shape[:2])
            crop = f"crop to {H} x {W}, or " if H and W else ""
            raise ValueError(
                f"conv_cycle_gan: {downs} halvings need sizes that are multiples of {step}, got "
                f"{name} of {shape[0]} x {shape[1]} pixels: {crop}use fewer downs"
            )
    if shape_a[:2] != shape_b[:2]:
        raise ValueError(
            f"conv_cycle_gan: the generators keep height and width, got a {shape_a} and b "
            f"{shape_b}: bring both to one size"
        )
    check_patches(min(shape_a[:2]), patch_widths)
    c_a, c_b = shape_a[2], shape_b[2]
    net: tuple[Any, ...] = (width, blocks, downs, kernel, norm)
    return CycleGAN(
        residual_generator(c_a, c_b, *net),
        residual_generator(c_b, c_a, *net),
        patch_discriminator(c_a, patch_widths, norm),
        patch_discriminator(c_b, patch_widths, norm),
        shape_a,
        shape_b,
        signed=True,
        **options,
    )


def check_patches(size: int, widths: tuple[int, ...]) -> None:
    """Refuse images whose smaller side `patch_discriminator` shrinks to nothing. ValueError."""
    halvings = len(check_widths("patch_widths", widths, fewest=1)) - 1
    if size >> halvings < 3:  # the last two, of stride 1, take a pixel each
        fewer = [k for k in range(1, halvings + 1) if (size >> (k - 1)) >= 3]
        some = ",".join(map(str, widths[: fewer[-1]])) if fewer else ""
        remedy = f"take fewer, such as {some}, or" if fewer else "take"
        raise ValueError(
            f"conv_cycle_gan: discriminators of {len(widths)} patch widths need images of at least "
            f"{3 << halvings} pixels a side, got {size}: {remedy} larger images"
        )


def wave_generator(width: int = 16, blocks: int = 2, kernel: int = 9) -> Sequential:
    """Series (N, T, 1) -> (N, T, 1): convolutions over time, `blocks` residual ones between two.

    kernel : odd, steps that each convolution sees. No norm: loudness is a part of a sound
    """
    check_widths("width, blocks, kernel", (width, blocks, kernel))
    if kernel % 2 == 0:
        raise ValueError(f"wave_generator: kernel must be odd, got {kernel}")

    def conv(c: int, k: int) -> Layer:
        return Conv1d(c, k, kernel, padding=kernel // 2)  # as long as it was

    inner = Residual(Sequential(conv(width, width), LeakyRelu(0.2), conv(width, width)))
    return Sequential(conv(1, width), LeakyRelu(0.2), *[inner] * blocks, conv(width, 1))


def wave_discriminator(widths: tuple[int, ...] = (16, 32, 64), kernel: int = 9) -> Sequential:
    """Series (N, T, 1) -> a score for each stretch (N, T', 1); each of the widths halves the time.

    kernel : odd, steps that each convolution sees
    """
    check_widths("widths", widths, fewest=1)
    layers: list[Layer] = []
    c = 1
    for k in widths:
        layers += [Conv1d(c, k, kernel, stride=2, padding=kernel // 2), LeakyRelu(0.2)]
        c = k
    return Sequential(*layers, Conv1d(c, 1, 3, padding=1))
