"""Threads with little stack: musl gives its threads 128 KiB unless a program asks for more.

Watches, workers and coordinators call the engine on such threads. What overflows a stack ends the
process, so each test has one of its own.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

VECTORS = Path(__file__).resolve().parents[2] / "test_vectors"
MIXED = VECTORS / "logs/mixed_format.log"

RUN = """
import json, sys, threading, traceback
import logan
from logan import _logan

paths = sys.argv[1:]
failed = []

{work}

def call():
    try:
        work()
    except BaseException:
        failed.append(traceback.format_exc())

threading.stack_size(128 * 1024)
thread = threading.Thread(target=call)
thread.start()
thread.join()
sys.exit("".join(failed) or None)
"""


def run(work: str, *paths: Path) -> None:
    """Runs the code on a small stack; it finds the paths in `paths`."""
    code = RUN.replace("{work}", work)
    command = [sys.executable, "-X", "faulthandler", "-c", code, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr.decode())


def test_logs_of_every_format() -> None:
    logs = sorted(VECTORS.glob("formats/*/*.log"))
    assert len(logs) > 100
    run(
        """
def work():
    for path in paths:
        report = logan.analyze(path, threads=1, chunk_size=4096, errors="report")
        json.loads(report.to_json())
        logan.detect(path)
""",
        *logs,
    )


def test_archives(tmp_path: Path) -> None:
    data = MIXED.read_bytes()
    for name, packed in {
        "a.gz": gzip.compress(data),
        "a.bz2": bz2.compress(data),
        "a.xz": lzma.compress(data),
    }.items():
        (tmp_path / name).write_bytes(packed)
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(MIXED, "app.log")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed_zip:
        packed_zip.write(MIXED, "app.log")
    run(
        """
def work():
    plain = logan.analyze(paths[0]).lines.total
    for path in paths[1:]:
        assert logan.analyze(path).lines.total == plain, path
        stored = open(path, "rb").read()
        compression = _logan.compression(stored[:1024])
        if compression in ("gzip", "bzip2", "xz"):
            assert _logan.decode_head(stored, compression, 65536)
""",
        MIXED,
        *sorted(tmp_path.iterdir()),
    )


def test_feeds_summaries_and_records() -> None:
    run(
        r"""
def work():
    reading = {"formats": [], "input_tz": "UTC", "anchor_ns": 1_706_091_332_000_000_000}
    spec = _logan.Spec(json.dumps({"version": 2, "top": 10, "sources": [{"reading": reading}]}))
    data = open(paths[0], "rb").read()
    feed, part_feed = logan.Feed(), _logan.PartFeed(spec)
    for start in range(0, len(data), 1000):
        feed.push(data[start : start + 1000])
        part_feed.push(data[start : start + 1000])
    feed.report().to_json()
    part = _logan.Summary.from_bytes(part_feed.part().to_bytes())
    chunk_feed = _logan.ChunkFeed(spec, 0, 0, len(data))
    chunk_feed.push(data)
    tree = _logan.MergeTree(spec)
    tree.insert(0, chunk_feed.finish())
    tree.finish().merge(_logan.Summary.empty(spec)).evaluate()
    part.evaluate()
    nested = "(" * 60 + "status >= 500 or level == 'ERROR'" + ")" * 60
    for condition in nested, "path ~ '^/([a-z]+/)+[0-9]+$'":
        for batch in logan.records(paths[0], where=condition):
            batch.values("message")
        logan.analyze(paths[0], where=condition, by=["route", "level"]).to_json()
    logan.analyze(paths[0], format=r"^(?P<time>\S+ \S+) (?P<level>\w+) (?P<message>.*)$")
""",
        MIXED,
    )
