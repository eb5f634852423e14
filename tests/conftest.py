"""What every test shares: one thread a process, no windows, and the real data where it is present."""

from __future__ import annotations

import os
from pathlib import Path

# Set before anything imports numpy or torch. The suite runs one process a core, so more threads only compete;
# and float32 sums must not depend on how many there are.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(config, items):
    """Tests marked ``remote_data`` may connect when asked for; pytest-socket would refuse them otherwise."""
    if config.getoption("--remote-data", "none") != "none":
        for item in items:
            if item.get_closest_marker("remote_data"):
                item.add_marker(pytest.mark.enable_socket)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The real data: ``LCNET_DATA``, or ``../shared/data`` from the project's root; skips where it is absent."""
    folder = Path(os.environ.get("LCNET_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real data: LCNET_DATA names no folder and ../shared/data is absent")
    return folder
