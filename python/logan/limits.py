"""Bounds, each with its reason. Names are NOUN_UNIT_MAX; sizes are bytes.

Bounds of tables inside a summary belong to the native extension; these are the shell's.
"""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

CHUNK_SIZE_BYTES_DEFAULT: Final = 32 * MIB
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

CONTENT_EDGE_BYTES: Final = 4 * KIB
"""Bytes of a log's beginning, and of its end, that identify it; equal to the native extension's."""

SERIES_POINTS_MAX: Final = 2_000
"""Points of the JSON series unless asked otherwise: more than any screen has columns."""

EXPRESSION_CHARS_MAX: Final = 400
"""Longer expectations are mistakes; the bound keeps the error message readable."""

ROWS_NAMED_MAX: Final = 64
"""Rows that expectations name: a gate has a few."""

ROW_NAME_CHARS_MAX: Final = 1_024
"""Of one `TABLE["KEY"]`: as long as any key of a table."""

GROUP_TABLES_MAX: Final = 4
"""Each `--by` is a table in every summary that is alive; the spec agrees."""

GROUPS_MAX: Final = 5_000
"""Different values up to which all counts of a group table are exact; the engine agrees."""

STEP_S_MAX: Final = 3_650 * 86_400
"""Longest step of a series, in seconds: ten years."""

UNITS_MAX: Final = 64
"""Keys whose unit a user gives: a log has a few."""

UNIT_CHARS_MAX: Final = 128
"""Of one KEY=UNIT, here and in messages of the cluster."""

JSON_INPUT_BYTES_MAX: Final = 256 * MIB
"""A saved report is some hundred KiB; more than this is another file."""

ARCHIVE_HEAD_BYTES_MAX: Final = 1 * MIB
"""Read of an archive for detection: bzip2 gives nothing before 900 kB, one of its blocks, and a
container has logs of several formats."""

ARCHIVE_SAMPLE_BYTES_MAX: Final = 192 * KIB
"""Decoded for detection: as much as is sampled of a file in all, since only the head is cheap."""

EXPANSION_MAX_DEFAULT: Final = 2_000
"""Decoded bytes for each stored one before an archive counts as a decompression bomb, once it has
given 1 GiB: twice what gzip can do at best, and far more than logs do."""

SAVED_MAGIC: Final = b"LOGANRUN"
"""How the file of a saved summary begins."""

FOLDER_ENTRIES_MAX: Final = 1_000_000
"""Names looked at below one folder: a whole disk given by mistake ends in an error."""

NAMES_SHOWN_MAX: Final = 3
"""Names in a note; the rest is a number."""

FETCH_BYTES_MAX: Final = 4 * MIB
"""One request to an object store: large beside its latency, small beside memory."""

FETCH_AHEAD_MAX: Final = 3
"""Requests under way for one chunk: hides latency, bounds memory to some 16 MiB a thread."""

FETCH_RETRIES_MAX: Final = 4
"""A server that fails five times in a row is down."""

FETCH_TIMEOUT_S: Final = 30
"""Longer than any working server needs for a few MiB."""
