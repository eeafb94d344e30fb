"""Bounds, each with its reason. Names are NOUN_UNIT_MAX; sizes are bytes.

Bounds of tables inside a summary belong to the native extension; these are the shell's.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

CHUNK_SIZE_BYTES_DEFAULT: Final = 16 * MIB
"""Small enough that a lost chunk costs milliseconds, large enough that its summary is cheap."""

CHUNKS_PER_JOB_MAX: Final = 16_384
"""Keeps plans, journals and merge trees small; beyond it the chunk size is doubled."""

INPUTS_PER_JOB_MAX: Final = 10_000
"""Each input that is not empty has a chunk of its own, so this stays below CHUNKS_PER_JOB_MAX."""

TOP_ROWS_MAX: Final = 1_000
"""What every chunk keeps of the slowest requests, so it bounds each summary; the spec agrees."""

THREADS_MAX: Final = 1_024
"""More threads than any machine has CPUs is a slip of the finger, not a wish."""

CHUNK_SIZE_BYTES_MAX: Final = 1024 * 1024 * MIB
"""A chunk is the unit of work of one thread; a tebibyte of it is a slip of the finger."""

SAMPLE_HEAD_BYTES_MAX: Final = 64 * KIB
"""Read from the start for detection: some hundred lines of any format."""

SAMPLE_PLACE_BYTES_MAX: Final = 16 * KIB
"""Read at each place further in: catches formats that start after a deployment."""

SAMPLE_PLACES_MAX: Final = 8
"""Eight seeks cost less than a millisecond and see a format that covers a tenth of the file."""

SERIES_POINTS_MAX: Final = 2_000
"""Points of the JSON series unless asked otherwise: more than any screen has columns."""

EXPRESSION_CHARS_MAX: Final = 200
"""Longer expectations are mistakes; the bound keeps the error message readable."""

GROUP_TABLES_MAX: Final = 4
"""Each `--by` is a table in every summary that is alive; the spec agrees."""

JSON_INPUT_BYTES_MAX: Final = 256 * MIB
"""A saved report is some hundred KiB; more than this is another file."""
