"""The report's entry of an input: its formats, what was assumed of it, its error in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from logan import _logan
from logan.errors import InputError, UnreadableLogError
from logan.model import Detection, FormatShare
from logan.options import CUSTOM, Options
from logan.planning.prepare import Job
from logan.planning.seek import SeekResult
from logan.report.document import input_entry
from logan.sources.inputs import Input, origin_of, shown_name

__all__ = ["assumed_of", "entry_of", "readings_of", "specs_of"]


def specs_of(job: Job) -> dict[int, Mapping[str, Any]]:
    """How each readable input is read, with what its figures mean."""
    return dict(zip(job.order, readings_of(job.plan.spec_json), strict=True))


def readings_of(spec_json: str) -> list[Mapping[str, Any]]:
    """How each source of a spec is read, with what its figures mean."""
    spec = json.loads(spec_json)
    return [{**spec["meaning"], **each["reading"]} for each in spec["sources"]]


def entry_of(
    entry: Input,
    evaluated: Mapping[str, Any] | None,
    sought: SeekResult | None,
    job: Job,
    spec: Mapping[str, Any],
    *,
    timed: bool,
) -> dict[str, Any]:
    detection = entry.detection or Detection()
    found = {each.name: each for each in detection.formats}
    notes = list(entry.notes)
    assumed = assumed_of(detection, spec, evaluated) if spec else []
    if sought is not None and entry.error is None:
        assumed += [sought.assumed] if sought.assumed else []
        notes += [sought.note] if sought.note else []
    return input_entry(
        shown_name(entry.path),
        evaluated,
        compression=detection.compression,
        formats=[
            _format_entry(each, found.get(each["name"]), job.options, timed=timed)
            for each in (evaluated or {}).get("formats", ())
        ],
        assumed=assumed,
        notes=notes,
        error=_in_words(entry.error),
        unread=_unread(entry.error),
        origin=origin_of(entry.path),
    )


def _unread(error: InputError | None) -> dict[str, Any] | None:
    if not isinstance(error, UnreadableLogError):
        return None
    return {
        "first_lines": list(error.first_lines),
        "proposed_format": error.proposed_format,
        "hint": error.hint,
    }


def assumed_of(
    detection: Detection, spec: Mapping[str, Any], evaluated: Mapping[str, Any] | None
) -> list[str]:
    """What the lines of an input do not say and the figures rest on; `evaluated` as for `entry_of`.

    Of a format without a timestamp in the sample it is not known whether they name their zone;
    where the input has times all the same, that is stated.
    """
    has_times = (evaluated or {}).get("first") is not None
    assumed = list(detection.assumed)
    if spec.get("time", {}).get("date_orders") != detection.time.get("date_orders"):
        assumed = [each for each in assumed if not each.startswith("numeric dates that could be")]
        assumed.append("numeric dates are read in the order in which none lies in the future")
    if "date_order" in spec.get("time", {}):
        assumed = [each for each in assumed if not each.startswith("numeric dates")]
    for key in spec.get("durations", {}).get("chosen", {}):
        if key == "response_time":
            assumed = [each for each in assumed if "--unit response_time" not in each]
        else:
            assumed = [each for each in assumed if not each.startswith(f"`{key}`")]
    if any("client_place" in each["params"] for each in spec.get("formats", [])) != any(
        "client_place" in each.params for each in detection.formats
    ):
        assumed = [each for each in assumed if "--client remote decides" not in each]
    zoneless = {"not written", "written in some lines"} | ({None} if has_times else set())
    if spec["input_tz"] != (detection.time_zone or "UTC"):
        assumed = [each for each in assumed if "--input-tz decides" not in each]
    is_told = detection.time_zone is not None and spec["input_tz"] == detection.time_zone
    if not is_told and any(each.timezone in zoneless for each in detection.formats):
        assumed.append(f"timestamps without a time zone are {spec['input_tz']}")
    if any(each.year == "not written" for each in detection.formats):
        anchor = datetime.fromtimestamp(spec["anchor_ns"] / 1e9, UTC)
        assumed.append(
            f"timestamps without a year are the latest up to 48 h after {anchor:%Y-%m-%d} "
            "that fit a written weekday"
        )
    if "since_ns" in spec or "until_ns" in spec:
        assumed.append("records without a timestamp are outside the selected time range")
    return assumed


def _in_words(error: InputError | None) -> str | None:
    if error is None:
        return None
    # What is to be done about a log that nothing reads stands beside its lines.
    has_hint = error.hint is not None and not isinstance(error, UnreadableLogError)
    return f"{error}; {error.hint}" if has_hint else str(error)


def _format_entry(
    evaluated: Mapping[str, Any], found: FormatShare | None, options: Options, *, timed: bool
) -> dict[str, Any]:
    """Lines as counted over the whole input, fields as detected in its sample.

    Where no record was `timed` no format is said to have a response time: one may, but none had.
    """
    entry: dict[str, Any] = {"name": evaluated["name"], "lines": evaluated["lines"]}
    if evaluated["name"] == CUSTOM and options.format is not None:
        told = json.loads(_logan.custom_format(options.format))
        entry["name"] = options.format_name
        for key in ("time_field", "duration_field", "duration_unit"):
            entry[key] = told[key]
        return entry | {"timezone": None}
    for key in ("time_field", "duration_field", "duration_unit", "timezone"):
        # The sample knows more than the format does: the unit, and whether there is a time at all.
        entry[key] = evaluated.get(key) if found is None else getattr(found, key)
    if found is None and not timed:
        entry["duration_field"] = entry["duration_unit"] = None
    return entry
