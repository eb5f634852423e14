"""Does the candidate network know what it has never seen? Detection rates and false flags of three distances.

    python benchmarks/novelty.py yu.h5 [--network NET] [--cache .train/reliability.npz]

The limits are those of the network's neighbours file, and for the distance that is compared (class-conditional
Mahalanobis in the last hidden layer, Lee et al. 2018, NeurIPS 31) made the same way: what 99 % of the held-out events
of the class that the network takes an event for stay within. They were held out of the network's own training;
everything strange is made from their views, scaled as views are (median 0, minimum -1). Simulated and injected stars
are the candidates that `reliability.py --make` stored.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from reliability import CACHE, INJECTED, network_inputs


def scaled(view):
    """Median 0, minimum -1."""
    view = view - np.median(view, axis=1, keepdims=True)
    depth = -view.min(axis=1, keepdims=True)
    return (view / np.where(depth > 0, depth, 1.0)).astype(np.float32)


def changed(view, change, rng):
    """A view made strange and scaled again; what is missing stays so."""
    return np.where(np.isnan(view).any(axis=1, keepdims=True), np.nan, scaled(change(np.nan_to_num(view), rng)))


def _flares(view, rng):
    x = np.arange(view.shape[1])[None]
    since = x - rng.integers(0, view.shape[1], (len(view), 1))
    return np.where(since >= 0, 8.0 * np.exp(-since / 4.0), 0.0) + rng.normal(size=view.shape)


def _waves(view, rng):
    phase = 2 * np.pi * np.arange(view.shape[1])[None] / view.shape[1]
    turns, start = rng.uniform(0.5, 8.0, (len(view), 1)), rng.uniform(0.0, 6.3, (len(view), 1))
    return np.sin(turns * phase + start) + 0.05 * rng.normal(size=view.shape)


# name -> what becomes of a view, array (n, bins), given a generator
STRANGE = {
    "bins shuffled": lambda view, rng: rng.permuted(view, axis=1),
    "white noise": lambda view, rng: rng.normal(size=view.shape),
    "random walk": lambda view, rng: np.cumsum(rng.normal(size=view.shape), axis=1),
    "flare": _flares,
    "sine wave": _waves,
    "upside down": lambda view, rng: -view,
    "shifted by a third": lambda view, rng: np.roll(view, view.shape[1] // 3, axis=1),
    "spikes": lambda view, rng: rng.normal(size=view.shape) * 0.3 - 20.0 * (rng.random(view.shape) < 0.02),
}


def classwise(points, labels, held):
    """Class-conditional Mahalanobis distances of points, a function, and their limits by class."""
    part, own = points[~held], labels[~held]
    means = [part[own == c].mean(axis=0) for c in np.unique(labels)]
    scatter = sum(np.cov(part[own == c].T) * (own == c).mean() for c in np.unique(labels))
    inverse = np.linalg.inv(scatter)

    def distance(some):
        return np.sqrt(np.min([np.einsum("ij,jk,ik->i", some - m, inverse, some - m) for m in means], axis=0))

    far = distance(points[held])
    return distance, np.array([np.quantile(far[labels[held] == c], 0.99) for c in np.unique(labels)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="the examples the network was trained on")
    parser.add_argument("--network", default="transits/candidate")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    import lcnet
    from lcnet.core.activations import embeddings
    from lcnet.core.examples import Examples
    from lcnet.core.neighbours import load_neighbours
    from lcnet.transits.neighbours import held_out

    net = lcnet.load(options.network)
    near = load_neighbours(net)
    if near is None:
        raise SystemExit(f"{options.network} has no neighbours: python -m lcnet.transits.neighbours makes them")
    examples = Examples.open(options.data)
    held = held_out(net, examples)
    inputs = {name: np.asarray(values[:])[held] for name, values in examples.inputs.items()}
    n = len(held)
    points = near.points[:n].astype(float)
    other, limits = classwise(points, near.labels[:n], held)

    def flags(some):
        said = net.predict(some)
        where = near.project(embeddings(net, some))
        found = near.novelty(net, some, where, said)
        third = other(where.astype(float)) > limits[said.argmax(axis=1)]
        return said, {"views": found.arrays > 1, "embedding": found.embedding > 1, "either": found.flag, "Lee": third}

    def line(name, some, chosen=None):
        said, told = flags(some)
        chosen = np.ones(len(said), bool) if chosen is None else chosen
        shares = "".join(f"{flag[chosen].mean():>11.3f}" for flag in told.values())
        sure = chosen & (said[:, net.classes.index("junk")] < 0.5)
        kept = (sure & ~told["either"]).sum()
        print(f"{name:<34}{chosen.sum():>7}{shares}{sure.sum():>12}{kept:>12}")

    print(f"{'share flagged by the distance of':<34}{'':>7}{'views':>11}{'embedding':>11}{'either':>11}{'Lee':>11}"
          f"{'p(junk)<.5':>12}{'not flagged':>12}")  # fmt: skip
    label = near.labels[:n][held]
    # the held-out events are among the neighbours: the embedding's distance is measured without them
    said = net.predict(inputs)
    where = near.project(embeddings(net, inputs))
    alone = np.append(~held, np.ones(len(near) - n, bool))
    novelty = near.novelty(net, inputs, where, said, among=alone)
    third = other(where.astype(float)) > limits[said.argmax(axis=1)]
    for number, name in enumerate(near.classes):
        own = label == number
        shares = (flag[own].mean() for flag in (novelty.arrays > 1, novelty.embedding > 1, novelty.flag, third))
        print(f"{f'held out, {name} (false flags)':<34}{own.sum():>7}" + "".join(f"{share:>11.3f}" for share in shares))
    rng = np.random.default_rng(options.seed)
    for name, change in STRANGE.items():
        views = {key: changed(view, change, rng) for key, view in inputs.items() if view.ndim == 2}
        line(name, {**inputs, **views})
    if options.cache.is_file():
        stored = dict(np.load(options.cache))
        found = network_inputs(net, stored)
        for name in stored["sets"]:
            true = name in (INJECTED, "simulated planet")
            chosen = (stored["set"] == name) & (stored["true"] if true else True)
            if chosen.any():
                line(f"{name}{' (false flags)' if true else ''}", found, chosen)


if __name__ == "__main__":
    main()
