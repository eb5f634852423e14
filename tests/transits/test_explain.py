"""Explanations: complete, of the labelled events that are nearest, and honest about what the network has never seen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

import lcnet
from lcnet import transits
from lcnet.core.neighbours import load_neighbours
from lcnet.core.weights import WeightsError
from lcnet.transits.batch import Found, Options, search_curve, with_views
from lcnet.transits.curves import curve_arrays
from lcnet.transits.explain import Explainer
from lcnet.transits.judge import load_judge, network_inputs
from lcnet.transits.neighbours import LABELS, real
from lcnet.transits.read import read
from lcnet.transits.report import report, write_page
from lcnet.transits.report_words import explained, verdict
from lcnet.transits.rows import star_rows
from lcnet.transits.table import candidate_table


@pytest.fixture(scope="module")
def network():
    return lcnet.load("transits/candidate")


@pytest.fixture(scope="module")
def planet(star_files, network):
    """A simulated planet, found and explained."""
    curve = curve_arrays(next(iter(read(star_files["planet"]).values())))
    found = search_curve(curve, Options(keep_curves=True))
    return Explainer(network).explained([found], attribute=True)[0]


def strange(found):
    """The same star with views that no telescope has made: bright events instead of dips."""
    views = {name: -8.0 * view[::-1] for name, view in found.views[0][0].items()}
    return replace(found, views=((views, ()), *found.views[1:]), explanations=())


def row_of(found, network):
    return star_rows(found, load_judge(network).probabilities([found])[0])[0]


def test_the_shipped_neighbours_are_the_shipped_network_s(network):
    found = load_neighbours(network)
    assert len(found) > 10_000 and found.points.dtype == np.float16 and found.points.shape[1] <= 64
    assert set(found.classes) == set(LABELS) and (np.bincount(found.labels) > 300).all()
    assert real(found).mean() > 0.5
    path = network.path.with_name("candidate-neighbours.safetensors")
    assert path.stat().st_size <= 100 * len(found) + 500_000  # no view fits in a hundred bytes


def test_the_bins_make_the_whole_difference(planet, network):
    (why, *_) = planet.explanations
    total = sum(values.sum() for values in why.attribution.values())
    # 64 steps: the gap is a few hundredths of a logit (docs/transits-trust.md)
    assert total == pytest.approx(why.logit - why.flat_logit, abs=0.1)
    assert set(why.attribution) <= set(why.views) and why.attribution["local_view"].shape == (61,)
    p = network.predict(network_inputs(network, [planet]))[0]
    assert why.probabilities == pytest.approx(dict(zip(network.classes, p, strict=True)), abs=1e-6)
    assert why.logit == pytest.approx(np.log(p[0] / (1 - p[0])), abs=1e-3)


def test_the_judge_takes_from_explanations_what_it_would_say_itself(planet, network):
    failed = Found("no star", error=ValueError("no light curve"))
    batch = [failed, planet, strange(planet), replace(planet, views=(ValueError("no view"), *planet.views[1:]))]
    judge = load_judge(network)
    without = judge.probabilities([replace(star, explanations=()) for star in batch])
    fresh = Explainer(network).explained([replace(star, explanations=()) for star in batch])
    for one, other in zip(judge.probabilities(fresh), without, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_judge_asks_its_own_network_of_what_another_explained(planet):
    judge = load_judge("transits/kepler")
    (own,) = judge.probabilities([replace(planet, explanations=())])
    np.testing.assert_array_equal(judge.probabilities([planet])[0], own)
    # and of views that are not those explained
    assert planet.explanations and not with_views(planet).explanations


def test_a_planet_is_like_planets_and_nothing_new(planet, network):
    (why, *_) = planet.explanations
    assert not why.unlike and 0 < why.view_distance < 1 and 0 < why.embedding_distance < 1
    seen = [event for event in why.similar if event.source != "simulated"]
    assert len(seen) == 3 and all(event.target.startswith(("TIC ", "KIC ")) for event in seen)
    assert [event.distance for event in seen] == sorted(event.distance for event in seen)
    assert "labelled" in seen[0].words and f"P {seen[0].period:.4g} d" in seen[0].words
    said = explained(why)
    assert re.match("Most like: [TK]IC [0-9]", said[0]) and "within the training" in said[-1]
    assert "out_of_distribution" not in row_of(planet, network)["flags"]


def test_what_was_never_seen_is_said_to_be_so(planet, network):
    made = Explainer(network).explained([strange(planet)])[0]
    why = made.explanations[0]
    assert why.view_distance > 1 and not why.attribution
    row = row_of(made, network)
    assert "out_of_distribution" in row["flags"].split()
    assert row["reason"].startswith("unlike anything in training: its folded curve lies ")
    assert 0 <= row["p_planet"] <= 1  # the table keeps its number
    (said,) = verdict([{**row, "snr": 20.0}])
    assert "unlike anything in the network's training" in said and "most likely" not in said
    assert explained(why)[0].startswith("Unlike anything in training")


def test_pages_show_what_the_network_saw(planet, network, tmp_path):
    row = {**row_of(planet, network), "candidate": 1}
    text = write_page(planet, [row], tmp_path).read_text(encoding="utf-8")
    assert (
        "What the network saw" in text and re.search("Most like: [TK]IC [0-9]", text) and "logit of p(planet)" in text
    )
    odd = Explainer(network).explained([strange(planet)])[0]
    text = write_page(odd, [{**row_of(odd, network), "candidate": 1}], tmp_path).read_text(encoding="utf-8")
    assert "no guide" in text and 'class="planet"' not in text


def test_a_report_is_explained_by_the_network_of_its_table(planet, network, star_files, tmp_path):
    meta = {**load_judge(network).meta(), "sources": {planet.target: [str(star_files["planet"])]}}
    table = candidate_table([row_of(planet, network)], meta)
    report(table, tmp_path / "same")
    table.meta["network_sha256"] = "0" * 64
    report(table, tmp_path / "other")
    said = [
        "What the network saw" in next((tmp_path / name).glob("TIC*.html")).read_text() for name in ("same", "other")
    ]
    assert said == [True, False]


def test_the_verb(star_files, simulated, network):
    signal = simulated["planet"].truth["signals"][0]
    collection = next(iter(read(star_files["planet"]).values()))
    why = transits.explain(collection, signal["period"], signal["epoch"], signal["duration"], network=network)
    figure = why.plot(Figure())
    assert len(figure.axes) == 2 * len(why.attribution) and why.similar
    with pytest.raises(ValueError, match="no attributions"):
        replace(why, attribution={}).plot(figure)
    with pytest.raises(TypeError):
        transits.explain("TIC 1", 1.0, 2.0, 3.0)


def test_neighbours_of_another_network_are_refused_when_stars_are_scored(network, tmp_path):
    path = network.path
    for name in ("candidate.json", "candidate.safetensors"):
        (tmp_path / name).write_bytes(path.with_name(name).read_bytes())
    alone = lcnet.load(tmp_path)
    assert Explainer(alone).neighbours is None
    replace(load_neighbours(network), sha256="0" * 64).save(tmp_path / "candidate-neighbours.safetensors")
    with pytest.raises(WeightsError, match="made for another network"):
        Explainer(alone)
