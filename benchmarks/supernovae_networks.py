r"""Train the shipped networks of supernovae, or one of another split of the challenge.

    python benchmarks/supernovae_networks.py simulated --output work
    python benchmarks/supernovae_networks.py half --archive SIMGEN_PUBLIC_DES.tar.xz --start work/simulated \
        --output work
    python benchmarks/supernovae_networks.py spectroscopic --archive ... --start work/simulated --output work

What `lcnet train` does, and two things more: the threshold on p(Ia) of the highest figure of merit, chosen on the
held-out objects of the training part, and the ranges of the training set (for the column ``ood``) go on the card.
A run that was stopped continues where it was.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

# how each set is made, and how long it is learnt from: (epochs, learning rate), each round from where the last ended
RECIPES = {
    "simulated": {"rounds": [(14, 2e-3)], "members": 1},
    "half": {"rounds": [(14, 2e-3)], "members": 2, "looks": 1},
    "representative-1103": {"rounds": [(7, 1e-3)], "members": 1, "looks": 1, "redshifted": 8000},
    "spectroscopic": {"rounds": [(6, 1e-3)], "members": 2, "looks": 1, "redshifted": 12000},
}
SIMULATED = 24_000


def examples_of(kind, archive, seed, folder):
    """The examples of one recipe, kept in `folder`."""
    from lcnet.core.examples import Examples
    from lcnet.supernovae import tasks

    path = folder / f"{kind}.h5"
    if path.exists():
        return Examples.open(path, lazy=False)
    if kind == "simulated":
        from lcnet.core.simulation import simulate

        made = simulate(tasks.DES, SIMULATED, seed + 11)
    else:
        from lcnet.supernovae.challenge import training_examples
        from lcnet.supernovae.read import read

        recipe = RECIPES[kind]
        made = training_examples(
            read(archive), kind, looks=recipe["looks"], redshifted=recipe.get("redshifted", 0), seed=seed
        )
    made.save(path)
    return Examples.open(path, lazy=False)


def complete(network, examples, folder, name):
    """Write threshold and ranges onto the card of a network that was just trained."""
    from lcnet.core.splits import grouped_split
    from lcnet.core.weights import save_network
    from lcnet.supernovae import evaluation, ood
    from lcnet.supernovae.views import Views

    held = grouped_split(examples.group, 0.15, seed=network.card["training"]["seed"], labels=examples.targets["label"])
    if examples.meta is not None and "look" in examples.meta:
        held &= (examples.meta["look"] == 0).to_numpy()  # whole light curves
    some = examples.take(held)
    photometry = {key: some.inputs[key] for key in ("time", "flux", "flux_err")}
    truth = some.targets["label"] == 0
    card = dict(network.card)
    card["threshold_Ia"] = {
        "without redshift": round(evaluation.choose_threshold(network.predict(photometry)[:, 0], truth), 4),
        "with host redshift": round(evaluation.choose_threshold(network.predict(some.inputs)[:, 0], truth), 4),
        "chosen_on": f"{len(some)} whole light curves of the held-out objects, for the highest figure of merit",
    }
    n = len(examples)
    empty = np.zeros(n)
    views = Views({key: examples.inputs[key] for key in photometry}, empty, empty, empty, empty, empty)
    card["ood"] = ood.training_ranges(views)
    half = card.get("precision") == "float16"
    return save_network(folder / f"{name}.safetensors", network.states(), card, half=half)


def main():
    from lcnet.core.ensemble import train
    from lcnet.core.network import load
    from lcnet.supernovae import tasks

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=RECIPES)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--start", help="a network to start from: the folder of a simulated one")
    parser.add_argument("--members", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--about", type=Path, help="JSON: more for the card")
    options = parser.parse_args()
    recipe = RECIPES[options.kind]
    options.output.mkdir(parents=True, exist_ok=True)
    examples = examples_of(options.kind, options.archive, options.seed, options.output)
    task = tasks.DES_SPECTROSCOPIC if options.kind == "spectroscopic" else tasks.DES
    name = task.name.rpartition("/")[2]
    start = None
    if options.start:
        # the same network under another task's name
        start = load(options.start, task=dataclasses.replace(tasks.DES)).states()
    folder = options.output / options.kind
    for number, (epochs, rate) in enumerate(recipe["rounds"]):
        network = train(
            task,
            examples,
            folder=folder,
            name=name,
            checkpoints=folder / f"round-{number}",
            members=options.members or recipe["members"],
            seed=options.seed,
            start=start,
            resume=True,
            about=json.loads(options.about.read_text()) if options.about else None,
            command=f"python benchmarks/supernovae_networks.py {options.kind}",
            epochs=epochs,
            lr=rate,
            batch_size=128,
            patience=99,
            device="cpu",
        )
        start = network.states()
    card = complete(network, examples, folder, name)
    print(json.dumps({key: card[key] for key in ("metrics", "threshold_Ia", "sha256")}, indent=1))


if __name__ == "__main__":
    main()
