"""The connection to a Dask scheduler: an existing one, or one that is started here for the job.

Nothing of Dask's is printed while it lasts, every wait for it is bounded, and its many errors
become one. Knows no plan and no chunk.
"""

from __future__ import annotations

import concurrent.futures
import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Final, TypeVar

from logan.cpus import cpus
from logan.errors import ClusterError, LoganError, UsageError
from logan.report.labels import plural
from logan.sources.files import working_directory

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

__all__ = ["CLOSE_TIMEOUT_S", "SILENT", "bounded", "connected", "or_scheduler_lost"]

T = TypeVar("T")

CONNECT_TIMEOUT_S: Final = 10
"""How long to try to reach the scheduler: at the start, and after its connection broke."""

STARTS_MAX: Final = 3
"""Attempts to start a cluster for the job: one process that dies at its start fails all."""

CLOSE_TIMEOUT_S: Final = 5
"""How long an orderly end may take: to disconnect, and to stop workers."""

LOGGERS: Final = ("distributed", "tornado", "asyncio", "dask")
"""Roots of the loggers that are silent during a run. The event loop's is among them: it reports
what Dask's own coroutines left behind."""

SILENT: Final = logging.CRITICAL + 1
"""The level at which workers log that belong to the job alone."""


def bounded(call: Callable[[], T], timeout_s: float) -> T:
    """What `call` gives; `TimeoutError` if that takes longer.

    Dask's own limits do not end every wait for a scheduler that is frozen, so a thread waits there.
    """
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name="logan-dask", daemon=True).start()
    return outcome.result(timeout_s)


@contextmanager
def or_scheduler_lost(client: Client) -> Iterator[None]:
    """Dask raises errors of many types when its scheduler is lost; here they become one."""
    address = client.scheduler.address
    try:
        yield
    except LoganError:
        raise
    except Exception as error:
        if client.status == "running" and not isinstance(error, OSError):
            raise
        if client.status != "running":
            why = "the connection broke and could not be restored"
        else:
            why = "it does not answer" if isinstance(error, TimeoutError) else str(error)
        raise ClusterError(
            f"lost the Dask scheduler at {address}: {why}",
            hint="see its log; run the job again once it runs",
        ) from error


@contextmanager
def connected(address: str | None, threads: int | None) -> Iterator[Client]:
    try:
        from distributed import Client
    except ImportError:
        raise UsageError(
            "the dask engine needs dask", hint="pip install 'logan-analyzer[dask]'"
        ) from None
    if address is not None:
        _check_address(address)
    with ExitStack() as stack:
        stack.enter_context(_silent())
        if address is not None:
            try:
                connect = partial(Client, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
                client = bounded(partial(connect, address), CONNECT_TIMEOUT_S + CLOSE_TIMEOUT_S)
            except (OSError, ValueError) as error:
                raise ClusterError(
                    f"no Dask scheduler at {address}: {str(error) or 'it does not answer'}",
                    hint="start one with: dask scheduler",
                ) from error
            stack.callback(_close, client)
        else:
            with _deaf_to_ctrl_c():
                cluster = _start_cluster(threads or cpus())
                # We close it, whatever happens; a second time, at exit, would be a traceback.
                cluster.shutdown_on_close = False
                stack.callback(_close, cluster)
                client = Client(cluster, set_as_default=False)
                stack.callback(_close, client)
        stack.enter_context(client.as_current())
        yield client


def _start_cluster(processes: int) -> LocalCluster:
    """A cluster on this machine; it closes itself if a process of it dies before it has started."""
    from distributed import LocalCluster

    working_directory()  # the processes start there
    for tries_left in reversed(range(STARTS_MAX)):
        try:
            return LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                dashboard_address=":0",  # any port: another cluster may have the default one
                memory_limit=0,  # a summary is bounded; Dask's guard would only slow it down
                silence_logs=SILENT,
            )
        except (RuntimeError, OSError) as error:
            if not tries_left:
                raise ClusterError(
                    f"cannot start a Dask cluster with {plural(processes, 'worker')}: {error}",
                    hint="start fewer with --threads N, or use --engine local",
                ) from error
    raise AssertionError("the last try returns or raises")


def _close(it: Client | LocalCluster) -> None:
    """The result is here, or an error is on its way: what closing meets changes neither."""
    with suppress(Exception):
        bounded(it.close, CLOSE_TIMEOUT_S)


@contextmanager
def _silent() -> Iterator[None]:
    """No log line or warning of Dask and what is below it, as long as the block runs."""
    roots = tuple(f"{name}." for name in LOGGERS)
    known = [
        *LOGGERS,
        *(name for name in logging.root.manager.loggerDict if name.startswith(roots)),
    ]
    loggers = [logging.getLogger(name) for name in known]
    before = [each.disabled for each in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=rf"({'|'.join(LOGGERS)})(\.|$)")
        try:
            for each in loggers:
                each.disabled = True
            yield
        finally:
            for each, disabled in zip(loggers, before, strict=True):
                each.disabled = disabled


def _check_address(address: str) -> None:
    """A client that is made with an address without a port fails only after half a minute, and
    leaves the traceback of its clean-up on stderr."""
    from distributed.comm.addressing import get_address_host_port

    if address.startswith(("inproc://", "ucx://")):  # theirs are not a host and a port
        return
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise UsageError(
            f"{address!r} is not a valid address of a Dask scheduler: {error}",
            hint="write it like dask=tcp://scheduler:8786",
        ) from error


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A terminal sends Ctrl-C to the whole process group; only we know what to do about it.

    What is started in the block, and whatever that starts, never hears it.
    """
    # It unblocks the signal in whichever thread starts it.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
