"""What reaches a user's machine: the wheel, the pins, make's first words, and a cache for read-only installs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lcnet
from lcnet import cache

SHIPPED = ("lcnet", "catalogs")


def files_below(folder):
    """Every file below `folder`, relative to it, without what Python leaves behind."""
    return {
        path.relative_to(folder).as_posix()
        for path in Path(folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    }


def copy_source(root, to):
    """What a build needs, and nothing else: no environment, no history, no earlier build."""
    for folder in SHIPPED:
        shutil.copytree(root / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "setup.cfg", "README.md", "LICENSE"):
        shutil.copy(root / name, to)


def plain_environment(**extra):
    """This process's environment without what would steer imports away from what is tested."""
    drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LCNET_CACHE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS")
    return {name: value for name, value in os.environ.items() if name not in drop} | extra


def run(*command, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# ---- the wheel ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def installed(root, tmp_path_factory):
    """The Python of an environment that holds lcnet's wheel and borrows the libraries of this one."""
    pytest.importorskip("pip")
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    copy_source(root, source)
    offline = plain_environment(PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    pip = (sys.executable, "-m", "pip", "--quiet")
    run(*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source, env=offline)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "env")
    python = folder / "env" / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(*pip, "--python", python, "install", "--no-deps", "--no-index", wheel, env=offline)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    # a .pth line adds a folder without running that folder's own .pth files, so an editable lcnet there stays unseen
    borrowed = [path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")]
    (site / "borrowed.pth").write_text("\n".join(borrowed))
    return python, site


def test_wheel_holds_every_file(root, installed):
    _, site = installed
    assert files_below(root / "lcnet") | {f"catalogs/{name}" for name in files_below(root / "catalogs")} == files_below(
        site / "lcnet"
    )
    assert {path.name for path in site.glob("*") if "-" not in path.name} == {"lcnet", "borrowed.pth"}


def test_wheel_works_from_another_folder(root, installed, tmp_path):
    python, site = installed
    code = (
        "import importlib.metadata, pathlib, lcnet, lcnet.catalogs\n"
        "print(pathlib.Path(lcnet.__file__).parent)\n"
        "print(pathlib.Path(lcnet.catalogs.__file__).parent)\n"
        "print(importlib.metadata.version('lcnet'))\n"
        "print(*(f'{name}:{len(lcnet.catalogs.load(name))}' for name in lcnet.catalogs.names()))\n"
    )
    package, catalogs, version, tables = run(python, "-c", code, cwd=tmp_path, env=plain_environment()).splitlines()
    assert Path(package) == site / "lcnet"
    assert Path(catalogs) == site / "lcnet" / "catalogs"
    assert version == lcnet.__version__
    assert tables == " ".join(f"{name}:{len(lcnet.catalogs.load(name))}" for name in lcnet.catalogs.names())


def test_wheel_installs_the_command(installed, tmp_path):
    python, _ = installed
    assert "transits/candidate" in run(python.with_name("lcnet"), "tasks", cwd=tmp_path, env=plain_environment())


def test_wheel_finds_the_shipped_networks(root, installed, tmp_path):
    python, site = installed
    weights = root / "lcnet" / "weights"
    names = sorted(path.relative_to(weights).with_suffix("").as_posix() for path in weights.rglob("*.json"))
    if not names:
        pytest.skip("no network is shipped yet")
    assert "transits/candidate" in names
    code = (
        "import sys, lcnet\n"
        "for name in sys.argv[1:]:\n"
        "    print(name, len(lcnet.load(name).classes) > 1)\n"
        "print(lcnet.__file__)\n"
    )
    *loaded, place = run(python, "-c", code, *names, cwd=tmp_path, env=plain_environment()).splitlines()
    assert loaded == [f"{name} True" for name in names]
    assert Path(place).parent == site / "lcnet"


@pytest.mark.parametrize("options", [[], ["-S"]], ids=["beside an install", "without one"])
def test_source_tree_works_uninstalled(root, tmp_path, options):
    """A checkout on PYTHONPATH uses its own tables, whether or not another lcnet is installed (-S hides that one)."""
    copy_source(root, tmp_path)
    code = "import lcnet.catalogs as c; print(c.__file__); print(*c.names()); import lcnet; print(lcnet.catalogs is c)"
    out = run(sys.executable, *options, "-c", code, cwd="/", env=plain_environment(PYTHONPATH=str(tmp_path)))
    place, names, same = out.splitlines()
    assert Path(place) == tmp_path / "catalogs" / "__init__.py"
    assert names.split() == list(lcnet.catalogs.names()) and same == "True"


def test_every_package_is_listed(root):
    """The list in pyproject.toml is by hand, because catalogs/ takes its place inside the package."""
    with open(root / "pyproject.toml", "rb") as file:
        listed = tomllib.load(file)["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(root) for path in (root / "lcnet").rglob("*.py")}
    assert listed == sorted([".".join(folder.parts) for folder in folders] + ["lcnet.catalogs"])


# ---- the pins and make --------------------------------------------------------------------------------------------


def test_every_dependency_is_pinned(root):
    lines = (root / "constraints.txt").read_text().splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert not [version for version in pins.values() if "+" in version]  # torch==2.13.0 fits every build of it
    with open(root / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["test"]
    names = {re.match(r"[\w.-]+", line).group().lower() for line in wanted}
    assert not names - {name.lower() for name in pins}


@pytest.mark.parametrize("name", ["Makefile", ".ci/run", "pyproject.toml", "constraints.txt"])
def test_no_package_index_is_named(root, name):
    """pip uses whatever index its user has set up."""
    options = r"index-url|find-links|trusted-host|PIP_\w*INDEX|https?://"
    assert not re.findall(options, (root / name).read_text(), re.IGNORECASE)


def make(root, folder, python):
    """Try to create make's environment in `folder` with `python`; the process, not its success."""
    if shutil.which("make") is None:
        pytest.skip("no make here")
    target = folder / "venv" / "bin" / "python"
    command = ["make", "--no-print-directory", f"VENV={folder / 'venv'}", f"PYTHON={python}", target]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120, env=plain_environment())


def test_make_without_python_says_what_is_missing(root, tmp_path):
    done = make(root, tmp_path, "no-such-python")
    assert done.returncode != 0
    assert "lcnet needs Python 3.11 or newer, and there is no no-such-python here." in done.stderr


def test_make_refuses_an_old_python(root, tmp_path):
    old = tmp_path / "python3"
    pretend = "import sys; sys.version_info = (3, 10, 9); sys.version = '3.10.9 (main)'; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{pretend}" "$2"\n')
    old.chmod(0o755)
    done = make(root, tmp_path, old)
    assert done.returncode != 0
    assert "lcnet needs Python 3.11 or newer" in done.stderr and "is 3.10.9" in done.stderr
    assert not (tmp_path / "venv").exists()


# ---- the cache ----------------------------------------------------------------------------------------------------

KERNEL = """
from lcnet.core.jit import njit

@njit(nogil=True)
def twice(x):
    return 2.0 * x

if __name__ == "lcnet.probe":
    assert twice(21.0) == 42.0
    print(sum(twice.stats.cache_hits.values()), sum(twice.stats.cache_misses.values()))
"""


def test_kernels_are_cached_beside_nothing(root, tmp_path):
    """A read-only install compiles once for all processes, into LCNET_CACHE, and leaves its own folder as it was."""
    site, folder = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    copy_source(root, site)
    (site / "lcnet" / "probe.py").write_text(KERNEL)
    before = files_below(site)
    for path in [*site.rglob("*"), site]:
        path.chmod(path.stat().st_mode & ~0o222)
    # permissions do not bind root, so what is checked is that nothing was written
    environment = plain_environment(PYTHONPATH=str(site), LCNET_CACHE=str(folder))
    environment.pop("NUMBA_CACHE_DIR", None)
    command = (sys.executable, "-c", "import lcnet.probe; print(lcnet.__file__)")
    try:
        first, place = run(*command, cwd=tmp_path, env=environment).splitlines()
        assert Path(place) == site / "lcnet" / "__init__.py"
        compiled = files_below(folder / "numba")
        second, _ = run(*command, cwd=tmp_path, env=environment).splitlines()
        assert files_below(site) == before
        assert not [path for path in site.rglob("*.nb?")]
    finally:
        for path in [site, *site.rglob("*")]:
            path.chmod(path.stat().st_mode | 0o700)
    assert first.split() == ["0", "1"] and second.split() == ["1", "0"]  # cache hits, misses
    assert {Path(name).suffix for name in compiled} == {".nbi", ".nbc"}
    assert files_below(folder / "numba") == compiled


def test_a_kernel_never_runs_with_another_version_of_what_it_calls(root, tmp_path):
    """Numba looks at a kernel's own file alone, and its machine code holds that of the kernels it calls."""
    site, folder = tmp_path / "site", tmp_path / "cache"
    site.mkdir()
    copy_source(root, site)
    caller = "from lcnet.core.jit import njit\nfrom lcnet.called import inner\n"
    (site / "lcnet" / "probe.py").write_text(caller + "@njit\ndef outer():\n    return inner()\nprint(outer())\n")
    environment = plain_environment(PYTHONPATH=str(site), LCNET_CACHE=str(folder))
    environment.pop("NUMBA_CACHE_DIR", None)
    said = []
    for value in (1, 2, 2):
        called = f"from lcnet.core.jit import njit\n@njit\ndef inner():\n    return {value}\n"
        if not said or said[-1] != str(value):
            (site / "lcnet" / "called.py").write_text(called)
        said.append(run(sys.executable, "-c", "import lcnet.probe", cwd=tmp_path, env=environment).strip())
    assert said == ["1", "2", "2"]
    assert len(list((folder / "numba").iterdir())) == 2


def test_every_kernel_is_cached(root):
    """numba's own decorators would cache beside the source, or not at all: kernels take `lcnet.core.jit.njit`."""
    own = re.compile(r"from numba import .*\b(?:n?jit|vectorize|guvectorize|stencil|cfunc)\b|@(?:numba|nb)\.")
    sources = {path: path.read_text() for path in (root / "lcnet").rglob("*.py")}
    assert own.search("@numba.njit") and own.search("from numba import njit, prange")
    assert not [path for path, text in sources.items() if path.name != "jit.py" and own.search(text)]
    assert [path for path, text in sources.items() if "from lcnet.core.jit import njit" in text]


def test_cache_dir_is_where_it_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("LCNET_CACHE", str(tmp_path / "told"))
    assert cache.cache_dir("numba") == tmp_path / "told" / "numba"
    assert (tmp_path / "told" / "numba").is_dir()
    monkeypatch.delenv("LCNET_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.cache_dir() == tmp_path / "xdg" / "lcnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache.cache_dir("a", "b") == tmp_path / "home" / ".cache" / "lcnet" / "a" / "b"


@pytest.fixture
def nowhere_to_write(tmp_path, monkeypatch):
    """LCNET_CACHE below a file, where no folder can be made, and a temporary directory of our own."""
    (tmp_path / "file").touch()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("LCNET_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path / "tmp"))
    cache._temporary_root.cache_clear()
    yield tmp_path / "tmp"
    cache._temporary_root.cache_clear()


def test_cache_dir_falls_back_to_a_private_folder(nowhere_to_write):
    folder = cache.cache_dir("numba")
    assert folder.is_dir() and folder.parent.parent == nowhere_to_write
    assert folder.parent.stat().st_mode & 0o077 == 0
    assert cache.cache_dir("numba") == folder


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners on this system")
@pytest.mark.parametrize("trap", ["open to all", "a link"])
def test_cache_dir_trusts_no_folder_of_others(nowhere_to_write, trap):
    """Compiled code someone else could have put there is never run."""
    prepared = nowhere_to_write / f"lcnet-{os.getuid()}"
    if trap == "a link":
        (nowhere_to_write / "theirs").mkdir()
        prepared.symlink_to(nowhere_to_write / "theirs")
    else:
        prepared.mkdir()
        prepared.chmod(0o777)
    folder = cache.cache_dir("numba")
    assert prepared not in folder.parents
    assert folder.is_dir() and folder.parent.stat().st_mode & 0o077 == 0
