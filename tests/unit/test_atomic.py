"""Files are whole or as before, and what killed writers left is removed."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from logan.atomic import PREFIX, replaced, write_whole
from logan.errors import OutputError


@pytest.fixture(params=[True, False], ids=["unnamed", "named"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a file system that has files without a name, or has not."""
    if not request.param:
        monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    elif not hasattr(os, "O_TMPFILE"):
        pytest.skip("needs O_TMPFILE")
    return tmp_path


def test_a_file_is_replaced_at_once_or_not_at_all(folder: Path) -> None:
    target = folder / "x"
    write_whole(target, b"one")
    target.chmod(0o640)
    with pytest.raises(KeyboardInterrupt), replaced(target) as fd:  # noqa: PT012
        os.write(fd, b"half")
        assert target.read_bytes() == b"one"
        raise KeyboardInterrupt
    assert target.read_bytes() == b"one"
    write_whole(target, b"two")
    assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"two", 0o640)
    assert os.listdir(folder) == ["x"]


def test_what_killed_writers_left_is_removed(folder: Path) -> None:
    """And nothing else: neither what a living one writes, nor files of other names."""
    left, written = folder / f"{PREFIX}abcdefgh", folder / f"{PREFIX}ABCD_123"
    others = [
        folder / f"{PREFIX}notes",
        folder / "logan-abcdefgh",
        folder / f"{PREFIX}abcdefgh.txt",
    ]
    for each in (left, written, *others):
        each.write_bytes(b"part")
    link = folder / f"{PREFIX}alink_12"
    link.symlink_to(others[0])
    (folder / f"{PREFIX}a_folder").mkdir()
    with written.open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        write_whole(folder / "x", b"all")
        assert not left.exists()
        assert written.exists()
        assert link.is_symlink()
        assert all(each.exists() for each in others)
    write_whole(folder / "x", b"all")
    assert not written.exists()
    assert len(os.listdir(folder)) == len(others) + 3


def test_two_writers_of_a_folder_leave_each_other_alone(folder: Path) -> None:
    with replaced(folder / "a") as one:
        os.write(one, b"a")
        with replaced(folder / "b") as two:
            os.write(two, b"b")
        write_whole(folder / "c", b"c")
    assert [(folder / each).read_bytes() for each in "abc"] == [b"a", b"b", b"c"]
    assert sorted(os.listdir(folder)) == ["a", "b", "c"]


@pytest.mark.parametrize("python", ["3.12", "3.13"])
def test_a_link_that_leads_to_itself_is_not_replaced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    link = folder / "loop"
    link.symlink_to("loop")

    def resolve(path: Path, strict: bool = False) -> Path:
        if python == "3.12":
            raise RuntimeError(f"Symlink loop from {str(path)!r}")
        return Path(os.path.realpath(path, strict=strict))

    monkeypatch.setattr(Path, "resolve", resolve)
    with pytest.raises(OutputError, match="loop: Too many levels of symbolic links"):
        write_whole(link, b"x")
    assert os.readlink(link) == "loop"
    assert os.listdir(folder) == ["loop"]
