"""From a seed to a calibrated network on disk, and honest figures for it."""

import dataclasses
import datetime
import json
import sys

import numpy as np
import pandas as pd
import pytest
import torch
import toy
from scipy.special import softmax
from toy import DEPTH, TOY, simulate, simulate_depths

from lcnet.core import registry
from lcnet.core.ensemble import _parts, cross_validate, evaluate, train
from lcnet.core.examples import Examples
from lcnet.core.network import load, outputs
from lcnet.core.objectives import Classification
from lcnet.core.registry import Entry
from lcnet.core.simulation import BLOCK, apart
from lcnet.core.simulation import simulate as simulate_blocks
from lcnet.core.splits import grouped_split
from lcnet.core.training import Fit

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
    states = trained[1].states()
    settings = QUICK | {"epochs": 1, "lr": 1e-9}
    further = train(TOY, simulate(200, 5), folder=tmp_path, members=2, start=states, **settings)
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


@pytest.fixture
def recorded(monkeypatch):
    """What each fit of an ensemble is given, without fitting: (training part, validation part)."""
    from lcnet.core import ensemble

    calls = []

    def record(task, examples, *, validation, **settings):
        calls.append((examples, validation))
        return Fit(task.tiny().eval(), pd.DataFrame({"epoch": [0]}), 0, True, 0.0, "cpu")

    monkeypatch.setattr(ensemble, "fit", record)
    return calls


def groups(examples):
    return set(examples.group.astype(str))


def rows(examples):
    # noise makes every curve one of a kind
    return {curve.tobytes() for curve in np.asarray(examples.inputs["curve"])}


def alike(n, seed, examples):
    """Extra examples, the first half of the same groups as `examples`, the second of groups of their own."""
    extra = simulate(n, seed)
    extra.group = np.where(np.arange(n) < n // 2, extra.group.astype(str), np.char.add("own", extra.group.astype(str)))
    assert groups(extra) & groups(examples) and groups(extra) - groups(examples)
    return extra


@pytest.mark.filterwarnings("ignore:.*the temperature ran into its bound")
def test_no_fold_sees_what_judges_it(recorded):
    """Training, validation and test rows of a fold share no group, extra examples included."""
    examples = simulate(150, 1)
    extra = alike(100, 2, examples)
    found = cross_validate(TOY, examples, folds=3, members=2, extra=extra, resamples=2, tiny=True, device="cpu")
    assert len(recorded) == 6
    for number in range(3):
        test = examples.take(found.fold == number)
        (part, validation), (same, other) = recorded[2 * number : 2 * number + 2]
        assert same is part and other is validation  # of all members
        assert not groups(part) & groups(validation)
        assert not groups(part) & groups(test)
        assert not groups(validation) & groups(test)
        assert not rows(test) & (rows(part) | rows(validation)) and not rows(part) & rows(validation)
        # nothing is lost either, and extra examples neither stop the training nor judge
        assert rows(part) | rows(validation) | rows(test) >= rows(examples)
        assert not rows(extra) & rows(validation)
        left = extra.take(~np.isin(extra.group, list(groups(validation) | groups(test))))
        assert 0 < len(left) < len(extra) and rows(left) == rows(part) & rows(extra)
    assert {row for number in range(3) for row in rows(examples.take(found.fold == number))} == rows(examples)


@pytest.mark.filterwarnings("ignore:.*the temperature ran into its bound")
def test_training_does_not_see_what_calibrates_it(recorded, tmp_path):
    examples = simulate(150, 1)
    extra = alike(100, 2, examples)
    net = train(TOY, examples, folder=tmp_path, members=2, extra=extra, tiny=True, device="cpu")
    (part, validation), (same, other) = recorded
    assert same is part and other is validation
    assert not groups(part) & groups(validation) and not rows(part) & rows(validation)
    assert rows(part) | rows(validation) >= rows(examples)
    # the card counts the extra examples that were trained on, not those that were offered
    used = len(rows(part) & rows(extra))
    assert net.card["data"]["extra"] == used < len(extra)


def test_every_fold_is_judged_by_its_own_networks(monkeypatch):
    """Each network answers with a number of its own: a row has the answers of the fits of its fold, in their order."""
    from lcnet.core import ensemble

    made = []

    def number(task, examples, **settings):
        net = task.tiny().eval()
        for value in net.parameters():
            value.data.zero_()
        net.head[-1].bias.data[:] = torch.tensor([0.0, len(made), 0.0])
        made.append(net)
        return Fit(net, pd.DataFrame({"epoch": [0]}), 0, True, 0.0, "cpu")

    monkeypatch.setattr(ensemble, "fit", number)
    objective = Uncalibrated(toy.CLASSES)
    task = dataclasses.replace(TOY, objective=objective)
    found = cross_validate(task, simulate(60, 1), folds=3, members=2, resamples=2, tiny=True, device="cpu")
    said = np.log(found.member_predictions[:, :, 1] / found.member_predictions[:, :, 0])
    np.testing.assert_allclose(said, 2 * found.fold[None] + np.arange(2)[:, None], atol=1e-6)


class Uncalibrated(Classification):
    def calibrate(self, outputs, targets, weight=None):
        return {}


@pytest.mark.filterwarnings("ignore:.*the temperature ran into its bound")
def test_labels_that_mean_nothing_are_not_learnt():
    """Were a row judged by a network that saw it, or its group, noise would score above chance."""
    examples = simulate(300, 1)
    examples.targets["label"] = np.repeat(np.random.default_rng(0).integers(3, size=150), 2)  # one a group
    found = cross_validate(TOY, examples, folds=3, resamples=50, seed=1, **(QUICK | {"patience": 3}))
    # 150 independent groups: the AUC of a guess scatters by about 0.05 a class
    assert abs(found.metrics["auc"].value - 0.5) < 0.15


def test_a_calibration_that_is_none_is_said_so(tmp_path):
    examples = simulate(120, 1)
    examples.group[examples.targets["label"] == 2] = 999  # noise is one group: in one part only
    with pytest.warns(UserWarning) as warned:
        net = train(TOY, examples, folder=tmp_path, members=1, **(QUICK | {"epochs": 1, "lr": 1e-9}))
    doubts = net.card["calibration"]["doubts"]
    # a network that was not trained is best left at its flattest
    assert any("ran into its bound, 20" in doubt for doubt in doubts) and any("'noise'" in doubt for doubt in doubts)
    assert {str(one.message) for one in warned} == {f"toy/dips: {doubt}" for doubt in doubts}


def test_a_calibration_that_is_one_is_not_doubted(trained):
    assert trained[1].card["calibration"]["doubts"] == []
    labels = {"label": np.array([0, 1, 2, 0])}
    right = np.eye(3)[[0, 1, 2, 0]]
    once = np.stack([right, np.eye(3)[[0, 1, 2, 1]]])  # one member is wrong once
    for temperature in (0.06, 19.0):
        assert TOY.objective.doubts({"temperature": temperature}, once, labels) == []
    (doubt,) = TOY.objective.doubts({"temperature": 0.12}, np.stack([right, right]), labels)
    assert "every held-out example is classified rightly" in doubt


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"about": {"limits": "none", "data": "mine"}}, "about cannot replace .*: data"),
        ({"about": {"reading_of": "toy/dips"}}, "about cannot replace"),
        ({"about": {"made": {"when": datetime.date(2026, 1, 1)}}}, "about, 'made', 'when': date is not a plain value"),
        ({"device": "banana"}, "'banana'"),
    ],
)
def test_what_cannot_end_well_is_refused_before_training(change, message, recorded, tmp_path):
    with pytest.raises(ValueError, match=message):
        train(TOY, simulate(30, 1), folder=tmp_path, **(QUICK | change))
    assert not recorded and not list(tmp_path.iterdir())


def test_attributes_must_fit_on_a_card(recorded, tmp_path):
    examples = simulate(30, 1)
    examples.attributes = {"made": datetime.date(2026, 1, 1)}
    with pytest.raises(ValueError, match="attributes of the examples, 'made'"):
        train(TOY, examples, folder=tmp_path, **QUICK)
    assert not recorded


def test_attributes_of_every_plain_kind_end_on_the_card(tmp_path):
    simulate(60, 1).save(tmp_path / "toy.h5", stars=[1, 2, 3])
    examples = Examples.open(tmp_path / "toy.h5")
    net = train(TOY, examples, folder=tmp_path / "net", members=1, **(QUICK | {"epochs": 2}))
    assert net.card["data"]["attributes"]["stars"] == [1, 2, 3]
    assert json.loads((tmp_path / "net" / "dips.json").read_text()) == net.card


def test_the_names_that_are_taken_are_those_on_the_card(trained):
    from lcnet.core.ensemble import _OURS

    ours = {*_OURS} - {"reading_of", "sums"}
    assert ours == {*trained[1].card} - {"intended_use", "limits"}


def test_examples_without_weight_cannot_calibrate(tmp_path):
    examples = simulate(60, 1)
    held = grouped_split(examples.group, 0.15, seed=0, labels=examples.targets["label"])
    for nothing, what in ((held, "held-out examples"), (~held, "examples")):
        examples.weight = np.where(nothing, 0, 1).astype(np.float32)
        with pytest.raises(ValueError, match=f"the {what}.* all have weight zero"):
            train(TOY, examples, folder=tmp_path, members=1, **QUICK)


def test_figures_are_said_to_be_unweighted(tmp_path):
    examples = simulate(60, 1)
    examples.weight = np.ones(60)
    net = train(TOY, examples, folder=tmp_path, members=1, **(QUICK | {"epochs": 2}))
    assert "unweighted" in net.card["metrics_on"]


def test_half_precision_is_used_only_where_it_is_harmless(monkeypatch):
    from lcnet.core import ensemble

    nets = [TOY.tiny().eval() for _ in range(2)]
    validation = simulate(40, 1)
    logits = outputs(nets, TOY.inputs, validation.inputs, device="cpu")
    before = [{name: value.clone() for name, value in net.state_dict().items()} for net in nets]
    halves = [{name: value.half().float() for name, value in state.items()} for state in before]

    def load_all(states):
        for net, state in zip(nets, states, strict=True):
            net.load_state_dict(state)

    load_all(halves)
    rounded = outputs(nets, TOY.inputs, validation.inputs, device="cpu")
    load_all(before)
    difference = np.abs(softmax(np.float64(rounded), axis=-1) - softmax(np.float64(logits), axis=-1)).max()
    assert difference > 0
    for limit, expected in ((0.99 * difference, None), (1.01 * difference, rounded)):
        monkeypatch.setattr(ensemble, "_HALF", limit)
        found = ensemble._halved(TOY, nets, validation, logits, {"temperature": 1.0})
        assert found is None if expected is None else np.array_equal(found, expected)
        for net, state in zip(nets, before if expected is None else halves, strict=True):
            assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_checkpoints_can_lie_elsewhere(tmp_path):
    settings = QUICK | {"epochs": 2}
    train(TOY, simulate(60, 1), folder=tmp_path / "net", checkpoints=tmp_path / "work", members=1, **settings)
    assert (tmp_path / "work" / "member-0" / "checkpoint.json").exists()
    assert sorted(path.suffix for path in (tmp_path / "net").iterdir()) == [".json", ".safetensors"]


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


def test_examples_that_judge_are_apart_from_those_that_train():
    ours, theirs = (simulate_blocks(TOY, 2 * BLOCK, seed, progress=False) for seed in (1, apart(1)))
    assert not rows(ours) & rows(theirs) and not groups(ours) & groups(theirs)
    assert apart(1) == apart(1) and len({apart(seed) for seed in range(100)} | set(range(100))) == 200


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


def test_batches_side_by_side_give_the_same_bits(trained):
    """Many batches are predicted on as many threads as torch has; it keeps its own number of them."""
    _, net = trained
    x, before = simulate(500, 9).inputs, torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = net.predict_members(x, batch_size=16)
        torch.set_num_threads(2)
        together = net.predict_members(x, batch_size=16)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(alone, together)
