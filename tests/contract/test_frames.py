"""A log is read alike however its text is written: one object a line or not, in UTF-16, with NULs
before its lines, with carriage returns, packed beside its plain file, through an hour that local
time repeats."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import logan

CHUNK_SIZE = 512
KEYS = (
    "lines",
    "levels",
    "status",
    "time",
    "series",
    "response_time_ms",
    "total_requests",
    "routes",
)

RECORDS = [
    {
        "time": f"2024-01-24T10:{n // 60:02}:{n % 60:02}Z",
        "level": ("info", "error", "warn")[n % 3],
        "msg": f'order {n} "{{[\\]}}", done\n',
        "request": {"method": "GET", "path": f"/cart/{n % 5}"},
        "tags": [{"a": [n, None, -1.5e3]}, {}],
        "status": (200, 404)[n % 2],
        "duration_ms": n,
    }
    for n in range(300)
]
LINES = "".join(json.dumps(each) + "\n" for each in RECORDS)
PRETTY = [json.dumps(each, indent=2) for each in RECORDS]

FRAMES: dict[str, str] = {
    "array": json.dumps(RECORDS),
    "array of lines": "[" + ",\n".join(map(json.dumps, RECORDS)) + "]\n",
    "pretty array": json.dumps(RECORDS, indent=4) + "\n",
    "pretty": "\n".join(PRETTY),
    "pretty with tabs": "\r\n".join(json.dumps(each, indent="\t") for each in RECORDS),
    "glued": "".join(map(json.dumps, RECORDS)),
    "with commas": ",\n".join(map(json.dumps, RECORDS)) + ",\n",
    "sequence": "".join(f"\x1e{json.dumps(each)}\n" for each in RECORDS),
    "two arrays": json.dumps(RECORDS[:9]) + "\n" + json.dumps(RECORDS[9:], indent=1),
    "records": json.dumps({"Records": RECORDS}),
    "pages": "".join(
        json.dumps({"nextToken": "}]", "events": RECORDS[n : n + 50], "end": [{"x": "]"}]}) + "\n"
        for n in range(0, 300, 50)
    ),
    "nested": json.dumps(
        {"resourceLogs": [{"scope": {"a": 1}, "scopeLogs": [{"logRecords": RECORDS}]}]}, indent=1
    ),
    "in two wrappers": json.dumps({"took": 1, "hits": {"total": {"value": 2}, "hits": RECORDS}}),
}


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.log", data)
    return buffer.getvalue()


def metrics(path: Path, **options: Any) -> dict[str, Any]:
    report = logan.analyze(path, **options).to_dict()
    return {key: report[key] for key in KEYS}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("lines") / "app.log"
    path.write_text(LINES)
    found = metrics(path)
    assert found["lines"]["parsed"] == found["lines"]["total"] == len(RECORDS)
    return found


@pytest.mark.parametrize("pack", [bytes, packed, zipped])
@pytest.mark.parametrize("dress", FRAMES)
def test_objects_are_their_lines(
    dress: str, pack: Callable[[bytes], bytes], expected: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(pack(FRAMES[dress].encode()))
    assert metrics(path, chunk_size=CHUNK_SIZE) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("pack", [bytes, packed])
@pytest.mark.parametrize("text", [LINES, FRAMES["pretty array"]])
def test_utf_16_is_its_utf_8(
    text: str,
    pack: Callable[[bytes], bytes],
    encoding: str,
    expected: dict[str, Any],
    tmp_path: Path,
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(pack(text.encode(encoding)))
    assert metrics(path, chunk_size=CHUNK_SIZE) == expected


def test_standard_input(expected: dict[str, Any]) -> None:
    for data in (FRAMES["pretty"].encode(), LINES.encode("utf-16")):
        ended = subprocess.run(
            [sys.executable, "-m", "logan", "analyze", "-", "--json", "--no-progress"],
            input=data,
            capture_output=True,
            check=True,
        )
        found = json.loads(ended.stdout)
        assert {key: found[key] for key in KEYS} == expected


def test_every_engine(expected: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(FRAMES["pretty array"])
    assert metrics(path, engine="dask", chunk_size=CHUNK_SIZE) == expected


def test_a_cut_array_has_a_malformed_object(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(FRAMES["pretty array"][:-40])
    lines = metrics(path)["lines"]
    assert (lines["parsed"], lines["malformed"], lines["total"]) == (299, 1, 300)


def test_a_long_object_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    long = {"time": "2024-01-24T10:00:00Z", "msg": "x" * (2 << 20)}
    path.write_text(json.dumps([*RECORDS, long, *RECORDS], indent=1))
    lines = metrics(path)["lines"]
    assert (lines["parsed"], lines["malformed"]) == (600, 1)


TEXT = "".join(
    f"2024-01-24 10:{n // 60:02}:{n % 60:02} INFO request took {n} ms\n" for n in range(300)
)


@pytest.mark.parametrize("nuls", [1, 100, 5_000])
@pytest.mark.parametrize("chunk_size", [512, 1 << 20])
def test_lines_after_nuls_are_lines(nuls: int, chunk_size: int, tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.log", tmp_path / "app.log"
    plain.write_text(TEXT)
    lines = TEXT.splitlines(keepends=True)
    at = [0, 1, 2, 50, 299]
    path.write_text("".join("\0" * nuls * (n in at) + line for n, line in enumerate(lines)))
    assert metrics(path, chunk_size=chunk_size) == metrics(plain)


def test_a_line_after_more_nuls_than_a_line_may_have(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text(TEXT + "\0" * (5 << 20) + TEXT)
    for chunk_size in (1 << 20, 1 << 30):
        lines = metrics(path, chunk_size=chunk_size)["lines"]
        assert lines["parsed"] == lines["total"] == 600


def test_carriage_returns_alone_end_lines(tmp_path: Path) -> None:
    plain, path = tmp_path / "plain.log", tmp_path / "app.log"
    plain.write_text(TEXT)
    path.write_bytes(TEXT.replace("\n", "\r").encode())
    assert metrics(path) == metrics(plain)


@pytest.mark.parametrize(
    ("stored", "records"),
    [
        (TEXT, 300),
        (TEXT[: len(TEXT) // 2], 300),
        (TEXT.replace("INFO", "WARN"), 600),
        (TEXT + TEXT[:48], 601),
    ],
)
def test_a_copy_beside_its_archive_counts_once(stored: str, records: int, tmp_path: Path) -> None:
    plain, archive = tmp_path / "app.log.1", tmp_path / "app.log.1.gz"
    plain.write_text(TEXT)
    archive.write_bytes(packed(stored.encode()))
    for paths in ([plain, archive], [archive, plain]):
        report = logan.analyze(paths).to_dict()
        assert report["lines"]["parsed"] == records
        assert ("counted once" in json.dumps(report["inputs"])) == (records == 300)


def test_equal_logs_in_two_folders_count_twice(tmp_path: Path) -> None:
    for host in ("a", "b"):
        (tmp_path / host).mkdir()
    (tmp_path / "a" / "app.log").write_text(TEXT)
    (tmp_path / "b" / "app.log.gz").write_bytes(packed(TEXT.encode()))
    paths = [tmp_path / "a" / "app.log", tmp_path / "b" / "app.log.gz"]
    assert logan.analyze(paths).to_dict()["lines"]["parsed"] == 600


def local_times(zone: str, first: str, minutes: int) -> str:
    """A record every five minutes, as a clock on the wall shows them."""
    start = datetime.fromisoformat(first)
    times = (start + timedelta(minutes=n) for n in range(0, minutes, 5))
    return "".join(
        f"{time.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S} INFO took 5 ms\n" for time in times
    )


@pytest.mark.parametrize("chunk_size", [64, 512, 1 << 20])
@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/Berlin", "2024-10-26T20:00:00+00:00"),
        ("America/New_York", "2024-11-03T01:00:00+00:00"),
    ],
)
def test_a_repeated_hour_has_two_passes(
    zone: str, first: str, chunk_size: int, tmp_path: Path
) -> None:
    path = tmp_path / "app.log"
    path.write_text(local_times(zone, first, 900))
    report = logan.analyze(path, input_tz=zone, chunk_size=chunk_size).to_dict()
    assert report["time"]["out_of_order"] == 0
    assert report["time"]["first"] == first.replace("+00:00", "Z")
    seconds = [point["t"] for point in report["series"]["points"] if point["records"]]
    assert len(seconds) == len(set(seconds)) == 180
    assert any("repeats an hour" in each for each in report["inputs"][0]["assumed"])


def test_each_autumn_has_a_repeated_hour(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    zone = "Europe/Berlin"
    path.write_text(
        local_times(zone, "2023-10-28T23:00:00+00:00", 900)
        + local_times(zone, "2024-10-26T23:00:00+00:00", 900)
    )
    report = logan.analyze(path, input_tz=zone, chunk_size=1024).to_dict()
    assert report["time"]["out_of_order"] == 0
    (entry,) = report["inputs"]
    (said,) = [each for each in entry["assumed"] if "repeats an hour" in each]
    assert said.count(" and ") == 1


def test_without_a_step_back_the_first_pass_counts(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2024-10-27 01:30:00 INFO a\n2024-10-27 02:10:00 INFO b\n")
    report = logan.analyze(path, input_tz="Europe/Berlin").to_dict()
    assert report["time"]["last"] == "2024-10-27T00:10:00Z"
    assert any("first pass" in each for each in report["inputs"][0]["assumed"])


def test_archives_say_that_repeated_hours_are_not_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "app.log.gz"
    path.write_bytes(gzip.compress(b"2024-10-27 02:10:00 INFO a\n"))
    for zone, said in (("Europe/Berlin", True), ("Asia/Tokyo", False)):
        (entry,) = logan.analyze(path, input_tz=zone).to_dict()["inputs"]
        assert any("first pass" in each for each in entry["assumed"]) is said


def test_lines_of_two_files_are_named(tmp_path: Path) -> None:
    syslog, kern, other = (tmp_path / name for name in ("syslog", "kern.log", "app.log"))
    lines = [
        f"Jan 24 10:{n // 60:02}:{n % 60:02} web1 {'kernel' if n % 3 else 'app'}[{n}]: step {n}\n"
        for n in range(900)
    ]
    syslog.write_text("".join(lines))
    kern.write_text("".join(line for line in lines if "kernel" in line))
    other.write_text("".join(line.replace("web1", "web2") for line in lines))
    report = logan.analyze([kern, syslog, other]).to_dict()
    named = ["counted twice" in json.dumps(each) for each in report["inputs"]]
    assert named == [True, False, False]
