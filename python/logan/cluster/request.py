"""What a client asks of a coordinator: paths or globs and options, to a message and back.

Knows neither who plans it nor the files that it names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Literal

import msgspec
from msgspec import UNSET

from logan.errors import UsageError
from logan.limits import SERIES_POINTS_MAX
from logan.options import Options
from logan.report.shortening import shortened
from logan.wire.bodies import SubmitBody, SubmitOptions
from logan.wire.codec import encode_body
from logan.wire.limits import NAME_CHARS_MAX
from logan.wire.messages import Submit

__all__ = ["Submission", "check_job_id"]


def check_job_id(text: str) -> None:
    """Raise `UsageError` for what cannot be the id of a job."""
    if not (text.isascii() and text.isalnum() and len(text) <= NAME_CHARS_MAX):
        raise UsageError(
            f"{shortened(text)!r} is not the id of a job", hint="`logan status` lists the jobs"
        )


@dataclass(frozen=True, slots=True)
class Submission:
    """A submitted request that has not been planned yet.

    Attributes:
        base: the folder that relative paths are relative to, if the coordinator has it.
        explain: read the intervals of findings again, to name what is common to them.
        confined: whether the coordinator's roots bound it; not for its own command line.
        begin: where a follow job begins in files that are there: "start", "end", or seconds.
        alerts: the conditions of a follow job.
    """

    kind: Literal["paths", "on_workers", "follow"] = "paths"
    paths: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    anchor: datetime | None = None
    series_points: int | None = SERIES_POINTS_MAX
    explain: bool = True
    base: str | None = None
    confined: bool = False
    begin: str | None = None
    alerts: Sequence[str] = ()

    def message(self) -> Submit:
        """SUBMIT, for a client to send. Raises `UsageError` for what a coordinator would refuse."""
        body = self._body()
        try:
            encode_body(body)
        except ValueError as error:
            raise UsageError(f"cannot submit this: {error}") from error
        return Submit(self.kind, body)

    def key(self) -> str:
        """Equal for equal wishes; `identity_of` tells whether the inputs are the same, too."""
        body = msgspec.to_builtins(self._body())
        text = json.dumps([self.kind, body, self.confined], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _body(self) -> SubmitBody:
        options = {each.name: getattr(self.options, each.name) for each in fields(self.options)}
        return SubmitBody(
            paths=tuple(self.paths),
            base=self.base,
            options=SubmitOptions(
                **options,
                anchor=self.anchor,
                series_points=self.series_points,
                explain=self.explain,
            ),
            begin=self.begin,
            alerts=tuple(self.alerts),
        )

    @classmethod
    def from_message(cls, message: Submit) -> Submission:
        """The submission in a client's SUBMIT. Raises `UsageError` for conflicting options."""
        body = message.body
        given = {name: getattr(body.options, name) for name in SubmitOptions.__struct_fields__}
        options = {name: value for name, value in given.items() if value is not UNSET}
        anchor = options.pop("anchor")
        points = options.pop("series_points", SERIES_POINTS_MAX)
        explain = options.pop("explain", True)
        return cls(
            kind=message.kind,
            paths=body.paths,
            options=Options(**options),
            anchor=anchor,
            series_points=points,
            explain=explain,
            base=body.base,
            confined=True,
            begin=body.begin,
            alerts=body.alerts,
        )
