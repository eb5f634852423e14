"""Examples: checked with names and rows, and files that are whole or not there."""

import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
from toy import TOY, simulate

from lcnet.core.examples import Examples, ExamplesError
from lcnet.core.inputs import check, describe, normalise, restore, to_tensors
from lcnet.core.task import Input


@pytest.fixture
def examples():
    made = simulate(40, 3)
    made.group = np.array([f"stär {row // 2}" for row in range(40)])
    made.weight = np.linspace(0, 1, 40, dtype=np.float32)
    made.meta["flag"] = made.meta["number"] > 20
    return made


@pytest.mark.parametrize("lazy", [True, False])
def test_a_file_gives_back_what_it_was_given(examples, tmp_path, lazy):
    path = tmp_path / "toy.h5"
    examples.save(path, task="toy/dips", seed=3)
    back = Examples.open(path, lazy=lazy)
    assert back.lazy is lazy
    for name in examples.inputs:
        np.testing.assert_array_equal(back.inputs[name][:], examples.inputs[name])
    np.testing.assert_array_equal(back.targets["label"], examples.targets["label"])
    np.testing.assert_array_equal(back.group, examples.group)
    np.testing.assert_array_equal(back.weight, examples.weight)
    pd.testing.assert_frame_equal(back.meta, examples.meta, check_dtype=False)
    assert back.attributes["task"] == "toy/dips" and back.attributes["seed"] == 3 and "version" in back.attributes
    assert back.fingerprint() == examples.fingerprint()
    back.validate(TOY)


def test_rows_on_disk_come_in_any_order(examples, tmp_path):
    examples.save(tmp_path / "toy.h5")
    lazy = Examples.open(tmp_path / "toy.h5")
    for index in ([39, 0, 0, 7], [], [-1, 3], np.arange(40) % 3 == 0, slice(5, 20, 2), np.arange(40)[::-1]):
        expected = examples.take(index).inputs["curve"]
        np.testing.assert_array_equal(lazy.take(index).inputs["curve"], expected)
        part = lazy.part(index)
        assert part.lazy
        np.testing.assert_array_equal(np.asarray(part.inputs["curve"]), expected)
        np.testing.assert_array_equal(part.part(slice(0, 2)).inputs["curve"][:], expected[:2])
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(again.inputs["curve"][3], examples.inputs["curve"][3])
    lazy.part([3, 1]).save(tmp_path / "part.h5")
    np.testing.assert_array_equal(Examples.open(tmp_path / "part.h5").group, examples.group[[3, 1]])


def test_a_failed_save_leaves_the_old_file_and_nothing_else(examples, tmp_path, monkeypatch):
    path = tmp_path / "toy.h5"
    examples.save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("no space left on device")

    monkeypatch.setattr(h5py.Group, "create_dataset", full)
    with pytest.raises(OSError, match="no space"):
        examples.save(path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["toy.h5"]


def test_unreadable_files_are_named(examples, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Examples.open(tmp_path / "nowhere.h5")
    text = tmp_path / "text.h5"
    text.write_text("not HDF5")
    with pytest.raises(ExamplesError, match=r"text\.h5"):
        Examples.open(text)
    examples.save(tmp_path / "cut.h5")
    (tmp_path / "cut.h5").write_bytes((tmp_path / "cut.h5").read_bytes()[:3000])
    with pytest.raises(ExamplesError, match=r"cut\.h5"):
        Examples.open(tmp_path / "cut.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["spectrum"] = np.arange(3)
    with pytest.raises(ExamplesError, match="no 'inputs'"):
        Examples.open(tmp_path / "other.h5")


def test_concatenate(examples):
    short = Examples({"curve": np.zeros((2, 32), np.float32)}, {"label": np.array([0, 1])}, np.array([7, 8]))
    both = Examples.concatenate([examples, short])
    assert len(both) == 42 and both.group[-1] == "8"
    assert np.isnan(both.inputs["detail"][-2:]).all() and np.isnan(both.inputs["period"][-1])
    assert both.weight[-1] == 1 and both.meta["name"].isna().sum() == 2
    both.validate(TOY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.inputs["curve"].__setitem__((5, 3), np.nan), r"required input 'curve' has NaN in row 5"),
        (lambda e: e.inputs["detail"].__setitem__((4, 3), np.nan), r"'detail' is partly NaN in row 4"),
        (lambda e: e.inputs["curve"].__setitem__((slice(2, 30), 0), np.inf), r"infinite in rows 2, 3, 4, 5, 6 and 23"),
        (lambda e: e.inputs.pop("curve"), r"missing required input 'curve'"),
        (lambda e: e.inputs.__setitem__("perod", e.inputs.pop("period")), r"did you mean 'period'"),
        (lambda e: e.inputs.__setitem__("curve", e.inputs["curve"][:, :9]), r"'curve' has shape \(40, 9\)"),
        (lambda e: e.targets["label"].__setitem__(7, 3), r"'label' is outside 0..2 in row\(s\) 7"),
        (lambda e: e.targets.__setitem__("label", np.ones(40)), r"must be integers"),
        (lambda e: e.targets.pop("label"), r"missing target 'label'"),
    ],
)
def test_what_is_wrong_is_named(examples, change, message):
    change(examples)
    with pytest.raises(ValueError, match=message):
        examples.validate(TOY)


def test_rows_keep_their_numbers_beyond_the_first_block(monkeypatch):
    import lcnet.core.examples as module

    monkeypatch.setattr(module, "_BLOCK", 16)
    examples = simulate(40, 1)
    examples.inputs["curve"][33] = np.nan
    with pytest.raises(ValueError, match="row 33"):
        examples.validate(TOY)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="input 'x' has 3 rows, group has 2"):
        Examples({"x": np.zeros(3)}, {}, np.arange(2))
    with pytest.raises(ValueError, match="weight"):
        Examples({}, {}, np.arange(2), weight=[1, -1])


def test_a_single_example_is_told_to_grow_an_axis():
    with pytest.raises(ValueError, match=r"x\[None\]"):
        check(TOY.inputs, {"curve": np.zeros(32)})


def test_normalisation_and_missing_rows():
    specs = {
        "period": Input((), required=False, log=True, range=(0.1, 100)),
        "depth": Input((2,), range=(-2.0, 2.0)),
    }
    arrays = check(specs, {"period": [0.1, 100, 1e9, np.nan], "depth": np.array([[-2, 2], [0, 1], [9, -9], [0, 0]])})
    normal = normalise(specs, arrays)
    np.testing.assert_allclose(normal["period"][:3], [-1, 1, 1], atol=1e-6)
    np.testing.assert_allclose(normal["depth"], [[-1, 1], [0, 0.5], [1, -1], [0, 0]])
    x = to_tensors(specs, normal)
    assert x["has_period"].tolist() == [1, 1, 1, 0] and x["period"][3] == 0 and "has_depth" not in x
    absent = to_tensors(specs, normalise(specs, check(specs, {"depth": np.zeros((3, 2)), "period": None})))
    assert absent["has_period"].tolist() == [0, 0, 0]
    assert restore(describe(specs)) == specs


@pytest.mark.parametrize("wrong", [{"range": (1, 1)}, {"log": True}, {"log": True, "range": (0, 1)}])
def test_ranges_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="range"):
        Input((), **wrong)


@pytest.mark.parametrize("back", [slice(None, None, -1), slice(30, 3, -4)])
def test_a_file_is_read_backwards_too(examples, tmp_path, back):
    examples.save(tmp_path / "toy.h5")
    lazy = Examples.open(tmp_path / "toy.h5")
    np.testing.assert_array_equal(lazy.inputs["curve"][back], examples.inputs["curve"][back])
    part = lazy.part(np.arange(35))
    np.testing.assert_array_equal(part.inputs["curve"][back], examples.inputs["curve"][:35][back])


def test_big_endian_numbers_become_native(examples, tmp_path):
    import torch

    examples.targets["label"] = examples.targets["label"].astype(">i4")
    made = Examples(examples.inputs, examples.targets, examples.group)
    assert torch.from_numpy(made.targets["label"]).tolist() == examples.targets["label"].tolist()
    made.save(tmp_path / "big.h5")
    with h5py.File(tmp_path / "big.h5", "r+") as file:
        curve = file["inputs/curve"][...]
        del file["inputs/curve"]
        file["inputs/curve"] = curve.astype(">f4")
    lazy = Examples.open(tmp_path / "big.h5").inputs["curve"]
    assert lazy.dtype.isnative and lazy[:3].dtype.isnative
    np.testing.assert_array_equal(lazy[:], curve)


def test_weights_are_one_an_example():
    with pytest.raises(ValueError, match=r"weight must have shape \(n,\)"):
        Examples({}, {}, np.arange(2), weight=np.ones((2, 2)))


def test_names_that_are_paths_are_refused_and_nothing_is_written(examples, tmp_path):
    examples.meta["flux/err"] = 1.0
    with pytest.raises(ValueError, match="'flux/err' cannot be the name"):
        examples.save(tmp_path / "toy.h5")
    assert not list(tmp_path.iterdir())


def test_other_layouts_of_the_same_names_are_no_examples(tmp_path):
    with h5py.File(tmp_path / "arrays.h5", "w") as file:
        file["inputs"], file["targets"], file["group"] = np.arange(3), np.arange(3), np.arange(3)
    with h5py.File(tmp_path / "nested.h5", "w") as file:
        file.create_group("inputs/x/y")
        file.create_group("targets")
        file["group"] = np.arange(3)
    for name in ("arrays.h5", "nested.h5"):
        for lazy in (True, False):
            with pytest.raises(ExamplesError, match=name):
                Examples.open(tmp_path / name, lazy=lazy)


def test_attributes_come_back_as_plain_values(examples, tmp_path):
    import json

    examples.save(tmp_path / "toy.h5", stars=[1, 2, 3], share=np.float32(0.5))
    back = Examples.open(tmp_path / "toy.h5").attributes
    assert json.loads(json.dumps(back)) == back and back["stars"] == [1, 2, 3] and back["share"] == 0.5
