"""The benchmark of drawing: its opponent is the same network, and it runs."""

from pathlib import Path

import numpy as np
import pytest

from tinygen import tree
from tinygen.cases.common import jittered
from tinygen.models import PixelCNN

FOLDER = Path(__file__).parent.parent / "benchmarks"
SMALL = ["--size", "6", "--features", "4", "--depth", "2", "--rounds", "2", "--passes", "2"]


@pytest.fixture
def sampling(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    import sampling

    return sampling


def test_the_opponent_computes_the_same_logits(sampling, rng):
    import torch
    from pixelcnn_torch import copy_weights, pixelcnn

    model = PixelCNN((6, 5, 1), 4, 2, 3)
    p = tree.map(lambda a: a.astype(np.float32), jittered(rng, model.init(rng)))
    net = pixelcnn(4, 2, 3)
    copy_weights(net, p)
    x = (rng.random((2, 6, 5, 1)) < 0.5).astype(np.float32)
    params, _ = model.conditionals(p, x)
    theirs = net(torch.from_numpy(x.transpose(0, 3, 1, 2))).detach().numpy()
    sampling.same(params, theirs)
    with pytest.raises(AssertionError):
        sampling.same(params + 0.1, theirs)


def test_every_model_is_timed_both_ways_and_pixelcnn_beside_the_opponent(sampling, capsys):
    found = sampling.main(["--batches", "2", "3", *SMALL])
    assert len(found) == 2 * len(sampling.DEPTH)
    for name, row in found.items():
        ways = {"cached", "naive", "torch"} if name.startswith("pixelcnn") else {"cached", "naive"}
        assert set(row) == ways and min(row.values()) > 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(found) and all(line.count("|") == 10 for line in lines)
