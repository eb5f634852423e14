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


@pytest.mark.parametrize("density", [None, 0.4, 0.5, 0.9, 1.1, 2.0])
def test_kepler_90_has_its_single_events_and_no_period_made_of_two(data_dir, density):
    """None: the header's, 0.63 of the Sun's. Another one sets other durations, and another window of the trend."""
    folder = data_dir / "transits" / "lightcurves" / "KIC11442793_kepler90"
    if not folder.is_dir():
        pytest.skip(f"no light curves of {folder.name} in the data folder")
    table = transits.search(folder, star=None if density is None else {"rho": density})
    single = np.array(table["status"]) == "single_transit"
    period, epoch = table["period"].value, table["epoch"].value
    for mid in (472.10, 357.6):
        assert np.any(single & (np.abs(epoch - mid) < 0.2)), table
    found = table[~single]
    period = found["period"].value
    assert not np.any(np.abs(period - 114.4) < 2)
    (four,) = np.flatnonzero(np.abs(period - 59.74) < 0.03)
    assert found["n_transits"][four] == 4
    (pair,) = np.flatnonzero(np.abs(period - 91.94) < 0.05)
    assert "two_transits" in found["flags"][pair] and found["n_transits"][pair] == 2
    assert np.all(table["fap"] < 1e-6)
