"""What commands print, where it can no longer be printed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRINT = """
from lcnet.terminal import out
for number in range(50000):
    out(f"line {number}")
out(end="", flush=True)
"""


def test_a_reader_that_has_had_enough_is_no_error():
    with subprocess.Popen([sys.executable, "-c", PRINT], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"line 0" + os.linesep.encode()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_one_sentence():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sys.executable, "-c", PRINT], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(b"lcnet: cannot write to standard output") and done.stderr.count(b"\n") == 1
