"""Files that appear whole: their permissions, and what is left of those that failed."""

from __future__ import annotations

import os

import pytest

from lcnet.core.files import replaced, write_bytes, write_together


@pytest.fixture
def strict_umask(monkeypatch):
    """027, and nobody may set it: the umask is the whole process's, another thread's file would get the wrong one."""
    before = os.umask(0o027)
    real = os.umask

    def refuse(mask):
        raise AssertionError("the process's umask was changed")

    monkeypatch.setattr(os, "umask", refuse)
    yield
    real(before)


@pytest.mark.skipif(os.name != "posix", reason="umask")
def test_files_have_the_permissions_of_any_other(tmp_path, strict_umask):
    write_bytes(tmp_path / "one", b"1")
    write_together({tmp_path / "two": b"2", tmp_path / "three": b"3"})
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == dict.fromkeys(
        ("one", "two", "three"), 0o640
    )


def test_temporary_files_do_not_meet(tmp_path, monkeypatch):
    """The same random name twice: the second writer takes another."""
    from lcnet.core import files

    names = iter(["aa", "aa", "bb"])
    monkeypatch.setattr(files.secrets, "token_hex", lambda n: next(names))
    with replaced(tmp_path / "t") as first, replaced(tmp_path / "t") as second:
        assert first != second
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"first"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "t").write_bytes(b"old")
    with pytest.raises(RuntimeError), replaced(tmp_path / "t") as temporary:
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
