"""When a watch ends by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from logan.live import clock
from logan.live.runner import Limits, Runner
from logan.live.watching import Watch
from logan.options import Options

LINE = b"2026-01-24T10:15:32Z INFO done\n"


class WithLateFile(Watch):
    """A file joins while it is idle."""

    late: Path
    steps = 0

    def step(self, now: float) -> bool:
        self.steps += 1
        if self.steps == 3:
            self.late.write_bytes(LINE * 4)
        return super().step(now)


@pytest.mark.trio
async def test_it_looks_for_new_files_before_it_ends(tmp_path: Path) -> None:
    """Idle for less time than passes between two looks for files that joined."""
    (tmp_path / "a.log").write_bytes(LINE * 3)
    now = clock.now()
    watch = WithLateFile([str(tmp_path)], Options(), start="start", now=now)
    watch.late = tmp_path / "b.log"

    async def shown() -> None:
        pass

    limits = Limits(idle_s=0.1)
    runner = Runner(
        watch, interval_s=60, shown=shown, say=print, limits=limits, time_of=lambda: now
    )
    await runner.run()
    report = watch.report(watch.finish(now), final=True)
    watch.close()
    assert watch.steps > 3
    assert report["lines"]["total"] == 7
