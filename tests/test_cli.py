"""The command line: fast to answer, and one sentence for what goes wrong."""

import json
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from typer.testing import CliRunner

from lcnet.cli import _command, _places, app
from lcnet.core import registry
from lcnet.core.examples import Examples
from lcnet.core.registry import Entry

TOY = textwrap.dedent("""
    import numpy as np
    from lcnet.core.examples import Examples
    from lcnet.core.objectives import Classification
    from lcnet.core.task import Input, Task

    def simulate(n, seed):
        rng = np.random.default_rng(seed)
        label = rng.integers(2, size=n)
        return Examples({"x": rng.normal(size=(n, 4)) + label[:, None]}, {"label": label}, np.arange(n))

    def net():
        from lcnet.core.blocks import join, mlp
        from torch import nn

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = mlp(4, [8], 2)

            def forward(self, x):
                return self.layers(join(x, ["x"]))

        return Net()

    POINTS = Task("plain/points", {"x": Input((4,))}, net, net, simulate, Classification(("low", "high")))
""")

ONCE = ["--epochs", 1, "--members", 1, "--device", "cpu"]


@pytest.fixture
def lcnet(tmp_path, monkeypatch):
    (tmp_path / "plain_points.py").write_text(TOY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setitem(registry.REGISTRY, "plain/points", Entry(where="plain_points:POINTS"))
    monkeypatch.chdir(tmp_path)
    # workers that other tests left idle do not know this path
    get_reusable_executor().shutdown(wait=True)
    yield lambda *words: CliRunner().invoke(app, [str(word) for word in words])
    get_reusable_executor().shutdown(wait=True)
    sys.modules.pop("plain_points", None)


def test_help_of_a_command_loads_nothing_heavy(root):
    """How fast `--help` and `tasks` are is timed in test_foundation."""
    code = (
        "import sys\nfrom lcnet.cli import main\ntry:\n    main()\nfinally:\n"
        "    print(*sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code, "train", "--help"], capture_output=True, text=True, cwd=root)
    assert run.returncode == 0, run.stderr
    assert not set(run.stderr.split()) & {"torch", "lightkurve", "matplotlib", "numba", "astropy", "pandas"}


def test_python_m_lcnet(root):
    run = subprocess.run([sys.executable, "-m", "lcnet", "--version"], capture_output=True, text=True, cwd=root)
    assert run.returncode == 0 and run.stdout.startswith("lcnet ")


def test_tasks_names_every_task(lcnet):
    result = lcnet("tasks")
    assert result.exit_code == 0
    for name, entry in registry.REGISTRY.items():
        assert name in result.stdout and entry.sentence in result.stdout and entry.reference in result.stdout


def test_simulate_train_evaluate(lcnet, tmp_path):
    result = lcnet("simulate", "plain/points", "-n", 150, "--seed", 3, "--output", "points.h5")
    assert result.exit_code == 0, result.output
    assert len(Examples.open("points.h5")) == 150
    result = lcnet("simulate", "plain/points", "-n", 150, "--seed", 3, "--output", "again.h5", "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert Examples.open("again.h5").fingerprint() == Examples.open("points.h5").fingerprint()

    words = ["train", "plain/points", "--data", "points.h5", "--simulate", 50, "--epochs", 15, "--members", 2]
    words += ["--lr", 0.01, "--seed", 1, "--device", "cpu"]
    result = lcnet(*words, "--output", "net", "--release", "7")
    assert result.exit_code == 0, result.output
    card = json.loads((tmp_path / "net" / "points.json").read_text())
    assert card["version"] == "7" and card["data"]["extra"] == 50 and card["members"] == 2
    result = lcnet(*words, "--output", "net", "--resume")
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "net" / "points.json").read_text())["sha256"] == card["sha256"]
    result = lcnet(*words, "--output", "net", "--resume", "--batch-size", 10)
    assert result.exit_code == 1 and "batch_size was 64, now 10" in result.stderr

    lcnet("simulate", "plain/points", "-n", 30, "--seed", 9, "--output", "more.h5")
    result = lcnet(*words, "--output", "larger", "--extra", "more.h5", "--extra", "more.h5", "--seed", 4)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "larger" / "points.json").read_text())["data"]["extra"] == 50 + 2 * 30
    result = lcnet("train", "plain/points", "--simulate", 9, "--extra", "more.h5")
    assert result.exit_code == 2 and "--data" in result.stderr

    result = lcnet("evaluate", "plain/points", "--data", "points.h5", "--network", "net/points.safetensors")
    assert result.exit_code == 0, result.output
    # two normal clouds two sigma apart (one in each of four axes): the best there is has an AUC of 0.92
    assert 0.85 < float(re.search(r"auc_high +([\d.]+)", result.stdout)[1]) < 0.97
    assert "warning: the network was trained on these very examples" in result.stderr
    result = lcnet("evaluate", "plain/points", "--network", "net", "--simulate", 100)
    assert result.exit_code == 0 and "100 examples" in result.stdout and "warning" not in result.stderr

    more = ["--from", "net", "--output", "sub/further.safetensors", *ONCE]
    result = lcnet("train", "plain/points", "--simulate", 150, *more)
    assert result.exit_code == 0, result.output
    # the network, its card, and one folder for what the training leaves
    assert {path.name for path in (tmp_path / "sub").iterdir()} == {
        *("further.safetensors", "further.json", "further.training")
    }
    left = {path.name for path in (tmp_path / "sub" / "further.training").iterdir()}
    assert left == {"simulated.h5", "member-0"}


def test_wrong_usage_is_told_apart(lcnet):
    result = lcnet("simulate", "transits/candidat", "-n", 3, "--output", "x.h5")
    assert result.exit_code == 2 and "transits/candidate" in result.stderr
    assert lcnet("train", "plain/points").exit_code == 2
    assert lcnet("simulate", "plain/points", "-n", 0, "--output", "x.h5").exit_code == 2


@pytest.mark.parametrize("verb", ["train", "evaluate"])
@pytest.mark.parametrize(
    ("name", "message"),
    [("missing.h5", "no such file"), ("text.h5", "not a readable"), (".", "a folder"), ("other.h5", "'x'")],
)
def test_data_that_cannot_be_used_is_one_sentence(lcnet, verb, name, message, tmp_path):
    (tmp_path / "text.h5").write_text("nothing")
    Examples({"y": np.zeros((3, 2))}, {"label": np.zeros(3, int)}, np.arange(3)).save(tmp_path / "other.h5")
    result = lcnet(verb, "plain/points", "--data", name)
    assert result.exit_code == 1
    assert message in result.stderr and result.stderr.count("\n") == 1 and "Traceback" not in result.output
    assert isinstance(result.exception, SystemExit)


def test_a_network_that_cannot_be_loaded_is_one_sentence(lcnet, tmp_path):
    (tmp_path / "bad.json").write_text("{}")
    for network in ("nowhere.safetensors", "bad.json", "no/such", "plain/points"):
        result = lcnet("evaluate", "plain/points", "--network", network, "--simulate", 5)
        assert result.exit_code == 1 and result.stderr.count("\n") == 1, result.output


@pytest.fixture
def no_work(monkeypatch):
    """What fails must fail before any simulation or training."""
    import lcnet.core.ensemble as ensemble
    import lcnet.core.simulation as simulation

    for module, name in ((simulation, "simulate"), (ensemble, "train"), (ensemble, "evaluate")):
        monkeypatch.setattr(module, name, lambda *args, **settings: pytest.fail("the work was begun"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["simulate", "-n", 5, "--output", "file/inside.h5"], "file is not a folder"),
        (["simulate", "-n", 5, "--output", "folder"], "cannot write folder"),
        (["train", "--simulate", 5, "--output", "file"], "cannot write into file: it is a file, not a folder"),
        (["train", "--simulate", 5, "--output", "file/net.safetensors"], "file: it is a file"),
        (["train", "--simulate", 5, "--output", "net.h5"], "give a folder, or a file that ends in .safetensors"),
        (["train", "--simulate", 5, "--output", "net.pt"], "give a folder"),
        (["train", "--simulate", 5, "--output", "folder.safetensors"], "it is a folder"),
    ],
)
def test_an_output_that_cannot_be_written_is_told_before_the_work(lcnet, no_work, words, message, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.safetensors").mkdir()
    result = lcnet(words[0], "plain/points", *words[1:])
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert message in result.stderr and "Errno" not in result.stderr


def test_a_folder_may_have_a_dot_in_its_name(tmp_path):
    assert _places(tmp_path / "net-1.2") == (None, tmp_path / "net-1.2", tmp_path / "net-1.2")
    (tmp_path / "my.nets").mkdir()
    assert _places(tmp_path / "my.nets")[1] == tmp_path / "my.nets"


@pytest.mark.filterwarnings("always:plain/points")
def test_evaluation_is_never_on_the_examples_of_the_same_seed(lcnet, monkeypatch):
    import lcnet.core.simulation as simulation

    result = lcnet("train", "plain/points", "--simulate", 150, "--seed", 1, *ONCE, "--output", "net")
    assert result.exit_code == 0, result.output
    trained, drawn = Examples.open("net/simulated.h5", lazy=False), []
    simulate = simulation.simulate

    def spy(*args, **settings):
        drawn.append(simulate(*args, **settings))
        return drawn[-1]

    monkeypatch.setattr(simulation, "simulate", spy)
    result = lcnet("evaluate", "plain/points", "--network", "net", "--simulate", 150, "--seed", 1)
    assert result.exit_code == 0, result.output
    ours, theirs = ({row.tobytes() for row in examples.inputs["x"]} for examples in (trained, drawn[0]))
    assert len(ours) == len(theirs) == 150 and not ours & theirs
    assert f"seed {simulation.apart(1)}, derived from --seed 1" in result.stdout


@pytest.mark.filterwarnings("always:plain/points")
def test_a_reading_is_evaluated_as_what_it_is(lcnet, monkeypatch, tmp_path):
    sums = {"any": ("low", "high"), "none": ()}
    monkeypatch.setitem(registry.REGISTRY, "plain/other", Entry(reading_of="transits/candidate", sums=sums))
    sums = {"up": ("high",), "down": ("low",)}
    monkeypatch.setitem(registry.REGISTRY, "plain/sides", Entry(reading_of="plain/points", sums=sums))
    assert lcnet("train", "plain/points", "--simulate", 150, *ONCE, "--output", "net").exit_code == 0
    for network in ("net", "net/sides.json"):
        result = lcnet("evaluate", "plain/sides", "--network", network, "--simulate", 60)
        assert result.exit_code == 0 and result.stdout.count("plain/sides on 60 examples") == 1, result.output
        assert "auc_up" in result.stdout and "auc_high" not in result.stdout
    result = lcnet("evaluate", "plain/points", "--network", "net/sides.json", "--simulate", 60)
    assert result.exit_code == 1 and "plain/sides, a reading of plain/points, not plain/points" in result.stderr


def test_a_task_of_ones_own_needs_its_network_named(lcnet, no_work):
    result = lcnet("evaluate", "plain_points:POINTS", "--simulate", 5)
    assert result.exit_code == 2 and "give --network" in result.stderr


@pytest.mark.filterwarnings("always:plain/points")
def test_weights_of_another_size_are_one_sentence(lcnet, tmp_path):
    (tmp_path / "wide_points.py").write_text(TOY.replace("mlp(4, [8], 2)", "mlp(4, [9], 2)"))
    assert lcnet("train", "plain/points", "--simulate", 150, *ONCE, "--output", "net").exit_code == 0
    more = ["--simulate", 60, *ONCE, "--from", "net"]
    import lcnet.core.network as network

    states = network.load("net").states()
    with pytest.MonkeyPatch.context() as patch:
        # a network that loads and is of another size than the one to train: what --tiny against a full one gives
        patch.setattr(network, "load", lambda *args, **settings: type("Old", (), {"states": lambda self: states})())
        result = lcnet("train", "wide_points:POINTS", *more, "--output", "other")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1, result.output
    assert "do not fit the network of plain/points: size mismatch" in result.stderr
    assert len(result.stderr) < 300


@pytest.mark.parametrize(("verb", "advised"), [("train", True), ("evaluate", False), ("simulate", False)])
def test_only_training_can_be_resumed(lcnet, verb, advised, monkeypatch):
    import lcnet.core.simulation as simulation

    def stop(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(simulation, "simulate", stop)
    monkeypatch.setattr("lcnet.core.network.load", lambda *args, **settings: None)
    words = ["-n", 5, "--output", "x.h5"] if verb == "simulate" else ["--simulate", 5]
    result = lcnet(verb, "plain/points", *words)
    assert result.exit_code == 130 and "interrupted" in result.stderr
    assert ("--resume" in result.stderr) is advised


def test_a_faulty_module_is_one_sentence(lcnet, tmp_path):
    (tmp_path / "faulty_points.py").write_text("import os\nPOINTS = os.no_such_thing\n")
    result = lcnet("simulate", "faulty_points:POINTS", "-n", 5, "--output", "x.h5")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
    assert "importing faulty_points:POINTS failed: AttributeError" in result.stderr and "no_such_thing" in result.stderr
    result = lcnet("simulate", "os:path", "-n", 5, "--output", "x.h5")
    assert result.exit_code == 2 and "not a Task" in " ".join(result.stderr.split())


def test_the_command_on_a_card_has_no_folders_of_this_disk(monkeypatch, tmp_path):
    words = ["lcnet", "train", "a/b", "--data=" + str(tmp_path / "x.h5"), "--output", str(tmp_path / "net"), "--lr=1"]
    monkeypatch.setattr(sys, "argv", words)
    assert _command() == "lcnet train a/b --data=x.h5 --output net --lr=1"
    assert str(tmp_path) not in _command()


@pytest.mark.filterwarnings("always:plain/points")
def test_doubts_are_a_sentence_each(lcnet):
    # a handful of held-out examples determines no temperature
    words = ["train", "plain/points", "--simulate", 12, *ONCE, "--output", "net"]
    result = lcnet(*words)
    assert result.exit_code == 0, result.output
    lines = result.stderr.splitlines()
    assert [line for line in lines if line.startswith("lcnet: warning: plain/points: ")]
    assert "UserWarning" not in result.stderr
