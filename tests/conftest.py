"""What every test shares: one thread a process, no windows, and the real data where it is present."""

from __future__ import annotations

import os
import signal
from pathlib import Path

# Set before anything imports numpy or torch. The suite runs one process a core, so more threads only compete;
# and float32 sums must not depend on how many there are.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

# the same examples in every run: a suite that fails now and then says nothing about the change it fails on
settings.register_profile("lcnet", derandomize=True, database=None)
settings.load_profile("lcnet")

try:
    # a suite started in the background ignores Ctrl-C, and so would the processes whose Ctrl-C it tests
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
except ValueError:  # not in the main thread
    pass

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
