"""What a report says to users, whatever draws it: findings, headline, notes, what is missing.

Between the report's metrics and the outputs that users read (text, HTML, Markdown, notebooks):
sentences and numbers with their units; `tables` has the rows, `charts` what is drawn. Renderers
decide only how it looks. Pure, and knows neither rich nor widths. Text from logs is made visible
here, so a renderer may print it as it comes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from logan.report import labels, units
from logan.report.charts import drawn
from logan.report.tables import clamped, when
from logan.report.timezones import zone_name
from logan.report.units import visible
from logan.report.untimed import untimed_errors

__all__ = [
    "FINDINGS_SHOWN_MAX",
    "Fact",
    "FindingView",
    "about_lines",
    "assumed_in_all",
    "errors_unknown",
    "findings",
    "headline",
    "health_checks",
    "inputs_named",
    "inputs_shown",
    "malformed",
    "missing",
    "outliers",
    "period",
    "selected",
    "stated",
    "subject",
    "untimed",
    "when",
]

Data = Mapping[str, Any]

INPUTS_SHOWN_MAX = 8
FINDINGS_SHOWN_MAX: Final = 5
"""A reader who was woken up reads no more; the JSON report has all of them."""

VALUES_MIN: Final = 20
"""Fewest values of which percentiles are shown: of fewer, p95 is just the largest."""

_REQUESTS_SHARE_MIN: Final = 0.05
"""Least share of the records that are requests for a report to be about requests."""

Tone = Literal["neutral", "good", "warning", "bad"]


class Fact(NamedTuple):
    """A number of the headline: what it counts, what puts it into proportion, how it is judged."""

    value: str
    label: str
    detail: str
    tone: Tone = "neutral"


class FindingView(NamedTuple):
    """A finding: a sentence, and the command that shows the lines it is about ("" if none)."""

    kind: str
    text: str
    command: str


def findings(report: Data) -> list[FindingView] | None:
    """The most important findings, at most `FINDINGS_SHOWN_MAX`; None if none were looked for."""
    found = report.get("findings")
    if found is None:
        return None
    return [
        FindingView(
            visible(str(each.get("kind") or "")),
            visible(str(each.get("text") or "")),
            visible(str(each.get("command") or "")),
        )
        for each in found[:FINDINGS_SHOWN_MAX]
    ]


NOTHING_STANDS_OUT: Final = "nothing stands out"
_ERRORS_NAMED_MIN: Final = 0.05
"""Share of errors that is named though it does not change: that is no good news."""


def no_findings(report: Data) -> str:
    """What is said where nothing was found."""
    if not report["lines"]["parsed"]:
        return "no records"
    ratio = report["errors"]["ratio"]
    if ratio is None or ratio < _ERRORS_NAMED_MIN:
        return NOTHING_STANDS_OUT
    return f"no change stands out; {units.brief(units.percent(ratio))} of the records are errors"


def subject(report: Data) -> Literal["requests", "records"]:
    """What the report is about: requests if enough of the records are requests."""
    requests, records = report["total_requests"], report["lines"]["parsed"]
    is_about = bool(requests) and requests >= _REQUESTS_SHARE_MIN * records
    return "requests" if is_about or not records else "records"


def headline(report: Data) -> list[Fact]:
    """The six facts that a reader looks for first."""
    about = subject(report)
    lines = report["lines"]
    noun = "line" if lines["total"] == 1 else "lines"
    count = report["total_requests"] if about == "requests" else lines["parsed"]
    first = Fact(
        units.count(count),
        labels.noun(count, about),
        f"{units.short(lines['total'], 6)} {noun}",
    )
    if about == "records":
        counts = [first, _rate(report, about), _errors(report), _warnings(report)]
        return [*counts, *_times(report, about, 2)]
    return [first, _rate(report, about), *_times(report, about, 3), _errors(report)]


def _rate(report: Data, about: str) -> Fact:
    """How many a second were observed between the first and the last, without far-off clocks."""
    chart = drawn(report)
    peak = report["throughput"]["peak_rps"] if about == "requests" else None
    detail = "" if peak is None else f"peak {units.rate(peak)}"
    span_s = report["time"]["span_s"]
    if chart.is_whole:
        # What has no time lies in no span that could divide it.
        timed = report["lines"]["parsed"] - report["time"].get("untimed", 0)
        count = report["total_requests"] if about == "requests" else timed
        observed = count / span_s if span_s else None
        if about == "requests" and report["throughput"]["observed_rps"] is not None:
            observed = report["throughput"]["observed_rps"]
    elif len(chart.points) > 1:
        count = chart.requests if about == "requests" else chart.records
        observed = count / chart.span_s
    else:
        observed = None  # all of the drawn records lie in one step of the series
    return Fact(units.rate(observed), "rate", detail)


def _times(report: Data, about: str, count: int) -> list[Fact]:
    """So many facts about response times; percentiles only of enough values."""
    times = report["response_time_ms"]
    if not times["count"] or (about == "records" and times["count"] < VALUES_MIN):
        return []  # a few timed lines of a log of something else
    low, high = times["min"], times["max"]
    if times["count"] < VALUES_MIN:
        few = f"{times['count']} timed"
        facts = [("mean", "mean", few), ("max", "max", f"min {units.duration_ms(low)}")]
    else:
        error = f"±{units.percent(times['relative_error'])}" if times["relative_error"] else ""
        facts = [
            ("p50", "p50", f"mean {units.duration_ms(times['mean'])}"),
            ("p95", "p95", f"max {units.duration_ms(high)}"),
            ("p99", "p99", error),
        ]
        if count < len(facts):
            facts = [facts[0], ("p95", "p95", f"{units.short(times['count'], 6)} timed")]
    return [
        Fact(units.duration_ms(clamped(times[key], low, high)), label, detail)
        for key, label, detail in facts[:count]
    ]


def _errors(report: Data) -> Fact:
    errors = report["errors"]
    if errors["total"] is None:
        # The columns of a narrow page hold no more; `errors_unknown` says why.
        return Fact(units.count(None), "errors", "unknown" if _is_read(report) else "")
    ratio, count = errors["ratio"], errors["total"]
    if subject(report) == "requests" and errors.get("request_ratio") is not None:
        # Lines of a log about a failed request are not added to the failed requests.
        ratio, count = errors["request_ratio"], failed_requests(report)
    return Fact(
        units.percent(ratio), "errors", units.count(count), "bad" if errors["total"] else "good"
    )


def failed_requests(report: Data) -> int:
    """Requests with a status of 5xx."""
    return sum(count for code, count in report["status"].items() if 500 <= int(code) <= 599)


def _warnings(report: Data) -> Fact:
    count = report["levels"].get("WARN", 0)
    records = report["lines"]["parsed"]
    share = count / records if records else None
    return Fact(
        units.percent(share), "warnings", units.count(count), "warning" if count else "good"
    )


def malformed(report: Data) -> str | None:
    """The malformed lines as a sentence; None if there are none."""
    count, lines = report["malformed_lines"], report["lines"]
    if not count:
        return None
    share = units.percent(count / lines["total"] if lines["total"] else 0.0)
    verb = "is" if count == 1 else "are"
    of = f"{labels.plural(lines['total'], 'line')}"
    return f"{units.count(count)} of {of} {verb} malformed ({share})"


def untimed(report: Data) -> str | None:
    """The records that the timeline lacks, or that a time range left out for want of a time, as a
    sentence; None if all have a time, or none.

    Without any there is no timeline that could mislead. Older saved reports do not say.
    """
    left_out = report["time"].get("untimed_filtered", 0)
    if left_out:
        verb, were = ("has", "was") if left_out == 1 else ("have", "were")
        # Bytes that a search by time left unread may hold more of them.
        least = "at least " if report["lines"]["skipped_bytes"] else ""
        return (
            f"{least}{labels.plural(left_out, 'record')} {verb} no timestamp that can be used and "
            f"{were} left out of the time range"
        )
    count, records = report["time"].get("untimed", 0), report["lines"]["parsed"]
    if not 0 < count < records:
        return None
    verb = "has" if count == 1 else "have"
    errors = untimed_errors(report)
    among = f", {errors:,} of the {report['errors']['total']:,} errors among them" if errors else ""
    return (
        f"{units.count(count)} of {labels.plural(records, 'record')} {verb} no timestamp that can "
        f"be used ({units.percent(count / records)}){among}"
    )


def outliers(report: Data) -> Sequence[str]:
    """Records whose clocks are far off, a sentence for each end of the log."""
    return drawn(report).notes


def stated(report: Data) -> list[str]:
    """What the headline does not say and its reader has to know, a sentence each."""
    notes = (malformed, untimed, errors_unknown, health_checks)
    return [text for note in notes if (text := note(report)) is not None]


_HEALTH_SHARE_MIN: Final = 0.05
"""Share of requests from which on checks change what the others look like."""


def health_checks(report: Data) -> str | None:
    """The share of requests that no user waits for, as a sentence; None if it is small."""
    found = report.get("health_checks")
    if not found or (found["share"] or 0) < _HEALTH_SHARE_MIN:
        return None
    verb = "is a health check" if found["requests"] == 1 else "are health checks"
    of = labels.plural(report["total_requests"], "request")
    return (
        f"at least {units.count(found['requests'])} of {of} {verb} or preflights "
        f"({units.percent(found['share'])}: {', '.join(found['by'])}), which the figures include"
    )


def errors_unknown(report: Data) -> str | None:
    """Why errors could not be counted, as a sentence below the headline; None if they were."""
    if report["errors"]["total"] is not None or not _is_read(report):
        return None
    if others := report["levels"].get("OTHER"):
        records = labels.plural(others, "record")
        return f"{records} with levels that are not known, no statuses: errors unknown"
    return "no levels, no statuses: errors unknown"


def _is_read(report: Data) -> bool:
    return bool(report["lines"]["parsed"])


def inputs_named(report: Data) -> tuple[list[str], int]:
    """The names of the first inputs that were read, and how many more there are."""
    sound = [entry for entry in report["inputs"] if entry["error"] is None]
    # A folder, or a second name of a file, has an entry too, of no byte.
    read = [entry for entry in sound if entry["bytes"]] or sound or report["inputs"]
    # One log may be read in parts.
    names = list(dict.fromkeys(visible(labels.input_name(each["path"])) for each in read))
    return names[:3], max(0, len(names) - 3)


def period(report: Data) -> str | None:
    """The time of the first record to that of the last, without clocks that are far off; None if
    no record has a time."""
    time = report["time"]
    if time["first"] is None:
        return None
    zone = zone_name(report)
    first, last, span_s = time["first"], time["last"], time["span_s"]
    chart = drawn(report)
    if not chart.is_whole:  # what is far off is named below
        first, last, span_s = chart.points[0]["t"], chart.points[-1]["t"], chart.span_s
    if not span_s:
        return f"{units.moment(first)} {zone}"
    return f"{units.moment(first)} → {units.moment(last, first)} {zone}  ({units.span(span_s)})"


def selected(report: Data) -> list[str]:
    """Time range, condition, and what they left out."""
    selection = report.get("selection") or {}
    lines = []
    since, until = selection.get("since"), selection.get("until")
    if since or until:
        edges = [
            f"from {units.moment(since)}" if since else "",
            f"before {units.moment(until)}" if until else "",
        ]
        lines.append(" ".join(["time range:", *filter(None, edges), zone_name(report)]))
    if selection.get("where"):
        lines.append(f"where: {visible(selection['where'])}")
    counts = report["lines"]
    if lines:
        records = counts["parsed"] + counts["filtered"]
        left = f"{units.count(counts['parsed'])} of {labels.plural(records, 'record')} counted"
        skipped = counts.get("skipped_bytes")
        unread = f", {units.bytes_size(skipped)} outside the time range not read" if skipped else ""
        lines.append(left + unread)
    return lines


def missing(report: Data) -> str:
    """Why the report is partial."""
    parts = []
    failed = sum(entry["error"] is not None for entry in report["inputs"])
    if failed:
        parts.append(f"{failed:,} of {len(report['inputs']):,} inputs with errors")
    lost = sum(each["end"] - each["start"] for each in report["missing"] if each["end"] is not None)
    if lost:
        causes = sorted({str(each["why"]) for each in report["missing"]})
        parts.append(f"{units.bytes_size(lost)} not counted ({visible('; '.join(causes))})")
    names = sorted({str(each["input"]) for each in report["missing"] if each["end"] is None})
    if names:
        which = visible(names[0]) if len(names) == 1 else f"{len(names):,} inputs"
        parts.append(f"not all of {which} was read")
    return ", ".join(parts) or "not everything was counted"


def inputs_shown(inputs: Sequence[Data]) -> list[Data]:
    """All of a few; of many, those with errors first."""
    if len(inputs) <= INPUTS_SHOWN_MAX:
        return list(inputs)
    failed = [entry for entry in inputs if entry["error"] is not None]
    plain = [entry for entry in inputs if entry["error"] is None]
    return [*failed[:INPUTS_SHOWN_MAX], *plain[: max(0, INPUTS_SHOWN_MAX - len(failed))]]


def assumed_in_all(inputs: Sequence[Data]) -> list[str]:
    """What is assumed in all of several inputs that were read, to be stated once."""
    read = [entry["assumed"] for entry in inputs if entry["error"] is None]
    if len(read) < 2:
        return []
    others = [set(assumed) for assumed in read[1:]]
    return [each for each in read[0] if all(each in assumed for assumed in others)]


def about_lines(report: Data) -> list[str]:
    """How the report was made: the command, whether it is anonymized, time and memory."""
    lines = []
    if report.get("command"):
        lines.append(visible(report["command"]))
    if report.get("anonymized"):
        lines.append("anonymized: clients, query values, e-mails, tokens and raw lines are masked")
        tables = [report.get("clients") or {}, *(report.get("groups") or {}).values()]
        if any(row.get("merged") for table in tables for row in table.get("top") or ()):
            lines.append(
                "clients of one network are one row, the sum of those among the first; "
                "they are counted apart in numbers of clients"
            )
    performance = report.get("performance")
    if performance:
        threads = labels.plural(performance["threads"], "thread")
        lines.append(
            f"{units.bytes_size(performance['bytes'])} in {units.span(performance['wall_s'])} · "
            f"{units.bytes_size(performance['bytes_per_second'])}/s · {threads} · "
            f"peak memory {units.bytes_size(performance['peak_rss_bytes'])}"
        )
    return lines
