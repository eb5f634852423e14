"""Labelled neighbours and the distance from training: right by hand, whole on disk, and only of their own network."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from toy import CLASSES, TOY, simulate

from lcnet.core.activations import embeddings
from lcnet.core.ensemble import train
from lcnet.core.neighbours import NEAREST, QUANTILE, build, load_neighbours, neighbours_path
from lcnet.core.network import load, outputs
from lcnet.core.novelty import Gaussian, thresholds
from lcnet.core.weights import WeightsError

OPTIONS = {"members": 2, "epochs": 3, "lr": 5e-3, "tiny": True, "device": "cpu", "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("net")
    train(TOY, simulate(300, 0), folder=where, **OPTIONS)
    return where


@pytest.fixture(scope="module")
def network(folder):
    return load(folder, task=TOY)


@pytest.fixture(scope="module")
def made(network):
    examples = simulate(600, 1)
    held = np.arange(600) >= 300
    about = {"what": "numbers"}
    return build(network, examples, held, columns={"number": np.arange(600)}, about=about), examples, held


def test_the_last_hidden_layer_is_what_the_logits_are_made_of(network):
    x = simulate(9, 2).inputs
    hidden = embeddings(network, x, batch_size=4)
    width = hidden.shape[1] // 2
    logits = outputs(network._nets, network.specs, x)
    for member, state in enumerate(network.states()):
        weight, bias = (state[f"head.3.{name}"].numpy() for name in ("weight", "bias"))
        mine = hidden[:, member * width : (member + 1) * width]
        np.testing.assert_allclose(mine @ weight.T + bias, logits[member], atol=1e-5)
    assert not any(m._forward_hooks or m._forward_pre_hooks for one in network._nets for m in one.modules())


def test_the_nearest_are_the_nearest(made):
    found, _, _ = made
    points = found.points[[3, 400]].astype(np.float64)
    exact = np.sqrt(((found.points.astype(np.float64)[None] - points[:, None]) ** 2).sum(axis=2))
    index, distance = found.nearest(points, 4)
    np.testing.assert_array_equal(index, np.argsort(exact, axis=1, kind="stable")[:, :4])
    assert index[:, 0].tolist() == [3, 400] and not distance[:, 0].any()
    np.testing.assert_allclose(distance, np.sort(exact, axis=1)[:, :4], rtol=1e-5, atol=1e-6)
    without = np.arange(len(found)) != 3
    assert found.nearest(points[:1], 3, among=without)[0][0].tolist() == index[0, 1:].tolist()
    # those that look alike bear one label more often than chance has it
    near = found.labels[found.nearest(found.points, 2)[0][:, 1]]
    assert (near == found.labels).mean() > 0.5


def test_the_limits_leave_out_one_in_a_hundred_of_what_was_held_out(made, network):
    found, examples, held = made
    test = {name: values[held] for name, values in examples.inputs.items()}
    far = found.nearest(found.project(embeddings(network, test)), NEAREST, among=~held)[1][:, -1]
    for number in range(3):
        own = examples.targets["label"][held] == number
        beyond = (far[own] > found.limits[1, number]).sum()
        # a quantile interpolates between two of n distances: at most this many lie above it
        assert 1 <= beyond <= np.ceil((1 - QUANTILE) * own.sum()) + 1
    fresh = simulate(300, 9).inputs
    said = network.predict(fresh)
    novelty = found.novelty(network, fresh, found.project(embeddings(network, fresh)), said)
    assert novelty.flag.mean() < 0.08  # twice one in a hundred, and four sigma of 300
    strange = {**fresh, "curve": np.cumsum(fresh["curve"], axis=1) * 4}
    points = found.project(embeddings(network, strange))
    assert found.novelty(network, strange, points, network.predict(strange)).flag.mean() > 0.9


def test_the_distance_is_mahalanobis_s():
    rng = np.random.default_rng(0)
    mixing = np.linalg.qr(rng.normal(size=(8, 8)))[0] * np.linspace(1, 3, 8)
    rows = rng.normal(size=(4000, 8)) @ mixing.T + 5
    full = Gaussian.fit(rows)
    inverse = np.linalg.inv(np.cov(rows.T))
    exact = [mahalanobis(row, rows.mean(axis=0), inverse) / np.sqrt(8) for row in rows[:20]]
    # axes in half precision: 2^-11 of the row's length, over the narrowest scatter
    slack = 2**-11 * np.linalg.norm(rows[:20] - rows.mean(axis=0), axis=1).max() / full.scale[:-1].min()
    np.testing.assert_allclose(full.distance(rows[:20]), exact, atol=slack)
    assert np.mean(full.distance(rows) ** 2) == pytest.approx(1.0, abs=2 * slack)
    # fewer directions: the others share one scatter
    few = Gaussian.fit(rows, rank=3)
    values = np.linalg.eigvalsh(np.cov(rows.T))[::-1]
    assert few.axes.shape == (8, 3) and few.scale[-1] == pytest.approx(np.sqrt(values[3:].mean()), rel=1e-5)
    # a column that was never there says nothing, whatever it holds, and changes nothing of the others
    wide = np.column_stack([rows[:, :4], np.full(len(rows), np.nan), rows[:, 4:]])
    without = Gaussian.fit(wide)
    wide[:, 4] = 1e6
    np.testing.assert_allclose(without.distance(wide[:50]), full.distance(rows[:50]), rtol=1e-6)
    missing = rows[:1].copy()
    missing[0, 2:] = np.nan
    assert np.isfinite(full.distance(missing)).all() and full.distance(missing)[0] < full.distance(rows[:1] + 20)[0]


def test_a_class_without_held_out_examples_is_named():
    with pytest.raises(ValueError, match="no held-out example of class 'noise'"):
        thresholds(np.ones((1, 4)), [0, 1, 0, 1], CLASSES, 0.99)


def test_a_file_comes_back_as_it_was(made, network):
    found, _, _ = made
    found.save(neighbours_path(network.path))
    try:
        back = load_neighbours(network)
        assert neighbours_path(network.path).stat().st_size < 600 * 120 + 40_000
        for name in ("points", "labels", "mean", "axes", "limits"):
            np.testing.assert_array_equal(getattr(back, name), getattr(found, name))
        np.testing.assert_array_equal(back.columns["number"], np.arange(600))
        assert back.about == {"what": "numbers"} and back.classes == CLASSES
        assert load(network.path.parent, task=TOY).path == network.path  # a folder still holds one network
    finally:
        neighbours_path(network.path).unlink()
    assert load_neighbours(network) is None


def test_another_network_s_file_is_refused_by_name(made, network, tmp_path):
    from dataclasses import replace

    path = tmp_path / "other.safetensors"
    replace(made[0], sha256="0" * 64).save(path)
    with pytest.raises(WeightsError, match=r"other.safetensors was made for another network \(sha256 000000000000\)"):
        load_neighbours(network, path)


@pytest.mark.parametrize("damage", ["cut", "pickle", "lacks", "shape", "foreign", "gone"])
def test_a_damaged_file_is_refused_by_name(made, network, tmp_path, damage):
    from dataclasses import replace

    from safetensors.numpy import save_file

    path = tmp_path / "bad.safetensors"
    made[0].save(path)
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "pickle":
        path.write_bytes(b"\x80\x04}q\x00.")
    elif damage == "lacks":
        path.write_bytes(data.replace(b'"limits"', b'"limitz"'))
    elif damage == "shape":
        replace(made[0], labels=made[0].labels[:-1]).save(path)
    elif damage == "foreign":
        save_file({"points": np.zeros(3, np.float32)}, path)
    else:
        path.unlink()
    with pytest.raises(WeightsError, match="bad.safetensors"):
        load_neighbours(network, path)
