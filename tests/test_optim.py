"""Optimisers, schedules, clipping and averages, against PyTorch and against plain loops."""

import ctypes
import itertools
import math
import shutil
import subprocess

import numpy as np
import pretend
import pytest

import tinygen
from tinygen import arrays, schedules, tree
from tinygen.kernels import memory, updates
from tinygen.optim import (
    ClipWeights,
    adagrad,
    adam,
    clip_norm,
    clip_value,
    ema,
    global_norm,
    momentum,
    rmsprop,
    sgd,
)
from tinygen.optim.optimiser import FLUSH_EVERY
from tinygen.schedules import constant, cosine, exponential, step_decay, warm_up

FACTORIES = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": lambda lr, **kw: momentum(lr, nesterov=True, **kw),
    "rmsprop": rmsprop,
    "adagrad": adagrad,
    "adam": adam,
}
DECAYS = {"plain": {}, "l2": {"l2": 0.03}, "decoupled": {"weight_decay": 0.2}}


def weights(rng, dtype=np.float64):
    p = {"first": {"W": rng.normal(size=(7, 5)), "b": rng.normal(size=5)}, "g": rng.normal(size=3)}
    return tree.map(lambda a: a.astype(dtype), p)


def gradients(rng, p):
    """Of very different sizes, as those of a net's layers are."""
    scales = {"first.W": 1.0, "first.b": 30.0, "g": 1e-4}
    dp = p
    for name, w in tree.leaves(p):
        dp = tree.replace(dp, name, (scales[name] * rng.normal(size=w.shape)).astype(w.dtype))
    return dp


def run(optimiser, p, rng, steps):
    p, state = tree.map(np.copy, p), optimiser.init(p)
    for _ in range(steps):
        optimiser.update(p, gradients(rng, p), state)
    return p, state


# --- equal to PyTorch's -------------------------------------------------------------------------


def torch_optimiser(torch, name, parameters, lr, l2=0.0, weight_decay=0.0, **options):
    """PyTorch's optimiser of the same mathematics. Only Adam has a decoupled decay there."""
    kind = {
        "sgd": lambda **kw: torch.optim.SGD(parameters, **kw),
        "momentum": lambda **kw: torch.optim.SGD(parameters, momentum=0.9, **kw),
        "nesterov": lambda **kw: torch.optim.SGD(parameters, momentum=0.9, nesterov=True, **kw),
        "rmsprop": lambda **kw: torch.optim.RMSprop(parameters, **kw),
        "adagrad": lambda **kw: torch.optim.Adagrad(parameters, **kw),
        "adam": lambda **kw: torch.optim.Adam(parameters, **kw),
    }[name]
    if name == "adam" and weight_decay:
        return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, **options)
    return kind(lr=lr, weight_decay=l2, **options)


def against_torch(name, ours, scheduler=None, steps=100, lr=0.01, clip=None, **kw):
    """The largest difference of any weight over all steps."""
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(5)
    p = weights(rng)
    theirs = [torch.tensor(w.copy(), requires_grad=True) for _, w in tree.leaves(p)]
    optimiser = torch_optimiser(torch, name, theirs, lr, **kw)
    schedule = scheduler(torch, optimiser) if scheduler else None
    by_hand = kw.get("weight_decay", 0.0) if name != "adam" else 0.0
    state, worst = ours.init(p), 0.0
    for _ in range(steps):
        dp = gradients(rng, p)
        for a, (_, g) in zip(theirs, tree.leaves(dp), strict=True):
            a.grad = torch.tensor(g)
            a.data.mul_(1 - optimiser.param_groups[0]["lr"] * by_hand)
        if clip:
            clip[0](torch, theirs)
            dp = clip[1](dp)
        optimiser.step()
        if schedule:
            schedule.step()
        ours.update(p, dp, state)
        for a, (_, w) in zip(theirs, tree.leaves(p), strict=True):
            worst = max(worst, np.abs(a.detach().numpy() - w).max())
    return worst


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("name", FACTORIES)
def test_weights_equal_pytorchs_over_100_steps(name, decay):
    assert against_torch(name, FACTORIES[name](0.01, **DECAYS[decay]), **DECAYS[decay]) < 1e-12


@pytest.mark.parametrize(
    "name, ours, theirs",
    [
        ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, {"betas": (0.5, 0.9), "eps": 1e-3}),
        ("adam", {"beta1": 0.0}, {"betas": (0.0, 0.999)}),
        ("rmsprop", {"beta": 0.9, "eps": 1e-4}, {"alpha": 0.9, "eps": 1e-4}),
        ("adagrad", {"eps": 1e-2}, {"eps": 1e-2}),
        ("sgd", {}, {}),
    ],
)
def test_options_equal_pytorchs(name, ours, theirs):
    assert against_torch(name, FACTORIES[name](0.02, **ours), lr=0.02, **theirs) < 1e-12


def test_momentums_beta_equals_pytorchs():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(3)
    w = {"W": rng.normal(size=(4, 3))}
    other = torch.tensor(w["W"].copy(), requires_grad=True)
    theirs = torch.optim.SGD([other], lr=0.1, momentum=0.6, nesterov=True)
    ours = momentum(0.1, beta=0.6, nesterov=True)
    state = ours.init(w)
    for _ in range(100):
        g = rng.normal(size=(4, 3))
        other.grad = torch.tensor(g)
        theirs.step()
        ours.update(w, {"W": g}, state)
    assert np.abs(other.detach().numpy() - w["W"]).max() < 1e-12


def schedulers(torch):
    s = torch.optim.lr_scheduler
    return {
        "constant": (constant(0.01), lambda o: s.ConstantLR(o, factor=1.0)),
        "step": (step_decay(0.01, 30, 0.3), lambda o: s.StepLR(o, 30, 0.3)),
        "exponential": (exponential(0.01, 0.97), lambda o: s.ExponentialLR(o, 0.97)),
        "cosine": (
            cosine(0.01, 100, 0.002),
            lambda o: s.CosineAnnealingLR(o, 100, eta_min=0.002),
        ),
        "warm-up": (warm_up(0.01, 25), lambda o: s.LinearLR(o, 1 / 26, total_iters=25)),
        "warm-up, then cosine": (
            warm_up(cosine(0.01, 80), 20, start=0.1),
            lambda o: s.SequentialLR(
                o, [s.LinearLR(o, 0.1, total_iters=20), s.CosineAnnealingLR(o, 80)], [20]
            ),
        ),
    }


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize(
    "schedule", ["constant", "step", "exponential", "cosine", "warm-up", "warm-up, then cosine"]
)
@pytest.mark.filterwarnings("ignore:The epoch parameter")  # PyTorch's own call of its schedulers
def test_schedules_equal_pytorchs(name, schedule):
    ours, theirs = schedulers(pytest.importorskip("torch"))[schedule]
    decoupled = {"weight_decay": 0.1}
    worst = against_torch(
        name, FACTORIES[name](ours, **decoupled), lambda torch, o: theirs(o), **decoupled
    )
    assert worst < 1e-12


def test_clipping_equals_pytorchs():
    norm = (
        lambda torch, ps: torch.nn.utils.clip_grad_norm_(ps, 5.0),
        lambda dp: clip_norm(dp, 5.0),
    )
    value = (
        lambda torch, ps: torch.nn.utils.clip_grad_value_(ps, 0.5),
        lambda dp: clip_value(dp, 0.5),
    )
    assert against_torch("sgd", sgd(0.01), clip=value) < 1e-12
    assert against_torch("sgd", sgd(0.01), clip=norm) < 1e-6  # PyTorch adds 1e-6 to the norm


# --- closed forms and definitions ---------------------------------------------------------------


def plain_step(name, w, g, m, v, t, lr=0.01):
    """The papers' lines for one scalar. Returns w, m, v."""
    if name == "sgd":
        return w - lr * g, m, v
    if name in ("momentum", "nesterov"):
        m = 0.9 * m + g
        return w - lr * (g + 0.9 * m if name == "nesterov" else m), m, v
    if name == "adagrad":
        v = v + g**2
        return w - lr * g / (math.sqrt(v) + 1e-10), m, v
    if name == "rmsprop":
        v = 0.99 * v + 0.01 * g**2
        return w - lr * g / (math.sqrt(v) + 1e-8), m, v
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    m_hat, v_hat = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return w - lr * m_hat / (math.sqrt(v_hat) + 1e-8), m, v


@pytest.mark.parametrize("name", FACTORIES)
def test_weights_and_moments_follow_the_papers_lines(name, rng):
    w, m, v = 0.7, 0.0, 0.0
    p = {"w": np.array([w])}
    optimiser = FACTORIES[name](0.01)
    state = optimiser.init(p)
    for t, g in enumerate(rng.normal(size=20), start=1):
        w, m, v = plain_step(name, w, g, m, v, t)
        optimiser.update(p, {"w": np.array([g])}, state)
        assert p["w"][0] == pytest.approx(w, rel=1e-13)
        for key, moment in (("m", m), ("v", v)):
            if key in state:
                assert state[key]["w"][0] == pytest.approx(moment, rel=1e-13)
    assert state["step"] == 20


def test_adams_first_step_has_length_lr_whatever_the_gradients_scale():
    for scale in (1e-3, 1.0, 1e6):
        p = {"w": np.array([1.0, -1.0])}
        optimiser = adam(0.25)
        optimiser.update(p, {"w": scale * np.array([1.0, -2.0])}, optimiser.init(p))
        assert p["w"] == pytest.approx([0.75, -0.75], rel=1e-4)


def test_l2_and_decoupled_decay_agree_for_sgd_and_differ_for_adam(rng):
    p = weights(rng)
    for factory, same in ((sgd, True), (adam, False)):
        one, _ = run(factory(0.01, l2=0.1), p, np.random.default_rng(1), 20)
        two, _ = run(factory(0.01, weight_decay=0.1), p, np.random.default_rng(1), 20)
        gap = max(float(np.abs(a - b).max()) for (_, a), (_, b) in pairs(one, two))
        assert (gap < 1e-14) is same


@pytest.mark.parametrize("name", FACTORIES)
def test_every_weight_moves_and_no_gradient_is_written(name, rng):
    p = weights(rng, np.float32)
    before, dp = tree.map(np.copy, p), gradients(rng, p)
    for _, g in tree.leaves(dp):
        g.flags.writeable = False
    optimiser = FACTORIES[name](0.01, l2=0.1, weight_decay=0.1)
    state = optimiser.init(p)
    assert optimiser.update(p, dp, state) is None
    for (_, w), (_, old) in pairs(p, before):
        assert (w != old).all()
        assert w.dtype == np.float32


@pytest.mark.parametrize("name", FACTORIES)
@pytest.mark.parametrize("size", [updates.BLOCK - 1, 2 * updates.BLOCK + 3])
def test_blocks_leave_no_entry_out(name, size, rng):
    optimiser = FACTORIES[name](0.01, l2=0.1, weight_decay=0.1)
    p, g = {"w": rng.normal(size=size)}, rng.normal(size=size)
    parts = [{"w": p["w"][i : i + 997].copy()} for i in range(0, size, 997)]
    state = optimiser.init(p)
    optimiser.update(p, {"w": g}, state)
    for i, part in enumerate(parts):
        optimiser.update(part, {"w": g[997 * i : 997 * (i + 1)]}, optimiser.init(part))
    np.testing.assert_array_equal(p["w"], np.concatenate([part["w"] for part in parts]))


@pytest.mark.parametrize("name", FACTORIES)
def test_weights_that_are_not_contiguous_are_updated_too(name, rng):
    base, g = rng.normal(size=(6, 4)), rng.normal(size=(4, 6))
    plain = {"w": base.T.copy()}
    strided = {"w": base.T}
    for p in (plain, strided):
        optimiser = FACTORIES[name](0.01, l2=0.1)
        state = optimiser.init(p)
        for _ in range(FLUSH_EVERY + 1):
            optimiser.update(p, {"w": np.asfortranarray(g)}, state)
    np.testing.assert_array_equal(strided["w"], plain["w"])
    assert np.shares_memory(strided["w"], base)


def test_no_temporary_has_the_size_of_the_weights(rng):
    import tracemalloc

    p = {"w": np.zeros(40 * updates.BLOCK, np.float32)}
    dp = {"w": np.ones_like(p["w"])}
    optimiser = adam(1e-3, l2=0.1, weight_decay=0.1)
    state = optimiser.init(p)
    state["step"] = FLUSH_EVERY - 1  # the step that looks for denormals too
    tracemalloc.start()
    optimiser.update(p, dp, state)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < p["w"].nbytes / 10


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop", "adam"])
def test_moments_never_stay_denormal(name):
    """A moment that no gradient feeds would end in, and never leave, the denormal floats."""
    p = {"w": np.ones(50, np.float32)}
    optimiser = FACTORIES[name](1e-3)
    state = optimiser.init(p)
    tiny = np.finfo(np.float32).smallest_normal
    for moment in optimiser.rule.moments:
        state[moment]["w"][:] = np.logspace(-45, -20, 50)
        state[moment]["w"][::2] *= -1 if moment == "m" else 1
    state["step"] = FLUSH_EVERY - 1
    optimiser.update(p, {"w": np.zeros(50, np.float32)}, state)
    for moment in optimiser.rule.moments:
        a = state[moment]["w"]
        assert not ((a != 0) & (np.abs(a) < tiny)).any()
        assert (a[-10:] != 0).all()  # what still counts is kept


def test_adams_moments_die_out_where_a_gradient_stops():
    p = {"w": np.ones(4, np.float32)}
    optimiser = adam(1e-3, beta2=0.9)
    state = optimiser.init(p)
    optimiser.update(p, {"w": np.ones(4, np.float32)}, state)
    for _ in range(1100):  # 0.9^1100 = 1e-50, below the smallest float32
        optimiser.update(p, {"w": np.zeros(4, np.float32)}, state)
    assert (state["m"]["w"] == 0).all()
    assert (state["v"]["w"] == 0).all()


def test_resuming_from_a_copied_state_changes_no_bit(rng):
    p = weights(rng, np.float32)
    optimiser = adam(warm_up(cosine(0.1, 20), 5))
    whole, _ = run(optimiser, p, np.random.default_rng(2), 12)
    stream = np.random.default_rng(2)
    part, state = run(optimiser, p, stream, 7)
    state = tree.map(lambda a: np.array(a), state)  # as a checkpoint holds it: step too
    for _ in range(5):
        optimiser.update(part, gradients(stream, part), state)
    for (_, a), (_, b) in pairs(whole, part):
        np.testing.assert_array_equal(a, b)


def test_tuples_in_the_tree_are_walked(rng):
    p = {"layers": (np.ones(2), np.ones(3))}
    optimiser = sgd(0.5)
    optimiser.update(p, {"layers": (np.ones(2), 2 * np.ones(3))}, optimiser.init(p))
    assert (p["layers"][0] == 0.5).all()
    assert (p["layers"][1] == 0.0).all()


def test_float64_scalars_as_hyperparameters_leave_float32_results_as_they_are(rng):
    p = tree.map(lambda w: w * 1e-6, weights(rng, np.float32))  # a step's last bit is seen
    one, _ = run(adam(0.01, l2=0.1, weight_decay=0.1), p, np.random.default_rng(1), 5)
    two, _ = run(
        adam(np.float64(0.01), l2=np.float64(0.1), weight_decay=np.float64(0.1)),
        p,
        np.random.default_rng(1),
        5,
    )
    for (_, a), (_, b) in pairs(one, two):
        np.testing.assert_array_equal(a, b)


# --- schedules, clipping, average ---------------------------------------------------------------


def test_schedules_meet_their_closed_forms():
    assert [step_decay(8.0, 2, 0.5)(t) for t in range(5)] == [8, 8, 4, 4, 2]
    assert exponential(8.0, 0.5)(3) == 1.0
    assert [cosine(2.0, 4, 1.0)(t) for t in (0, 2, 4, 9)] == pytest.approx([2, 1.5, 1, 1])
    rise = warm_up(exponential(1.0, 0.5), 3)
    assert [rise(t) for t in range(6)] == pytest.approx([0.25, 0.5, 0.75, 1, 0.5, 0.25])


def test_a_schedule_prints_how_it_was_built():
    text = repr(adam(warm_up(cosine(0.1, steps=9), steps=3)))
    assert "warm_up(cosine(0.1, steps=9, minimum=0.0), steps=3, start=0.25)" in text


def test_clip_norm_bounds_the_norm_and_keeps_the_direction(rng):
    dp = gradients(rng, weights(rng))
    clipped = clip_norm(dp, 2.0)
    assert global_norm(clipped) == pytest.approx(2.0)
    ratio = {(a / b).mean() for (_, a), (_, b) in pairs(clipped, dp)}
    assert max(ratio) == pytest.approx(min(ratio))
    assert clip_norm(dp, 1e9) is dp
    small = tree.scale(dp, 1e-6)  # the limit itself, without a 1e-6 beside the norm
    assert global_norm(clip_norm(small, 1e-6)) == pytest.approx(1e-6, rel=1e-12)


def test_clip_norm_measures_what_overflows_in_float32():
    dp = {"w": np.array([3e25, 4e25], np.float32)}
    np.testing.assert_allclose(clip_norm(dp, 1.0)["w"], [0.6, 0.8], rtol=1e-6)
    assert clip_norm(dp, 1.0)["w"].dtype == np.float32


def test_clip_value_bounds_each_entry(rng):
    dp = {"w": np.array([-3.0, 0.25, 9.0], np.float32)}
    clipped = clip_value(dp, 0.5)["w"]
    np.testing.assert_array_equal(clipped, np.array([-0.5, 0.25, 0.5], np.float32))
    assert clipped.dtype == np.float32
    assert dp["w"][2] == 9.0


def test_weights_are_clipped_in_place_and_inner_ones_keep_their_bits():
    w, other = np.array([-3.0, 0.25, 0.5, 9.0], np.float32), np.full((2, 1), -0.6, np.float32)
    p = {"w": w, "inner": {"b": other}}
    ClipWeights(0.5)(p)
    assert p["w"] is w and p["inner"]["b"] is other
    np.testing.assert_array_equal(w, np.array([-0.5, 0.25, 0.5, 0.5], np.float32))
    np.testing.assert_array_equal(other, np.full((2, 1), -0.5, np.float32))
    assert w.dtype == np.float32


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan, math.inf])
def test_a_limit_of_weights_that_is_none_is_refused(limit):
    with pytest.raises(ValueError, match="ClipWeights: limit must be"):
        ClipWeights(limit)


def test_clipping_writes_nothing_and_takes_an_empty_tree():
    g = np.full(3, 9.0)
    g.flags.writeable = False
    clip_norm({"w": g}, 1.0), clip_value({"w": g}, 1.0)
    assert clip_norm({}, 1.0) == {}


@pytest.mark.parametrize("decay", [0.0, 0.8, 0.999])
def test_ema_is_the_weighted_mean_of_the_weights_that_steps_made(decay, rng):
    """sum_i decay^(t - i) w_i / sum_i decay^(t - i), i = 1 ... t: w_0 has no share."""
    p, mean = weights(rng), ema(decay)
    average, seen = mean.init(p), []
    for t in range(1, 11):
        p = tree.map(lambda w: w + rng.normal(size=w.shape), p)
        seen.append(tree.map(np.copy, p))
        mean.update(average, p, t)
        forgotten = decay ** np.arange(t - 1, -1, -1.0)
        for i, (name, e) in enumerate(tree.leaves(average)):
            past = np.stack([list(tree.leaves(q))[i][1] for q in seen])
            wanted = np.average(past, axis=0, weights=forgotten)
            np.testing.assert_allclose(e, wanted, rtol=1e-12, atol=1e-14, err_msg=name)
        tree.map(np.testing.assert_array_equal, p, seen[-1])


def test_emas_first_average_shares_no_memory_with_the_weights(rng):
    p = weights(rng)
    average = ema(0.9).init(p)
    assert not any(np.shares_memory(a, b) for (_, a), (_, b) in pairs(average, p))


# --- the GPU's lines ----------------------------------------------------------------------------


class CompiledKernel:
    """What CuPy's ElementwiseKernel does with the same lines, compiled for the CPU."""

    folder = None
    count = itertools.count()

    def __init__(self, read, written, lines, name):
        self.scalars = [part.split()[1] for part in read.split(",")][1:]
        self.arrays = [part.split()[1] for part in written.split(",")]
        arguments = ", ".join(
            ["const T* G", *(f"T {s}" for s in self.scalars), *(f"T* A_{a}" for a in self.arrays)]
        )
        entries = "".join(f"T& {a} = A_{a}[i]; " for a in self.arrays)
        source = self.folder / f"{name}{next(self.count)}.cpp"
        source.write_text(
            "#include <cmath>\nusing std::sqrt;\ntypedef double T;\n"
            f'extern "C" void kernel(long n, {arguments}) {{\n'
            f"for (long i = 0; i < n; i++) {{ const T g = G[i]; {entries} {lines} }} }}\n"
        )
        library = source.with_suffix(".so")
        subprocess.run(["g++", "-O1", "-shared", "-fPIC", source, "-o", library], check=True)
        self.call = ctypes.CDLL(str(library)).kernel

    def __call__(self, g, *rest):
        scalars, arrays = rest[: len(self.scalars)], rest[len(self.scalars) :]
        pointer = ctypes.POINTER(ctypes.c_double)
        assert len(arrays) == len(self.arrays)
        self.call(
            ctypes.c_long(g.size),
            g.ctypes.data_as(pointer),
            *(ctypes.c_double(s) for s in scalars),
            *(a.ctypes.data_as(pointer) for a in arrays),
        )


class Device:
    """A module that, like CuPy, compiles elementwise kernels."""

    __name__ = "device"
    ElementwiseKernel = CompiledKernel


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("name", FACTORIES)
def test_the_gpus_lines_equal_the_blocks(name, decay, rng, tmp_path, monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    optimiser = FACTORIES[name](0.01, **DECAYS[decay])
    on_cpu, state = run(optimiser, weights(rng), np.random.default_rng(1), 10)
    CompiledKernel.folder = tmp_path
    device = Device()
    monkeypatch.setattr(updates, "namespace", lambda a: device)
    calls, compiled = [], updates.compiled
    monkeypatch.setattr(
        updates, "compiled", lambda xp, rule: calls.append(rule.name) or compiled(xp, rule)
    )
    on_device, other = run(
        optimiser, weights(np.random.default_rng(0)), np.random.default_rng(1), 10
    )
    assert len(calls) == 30  # one kernel a leaf and step
    for (_, a), (_, b) in pairs(on_cpu, on_device):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    for moment in optimiser.rule.moments:
        for (_, a), (_, b) in pairs(state[moment], other[moment]):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_emas_gpu_line_equals_its_blocks(rng, tmp_path, monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("no C++ compiler")
    p = weights(rng)
    one, two = (tree.map(lambda w: w + 1, p) for _ in range(2))
    ema(0.9).update(one, p, 3)
    CompiledKernel.folder = tmp_path
    device = Device()
    monkeypatch.setattr(updates, "namespace", lambda a: device)
    ema(0.9).update(two, p, 3)
    for (_, a), (_, b) in pairs(one, two):
        np.testing.assert_allclose(a, b, rtol=1e-14)


@pytest.mark.parametrize("device", ["pretend", "cuda"])
@pytest.mark.parametrize("name", FACTORIES)
def test_a_device_gives_the_weights_of_numpy(name, device, rng, monkeypatch):
    if device == "pretend":
        monkeypatch.setitem(arrays.DEVICES, "pretend", pretend.__name__)
    else:
        try:
            arrays.resolve_device(device)
        except RuntimeError as error:
            pytest.skip(str(error))
    p, optimiser, mean = weights(rng), FACTORIES[name](0.01, l2=0.1, weight_decay=0.1), ema(0.9)
    here, there = (tinygen.to_device(p, where) for where in ("cpu", device))
    here = tree.map(np.copy, here)
    averages = {}
    for where, q in (("cpu", here), (device, there)):
        stream = np.random.default_rng(1)
        state, averages[where] = optimiser.init(q), mean.init(q)
        for t in range(1, FLUSH_EVERY + 2):
            dp = tinygen.to_device(gradients(stream, p), where)
            optimiser.update(q, clip_value(clip_norm(dp, 3.0), 0.5), state)
            mean.update(averages[where], q, t)
    for one, two in ((here, there), (averages["cpu"], averages[device])):
        for (_, a), (_, b) in pairs(one, tinygen.to_host(two)):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


# --- memory -------------------------------------------------------------------------------------


def test_keeping_memory_ends_the_page_faults_of_repeated_steps(tmp_path):
    resource = pytest.importorskip("resource")
    assert hasattr(resource, "RUSAGE_SELF")
    script = tmp_path / "faults.py"
    script.write_text(
        "import resource, sys\n"
        "import numpy as np\n"
        "from tinygen.kernels.memory import keep_memory\n"
        "done = keep_memory() if sys.argv[1] == 'keep' else None\n"
        "x = np.ones((256, 784), np.float32)\n"
        "def step():\n"
        "    kept = [x * 2 for _ in range(10)]\n"
        "    return sum(kept[1:], kept[0])\n"
        "step(), step()\n"
        "faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "before = faults()\n"
        "for _ in range(20): step()\n"
        "print(done, faults() - before)\n"
    )
    import sys

    def faults(mode):
        run = subprocess.run([sys.executable, script, mode], capture_output=True, check=True)
        done, count = run.stdout.decode().split()
        return done, int(count)

    done, kept = faults("keep")
    if done == "False":
        pytest.skip("this C library has no mallopt")
    _, given_back = faults("give back")
    assert kept < 200 < given_back


def test_keeping_memory_is_a_no_op_elsewhere_than_on_glibc(monkeypatch):
    monkeypatch.setattr(memory.platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr(memory.ctypes, "CDLL", None)
    assert memory.keep_memory() is False


# --- bad input ----------------------------------------------------------------------------------


@pytest.mark.parametrize("lr", [0, -1e-3, math.nan, math.inf, "0.1", True, None])
@pytest.mark.parametrize("name", FACTORIES)
def test_a_bad_lr_is_refused(name, lr):
    with pytest.raises(ValueError, match=f"{name}: lr must be a finite number > 0"):
        FACTORIES[name](lr)


@pytest.mark.parametrize(
    "name, option",
    [(name, option) for name in FACTORIES for option in ("l2", "weight_decay")]
    + [("momentum", "beta"), ("nesterov", "beta"), ("rmsprop", "beta"), ("rmsprop", "eps")]
    + [("adagrad", "eps"), ("adam", "beta1"), ("adam", "beta2"), ("adam", "eps")],
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -0.5])
def test_bad_hyperparameters_are_refused(name, option, value):
    with pytest.raises(ValueError, match=f"{name}: {option} must be a finite number"):
        FACTORIES[name](0.1, **{option: value})


@pytest.mark.parametrize(
    "name, option", [("momentum", "beta"), ("adam", "beta1"), ("adam", "beta2")]
)
def test_a_decay_rate_of_one_is_refused(name, option):
    with pytest.raises(ValueError, match=f"{option} must be a finite number >= 0.0 and < 1.0"):
        FACTORIES[name](0.1, **{option: 1.0})


def test_a_schedule_that_leaves_its_range_is_refused(rng):
    p = weights(rng)
    for value in (math.nan, -1.0):
        optimiser = sgd(schedules.Schedule("mine", lambda step, value=value: value))
        with pytest.raises(ValueError, match="schedule's lr must be a finite number >= 0"):
            optimiser.update(p, p, optimiser.init(p))


@pytest.mark.parametrize("name", FACTORIES)
def test_a_missing_gradient_is_refused_and_nothing_is_written(name, rng):
    p = weights(rng)
    before, optimiser = tree.map(np.copy, p), FACTORIES[name](0.1)
    state, dp = optimiser.init(p), gradients(rng, p)
    with pytest.raises(ValueError, match="to freeze a part, update only the subtree"):
        optimiser.update(p, {"first": dp["first"]}, state)
    with pytest.raises(ValueError, match="trees differ"):
        optimiser.update(p, {**dp, "more": np.ones(2)}, state)
    for (_, a), (_, b) in pairs(p, before):
        np.testing.assert_array_equal(a, b)
    assert state["step"] == 0


def test_bad_arrays_are_refused_by_name_before_anything_is_written(rng):
    p, optimiser = weights(rng), adam(0.1)
    state, dp = optimiser.init(p), gradients(rng, p)
    before = tree.map(np.copy, p)

    def refused(error, match, p=p, dp=dp, state=state):
        with pytest.raises(error, match=match):
            optimiser.update(p, dp, state)

    refused(ValueError, r"gradient of 'g' .* shape \(3,\), got \(1,\)", dp={**dp, "g": np.ones(1)})
    refused(TypeError, "gradient of 'g' is float32", dp={**dp, "g": np.ones(3, np.float32)})
    refused(ValueError, "got float", dp={**dp, "g": 0.0})
    refused(TypeError, "weight 'g' is int64", p={**p, "g": np.ones(3, int)})
    refused(TypeError, "weight 'g' is float", p={**p, "g": 1.0})
    half = tree.map(lambda a: a.astype(np.float16), p)  # eps = 1e-8 is 0 there, and 0 / 0 NaN
    refused(TypeError, "is float16: .* use float32", half, tree.map(np.ones_like, half))
    locked = p["g"].copy()
    locked.flags.writeable = False
    refused(ValueError, "weight 'g' is read-only: use w.copy", p={**p, "g": locked})
    refused(ValueError, "the state lacks one of", state={"step": 0, "m": state["m"]})
    refused(ValueError, "not of one structure", state={**state, "m": {"g": p["g"]}})
    refused(ValueError, "the v of 'g'", state={**state, "v": {**state["v"], "g": np.ones(4)}})
    for (_, a), (_, b) in pairs(p, before):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "build, match",
    [
        (lambda: constant(0.0), "constant: lr must be"),
        (lambda: step_decay(math.nan, 2), "step_decay: lr must be"),
        (lambda: step_decay(1.0, 0), "every must be a whole number >= 1"),
        (lambda: step_decay(1.0, 2, -1.0), "factor must be a finite number > 0"),
        (lambda: exponential(1.0, 0.0), "factor must be a finite number > 0"),
        (lambda: cosine(1.0, 2.5), "steps must be a whole number"),
        (lambda: cosine(1.0, 2, -0.1), "minimum must be a finite number >= 0"),
        (lambda: warm_up(1.0, 0), "warm_up: steps must be a whole number >= 1"),
        (lambda: warm_up(-1.0, 3), "constant: lr must be"),
        (lambda: warm_up(1.0, 3, start=1.5), "start must be a finite number"),
        (lambda: clip_norm({}, 0.0), "clip_norm: limit must be"),
        (lambda: clip_value({}, math.nan), "clip_value: limit must be"),
        (lambda: ema(1.0), "ema: decay must be"),
        (lambda: ema(math.nan), "ema: decay must be"),
    ],
)
def test_bad_numbers_are_refused(build, match):
    with pytest.raises(ValueError, match=match):
        build()


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_clip_norm_refuses_a_gradient_that_is_not_finite(bad):
    with pytest.raises(ValueError, match="NaN or infinity"):
        clip_norm({"w": np.array([1.0, bad])}, 1.0)


def test_ema_refuses_another_tree(rng):
    p, mean = weights(rng), ema(0.9)
    average = mean.init(p)
    with pytest.raises(ValueError, match="trees differ"):
        mean.update(average, {"g": p["g"]}, 1)
    with pytest.raises(ValueError, match="use the tree that init"):
        mean.update(average, {**p, "g": np.ones(4)}, 1)
    average["g"].flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        mean.update(average, p, 1)


@pytest.mark.parametrize("step", [0, -1, 1.5])
def test_ema_refuses_a_step_that_has_not_been(step, rng):
    p = weights(rng)
    with pytest.raises(ValueError, match="ema: step must be a whole number >= 1"):
        ema(0.9).update(ema(0.9).init(p), p, step)


def pairs(one, two):
    return zip(tree.leaves(one), tree.leaves(two), strict=True)


def test_a_cosine_that_would_rise_is_refused():
    with pytest.raises(ValueError, match=r"minimum 0\.2 lies above lr 0\.1"):
        cosine(0.1, 10, 0.2)
