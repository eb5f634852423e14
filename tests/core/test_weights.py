"""Files of weights are not trusted: damaged and hostile ones are refused by name, and nothing in them runs."""

import hashlib
import json
import os
import pickle
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_tensors
from toy import CLASSES, TOY, simulate, tiny

import lcnet.core.weights as weights
from lcnet.core import registry
from lcnet.core.inputs import describe
from lcnet.core.network import load
from lcnet.core.registry import Entry, UnknownTask
from lcnet.core.weights import WeightsError, save_network, save_reading

CARD = {
    "name": "toy/dips",
    "version": "1",
    "task": "toy/dips",
    "size": "tiny",
    "classes": list(CLASSES),
    "inputs": describe(TOY.inputs),
    "calibration": {"parameters": {"temperature": 1.5}},
    "prevalence": {"box": 0.5, "vee": 0.3, "noise": 0.2},
}


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "dips.safetensors"
    save_network(path, [tiny().state_dict() for _ in range(3)], CARD)
    return path


def forge(path, data):
    """Put `data` in place of the weights, with a card that vouches for it."""
    path.write_bytes(data)
    card = json.loads(path.with_suffix(".json").read_text()) | {"sha256": hashlib.sha256(data).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(card))


class Bomb:
    """Unpickling it leaves a file."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (os.mkdir, (str(self.mark),))


def test_it_loads_by_every_kind_of_path(path):
    x = simulate(20, 1).inputs
    expected = load(path, task=TOY).predict(x)
    for other in (str(path), path.with_suffix(".json"), path.with_suffix(""), path.parent):
        assert np.array_equal(load(other, task=TOY).predict(x), expected)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="truncated or altered"):
        load(path, task=TOY)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_truncated_with_a_card_that_agrees(path, keep):
    forge(path, path.read_bytes()[:keep])
    with pytest.raises(WeightsError, match="not safetensors"):
        load(path, task=TOY)


def test_one_flipped_bit_anywhere(path):
    whole = path.read_bytes()
    for place in (3, 20, len(whole) // 2, len(whole) - 1):
        data = bytearray(whole)
        data[place] ^= 4
        path.write_bytes(data)
        with pytest.raises(WeightsError, match="altered"):
            load(path, task=TOY)


def test_oversized_file_is_not_read(path, monkeypatch):
    monkeypatch.setattr(weights, "LARGEST", 1000)
    with pytest.raises(WeightsError, match="too large"):
        weights.read_weights(path, {"sha256": "", "members": 3}, largest=1000)
    with open(path, "ab") as file:  # sparse: takes no disk
        file.truncate(10**9 + 1)
    with pytest.raises(WeightsError, match="too large"):
        load(path, task=TOY)


def test_oversized_header_is_not_allocated(path):
    forge(path, struct.pack("<Q", 2**62) + path.read_bytes()[8:])
    with pytest.raises(WeightsError, match="header of 4611686018427387904 bytes"):
        load(path, task=TOY)


def test_oversized_card(path):
    card = path.with_suffix(".json")
    card.write_text(card.read_text() + " " * 10**6)
    with pytest.raises(WeightsError, match="too large for a model card"):
        load(path, task=TOY)


@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_a_pickle_is_refused_and_does_not_run(path, protocol, tmp_path):
    mark = tmp_path / "exploded"
    data = pickle.dumps(Bomb(mark), protocol=protocol)
    forge(path, data)
    with pytest.raises(WeightsError, match="pickle"):
        load(path, task=TOY)
    assert not mark.exists()
    pickle.loads(data)  # the bomb is a real one
    assert mark.exists()


def test_a_torch_archive_is_refused_and_does_not_run(path, tmp_path):
    mark = tmp_path / "exploded"
    torch.save({"0/stem.weight": Bomb(mark)}, path)
    forge(path, path.read_bytes())
    with pytest.raises(WeightsError, match="pickle or zip"):
        load(path, task=TOY)
    assert not mark.exists()


def test_a_pickle_hidden_behind_the_tensors_is_refused(path, tmp_path):
    forge(path, path.read_bytes() + pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(WeightsError, match="not safetensors"):
        load(path, task=TOY)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("2/stem.bias"), "do not fit"),
        (lambda t: t.update({"1/more": torch.zeros(3)}), "do not fit"),
        (lambda t: t.update({"9/stem.bias": torch.zeros(3)}), "no part of its 3 members"),
        (lambda t: t.update({"../../etc": torch.zeros(3)}), "no part"),
        (lambda t: t["0/stem.bias"].fill_(torch.nan), "not finite"),
    ],
)
def test_tensors_that_do_not_belong(path, change, message):
    from safetensors.torch import load as load_tensors

    tensors = load_tensors(path.read_bytes())
    change(tensors)
    forge(path, save_tensors(tensors))
    with pytest.raises(WeightsError, match=message):
        load(path, task=TOY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"task": "os:system"}, "not 'toy/dips'"),
        ({"classes": ["box", "vee"]}, "other classes"),
        ({"calibration": {"parameters": {"temperature": "hot"}}}, "complete model card"),
        ({"members": 10**9}, "members"),
        ({"sha256": None}, "states no sha256"),
    ],
)
def test_cards_that_lie(path, change, message):
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | change))
    with pytest.raises(WeightsError, match=message):
        load(path, task=TOY)


def test_a_card_cannot_name_code(path):
    card = path.with_suffix(".json")
    card.write_text(json.dumps(json.loads(card.read_text()) | {"task": "antigravity:fly"}))
    with pytest.raises(WeightsError, match="not registered"):
        load(path)


def test_missing_files_and_unknown_names(path):
    path.unlink()
    with pytest.raises(WeightsError, match="cannot read"):
        load(path, task=TOY)
    with pytest.raises(WeightsError, match=r"cannot read .*nowhere\.json"):
        load(path.with_name("nowhere.safetensors"))
    with pytest.raises(UnknownTask, match="transits/triage"):
        load("transits/triagee")


def test_nothing_larger_than_ten_megabytes_is_shipped(monkeypatch, tmp_path):
    import lcnet.core.network as network

    monkeypatch.setitem(registry.REGISTRY, "toy/dips", Entry(where="toy:TOY"))
    monkeypatch.setattr(network, "_SHIPPED", tmp_path)
    save_network(tmp_path / "toy" / "dips.safetensors", [tiny().state_dict()], CARD)
    assert load("toy/dips").classes == CLASSES
    with open(tmp_path / "toy" / "dips.safetensors", "ab") as file:
        file.truncate(10_000_001)
    with pytest.raises(WeightsError, match="too large"):
        load("toy/dips")


def test_a_reading_sums_its_network(path, monkeypatch):
    entry = Entry(reading_of="toy/dips", sums={"nothing": ("noise",), "dip": ("box", "vee")})
    card = json.loads(path.with_suffix(".json").read_text())
    save_reading(path.with_name("any.json"), "toy/any", entry, card)
    whole, reading = load(path, task=TOY), load(path.with_name("any.json"), task=TOY)
    x = simulate(30, 1).inputs
    p = whole.predict(x)
    assert reading.classes == ("nothing", "dip")
    np.testing.assert_allclose(reading.predict(x), np.stack([p[:, 2], p[:, 0] + p[:, 1]], axis=1), atol=1e-6)
    assert reading.predict_members(x).shape == (3, 30, 2)
    assert reading.card["prevalence"] == {"nothing": pytest.approx(0.2), "dip": pytest.approx(0.8)}
    assert reading.labels([0, 1, 2]).tolist() == [1, 1, 0]
    save_network(path, [tiny().state_dict()], CARD)
    with pytest.raises(WeightsError, match="another version"):
        load(path.with_name("any.json"), task=TOY)


def test_half_precision_halves_the_file(path, tmp_path):
    torch.manual_seed(0)
    half = save_network(tmp_path / "half.safetensors", [tiny().state_dict() for _ in range(3)], CARD, half=True)
    assert half["bytes"] < 0.8 * path.stat().st_size
    x = simulate(20, 1).inputs
    full, small = load(path, task=TOY).predict(x), load(tmp_path / "half.safetensors", task=TOY).predict(x)
    # weights of relative error 2^-11 through a handful of layers with outputs of order 1
    assert 0 < np.abs(full - small).max() < 10 * 2.0**-11
