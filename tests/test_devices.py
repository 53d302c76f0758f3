"""One text of each layer serves every device, and asking for an absent one is a clear error."""

import importlib
import sys
import types

import numpy as np
import pretend
import pytest

import tinygen
from tinygen import arrays, tree
from tinygen.cases import CASES
from tinygen.layers import Dense

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


every_device = pytest.mark.parametrize("device", ["pretend", "cuda"], indirect=True)
on_pretend = pytest.mark.parametrize("device", ["pretend"], indirect=True)


def cast(values, dtype):
    return tree.map(lambda a: a.astype(dtype) if a.dtype.kind == "f" else a, values)


def cotangent(y, rng):
    """Random dy on the device of y. The host draws it, so that all devices see the same."""
    return tree.map(
        lambda a: arrays.namespace(a).asarray(np.asarray(rng.normal(size=a.shape), a.dtype)), y
    )


def outcome(case, dtype, device):
    """y, dp and dx of a case at one seeded point, computed on `device`, as NumPy arrays."""
    rng = np.random.default_rng(2)
    f, p, x = case.make(rng)
    p, x = (tinygen.to_device(cast(value, dtype), device) for value in (p, x))
    y, backward = f(p, x)
    dy = cotangent(y, rng)
    grads = backward(dy) if case.wrt_x else (backward.dp(dy), {})
    for name, a in tree.leaves((y, *grads)):
        assert arrays.device_of(a) == device, f"{name} came back on {arrays.device_of(a)}"
    return {
        "y": tinygen.to_host(y),
        "dp": tinygen.to_host(grads[0]),
        "dx": tinygen.to_host(grads[1]),
    }


@every_device
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_device_gives_the_numbers_of_numpy(case, dtype, device):
    here, there = outcome(case, dtype, "cpu"), outcome(case, dtype, device)
    assert [name for name, _ in tree.leaves(here)] == [name for name, _ in tree.leaves(there)]
    for (name, a), (_, b) in zip(tree.leaves(here), tree.leaves(there), strict=True):
        assert a.dtype == b.dtype == dtype, name
        scale = max(1.0, abs(a).max())
        np.testing.assert_allclose(b, a, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=name)


@on_pretend
def test_values_go_to_a_device_and_come_back(device):
    values = {"W": np.arange(6.0).reshape(2, 3), "two": (np.ones(2), np.zeros((1, 1), int))}
    moved = tinygen.to_device(values, device)
    assert all(type(a) is pretend.ndarray for _, a in tree.leaves(moved))
    assert tinygen.to_device(moved, device)["W"] is moved["W"], "no copy where it is there"
    back = tinygen.to_host(moved)
    for (_, a), (_, b) in zip(tree.leaves(values), tree.leaves(back), strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype
    assert tree.map(arrays.device_of, moved) == {"W": "pretend", "two": ("pretend", "pretend")}


@on_pretend
def test_a_change_on_the_host_does_not_reach_the_device(device):
    host = np.ones(3)
    moved = tinygen.to_device(host, device)
    host[0] = 7
    np.testing.assert_array_equal(moved.get(), [1, 1, 1])


@on_pretend
@pytest.mark.parametrize("swap", [False, True])
def test_arrays_of_two_devices_are_refused_by_name(device, swap):
    layer, x = Dense(3, 2), np.ones((4, 3), np.float32)
    p = layer.init(np.random.default_rng(0))
    p, x = (tinygen.to_device(p, device), x) if swap else (p, tinygen.to_device(x, device))
    with pytest.raises(TypeError, match=r"Dense: x is on .*, the parameters are on .*to_device"):
        layer.forward(p, x)


# The pretend device itself: each refusal that the test above stands on.

HOST = np.ones(3)
MIXES = {
    "operator": lambda x: x + HOST,
    "operator, reflected": lambda x: HOST + x,
    "operator in place": lambda x: x.__iadd__(HOST),
    "host array in place": lambda x: HOST.copy().__iadd__(x),
    "comparison": lambda x: x > HOST,
    "matrix product": lambda x: HOST @ x,
    "function": lambda x: pretend.exp(HOST),
    "function of two": lambda x: pretend.maximum(x, HOST),
    "function of a list": lambda x: pretend.concatenate([x, HOST]),
    "method": lambda x: x.dot(HOST),
    "out": lambda x: pretend.exp(x, out=np.ones(3)),
    "item": lambda x: x[np.array([0, 1])],
    "item assignment": lambda x: x.__setitem__(0, HOST[:1]),
    "item assignment on the host": lambda x: HOST.copy().__setitem__(slice(None), x),
    "ufunc.at": lambda x: pretend.add.at(x, np.array([0]), 1.0),
    "NumPy's ufunc": lambda x: np.exp(x),
    "NumPy's function": lambda x: np.concatenate([x, x]),
    "NumPy's reduction": lambda x: np.sum(x),
    "conversion": lambda x: np.asarray(x),
    "conversion of a list": lambda x: np.array([x, x]),
    "linalg": lambda x: pretend.linalg.norm(HOST),
    "index": lambda x: range(3)[x.sum()],
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_the_pretend_device_refuses_to_mix(mix):
    with pytest.raises(TypeError):
        mix(pretend.asarray(np.ones(3)))


def test_the_pretend_device_computes_what_numpy_computes():
    a = np.arange(1.0, 7).reshape(2, 3)
    x = pretend.asarray(a)
    rows = pretend.lib.stride_tricks.as_strided(x, (2, 2), (24, 8))
    at = pretend.zeros(2)
    pretend.add.at(at, pretend.asarray([0, 0, 1]), 1.5)
    y = x.copy()
    y += 1
    for result, expected in {
        "operators": ((2 * x - x / 2) @ x.T, (2 * a - a / 2) @ a.T),
        "scalars": (np.float64(2) * x, 2 * a),
        "in place": (y, a + 1),
        "reduction": (x.sum(axis=0), a.sum(axis=0)),
        "out": (pretend.exp(x, out=pretend.empty_like(x)), np.exp(a)),
        "strides": (rows, a[:, :2]),
        "at": (at, np.array([3, 1.5])),
        "linalg": (pretend.linalg.norm(x), np.linalg.norm(a)),
        "mask": (x[x > 2], a[a > 2]),
    }.values():
        assert type(result) is pretend.ndarray
        np.testing.assert_allclose(result.get(), expected)
    assert x.max().shape == (), "reductions give arrays without axes, as CuPy's do"
    assert float(x.max()) == 6
    assert not hasattr(x, "__array_namespace__")
    assert not hasattr(pretend, "errstate")


# Which device is asked for.


def test_the_device_is_the_cpu_unless_said_otherwise(monkeypatch):
    monkeypatch.delenv("TINYGEN_DEVICE", raising=False)
    assert tinygen.resolve_device() == "cpu"


@on_pretend
def test_the_environment_names_a_device_and_an_argument_overrules_it(device, monkeypatch):
    monkeypatch.setenv("TINYGEN_DEVICE", device)
    assert tinygen.resolve_device() == device
    assert type(tinygen.to_device(np.ones(2))) is pretend.ndarray
    assert tinygen.resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_an_unknown_device_is_refused(how, monkeypatch):
    monkeypatch.setenv("TINYGEN_DEVICE", "tpu")
    with pytest.raises(ValueError, match=r"unknown device 'tpu': choose one of cpu, cuda"):
        tinygen.resolve_device("tpu" if how == "argument" else None)


def without_cupy(monkeypatch):
    real = importlib.import_module

    def import_module(name, package=None):
        if name == "cupy":
            raise ModuleNotFoundError("No module named 'cupy'")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_cuda_without_cupy_is_a_clear_error(how, monkeypatch):
    without_cupy(monkeypatch)
    monkeypatch.setenv("TINYGEN_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match=r"needs CuPy, which is not installed.*tinygen\[cuda\]"):
        tinygen.to_device(np.ones(2), "cuda" if how == "argument" else None)


def test_cuda_without_a_gpu_is_a_clear_error(monkeypatch):
    def count():
        raise OSError("no CUDA-capable device is detected")

    runtime = types.SimpleNamespace(getDeviceCount=count)
    cupy = types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    with pytest.raises(RuntimeError, match=r"no usable GPU \(no CUDA-capable.*nvidia-smi"):
        tinygen.resolve_device("cuda")
