"""Which worker scans which chunk: a pure state machine. No I/O, no clock, no randomness.

`Machine.handle(now, event) -> actions` is its one mutator; `events` and `actions` are its language.
"""
