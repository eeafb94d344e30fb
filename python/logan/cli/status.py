"""`logan status`: the workers and jobs of a coordinator."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from logan.cli.cluster_options import configure_peer, run_trio, secrets_of_peer
from logan.cli.exit_codes import Exit
from logan.cli.option_types import one_of

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.wire.bodies import StateBody

__all__ = ["EPILOG", "configure", "run"]

EPILOG = "exit codes: 0 ok, 2 usage, 4 no coordinator at that address"


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    from logan.cli.terminal import COLOR_CHOICES

    parser.add_argument("--json", action="store_true", help="print as JSON")
    configure_peer(parser)
    parser.setting(
        "--color",
        type=one_of(*COLOR_CHOICES),
        default="auto",
        metavar="WHEN",
        help=f"{', '.join(COLOR_CHOICES)}; auto follows the terminal and NO_COLOR",
    )


def run(args: argparse.Namespace) -> int:
    """Ask once and print."""
    from logan.cli.terminal import options_of_stdout, write_stdout
    from logan.cluster.client import Client
    from logan.report.json import dumps

    token, tls = secrets_of_peer(args)
    found: list[StateBody] = []
    client = Client(args.coordinator, token=token, ssl=tls)

    async def main() -> int:
        found.append(await client.status())
        return Exit.OK

    code = run_trio(main)
    if args.json:
        write_stdout(dumps(found[0].to_dict()) + "\n", encoding="utf-8")
    else:
        options = options_of_stdout(args.color)
        write_stdout(_text(found[0], options.width, color=options.color))
    return code


def _text(status: StateBody, width: int, *, color: bool) -> str:
    from rich.console import Group, RenderableType
    from rich.text import Text

    from logan.cli.cluster_view import events_table, workers_table
    from logan.cli.progress import progress_text
    from logan.report import units
    from logan.report.labels import plural
    from logan.report.text.console import page
    from logan.report.units import visible

    about = status.coordinator
    uptime = units.span(round(about.uptime_s))
    parts: list[RenderableType] = [
        Text.assemble((f"coordinator {about.address}", "bold"), " ", (f"up {uptime}", "dim"))
    ]
    recovered = about.recoveries
    if recovered.count:
        after = units.span(recovered.leased_s / recovered.count)
        within = units.span(recovered.done_s_max)
        text = (
            f"{recovered.count:,} lost chunks redone: re-leased after {after} on average, "
            f"completed within {within}"
        )
        parts.append(Text(text, style="dim"))
    for job in status.jobs:
        done = progress_text(job.done_bytes, job.total_bytes, job.elapsed_s, job.resumed_bytes)
        counts = (
            f"  {job.chunks_done:,} of {job.chunks:,} chunks, "
            f"{job.chunks_missing:,} given up, {job.recoveries:,} recovered"
        )
        parts += [
            Text(),
            Text.assemble((f"job {visible(job.name)}", "bold cyan"), f" {done}"),
            Text(counts, style="dim"),
        ]
    for follow in status.follows:
        away = f", {follow.away:,} away" if follow.away else ""
        lost = f", {follow.lost:,} losses" if follow.lost else ""
        behind = units.bytes_size(follow.behind_bytes) if follow.behind_bytes else "nothing"
        counts = (
            f"  {plural(follow.logs, 'log')} on {plural(follow.hosts, 'host')}{away}{lost}; "
            f"{units.bytes_size(follow.counted_bytes)} counted, {behind} behind; "
            f"{follow.viewers:,} watching"
        )
        name = visible(follow.name)
        parts += [
            Text(),
            Text.assemble(
                (f"job {follow.job} follows {name}", "bold cyan"),
                f" for {units.span(round(follow.elapsed_s))}",
            ),
            Text(counts, style="dim"),
            *(Text(f"  ALERT {visible(each)}", style="bold red") for each in follow.firing),
        ]
    if not status.jobs and not status.follows:
        parts.append(Text("no jobs"))
    parts += [
        Text(),
        workers_table(status.workers) if status.workers else Text("no workers"),
    ]
    if status.events:
        parts += [Text(), events_table(status.events[-8:])]
    return page(Group(*parts), width=width, color=color)
