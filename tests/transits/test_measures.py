"""What is read off the views: trapezoids, waves, other dips and densities whose values are known."""

import numpy as np
import pytest
import torch

from lcnet.core.inputs import normalise, to_tensors
from lcnet.transits.measures import CENTRE, INGRESS, SCALE, Measures, trapezoids
from lcnet.transits.tasks import CANDIDATE

LOCAL = np.linspace(-1.92, 1.92, 61)  # middles of the bins, in durations


def trapezoid(width, ingress, shift=0.0, depth=1.0):
    return -depth * np.clip((width / 2 - np.abs(LOCAL - shift)) / (ingress * width / 2), 0, 1)


def measures():
    return CANDIDATE.net().measures


def tensors(n, **inputs):
    given = {"global_view": np.zeros((n, 201)), "local_view": np.zeros((n, 61)), **inputs}
    return to_tensors(CANDIDATE.inputs, normalise(CANDIDATE.inputs, {k: np.float32(v) for k, v in given.items()}))


def test_the_bank_holds_trapezoids_of_depth_one():
    shapes, parameters = trapezoids()
    assert shapes.shape == (300, 61) and parameters.shape == (300, 3)
    for shape, (width, ingress, shift) in zip(shapes, parameters, strict=True):
        expected = trapezoid(width, ingress, shift)
        np.testing.assert_allclose(shape, expected - expected.mean(), atol=1e-12)


@pytest.mark.parametrize(("width", "ingress"), [(1.0, 0.15), (0.7, 1.0), (1.45, 0.5)])
def test_a_trapezoid_is_recognised(width, ingress):
    found, fitted, noise = measures().shape(
        torch.tensor(trapezoid(width, ingress, 0.1, 0.8), dtype=torch.float32)[None]
    )
    assert found[0, :4].numpy() == pytest.approx([width, ingress, 0.1, 0.8], abs=1e-3) and fitted[0] == pytest.approx(
        width
    )
    assert found[0, 5] == pytest.approx(1, abs=1e-5)  # nothing is left over
    as_box, between, as_v = found[0, 6:9].numpy()
    assert {INGRESS[0]: as_box, 1.0: as_v}.get(ingress, 0) == pytest.approx(1 if ingress == 1 else 0, abs=1e-5)
    assert (as_box > as_v) == (ingress < 0.3)
    assert noise[0] == pytest.approx(1e-3, abs=1e-6)


def test_the_orbit_is_a_ring_with_its_dips_and_waves():
    phase = np.linspace(-np.pi, np.pi, 201, endpoint=False)
    view = 0.3 * np.cos(2 * phase)
    found, _ = measures().orbit(torch.tensor(view, dtype=torch.float32)[None])
    np.testing.assert_allclose(found[0, [5, 7, 9]], [0, 0.3, 0], atol=1e-5)  # cosines of P, P/2 and P/3
    view = np.zeros(201)
    view[[199, 200, 0]] = -0.6  # half an orbit after the transit, across the ends of the view
    found, _ = measures().orbit(torch.tensor(view, dtype=torch.float32)[None])
    assert found[0, 1] == pytest.approx(0.6, abs=1e-6)
    assert found[0, 3] == pytest.approx(0, abs=1.5 / 80)  # in the middle of the ring
    assert found[0, 12:15].tolist() == [1, 1, 1]


def test_odd_and_even_depths():
    view = np.concatenate([trapezoid(1.0, 0.15), trapezoid(1.0, 0.15, depth=0.4)])
    low, high, difference, sigma = measures().parity(torch.tensor(view, dtype=torch.float32)[None])[0].tolist()
    assert (low, high, difference) == pytest.approx((0.4, 1.0, 0.6), abs=1e-5) and sigma == 30


def test_density_and_duty_follow_from_period_and_duration():
    net = measures()
    x = tensors(2, period=[8.0, np.nan], duration=[2.0, 2.0], depth=[1000.0, np.nan])
    row, missing = net.raw(x)
    scalars = row[-15:]
    np.testing.assert_allclose(scalars[:3], np.log10([8.0, 2.0, 1000.0]), atol=1e-5)
    np.testing.assert_allclose(scalars[3:5], np.log10([2 / 24 / 8, 8 / 2**3]), atol=1e-5)
    assert scalars[-5:].tolist() == [1, 1, 1, 0, 0] and missing[-5:].tolist() == [0, 1, 0, 0, 0]
    assert (missing[-15:-5][[0, 2, 3, 4, 5, 6, 7, 8, 9]] == 0).all()


def test_what_is_missing_or_flat_still_has_finite_measures():
    net = measures()
    assert len(CENTRE) == len(SCALE) == Measures.size == net(tensors(3)).shape[1]
    rng = np.random.default_rng(0)
    views = {"global_view": rng.normal(size=(50, 201)), "local_view": rng.normal(size=(50, 61))}
    views |= {"secondary_view": rng.normal(size=(50, 61)), "odd_even_view": rng.normal(size=(50, 122))}
    for x in (tensors(3), tensors(50, **views)):
        found = net(x)
        assert torch.isfinite(found).all() and found.abs().max() <= 4


def test_one_event_is_measured_the_same_in_any_company():
    rng = np.random.default_rng(1)
    views = {"global_view": rng.normal(size=(20, 201)), "local_view": rng.normal(size=(20, 61))}
    together = measures()(tensors(20, **views))
    alone = measures()(tensors(1, **{name: view[7:8] for name, view in views.items()}))
    # float32 sums of 201 terms, taken in another order
    np.testing.assert_allclose(together[7], alone[0], atol=2e-5)
