"""What must hold of every task lcnet can train, on its tiny network. A new task is checked by being registered."""

import dataclasses
import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from toy import TOY

from lcnet.core import registry
from lcnet.core.inputs import describe
from lcnet.core.network import Network, load, outputs
from lcnet.core.simulation import simulate
from lcnet.core.training import fit
from lcnet.core.weights import save_network

NAMES = ["toy/dips", *(name for name, entry in registry.REGISTRY.items() if entry.where)]
HERE = Path(__file__).resolve().parent
SHORT = {"epochs": 4, "batch_size": 16, "tiny": True, "device": "cpu", "progress": False}


def find(name):
    return TOY if name == TOY.name else registry.get_task(name)


@functools.cache
def drawn(name):
    return simulate(find(name), 24, seed=7)


@pytest.fixture(params=NAMES)
def task(request):
    return find(request.param)


@pytest.fixture
def examples(task):
    return drawn(task.name)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def card_of(task):
    return {
        "name": task.name,
        "task": task.name,
        "size": "tiny",
        "classes": list(getattr(task.objective, "classes", ())),
        "inputs": describe(task.inputs),
        "calibration": {"parameters": {}},
    }


def test_simulated_examples_are_valid_and_repeat(task, examples):
    examples.validate(task)
    again = task.simulate(3, 3)
    assert len(again) == 3
    assert again.fingerprint() == task.simulate(3, 3).fingerprint()
    assert again.fingerprint() != task.simulate(3, 4).fingerprint()


def test_same_seed_same_network(task, examples):
    first, second, other = (fit(task, examples, seed=seed, **SHORT) for seed in (1, 1, 2))
    assert same(first.net.state_dict(), second.net.state_dict())
    assert not same(first.net.state_dict(), other.net.state_dict())


def test_the_callers_random_numbers_are_left_alone(task, examples):
    before = torch.get_rng_state()
    fit(task, examples, seed=1, **(SHORT | {"epochs": 1}))
    assert torch.equal(before, torch.get_rng_state())


def test_stop_and_resume_is_a_straight_run(task, examples, tmp_path):
    straight = fit(task, examples, seed=1, checkpoint=tmp_path / "straight", **SHORT)
    stopped = fit(task, examples, seed=1, checkpoint=tmp_path / "broken", stop_after=2, **SHORT)
    assert not stopped.finished and len(stopped.history) == 2
    torch.rand(3)  # what the process did in between must not matter
    resumed = fit(task, examples, seed=1, checkpoint=tmp_path / "broken", resume=True, **SHORT)
    assert resumed.finished
    assert same(straight.net.state_dict(), resumed.net.state_dict())
    assert resumed.history.drop(columns="seconds").equals(straight.history.drop(columns="seconds"))
    assert resumed.best_epoch == straight.best_epoch


def test_saved_and_loaded_predictions_are_identical(task, examples, tmp_path):
    net = fit(task, examples, seed=1, **SHORT).net
    card = save_network(tmp_path / "net.safetensors", [net.state_dict()], card_of(task))
    loaded = load(tmp_path / "net.safetensors", task=task)
    logits = outputs([net], task.inputs, examples.inputs, device="cpu")
    expected = task.objective.predict(torch.from_numpy(logits)).numpy().mean(axis=0).astype(np.float32)
    assert np.array_equal(loaded.predict(examples.inputs, device="cpu"), expected)
    assert loaded.card["sha256"] == card["sha256"]


def test_loss_falls_tenfold_on_eight_examples(task, examples):
    plain = dataclasses.replace(task, augment=None)
    labels = task.objective.labels(examples.targets)
    # of every class, in turns: one class alone is learnt by a bias
    turn = np.empty(len(labels), int)
    for label in np.unique(labels):
        turn[labels == label] = np.arange((labels == label).sum())
    rows = np.argsort(turn, kind="stable")[:8]
    assert len(np.unique(labels[rows])) == min(8, len(np.unique(labels))) > 1
    settings = SHORT | {"epochs": 150, "batch_size": 8, "validation": None, "lr": 3e-3}
    loss = fit(plain, examples.take(rows), seed=1, **settings).history["train_loss"]
    assert loss.iloc[-1] < 0.1 * loss.iloc[0]


def test_batch_mates_do_not_change_a_prediction(task, examples):
    net = fit(task, examples, seed=1, **SHORT).net
    network = Network(card_of(task), [net.state_dict()], task=task)
    together = network.predict(examples.inputs, device="cpu")
    alone = network.predict(examples.inputs, batch_size=1, device="cpu")
    order = np.random.default_rng(0).permutation(len(examples))
    shuffled = network.predict(examples.take(order).inputs, batch_size=7, device="cpu")
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(together[order] - shuffled).max() < 1e-5
    assert np.ptp(together, axis=0).max() > 1e-3  # it does tell examples apart


BLOCKED = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is blocked in this test", name=name)

blocked = {"astropy", "lightkurve", "matplotlib", "torch"}
sys.meta_path.insert(0, Blocker())
from lcnet.core.registry import get_task
task = get_task(sys.argv[1])
assert len(task.simulate(2, 1)) == 2
print("simulated")
blocked.remove("torch")
full, tiny = (sum(value.numel() for value in net.parameters()) for net in (task.net(), task.tiny()))
assert full > tiny
print("built")
"""


@pytest.mark.parametrize("name", ["toy:TOY", *NAMES[1:]])
def test_simulate_and_net_need_neither_astropy_nor_lightkurve(name, root):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(root), str(HERE)])}
    run = subprocess.run([sys.executable, "-c", BLOCKED, name], capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["simulated", "built"]
