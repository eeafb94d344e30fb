"""The states of chunks and sessions, and every step between them: one table each.

A step that the table does not list for a state is a defect of this package, or of the shell that
drives it: `StateError` tells it with the story of what led there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, Literal

from logan.errors import LoganError

__all__ = [
    "CHUNK_STATES",
    "CHUNK_STEPS",
    "SESSION_STEPS",
    "ChunkState",
    "ChunkStep",
    "SessionState",
    "SessionStep",
    "StateError",
    "TransitionLog",
]

ChunkState = Literal["pending", "leased", "committing", "checking", "done", "lost"]
ChunkStep = Literal[
    "grant",
    "release",
    "requeue",
    "return",
    "commit",
    "commit failed",
    "go on",
    "give up",
    "check",
    "settle",
]

CHUNK_STATES: Final[tuple[ChunkState, ...]] = (
    "pending",
    "leased",
    "committing",
    "checking",
    "done",
    "lost",
)

CHUNK_STEPS: Final[dict[ChunkState, dict[ChunkStep, ChunkState]]] = {
    # Waits for a worker. A result may still come, from a lease that had run out.
    "pending": {"grant": "leased", "return": "committing", "give up": "lost"},
    # One live lease, or two: a backup is a second grant, and one of two may go.
    "leased": {
        "grant": "leased",
        "release": "leased",
        "requeue": "pending",
        "return": "committing",
        "give up": "lost",
    },
    # The journal has its result in hand. A second lease may still be live, or go.
    "committing": {
        "release": "committing",
        "commit": "done",
        "check": "checking",
        "commit failed": "pending",
        "go on": "leased",  # the commit failed, and a second lease is at work
    },
    # Stored, and leased or about to be leased to another worker, whose result must be the same.
    "checking": {"grant": "checking", "release": "checking", "settle": "done"},
    # Nothing leads out of the last two.
    "done": {},
    "lost": {},
}

SessionState = Literal["new", "active", "silent", "draining", "gone"]
SessionStep = Literal["join", "hear", "miss", "drain", "leave"]

SESSION_STEPS: Final[dict[SessionState, dict[SessionStep, SessionState]]] = {
    "new": {"join": "active"},
    "active": {"hear": "active", "miss": "silent", "drain": "draining", "leave": "gone"},
    # Nothing was heard for half a lease: it gets nothing until it speaks.
    "silent": {"hear": "active", "drain": "draining", "leave": "gone"},
    "draining": {"hear": "draining", "drain": "draining", "leave": "gone"},
    "gone": {},
}

STORY_STEPS_MAX: Final = 4096
"""Steps remembered, of all chunks together: minutes of a busy cluster in half a megabyte."""

_Step = tuple[float, str, int, int, str, str]


class StateError(LoganError):
    """The scheduler, or the shell that drives it, broke its rules: a bug, not the user's fault."""


class TransitionLog:
    """The last steps of all chunks, for the message of an error."""

    def __init__(self) -> None:
        self._steps: deque[_Step] = deque(maxlen=STORY_STEPS_MAX)
        self.note = self._steps.append
        """Takes (now, job, chunk, attempt, state before, step)."""

    def of(self, job: str, chunk: int) -> Iterator[str]:
        for now, its_job, its_chunk, attempt, state, step in self._steps:
            if its_chunk == chunk and its_job == job:
                yield f"{now:.3f} s: {state}, then {step!r} (attempt {attempt})"

    def error(self, what: str, job: str, chunk: int) -> StateError:
        """An error that says `what` is wrong with a chunk, and how it came to be."""
        told = "".join(f"\n  {line}" for line in self.of(job, chunk)) or " (nothing is remembered)"
        return StateError(f"chunk {chunk} of job {job}: {what}; its last steps:{told}")
