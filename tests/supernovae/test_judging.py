"""What `lcnet evaluate --split` prints: on the right objects, at the threshold of the card."""

from __future__ import annotations

import copy

import numpy as np
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
    import dataclasses

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
    assert run(app, ["evaluate", "supernovae/des", "--split", "half"]).exit_code == 2
    assert run(app, ["evaluate", "transits/candidate", "--data", "x", "--split", "half"]).exit_code == 2
    wrong = run(app, ["evaluate", "supernovae/des", "--data", "x", "--split", "third"])
    assert wrong.exit_code == 1 and "split must be" in wrong.stderr
