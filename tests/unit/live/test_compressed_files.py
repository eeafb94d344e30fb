"""Compressed logs, decoded while they are followed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from logan.live.files import CompressedFile, head_of
from tests.support.object_store import zstd


def lz4(data: bytes) -> bytes:
    if shutil.which("lz4") is None:
        pytest.skip("needs lz4")
    done = subprocess.run(["lz4", "-c"], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout


PARTS = [b"".join(b"%d INFO part %d\n" % (i, part) for i in range(90_000)) for part in (1, 2)]
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
    "lz4": lz4,
}


def read_all(file: CompressedFile) -> bytes:
    decoded = b""
    while piece := file.read(100_000):
        decoded += piece
    file.close()
    return decoded


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_members_of_each_compression(compression: str, tmp_path: Path) -> None:
    path, data = tmp_path / "app.log.1", b"".join(PARTS)
    path.write_bytes(b"".join(map(COMPRESSORS[compression], PARTS)))
    assert head_of(str(path)) == (data[:4096], None, compression)
    assert read_all(CompressedFile(str(path), compression)) == data
    assert read_all(CompressedFile(str(path), compression, 1_234_567)) == data[1_234_567:]


@pytest.mark.parametrize("compression", COMPRESSORS)
def test_a_file_that_is_not_whole_gives_what_it_has(compression: str, tmp_path: Path) -> None:
    path = tmp_path / "app.log.1"
    stored = COMPRESSORS[compression](PARTS[0])
    path.write_bytes(stored + COMPRESSORS[compression](PARTS[1])[:20])
    decoded = read_all(CompressedFile(str(path), compression))
    assert decoded.startswith(PARTS[0])
    assert b"".join(PARTS).startswith(decoded)
    path.write_bytes(stored[: len(stored) // 2])
    assert PARTS[0].startswith(read_all(CompressedFile(str(path), compression)))


def test_a_file_that_is_renamed_and_replaced_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "app.log.1"
    path.write_bytes(gzip.compress(PARTS[0]))
    file = CompressedFile(str(path), "gzip")
    path.rename(tmp_path / "app.log.2")
    path.write_bytes(gzip.compress(PARTS[1]))
    assert read_all(file) == PARTS[0]


def test_libraries_that_python_may_lack_are_not_needed() -> None:
    """Those are missing in a Python that was built without libbz2 or liblzma."""
    code = "import sys; sys.modules.update(bz2=None, lzma=None, _bz2=None, _lzma=None); import "
    for module in ("logan.live.watching", "logan.cluster.worker.worker", "logan.cli.watch"):
        subprocess.run([sys.executable, "-c", code + module], check=True)
