"""The picture inside the network is a Gaussian process's mean: against scikit-learn's, and an exact limit."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import solve
from sklearn.gaussian_process.kernels import Matern

from lcnet.supernovae.picture import draw_surface

AT_TIME, AT_WAVELENGTH = torch.linspace(-28, 66, 12), torch.linspace(4000, 10000, 5)


def objects(counts, seed=0, nights=32, bands=4):
    """Windows of so many points each, at random nights and bands."""
    rng = np.random.default_rng(seed)
    n = len(counts)
    time = np.sort(rng.uniform(-30, 70, (n, nights)), axis=1)
    wavelength = np.array([4800.0, 6400.0, 7800.0, 9200.0])[:bands] + rng.uniform(-100, 100, (n, bands))
    flux, error = rng.normal(0.5, 0.5, (n, nights, bands)), rng.uniform(0.02, 0.3, (n, nights, bands))
    there = np.zeros((n, nights * bands), bool)
    for row, count in zip(there, counts, strict=True):
        row[rng.choice(nights * bands, count, replace=False)] = True
    there = there.reshape(flux.shape)
    return time, wavelength, np.where(there, flux, 0), np.where(there, error, 0)


def draw(*arrays):
    tensors = (torch.as_tensor(np.asarray(one, np.float32)) for one in arrays)
    return [one.numpy() for one in draw_surface(*tensors, AT_TIME, AT_WAVELENGTH)]


def expected(time, wavelength, flux, error):
    """scikit-learn's kernels and scipy's solver, in double precision, one object."""
    night, band = np.nonzero(error)
    at = np.stack(np.meshgrid(AT_WAVELENGTH, AT_TIME, indexing="ij"), axis=-1).reshape(-1, 2)
    here = np.column_stack([wavelength[band], time[night]])

    def kernel(a, b):
        return Matern(6000.0, nu=1.5)(a[:, :1], b[:, :1]) * Matern(20.0, nu=1.5)(a[:, 1:], b[:, 1:])

    variance = error[night, band] ** 2 + 4e-4
    weights = solve(kernel(here, here) + np.diag(variance), flux[night, band], assume_a="pos")
    shape = (len(AT_WAVELENGTH), len(AT_TIME))
    return (kernel(at, here) @ weights).reshape(shape), (kernel(at, here) @ (1 / variance)).reshape(shape)


def test_mean_and_information_are_those_of_the_process():
    # single precision at a condition of the points' number over the least variance: 128 / 8e-4 times 6e-8
    arrays = objects([1, 2, 31, 32, 33, 64, 90, 128])
    mean, information = draw(*arrays)
    for k, one in enumerate(zip(*arrays, strict=True)):
        wanted, known = expected(*one)
        assert mean[k] == pytest.approx(wanted, abs=1e-2), k
        assert information[k] == pytest.approx(known, rel=1e-4), k


def test_a_single_exact_point_is_met():
    time, wavelength = torch.zeros(1, 1), torch.full((1, 1), 4000.0)
    flux, error = torch.ones(1, 1, 1), torch.full((1, 1, 1), 1e-3)
    mean, _ = draw_surface(time, wavelength, flux, error, torch.tensor([0.0, 2000.0]), wavelength[0])
    # the mean at the point is 1 / (1 + its variance), and nothing where the kernel has ended
    assert mean[0, 0].numpy() == pytest.approx([1 / (1 + 1e-6 + 4e-4), 0.0], abs=1e-6)


def test_many_objects_are_solved_in_parts(monkeypatch):
    arrays = objects([20] * 9)
    together = draw(*arrays)
    monkeypatch.setattr("lcnet.supernovae.picture._TOGETHER", 2)
    for one, other in zip(draw(*arrays), together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_a_point_there_is_nothing():
    mean, information = draw(*objects([0, 5]))
    assert not mean[0].any() and not information[0].any()
    assert mean[1].any() and information[1].any()


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6), st.integers(0, 1000))
def test_neither_the_company_nor_what_stands_in_empty_places_changes_a_picture(counts, seed):
    time, wavelength, flux, error = objects(counts, seed, nights=10)
    together = draw(time, wavelength, flux, error)
    dirty = draw(time, wavelength, np.where(error > 0, flux, 777.0), error)
    for k in range(len(counts)):
        alone = draw(time[k : k + 1], wavelength[k : k + 1], flux[k : k + 1], error[k : k + 1])
        for one, other, dirt in zip(together, alone, dirty, strict=True):
            assert one[k] == pytest.approx(other[0], abs=1e-5)
            assert np.array_equal(one[k], dirt[k])
