"""`python -m test_vectors.incidents --suite N --seed S`: plant incidents, and count what is found.

Prints a table by kind and size, and the logs in which something went wrong. Seeds below 1,000,000
are for tuning; results are reported with seeds from there on, which nothing was tuned with.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import logan
from test_vectors.incidents.quiet import INCIDENTS, QUIET, IncidentLog, make_log
from test_vectors.incidents.suite import Verdict, judged, table

__all__ = ["findings_of"]


def findings_of(log: IncidentLog) -> Sequence[Mapping[str, Any]]:
    """What `logan.analyze` finds in a log."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, data in log.files:
            path = Path(folder, name)
            path.write_bytes(data)
            paths.append(path)
        report = logan.analyze(paths, threads=1)
        found: Sequence[Mapping[str, Any]] = report.to_dict()["findings"]
    return found


def main() -> None:
    """Run the suite that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m test_vectors.incidents")
    parser.add_argument("--suite", type=int, default=100, metavar="N", help="logs of either sort")
    parser.add_argument("--seed", type=int, default=1_000_000, metavar="S", help="the first seed")
    parser.add_argument("--kind", choices=(*INCIDENTS, *QUIET), help="only logs of this kind")
    parser.add_argument("--write", metavar="DIR", help="write the logs to DIR instead")
    args = parser.parse_args()
    kinds = [(args.kind,)] if args.kind else [INCIDENTS, QUIET]
    verdicts: list[Verdict] = []
    for index in range(args.suite):
        for some in kinds:
            log = make_log(some[index % len(some)], args.seed + index)
            if args.write:
                _write(log, Path(args.write))
                continue
            for verdict in judged(log, findings_of(log)):
                verdicts.append(verdict)
                if verdict.found if verdict.kind in QUIET else not verdict.right:
                    marks = [
                        name
                        for name in ("found", "dated", "exact", "explained")
                        if getattr(verdict, name)
                    ]
                    print(f"{log.kind} {log.seed}: {', '.join(marks) or 'not found'}")
                    print("".join(f"    {each}\n" for each in verdict.says), end="", flush=True)
    if verdicts:
        print(table(verdicts))


def _write(log: IncidentLog, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in log.files:
        Path(folder, f"{log.kind}-{log.seed}-{name}").write_bytes(data)
    for truth in log.truths:
        print(f"{log.kind}-{log.seed}: {truth}")


if __name__ == "__main__":
    main()
