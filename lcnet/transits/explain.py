"""Why the network says what it says: what in the views moved it, which labelled events are most like this one, and
whether any is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lcnet.transits.judge import NETWORK, PLANET, network_inputs

__all__ = ["Explainer", "Explanation", "Similar", "explain"]

FLAT = 0.01  # of their size, that views are compared with


@dataclass(frozen=True)
class Similar:
    """A labelled event of the training: its `target`, `period` [d], `label` and `source`, and how far it lies."""

    target: str
    period: float
    label: str
    source: str
    distance: float
    words: str


@dataclass(frozen=True)
class Explanation:
    """What stands behind a candidate's probabilities.

    Attributes
    ----------
    probabilities : dict of str to float
        Of each class, at the prior of the training.
    views : dict of str to array
        What the network saw.
    attribution : dict of str to array
        How much each bin of each view moved the logit of p(planet), from that of the same views at a hundredth of
        their size, all but flat, with the same period, duration and depth: integrated gradients. Empty where it was not
        asked for.
    logit, flat_logit : float
        Of p(planet), here and for the flattened views; the attributions sum to their difference.
    similar : tuple of Similar
        The three real labelled events nearest in the network's last hidden layer, nearest first; and behind them the
        nearest simulated one, if it is nearer than they.
    view_distance, embedding_distance : float
        How far the views, and what the network makes of them, lie from the training, in units of what 99 % of its
        held-out events of the class stay within; NaN for a network without neighbours.
    unlike : str
        In words, if either is above one; else "".
    members : array, shape (members, classes), or None
        What each member of the ensemble says; `probabilities` is their mean.
    by : Network or None
        The network that is explained.
    """

    probabilities: dict[str, float]
    views: dict[str, np.ndarray]
    attribution: dict[str, np.ndarray]
    logit: float = np.nan
    flat_logit: float = np.nan
    similar: tuple[Similar, ...] = ()
    view_distance: float = np.nan
    embedding_distance: float = np.nan
    unlike: str = ""
    members: np.ndarray | None = None
    by: Any = None

    def plot(self, figure=None):
        """The views, and below each what its bins said for a planet and against it; a matplotlib Figure."""
        from lcnet.transits.explain_figure import plot_explanation

        return plot_explanation(self, figure)


class Explainer:
    """A network with its labelled events, to explain many candidates.

    Parameters
    ----------
    network : Network or None
        None explains nothing.

    Raises
    ------
    lcnet.core.weights.WeightsError
        If the neighbours beside the network are damaged, or another network's.
    """

    def __init__(self, network: Any = None):
        # what merely predicts (a friend's model in a test) has no layers to look into
        self.network = network if hasattr(network, "states") else None
        self.neighbours = None
        if self.network is not None:
            from lcnet.core.neighbours import load_neighbours

            self.neighbours = load_neighbours(self.network)

    def explained(self, batch, *, attribute=False):
        """The stars of a batch, each with the explanations of its candidates (`Found.explanations`).

        Parameters
        ----------
        batch : sequence of Found
        attribute : bool
            Integrate gradients, too: some hundredth of a second a candidate.
        """
        if self.network is None or (self.neighbours is None and not attribute):
            return list(batch)
        inputs = network_inputs(self.network, batch)
        made = iter(self.explain(inputs, attribute=attribute) if inputs else ())
        return [
            star
            if star.search is None or not star.views
            else replace(star, explanations=tuple(None if isinstance(v, Exception) else next(made) for v in star.views))
            for star in batch
        ]

    def explain(self, inputs, *, attribute=True) -> list[Explanation]:
        """Explanations of rows of the network's inputs.

        Parameters
        ----------
        inputs : mapping of str to array, shape (n, ...)
        attribute : bool
        """
        from lcnet.core.activations import predict_and_embed

        net = self.network
        if self.neighbours is None:
            members, hidden = net.predict_members(inputs), None
        else:
            members, hidden = predict_and_embed(net, inputs)
        said = net.task.objective.pool(members).astype(np.float32)
        views = [name for name, spec in net.specs.items() if spec.shape and name in inputs]
        rows = []
        for number, probabilities in enumerate(said):
            shown = {name: np.asarray(inputs[name][number]) for name in views}
            told = dict(zip(net.classes, map(float, probabilities), strict=True))
            rows.append(Explanation(told, shown, {}, members=members[:, number], by=net))
        if attribute and len(rows):
            rows = self._attributed(inputs, rows, views)
        return rows if self.neighbours is None else self._placed(inputs, rows, said, hidden)

    def _attributed(self, inputs, rows, views):
        from lcnet.core.saliency import integrated_gradients

        # not quite flat: there the network's own statistics (where is the deepest bin?) are undefined
        flat = {name: FLAT * np.asarray(inputs[name]) for name in views}
        found = integrated_gradients(self.network, inputs, PLANET, baseline=flat)
        made = []
        for number, row in enumerate(rows):
            parts = {name: found.values[name][number] for name in views if np.isfinite(row.views[name]).all()}
            logits = float(found.output[number]), float(found.baseline_output[number])
            made.append(replace(row, attribution=parts, logit=logits[0], flat_logit=logits[1]))
        return made

    def _placed(self, inputs, rows, said, hidden):
        from lcnet.core.neighbours import NEAREST
        from lcnet.transits.neighbours import SHOWN, real

        near = self.neighbours
        points = near.project(hidden)
        seen = real(near)
        index, distance = near.nearest(points, SHOWN, among=seen)
        first, closest = near.nearest(points, NEAREST)
        novelty = near.novelty(self.network, inputs, points, said, nearest=closest)
        made = []
        for number, row in enumerate(rows):
            pairs = list(zip(index[number], distance[number], strict=True))
            if not seen[first[number, 0]]:
                pairs.append((first[number, 0], closest[number, 0]))
            similar = tuple(_similar(near, int(k), float(far)) for k, far in pairs)
            far = float(novelty.arrays[number]), float(novelty.embedding[number])
            words = _unlike(*far) if novelty.flag[number] else ""
            placed = {"view_distance": far[0], "embedding_distance": far[1], "unlike": words}
            made.append(replace(row, similar=similar, **placed))
        return made


def _similar(near, k: int, distance: float) -> Similar:
    from lcnet.transits.neighbours import most_like, name_of

    target, source = name_of(near, k)
    label, period = near.classes[int(near.labels[k])], float(near.columns["period"][k])
    return Similar(target, period, label, source, distance, most_like(near, k))


def _unlike(views: float, embedding: float) -> str:
    parts = []
    if views > 1:
        parts.append(f"its folded curve lies {views:.2f} times as far out as that of known events")
    if embedding > 1:
        parts.append(f"the nearest labelled events are {embedding:.2f} times as far as theirs")
    return "unlike anything in training: " + " and ".join(parts)


def explain(lc, period, epoch, duration, *, network=NETWORK) -> Explanation:
    """Why the network says what it says of one event.

    Parameters
    ----------
    lc : lightkurve.LightCurve or LightCurveCollection
        Raw, as `transits.score` takes it.
    period : float or Quantity, days
    epoch : float or Quantity, days
        A mid-transit, in the light curve's own time system or as full BJD.
    duration : float or Quantity, hours
    network : str, path or Network

    Returns
    -------
    Explanation
        Its `plot` draws the views with what each bin said; `similar` are the labelled events most like it; `unlike`
        says so if none is.

    Raises
    ------
    TypeError
        `lc` is no light curve.
    ValueError
        An impossible ephemeris, no transit of it in the data, or a network that does not tell planets from junk.

    Examples
    --------
    >>> from lcnet import transits
    >>> why = transits.explain(lc, period=6.2679, epoch=1325.504, duration=2.95)  # doctest: +SKIP
    >>> [event.words for event in why.similar]  # doctest: +SKIP
    >>> why.plot().savefig("why.png")  # doctest: +SKIP
    """
    from lcnet.transits.batch import Found
    from lcnet.transits.candidates import candidate_views
    from lcnet.transits.ephemeris import ephemeris_of
    from lcnet.transits.judge import load_judge
    from lcnet.transits.vet import _known

    search, _ = _known(lc, ephemeris_of(lc, period, epoch, duration))
    explainer = Explainer(load_judge(network).network)
    found = Found("", search=search, views=(candidate_views(search, 0),))
    return explainer.explain(network_inputs(explainer.network, [found]))[0]
