"""Two real systems of many planets, the truth from the NASA Exoplanet Archive's KOI table (see lightcurves.csv)."""

import numpy as np
import pytest

from lcnet import transits
from lcnet.transits.candidates import find_candidates
from lcnet.transits.curves import curve_arrays


def curve(data_dir, name):
    found = sorted(str(path) for path in (data_dir / "transits" / "lightcurves").glob(f"{name}/*"))
    if not found:
        pytest.skip(f"no light curves of {name} in the data folder")
    return curve_arrays(next(iter(transits.read(found).values())))


def test_kepler_11_has_its_planets(data_dir):
    star = curve(data_dir, "KIC6541920_kepler11")
    found = find_candidates(star.time, star.flux, star.flux_err, segment=star.segment, max_candidates=8).candidates
    periods = (10.3040, 13.0249, 22.6872, 31.9955, 46.6856, 118.3787)
    # to half a duration (4 h) over the 1459 days
    here = [any(abs(one.period - p) * 1459 / p < 2 / 24 * 2 for one in found if one.status == "ok") for p in periods]
    assert sum(here) >= 5, found
    assert not any(one.harmonic_of for one in found)


def test_kepler_90_has_its_single_events_and_no_period_made_of_two(data_dir):
    star = curve(data_dir, "KIC11442793_kepler90")
    found = find_candidates(star.time, star.flux, star.flux_err, segment=star.segment).candidates
    singles = [one for one in found if one.status == "single_transit"]
    for epoch in (472.10, 357.6):
        assert any(abs(one.epoch - epoch) < 0.2 for one in singles), found
    assert not any(abs(one.period - 114.4) < 2 for one in found if one.status == "ok")
    assert any(abs(one.period - 59.74) < 0.03 for one in found if one.status == "ok"), found
    pair = [one for one in found if abs(one.period - 91.94) < 0.05]
    assert pair and "two_transits" in pair[0].flags and pair[0].n_transits == 2
    assert np.isfinite([one.fap for one in found]).all()
