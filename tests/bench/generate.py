"""`python -m tests.bench.generate KIND SIZE_MB PATH` writes a log and prints its facts as JSON.

A program of its own, so that the generator's memory is not that of the measuring process.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from test_vectors.generate import generate_test_logs

if __name__ == "__main__":
    kind, size_mb, path = sys.argv[1:]
    facts = asdict(generate_test_logs(int(size_mb), path, kind))
    del facts["path"]
    json.dump(facts, sys.stdout)
