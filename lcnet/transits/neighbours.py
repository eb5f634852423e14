"""The labelled events that the candidate network learnt from, as its neighbours file keeps them.

    python -m lcnet.transits.neighbours transits/candidate yu.h5 --extra nigraha.h5 --extra simulated.h5

makes that file, beside the network's weights, from the examples it was trained on, and prints how often the nearest
events have the right label. It holds points, names, periods and labels, no light curve and no view.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from lcnet.core.neighbours import Neighbours, build

__all__ = ["SHOWN", "build_neighbours", "most_like", "name_of", "neighbour_table", "real"]

SHOWN = 3
LABELS = {"planet": "planet candidate", "eclipse": "eclipsing binary", "junk": "junk"}
SOURCES = {
    "yu2019": "Yu et al. 2019",
    "nigraha": "Rao et al. 2021",
    "kepler": "Kepler's KOI table",
    "": "simulated",
}


def held_out(net, examples):
    """Which of the examples, array of bool (n,), were held out when the network was trained: as its card says.

    Raises
    ------
    ValueError
        If the card describes other examples.
    """
    from lcnet.core.splits import grouped_split

    training, data = net.card.get("training") or {}, net.card.get("data") or {}
    if data.get("fingerprint") != examples.fingerprint():
        raise ValueError(f"these are not the {data.get('examples', 0):,} examples on the network's card")
    share, seed = training["settings"]["held_out"], training["seed"]
    return grouped_split(examples.group, share, seed=seed, labels=net.task.objective.labels(examples.targets))


def build_neighbours(net, examples, extra=()) -> tuple[Neighbours, np.ndarray]:
    """The neighbours of a candidate network.

    Parameters
    ----------
    net : Network
    examples : Examples
        That it was trained on, as opened from their file; `meta` names ``target`` and ``source``.
    extra : sequence of Examples
        That joined the training; without a ``source`` they are simulated.

    Returns
    -------
    Neighbours, array of bool, shape (n,)
        And which of its events were held out.

    Raises
    ------
    ValueError
        The examples are not those of the network's card.
    """
    from lcnet.core.examples import Examples

    held = held_out(net, examples)
    parts = [examples, *extra]
    both = Examples.concatenate(parts)
    held = np.append(held, np.zeros(len(both) - len(held), bool))
    names, kinds = [], []
    for part in parts:
        told = part.meta if part.meta is not None else {}
        source = np.asarray(told["source"], str) if "source" in told else np.full(len(part), "")
        names += list(told["target"] if "target" in told else part.group.astype(str))
        kinds += list(source)
    pieces = [re.fullmatch(r"(.*?)(\d*)", str(name), re.DOTALL).groups() for name in names]
    written = [f"{kind}\n{head}" for kind, (head, _) in zip(kinds, pieces, strict=True)]
    families, family = np.unique(written, return_inverse=True)
    number = np.array([int(digits[-18:] or 0) for _, digits in pieces], np.int64)
    columns = {
        "number": number.astype(np.min_scalar_type(int(number.max()))),
        "family": family.astype(np.uint8 if len(families) < 256 else np.uint16),
        "period": np.asarray(both.inputs["period"][:], np.float32),
    }
    told = [dict(zip(("source", "head"), one.split("\n", 1), strict=True)) for one in families]
    return build(net, both, held, columns=columns, about={"families": told}), held


def name_of(neighbours: Neighbours, row: int) -> tuple[str, str]:
    """(star, source) of a labelled event."""
    family = neighbours.about["families"][int(neighbours.columns["family"][row])]
    source, head = str(family["source"]), str(family["head"])
    return f"{head}{neighbours.columns['number'][row]}", SOURCES.get(source, source)


def real(neighbours: Neighbours) -> np.ndarray:
    """Which of the labelled events were seen in the sky, array of bool (n,); the others are simulated."""
    seen = np.array([bool(family["source"]) for family in neighbours.about["families"]])
    return seen[neighbours.columns["family"]]


def most_like(neighbours: Neighbours, row: int) -> str:
    """One labelled event in words, ``TIC 1234, P 3.21 d, labelled eclipsing binary (Yu et al. 2019)``."""
    star, source = name_of(neighbours, row)
    label = neighbours.classes[int(neighbours.labels[row])]
    period = float(neighbours.columns["period"][row])
    when = f", P {period:.4g} d" if np.isfinite(period) else ""
    if not neighbours.about["families"][int(neighbours.columns["family"][row])]["source"]:
        return f"a simulated {LABELS.get(label, label).replace(' candidate', '')}{when}"
    return f"{star}{when}, labelled {LABELS.get(label, label)} ({source})"


def neighbour_table(net, neighbours: Neighbours, examples, held) -> list[tuple[str, str, int, float, float]]:
    """How the neighbours of held-out events are labelled, where the network is right and where it is wrong.

    Parameters
    ----------
    net : Network
    neighbours : Neighbours
    examples : Examples
        Of which the first ``len(examples)`` neighbours were made.
    held : array of bool, shape (len(neighbours),)

    Returns
    -------
    list of (verdict, "right" or "wrong", events, share, share)
        The shares: of the three nearest real events of the training part at least two have the label that the network
        says; that a human said.
    """
    chosen = np.flatnonzero(held[: len(examples)])
    inputs = {name: np.asarray(values[:])[chosen] for name, values in examples.inputs.items()}
    verdict, truth = net.predict(inputs).argmax(axis=1), neighbours.labels[chosen]
    # a star's other events share its group: they are held out with it
    index, _ = neighbours.nearest(neighbours.points[chosen], SHOWN, among=real(neighbours) & ~held)
    near = neighbours.labels[index]
    rows = []
    for number, name in enumerate(neighbours.classes):
        for word, outcome in (("right", truth == number), ("wrong", truth != number)):
            here = (verdict == number) & outcome
            agree, true = ((near[here] == label[here, None]).sum(axis=1) >= 2 for label in (verdict, truth))
            shares = (float(share.mean()) if here.any() else np.nan for share in (agree, true))
            rows.append((name, word, int(here.sum()), *shares))
    return rows


def main():
    """The command line."""
    import typer

    def make(network: str, data: Path, extra: list[Path] | None = None, output: Path | None = None):
        """Write the labelled events of NETWORK beside it, from the files of examples it was trained on."""
        import lcnet
        from lcnet.core.examples import Examples
        from lcnet.core.neighbours import neighbours_path

        try:
            net = lcnet.load(network)
            examples = Examples.open(data)  # left on disk, as the training opened it: so is its fingerprint
            found, held = build_neighbours(net, examples, [Examples.open(path) for path in extra or ()])
            path = output or neighbours_path(net.path)
            found.save(path)
        except (OSError, ValueError, KeyError) as error:
            typer.echo(f"{error}", err=True)
            raise typer.Exit(1) from None
        typer.echo(f"{path}: {len(found):,} events, {path.stat().st_size:,} bytes, network {found.sha256[:12]}")
        for what, limits in zip(("views", "embedding"), found.limits, strict=True):
            said = ", ".join(f"{name} {limit:.3g}" for name, limit in zip(found.classes, limits, strict=True))
            typer.echo(f"largest distance of the {what}: {said}")
        typer.echo(
            f"{'network says':<14}{'and is':<8}{'events':>7}{'2 of 3 neighbours say so':>27}{'have its label':>17}"
        )
        for name, word, n, agree, true in neighbour_table(net, found, examples, held):
            typer.echo(f"{name:<14}{word:<8}{n:>7}{agree:>27.2f}{true:>17.2f}")

    typer.run(make)


if __name__ == "__main__":
    main()
