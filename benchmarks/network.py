"""Milliseconds a candidate: the candidate ensemble, the KOI network and AstroNet, by batch and threads.

    python benchmarks/network.py

The inputs are noise of the networks' shapes: the time does not depend on them. Process CPU time (which on two threads
counts both) and wall time, the best of several rounds. `transits/candidate` is the shipped ensemble as `predict` runs
it, checks and all; the others are one network each, with random weights.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

BATCHES, THREADS = (1, 8, 64, 512), (1, 2)


def examples(specs, n, rng):
    """Inputs that the specs allow, at random."""
    inputs = {}
    for name, spec in specs.items():
        low, high = spec.range or (-1.0, 1.0)
        values = rng.uniform(low, high, (n, *spec.shape))
        inputs[name] = values.astype(np.float32)
    return inputs


def networks():
    """Name -> Network."""
    import lcnet
    from lcnet.core.inputs import describe
    from lcnet.core.network import Network
    from lcnet.transits.astronet import ASTRONET
    from lcnet.transits.koi import KOI

    found = {"transits/candidate": lcnet.load("transits/candidate")}
    for task in (KOI, ASTRONET):
        card = {"task": task.name, "name": task.name, "classes": list(task.objective.classes)}
        card |= {"inputs": describe(task.inputs), "calibration": {"parameters": {}}}
        found[task.name] = Network(card, [task.net().state_dict()], task=task)
    return found


def best_of(call, *, seconds):
    """The smallest CPU and wall time of a call [s], of rounds that last `seconds` of CPU in all."""
    call()
    cpu, wall, spent = [], [], 0.0
    while spent < seconds:
        start = time.process_time(), time.perf_counter()
        call()
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
        spent += cpu[-1]
    return min(cpu), min(wall)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU seconds a cell")
    options = parser.parse_args()

    import torch

    rng = np.random.default_rng(0)
    print("ms a candidate, CPU (wall)")
    print(f"{'network':<20}{'members':>8}{'parameters':>12}{'threads':>8}" + "".join(f"{n:>18}" for n in BATCHES))
    for name, network in networks().items():
        states = network.states()
        size = sum(value.numel() for state in states for value in state.values())
        for threads in THREADS:
            torch.set_num_threads(threads)
            cells = []
            for n in BATCHES:
                inputs = examples(network.specs, n, rng)
                cpu, wall = best_of(
                    lambda net=network, x=inputs: net.predict(x, batch_size=512, device="cpu"), seconds=options.seconds
                )
                cells.append(f"{1e3 * cpu / n:.3f} ({1e3 * wall / n:.3f})")
            print(f"{name:<20}{len(states):>8}{size:>12,}{threads:>8}" + "".join(f"{cell:>18}" for cell in cells))


if __name__ == "__main__":
    main()
