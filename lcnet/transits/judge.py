"""One network's opinion of candidates: its inputs from their views, its probabilities, and what they hold for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["NETWORK", "THRESHOLD", "Judge", "load_judge", "network_inputs", "prior_shares"]

NETWORK = "transits/candidate"
PLANET, JUNK = "planet", "junk"
# p_planet from which on a candidate counts as a planet, at the network's own prior: one of 3,500 light curves without a
# planet has a candidate above it, well below one in a hundred (benchmarks/reliability.py)
THRESHOLD = 0.2


@dataclass(frozen=True)
class Judge:
    """A network and the mixture of classes its probabilities are given for.

    Attributes
    ----------
    network : Network or None
        None has no opinion: the probabilities are NaN.
    shares : array, shape (classes,), or None
        Prior share of every class, None for that of the training set.
    """

    network: Any = None
    shares: np.ndarray | None = None

    def probabilities(self, batch) -> list[np.ndarray]:
        """For each star an array (candidates, 3): p_transit, p_planet, p_planet_std, NaN where there is no view.

        The network sees all candidates of the batch at once. Its last bits follow from how many that are: who wants the
        same table again makes the same batches.

        Parameters
        ----------
        batch : sequence of Found
        """
        tables = [np.full((len(star.search.candidates) if star.search else 0, 3), np.nan) for star in batch]
        members = None if self.network is None else self._members(batch)
        if members is None:
            return tables
        mean = members.mean(axis=0)
        if self.shares is not None:
            from lcnet.core.calibration import reweight

            trained = _prevalence(self.network)
            # the mean is what was calibrated, so it is what another prior re-weights
            mean, members = reweight(mean, trained, self.shares), reweight(members, trained, self.shares)
        planet, junk = (list(self.network.classes).index(name) for name in (PLANET, JUNK))
        results = iter(np.column_stack([1 - mean[:, junk], mean[:, planet], members[:, :, planet].std(axis=0)]))
        for star, table in zip(batch, tables, strict=True):
            for number, view in enumerate(star.views):
                if not isinstance(view, Exception):
                    table[number] = next(results)
        return tables

    def _members(self, batch):
        """What each member says of every candidate that has views, array (members, n, classes); None without one."""
        views = [view for star in batch for view in star.views if not isinstance(view, Exception)]
        made = [one for star in batch for one in star.explanations if one is not None and one.by is self.network]
        if views and len(made) == len(views):  # the explanations have asked it already
            return np.stack([one.members for one in made], axis=1).astype(float)
        inputs = network_inputs(self.network, batch)
        return np.asarray(self.network.predict_members(inputs), dtype=float) if inputs else None

    def meta(self) -> dict:
        """Name, version and sha256 of the network and the prior, for a table's meta."""
        if self.network is None:
            return {}
        card, classes = self.network.card, list(self.network.classes)
        meta = {"network": str(card.get("name", "")), "network_version": str(card.get("version", ""))}
        meta["network_sha256"] = str(card.get("sha256", ""))
        if self.shares is not None or card.get("prevalence"):
            believed = _prevalence(self.network) if self.shares is None else self.shares
            meta["prior_planet"] = float(believed[classes.index(PLANET)])
        if self.shares is None:
            meta["prior"] = "that of the training set"
        else:
            meta["prior"] = {str(name): float(share) for name, share in zip(classes, self.shares, strict=True)}
        return meta


def load_judge(network, prior=None) -> Judge:
    """The judge of a `score`.

    Parameters
    ----------
    network : str, path, Network or None
    prior : float, mapping or None
        As `prior_shares`.

    Raises
    ------
    ValueError
        The network does not tell planets and junk apart, or the prior makes no sense.
    """
    if network is None:
        return Judge()
    if not hasattr(network, "predict_members"):
        import lcnet

        network = lcnet.load(os.fspath(network))
    if not {PLANET, JUNK} <= set(network.classes):
        told = ", ".join(network.classes)
        raise ValueError(f"score needs a network that tells {PLANET} and {JUNK} apart, not {told}")
    return Judge(network, prior_shares(network, prior))


def prior_shares(net, prior):
    """The prior share of every class, in the network's order; None for that of its training set.

    Parameters
    ----------
    net : Network
    prior : float, mapping or None
        A single number is the share of planets; the other classes keep their proportions.

    Returns
    -------
    array, shape (classes,), or None

    Raises
    ------
    ValueError
    """
    if prior is None:
        return None
    trained = _prevalence(net)
    if isinstance(prior, (int, float, np.integer, np.floating)):
        if not 0 < prior < 1:
            raise ValueError(f"prior must lie between 0 and 1, got {prior:g}")
        shares = trained.copy()
        planet = list(net.classes).index(PLANET)
        shares[planet] = 0.0
        shares *= (1 - prior) / shares.sum()
        shares[planet] = prior
        return shares
    if set(prior) != set(net.classes):
        raise ValueError(f"prior must give a share for each of {', '.join(net.classes)}; got {', '.join(prior)}")
    shares = np.array([float(prior[name]) for name in net.classes])
    if not (np.isfinite(shares).all() and (shares >= 0).all() and shares.sum() > 0):
        raise ValueError(f"prior must be non-negative shares, got {dict(prior)}")
    return shares / shares.sum()


def _prevalence(net) -> np.ndarray:
    known = net.card.get("prevalence")
    if known is None:
        raise ValueError("the network's card states no prevalence, so it cannot be given another prior")
    values = [known[name] for name in net.classes] if hasattr(known, "keys") else list(known)
    return np.array(values, dtype=float) / np.sum(values)


def network_inputs(net, found) -> dict[str, np.ndarray]:
    """What the network takes of the candidates that have views: one row each, stars in order.

    Parameters
    ----------
    net : Network
    found : sequence of Found

    Returns
    -------
    dict of str to array, float32
    """
    pairs = [
        (candidate, view[0])
        for star in found
        if star.search is not None
        for candidate, view in zip(star.search.candidates, star.views, strict=True)
        if not isinstance(view, Exception)
    ]
    inputs = {}
    for name in net.inputs:
        if pairs and name in pairs[0][1]:
            inputs[name] = np.stack([views[name] for _, views in pairs]).astype(np.float32)
        elif pairs and hasattr(pairs[0][0], name):
            inputs[name] = np.array([getattr(candidate, name) for candidate, _ in pairs], dtype=np.float32)
    return inputs
