"""Kepler's KOI light curves as events: the labelling rules, the search's own views, the stars left out."""

import numpy as np
import pandas as pd
import pytest

from lcnet.transits.kepler_events import kepler, koi_kind, star_events, star_signals
from lcnet.transits.tasks import CANDIDATE, CLASSES

NO_FLAGS = {"nt": False, "ss": False, "co": False, "ec": False}


@pytest.mark.parametrize(
    "disposition, flags, binary, kind",
    [
        ("CONFIRMED", {}, False, "planet"),
        ("CANDIDATE", {"ss": True}, True, "planet"),  # a hot Jupiter's occultation, in the binaries' catalogue too
        ("FALSE POSITIVE", {"ss": True, "co": True}, False, "eclipse"),
        ("FALSE POSITIVE", {"ec": True}, False, "eclipse"),
        ("FALSE POSITIVE", {"nt": True}, True, "eclipse"),
        ("FALSE POSITIVE", {"nt": True, "co": True}, False, "junk"),
        ("FALSE POSITIVE", {"co": True}, False, "unclear"),
        ("FALSE POSITIVE", {}, False, "unclear"),
        ("NOT DISPOSITIONED", {"ss": True}, False, "unclear"),
    ],
)
def test_the_class_of_a_koi(disposition, flags, binary, kind):
    assert koi_kind(disposition, NO_FLAGS | flags, binary) == kind


KOI_COLUMNS = ["kepid", "kepoi_name", "koi_disposition", "koi_period", "koi_time0bk", "koi_duration"]
FLAGS = ["koi_fpflag_nt", "koi_fpflag_ss", "koi_fpflag_co", "koi_fpflag_ec"]


def koi_table(*rows):
    return pd.DataFrame([(*row, 0, 0, 0, 0) if len(row) == 6 else row for row in rows], columns=KOI_COLUMNS + FLAGS)


def binary_table(*rows):
    return pd.DataFrame(rows, columns=["kic", "period", "bjd0_minus_2400000"])


def test_signals_of_a_star():
    kois = koi_table(
        (1, "K1.01", "CONFIRMED", 3.0, 135.0, 2.5), (1, "K1.02", "FALSE POSITIVE", 5.0, 131.0, 4.0, 0, 1, 0, 0)
    )
    # the second KOI is half of a binary's period; the last binary is known to its own catalogue only
    binaries = binary_table((1, 10.0001, 54964.0), (1, 7.7, 54965.5))
    signals = {one["name"]: one for one in star_signals(kois, binaries)}
    assert {name: one["kind"] for name, one in signals.items()} == {
        "K1.01": "planet",
        "K1.02": "eclipse",
        "binary": "eclipse",
        "K1.02 second eclipse": "eclipse",
        "binary second eclipse": "eclipse",
    }
    assert signals["binary"]["epoch"] == pytest.approx(132.5)  # BKJD
    assert signals["K1.02 second eclipse"]["epoch"] == pytest.approx(133.5)


def curve(seed, *events, days=127.0):
    """144-minute samples with box-shaped events (period, epoch, hours, depth)."""
    rng = np.random.default_rng(seed)
    time = 131.5 + np.arange(0, days, 0.1)
    flux = 1e-4 * rng.normal(size=time.size)
    for period, epoch, duration, depth in events:
        flux[np.abs((time - epoch + period / 2) % period - period / 2) < duration / 48] -= depth
    return time, flux.astype(np.float32)


def signal(kind, name, period, epoch, duration):
    return {"kind": kind, "name": name, "period": period, "epoch": epoch, "duration": duration}


def test_a_find_is_labelled_by_the_koi_it_matches():
    time, flux = curve(0, (9.13, 135.0, 6.0, 3e-3))
    own = star_events(time, 1.0 + flux, [signal("planet", "K1.01", 9.13, 135.0, 6.0)])
    (label, inputs, meta), *others = own
    assert label == "planet" and meta["matched"] == "K1.01" and meta["found"] == "search" and not others
    assert inputs["period"] == pytest.approx(9.13, rel=1e-3)
    assert inputs["depth"] == pytest.approx(3000, rel=0.15)
    assert inputs["local_view"].min() == -1.0
    # the same dip that no catalogue knows is what a search makes of noise
    assert star_events(time, 1.0 + flux, [])[0][0] == "junk"
    # a centroid tells, one light curve does not
    assert star_events(time, 1.0 + flux, [signal("unclear", "K1.01", 9.13, 135.0, 6.0)]) == []
    # at twice the planet's period nothing is taught; an eclipse is one at any harmonic
    double = dict(period=18.26, epoch=135.0, duration=6.0)
    found = star_events(time, 1.0 + flux, [dict(double, kind="planet", name="K1.01")])
    assert "planet" not in [label for label, _, meta in found if meta["found"] == "search"]
    eclipses = star_events(time, 1.0 + flux, [dict(double, kind="eclipse", name="K1.01")])
    assert {event[0] for event in eclipses} == {"eclipse"}


def test_a_koi_that_the_search_cannot_find_is_measured_where_it_is_known():
    time, flux = curve(1, (0.37, 135.0, 2.0, 2e-3))  # the search begins at 0.4 d
    events = star_events(time, 1.0 + flux, [signal("planet", "K1.01", 0.37, 135.0, 2.0)])
    known = [(label, inputs, meta) for label, inputs, meta in events if meta["found"] == "known"]
    assert [label for label, _, _ in known] == ["planet"]
    assert known[0][1]["period"] == pytest.approx(0.37) and known[0][1]["snr"] > 7
    # one that does not show is not an event
    time, flux = curve(2)
    assert star_events(time, 1.0 + flux, [signal("planet", "K1.01", 20.0, 140.0, 5.0)]) == []


def test_single_events_are_labelled_by_where_they_fall():
    time, flux = curve(1, (100.0, 140.0, 9.0, 2e-3))  # a period beyond half of the baseline
    events = star_events(time, 1.0 + flux, [signal("planet", "K1.01", 100.0, 140.0, 9.0)])
    singles = [label for label, _, meta in events if meta["event"] == "single_transit"]
    assert singles and set(singles) == {"planet"}


def write_set(folder, curves, kois, binaries, held_out=("KIC 9",)):
    (folder / "catalogs").mkdir()
    pd.DataFrame({"kepid": list(curves)}).to_csv(folder / "kepler_koi_lightcurves.csv.gz", index=False)
    times, fluxes = zip(*curves.values(), strict=True)
    offset = np.cumsum([0] + [len(time) for time in times])
    np.savez(
        folder / "kepler_koi_lightcurves.npz", time=np.concatenate(times), flux=np.concatenate(fluxes), offset=offset
    )
    kois.to_csv(folder / "catalogs" / "koi_cumulative.csv.gz", index=False)
    binaries.to_csv(folder / "catalogs" / "kepler_eb_catalog.csv.gz", index=False)
    pd.DataFrame({"target": held_out}).to_csv(folder / "lightcurves.csv", index=False)


def test_conversion(tmp_path):
    planet, binary = (9.13, 135.0, 6.0, 3e-3), (6.4, 133.0, 6.0, 0.05)
    curves = {
        1: curve(3, planet),
        2: curve(4, binary),
        3: curve(5, (13.7, 136.0, 6.0, 3e-3)),  # the held-out star's light in a neighbour
        9: curve(6, (13.7, 136.0, 6.0, 3e-3)),
        5: curve(7, binary),  # one binary on two stars
    }
    kois = koi_table(
        (1, "K1.01", "CONFIRMED", 9.13, 135.0, 6.0),
        (2, "K2.01", "FALSE POSITIVE", 6.4, 133.0, 6.0, 0, 1, 0, 0),
        (3, "K3.01", "CANDIDATE", 13.7, 136.0, 6.0),
        (9, "K9.01", "CANDIDATE", 13.7, 136.0, 6.0),
    )
    write_set(tmp_path, curves, kois, binary_table((5, 6.4, 54966.0)))
    examples = kepler(tmp_path)
    said = dict(zip(examples.meta["target"], [CLASSES[k] for k in examples.targets["label"]], strict=True))
    assert said == {"KIC 1": "planet", "KIC 2": "eclipse", "KIC 5": "eclipse"}
    group = dict(zip(examples.meta["target"], examples.group, strict=True))
    assert group["KIC 2"] == group["KIC 5"] != group["KIC 1"]
    assert (examples.meta["mission"] == "Kepler").all()
    assert "snr" not in examples.inputs and (examples.meta["snr"] > 7).all()
    examples.validate(CANDIDATE)


def test_a_table_that_does_not_match_its_light_curves_is_named(tmp_path):
    write_set(tmp_path, {1: curve(0)}, koi_table((1, "K1.01", "CONFIRMED", 9.13, 135.0, 6.0)), binary_table())
    pd.DataFrame({"kepid": [1, 2]}).to_csv(tmp_path / "kepler_koi_lightcurves.csv.gz", index=False)
    with pytest.raises(ValueError, match="2 stars"):
        kepler(tmp_path)


def test_the_published_light_curves(data_dir):
    """The first forty stars: as many planets as planets show, no judged star, each event's period near its KOI's."""
    folder = data_dir / "transits"
    if not (folder / "kepler_koi_lightcurves.npz").is_file():
        pytest.skip("the KOI light curves are not in the data folder")
    examples = kepler(folder, stars=40)
    examples.validate(CANDIDATE)
    label = np.array(CLASSES)[examples.targets["label"]]
    assert (label == "planet").sum() > 6 and (label == "eclipse").sum() > 3
    own = examples.meta[(examples.meta["ratio"] == 1.0) & (examples.meta["event"] == "ok")]
    period = examples.inputs["period"][own.index]
    np.testing.assert_allclose(period, own["truth_period"], rtol=0.02)
