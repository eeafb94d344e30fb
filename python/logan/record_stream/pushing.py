"""Bytes that this process reads itself and pushes into a scan: objects, and pipes of pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from logan._logan import Cancel, RecordScan
from logan.errors import CancelledError, InputError

__all__ = ["after", "fetched", "push"]


def after(head: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from pieces


def fetched(url: str, etag: str | None, size: int, cancel: Cancel) -> Iterator[bytes]:
    from logan.sources.objects import Fetcher

    yield from Fetcher(url, etag).pieces(0, size, size, cancel)


def push(scan: RecordScan, source: int, pieces: Iterable[bytes]) -> None:
    """Give the scan all pieces, and say why that is not all."""
    why = None
    try:
        for piece in pieces:
            if not scan.push(source, piece):
                break
    except CancelledError:
        pass
    except InputError as error:
        why = str(error)
    except OSError as error:
        why = error.strerror or str(error)
    finally:
        scan.end(source, why)
