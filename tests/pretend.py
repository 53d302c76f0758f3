"""A pretend device: arrays that a machine without a GPU refuses to confuse with NumPy's.

`ndarray` wraps a NumPy array and has the attributes and methods that CuPy's arrays have. Like
them it refuses plain NumPy arrays in operators, functions, ufuncs and item assignment, and
refuses to become one silently (`.get()` copies it to the host). Stricter than CuPy, NumPy's own
functions refuse it too, and NumPy arrays do not serve as indices: both would cross the bus.

The module stands for `cupy`: `namespace(x)` finds it by the type's module, and its functions wrap
NumPy's. What CuPy lacks is absent here: `errstate`, `insert`, `as_strided(writeable=)`, ...
"""

import numpy as np

ATTRIBUTES = {"dtype", "itemsize", "nbytes", "ndim", "shape", "size", "strides"}
VIEWS = {"T", "real", "imag", "base"}
METHODS = {
    *("all", "any", "argmax", "argmin", "argsort", "astype", "choose", "clip", "conj", "copy"),
    *("cumprod", "cumsum", "diagonal", "dot", "fill", "flatten", "item", "max", "mean", "min"),
    *("nonzero", "prod", "ravel", "repeat", "reshape", "round", "searchsorted", "sort"),
    *("squeeze", "std", "sum", "swapaxes", "take", "tolist", "trace", "transpose", "var", "view"),
}
ABSENT = {
    *("errstate", "seterr", "insert", "nditer", "ndindex", "ndenumerate", "vectorize", "spacing"),
    *("memmap", "matrix", "char", "rec", "ma", "shares_memory_exact", "from_dlpack"),
}
CONVERTERS = {"asarray", "array", "ascontiguousarray", "asanyarray"}  # host -> device on purpose


class ndarray:
    """An array on the pretend device."""

    __array_ufunc__ = None  # NumPy's operators and ufuncs refuse it, ours are tried instead
    __hash__ = None

    def __init__(self, host):
        self._host = host

    def get(self):
        """A copy on the host."""
        return self._host.copy()

    def __array__(self, *args, **kwargs):
        raise TypeError("implicit conversion of a device array to NumPy: call .get()")

    def __array_function__(self, function, *rest):
        raise TypeError(f"numpy.{function.__name__} was called on a device array: use xp")

    def __getattr__(self, name):
        if name in ATTRIBUTES:
            return getattr(self._host, name)
        if name in VIEWS:
            return wrap(getattr(self._host, name))
        if name in METHODS:
            return wrapped(getattr(self._host, name))
        raise AttributeError(f"device arrays have no attribute {name!r}")

    @property
    def flags(self):
        return Flags(self._host.flags)

    def __getitem__(self, index):
        return wrap(self._host[unwrap(index)])

    def __setitem__(self, index, value):
        self._host[unwrap(index)] = unwrap(value)

    def __len__(self):
        return len(self._host)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __bool__(self):
        return bool(self._host)

    def __int__(self):
        return int(self._host)

    def __float__(self):
        return float(self._host)

    def __index__(self):
        raise TypeError("a device array as a Python index: use int(x)")

    def __repr__(self):
        return f"pretend.{self._host!r}"


def operator(name):
    def method(self, *others):
        result = getattr(self._host, name)(*(unwrap(other) for other in others))
        if name.startswith("__i") and name != "__invert__":
            return self
        return result if result is NotImplemented else wrap(result)

    return method


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"]
for _name in ["neg", "pos", "abs", "invert", "eq", "ne", "lt", "le", "gt", "ge", "divmod"] + [
    prefix + name for name in BINARY for prefix in ("", "r", "i")
]:
    setattr(ndarray, f"__{_name}__", operator(f"__{_name}__"))


class Flags:
    """The flags that CuPy's arrays have; there is no `writeable` among them."""

    def __init__(self, flags):
        self.c_contiguous = flags.c_contiguous
        self.f_contiguous = flags.f_contiguous
        self.owndata = flags.owndata


class Proxy:
    """A submodule (`linalg`) or a ufunc (`add`) of NumPy, for device arrays."""

    def __init__(self, host, path):
        self._host, self._path = host, path

    def __call__(self, *args, **kwargs):
        return wrapped(self._host)(*args, **kwargs)

    def __getattr__(self, name):
        return adapt(getattr(self._host, name), f"{self._path}.{name}")


def unwrap(value, move=False):
    """Device arrays as what they wrap; a NumPy array among them is the error we look for."""
    if isinstance(value, ndarray):
        return value._host
    if isinstance(value, np.ndarray) and not move:
        raise TypeError("a NumPy array was mixed with device arrays: move it with to_device")
    if isinstance(value, tuple | list):
        return type(value)(unwrap(part, move) for part in value)
    if isinstance(value, dict):
        return {key: unwrap(part, move) for key, part in value.items()}
    if isinstance(value, slice):
        return slice(*(unwrap_bound(b) for b in (value.start, value.stop, value.step)))
    return value


def unwrap_bound(bound):
    if isinstance(bound, ndarray):
        raise TypeError("a device array as the bound of a slice: use int(x)")
    return bound


def wrap(value):
    """NumPy's results as device arrays; reductions give arrays without axes, as in CuPy."""
    if isinstance(value, np.ndarray | np.generic):
        return ndarray(np.asarray(value))
    if isinstance(value, tuple | list):
        kind = list if isinstance(value, list) else tuple  # NumPy names the parts, CuPy does not
        return kind(wrap(part) for part in value)
    return value


def wrapped(function, move=False):
    def call(*args, **kwargs):
        out = kwargs.get("out")
        result = function(*unwrap(args, move), **unwrap(kwargs, move))
        return out if isinstance(out, ndarray) else wrap(result)

    return call


def adapt(host, path):
    """NumPy's `host` for device arrays: types and constants as they are, functions wrapped."""
    if path in ABSENT:
        raise AttributeError(f"the pretend device has no {path!r}, as CuPy has none")
    if path in CONVERTERS:

        def convert(a, *args, **kwargs):
            b = wrapped(host, move=True)(a, *args, **kwargs)
            return b if isinstance(a, ndarray) else b.copy()  # moved, never shared

        return convert
    if path == "lib.stride_tricks.as_strided":
        return lambda x, shape=None, strides=None: wrapped(host)(x, shape, strides)
    if isinstance(host, np.ufunc) or type(host).__name__ == "module":
        return Proxy(host, path)
    if callable(host) and not isinstance(host, type):
        return wrapped(host)
    return host


def fuse(kernel_name):
    """cupy.fuse: the name is that of a function in CUDA; the arguments are arrays or numbers."""
    if not kernel_name.isidentifier():
        raise ValueError(f"a CUDA kernel cannot be named {kernel_name!r}")

    def compile(function):
        def call(*args):
            if not all(isinstance(a, ndarray | np.generic | int | float) for a in args):
                raise TypeError("a fused function takes device arrays and numbers alone")
            return function(*args)

        return call

    return compile


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(name)
    return adapt(getattr(np, name), name)
