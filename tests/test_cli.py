"""The command line: fast to answer, and one sentence for what goes wrong."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from typer.testing import CliRunner

from lcnet.cli import app
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


@pytest.mark.parametrize("words", [["--help"], ["tasks"], ["train", "--help"]])
def test_it_answers_at_once(words, root):
    code = (
        "import sys\nfrom lcnet.cli import main\ntry:\n    main()\nfinally:\n"
        "    print(*sorted({n.partition('.')[0] for n in sys.modules}), file=sys.stderr)"
    )
    # the best of three: a busy machine is not the command's fault
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=root)
        seconds.append(time.perf_counter() - began)
        assert run.returncode == 0, run.stderr
    assert not set(run.stderr.split()) & {"torch", "lightkurve", "matplotlib", "numba", "astropy", "pandas"}
    assert min(seconds) < 1


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

    result = lcnet("evaluate", "plain/points", "--data", "points.h5", "--network", "net/points.safetensors")
    assert result.exit_code == 0, result.output
    # two normal clouds two sigma apart (one in each of four axes): the best there is has an AUC of 0.92
    assert 0.85 < float(re.search(r"auc_high +([\d.]+)", result.stdout)[1]) < 0.97
    result = lcnet("evaluate", "plain/points", "--network", "net", "--simulate", 100)
    assert result.exit_code == 0 and "100 examples" in result.stdout

    more = ["--from", "net", "--output", "further.safetensors", "--epochs", 1, "--device", "cpu"]
    result = lcnet("train", "plain/points", "--simulate", 80, *more)
    assert result.exit_code == 0, result.output
    assert (tmp_path / "further.json").exists()


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


def test_an_output_that_cannot_be_written_is_told_before_the_work(lcnet, tmp_path):
    (tmp_path / "file").write_text("")
    result = lcnet("simulate", "plain/points", "-n", 5, "--output", "file/inside.h5")
    assert result.exit_code == 1 and result.stderr.count("\n") == 1
