"""Pictures show the numbers they are given: curves against scikit-learn, predictions drawn epoch by epoch."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_score, recall_score
from toy import TOY, simulate

from lcnet.core.plots import draw_predictions, plot_precision_recall, plot_predictions
from lcnet.core.regression import Regression
from lcnet.core.training import fit


def test_held_out_predictions_are_drawn_every_other_epoch(tmp_path):
    examples, held = simulate(200, 0), simulate(60, 1)
    settings = {"validation": held, "epochs": 3, "tiny": True, "device": "cpu", "progress": False}
    drawn = fit(TOY, examples, on_epoch=draw_predictions(tmp_path / "pictures", TOY, held, every=2), **settings)
    plain = fit(TOY, examples, **settings)
    assert sorted(path.name for path in (tmp_path / "pictures").iterdir()) == ["epoch-000.png", "epoch-002.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "pictures").iterdir())
    # drawing changes nothing
    seconds = ["seconds"]
    assert drawn.history.drop(columns=seconds).equals(plain.history.drop(columns=seconds))
    with pytest.raises(ValueError, match="every must be positive"):
        draw_predictions(tmp_path, TOY, held, every=0)


def test_the_line_of_a_class_is_its_own_probability_sorted():
    label = np.array([0, 0, 1, 2, 2, 2])
    prediction = np.array([[0.2, 0.8, 0], [0.9, 0.1, 0], [0.3, 0.4, 0.3], [0, 0.5, 0.5], [0, 0, 1], [1, 0, 0]])
    ax = plot_predictions(prediction, {"label": label}, objective=TOY.objective, ax=Figure().add_subplot())
    drawn = [line.get_ydata().tolist() for line in ax.lines[:3]]
    assert drawn == [[0.9, 0.2], [0.4], [1.0, 0.5, 0.0]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["box (2)", "vee (1)", "noise (3)"]


def test_of_a_regression_means_against_the_truth():
    objective = Regression(("depth",), ("ppm",), centre=(0.0,), scale=(1.0,))
    truth = np.array([10.0, 30.0, 50.0])
    prediction = np.stack([[20.0, 30.0, 40.0], [1.0, 1.0, 1.0]], axis=-1)[:, None, :]
    ax = plot_predictions(prediction, {"depth": truth}, objective=objective, ax=Figure().add_subplot())
    assert ax.lines[0].get_xdata().tolist() == [0, 0.5, 1] and ax.lines[0].get_ydata().tolist() == [0.25, 0.5, 0.75]


def test_precision_and_recall_are_scikit_learn_s():
    rng = np.random.default_rng(0)
    outcome = rng.random(400) < 0.2
    score = np.clip(0.3 * outcome + rng.random(400), 0, None)
    ax = plot_precision_recall(outcome, score, ax=Figure().add_subplot(), label="toy")
    recall, precision = ax.lines[0].get_data()
    for threshold in (0.4, 0.8, 1.1):
        said = score >= threshold
        wanted = recall_score(outcome, said), precision_score(outcome, said)
        assert np.min(np.hypot(recall - wanted[0], precision - wanted[1])) < 1e-12
    assert ax.get_legend_handles_labels()[1] == [f"toy: {average_precision_score(outcome, score):.3f}"]
