"""Pictures of supernovae: a light curve with the probability of its type evolving under it; a judgement's curves."""

from __future__ import annotations

import numpy as np

__all__ = ["plot_classification", "plot_judgement", "plot_populations"]

_COLOURS = {"g": "#2b83ba", "r": "#3f9b3f", "i": "#e08a1e", "z": "#b2182b"}
_TYPES = {"Ia": "C3", "Ibc": "C2", "II": "C0"}


def plot_classification(photometry, table, *, name=None, ax=None):
    """The light curve of one object above, the probabilities of its types night by night below.

    Parameters
    ----------
    photometry : Photometry
        As from `read`.
    table : QTable
        As from ``classify(..., epochs="all")``.
    name : str, optional
        Of the object; default: the first.
    ax : pair of matplotlib.axes.Axes, optional

    Returns
    -------
    array of two matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the object is not in both.
    """
    names = photometry.objects["object"].astype(str).tolist()
    name = names[0] if name is None else str(name)
    rows = np.asarray(table["object"]) == name
    if name not in names or not rows.any() or "epoch" not in table.colnames:
        raise ValueError(f"{name!r} is not in both the photometry and a table of classify(..., epochs='all')")
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(2, 1, sharex=True, figsize=(7, 5.5), height_ratios=(2, 1), layout="constrained")
    number = names.index(name)
    points = slice(photometry.start[number], photometry.start[number + 1])
    for code in np.argsort([band.wavelength for band in photometry.bands], kind="stable"):  # blue to red
        band, mine = photometry.bands[code], photometry.band[points] == code
        if mine.any():
            ax[0].errorbar(
                photometry.mjd[points][mine],
                photometry.flux[points][mine],
                photometry.flux_err[points][mine],
                fmt="o",
                ms=3,
                lw=1,
                color=_COLOURS.get(band.name, "0.5"),
                label=band.name or f"{band.survey}:{band.letter}",
            )
    one = table[rows]
    for kind, colour in _TYPES.items():
        ax[1].plot(one["mjd"].value, one[f"p_{kind}"], drawstyle="steps-post", color=colour, label=kind)
    scatter = np.asarray(one["p_Ia_std"])
    p = np.asarray(one["p_Ia"])
    ax[1].fill_between(one["mjd"].value, p - scatter, p + scatter, step="post", color=_TYPES["Ia"], alpha=0.2, lw=0)
    last = one[-1]
    for when, style in ((last["mjd_trigger"], ":"), (last["mjd_peak"], "--")):
        if np.isfinite(when.value):
            for each in ax:
                each.axvline(when.value, color="0.6", ls=style, lw=1)
    ax[0].axhline(0, color="0.8", lw=0.8)
    ax[0].set(ylabel="flux (zeropoint 27.5)", title=f"{name}: {last['type']}, p(Ia) = {last['p_Ia']:.2f}")
    ax[1].set(ylabel="probability", xlabel="MJD (dotted: trigger, dashed: peak)", ylim=(-0.02, 1.02))
    for each in ax:
        each.legend(frameon=False, ncols=4, fontsize="small")
    return ax


def plot_judgement(p_ia, truth, *, ax=None):
    """ROC, purity against efficiency, and reliability, of the probability of type Ia.

    Parameters
    ----------
    p_ia : array, shape (n,)
    truth : array of bool, shape (n,)
    ax : three matplotlib.axes.Axes, optional

    Returns
    -------
    array of three matplotlib.axes.Axes
    """
    from lcnet.core.metrics import reliability
    from lcnet.core.plots import plot_reliability
    from lcnet.supernovae.evaluation import RELIABILITY, curves

    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    table = curves(p_ia, truth)
    ax[0].plot(table["false_positive_rate"], table["efficiency"])
    ax[0].set(xscale="log", xlim=(1e-3, 1), xlabel="false positive rate", ylabel="efficiency")
    ax[1].plot(table["efficiency"], table["purity"])
    ax[1].set(xlabel="efficiency", ylabel="purity", ylim=(0, 1.02))
    plot_reliability(reliability(p_ia, truth, bins=RELIABILITY), ax=ax[2])
    return ax


def plot_populations(populations, *, ax=None):
    """Redshift, brightness, number of points and width of several samples, class by class.

    Parameters
    ----------
    populations : mapping of str to Photometry
        Label -> objects with truths.
    ax : array of matplotlib.axes.Axes, shape (3, 4), optional

    Returns
    -------
    array of matplotlib.axes.Axes, shape (3, 4)
    """
    from lcnet.supernovae.ood import NAMES, summaries
    from lcnet.supernovae.views import make_views

    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(3, 4, figsize=(12, 7), layout="constrained", sharex="col")
    for label, photometry in populations.items():
        views = make_views(photometry)
        found = dict(zip(NAMES, summaries(views).T, strict=True))
        columns = {
            "true redshift": (photometry.truth["redshift"].to_numpy(), (0, 1.2)),
            "log10 brightest SNR": (found["log_snr"], (0.5, 2.5)),
            "points in the window": (views.n_obs.astype(float), (0, 130)),
            "g - r near peak (asinh)": (found["g_minus_r"], (-4, 3)),
        }
        for row, kind in enumerate(_TYPES):
            mine = (photometry.truth["type"] == kind).to_numpy()
            for column, (name, (values, limits)) in enumerate(columns.items()):
                some = values[mine & (values >= limits[0]) & (values <= limits[1])]
                weight = np.full(len(some), 1 / max(1, len(some)))
                ax[row, column].hist(some, bins=30, range=limits, weights=weight, histtype="step", label=label)
                ax[row, column].set(yticks=[])
                ax[-1, column].set(xlabel=name)
            ax[row, 0].set(ylabel=kind)
    ax[0, 0].legend(frameon=False, fontsize="small")
    return ax
