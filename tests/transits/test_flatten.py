"""`flatten` as a lightkurve user meets it."""

import astropy.units as u
import lightkurve
import numpy as np
import pytest

from lcnet import transits


@pytest.fixture
def curve():
    rng = np.random.default_rng(0)
    time = np.arange(0, 20, 1 / 48)
    flux = 5000 * (1 + 0.001 * np.sin(time)) * (1 + 2e-4 * rng.normal(size=time.size))
    flux[[3, 50]] = np.nan
    order = rng.permutation(time.size)
    return lightkurve.TessLightCurve(
        time=time[order] + 1500, flux=flux[order] * u.electron / u.s, flux_err=np.ones(time.size) * u.electron / u.s
    )


def test_a_light_curve_comes_back_flat_sorted_and_relative(curve):
    curve["cadenceno"] = np.rint((curve.time.value - 1500) * 48).astype(int)
    flat = transits.flatten(curve)
    assert type(flat) is type(curve)
    assert np.all(np.diff(flat.time.value) > 0)
    assert flat.flux.unit == u.dimensionless_unscaled
    assert np.std(flat.flux.value) == pytest.approx(2e-4, rel=0.1)
    np.testing.assert_allclose(flat.flux_err.value, 1 / 5000, rtol=0.02)
    # other columns follow their points
    np.testing.assert_array_equal(flat["cadenceno"], np.rint((flat.time.value - 1500) * 48).astype(int))
    assert flat.meta["NORMALIZED"] and "LCNET_FLATTENED" not in curve.meta


def test_it_fits_stitch(curve):
    collection = lightkurve.LightCurveCollection([curve, curve[:]])
    collection[1].time = collection[1].time + 30 * u.d
    stitched = collection.stitch(corrector_func=transits.flatten)
    assert np.std(stitched.flux.value) == pytest.approx(2e-4, rel=0.1)
    np.testing.assert_array_equal(transits.flatten(collection).flux.value, stitched.flux.value)


def test_a_masked_transit_is_deeper(curve):
    inside = np.abs((curve.time.value - 1501 + 2) % 4 - 2) < 0.2
    curve.flux[inside] *= 0.999
    depth = []
    for options in ({}, {"period": 4.0, "epoch": 1501.0, "duration": 9.6}):
        flat = transits.flatten(curve, window=0.75, **options)
        at = np.abs((flat.time.value - 1501 + 2) % 4 - 2) < 0.2
        depth.append(1 - np.mean(flat.flux.value[at]))
    assert depth[1] == pytest.approx(1e-3, rel=0.1) and depth[0] < 0.8 * depth[1]


def test_half_an_ephemeris_is_named(curve):
    with pytest.raises(ValueError, match="duration not given"):
        transits.flatten(curve, period=4.0, epoch=1501.0)
