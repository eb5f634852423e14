"""The registry, and what importing the core costs."""

import subprocess
import sys

import pytest

from lcnet.core import registry
from lcnet.core.registry import Entry, UnknownTask, get_entry, get_task

LIGHT = ["lcnet.core.registry", "lcnet.core.task", "lcnet.core.objectives", "lcnet.core.examples", "lcnet.core.splits"]
CORE = ["lcnet.core.ensemble", "lcnet.core.training", "lcnet.core.network", "lcnet.core.plots", "lcnet.core.blocks"]


def modules_after(root, code, *words):
    code += "\nimport sys; print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, cwd=root)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def test_declaring_a_task_needs_no_torch(root):
    loaded = modules_after(root, "".join(f"import {name}\n" for name in [*LIGHT, "lcnet.core.simulation"]))
    assert not loaded & {"torch", "sklearn", "accelerate", "matplotlib", "astropy", "lightkurve"}


def test_the_registry_needs_nothing_at_all(root):
    assert not modules_after(root, "import lcnet.core.registry") & {"torch", "numpy", "pandas", "scipy", "h5py"}


def test_the_core_knows_no_astronomy(root):
    loaded = modules_after(root, "".join(f"import {name}\n" for name in CORE))
    assert "torch" in loaded and not loaded & {"astropy", "lightkurve", "matplotlib"}


PREDICT = """
import sys, lcnet
sys.path.insert(0, sys.argv[1])
from toy import TOY, simulate
assert lcnet.load(sys.argv[2], task=TOY).predict(simulate(3, 1).inputs, device="cpu").shape == (3, 3)
"""


def test_predicting_needs_nothing_of_training(root, tmp_path):
    from toy import CLASSES, TOY, tiny

    from lcnet.core.inputs import describe
    from lcnet.core.weights import save_network

    card = {"task": TOY.name, "size": "tiny", "classes": list(CLASSES), "inputs": describe(TOY.inputs)}
    card["calibration"] = {"parameters": {}}
    save_network(tmp_path / "dips.safetensors", [tiny().state_dict()], card)
    toys = str(root / "tests" / "core")
    loaded = modules_after(root, PREDICT, toys, str(tmp_path))
    assert "torch" in loaded and not loaded & {"accelerate", "matplotlib", "astropy", "lightkurve"}


def test_every_entry_is_whole():
    for name, entry in registry.REGISTRY.items():
        assert entry.sentence and entry.reference, name
        task = get_task(name)
        if entry.reading_of:
            assert sorted(sum(entry.sums.values(), ())) == sorted(task.objective.classes)
            assert task is get_task(entry.reading_of)
        else:
            assert task.name == name


def test_unknown_names_suggest_known_ones():
    for kind in (KeyError, ValueError):
        with pytest.raises(kind, match="did you mean transits/triage"):
            get_task("transits/triagee")
    with pytest.raises(UnknownTask, match="transits/vetting"):
        get_entry("vetting")
    with pytest.raises(UnknownTask, match="lcnet tasks"):
        get_task("zzz")
    with pytest.raises(UnknownTask, match="no task 'NOTHING'"):
        get_task("toy:NOTHING")
    with pytest.raises(UnknownTask, match="no module 'nowhere_at_all'"):
        get_task("nowhere_at_all:TASK")
    assert get_task("toy:TOY").name == "toy/dips"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("os:path", "a module, not a Task"),
        ("toy:net", "a function, not a Task"),
        ("toy:", "'toy:' is no task"),
        (":TOY", "no task"),
        ("C:\\data:x", "no task"),
        ("./toy.py:TOY", "no task"),
        ("toy:TOY.name", "no task"),
        (".toy:TOY", "no task"),
    ],
)
def test_only_a_task_is_a_task(name, message):
    with pytest.raises(UnknownTask, match=message):
        get_task(name)


def test_an_error_inside_a_users_module_is_its_own(tmp_path, monkeypatch):
    (tmp_path / "faulty_tasks.py").write_text("import os\nTASK = os.no_such_thing\n")
    (tmp_path / "lacking_tasks.py").write_text("import no_such_module_at_all\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AttributeError, match="no_such_thing"):
        get_task("faulty_tasks:TASK")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        get_task("lacking_tasks:TASK")


def test_an_entry_is_a_task_or_a_reading():
    for wrong in ({}, {"where": "a:b", "reading_of": "c", "sums": {"d": ("e",)}}, {"reading_of": "c"}):
        with pytest.raises(ValueError, match="either"):
            Entry(**wrong)
