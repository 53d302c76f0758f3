"""PyTorch's side of the benchmark, as its tutorials write it: modules, NCHW, loss.backward().

A worker process, see speed_worker.py. --setting is one of "" (as in the tutorials), "channels-last"
for convolutions, "padded" for the Diagonal BiLSTM, "foreach" and "fused" for Adam.
"""

import argparse
from collections.abc import Callable
from typing import Any

import critic_torch
import dcgan_torch
import torch
from pixel_rnn_torch import Packed, Padded, pixel_rnn
from pixelcnn_torch import pixelcnn
from row_lstm_torch import RowLSTM
from speed_cases import Case
from speed_worker import Side, queued_times, serve
from torch import nn
from torch.nn import functional as F

Step = Callable[[], Any]


class VAE(nn.Module):
    """The model of PyTorch's own VAE example."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h = F.relu(self.fc1(x))
        mean, log_var = self.fc21(h), self.fc22(h)
        std = torch.exp(0.5 * log_var)
        z = mean + torch.randn_like(std) * std
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z)))), mean, log_var


class MaskedConv2d(nn.Conv2d):
    """The usual PixelCNN layer: a dense convolution whose weights are masked each time."""

    mask: torch.Tensor

    def __init__(self, channels: int):
        super().__init__(channels, channels, 3, padding=1)
        mask = torch.ones_like(self.weight)
        mask[:, :, 1, 2:] = 0
        mask[:, :, 2] = 0
        self.register_buffer("mask", mask)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.conv2d(x, self.weight * self.mask, self.bias, padding=1)


class PixelNorm(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.rsqrt((x * x).mean(dim=1, keepdim=True) + 1e-8)


class GatedTanh(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = x.chunk(2, dim=1)
        return torch.tanh(a) * torch.sigmoid(b)


class Maxout(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(1, (-1, 2)).amax(dim=2)


class Torch(Side):
    def __init__(self, options: argparse.Namespace):
        torch.set_num_threads(options.threads)
        torch.manual_seed(0)
        self.device, self.setting = options.device, options.setting
        self.versions = {"PyTorch": torch.__version__}
        if self.device == "cuda" and not torch.cuda.is_available():
            raise RuntimeError("this PyTorch finds no CUDA device")
        if options.keep_memory:
            from tinygen.kernels.memory import keep_memory

            keep_memory()

    def build(self, case: Case) -> Step:
        return getattr(self, case.kind)(**case.sizes)

    def synchronise(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    def peak(self) -> float:
        return torch.cuda.max_memory_allocated() / 2**20 if self.device == "cuda" else 0.0

    def times(self, step: Step, seconds: float) -> list[float]:
        if self.device != "cuda":
            return super().times(step, seconds)

        def elapsed(work: Callable[[], None]) -> float:
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            work()
            end.record()
            end.synchronize()
            return start.elapsed_time(end) / 1000

        return queued_times(step, seconds, elapsed)

    def adam_of(self, parameters: Any) -> Any:
        setting: dict[str, Any] = {}
        if self.setting in ("foreach", "fused"):
            setting[self.setting] = True
        return torch.optim.Adam(parameters, lr=1e-3, **setting)

    def step_of(self, module: Any, x: torch.Tensor) -> Step:
        """Forward, and the gradients of parameters and input for one cotangent."""
        module = module.to(self.device)
        if self.setting == "channels-last":
            module = module.to(memory_format=torch.channels_last)
            x = x.to(memory_format=torch.channels_last)
        if x.is_floating_point():
            x.requires_grad_()
        with torch.no_grad():
            y = module(x)
            dy = torch.randn_like(y[0] if isinstance(y, tuple) else y)

        def step() -> None:
            module.zero_grad()
            x.grad = None
            y = module(x)
            y = y[0] if isinstance(y, tuple) else y
            y.backward(dy)

        return step

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=self.device)

    # --- the kinds of cases

    def product(self, n: int) -> Step:
        a, b = self.normal(n, n), self.normal(n, n)
        return lambda: a @ b

    def vae(self, batch: int) -> Step:
        model = VAE().to(self.device)
        optimiser = self.adam_of(model.parameters())
        x = (torch.rand(batch, 784, device=self.device) < 0.13).float()

        def step() -> float:
            optimiser.zero_grad()
            recon, mean, log_var = model(x)
            bce = F.binary_cross_entropy(recon, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
            loss = bce + kl
            loss.backward()
            optimiser.step()
            return loss.item()

        return step

    def pixelcnn(self, batch: int, size: int, **net: int) -> Step:
        return self.likelihood_step(pixelcnn(**net), batch, size)

    def pixelrnn(self, batch: int, size: int, **net: int) -> Step:
        lstm = Padded if self.setting == "padded" else Packed
        return self.likelihood_step(pixel_rnn(**net, lstm=lstm), batch, size)

    def likelihood_step(self, module: nn.Module, batch: int, size: int) -> Step:
        """A step with Adam on binary images."""
        model: Any = module.to(self.device)
        x = (torch.rand(batch, 1, size, size, device=self.device) < 0.13).float()
        if self.setting == "channels-last":
            model = model.to(memory_format=torch.channels_last)
            x = x.to(memory_format=torch.channels_last)
        optimiser = self.adam_of(model.parameters())

        def step() -> float:
            optimiser.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(x), x, reduction="sum") / batch
            loss.backward()
            optimiser.step()
            return loss.item()

        return step

    def dcgan(self, batch: int, side: int, features: tuple[int, ...], latent: int) -> Step:
        models: Any = [net.to(self.device) for net in dcgan_torch.nets(side, features, latent)]
        x = 2 * torch.rand(batch, 1, side, side, device=self.device) - 1
        if self.setting == "channels-last":
            models = [net.to(memory_format=torch.channels_last) for net in models]
            x = x.to(memory_format=torch.channels_last)
        return dcgan_torch.step(models[0], models[1], x, latent)

    def critic(self, batch: int, size: int, features: tuple[int, ...], activation: str) -> Step:
        D: Any = critic_torch.critic(size, features, activation).to(self.device)
        x, fake = (self.normal(batch, 1, size, size) for _ in range(2))
        if self.setting == "channels-last":
            D = D.to(memory_format=torch.channels_last)
            x, fake = (a.to(memory_format=torch.channels_last) for a in (x, fake))
        return critic_torch.step(D, x, fake)

    def conv(self, batch: int, size: int, arguments: Any) -> Step:
        return self.step_of(nn.Conv2d(*arguments), self.normal(batch, arguments[0], size, size))

    def conv_transpose(self, batch: int, size: int, arguments: Any) -> Step:
        x = self.normal(batch, arguments[0], size, size)
        return self.step_of(nn.ConvTranspose2d(*arguments), x)

    def masked_conv(self, batch: int, size: int, channels: int) -> Step:
        return self.step_of(MaskedConv2d(channels), self.normal(batch, channels, size, size))

    def lstm(self, batch: int, time: int, n_in: int, n_hidden: int) -> Step:
        module = nn.LSTM(n_in, n_hidden, batch_first=True)
        return self.step_of(module, self.normal(batch, time, n_in))

    def diagonal(self, batch: int, size: int, n_in: int, n_hidden: int) -> Step:
        module = (Padded if self.setting == "padded" else Packed)(n_in, n_hidden)
        return self.step_of(module, self.normal(batch, n_in, size, size))

    def row_lstm(self, batch: int, size: int, n_in: int, n_hidden: int) -> Step:
        return self.step_of(RowLSTM(n_in, n_hidden), self.normal(batch, n_in, size, size))

    def dense(self, batch: int, n_in: int, n_out: int) -> Step:
        return self.step_of(nn.Linear(n_in, n_out), self.normal(batch, n_in))

    def adam(self, n: int) -> Step:
        w = self.normal(n).requires_grad_()
        w.grad = self.normal(n)
        return self.adam_of([w]).step

    def layer(self, name: str, shape: tuple[int, ...]) -> Step:
        channels = shape[-1]
        modules: dict[str, Callable[[], nn.Module]] = {
            "Relu": nn.ReLU,
            "LeakyRelu": lambda: nn.LeakyReLU(0.2),
            "Elu": nn.ELU,
            "Tanh": nn.Tanh,
            "Sigmoid": nn.Sigmoid,
            "Softplus": nn.Softplus,
            "Maxout": Maxout,
            "GatedTanh": GatedTanh,
            "BatchNorm": lambda: nn.BatchNorm2d(channels),
            "InstanceNorm": lambda: nn.InstanceNorm2d(channels, affine=True),
            "PixelNorm": PixelNorm,
            "LayerNorm": lambda: nn.LayerNorm(channels),
            "Dropout": lambda: nn.Dropout(0.5),
            "Softmax": lambda: nn.Softmax(dim=-1),
            "AvgPool2d": lambda: nn.AvgPool2d(2),
            "MaxPool2d": lambda: nn.MaxPool2d(2),
            "Upsample2d": lambda: nn.Upsample(scale_factor=2),
            "ReflectionPad2d": lambda: nn.ReflectionPad2d(1),
        }
        if len(shape) == 4:
            shape = (shape[0], shape[3], shape[1], shape[2])
        return self.step_of(modules[name](), self.normal(*shape))

    def embedding(self, n: int, dim: int, shape: tuple[int, ...]) -> Step:
        return self.step_of(nn.Embedding(n, dim), torch.randint(0, n, shape, device=self.device))

    def bernoulli(self, shape: tuple[int, ...]) -> Step:
        logits = self.normal(*shape).requires_grad_()
        x = (torch.rand(shape, device=self.device) < 0.5).float()

        def step() -> None:
            logits.grad = None
            loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / shape[0]
            loss.backward()

        return step


if __name__ == "__main__":
    serve(Torch)
