"""What is wrong with the inputs of a job that ran, or strange about them: their errors and notes.

Changes the inputs that it is given, which are the report's own copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from logan.errors import InputError, SourceChangedError
from logan.model import Archive, Missing, Result
from logan.planning.prepare import Job
from logan.planning.spec import is_format_name
from logan.planning.unreadable import has_unread, unreadable
from logan.report.units import visible
from logan.sources.inputs import Input, next_step, shown_name

__all__ = ["note_archives", "note_errors"]

_SHOWN_CHARACTERS_MAX: Final = 400
"""Characters of a format and of a line in an error: enough to see where they differ."""


def note_errors(missing: Iterable[Missing], figures: Mapping[str, Any], job: Job) -> None:
    """Give inputs whose bytes are missing, or do not fit a forced format, an error of their own."""
    inputs, order = job.inputs, job.order
    missing = list(missing)
    incomplete = {each.source for each in missing}
    for each in missing:
        entry = inputs[order[each.source]]
        if each.kind == "cancelled" or entry.error is not None:
            continue
        kind = SourceChangedError if each.kind in ("changed", "gone") else InputError
        name = shown_name(entry.path)
        why = each.why if name in each.why else f"{name}: {each.why}"
        hint = next_step(entry.path, each.kind, each.why)
        entry.error = kind(why, input=entry.path, kind=each.kind, hint=hint)
    any_read = any(each["lines"] for source in figures["sources"] for each in source["formats"])
    for evaluated in figures["sources"]:
        entry = inputs[order[evaluated["source"]]]
        read = sum(each["lines"] for each in evaluated["formats"])
        if read or not evaluated["bytes"] or entry.error is not None:
            continue
        if entry.detection is not None and entry.detection.blank == entry.detection.lines:
            entry.notes.append("only blank lines")
        elif job.options.format is not None:
            entry.error = _format_mismatch(entry, job.options.format, job)
        elif evaluated["source"] not in incomplete and has_unread(entry):
            if entry.matched and any_read:
                entry.notes.append("no line matches a known format")
            else:
                entry.error = unreadable(entry)


def note_archives(inputs: Sequence[Input], order: Sequence[int], result: Result) -> None:
    """Say what was in archives, and what is strange about them, though no error."""
    for source, archive in result.archives.items():
        _note_contents(inputs[order[source]], archive)
        if archive.foreign_at is not None:
            inputs[order[source]].notes.append(
                f"bytes that are not part of the archive follow it from byte "
                f"{archive.foreign_at:,} on; they were not read"
            )


def _note_contents(entry: Input, archive: Archive) -> None:
    """Say what was in a container; one without logs is an error, as a folder without is."""
    if archive.contents is None:
        return
    if archive.members or not archive.left_out or entry.error is not None:
        entry.notes.append(f"an archive with {archive.contents}")
        return
    entry.error = InputError(
        f"{shown_name(entry.path)} is an archive with {archive.contents}",
        input=entry.path,
        kind="archive",
        hint="unpack it and name a file of it to read it anyway",
    )


def _format_mismatch(entry: Input, forced: str, job: Job) -> InputError:
    if not is_format_name(forced):
        return InputError(
            f"no line in {shown_name(entry.path)} matches the format {job.options.format_name}",
            input=entry.path,
            kind="format",
            hint=_side_by_side(entry, forced),
        )
    found = [each.name for each in entry.detection.formats] if entry.detection else []
    return InputError(
        f"no line in {shown_name(entry.path)} matches the format {forced}",
        input=entry.path,
        kind="format",
        hint=f"it looks like {found[0]}: leave the format out" if found else "see: logan formats",
    )


def _side_by_side(entry: Input, text: str) -> str:
    """The first line of an input and the format that it should have."""
    shown = [("the format", " ".join(text.split())), ("the first line", entry.first_line)]
    return "; ".join(
        f"{label} is {visible(each[:_SHOWN_CHARACTERS_MAX])}" for label, each in shown if each
    )
