"""Two processes (gloo) train one network: the metrics of one process, no example counted twice."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

# 37 held-out examples are not divided by two: one process pads, and the padding must not count
CODE = """
import json, sys
import torch
torch.set_num_threads(1)
from toy import DEPTH, simulate_depths
from lcnet.core.training import fit
made = fit(DEPTH, simulate_depths(100, 0), validation=simulate_depths(37, 1), seed=3, epochs=3, batch_size=20, lr=1e-2,
           device="cpu", progress=False)
rows = made.history.drop(columns="seconds").to_dict("records")
total = sum(float(value.double().sum()) for value in made.net.state_dict().values())
print("RESULT", json.dumps({"rows": rows, "weights": total}), flush=True)
"""


def run(world):
    """What each of `world` processes reports."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(world):
        settings = {
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])])
        }
        if world > 1:
            settings |= {"WORLD_SIZE": str(world), "RANK": str(rank), "LOCAL_RANK": str(rank)}
            settings |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "ACCELERATE_USE_CPU": "true"}
        words = [sys.executable, "-c", CODE]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(words, env={**os.environ, **settings}, **pipes))
    found = []
    try:
        for process in processes:
            out, err = process.communicate(timeout=150)
            assert process.returncode == 0, err[-2000:]
            found.append(json.loads(next(line for line in out.splitlines() if line.startswith("RESULT"))[7:]))
    finally:
        for process in processes:
            process.kill()
    return found


@pytest.mark.timeout(300)
def test_two_processes_train_as_one():
    (alone,) = run(1)
    together = run(2)
    # both hold the same network, and judge all 37 held-out examples once
    assert together[0]["weights"] == together[1]["weights"]
    assert together[0]["rows"] == together[1]["rows"]
    assert len(alone["rows"]) == len(together[0]["rows"]) == 3
    for one, two in zip(alone["rows"], together[0]["rows"], strict=True):
        # the same batches, their gradients summed in another order: float32 rounding over 15 steps
        np.testing.assert_allclose([two[name] for name in one], list(one.values()), rtol=1e-4)
    assert together[0]["rows"][-1]["rms"] < together[0]["rows"][0]["rms"]
