"""Instructions per line and byte, a figure that does not depend on the machine's mood.

`python tests/bench/instructions.py` builds the `scan` example of logan-core, runs it on one thread
under callgrind over two prefixes of each generated log, and divides the difference of the
instructions by the difference of the lines: start-up, detection and evaluation cancel out. What
the kernel does (page faults, reads) is not counted, and an instruction is not a cycle, so use it to
compare two versions of the code, not two machines.

Prints a table, and writes `instructions.json` into the cache folder.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

# Started as a file, Python sees this folder only; the parts are modules of the project's root.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import data, machine, tables
from tests.bench.measure import ROOT, ProcessFailedError, run

FORMATS: Final = {
    "app": ("app",),
    "access": ("combined",),
    "access_time": ("combined",),
    "json": ("json",),
    "logfmt": ("logfmt",),
    "mixed": ("app", "json", "access"),
    "hostile": ("combined", "app"),
}
"""Names of the formats that a plan would list, by kind of log."""
SIZE_MB: Final = 24
PREFIXES_MB: Final = (8, 24)
"""All tables have seen every key of the small populations by the first one."""


@dataclass(frozen=True)
class Cost:
    """Of one kind of log."""

    kind: str
    bytes_per_line: float
    instructions_per_line: float
    instructions_per_byte: float


def main(argv: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Count instructions per line with callgrind.")
    parser.add_argument("--kinds", default=",".join(FORMATS), metavar="A,B")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", metavar="DIR")
    args = parser.parse_args(argv)
    args.cache = args.cache.resolve()
    kinds = args.kinds.split(",")
    if unknown := [kind for kind in kinds if kind not in FORMATS]:
        parser.error(f"unknown kinds {unknown}: choose from {', '.join(FORMATS)}")
    try:
        costs = _count(kinds, args.cache)
    except (ProcessFailedError, data.DiskFullError) as error:
        print(f"instructions: {error}", file=sys.stderr)
        return 1
    document = {"machine": machine.facts(), "costs": [asdict(cost) for cost in costs]}
    (args.cache / "instructions.json").write_text(json.dumps(document, indent=2) + "\n")
    rows = [
        [
            cost.kind,
            f"{cost.bytes_per_line:.1f}",
            f"{cost.instructions_per_line:.0f}",
            f"{cost.instructions_per_byte:.2f}",
        ]
        for cost in costs
    ]
    tables.show("instructions", ["kind", "bytes/line", "instr/line", "instr/byte"], rows)
    return 0


def _count(kinds: Sequence[str], cache: Path) -> list[Cost]:
    datasets = data.prepare(kinds, SIZE_MB, cache)
    program = build("scan")
    costs = []
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=cache) as folder:
        scratch = Path(folder)
        for dataset in datasets:
            print(f"counting {dataset.kind} ...", file=sys.stderr, flush=True)
            small, large = (_point(program, dataset, mb, scratch) for mb in PREFIXES_MB)
            size, lines, instructions = (b - a for a, b in zip(small, large, strict=True))
            costs.append(
                Cost(dataset.kind, size / lines, instructions / lines, instructions / size)
            )
    return costs


def _point(
    program: Path, dataset: data.Dataset, size_mb: int, scratch: Path
) -> tuple[int, int, int]:
    """Bytes, lines and instructions of a scan of a prefix."""
    prefix = scratch / "prefix.log"
    size = data.copy_prefix(dataset.path, prefix, size_mb * 2**20)
    found = scratch / "callgrind.out"
    scan = [str(program), str(prefix), "1", "1", *FORMATS[dataset.kind]]
    run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={found}", *scan], scratch)
    total = re.search(r"^(?:summary|totals): (\d+)", found.read_text(), re.M)
    if total is None:
        raise ProcessFailedError("callgrind wrote no total")
    return size, prefix.read_bytes().count(b"\n"), int(total[1])


def build(example: str) -> Path:
    """The path of an optimized example of logan-core. Raises `ProcessFailedError`."""
    command = ["cargo", "build", "--release", "--example", example, "-p", "logan-core"]
    built = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"],
        cwd=ROOT,
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    if built.returncode != 0:
        raise ProcessFailedError("the example does not build")
    for line in built.stdout.splitlines():
        message = json.loads(line)
        if message.get("executable") and message["target"]["name"] == example:
            return Path(message["executable"])
    raise ProcessFailedError("cargo named no executable")


if __name__ == "__main__":
    sys.exit(main())
