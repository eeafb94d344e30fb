"""Files of a log that were renamed a moment ago: writers that were not told yet go on in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from logan.live.files import Generation, Given, OpenFile, Replaced

__all__ = ["RETIRED_S", "RetiredFiles"]

RETIRED_S: Final = 60.0
"""How long a renamed file is still looked at."""

RETIRED_MAX: Final = 8
READ_BYTES_MAX: Final = 1 << 20


@dataclass(slots=True)
class _Retired:
    file: OpenFile
    since: float


class RetiredFiles:
    """The renamed files of a log that are still looked at."""

    def __init__(self) -> None:
        self._retired: list[_Retired] = []

    @property
    def files(self) -> list[OpenFile]:
        """These files, the latest last."""
        return [each.file for each in self._retired]

    def add(self, file: OpenFile, now: float) -> None:
        """Look for what is still written to it, from where it was read to."""
        self._retired.append(_Retired(file, now))
        while len(self._retired) > RETIRED_MAX:
            self._retired.pop(0).file.close()

    def read(self, now: float, know: Callable[[Generation], object]) -> tuple[bytes, Given | None]:
        """Whole lines that were written to one of them after the new file was begun, and where they
        come from; no bytes if there are none. `know` is told what such a file holds by then."""
        for each in list(self._retired):
            file = each.file
            try:
                data = file.read(READ_BYTES_MAX)
            except (OSError, Replaced):
                data = b""
                each.since = now - RETIRED_S
            whole = data.rfind(b"\n") + 1
            if len(data) > whole:
                file.seek(file.position - (len(data) - whole))
            if whole:
                each.since = now
                know(file.generation)
                return data[:whole], Given(file, file.content, file.position)
            if now - each.since >= RETIRED_S:
                file.close()
                self._retired.remove(each)
                if data:
                    given = Given(file, file.content, file.position + len(data))
                    return data + b"\n", given  # this line is not ended any more
        return b"", None

    def close(self) -> None:
        """Close them all."""
        for each in self._retired:
            each.file.close()
        self._retired = []
