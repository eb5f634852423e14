"""Files of weights are not trusted: damaged and hostile ones are refused by name, and nothing in them runs."""

import dataclasses
import functools
import hashlib
import json
import os
import pickle
import struct
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from safetensors.torch import save as save_tensors
from toy import CLASSES, TOY, simulate, tiny

import lcnet.core.weights as weights
from lcnet.core import registry
from lcnet.core.inputs import describe
from lcnet.core.network import as_reading, load, sums_matrix
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


def described(drop=None, **changes):
    """The inputs of a card, tampered with."""
    found = describe(TOY.inputs) | changes
    return {name: entry for name, entry in found.items() if name != drop}


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


def test_oversized_file_is_not_read(path):
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


def test_weights_that_look_like_a_pickle_are_no_pickle(tmp_path):
    """A header of 128 bytes and a last weight that ends in "." have a pickle's first and last byte."""

    class Plain(torch.nn.Module):
        def __init__(self, name):
            super().__init__()
            self.register_parameter(name, torch.nn.Parameter(torch.full((3,), *struct.unpack("<f", b"\0\0\0."))))

    alike = 0
    for length in range(40, 80):
        task = dataclasses.replace(TOY, tiny=functools.partial(Plain, "x" * length))
        save_network(tmp_path / "dips.safetensors", [task.tiny().state_dict()], CARD)
        alike += weights._is_pickle((tmp_path / "dips.safetensors").read_bytes())
        load(tmp_path / "dips.safetensors", task=task)
    assert alike  # or this proves nothing


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
        (lambda t: t.update({"0/stem.bias": torch.full((8,), 1e300, dtype=torch.float64)}), "not finite"),
        (lambda t: t.update({"0/stem.bias": torch.zeros(8).to(torch.float8_e4m3fn)}), "of type float8_e4m3fn"),
        (lambda t: t.update({"0/stem.bias": torch.zeros(8, dtype=torch.complex64)}), "of type complex64"),
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
        ({"calibration": {"parameters": {"temperature": 0.0}}}, "the temperature is 0"),
        ({"calibration": {"parameters": {"temperature": -1}}}, "the temperature is -1"),
        ({"calibration": {"parameters": {"temperature": float("nan")}}}, "'temperature' is nan"),
        ({"calibration": {"parameters": {"heat": 1.0}}}, "unknown calibration parameter 'heat'"),
        ({"inputs": described(drop="period")}, "not those of toy/dips: period"),
        ({"inputs": described(more={"shape": [3]})}, "not those of toy/dips: more"),
        ({"inputs": described(curve={"shape": [31]})}, "input 'curve' of this card"),
        ({"inputs": described(detail={"shape": [10**13]})}, "input 'detail' of this card"),
        ({"inputs": described(detail={"shape": [8], "required": True})}, "required"),
        ({"size": "Tiny"}, "size of this network is 'Tiny'"),
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


def test_a_registered_name_is_never_a_file_at_hand(path, monkeypatch, tmp_path):
    """Whoever asks for the shipped network must not get the one a working directory happens to hold."""
    import lcnet.core.network as network

    monkeypatch.setitem(registry.REGISTRY, "toy/dips", Entry(where="toy:TOY"))
    monkeypatch.setattr(network, "_SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    for where in ("toy/dips.safetensors", "toy/dips/dips.safetensors"):
        save_network(where, [tiny().state_dict()], CARD)
    with pytest.raises(WeightsError, match="no network is shipped"):
        load("toy/dips")
    assert load("./toy/dips").classes == CLASSES


def test_a_card_that_is_not_json_leaves_the_old_pair(path):
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    with pytest.raises(ValueError, match=r"the card, 'made': \w*Path is not a plain value"):
        save_network(path, [tiny().state_dict()], CARD | {"made": path})
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
    card = save_network(path, [tiny().state_dict()], CARD | {"shares": np.array([0.5, np.nan]), "n": np.int64(3)})
    assert card["shares"] == [0.5, None] and card["n"] == 3
    assert json.loads(path.with_suffix(".json").read_text()) == card


def test_a_full_disk_leaves_the_old_pair(path, monkeypatch):
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    from pathlib import Path

    write = Path.write_bytes

    def full(file, data):
        if ".json" in file.name:
            raise OSError("no space left on device")
        return write(file, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        save_network(path, [tiny().state_dict()], CARD)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


# As in test_checkpoint: a child that saves network 2 over network 1 dies at its k-th step towards the disk.
KILLED = """
    import os, pathlib, shutil, signal, sys
    import torch
    from lcnet.core.weights import WeightsError, read_card, read_weights, save_network

    torch.set_num_threads(1)
    path = pathlib.Path(sys.argv[1]) / "net.safetensors"

    def write(number):
        save_network(path, [{"w": torch.full((500,), float(number))}], {"number": number})

    def child(k):
        left = [k]
        def die_at(function):
            def wrapped(*args, **kwargs):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*args, **kwargs)
            return wrapped
        pathlib.Path.write_bytes = die_at(pathlib.Path.write_bytes)
        for name in ("fsync", "replace", "unlink"):
            setattr(os, name, die_at(getattr(os, name)))
        write(2)
        os._exit(0)

    k, status = 0, 1
    while status != 0:
        k += 1
        shutil.rmtree(path.parent, ignore_errors=True)
        write(1)
        pid = os.fork()
        if pid == 0:
            child(k)
        status = os.waitpid(pid, 0)[1]
        assert status in (0, signal.SIGKILL), status
        card = read_card(path)
        try:
            (state,) = read_weights(path, card)
            assert (state["w"] == card["number"]).all(), k
            print(card["number"])
        except WeightsError as error:
            assert "sha256" in str(error), error
            print("refused")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_kill_leaves_one_network_or_is_seen(tmp_path, root):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(tmp_path / "net")]
    run = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(root)})
    assert run.returncode == 0, run.stderr
    found = run.stdout.split()
    # write and sync of two files, two renames, the folder: the old pair up to the first rename, the new one from the
    # second on, and between them a pair that says it does not belong together
    assert found[:5] == ["1"] * 5 and found[5] == "refused" and set(found[6:]) == {"2"}


def test_the_weights_can_be_had_to_start_from(path):
    monitor = load(path, task=TOY)
    states = monitor.states()
    x = simulate(5, 1).inputs
    before = monitor.predict(x)
    for state in states:
        for value in state.values():
            value.zero_()
    assert len(states) == 3 and np.array_equal(monitor.predict(x), before)  # copies


def test_a_device_that_is_not_there_is_named(path):
    net, x = load(path, task=TOY), simulate(5, 1).inputs
    for device in ("banana", "cuda:99", "xpu:7"):
        with pytest.raises(ValueError, match=device):
            net.predict(x, device=device)


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
    monkeypatch.setitem(registry.REGISTRY, "toy/any", entry)
    np.testing.assert_array_equal(as_reading(whole, "toy/any").predict(x), reading.predict(x))
    assert as_reading(reading, "toy/any") is reading and as_reading(whole, "toy/dips") is whole
    for wrong, name in ((reading, "toy/dips"), (whole, "transits/triage")):
        with pytest.raises(ValueError, match=name):
            as_reading(wrong, name)
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


@pytest.mark.parametrize("sums", [{"a": ("box",)}, {"a": ("box", "vee"), "b": ("vee", "noise")}, {"a": ("box", "wee")}])
def test_sums_use_each_class_once(sums):
    with pytest.raises(ValueError, match="each of box, vee, noise once"):
        sums_matrix(CLASSES, sums)
