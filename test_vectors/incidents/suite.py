"""How many incidents are found, rightly explained and rightly dated; how many quiet logs are not.

`judged` compares the findings of a report with what is true of a log. A finding is right if its
kind names the incident, its interval begins and ends within one bucket of the truth (the bucket
that the finding states; the table also has the share within one bucket of the analysis grid, as
"exact"), and the best explanation is the value that was planted. What the log cannot show is not
asked for: an access log has no hosts and no messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from test_vectors.incidents.plant import Truth
from test_vectors.incidents.quiet import QUIET, IncidentLog

__all__ = ["Verdict", "judged", "table"]

Finding = Mapping[str, Any]


@dataclass(slots=True)
class Verdict:
    """What became of one incident, or of one quiet log (then `found` says that anything was).

    Attributes:
        dated: both edges are as exact as the finding states.
        exact: both edges are within one bucket of the analysis.
        explained: it names what is common to the incident, and nothing else.
    """

    kind: str
    seed: int
    size: float
    found: bool = False
    dated: bool = False
    exact: bool = False
    explained: bool = False
    says: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return self.found and self.exact and self.explained


def judged(log: IncidentLog, findings: Sequence[Finding]) -> list[Verdict]:
    """A verdict on each incident of a log, or one on a quiet log."""
    says = [str(each.get("text")) for each in findings]
    if not log.truths:
        return [Verdict(log.kind, log.seed, 0.0, found=bool(findings), says=says)]
    return [_judged(truth, log, findings, says) for truth in log.truths]


def _judged(
    truth: Truth, log: IncidentLog, findings: Sequence[Finding], says: list[str]
) -> Verdict:
    verdict = Verdict(truth.kind, log.seed, truth.size, says=says)
    if log.kind == "two_at_once":
        verdict.kind = "two_at_once"
    best = (False, False, False)
    for each in findings:
        if each["kind"] in truth.finds and each["start"] is not None and _meets(truth, each, log):
            verdict.found = True
            dated = _dated(truth, each, log, max(each["step_s"] or 0, log.step))
            exact = _dated(truth, each, log, log.step)
            best = max(best, (dated, _explained(truth, each), exact), key=sum)
    verdict.dated, verdict.explained, verdict.exact = best
    return verdict


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _meets(truth: Truth, finding: Finding, log: IncidentLog) -> bool:
    start = _seconds(finding["start"])
    end = log.service.end if finding["end"] is None else _seconds(finding["end"])
    if truth.kind == "bad_clock":
        end = start + 1 if finding["end"] is None else end
        return start <= (truth.end or 0) and end >= truth.start
    return start < (truth.end or log.service.end) and end > truth.start


def _dated(truth: Truth, finding: Finding, log: IncidentLog, bucket: int) -> bool:
    def between(moment: float, first: float, last: float) -> bool:
        """Whether it lies in the buckets of these moments, or in one beside."""
        return first // bucket - 1 <= moment // bucket <= last // bucket + 1

    latest = truth.start if truth.start_latest is None else truth.start_latest
    if not between(_seconds(finding["start"]), truth.start, latest):
        return False
    end = log.service.end if truth.end is None else truth.end
    if finding["end"] is None:
        return end >= log.service.end - 2 * bucket
    # An interval ends where its last bucket does.
    return between(_seconds(finding["end"]) - 1, end, end)


def _explained(truth: Truth, finding: Finding) -> bool:
    where = finding["where"]
    if truth.message:
        said = [finding.get("message") or "", *(str(each["value"]) for each in where)]
        return any(truth.message.split()[0] in each for each in said)
    if truth.where is None:
        return True
    if not truth.where:
        # Nothing is common to it: naming a route or a client would mislead.
        return not where or truth.kind == "bad_clock"
    first = [each for each in where if each["field"] != "template"][:2]
    return any(truth.where.get(each["field"]) == each["value"] for each in first)


def table(verdicts: Sequence[Verdict]) -> str:
    """Shares by kind and size as text."""
    rows = [
        f"{'incident':<22}{'size':>16}{'logs':>6}{'found':>8}{'dated':>8}{'exact':>8}{'where':>8}"
        f"{'right':>8}"
    ]
    planted = [each for each in verdicts if each.kind not in QUIET]
    for kind in sorted({each.kind for each in planted}):
        those = sorted((e for e in planted if e.kind == kind), key=lambda each: each.size)
        half = len(those) // 2
        for part in (those[:half], those[half:]) if len(those) > 7 else (those,):
            rows.append(_row(kind, part))
    if planted:
        rows.append(_row("all", planted))
    quiet = [each for each in verdicts if each.kind in QUIET]
    rows.append(f"{'quiet log':<22}{'':>16}{'logs':>6}{'with a finding':>24}")
    for kind in (each for each in QUIET if any(e.kind == each for e in quiet)):
        those = [each for each in quiet if each.kind == kind]
        rows.append(f"{kind:<22}{'':>16}{len(those):>6}{sum(e.found for e in those):>24}")
    if quiet:
        wrong = sum(each.found for each in quiet)
        rows.append(f"{'all':<22}{'':>16}{len(quiet):>6}{wrong / len(quiet):>24.1%}")
    return "\n".join(rows)


def _row(kind: str, part: Sequence[Verdict]) -> str:
    size = f"{part[0].size:.3g} to {part[-1].size:.3g}" if kind != "all" else ""
    shares = [
        sum(getattr(each, name) for each in part) / len(part)
        for name in ("found", "dated", "exact", "explained", "right")
    ]
    return f"{kind:<22}{size:>16}{len(part):>6}" + "".join(f"{each:>8.0%}" for each in shares)
