"""The Supernova Photometric Classification Challenge (Kessler et al. 2010, PASP 122, 1415) as examples and splits.

Every object gives several examples: its whole window, and the window as it looked at random times after the trigger,
so that one network serves early and late. All are of one group, the object.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from lcnet.core.examples import Examples
from lcnet.supernovae.photometry import CLASSES, Photometry
from lcnet.supernovae.views import make_views

__all__ = ["CLASSES", "SHARES", "challenge_examples", "challenge_split", "check_split", "splits", "training_examples"]

splits = ("spectroscopic", "representative-1103", "half")
# of the challenge's objects after its cuts, as its README states them: what a survey knows of rates and depth
SHARES = {"Ia": 0.24, "Ibc": 0.13, "II": 0.63}
_LATEST = 60.0  # days after the trigger: the latest random look


def check_split(split: str) -> None:
    """Raise ValueError unless there is a split of that name."""
    if split not in splits:
        raise ValueError(f"split must be one of {', '.join(splits)}, not {split!r}")


def challenge_split(photometry: Photometry, split: str, *, seed: int = 0) -> np.ndarray:
    """Which objects are trained on, array of bool (n,); all others are tested on.

    Parameters
    ----------
    photometry : Photometry
        With truths.
    split : {"spectroscopic", "representative-1103", "half"}
        The objects with a spectrum (their SNTYPE is known: bright and near); 1,103 at random; half at random.
    seed : int
        Of the random splits; they depend on the objects' names alone, not on their order.

    Raises
    ------
    ValueError
    """
    check_split(split)
    if split == "spectroscopic":
        chosen = ~photometry.truth["sntype"].isin(["-9", ""]).to_numpy()
        if not chosen.any():
            raise ValueError("no object here has a spectrum (an SNTYPE that is not -9)")
        return chosen
    names = photometry.objects["object"].to_numpy().astype(str)
    order = np.argsort(names, kind="stable")[np.random.default_rng([seed, 0x5E1F]).permutation(len(names))]
    size = len(names) // 2 if split == "half" else 1103
    if size >= len(names):
        raise ValueError(f"{split} needs more than {size} objects, there are {len(names)}")
    chosen = np.zeros(len(names), dtype=bool)
    chosen[order[:size]] = True
    return chosen


def challenge_examples(photometry: Photometry, *, looks: int = 0, seed: int = 0, redshifts: str = "mixed") -> Examples:
    """Labelled examples of simulated objects.

    Parameters
    ----------
    photometry : Photometry
        With truths; objects without a class are left out.
    looks : int
        Random early looks at every object, beside the whole window.
    seed : int
    redshifts : {"host", "mixed"}
        The host's photometric redshift alone; or, for training, in half of the examples the true one with an error
        drawn between 1e-4 and 0.1, so that a network knows what to make of a spectroscopic redshift.

    Returns
    -------
    Examples
        Group: the object.
    """
    label = np.array([CLASSES.index(one) if one in CLASSES else -1 for one in photometry.truth["type"]])
    photometry, label = photometry.take(label >= 0), label[label >= 0]
    rng = np.random.default_rng([seed, 0x10C5])
    models = sorted({one for one in photometry.truth["model"] if one})
    template = np.array([models.index(one) if one else -1 for one in photometry.truth["model"]], dtype=np.int64)
    parts, which = [], []
    for look in range(looks + 1):
        # more early looks than late ones, which differ less from each other
        epoch = None if look == 0 else _LATEST * rng.random(len(photometry)) ** 1.5
        views = make_views(photometry, epoch=epoch)
        there = views.n_obs > 0
        parts.append({name: values[there] for name, values in views.inputs.items()})
        which.append(np.flatnonzero(there))
    rows = np.concatenate(which)
    inputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    inputs["redshift"], inputs["redshift_err"] = _redshifts(photometry, rows, redshifts, rng)
    true = photometry.truth["redshift"].to_numpy()
    targets = {
        "label": label[rows].astype(np.int64),
        "template": template[rows],
        "log1z": np.log10(1 + true[rows]).astype(np.float32),
    }
    # what was made of an object (`redshifting`) stays on its side of every split
    names = np.array([name.partition("+")[0] for name in photometry.objects["object"].astype(str)])
    look = np.repeat(np.arange(looks + 1), [len(one) for one in which])
    return Examples(inputs, targets, names[rows], meta=pd.DataFrame({"row": rows, "look": look}))


def training_examples(
    photometry: Photometry, split: str, *, looks: int = 1, redshifted: int = 0, seed: int = 0
) -> Examples:
    """The examples a network of one split is trained on.

    Parameters
    ----------
    photometry : Photometry
        The whole challenge.
    split : str
        As in `challenge_split`, or "all".
    looks, seed : int
        As in `challenge_examples`; the split is the same for every seed.
    redshifted : int
        Objects to add that are made of these by `lcnet.supernovae.redshifting`.

    Returns
    -------
    Examples
        Whose attributes, which go on the network's card, say how they were made.
    """
    part = photometry if split == "all" else photometry.take(challenge_split(photometry, split))
    if redshifted:
        from lcnet.supernovae.redshifting import redshifted as move

        part = Photometry.concatenate([part, move(part, redshifted, shares=SHARES, seed=seed, smooth=True)])
    made = challenge_examples(part, looks=looks, seed=seed)
    made.attributes = {"task": "supernovae/des", "seed": seed, "split": split, "looks": looks}
    if redshifted:
        made.attributes["redshifted"] = redshifted
    return made


def _redshifts(photometry, rows, kind, rng) -> tuple[np.ndarray, np.ndarray]:
    if kind not in ("host", "mixed"):
        raise ValueError(f"redshifts must be 'host' or 'mixed', not {kind!r}")
    value = photometry.objects["redshift"].to_numpy()[rows].copy()
    error = photometry.objects["redshift_err"].to_numpy()[rows].copy()
    if kind == "mixed":
        true = photometry.truth["redshift"].to_numpy()[rows]
        drawn = (rng.random(len(rows)) < 0.5) & np.isfinite(true)
        sigma = 10 ** rng.uniform(-4, -1, len(rows))
        scattered = np.maximum(true + sigma * rng.standard_normal(len(rows)), 0.01)
        value, error = np.where(drawn, scattered, value), np.where(drawn, sigma, error)
    known = np.isfinite(value) & (value > 0) & np.isfinite(error) & (error > 0)
    return np.where(known, value, np.nan).astype(np.float32), np.where(known, error, np.nan).astype(np.float32)
