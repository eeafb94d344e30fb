"""A few seconds of damaged journals with a new seed, which is printed; see `journal`."""

from __future__ import annotations

from tests.fuzz.journal import play, prepare
from tests.fuzz.playing import play_for

SECONDS = 5.0


def test_a_damaged_journal_gives_right_reports_or_a_clear_error() -> None:
    played = play_for(SECONDS, prepare, play)
    print(dict(played))
    assert sum(played.values()) >= 1
