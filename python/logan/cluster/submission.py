"""What somebody wants analysed: paths or globs and options, from JSON and to a plan.

Paths are read by the coordinator, below its roots unless they came from its own command line;
globs are answered by the workers, whose files stay where they are.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import trio

from logan import _logan
from logan.cluster.limits import SEARCH_S_MAX
from logan.cluster.running import describe_paths
from logan.cluster.secure import Roots
from logan.errors import ClusterError, InputError, ProtocolError, UsageError
from logan.job import Job, check_format, plan_inputs, raise_first
from logan.limits import CHUNKS_PER_JOB_MAX, INPUTS_PER_JOB_MAX, SERIES_POINTS_MAX
from logan.model import Chunk, Detection, Plan, Source
from logan.plan import Options
from logan.sources import Input, expand, open_named, shown_name
from logan.sources.expand import Folder, Named, is_pattern, is_url
from logan.sources.rotation import natural
from logan.wire.codec import decode_json, encode_json
from logan.wire.messages import Submit

if TYPE_CHECKING:
    from logan.cluster.coordinator import Coordinator

__all__ = ["Planned", "Submission", "plan_submission", "plan_to_json"]


@dataclass(frozen=True, slots=True)
class Submission:
    """A wish, before anything was read.

    Attributes:
        kind: "paths", "on_workers" or "plan".
        base: the folder that relative paths are relative to, if the coordinator has it.
        confined: whether the coordinator's roots bound it; not for its own command line.
        plan: for "plan", what was planned elsewhere.
    """

    kind: str = "paths"
    paths: Sequence[str] = ()
    options: Options = field(default_factory=Options)
    anchor: datetime | None = None
    series_points: int | None = SERIES_POINTS_MAX
    base: str | None = None
    confined: bool = False
    plan: Plan | None = None

    def message(self) -> Submit:
        """SUBMIT, for a client to send."""
        if self.plan is not None:
            return Submit("plan", encode_json(plan_to_json(self.plan)))
        return Submit(self.kind, encode_json(self._body()))

    def key(self) -> str:
        """Equal for equal wishes: a client that comes back finds its job by it."""
        body = self._body() if self.plan is None else plan_to_json(self.plan)
        text = json.dumps([self.kind, body, self.confined], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _body(self) -> dict[str, Any]:
        options = asdict(self.options)
        options["anchor"] = None if self.anchor is None else self.anchor.isoformat()
        options["series_points"] = self.series_points
        return {"paths": list(self.paths), "base": self.base, "options": options}

    @classmethod
    def from_message(cls, message: Submit) -> Submission:
        """From a client's SUBMIT. Raises `ProtocolError`, `UsageError`."""
        body = decode_json(message.body)
        try:
            if message.kind == "plan":
                return cls("plan", plan=_plan_from_json(body), confined=True)
            options = dict(body["options"])
            anchor = options.pop("anchor", None)
            points = options.pop("series_points", SERIES_POINTS_MAX)
            paths = body["paths"]
            if not (
                message.kind in ("paths", "on_workers")
                and isinstance(paths, list)
                and all(isinstance(path, str) for path in paths)
                and isinstance(body["base"], str | None)
                and (points is None or (isinstance(points, int) and points > 0))
            ):
                raise ValueError("paths, base or series_points are of a wrong type")
            return cls(
                kind=message.kind,
                paths=paths,
                options=Options(**options),
                anchor=None if anchor is None else datetime.fromisoformat(anchor),
                series_points=points,
                base=body["base"],
                confined=True,
            )
        except UsageError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ProtocolError(f"SUBMIT is no submission: {error}", code="json") from error


@dataclass(frozen=True, slots=True)
class Planned:
    """What became of a submission; fields as in `RunningJob`."""

    plan: Plan
    urls: Sequence[str]
    name: str
    job: Job | None = None
    holders: Sequence[frozenset[str] | None] = ()
    local: bool = True


async def plan_submission(
    submission: Submission, coordinator: Coordinator, *, strict: bool
) -> Planned:
    """Look at the inputs and plan. Raises `UsageError`, `ClusterError`, and `InputError` if
    `strict` or if a plan from elsewhere names what may not be read."""
    check_format(submission.options.format)
    if len(submission.paths) > INPUTS_PER_JOB_MAX:
        raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} inputs in one job")
    if submission.kind == "plan":
        work = partial(_take_plan, submission, coordinator.roots)
        return await trio.to_thread.run_sync(work, abandon_on_cancel=True)
    if submission.kind == "on_workers":
        return await _plan_on_workers(submission, coordinator)
    work = partial(_plan_paths, submission, coordinator.roots, strict)
    return await trio.to_thread.run_sync(work, abandon_on_cancel=True)


# --- Paths that the coordinator reads ----------------------------------------------------------


def _plan_paths(submission: Submission, roots: Roots, strict: bool) -> Planned:
    places: dict[str, str] = {}

    def locate(path: str) -> str:
        place = places[path] = _place(path, submission, roots)
        return place

    if submission.confined:
        named, folders = _expand_below(submission, roots)
    else:
        named, folders = expand.expand(submission.paths)
    inputs = open_named(named, folders, locate=locate)
    for entry in inputs:
        _speak_of(entry, places.get(entry.path, entry.path))
    if strict:
        raise_first(inputs)
    job = plan_inputs(inputs, submission.options, anchor=submission.anchor)
    urls = [source.url for source in job.plan.sources]
    return Planned(job.plan, urls, describe_paths(submission.paths), job)


def _expand_below(submission: Submission, roots: Roots) -> tuple[list[Named], list[Folder]]:
    """What a client's paths stand for, as far as the roots allow; see `expand.expand`."""
    named: list[Named] = []
    folders: list[Folder] = []
    for path in submission.paths:
        if is_url(path):
            more = expand.expand([path]) if roots.allows(path) else ([Named(path)], [])
        else:
            more = _expand_files(path, submission.base, roots)
        named += more[0]
        folders += more[1]
        if len(named) > INPUTS_PER_JOB_MAX:
            raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} inputs in one job")
    return expand.in_time_order(named), folders


def _expand_files(path: str, base: str | None, roots: Roots) -> tuple[list[Named], list[Folder]]:
    """The files below the roots that a folder or a pattern means."""
    based = os.path.normpath(os.path.join(base or os.getcwd(), path))
    folder = next((each for each in (based, path) if roots.has_folder(each)), None)
    if folder is not None:
        found = roots.search([os.path.join(folder, "**", "*")])[0]
    elif is_pattern(path):
        found = roots.search([based])[0] or roots.search([path])[0]
    else:
        found = []
    if folder is None and not found:
        return [Named(path)], []
    # Said as the client did, where it is in the folder that the client is in.
    start = os.path.join(base or os.getcwd(), "")
    names = [each if os.path.isabs(path) else each.removeprefix(start) for each in found]
    kept = Folder(path) if folder is not None else None
    named = [Named(name, kept) for name in sorted(names, key=natural)]
    return named, [kept] if kept is not None else []


def _place(path: str, submission: Submission, roots: Roots) -> str:
    """Where to read a path, absolute. Raises `InputError`."""
    if path == "-":
        raise InputError(
            "standard input has no place that workers could read",
            input=path,
            hint="analyze it here: logan analyze -",
        )
    if is_url(path):
        if not submission.confined or roots.allows(path):
            return path
        raise InputError(
            f"{shown_name(path)} is below no root of the coordinator",
            input=path,
            kind="permission",
            hint="give it one: logan coordinator --root s3://bucket/logs/",
        )
    based = os.path.join(submission.base or os.getcwd(), path)
    if not submission.confined:
        return os.path.abspath(based)
    try:
        try:
            return roots.resolve(os.path.normpath(based))
        except InputError:
            if os.path.isabs(path):
                raise
            return roots.resolve(path)
    except InputError as error:
        error.input = path
        raise


def _speak_of(entry: Input, place: str) -> None:
    """Name an input as the user does, though another name was opened."""
    if entry.stream is not None:
        entry.stream.close()
        entry.stream, entry.source = None, None
        what = "served without ranges" if is_url(entry.path) else "no regular file"
        entry.error = InputError(f"{shown_name(entry.path)} is {what}", input=entry.path)
    if entry.error is not None:
        error = entry.error
        error.input = entry.path
        error.message = error.message.replace(place, entry.path)
        error.args = (error.message,)
        if error.hint:
            error.hint = error.hint.replace(place, entry.path)


# --- Files that lie on workers -----------------------------------------------------------------


async def _plan_on_workers(submission: Submission, coordinator: Coordinator) -> Planned:
    sessions = list(coordinator.sessions.values())
    if not sessions:
        raise ClusterError(
            "no worker is connected that could hold these files",
            hint="start one where the logs are: logan worker --id NAME --root /var/log",
        )
    body = encode_json({"patterns": list(submission.paths)})
    answers: dict[str, Mapping[str, Any]] = {}

    async def ask(session: Any) -> None:
        answer = await session.search(body)
        if answer is not None:
            answers[session.name] = answer

    with trio.move_on_after(SEARCH_S_MAX):
        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(ask, session)
    return await trio.to_thread.run_sync(partial(_plan_found, submission, answers))


def _plan_found(submission: Submission, answers: Mapping[str, Mapping[str, Any]]) -> Planned:
    inputs: list[Input] = []
    urls: dict[str, str] = {}
    holders: dict[str, set[str]] = {}
    seen: dict[tuple[int, int, int], str] = {}
    for worker in sorted(answers):
        for error in answers[worker].get("errors", ()):
            inputs.append(Input(worker, error=InputError(f"{worker}: {error}", input=worker)))
        for file in answers[worker].get("files", ()):
            name = f"{worker}:{file['url']}"
            fingerprint = json.loads(file["fingerprint"])
            identity = (fingerprint["host"], fingerprint["device"], fingerprint["inode"])
            if identity in seen:
                # One file that several workers of a host can read: counted once.
                holders[seen[identity]].add(worker)
                continue
            seen[identity] = name
            entry = Input(name)
            samples = [(at, base64.b64decode(data)) for at, data in file["samples"]]
            _detect(entry, file, samples)
            if len(inputs) >= INPUTS_PER_JOB_MAX:
                raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} files match")
            inputs.append(entry)
            urls[name] = file["url"]
            holders[name] = {worker}
    if not urls:
        raise InputError(
            f"no file on {', '.join(sorted(answers)) or 'any worker'} matches "
            f"{', '.join(submission.paths)}",
            kind="missing",
            hint="workers look below their --root folders only",
        )
    job = plan_inputs(inputs, submission.options, anchor=submission.anchor, watched=False)
    names = [source.url for source in job.plan.sources]
    return Planned(
        job.plan,
        [urls[name] for name in names],
        describe_paths(submission.paths),
        job,
        [frozenset(holders[name]) for name in names],
        local=False,
    )


def _detect(entry: Input, file: Mapping[str, Any], samples: Sequence[tuple[int, bytes]]) -> None:
    """What a file on a worker is; `samples` of an archive are decoded."""
    detection = Detection.from_dict(json.loads(_logan.detect(samples)))
    compression = file["compression"]
    entry.detection = replace(detection, compression=compression)
    if detection.compression is not None or detection.encoding in ("utf-16", "binary"):
        what = detection.compression or detection.encoding
        entry.error = InputError(
            f"{entry.path} is no plain text ({what})",
            input=entry.path,
            kind="compressed" if detection.compression else detection.encoding,
        )
        return
    entry.source = Source(
        entry.path,
        file["size"],
        file["fingerprint"],
        file["mtime_ns"],
        compression=compression,
        written_ns=file["written_ns"],
        # Nobody has looked where its columns change.
        sequential=compression is None and detection.header > 0,
    )
    if entry.source.size == 0:
        entry.notes.append("empty: nothing to analyse")


# --- Plans from elsewhere ----------------------------------------------------------------------


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A plan without streams."""
    return {
        "sources": [asdict(source) for source in plan.sources],
        "chunk_size": plan.chunk_size,
        "expansion_max": plan.expansion_max,
        "chunks": [[chunk.source, chunk.start, chunk.end] for chunk in plan.chunks],
        "spec": plan.spec_json,
    }


def _plan_from_json(body: Mapping[str, Any]) -> Plan:
    sources = tuple(Source(**each) for each in body["sources"])
    for source in sources:
        if not isinstance(source.size, int) or not isinstance(source.url, str):
            raise ValueError("a source has no size or no url")
        if is_url(source.url):
            if source.fingerprint is not None:
                raise ValueError("an object has a fingerprint")
        elif not isinstance(source.fingerprint, str) or not os.path.isabs(source.url):
            raise ValueError("a source has no fingerprint or no absolute path")
    chunks = tuple(Chunk(id, *map(int, each)) for id, each in enumerate(body["chunks"]))
    if len(sources) > INPUTS_PER_JOB_MAX or len(chunks) > CHUNKS_PER_JOB_MAX:
        raise ValueError("more sources or chunks than a job may have")
    at = (0, 0)
    for chunk in chunks:
        # In order and apart from each other: nothing is read twice.
        if not at <= (chunk.source, chunk.start) or chunk.start >= chunk.end:
            raise ValueError("chunks are not in order, or overlap")
        at = (chunk.source, chunk.end)
        if chunk.source >= len(sources) or chunk.end > (sources[chunk.source].size or 0):
            raise ValueError("a chunk ends behind its source")
        whole = (chunk.start, chunk.end) == (0, sources[chunk.source].size)
        if not (whole or sources[chunk.source].splittable):
            raise ValueError("a part of a source that cannot be split")
    options = Options(chunk_size=body["chunk_size"], expansion_max=body["expansion_max"])
    spec = _logan.Spec(body["spec"]).to_json()
    return Plan(sources, chunks, options.chunk_size, spec, options.expansion_max)


def _take_plan(submission: Submission, roots: Roots) -> Planned:
    plan = submission.plan
    assert plan is not None
    urls = [_resolve(source.url, roots) for source in plan.sources]
    return Planned(plan, urls, describe_paths(urls))


def _resolve(url: str, roots: Roots) -> str:
    if not is_url(url):
        return roots.resolve(url)
    if not roots.allows(url):
        raise InputError(f"{shown_name(url)} is below no root", input=url, kind="permission")
    return url
