"""Every notebook runs from top to bottom, offline, in a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))

# The kernel is another process, which pytest-socket does not guard.
OFFLINE = """
def _offline(event, args):
    if event == "socket.getaddrinfo" and args[0] not in ("localhost", "127.0.0.1", "::1", None):
        raise RuntimeError(f"this notebook asked for {args[0]}: notebooks run offline")
__import__("sys").addaudithook(_offline)
"""


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Run a notebook, as a user's Jupyter would, and return it with its outputs."""
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))  # the user's own settings stay out of it
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    monkeypatch.delenv("MPLBACKEND")  # figures are shown in the notebook
    folder = tmp_path / "run"
    folder.mkdir()

    def run(notebook):
        notebook.cells.insert(0, nbformat.v4.new_code_cell(OFFLINE))
        client = nbclient.NotebookClient(
            notebook, timeout=240, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        return client.execute(env=dict(os.environ))

    return run


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_runs(path, execute):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    executed = execute(notebook)
    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs), "a notebook shows at least one figure"


def test_a_failing_cell_is_an_error(execute):
    """The runner can fail: an error in a cell, and a look at the network, reach the test."""
    lookup = "import socket; socket.getaddrinfo('x.org', 80)"
    for source, message in (("1 / 0", "ZeroDivisionError"), (lookup, "notebooks run offline")):
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
        with pytest.raises(nbclient.exceptions.CellExecutionError, match=message):
            execute(notebook)
