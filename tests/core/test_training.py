"""The loop's seams: other objectives, weights, early stopping, and that there is only this one loop."""

import ast
import dataclasses

import numpy as np
import pytest
import torch
from toy import DEPTH, TOY, TWO_STEP, simulate, simulate_depths

from lcnet.core.batches import Feed
from lcnet.core.examples import Examples
from lcnet.core.training import _rate, fit

QUICK = {"device": "cpu", "progress": False, "tiny": True}


@pytest.mark.parametrize("task", [DEPTH, TWO_STEP], ids=lambda task: task.name)
def test_another_objective_needs_no_other_loop(task):
    done = fit(task, simulate_depths(300, 1), epochs=40, lr=3e-3, seed=1, **QUICK)
    # depths are uniform over 1.5, rms 0.43 about their mean: it has learnt more than the mean
    assert done.history["rms"].iloc[done.best_epoch] < 0.2
    assert "accuracy" not in done.history


def test_two_optimizers_resume_too(tmp_path):
    settings = QUICK | {"epochs": 4, "seed": 1}
    examples = simulate_depths(60, 1)
    straight = fit(TWO_STEP, examples, **settings)
    fit(TWO_STEP, examples, checkpoint=tmp_path, stop_after=3, **settings)
    resumed = fit(TWO_STEP, examples, checkpoint=tmp_path, resume=True, **settings)
    for name, value in straight.net.state_dict().items():
        assert torch.equal(value, resumed.net.state_dict()[name])


def test_only_the_core_trains(root):
    guilty = []
    for path in sorted((root / "lcnet").rglob("*.py")):
        if path.is_relative_to(root / "lcnet" / "core"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = ast.unparse(node.func.value).lower()
                if node.func.attr == "backward" or (node.func.attr == "step" and "optim" in owner):
                    guilty.append(f"{path.relative_to(root)}:{node.lineno}")
    assert not guilty, f"training outside lcnet/core: {guilty}"
    inside = (root / "lcnet" / "core" / "objectives.py").read_text()
    assert "loss.backward()" in inside and "optimizer.step()" in inside  # what the scan looks for exists


def test_examples_of_no_weight_teach_nothing():
    examples = simulate(120, 1)
    wrong = (examples.targets["label"] + 1) % 3
    mixed = Examples.concatenate([examples, dataclasses.replace(examples, targets={"label": wrong})])
    mixed.group = np.arange(240)
    mixed.weight = np.repeat([1.0, 0.0], 120).astype(np.float32)
    settings = QUICK | {"epochs": 25, "lr": 3e-3, "seed": 1, "validation": simulate(150, 2)}
    heeded = fit(TOY, mixed, **settings).history["accuracy"].max()
    ignored = fit(TOY, dataclasses.replace(mixed, weight=None), **settings).history["accuracy"].max()
    # as many wrong labels as right ones leave half the answers open
    assert heeded > 0.8 > ignored


def test_weights_scale_the_loss_as_repeats_do():
    logits = torch.tensor([[2.0, 0, 0], [0, 1.0, 0], [0, 0, -1.0]])
    label = torch.tensor([0, 2, 1])
    weighted = TOY.objective.loss(logits, {"label": label}, torch.tensor([2.0, 1.0, 0.0]))
    repeated = TOY.objective.loss(logits[[0, 0, 1]], {"label": label[[0, 0, 1]]})
    assert torch.allclose(weighted, repeated)
    assert TOY.objective.loss(logits, {"label": label}, torch.zeros(3)) == 0


def test_early_stopping_keeps_the_best_weights(tmp_path):
    held = simulate(60, 2)
    held.targets["label"] = np.random.default_rng(0).integers(3, size=60)  # nothing to learn: it can only get worse
    settings = QUICK | {"epochs": 60, "lr": 1e-2, "patience": 3, "seed": 1, "validation": held}
    done = fit(TOY, simulate(60, 1), checkpoint=tmp_path, **settings)
    loss = done.history["validation_loss"].to_numpy()
    assert len(loss) < 60 and done.finished
    assert done.best_epoch == loss.argmin() == len(loss) - 1 - 3
    feed = Feed(TOY, held, device="cpu")
    with torch.no_grad():
        output = torch.cat([done.net(batch.inputs) for batch in feed.ordered(64)])
    assert float(TOY.objective.loss(output, {"label": torch.from_numpy(held.targets["label"])})) == pytest.approx(
        loss.min(), rel=1e-5
    )
    # a finished fit is only read again
    again = fit(TOY, simulate(60, 1), checkpoint=tmp_path, resume=True, **settings)
    assert again.history.equals(done.history)


def test_log_and_picture_are_written(tmp_path):
    import pandas as pd

    done = fit(TOY, simulate(60, 1), epochs=3, seed=1, checkpoint=tmp_path, **QUICK)
    log = pd.read_csv(tmp_path / "log.csv")
    assert list(log["epoch"]) == [0, 1, 2]
    np.testing.assert_allclose(log["validation_loss"], done.history["validation_loss"])
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")


def test_plots_draw_on_the_axes_they_are_given():
    from matplotlib.figure import Figure

    from lcnet.core import plots
    from lcnet.core.metrics import reliability

    done = fit(TOY, simulate(60, 1), epochs=3, seed=1, **QUICK)
    ax = Figure().subplots()
    assert plots.plot_history(done.history, ax=ax) is ax
    assert len(ax.lines) == 3  # training, validation, the epoch that was kept
    ax = Figure().subplots()
    plots.plot_reliability(reliability(np.linspace(0, 1, 50), np.arange(50) > 25), ax=ax)
    assert ax.containers


def test_the_order_is_a_function_of_seed_and_epoch():
    examples = simulate(50, 1)
    plain = Feed(dataclasses.replace(TOY, augment=None), examples, device="cpu")

    def rows(feed, seed, epoch):
        return torch.cat([batch.inputs["curve"][:, 0] for batch in feed.epoch(seed, epoch, 16)])

    assert torch.equal(rows(plain, 1, 2), rows(plain, 1, 2))
    assert not torch.equal(rows(plain, 1, 2), rows(plain, 1, 3))
    assert not torch.equal(rows(plain, 1, 2), rows(plain, 2, 2))
    assert torch.equal(rows(plain, 1, 2).sort()[0], torch.from_numpy(examples.inputs["curve"][:, 0]).sort()[0])
    feed = Feed(TOY, examples, device="cpu")
    first, second = ([batch.inputs["has_period"] for batch in feed.epoch(1, epoch, 16)] for epoch in (0, 0))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_processes_share_every_batch_between_them():
    examples = simulate(50, 1)
    one = Feed(TOY, examples, device="cpu")
    two = [Feed(TOY, examples, device="cpu", rank=rank, world=2) for rank in (0, 1)]
    whole = list(one.epoch(1, 0, 16))
    for batch, left, right in zip(whole, two[0].epoch(1, 0, 16), two[1].epoch(1, 0, 16), strict=True):
        assert torch.equal(batch.inputs["curve"][0::2], left.inputs["curve"])
        assert torch.equal(batch.inputs["curve"][1::2], right.inputs["curve"])


def test_a_file_streams_to_the_same_network(tmp_path, monkeypatch):
    import lcnet.core.batches as batches

    examples = simulate(90, 1)
    examples.save(tmp_path / "toy.h5")
    in_memory = fit(TOY, examples, epochs=2, seed=1, **QUICK)
    monkeypatch.setattr(batches, "_SMALL", 0)
    lazy = Examples.open(tmp_path / "toy.h5")
    assert Feed(TOY, lazy, device="cpu")._normal is None
    streamed = fit(TOY, lazy, epochs=2, seed=1, **QUICK)
    for name, value in in_memory.net.state_dict().items():
        assert torch.equal(value, streamed.net.state_dict()[name])


def test_the_learning_rate_rises_and_falls():
    rates = [_rate(step, 100, 1.0) for step in range(100)]
    assert rates[9] == max(rates) == 1.0
    assert rates[0] == pytest.approx(0.1) and 0 < rates[-1] < 1e-3


def test_a_diverging_loss_is_an_error():
    with pytest.raises(FloatingPointError, match="toy/depth"):
        fit(DEPTH, simulate_depths(40, 1), epochs=20, lr=1e30, seed=1, validation=None, **QUICK)


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="precision"):
        fit(TOY, simulate(20, 1), precision="fp8", **QUICK)
    with pytest.raises(ValueError, match="positive"):
        fit(TOY, simulate(20, 1), epochs=0, **QUICK)
