"""From a seed to a calibrated network on disk, and honest figures for it."""

import dataclasses
import json
import sys

import numpy as np
import pytest
import toy
from toy import DEPTH, TOY, simulate, simulate_depths

from lcnet.core import registry
from lcnet.core.ensemble import _parts, cross_validate, evaluate, train
from lcnet.core.network import load
from lcnet.core.registry import Entry
from lcnet.core.simulation import BLOCK
from lcnet.core.simulation import simulate as simulate_blocks

QUICK = {"tiny": True, "device": "cpu", "progress": False, "epochs": 15, "lr": 3e-3}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.REGISTRY, "toy/dips", Entry(where="toy:TOY"))
        patch.setitem(
            registry.REGISTRY, "toy/any", Entry(reading_of="toy/dips", sums={"no": ("noise",), "dip": ("box", "vee")})
        )
        net = train(TOY, simulate(400, 1), folder=folder, members=2, seed=1, about={"limits": "a toy"}, **QUICK)
    return folder, net


def test_the_prediction_is_the_calibrated_mean_of_its_members(trained):
    _, net = trained
    x = simulate(50, 9).inputs
    p, members = net.predict(x), net.predict_members(x)
    assert p.shape == (50, 3) and p.dtype == np.float32 and members.shape == (2, 50, 3)
    # float32 sums of three, of numbers rounded once
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=3e-7)
    np.testing.assert_allclose(members.mean(axis=0), p, atol=2e-7)
    assert np.abs(members[0] - members[1]).max() > 1e-3
    assert net.predict({"curve": np.zeros((0, 32))}).shape == (0, 3)
    assert net.inputs == {"curve": (32,), "detail": (8,), "period": ()} and net.classes == toy.CLASSES


def test_it_does_well_on_what_it_has_not_seen(trained):
    found = evaluate(trained[1], simulate(300, 9), resamples=30)
    assert found.metrics["accuracy"].value > 0.85
    assert found.metrics["log_loss"].low < found.metrics["log_loss"].value < found.metrics["log_loss"].high
    assert list(found.table().columns) == ["value", "low", "high"]


def test_the_card_says_what_it_is(trained):
    folder, net = trained
    card = json.loads((folder / "dips.json").read_text())
    assert card == net.card
    for key in ("name", "version", "task", "classes", "inputs", "members", "sha256", "prevalence", "metrics", "data"):
        assert card[key], key
    assert card["limits"] == "a toy" and card["training"]["seed"] == 1 and card["training"]["settings"]["epochs"] == 15
    assert card["calibration"]["parameters"]["temperature"] > 0
    assert sum(card["prevalence"].values()) == pytest.approx(1)
    assert card["data"]["examples"] == 400 and card["data"]["groups"] == 200
    assert (folder / "member-1" / "loss.png").exists() and (folder / "member-0" / "log.csv").exists()


def test_its_readings_lie_beside_it(trained):
    folder, net = trained
    reading = load(folder / "any.json", task=TOY)
    examples = simulate(100, 9)
    np.testing.assert_allclose(reading.predict(examples.inputs)[:, 0], net.predict(examples.inputs)[:, 2], atol=1e-6)
    found = evaluate(reading, examples, resamples=5)
    assert found.metrics["average_precision_dip"].value > 0.9
    assert net.card["readings"]["toy/any"]["metrics"]["auc_dip"] > 0.9


def test_the_same_seed_gives_the_same_files_and_resuming_changes_nothing(tmp_path):
    settings = QUICK | {"epochs": 2}
    first = train(TOY, simulate(60, 1), folder=tmp_path / "a", members=2, seed=3, **settings)
    again = train(TOY, simulate(60, 1), folder=tmp_path / "a", members=2, seed=3, resume=True, **settings)
    other = train(TOY, simulate(60, 1), folder=tmp_path / "b", members=2, seed=4, **settings)
    assert first.card["sha256"] == again.card["sha256"] != other.card["sha256"]


def test_training_goes_on_from_given_weights(trained, tmp_path):
    states = [net.state_dict() for net in trained[1]._nets]
    settings = QUICK | {"epochs": 1, "lr": 1e-9}
    further = train(TOY, simulate(60, 5), folder=tmp_path, members=2, start=states, **settings)
    x = simulate(50, 9).inputs
    # the temperature is set anew, the order of likelihood stays
    assert np.array_equal(further.predict(x).argmax(axis=1), trained[1].predict(x).argmax(axis=1))


def test_extra_examples_train_but_never_judge():
    examples, extra = simulate(120, 1), simulate(200, 2)
    extra.group = np.array([f"{group}" for group in extra.group])  # half of them the same groups as the real ones
    extra = extra.take(extra.targets["label"] != 2)
    held = np.isin(examples.group, [0, 1, 2, 3])
    part, validation = _parts(TOY, examples, held, extra)
    assert validation.fingerprint() == examples.take(held).fingerprint()
    assert not set(part.group.astype(str)) & {"0", "1", "2", "3"}
    ours = np.bincount(examples.take(~held).targets["label"], minlength=3)
    added = np.bincount(part.targets["label"][112:], part.weight[112:], 3)
    # the same mixture of the classes that extra has
    assert added[0] / added[1] == pytest.approx(ours[0] / ours[1], rel=1e-5)


def test_cross_validation_judges_every_row_once(tmp_path):
    examples = simulate(150, 1)
    settings = QUICK | {"epochs": 6}
    found = cross_validate(TOY, examples, folds=3, members=2, extra=simulate(60, 2), resamples=20, **settings)
    assert found.prediction.shape == (150, 3) and found.member_predictions.shape == (2, 150, 3)
    np.testing.assert_allclose(found.prediction.sum(axis=1), 1)
    assert set(found.fold) == {0, 1, 2}
    assert all(len(set(found.fold[examples.group == group])) == 1 for group in set(examples.group))


def test_labels_that_mean_nothing_are_not_learnt():
    """Were a row judged by a network that saw it, or its group, noise would score above chance."""
    examples = simulate(300, 1)
    examples.targets["label"] = np.repeat(np.random.default_rng(0).integers(3, size=150), 2)  # one a group
    found = cross_validate(TOY, examples, folds=3, resamples=50, seed=1, **(QUICK | {"patience": 3}))
    # 150 independent groups: the AUC of a guess scatters by about 0.05 a class
    assert abs(found.metrics["auc"].value - 0.5) < 0.15


def test_a_regression_is_trained_and_judged_too(tmp_path):
    net = train(DEPTH, simulate_depths(200, 1), folder=tmp_path, members=2, **QUICK)
    assert net.classes == () and net.predict(simulate_depths(5, 2).inputs).shape == (5, 1)
    assert evaluate(net, simulate_depths(50, 2), resamples=10).metrics["rms"].value < 0.6


def test_simulation_does_not_depend_on_jobs(monkeypatch):
    n = 2 * BLOCK + 5
    one, two = (simulate_blocks(TOY, n, 3, jobs=jobs, progress=False) for jobs in (1, 2))
    assert len(one) == n and one.fingerprint() == two.fingerprint()
    assert one.attributes == {"task": "toy/dips", "seed": 3}
    # blocks number their groups from zero each: they must not be taken for one another
    assert len(np.unique(one.group)) == 2 * BLOCK // 2 + 3
    assert simulate_blocks(TOY, n, 4, progress=False).fingerprint() != one.fingerprint()


def loaded_modules(n, seed):
    examples = simulate(n, seed)
    examples.meta["torch"] = "torch" in sys.modules
    return examples


def test_workers_do_not_import_torch():
    # the function is sent by value: this test's module imports torch, and a worker would import that module by name
    function = type(loaded_modules)(
        loaded_modules.__code__, {"simulate": simulate, "sys": __import__("sys"), "__name__": "__main__"}
    )
    task = dataclasses.replace(TOY, simulate=function)
    assert not simulate_blocks(task, BLOCK + 1, 1, jobs=2, progress=False).meta["torch"].any()


@pytest.mark.parametrize("wrong", [{"n": 0}, {"seed": -1}, {"jobs": 0}])
def test_simulations_of_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match="positive"):
        simulate_blocks(TOY, **({"n": 5, "seed": 1} | wrong))
