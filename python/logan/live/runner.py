"""The trio side of a watch: reading when there is something, looking at windows at intervals.

Changes of files are told by `watchfiles` where the system has it; files are looked at every quarter
of a second all the same, as network file systems tell nothing. Reading and counting run in a
thread, so keys, pages and alerts go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from logan.live import clock
from logan.live.alerts import AlertEvent, Alerts
from logan.live.counted import FIGURES
from logan.live.notices import Notice
from logan.live.notify import notify
from logan.live.pipes import Pipe
from logan.live.watched import Watched

__all__ = ["Limits", "Runner"]

POLL_S: Final = 0.25
PACE_S: Final = 0.02
PACE_STEPS: Final = 4
"""Between two steps, at least, and as a multiple of what a step took, so that a thousand logs do
not keep a processor busy by being looked at; what is written meanwhile is read in one step."""

IDLE_LOOKS_MIN: Final = 3
FOLDERS_S: Final = 5.0
ALERTS_S: Final = 1.0
NOTIFY_END_S: Final = 10.0
ENDED: Final = "the watch has ended"


class Limits:
    """When a watch ends by itself; None for never."""

    def __init__(self, for_s: float | None = None, idle_s: float | None = None) -> None:
        self.for_s = for_s
        self.idle_s = idle_s


class Runner:
    """Runs a watch until `stop` is set, a limit is reached, or its pipes have ended.

    Args:
        interval_s: how often `shown` is called.
        shown: presents what there is; called once more when all was read.
        say: takes lines for stderr.
        targets: commands and URLs that are told of alerts.
    """

    def __init__(
        self,
        watch: Watched,
        *,
        interval_s: float,
        shown: Callable[[], Awaitable[None]],
        say: Callable[[str], object],
        alerts: Alerts | None = None,
        targets: tuple[str, ...] = (),
        limits: Limits | None = None,
        time_of: Callable[[], float] = clock.now,
    ) -> None:
        self.watch = watch
        self.alerts = alerts or Alerts(())
        self.stop = trio.Event()
        self.wake = trio.Event()
        self.heard: Callable[[Notice | AlertEvent], object] = lambda event: None
        self._interval_s = interval_s
        self._shown = shown
        self._say = say
        self._targets = targets
        self._limits = limits or Limits()
        self._clock = time_of
        self._system = clock.SystemClock()
        self._caught_up = trio.Event()

    async def run(self) -> None:
        """Until the end."""
        async with trio.open_nursery() as sending:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._notified)
                for pipe in self.watch.pipes():
                    nursery.start_soon(self._piped, pipe)
                nursery.start_soon(self._present)
                nursery.start_soon(self._judge, sending)
                await self._pump()
                nursery.cancel_scope.cancel()
            self._say_unjudged(is_over=True)
            self._tell(self.alerts.end(self._clock(), ENDED), sending)
            sending.cancel_scope.deadline = trio.current_time() + NOTIFY_END_S

    async def _pump(self) -> None:
        started = trio.current_time()
        idle_since, idle_looks = started, 0
        last = self.watch.last_data
        is_last_look = False
        while not self.stop.is_set():
            before = trio.current_time()
            more = await trio.to_thread.run_sync(self.watch.step, self._clock())
            self._pass_on()
            now = trio.current_time()
            idle_looks += 1
            if self.watch.last_data != last:
                last, idle_since, idle_looks = self.watch.last_data, now, 0
                is_last_look = False
            # On a busy machine looks are rare, and it takes two to go on in the next file.
            idle_s = now - idle_since if idle_looks >= IDLE_LOOKS_MIN else 0.0
            if self._is_over(now - started, idle_s) and not (more and self.watch.ended):
                if is_last_look or not idle_s:
                    break
                self.watch.look_for_new()
                is_last_look = True
                continue
            if more:
                continue
            if not self._caught_up.is_set():
                self._caught_up.set()
            if self.watch.ended:
                break
            await trio.sleep(min(POLL_S, max(PACE_S, PACE_STEPS * (now - before))))
            with trio.move_on_after(POLL_S):
                await self.wake.wait()
            self.wake = trio.Event()

    def _is_over(self, ran_s: float, idle_s: float) -> bool:
        limits = self._limits
        if limits.for_s is not None and ran_s >= limits.for_s:
            return True
        return limits.idle_s is not None and idle_s >= limits.idle_s

    def _pass_on(self) -> None:
        if change := self._system.change():
            text = f"{change}; times shown are those from before, until the watch starts again"
            self.watch.notices.add(Notice("clock", "", text, self._clock(), True))
        for notice in self.watch.notices.take(self._clock()):
            self.heard(notice)
            if notice.is_fault:
                self._say(self.watch.shown(notice.text))

    async def _present(self) -> None:
        await self._caught_up_or(self._interval_s)
        while True:
            await self._shown()
            await trio.sleep(self._interval_s)

    async def _caught_up_or(self, seconds: float) -> None:
        with trio.move_on_after(seconds):
            await self._caught_up.wait()

    async def _judge(self, sending: trio.Nursery) -> None:
        if not self.alerts.alerts:
            return
        await self._caught_up.wait()
        while True:
            await trio.sleep(ALERTS_S)
            self._tell(await trio.to_thread.run_sync(self._evaluate), sending)
            self._say_unjudged()

    def _say_unjudged(self, *, is_over: bool = False) -> None:
        """Say which alerts are silent because they have had no data."""
        now = self._clock()
        for text in self.alerts.unjudged(now, is_over=is_over):
            self.watch.notices.add(Notice("alert", "", text, now, True))
        self._pass_on()

    def _tell(self, events: Sequence[AlertEvent], sending: trio.Nursery) -> None:
        for event in events:
            self.heard(event)
            self._say(event.sentence)
            for target in self._targets:
                sending.start_soon(notify, target, event, self._complain)

    def _complain(self, text: str) -> None:
        """Something went wrong beside the logs; it is shown as what happens to them is."""
        self.watch.notices.add(Notice("notify", "", text, self._clock(), True))
        self._pass_on()

    def _evaluate(self) -> list[AlertEvent]:
        now = self._clock()
        is_light = self.alerts.sections <= FIGURES

        def view_of(seconds: float) -> object:
            summary_of = self.watch.figures if is_light else self.watch.summary
            return self.watch.report(summary_of(seconds, now), final=False, finds=False)

        return self.alerts.evaluate(view_of, now, self.watch.last_data)  # type: ignore[arg-type]

    async def _notified(self) -> None:
        """Wake the pump when files change."""
        try:
            from watchfiles import awatch
        except ImportError:
            return
        works = True
        while works:
            folders = self.watch.folders()
            if not folders:
                await trio.sleep(FOLDERS_S)
                continue
            try:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._other_folders, folders, nursery.cancel_scope)
                    # The timeout bounds how long the end of the watch waits for its thread.
                    changes = awatch(
                        *folders, recursive=False, step=20, debounce=50, rust_timeout=300
                    )
                    async for _ in changes:
                        self.wake.set()
            except* (OSError, RuntimeError):
                works = False  # no notification here: polling goes on

    async def _other_folders(self, folders: set[str], scope: trio.CancelScope) -> None:
        while self.watch.folders() == folders:
            await trio.sleep(FOLDERS_S)
        scope.cancel()

    async def _piped(self, pipe: Pipe) -> None:
        while not pipe.ended:
            try:
                await trio.lowlevel.wait_readable(pipe.fd)
            except OSError:
                return  # cannot be waited for: it is polled
            self.wake.set()
            await trio.sleep(PACE_S)
