r"""Train the shipped networks of supernovae, or one of another split of the challenge.

    python benchmarks/supernovae_networks.py simulated --output work
    python benchmarks/supernovae_networks.py half --archive SIMGEN_PUBLIC_DES.tar.xz --start work/simulated \
        --output work
    python benchmarks/supernovae_networks.py spectroscopic --archive ... --start work/simulated --output work

in this order: `supernovae/des` is the network of `half`, `supernovae/des-spectroscopic` that of `spectroscopic`.

What `lcnet train` does, and two things more: the threshold on p(Ia) of the highest expected figure of merit on
held-out objects of the training part, and the ranges of the training set (for the column ``ood``) go on the card.
A run that was stopped continues where it was.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

# How each set is made and learnt from. `looks`: early looks at each object; `redshifted`: copies of its objects at
# other redshifts. For training only, never held out: `copies` too; `elsewhere`, copies as other surveys see them;
# `simulated`, objects of other surveys. `again`: each member goes on with one in `one_in` of what is for training only,
# so that the last it sees is mostly the challenge (with none of it the network forgets other surveys).
RECIPES = {
    "simulated": {"epochs": 8, "lr": 2e-3, "members": 1},
    "half": {
        **{"epochs": 8, "lr": 2e-3, "members": 5, "looks": 3},
        **{"copies": 14_000, "elsewhere": 10_000, "simulated": 25_000},
        "again": {"epochs": 6, "lr": 1e-3, "one_in": 3},
    },
    "representative-1103": {"epochs": 6, "lr": 1.5e-3, "members": 5, "looks": 1, "redshifted": 10_000},
    "spectroscopic": {"epochs": 6, "lr": 1.5e-3, "members": 5, "looks": 1, "redshifted": 18_000, "elsewhere": 5_000},
}
SIMULATED = 100_000  # half of them of the challenge's survey, half of others


# the words of the shipped networks' cards
CARDS = Path(__file__).resolve().parents[1] / "docs" / "cards"
ABOUT = {"half": CARDS / "supernovae-des.json", "spectroscopic": CARDS / "supernovae-des-spectroscopic.json"}


def examples_of(kind, archive, seed, folder):
    """The examples of one recipe and those for training only, or None; kept in `folder`."""
    from lcnet.core.examples import Examples
    from lcnet.core.simulation import simulate
    from lcnet.supernovae import challenge, tasks
    from lcnet.supernovae.read import read
    from lcnet.supernovae.redshifting import redshifted

    def kept(name, make):
        path = folder / f"{name}.h5"
        if not path.exists():
            make().save(path)
        return Examples.open(path, lazy=False)

    if kind == "simulated":
        return kept(kind, lambda: simulate(tasks.DES, SIMULATED, seed + 11)), None
    recipe = RECIPES[kind]
    looks, copies = recipe["looks"], recipe.get("redshifted", 0)
    archived = functools.cache(lambda: read(archive))

    def moved(n, seed, away):
        part = archived().take(challenge.challenge_split(archived(), kind))
        new = redshifted(part, n, shares=challenge.SHARES, seed=seed, elsewhere=away, smooth="redshifted" in recipe)
        return challenge.challenge_examples(new, looks=1, seed=seed)

    made = kept(kind, lambda: challenge.training_examples(archived(), kind, looks=looks, redshifted=copies, seed=seed))
    extra = []
    for number, what in enumerate(("elsewhere", "copies"), 1):
        if recipe.get(what):
            make = functools.partial(moved, recipe[what], seed + number, what == "elsewhere")
            extra.append(kept(f"{kind}-{what}", make))
    if recipe.get("simulated"):
        extra.append(kept("simulated-elsewhere", lambda: _simulated_elsewhere(recipe["simulated"], seed)))
    return made, Examples.concatenate(extra) if extra else None


def _simulated_elsewhere(n, seed):
    from lcnet.supernovae.simulate import simulate_examples

    made = simulate_examples(2 * n, seed + 12)
    made.group = np.array([f"sim-{seed}-{one}" for one in made.group])
    return made.take(np.arange(n, 2 * n))  # the second half is of other surveys


def complete(network, examples, extra, folder, name):
    """Write threshold and ranges onto the card of a network that was just trained."""
    from lcnet.core.examples import Examples
    from lcnet.core.splits import grouped_split
    from lcnet.core.weights import save_network
    from lcnet.supernovae import evaluation, ood
    from lcnet.supernovae.views import Views

    held = grouped_split(examples.group, 0.15, seed=network.card["training"]["seed"], labels=examples.targets["label"])
    if examples.meta is not None and "look" in examples.meta:
        held &= (examples.meta["look"] == 0).to_numpy()  # whole light curves
    some = examples.take(held)
    photometry = {key: some.inputs[key] for key in ("time", "flux", "flux_err", "wavelength")}
    card = dict(network.card)
    card["threshold_Ia"] = {
        "without redshift": round(evaluation.choose_threshold(network.predict(photometry)[:, 0]), 4),
        "with host redshift": round(evaluation.choose_threshold(network.predict(some.inputs)[:, 0]), 4),
        "chosen_on": f"the highest expected figure of merit of {len(some)} whole light curves of held-out objects",
    }
    everything = examples if extra is None else Examples.concatenate([examples, extra])
    empty = np.zeros(len(everything))
    views = Views({key: everything.inputs[key] for key in photometry}, *[empty] * 5)
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
    options = parser.parse_args()
    if options.kind in ABOUT and not options.start:
        parser.error("its card says that it starts at the simulated network: give --start")
    recipe = RECIPES[options.kind]
    options.output.mkdir(parents=True, exist_ok=True)
    examples, extra = examples_of(options.kind, options.archive, options.seed, options.output)
    task = tasks.DES_SPECTROSCOPIC if options.kind == "spectroscopic" else tasks.DES
    name = task.name.rpartition("/")[2]
    folder = options.output / options.kind
    about = json.loads(ABOUT[options.kind].read_text()) if options.kind in ABOUT else {}
    settings = {
        **{"name": name, "members": options.members or recipe["members"], "seed": options.seed, "resume": True},
        **{"batch_size": 256, "patience": 99, "device": "cpu"},
        "command": f"python benchmarks/supernovae_networks.py {options.kind}"
        + (" --archive SIMGEN_PUBLIC_DES.tar.xz" if options.kind != "simulated" else "")
        + (" --start work/simulated" if options.start else "")
        + " --output work",
    }
    network = train(
        task,
        examples,
        extra=extra,
        folder=folder,
        # the same network under another task's name
        start=load(options.start, task=tasks.DES).states() if options.start else None,
        about=about,
        epochs=recipe["epochs"],
        lr=recipe["lr"],
        **settings,
    )
    if again := recipe.get("again"):
        network = train(
            task,
            examples,
            extra=extra.take(np.arange(len(extra)) % again["one_in"] == 0),
            folder=folder / "again",
            start=network.states(),
            about=about | {"before": network.card["training"] | {"extra": len(extra)}},
            epochs=again["epochs"],
            lr=again["lr"],
            **settings,
        )
    card = complete(network, examples, extra, folder, name)
    print(json.dumps({key: card[key] for key in ("metrics", "threshold_Ia", "sha256")}, indent=1))


if __name__ == "__main__":
    main()
