"""Saved summaries that later versions must read: `python -m test_vectors.summaries [FOLDER]`.

Writes `vN.logan`, where N is the version of the summary's bytes, and `vN.json`, the report that the
version gave for it. Files of older versions are never written again: they are what it is about.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import logan

FOLDER = Path(__file__).parent / "summaries"


def access_log(made: random.Random, day: int) -> str:
    """Requests with response times, errors, and lines of other kinds between them."""
    rows = []
    for i in range(400):
        second = 86_400 * i // 400
        clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
        route = made.choice(["/", "/cart", f"/api/item/{made.randrange(999)}", "/missing"])
        status = made.choice([200, 200, 200, 301, 404, 500])
        rows.append(
            f"10.0.{made.randrange(4)}.{made.randrange(250)} - - [{day:02}/Jan/2026:{clock} +0000] "
            f'"GET {route} HTTP/1.1" {status} {made.randrange(9_999)} "https://example.org/" '
            f'"curl/8.{made.randrange(3)}" {int(made.lognormvariate(11, 0.7))}'
        )
        if i % 25 == 0:
            rows.append(f"2026-01-{day:02}T{clock}Z ERROR connection {i} to 10.0.0.7 failed")
        if i % 60 == 0:
            rows.append("neither this nor that")
    return "\n".join(rows) + "\n"


def write(folder: Path) -> Path:
    """Write both files of this version; the summary's."""
    made = random.Random(20260101)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        logs = []
        for day in (1, 2):
            path = Path(scratch) / f"access-2026010{day}.log"
            path.write_text(access_log(made, day))
            logs.append(path)
        saved = Path(scratch) / "saved.logan"
        logan.analyze(
            logs,
            save=saved,
            units={"response_time": "us"},
            by=["status", "client"],
            where="status>=200",
            anchor=datetime(2026, 1, 3, tzinfo=UTC),
        )
        found = logan.load(saved)
        version = int.from_bytes(found.summary.to_bytes()[8:10], "little")
        report = found.report().to_dict()
        report["performance"] = None
        # The folder of the logs is another one each time.
        data = json.dumps(report, indent=1).replace(f"{scratch}/", "")
        target = folder / f"v{version}.logan"
        target.write_bytes(_without_folder(found, scratch).to_bytes())
        (folder / f"v{version}.json").write_text(data + "\n")
    return target


def _without_folder(saved: logan.Saved, folder: str) -> logan.Saved:
    """The same of logs without the path of the folder that they were in."""
    text = saved.spec.to_json().replace(f"{folder}/", "")
    spec = logan.Spec(text)
    numbers = {source: source for source, _, _ in saved.summary.segments()}
    inputs = tuple(
        replace(each, entry={**each.entry, "path": Path(each.entry["path"]).name})
        for each in saved.inputs
    )
    summary = saved.summary.replanned(spec, numbers)
    return replace(saved, spec=spec, inputs=inputs, summary=summary)


if __name__ == "__main__":
    print(write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER))
