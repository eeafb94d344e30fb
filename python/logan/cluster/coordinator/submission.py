"""From what a client asks for to a plan.

Paths are read by the coordinator, below its roots unless they came from its own command line;
globs are answered by the workers, whose files stay where they are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import trio

from logan import _logan
from logan.cluster.coordinator.jobs import describe_paths, job_body
from logan.cluster.coordinator.worker_session import WorkerSession
from logan.cluster.limits import SEARCH_S_MAX
from logan.cluster.request import Submission
from logan.errors import ClusterError, InputError, UsageError
from logan.limits import INPUTS_PER_JOB_MAX
from logan.model import Detection, Source
from logan.planning.added_tables import AddedTables
from logan.planning.prepare import Job, check_format, plan_inputs, raise_first
from logan.planning.sample import with_fields_present
from logan.sources import discovery
from logan.sources.compression import assumed, named_otherwise
from logan.sources.discovery import Folder, Named, is_pattern, is_url
from logan.sources.files import Place, by_name, content_of, working_directory
from logan.sources.hosts import as_url, is_remote
from logan.sources.inputs import Input, first_line, first_lines, open_named, shown_name
from logan.sources.roots import Opened, Roots, open_regular
from logan.sources.rotation import natural
from logan.wire.bodies import FoundBody, FoundFile
from logan.wire.codec import encode_body

__all__ = ["Planned", "identity_of", "opener_of", "plan_submission"]


@dataclass(frozen=True, slots=True)
class Planned:
    """What became of a submission; fields as in `ActiveJob`."""

    job: Job
    urls: Sequence[str]
    name: str
    holders: Sequence[frozenset[str] | None] = ()
    local: bool = True


def identity_of(submission: Submission, job: Job) -> str:
    """Equal for submissions of equal options and equal inputs (as far as fingerprints tell) to the
    same version of logan; empty if a source has nothing to compare."""
    inputs = []
    for entry in job.inputs:
        source = entry.source
        if source is not None and source.fingerprint is None and source.etag is None:
            return ""
        what = None if source is None else [source.url, source.size, source.fingerprint]
        more = None if source is None else [source.etag, source.mtime_ns, source.compression]
        inputs.append([entry.path, what, more, entry.error and str(entry.error)])
    text = json.dumps([_logan.__version__, submission.key(), inputs])
    return hashlib.sha256(text.encode()).hexdigest()


async def plan_submission(
    submission: Submission,
    roots: Roots,
    sessions: Mapping[str, WorkerSession],
    *,
    strict: bool,
) -> Planned:
    """Look at the inputs and plan. Raises `UsageError`, `ClusterError`, and `InputError` if
    `strict`."""
    check_format(submission.options.format)
    if len(submission.paths) > INPUTS_PER_JOB_MAX:
        raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} inputs in one job")
    if submission.kind == "on_workers":
        planned = await _plan_on_workers(submission, list(sessions.values()))
    else:
        work = partial(_plan_paths, submission, roots, strict)
        planned = await trio.to_thread.run_sync(work, abandon_on_cancel=True)
    await trio.to_thread.run_sync(_check_sendable, planned)
    return planned


def _check_sendable(planned: Planned) -> None:
    """Raise `UsageError` now for a job whose JOB message no worker would accept."""
    try:
        encode_body(job_body(planned.job.plan, planned.urls, local=planned.local))
    except ValueError as error:
        raise UsageError(
            f"the plan of this job cannot be sent to workers: {error}",
            hint="submit fewer files at a time",
        ) from error


# --- Paths that the coordinator reads ----------------------------------------------------------


def _plan_paths(submission: Submission, roots: Roots, strict: bool) -> Planned:
    if submission.confined:
        named, folders = _expand_below(submission, roots)
    else:
        paths = [as_url(each) for each in submission.paths]
        refused = [each for each in paths if is_remote(each) and not roots.allows(each)]
        named, folders = discovery.expand([each for each in paths if each not in refused])
        named += [Named(each) for each in refused]
    inputs = open_named(
        named,
        folders,
        opened=lambda path: _opened(path, submission, roots),
        url_roots=roots.urls if submission.confined else None,
        examine=_examined(submission),
    )
    for entry in inputs:
        _refuse_stream(entry)
    if strict:
        raise_first(inputs)
    job = plan_inputs(
        inputs,
        submission.options,
        anchor=submission.anchor,
        opened=opener_of(roots, confined=submission.confined),
    )
    urls = [source.url for source in job.plan.sources]
    return Planned(job, urls, describe_paths(submission.paths))


class _Looks(Protocol):
    def __call__(
        self,
        samples: Sequence[tuple[int, bytes]],
        detection: Detection,
        source: Source | None = None,
        /,
    ) -> Detection: ...


def _examined(submission: Submission) -> _Looks:
    """What is looked for in the samples of inputs that cannot be looked at again."""
    tables = AddedTables()

    def examine(
        samples: Sequence[tuple[int, bytes]],
        detection: Detection,
        source: Source | None = None,
        /,
    ) -> Detection:
        if submission.options.where is not None:
            detection = with_fields_present(samples, detection)
        return tables(samples, detection, source)

    return examine


def opener_of(roots: Roots, *, confined: bool) -> Callable[[str], Opened]:
    """How planned files are opened: only below the roots, unless the job is the operator's own."""
    return roots.open if confined else open_regular


def _expand_below(submission: Submission, roots: Roots) -> tuple[list[Named], list[Folder]]:
    """What a client's paths stand for, as far as the roots allow; see `discovery.expand`."""
    named: list[Named] = []
    folders: list[Folder] = []
    for path in submission.paths:
        if is_url(path):
            more = discovery.expand([path]) if roots.allows(path) else ([Named(path)], [])
        else:
            more = _expand_files(path, submission.base, roots)
        named += more[0]
        folders += more[1]
        if len(named) > INPUTS_PER_JOB_MAX:
            raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} inputs in one job")
    return discovery.in_time_order(named), folders


def _expand_files(path: str, base: str | None, roots: Roots) -> tuple[list[Named], list[Folder]]:
    """The files below the roots that a folder or a pattern means."""
    based = os.path.normpath(os.path.join(base or working_directory(), path))
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
    start = os.path.join(base or working_directory(), "")
    names = [each if os.path.isabs(path) else each.removeprefix(start) for each in found]
    kept = Folder(path) if folder is not None else None
    named = [Named(name, kept) for name in sorted(names, key=natural)]
    return named, [kept] if kept is not None else []


@contextmanager
def _opened(path: str, submission: Submission, roots: Roots) -> Iterator[Place]:
    """Where to read what a submission names. Raises `InputError`.

    A file below the roots is open meanwhile, and read by its descriptor: what a client wrote is
    opened by `Roots` alone, and neither a link nor a FIFO can take its place.
    """
    name = _absolute(path, submission, roots)
    if submission.confined and not is_url(name):
        with _open_below(path, name, roots) as opened:
            yield opened
    else:
        with by_name(name) as place:
            yield place


def _absolute(path: str, submission: Submission, roots: Roots) -> str:
    """The absolute path, or the URL, of what a submission names. Raises `InputError`."""
    if path == "-":
        raise InputError(
            "standard input cannot be read by workers",
            input=path,
            hint="analyze it here: logan analyze -",
        )
    if is_url(path):
        # Logging in to hosts is only for what the operator named as a root.
        is_own = not submission.confined and not is_remote(path)
        if is_own or roots.allows(path):
            return path
        raise roots.urls.refusal(path)
    return os.path.normpath(os.path.join(submission.base or working_directory(), path))


def _open_below(path: str, name: str, roots: Roots) -> Opened:
    """Open the file that a client named `path`: in the client's folder, else below a root."""
    try:
        try:
            return roots.open(name)
        except InputError:
            if os.path.isabs(path):
                raise
            return roots.open(path)
    except InputError as error:
        error.input = path
        raise


def _refuse_stream(entry: Input) -> None:
    """Give an input that workers could not read by offset an error."""
    if entry.stream is not None:
        entry.stream.close()
        entry.stream, entry.source = None, None
        what = "served without ranges" if is_url(entry.path) else "no file with a size"
        entry.error = InputError(f"{shown_name(entry.path)} is {what}", input=entry.path)


# --- Files that lie on workers -----------------------------------------------------------------


async def _plan_on_workers(submission: Submission, sessions: Sequence[WorkerSession]) -> Planned:
    if not sessions:
        raise ClusterError(
            "no worker is connected that could hold these files",
            hint="start one where the logs are: logan worker --id NAME --root /var/log",
        )
    answers: dict[str, FoundBody] = {}

    async def ask(session: WorkerSession) -> None:
        answer = await session.search(submission.paths)
        if answer is not None:
            answers[session.name] = answer

    with trio.move_on_after(SEARCH_S_MAX):
        async with trio.open_nursery() as nursery:
            for session in sessions:
                nursery.start_soon(ask, session)
    return await trio.to_thread.run_sync(partial(_plan_found, submission, answers))


def _plan_found(submission: Submission, answers: Mapping[str, FoundBody]) -> Planned:
    inputs: list[Input] = []
    examine = _examined(submission)
    urls: dict[str, str] = {}
    holders: dict[str, set[str]] = {}
    seen: dict[tuple[int, int, int], str] = {}
    for worker in sorted(answers):
        for error in answers[worker].errors:
            inputs.append(Input(worker, error=InputError(f"{worker}: {error}", input=worker)))
        for file in answers[worker].files:
            name = f"{worker}:{file.url}"
            fingerprint = json.loads(file.fingerprint)
            identity = (fingerprint["host"], fingerprint["device"], fingerprint["inode"])
            if identity in seen:
                # One file that several workers of a host can read: counted once.
                holders[seen[identity]].add(worker)
                continue
            seen[identity] = name
            entry = Input(name)
            _detect(entry, file)
            if entry.detection is not None:
                entry.detection = examine(file.samples, entry.detection)
            if file.size and (note := named_otherwise(file.url, file.compression)) is not None:
                entry.notes.append(note)
            if len(inputs) >= INPUTS_PER_JOB_MAX:
                raise UsageError(f"more than {INPUTS_PER_JOB_MAX:,} files match")
            inputs.append(entry)
            urls[name] = file.url
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
        job,
        [urls[name] for name in names],
        describe_paths(submission.paths),
        [frozenset(holders[name]) for name in names],
        local=False,
    )


def _detect(entry: Input, file: FoundFile) -> None:
    """What a file on a worker is; samples of an archive are decoded."""
    detection = Detection.from_dict(json.loads(_logan.detect(file.samples)))
    compression = file.compression
    entry.first_line = first_line(file.samples)
    if not detection.formats:
        entry.unread = first_lines(file.samples)
    entry.detection = replace(
        detection,
        compression=compression,
        assumed=(*detection.assumed, *assumed(compression)),
    )
    if detection.compression is not None or detection.encoding in ("utf-16", "binary"):
        what = detection.compression or detection.encoding
        entry.error = InputError(
            f"{entry.path} is not plain text ({what})",
            input=entry.path,
            kind="compressed" if detection.compression else detection.encoding,
        )
        return
    entry.source = Source(
        entry.path,
        file.size,
        file.fingerprint,
        file.mtime_ns,
        compression=compression,
        written_ns=file.written_ns,
        content=content_of(file.fingerprint, compression),
        # Where its columns change is unknown.
        sequential=compression is None and detection.header > 0,
    )
    if entry.source.size == 0:
        entry.notes.append("empty: nothing to analyze")
