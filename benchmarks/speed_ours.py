"""tinygen's side of the benchmark: a worker process, see speed_worker.py."""

import argparse
from collections.abc import Callable
from typing import Any

import critic_ours
import numpy as np
from speed_cases import Case
from speed_worker import Side, queued_times, serve

import tinygen
from tinygen import layers, likelihoods
from tinygen.arrays import device_namespace, to_device
from tinygen.kernels.memory import keep_memory
from tinygen.models.dcgan import dcgan
from tinygen.models.pixel_rnn import PixelRNN
from tinygen.models.pixelcnn import PixelCNN
from tinygen.models.vae import dense_vae
from tinygen.optim import adam
from tinygen.systems.duel import duel

Step = Callable[[], Any]


class Ours(Side):
    def __init__(self, options: argparse.Namespace):
        self.device = options.device
        self.xp: Any = device_namespace(self.device)
        self.versions = {"tinygen": tinygen.__version__, "NumPy": np.__version__}
        if self.device == "cuda":
            self.versions["CuPy"] = self.xp.__version__
        if options.keep_memory:
            keep_memory()

    def build(self, case: Case) -> Step:
        self.rng = np.random.default_rng(0)
        return getattr(self, case.kind)(**case.sizes)

    def synchronise(self) -> None:
        if self.device == "cuda":
            self.xp.cuda.Device().synchronize()

    def peak(self) -> float:
        if self.device != "cuda":
            return 0.0
        return self.xp.get_default_memory_pool().total_bytes() / 2**20

    def times(self, step: Step, seconds: float) -> list[float]:
        if self.device != "cuda":
            return super().times(step, seconds)
        cuda = self.xp.cuda

        def elapsed(work: Callable[[], None]) -> float:
            start, end = cuda.Event(), cuda.Event()
            start.record()
            work()
            end.record()
            end.synchronize()
            return cuda.get_elapsed_time(start, end) / 1000

        return queued_times(step, seconds, elapsed)

    def normal(self, *shape: int) -> Any:
        return to_device(self.rng.normal(size=shape).astype(np.float32), self.device)

    def step_of(self, layer: Any, x: Any) -> Step:
        """Forward, and the gradients of parameters and input for one cotangent."""
        p = to_device(layer.init(self.rng), self.device)
        dy = self.normal(*layer.forward(p, x)[0].shape)

        def step() -> None:
            _, backward = layer.forward(p, x)
            backward(dy)

        return step

    # --- the kinds of cases

    def product(self, n: int) -> Step:
        a, b = self.normal(n, n), self.normal(n, n)
        return lambda: a @ b

    def vae(self, batch: int) -> Step:
        vae, optimiser = dense_vae(784, hidden=400, n_latent=20), adam(1e-3)
        p = to_device(vae.init(self.rng), self.device)
        state = optimiser.init(p)
        x = to_device((self.rng.random((batch, 784)) < 0.13).astype(np.float32), self.device)

        def step() -> float:
            noise = vae.draw_noise(self.rng, x)
            value, backward = vae.loss(p, x, noise)
            optimiser.update(p, backward.dp(1.0), state)
            return float(value)

        return step

    def pixelcnn(self, batch: int, size: int, **net: Any) -> Step:
        return self.likelihood_step(PixelCNN((size, size, 1), **net), batch)

    def pixelrnn(self, batch: int, size: int, **net: Any) -> Step:
        return self.likelihood_step(PixelRNN((size, size, 1), **net), batch)

    def likelihood_step(self, model: Any, batch: int) -> Step:
        """A step with Adam on binary images."""
        optimiser = adam(1e-3)
        p = to_device(model.init(self.rng), self.device)
        state = optimiser.init(p)
        pixels = self.rng.random((batch, *model.shape)) < 0.13
        x = to_device(pixels.astype(np.float32), self.device)

        def step() -> float:
            value, backward = model.loss(p, x)
            optimiser.update(p, backward.dp(1.0), state)
            return float(value)

        return step

    def dcgan(self, batch: int, side: int, features: tuple[int, ...], latent: int) -> Step:
        model = dcgan((side, side, 1), latent, features)
        game = duel(model, adam(2e-4, beta1=0.5), adam(2e-4, beta1=0.5), shares=True)
        p = to_device(model.init(self.rng), self.device)
        state = game.init(p)
        x = to_device(self.rng.random((batch, side, side, 1), np.float32), self.device)
        return lambda: game.play(p, state, [x], self.rng)

    def critic(self, batch: int, size: int, features: tuple[int, ...], activation: str) -> Step:
        D = critic_ours.critic(size, features, activation)
        p = to_device(D.init(self.rng), self.device)
        x, fake = (self.normal(batch, size, size, 1) for _ in range(2))
        return critic_ours.step(D, p, x, fake, self.rng)

    def conv(self, batch: int, size: int, arguments: Any) -> Step:
        return self.step_of(layers.Conv2d(*arguments), self.normal(batch, size, size, arguments[0]))

    def conv_transpose(self, batch: int, size: int, arguments: Any) -> Step:
        x = self.normal(batch, size, size, arguments[0])
        return self.step_of(layers.ConvTranspose2d(*arguments), x)

    def masked_conv(self, batch: int, size: int, channels: int) -> Step:
        layer = layers.MaskedConv2d(channels, channels, 3, "B")
        return self.step_of(layer, self.normal(batch, size, size, channels))

    def lstm(self, batch: int, time: int, n_in: int, n_hidden: int) -> Step:
        return self.step_of(layers.LSTM(n_in, n_hidden), self.normal(batch, time, n_in))

    def diagonal(self, batch: int, size: int, n_in: int, n_hidden: int) -> Step:
        layer = layers.DiagonalBiLSTM(n_in, n_hidden)
        return self.step_of(layer, self.normal(batch, size, size, n_in))

    def row_lstm(self, batch: int, size: int, n_in: int, n_hidden: int) -> Step:
        return self.step_of(layers.RowLSTM(n_in, n_hidden), self.normal(batch, size, size, n_in))

    def dense(self, batch: int, n_in: int, n_out: int) -> Step:
        return self.step_of(layers.Dense(n_in, n_out), self.normal(batch, n_in))

    def adam(self, n: int) -> Step:
        p, dp = {"w": self.normal(n)}, {"w": self.normal(n)}
        optimiser = adam(1e-3)
        state = optimiser.init(p)
        return lambda: optimiser.update(p, dp, state)

    def layer(self, name: str, shape: tuple[int, ...]) -> Step:
        arguments: dict[str, tuple[Any, ...]] = {
            "LeakyRelu": (0.2,),
            "Maxout": (2,),
            "BatchNorm": (shape[-1],),
            "InstanceNorm": (shape[-1],),
            "LayerNorm": (shape[-1],),
            "Dropout": (0.5,),
            "AvgPool2d": (2,),
            "MaxPool2d": (2,),
            "Upsample2d": (2,),
            "ReflectionPad2d": (1,),
        }
        layer = getattr(layers, name)(*arguments.get(name, ()))
        x = self.normal(*shape)
        if name != "Dropout":
            return self.step_of(layer, x)
        dy = self.normal(*shape)

        def step() -> None:
            mask = to_device(layer.draw_mask(self.rng, shape, np.float32), self.device)
            _, backward = layer.forward({}, x, mask)
            backward(dy)

        return step

    def embedding(self, n: int, dim: int, shape: tuple[int, ...]) -> Step:
        labels = to_device(self.rng.integers(0, n, size=shape), self.device)
        return self.step_of(layers.Embedding(n, dim), labels)

    def bernoulli(self, shape: tuple[int, ...]) -> Step:
        bernoulli, logits = likelihoods.Bernoulli(), self.normal(*shape)
        x = to_device((self.rng.random(shape) < 0.5).astype(np.float32), self.device)
        dnll = self.xp.full(shape[0], 1 / shape[0], np.float32)

        def step() -> None:
            _, backward = bernoulli.nll(logits, x)
            backward.dp(dnll)

        return step


if __name__ == "__main__":
    serve(Ours)
