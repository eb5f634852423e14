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


def training_in(source):
    """Line numbers of `source` where something is trained: a gradient asked for, an optimizer imported or stepped."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute):
            text = ast.unparse(node)
            guilty = text.startswith(("torch.optim", "torch.autograd.grad", "torch.autograd.backward"))
        elif isinstance(node, ast.Import):
            guilty = any(alias.name.startswith("torch.optim") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            wrong = ("torch.optim", "torch.autograd.grad", "torch.autograd.backward")
            guilty = any(name.startswith(wrong) for name in names)
        else:
            guilty = False
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value).lower()
            guilty = node.func.attr == "backward" or (node.func.attr == "step" and "optim" in owner)
        if guilty:
            found.append(node.lineno)
    return sorted(set(found))


@pytest.mark.parametrize(
    "line",
    [
        "loss.backward()",
        "optimizer.step()",
        "self.optimizers[0].step()",
        "import torch.optim",
        "import torch.optim.adam as adam",
        "from torch import nn, optim",
        "from torch.optim import SGD",
        "made = torch.optim.SGD(x)",
        "g = torch.autograd.grad(y, x)",
        "from torch.autograd import grad",
    ],
)
def test_the_scan_for_training_sees(line):
    assert training_in("import numpy as np\n" + line) == [2]


def test_only_the_core_trains(root):
    paths = sorted((root / "lcnet").rglob("*.py"))
    found = {path.relative_to(root).as_posix(): training_in(path.read_text()) for path in paths}
    assert found["lcnet/core/objectives.py"] and found["lcnet/core/training.py"]
    outside = {name: lines for name, lines in found.items() if lines and not name.startswith("lcnet/core/")}
    assert not outside, f"training outside lcnet/core: {outside}"


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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "fp8"}, "precision"),
        ({"epochs": 0}, "positive"),
        ({"device": "banana"}, "'cpu' or 'cuda', not 'banana'"),
        ({"device": "cuda:99"}, "'cuda:99' is not there"),
        ({"device": "meta"}, "'cpu' or 'cuda'"),
        ({"validation": 1}, "fraction must be between 0 and 1, not 1"),
        ({"validation": 0}, "fraction"),
        ({"validation": "0.2"}, "validation must be a share"),
        (
            {"validation": dataclasses.replace(simulate(10, 2), weight=np.zeros(10))},
            "held-out examples all have weight",
        ),
        ({"validation": simulate(10, 2).take([])}, "there are none"),
        ({"start": {"stem.weight": torch.zeros(3)}}, "do not fit the network of toy/dips: [^\n]*$"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        fit(TOY, simulate(20, 1), **(QUICK | settings))


def test_examples_that_cannot_be_learnt_are_refused():
    with pytest.raises(ValueError, match="the examples all have weight zero"):
        fit(TOY, dataclasses.replace(simulate(20, 1), weight=np.zeros(20)), **QUICK)
    wrong = simulate(20, 1)
    wrong.inputs["curve"][3, 4] = np.nan
    with pytest.raises(ValueError, match="'curve' has NaN in row"):
        fit(TOY, wrong, **QUICK)
    wrong = simulate(20, 1)
    wrong.targets["label"][3] = 7
    with pytest.raises(ValueError, match="'label' is outside"):
        fit(TOY, wrong, **QUICK)


def test_a_file_too_large_for_memory_is_checked_before_the_first_epoch(tmp_path, monkeypatch):
    import lcnet.core.batches as batches

    wrong = simulate(40, 1)
    wrong.inputs["curve"][33, 4] = np.nan
    wrong.save(tmp_path / "toy.h5")
    monkeypatch.setattr(batches, "_SMALL", 0)
    monkeypatch.setattr(batches.Feed, "epoch", lambda *args: pytest.fail("an epoch was begun"))
    with pytest.raises(ValueError, match="'curve' has NaN in row 33"):
        fit(TOY, Examples.open(tmp_path / "toy.h5"), validation=None, **QUICK)


@pytest.mark.skipif(torch.cuda.is_available(), reason="about a machine without CUDA")
def test_a_missing_accelerator_is_told_at_once(monkeypatch):
    monkeypatch.setattr(TOY.objective.__class__, "check", lambda *args: pytest.fail("the work was begun"))
    with pytest.raises(ValueError, match="'cuda' is not there: torch sees 0 CUDA devices"):
        fit(TOY, simulate(20, 1), **(QUICK | {"device": "cuda"}))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
def test_a_fit_on_the_cpu_does_not_keep_later_ones_there():
    devices = [
        fit(TOY, simulate(20, 1), epochs=1, **(QUICK | {"device": d})).device for d in ("cpu", None, "cuda", "cpu")
    ]
    assert devices[0] == devices[3] == "cpu" and "cpu" not in devices[1:3]


def test_another_device_or_precision_gets_another_accelerator():
    from accelerate.state import PartialState

    from lcnet.core.training import _accelerator

    for device, precision in (("cpu", "no"), ("cpu", "bf16"), (None, "no"), ("cpu", "no"), (None, "bf16")):
        made = _accelerator(device, precision)
        # accelerate keeps its first state: a fit on the CPU would silently hold every later one there
        assert PartialState()._cpu is (device == "cpu") and made.mixed_precision == precision
    again = _accelerator(None, "bf16")
    assert again.state.__dict__ is made.state.__dict__  # and what fits is left as it is


def test_a_validation_loss_that_is_not_finite_is_an_error():
    held = simulate_depths(20, 2)
    held.targets["depth"][:] = 1e30  # squared, beyond float32
    with pytest.raises(FloatingPointError, match="validation loss of toy/depth is inf in epoch 0"):
        fit(DEPTH, simulate_depths(40, 1), epochs=2, seed=1, validation=held, **QUICK)


def test_a_resume_beyond_its_end_is_left_as_it_is(tmp_path):
    settings = QUICK | {"epochs": 5, "seed": 1, "checkpoint": tmp_path, "resume": True}
    stopped = fit(TOY, simulate(60, 1), stop_after=2, **settings)
    again = fit(TOY, simulate(60, 1), stop_after=1, **settings)
    assert not again.finished and again.history.equals(stopped.history)
