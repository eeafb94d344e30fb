"""`Saved`: the summary of a run with what its report says of the inputs, and how several add up.

Made of a job and what an engine made of it; a file of it gives the report again without the logs.
Saved analyses of one meaning (`where`, `by`, `since`, `until`) merge. The sum of runs over parts of
the inputs equals, byte for byte, one run over all of them that reads them in the same way.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from logan import _logan
from logan._logan import Spec, Summary
from logan.atomic import write_whole
from logan.errors import InputError, MergeError, SummaryError
from logan.limits import INPUTS_PER_JOB_MAX, SERIES_POINTS_MAX
from logan.model import Result
from logan.options import Options
from logan.planning.prepare import Job
from logan.report.additions import whole_tables, with_additions
from logan.report.builder import with_groups
from logan.report.document import Report, assemble, input_entry
from logan.report.evaluation import figures_of
from logan.report.findings import find, unexplained
from logan.report.rows import keep_rows
from logan.sources.inputs import readable_name
from logan.summaries import container

__all__ = ["READING_OPTIONS", "Saved", "SavedInput", "load", "merge"]

READING_OPTIONS: Final = ("format", "format_name", "input_tz", "date_order", "units", "client")
"""The options that say how logs are read."""

_MERGE_FAILED: Final = "these summaries cannot be merged: "
"""How the engine, which knows no names of summaries, begins to say so."""


@dataclass(frozen=True, slots=True)
class SavedInput:
    """What a report says of an input beside its counts.

    Attributes:
        source: its index in the spec; None of what was not read, such as a folder.
        entry: the report's element of `inputs`, without its bytes and formats.
        formats: by the engine's name, what the report says of a format beside its lines.
        options: how it was read, as far as the user said.
    """

    source: int | None
    entry: Mapping[str, Any]
    formats: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """A finished analysis without its logs.

    Attributes:
        name: what messages call it: the name of its file.
        missing: the report's rows about planned bytes that were not counted.
        selection: the report's `selection`; None where every record counts.
        skipped_bytes: what a search by time left unread.
        logan_version: the version that counted.
    """

    name: str
    summary: Summary
    spec: Spec
    inputs: tuple[SavedInput, ...]
    missing: tuple[Mapping[str, Any], ...] = ()
    selection: Mapping[str, Any] | None = None
    skipped_bytes: int = 0
    logan_version: str = ""

    @classmethod
    def of(cls, job: Job, result: Result, report: Report) -> Saved:
        """What is left of a job when `report` was made of it."""
        sources = {index: source for source, index in enumerate(job.order)}
        return cls.read(result.summary, job.spec(), report, job.options, sources)

    @classmethod
    def read(
        cls,
        summary: Summary,
        spec: Spec,
        report: Report,
        options: Options,
        sources: Mapping[int, int],
    ) -> Saved:
        """What is left when `report` was made of a summary; `sources`: the spec's by input."""
        evaluated = json.loads(summary.evaluate(top=1, series_points=1)).get("sources", ())
        by_source = {each["source"]: each["formats"] for each in evaluated}
        given = asdict(options)
        kept = {key: given[key] for key in READING_OPTIONS}
        kept["units"] = list(kept["units"])
        shown = report.to_dict()

        def saved(index: int, entry: Mapping[str, Any]) -> SavedInput:
            source = sources.get(index)
            read = () if source is None else by_source.get(source, ())
            return SavedInput(
                source,
                {key: entry[key] for key in entry if key not in ("bytes", "formats")},
                {
                    found["name"]: {key: told[key] for key in told if key != "lines"}
                    for found, told in zip(read, entry["formats"], strict=False)
                },
                kept,
            )

        return cls(
            name="this run",
            summary=summary,
            spec=spec,
            inputs=tuple(saved(index, entry) for index, entry in enumerate(shown["inputs"])),
            missing=tuple(shown["missing"]),
            selection=shown.get("selection"),
            skipped_bytes=shown["lines"]["skipped_bytes"],
            logan_version=_logan.__version__,
        )

    def report(
        self,
        *,
        top: int = 10,
        series_points: int | None = SERIES_POINTS_MAX,
        performance: Mapping[str, Any] | None = None,
        strict: bool = False,
        sort: str = "requests",
        named: Sequence[str] = (),
        step: int | None = None,
        user_agents: Literal["raw", "families"] | None = None,
        geoip: Sequence[str] = (),
    ) -> Report:
        """The report of it, with tables as `keep_rows` keeps them; the last three as for `analyze`.

        `strict` raises the error of the first input that has one.
        """
        if strict:
            for each in self.inputs:
                if each.entry["error"] is not None:
                    raise InputError(each.entry["error"], input=each.entry["path"])
        figures = figures_of(
            self.summary,
            top=top,
            sort=sort,
            named=named,
            whole=whole_tables(user_agents=user_agents, geoip=geoip),
            series_points=series_points,
        )
        evaluated = {each["source"]: each for each in figures["sources"]}
        figures = with_groups(figures, self.selection["by"] if self.selection is not None else ())
        findings = unexplained(
            find(figures, is_partial=bool(self.missing)), "a saved summary has no lines"
        )
        figures = with_additions(
            figures, self.summary, step=step, user_agents=user_agents, geoip=geoip
        )
        figures = keep_rows(figures, top=top, sort=sort, named=named)
        order = {
            each.source: index for index, each in enumerate(self.inputs) if each.source is not None
        }
        return assemble(
            figures,
            [_entry(each, evaluated.get(each.source)) for each in self.inputs],
            input_of_source=[order.get(at, 0) for at in range(1 + max(order, default=-1))],
            missing=self.missing,
            selection=self.selection,
            findings=findings,
            skipped_bytes=self.skipped_bytes,
            logan_version=_logan.__version__,
            performance=performance,
        )

    def to_bytes(self) -> bytes:
        """The bytes of a file of it."""
        description = {
            "spec": json.loads(self.spec.to_json()),
            "inputs": [asdict(each) for each in self.inputs],
            "missing": list(self.missing),
            "selection": self.selection,
            "skipped_bytes": self.skipped_bytes,
            "logan_version": self.logan_version,
        }
        return container.pack(description, self.summary.to_bytes())

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "the saved summary") -> Saved:
        """Raises `InputError` for what is no saved analysis, damaged, or of a newer version."""
        import msgspec

        described, summary = container.unpack(data, name)
        try:
            found = msgspec.convert(described, _Description, strict=True)
            saved = cls(
                name,
                Summary.from_bytes(summary),
                Spec(json.dumps(found.spec)),
                tuple(
                    SavedInput(
                        each.source, described["inputs"][index]["entry"], each.formats, each.options
                    )
                    for index, each in enumerate(found.inputs)
                ),
                found.missing,
                described["selection"],
                found.skipped_bytes,
                found.logan_version,
            )
            saved.check()
        except SummaryError as error:
            raise InputError(f"{name}: {error}", input=name, hint=error.hint) from error
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InputError(
                f"{name} is a saved summary that does not make sense: {error}",
                input=name,
                hint="save it again: logan analyze LOG --save FILE",
            ) from error
        return saved

    def check(self) -> None:
        """Raises `ValueError` if its parts do not belong together."""
        sources = [each.source for each in self.inputs if each.source is not None]
        planned = range(len(json.loads(self.spec.to_json())["sources"]))
        counted = {source for source, _, _ in self.summary.segments()}
        if self.summary.meaning_digest != self.spec.meaning_digest or not counted <= {*planned}:
            raise ValueError("its metrics are not those of its spec")
        # A watch may know of logs of which nothing came: those have no input.
        known = {*sources}
        if len(known) < len(sources) or not counted <= known <= {*planned}:
            raise ValueError("its inputs are not those of its spec")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file at once. Raises `OutputError`."""
        write_whole(path, self.to_bytes())

    def merge(self, *others: Saved) -> Saved:
        """See `merge`."""
        return merge([self, *others])


@dataclass(frozen=True)
class _Entry:
    path: str
    compression: str | None
    assumed: list[str]
    notes: list[str]
    error: str | None


@dataclass(frozen=True)
class _Input:
    source: int | None
    entry: _Entry
    formats: dict[str, dict[str, str | None]]
    options: dict[str, Any]


@dataclass(frozen=True)
class _Selection:
    since: str | None
    until: str | None
    where: str | None
    by: list[str]
    fields_present: list[str] | None


@dataclass(frozen=True)
class _Description:
    """The types of a description; keys that are not here are those of other versions."""

    spec: dict[str, Any]
    inputs: list[_Input]
    missing: tuple[dict[str, Any], ...]
    selection: _Selection | None
    skipped_bytes: int
    logan_version: str


def load(path: str | os.PathLike[str]) -> Saved:
    """A saved analysis: `logan.load("day.logan").report().total_requests`. Raises `InputError`."""
    name = os.fspath(path)
    return Saved.from_bytes(container.read_file(name), readable_name(name))


def _entry(saved: SavedInput, evaluated: Mapping[str, Any] | None) -> dict[str, Any]:
    entry = dict(saved.entry)
    formats = [
        {"name": each["name"], "lines": each["lines"]} | dict(saved.formats.get(each["name"], each))
        for each in (evaluated or {}).get("formats", ())
    ]
    return input_entry(entry.pop("path"), evaluated, formats=formats, **entry)


def merge(parts: Iterable[Saved]) -> Saved:
    """The sum of at least one saved analysis, inputs in the order of `parts`.

    Raises `MergeError` that names two parts which have the same part of a log, or in which way they
    were made differently.
    """
    adding: _Sum | None = None
    for each in parts:
        if adding is None:
            adding = _Sum(each)
        else:
            adding.add(each)
    if adding is None:
        raise ValueError("there is nothing to merge")
    return adding.total()


class _Sum:
    """Saved analyses that are being added up.

    The sum is planned as one job of all sources in their order, so it is what that job would give.
    """

    def __init__(self, first: Saved) -> None:
        self._parts = [first]
        self._summary = first.summary
        self._top = 0
        self._sources: list[Any] = []
        self._inputs: list[SavedInput] = []
        self._place: dict[int, int] = {}
        self._take(first, {index: index for index, _, _ in first.summary.segments()})

    def add(self, other: Saved) -> None:
        """Add one; the sum is as before if it raises `MergeError`."""
        try:
            numbers = self._summary.numbers(other.summary)
            self._summary = self._summary.merge(other.summary)
        except MergeError as error:
            raise self._named(other, error) from error
        self._parts.append(other)
        self._take(other, numbers)

    def _named(self, other: Saved, error: MergeError) -> MergeError:
        """The error with the names of both that do not go together."""
        for each in self._parts:
            try:
                each.summary.numbers(other.summary)
            except MergeError as found:
                reason = found.message.removeprefix(_MERGE_FAILED)
                reason, _, step = reason.rpartition("; ")
                names = f"{each.name} and {other.name} cannot be added up"
                if each.name == other.name:
                    names = f"{each.name} cannot be added to itself"
                return MergeError(f"{names}: {reason or step}", hint=step if reason else found.hint)
        return error

    def _take(self, saved: Saved, numbers: Mapping[int, int]) -> None:
        """Add sources and inputs; `numbers` are the indexes that its sources have in the sum."""
        spec = json.loads(saved.spec.to_json())
        self._top = max(self._top, spec["top"])
        place: dict[int | None, int] = {}
        for index, source in enumerate(spec["sources"]):
            number = numbers.get(index)
            known = self._place.get(number) if number is not None else self._same(source)
            if known is None:
                known = len(self._sources)
                self._sources.append(source)
            elif number is not None and _length(source) >= _length(self._sources[known]):
                # Of two parts of a log the one that knows more of it says what it is.
                self._sources[known] = source
            if number is not None:
                self._place[number] = known
            place[index] = known
        for each in saved.inputs:
            self._take_input(replace(each, source=place.get(each.source)))
        if len(self._inputs) > INPUTS_PER_JOB_MAX:
            raise MergeError(
                f"together they have {len(self._inputs):,} inputs, at most "
                f"{INPUTS_PER_JOB_MAX:,} fit into one summary"
            )

    def _same(self, source: Mapping[str, Any]) -> int | None:
        """Where a source stands of which nothing was read, such as an empty file; None if new."""
        counted = set(self._place.values())
        for index, each in enumerate(self._sources):
            if index not in counted and each == source:
                return index
        return None

    def _take_input(self, new: SavedInput) -> None:
        for index, each in enumerate(self._inputs):
            if each == new:
                return
            if new.source is not None and each.source == new.source:
                self._inputs[index] = _joined(each, new)
                return
        self._inputs.append(new)

    def total(self) -> Saved:
        """The sum so far."""
        first = self._parts[0]
        if len(self._parts) == 1:
            return first
        spec = json.loads(first.spec.to_json()) | {"top": self._top, "sources": self._sources}
        native = Spec(json.dumps(spec))
        present = {
            name
            for each in self._parts
            if each.selection is not None
            for name in each.selection["fields_present"] or ()
        }
        selection = first.selection
        if selection is not None:
            # Of use only where a condition left no record.
            none_left = all((each.selection or {}).get("fields_present") for each in self._parts)
            selection = {**selection, "fields_present": sorted(present) if none_left else None}
        return Saved(
            name=" + ".join(each.name for each in self._parts[:3]),
            summary=self._summary.replanned(native, self._place),
            spec=native,
            inputs=tuple(self._inputs),
            missing=tuple(each for part in self._parts for each in part.missing),
            selection=selection,
            skipped_bytes=sum(each.skipped_bytes for each in self._parts),
            logan_version=max(each.logan_version for each in self._parts),
        )


def _joined(one: SavedInput, other: SavedInput) -> SavedInput:
    """What there is to say of an input of which both are parts."""
    notes = dict.fromkeys([*one.entry["notes"], *other.entry["notes"]])
    assumed = dict.fromkeys([*one.entry["assumed"], *other.entry["assumed"]])
    entry = {**other.entry, "notes": list(notes), "assumed": list(assumed)}
    return replace(other, entry=entry, formats={**one.formats, **other.formats})


def _length(source: Mapping[str, Any]) -> int:
    content = (source.get("identity") or {}).get("content") or {}
    return int(content.get("length", 0))
