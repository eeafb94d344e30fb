"""`Watched`: what can be seen of logs that are counted as they are written, wherever they are read:
reports of their windows, timelines, what is saved of them.
"""

from __future__ import annotations

import json
import shlex
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Any, Final

from logan._logan import Spec, Summary, __version__
from logan.live.allocator import give_back
from logan.live.by_log import by_log_of, log_of_each
from logan.live.counted import Counted
from logan.live.notices import Notices
from logan.live.pipes import Pipe
from logan.live.remembered import Memory
from logan.live.timeline import TABLES, Point
from logan.live.windows import WINDOWS
from logan.model import Detection
from logan.options import Options
from logan.planning.spec import spec_json
from logan.report import Report, assemble, input_entry
from logan.report.additions import whole_tables, with_additions
from logan.report.builder import selection, with_groups
from logan.report.entries import assumed_of, readings_of
from logan.report.evaluation import figures_of
from logan.report.findings import find, unexplained
from logan.report.rows import keep_rows
from logan.summaries.saved import Saved

__all__ = ["Watched"]

NOTES_SHOWN_MAX: Final = 20

OVER_TIME: Final = ("series", "grid")
"""Metrics that a glance leaves out: timelines have their own points."""


class Watched(ABC):
    """Logs that are counted. Threads may share them; one of them works at a time.

    Attributes:
        anonymize: whether views mask what can name people and hosts.
        memory: what keeps the counts; None without a state folder.
        notices: what happened to the logs.
        last_data: when something was counted last.
        last_step: when `step` was called last.
    """

    last_step: float = 0.0

    def __init__(
        self,
        paths: Sequence[str],
        options: Options,
        *,
        reach_s: float = 0.0,
        now: float,
        anonymize: bool = False,
    ) -> None:
        self.anonymize = anonymize
        self.memory: Memory | None = None
        self.notices = Notices()
        self.last_data = now
        self._paths = list(paths)
        self._options = options
        self._lock = RLock()
        self._logs: dict[str, Any] = {}
        self._readings: dict[str, tuple[Spec, Mapping[str, Any]]] = {}
        self._restart(now, reach_s)

    def _restart(self, now: float, reach_s: float = 0.0) -> None:
        """Nothing is counted so far."""
        self._empty_spec = Spec(spec_json([Detection()], self._options, anchor_ns=int(now * 1e9)))
        self._counted = Counted(Summary.empty(self._empty_spec), reach_s, now)

    @property
    def paths(self) -> list[str]:
        """What is watched, as it was given."""
        return list(self._paths)

    @property
    def options(self) -> Options:
        """What is computed."""
        return self._options

    @property
    def names(self) -> list[str]:
        """The logs, in the order in which they joined."""
        with self._lock:
            return list(self._logs)

    @abstractmethod
    def summary(self, seconds: float | None, now: float) -> Summary:
        """The summary of the last `seconds`, or of all with None."""

    @abstractmethod
    def figures(self, seconds: float | None, now: float) -> Summary:
        """The same without the tables that views do not show; see `counted`."""

    @abstractmethod
    def total(self) -> Summary:
        """The summary of all that was counted."""

    @abstractmethod
    def step(self, now: float) -> bool:
        """Read what there is, up to a bound; whether there may be more at once."""

    def look_for_new(self) -> None:  # noqa: B027 - only files can join
        """Look for logs that joined at the next step, not only when it is their time."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether nothing more can come."""

    @abstractmethod
    def finish(self, now: float) -> Summary:
        """Nothing follows. The summary of all that was counted."""

    @abstractmethod
    def pipes(self) -> list[Pipe]:
        """Those that can be waited for."""

    @abstractmethod
    def folders(self) -> set[str]:
        """The folders in which something may happen."""

    @abstractmethod
    def close(self) -> None:
        """Close all files."""

    @abstractmethod
    def behind(self) -> int:
        """Bytes that are written already and not counted yet, as far as is known."""

    @property
    @abstractmethod
    def hosts(self) -> Sequence[Any]:
        """The hosts of logs that are read elsewhere."""

    @abstractmethod
    def _never_read(self, *, final: bool) -> list[tuple[str, str | None, str]]:
        """What matches and could not be read so far: its name, its host if it is elsewhere, why."""

    @abstractmethod
    def _origin_and_error(self, name: str, log: Any) -> tuple[str | None, str | None]:
        """The host that a log is read on, None for this one; and why it cannot be read now."""

    def specs(self) -> dict[str, Spec]:
        """How each log is read, by name; those of which no line has come are left out."""
        with self._lock:
            return {
                name: log.counter.spec
                for name, log in self._logs.items()
                if log.counter.spec is not None
            }

    def spec(self, summary: Summary) -> Spec:
        """How all logs are read, with the sources of a summary of them in its order, and then the
        logs of which it has none: what is saved beside it."""
        specs = {name: json.loads(each.to_json()) for name, each in self.specs().items()}
        if not specs:
            return self._empty_spec
        gap = next(iter(specs))
        order = [name or gap for name in self._names_by_source(summary)]
        sources = [source for name in order for source in specs[name]["sources"]]
        return Spec(json.dumps({**next(iter(specs.values())), "sources": sources}))

    def _names_by_source(self, summary: Summary) -> list[str | None]:
        """The log of each source of a summary, and then the logs that it has nothing of; None of a
        source that a coordinator knows and no part was sent of."""
        names = self._names_of_sources(summary)
        others = [name for name in self.specs() if name not in names.values()]
        return [*map(names.get, range(max(names, default=-1) + 1)), *others]

    def _names_of_sources(self, summary: Summary) -> dict[int, str]:
        """The log that each source of a summary is of."""
        text = summary.without(TABLES).evaluate(top=1, series_points=1, analysis=False)
        names = self.names
        places = log_of_each(json.loads(text)["sources"], names, full=self.memory is not None)
        return {source: names[place] for source, place in places.items()}

    def view(self, window: str, now: float) -> Report:
        """The report of a window of `WINDOWS`, as it may be shown."""
        report = self.report(self.summary(WINDOWS[window], now), final=False)
        give_back()
        return report.anonymize() if self.anonymize else report

    def glance(self, window: str, now: float) -> Report:
        """The sections in `counted.FIGURES` of that report, without findings and what is over time;
        the others are empty."""
        summary = self.figures(WINDOWS[window], now).without(OVER_TIME)
        report = self.report(summary, final=False, finds=False)
        return report.anonymize() if self.anonymize else report

    def shown(self, data: Any) -> Any:
        """Plain data of a view, masked where views are anonymized."""
        if not self.anonymize:
            return data
        from logan.report.anonymize import masked_text

        return masked_text(data, [*self.names, *self._paths])

    def report(self, summary: Summary, *, final: bool, finds: bool = True) -> Report:
        """A summary of these logs as a report, with what happened to them, and with findings if it
        `finds`."""
        asked = self._options
        figures = figures_of(
            summary,
            top=asked.top,
            sort=asked.sort,
            named=asked.rows,
            whole=whole_tables(user_agents=asked.user_agents) if final else (),
            analysis=finds,
        )
        figures.setdefault("sources", [])
        figures = with_groups(figures, asked.by)
        found = find(figures) if finds else []
        findings = unexplained(found, "a watch reads no lines again")
        if final:
            figures = with_additions(figures, summary, user_agents=asked.user_agents)
        figures = keep_rows(figures, top=asked.top, sort=asked.sort, named=asked.rows)
        with self._lock:
            has_full_names = self.memory is not None
            places = log_of_each(figures["sources"], list(self._logs), full=has_full_names)
            by_log = by_log_of(figures["sources"], places)
            entries = [
                self._entry(name, log, by_log.get(index), final)
                for index, (name, log) in enumerate(self._logs.items())
            ]
            # What was never read has a place in the report, too.
            entries += [
                input_entry(name, error=why, origin=origin)
                for name, origin, why in self._never_read(final=final)
            ]
            missing = [
                {"input": name, "start": each.start, "end": each.end, "why": each.why}
                for name, log in self._logs.items()
                for each in log.counter.missing
            ]
            missing += [
                {"input": each.log, "start": each.start, "end": each.end, "why": each.text}
                for each in self.notices.gone
                if each.log in self._logs
            ]
        most = max((each["source"] for each in figures["sources"]), default=-1)
        order = [0] * (most + 1)
        for each in figures["sources"]:
            order[each["source"]] = places[each["source"]]
        return assemble(
            figures,
            entries,
            input_of_source=order,
            missing=missing,
            selection=selection(self._options),
            findings=findings,
            logan_version=__version__,
        )

    def saved(self, summary: Summary, report: Report) -> Saved:
        """The summary of all as a file of saved summaries holds it."""
        places = {name: index for index, name in enumerate(self.names)}
        order = self._names_by_source(summary)
        sources = {places[name]: at for at, name in enumerate(order) if name is not None}
        return Saved.read(summary, self.spec(summary), report, self._options, sources)

    def _entry(
        self, name: str, log: Any, evaluated: Mapping[str, Any] | None, final: bool
    ) -> dict[str, Any]:
        origin, error = self._origin_and_error(name, log)
        faults = [each for each in self.notices.of(name) if each.is_fault]
        notices = [each for each in faults if each.text != error]
        notes = list(dict.fromkeys(each.text for each in notices[-NOTES_SHOWN_MAX:]))
        if len(notices) > NOTES_SHOWN_MAX:
            notes.insert(0, f"{len(notices) - NOTES_SHOWN_MAX} earlier notices are not shown")
        if final and evaluated and evaluated["bytes"] and not evaluated["formats"]:
            asked = "FILE" if name == "-" else shlex.quote(name)
            notes.append(f"no line matches a known format; see: logan detect {asked}")
        detection, spec = log.counter.detection or Detection(), log.counter.spec
        assumed = (
            [] if spec is None else assumed_of(detection, self._reading(name, spec), evaluated)
        )
        return input_entry(
            *(name, evaluated),
            assumed=assumed,
            notes=notes,
            error=error,
            origin=origin,
        )

    def _reading(self, name: str, spec: Spec) -> Mapping[str, Any]:
        """What a spec says of its log, looked up once: views are made twice a second."""
        known = self._readings.get(name)
        if known is None or known[0] is not spec:
            self._readings[name] = known = spec, readings_of(spec.to_json())[0]
        return known[1]

    @property
    def entries(self) -> dict[str, int]:
        """How many summaries are held, by what for: bounded, however long it runs."""
        with self._lock:
            return self._counted.entries

    def history(self, window: str, now: float) -> tuple[int, list[Point]]:
        """The timeline of a window: the seconds of its steps, and a point for each."""
        with self._lock:
            return self._counted.points(window, now)
