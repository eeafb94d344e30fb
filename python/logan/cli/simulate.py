"""`logan simulate`: a scenario of failures, played with real processes on this machine."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from logan.cli.cluster_options import run_trio
from logan.cli.exit_codes import Exit
from logan.cli.option_types import seconds
from logan.cli.signals import Aborted, Signals, signals_abort
from logan.errors import InputError, UsageError

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.simulation.scenarios import Scenario

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
Starts a coordinator and three slowed-down workers, each behind a proxy that simulates a bad
network, injects the scenario's faults, and compares the report with that of `logan analyze`.

examples:
  logan simulate --list
  logan simulate worker-failure app.log

exit codes: 0 results are the same, 2 usage, 3 an input is unreadable, 4 results differ
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "scenario", metavar="SCENARIO", nargs="?", help="name of the scenario; see --list"
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="log files to analyze")
    parser.add_argument("--list", action="store_true", help="list the scenarios and exit")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write the cluster's report to FILE as JSON"
    )
    parser.add_argument(
        "--seconds",
        type=seconds,
        default=8.0,
        metavar="S",
        help="duration of the job without failures; workers are slowed down to it (default: 8)",
    )


def run(args: argparse.Namespace) -> int:
    """List the scenarios, or play one and say how it went."""
    from logan.cli.terminal import check_output, say, write_file, write_stdout
    from logan.simulation.scenarios import SCENARIOS

    if args.list:
        width = max(map(len, SCENARIOS))
        rows = [f"{each.name:{width}}  {each.title}\n" for each in SCENARIOS.values()]
        write_stdout("".join(rows))
        return Exit.OK
    if args.scenario is None:
        raise UsageError("missing SCENARIO", hint="see: logan simulate --list")
    if args.scenario not in SCENARIOS:
        raise UsageError(
            f"unknown scenario {args.scenario!r}",
            hint=f"known scenarios: {', '.join(SCENARIOS)}",
        )
    if not args.paths:
        raise UsageError("missing PATH", hint=f"write: logan simulate {args.scenario} FILE")
    check_output(args.output, args.paths)
    scenario = SCENARIOS[args.scenario]
    expected, report = _play(scenario, args.paths, args.seconds)
    if args.output is not None:
        with signals_abort():
            write_file(args.output, json.dumps(report, indent=2) + "\n")
    performance = report.pop("performance")
    expected.pop("performance")
    write_stdout(_verdict(performance, same=report == expected))
    if report == expected:
        return Exit.OK
    say("the results differ from those of a single machine")
    for key in expected:
        if report.get(key) != expected[key]:
            say(f"{key}: {_short(report.get(key))} instead of {_short(expected[key])}", prefix="  ")
    return Exit.INTERNAL


def _play(
    scenario: Scenario, paths: list[str], job_s: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The report of one machine, and that of the scenario."""
    import os

    import trio

    from logan.api import analyze
    from logan.cli.terminal import write_stdout
    from logan.options import Options
    from logan.simulation.runner import chunk_size_for, run_scenario
    from logan.sources.files import working_directory

    working_directory()  # the processes start there
    for path in paths:
        if not os.path.isfile(path):
            raise InputError(f"{path} is not a file", input=path, hint="simulate works on files")
    size = sum(os.path.getsize(path) for path in paths)
    if size == 0:
        raise InputError("the log is empty", input=paths[0])
    options = Options(chunk_size=chunk_size_for(size))

    def tell(at_s: float, text: str) -> None:
        write_stdout(f"  {at_s:6.2f} s  {text}\n")

    write_stdout(f"{scenario.name}: {scenario.title}\n\n")
    # The same names as the coordinator will see, so that nothing else differs.
    paths = [os.path.abspath(path) for path in paths]
    expected = analyze(paths, chunk_size=options.chunk_size).to_dict()

    report: dict[str, Any] = {}
    signals = Signals()

    async def main() -> int:
        async with trio.open_nursery() as nursery:
            # A simulation has no result worth keeping: the first signal ends it.
            nursery.start_soon(signals.watch, nursery.cancel_scope.cancel)
            report.update(await run_scenario(scenario, paths, options, job_s=job_s, tell=tell))
            nursery.cancel_scope.cancel()
        return Exit.OK

    run_trio(main)
    if signals.signum is not None:
        raise Aborted(signals.signum)
    return expected, report


def _verdict(performance: dict[str, Any], *, same: bool) -> str:
    """What was lost, how long it took to make it good, and whether it shows."""
    recoveries = performance["recoveries"]
    lines = [""]
    for each in performance["workers"]:
        lines.append(
            f"  {each['worker']:10} {each['chunks_done']:4} chunks done, {each['chunks_lost']} lost"
        )
    if recoveries:
        again = [each["leased_s"] - each["noticed_s"] for each in recoveries]
        whole = [each["done_s"] - each["noticed_s"] for each in recoveries]
        lines.append(
            f"  {len(recoveries)} chunks were lost; re-leased within {max(again) * 1e3:,.0f} ms,"
            f" completed within {max(whole):,.2f} s of the loss being noticed"
        )
    else:
        lines.append("  no chunks were lost")
    if same:
        lines.append("  results are identical to those of a single machine, byte for byte")
    return "\n".join(lines) + "\n"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
