"""What `lcnet evaluate --split` prints: on the right objects, at the threshold of the card."""

from __future__ import annotations

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from lcnet.supernovae import evaluation, judging
from lcnet.supernovae.simulate import simulate
from lcnet.supernovae.views import make_views


@pytest.fixture(scope="module")
def photometry():
    return simulate(600, seed=12)


@pytest.fixture
def judged(network):
    found = copy.copy(network)
    found.card = {**network.card, "threshold_Ia": {"without redshift": 0.3, "with host redshift": 0.4}}
    return found


def test_the_report(photometry, judged):
    lines = list(judging.judge_archive(judged, photometry, "half"))
    text = "\n".join(lines)
    assert "on 300 objects of half" in text and "note: this network was trained on the split None" in text
    assert "without redshift, threshold 0.300" in text and "with host redshift, threshold 0.400" in text
    objects = judging.tested(photometry, "half")
    label = np.array(["Ia Ibc II".split().index(one) for one in objects.truth["type"]])
    members = judged.predict_members(make_views(objects).inputs)
    expected = evaluation.figures(members.mean(axis=0), label, 0.3)
    for name in ("auc", "fom", "efficiency", "purity"):
        line = next(line for line in lines if line.startswith(f"{name} "))
        assert float(line.split()[1]) == pytest.approx(expected[name], abs=6e-5), name
        assert "members" in line
    assert sum(line.strip().startswith(("0 d", "5 d", "15 d", "25 d", "50 d")) for line in lines) == 5
    assert "never triggered" in lines[-1]
    assert "before / after the true peak" in text and "after the true peak: 0." in lines[-1]
    # bins that resolve the probabilities between the certain ones
    table = text.split("reliability of p(Ia):\n")[1].split("\n\n")[0].split("\n")[1:]
    inside, _ = np.histogram(members.mean(axis=0)[:, 0], [0, 0.01, *np.arange(1, 10) / 10, 0.99, 1])
    assert [int(line.split()[0]) for line in table] == inside[inside > 0].tolist()


def test_the_curves_are_written(photometry, judged, tmp_path):
    folder = tmp_path / "report"
    lines = list(judging.judge_archive(judged, photometry, "half", folder))
    assert {path.name for path in folder.iterdir()} == {"judgement.png", "curves.csv", "reliability.csv"}
    assert sum(line.startswith("wrote ") for line in lines) == 3
    objects = judging.tested(photometry, "half")
    truth = (objects.truth["type"] == "Ia").to_numpy()
    table = pd.read_csv(folder / "curves.csv")
    p = judged.predict(judging.inputs_of(objects, make_views(objects), host=True))[:, 0]
    for kind, some in table.groupby("kind"):
        assert len(some) == 300 and some["efficiency"].iloc[-1] == some["false_positive_rate"].iloc[-1] == 1
        assert some["purity"].iloc[-1] == pytest.approx(truth.mean()), kind
    row = table[table["kind"] == "with host redshift"].iloc[100]
    assert row["efficiency"] == pytest.approx((truth & (p >= row["threshold"] - 1e-9)).sum() / truth.sum())
    binned = pd.read_csv(folder / "reliability.csv")
    assert binned.groupby("kind")["n"].sum().tolist() == [300, 300]
    # the table that is printed is a part of the one that is written
    shown = "\n".join(lines).split("ROC and purity against efficiency:\n")[1].split("reliability")[0]
    assert [float(line.split()[0]) for line in shown.split("\n")[1:-1]] == [0.1, 0.3, 0.3, 0.5, 0.7, 0.9, 0.99]


def test_late_triggers_are_of_the_true_peak(photometry):
    views = make_views(photometry)
    true = photometry.truth["peak_mjd"].to_numpy()
    late, known = judging.late_triggers(photometry, views)
    assert known.all() and np.array_equal(late, views.trigger > true)
    # simulated plateaus peak at their start: the two definitions are not the same
    assert (late != (views.trigger > views.peak)).any()
    some = dataclasses.replace(
        photometry, truth=photometry.truth.assign(peak_mjd=np.where(true > true[0], true, np.nan))
    )
    late, known = judging.late_triggers(some, views)
    assert np.array_equal(known, true > true[0])
    assert np.array_equal(late[~known], (views.trigger > views.peak)[~known])


def test_training_objects_are_not_judged(photometry):
    from lcnet.supernovae.challenge import challenge_split

    trained = set(photometry.objects["object"][challenge_split(photometry, "half")])
    judged = set(judging.tested(photometry, "half").objects["object"])
    assert len(judged) == 300 and not trained & judged


def test_the_seed_of_the_looks_does_not_move_the_split(photometry, judged):
    """Objects that a network was trained on are not judged, whatever seed its examples were made with."""
    from lcnet.supernovae.challenge import training_examples

    made = training_examples(photometry, "half", looks=0, seed=3)
    judged.card["data"] = {"attributes": made.attributes}
    seen, rng = [], np.random.default_rng(0)
    judged.predict_members = lambda inputs: seen.append(len(inputs["time"])) or rng.dirichlet([1, 1, 1], (1, seen[-1]))
    objects = judging.tested(photometry, "half")
    assert not set(made.group) & set(objects.objects["object"])
    list(judging.judge_archive(judged, photometry, "half"))
    assert seen[0] == len(objects)


def test_objects_without_types_are_nothing_to_judge_by(photometry, judged):
    untyped = dataclasses.replace(photometry, truth=photometry.truth.assign(type=""))
    with pytest.raises(ValueError, match="nothing to judge by.* 600 objects"):
        list(judging.judge_archive(judged, untyped, "half"))


def test_the_command(judged, photometry, monkeypatch, tmp_path):
    import importlib

    import lcnet.core.network
    from lcnet.cli import app

    monkeypatch.setattr(lcnet.core.network, "load", lambda name, task=None: judged)
    monkeypatch.setattr(importlib.import_module("lcnet.supernovae.read"), "read", lambda path: photometry)
    run = CliRunner().invoke
    done = run(app, ["evaluate", "supernovae/des", "--data", str(tmp_path / "any.tar.xz"), "--split", "half"])
    assert done.exit_code == 0 and "reliability of p(Ia)" in done.stdout
    (tmp_path / "file").touch()
    command = ["evaluate", "supernovae/des", "--data", "x", "--split", "half", "--report"]
    assert run(app, [*command, str(tmp_path / "file")]).exit_code == 1
    assert run(app, ["evaluate", "supernovae/des", "--split", "half"]).exit_code == 2
    assert run(app, ["evaluate", "transits/candidate", "--data", "x", "--split", "half"]).exit_code == 2
    # before anything is read
    monkeypatch.setattr(importlib.import_module("lcnet.supernovae.read"), "read", lambda path: pytest.fail("read"))
    wrong = run(app, ["evaluate", "supernovae/des", "--data", "x", "--split", "third"])
    assert wrong.exit_code == 2 and "representative-1103" in wrong.stderr
    with pytest.raises(ValueError, match="split must be"):
        list(judging.judge_archive(judged, "x", "third"))
    assert run(app, ["evaluate", "supernovae/des", "--data", "x", "--report", "f"]).exit_code == 2


def test_the_splits_of_the_registry():
    from lcnet.core.registry import REGISTRY
    from lcnet.supernovae.challenge import splits

    assert REGISTRY["supernovae/des"].splits == REGISTRY["supernovae/des-spectroscopic"].splits == splits
