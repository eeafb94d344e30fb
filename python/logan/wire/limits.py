"""Bounds of the protocol, each with its reason. Sizes are bytes.

What one connection may make a process hold is the sum of a line, a frame and
`UNFINISHED_BYTES_MAX`; nothing grows with the time that it lives.
"""

from __future__ import annotations

from typing import Final

from logan.limits import KIB, MIB

LINE_BYTES_MAX: Final = 4 * KIB
"""A line with its newline. Sixteen leases in a HEALTH fit; an endless line is noticed early."""

HANDSHAKE_LINE_BYTES_MAX: Final = 1 * KIB
"""A line before WELCOME: a HELLO fits, and an unauthenticated peer cannot make us keep more."""

FRAME_BODY_BYTES_MAX: Final = 256 * KIB
"""Raw bytes of one frame. At 1 Mbit/s it takes two seconds, so a heartbeat behind it is in time."""

JSON_BODY_BYTES_MAX: Final = 16 * MIB
"""Lists of sources, files or workers: 10,000 files with samples fit."""

SUMMARY_BODY_BYTES_MAX: Final = 64 * MIB
"""A summary with every table at its cap is smaller."""

REPORT_BODY_BYTES_MAX: Final = 64 * MIB
"""A report with every table at its cap, and a point of the series for each second of a year."""

UNFINISHED_BYTES_MAX: Final = 128 * MIB
"""Announced sizes of all bodies that are on their way in, together: the largest and one more."""

UNFINISHED_BODIES_MAX: Final = 16
"""Bodies that are on their way in at once: as many as a worker may hold leases."""

LEASES_PER_HEALTH_MAX: Final = 16
"""Leases that one HEALTH may renew; they fit into a line."""

NAME_CHARS_MAX: Final = 128
"""Ids, digests, nonces, proofs and the like; a SHA-256 in hex has 64."""

TEXT_BYTES_MAX: Final = 1_200
"""Sentences for people, in UTF-8: escaped they may double, and must fit into a line."""

ERROR_TEXT_BYTES_MAX: Final = 400
"""The same in an ERROR, which must fit into a line of the handshake."""

INTEGER_MAX: Final = 2**63 - 1
"""What SQLite and the native extension hold."""

INTEGER_DIGITS_MAX: Final = 20
"""Longer numbers are refused before they are computed, which takes quadratic time."""

JSON_DEPTH_MAX: Final = 16
"""Nesting of any JSON; the deepest that we write has 8 levels."""

JSON_VALUES_MAX: Final = 2_000_000
"""Commas and brackets of a body: bounds its memory when parsed to some ten times its size."""

HEARTBEAT_S_MIN: Final = 0.01
"""What WELCOME may ask for: shorter heartbeats would be a busy loop."""

LEASE_S_MAX: Final = 86_400.0
"""A lease of more than a day finds no dead worker."""

PROBES_PER_LEASE_MAX: Final = 64
"""Hashes of places in one LEASE: three quarters of a line at most."""

FETCHES_MAX: Final = 2
"""FETCHes outstanding on a connection: one under way and one waiting keep a link busy."""

FETCH_BYTES_MAX: Final = 16 * MIB
"""Bytes that one FETCH may ask for."""

SEARCHES_MAX: Final = 8
"""SEARCHes outstanding on a connection: one for each job that starts at the same time."""
