"""`logan status`: the workers and jobs of a coordinator."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from logan.cli.cluster_options import configure_peer, run_trio, secrets_of_peer
from logan.cli.exit_codes import Exit
from logan.cli.option_types import one_of

if TYPE_CHECKING:
    from logan.cli.main import Parser
    from logan.cluster.client import Client

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "Show the workers and jobs of a coordinator: speed, health, what was lost and recovered."
EPILOG = "exit codes: 0 ok, 2 usage, 4 no coordinator there"


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    from logan.cli.terminal import COLOR_CHOICES

    parser.add_argument("--json", action="store_true", help="print it as JSON")
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
    found: list[dict[str, Any]] = []
    client = Client(args.coordinator, token=token, ssl=tls)

    async def main() -> int:
        found.append(await _ask(client))
        return Exit.OK

    code = run_trio(main)
    if args.json:
        write_stdout(dumps(found[0]) + "\n", encoding="utf-8")
    else:
        options = options_of_stdout(args.color)
        write_stdout(_text(found[0], options.width, color=options.color))
    return code


async def _ask(client: Client) -> dict[str, Any]:
    return await client.status()


def _text(status: Mapping[str, Any], width: int, *, color: bool) -> str:
    import io

    from rich.console import Console
    from rich.text import Text

    from logan.cli.cluster_view import events_table, workers_table
    from logan.cli.progress import progress_text
    from logan.report import units
    from logan.report.units import visible

    out = io.StringIO()
    console = Console(
        file=out,
        width=max(60, width),
        color_system="standard" if color else None,
        force_terminal=color,
        no_color=not color,
        markup=False,
        emoji=False,
        highlight=False,
    )
    about = status["coordinator"]
    console.print(
        Text(f"coordinator {about['address']}", style="bold"),
        Text(f"up {units.span(round(about['uptime_s']))}", style="dim"),
    )
    made_good = about["recoveries"]
    if made_good["count"]:
        console.print(
            Text(
                f"{made_good['count']:,} lost chunks done again, leased after "
                f"{units.span(made_good['leased_s'] / made_good['count'])} in the mean; "
                f"done at the latest after {units.span(made_good['done_s_max'])}",
                style="dim",
            )
        )
    for job in status["jobs"]:
        console.print()
        console.print(
            Text(f"job {visible(job['name'])}", style="bold cyan"),
            Text(
                progress_text(
                    job["done_bytes"], job["total_bytes"], job["elapsed_s"], job["resumed_bytes"]
                )
            ),
        )
        console.print(
            Text(
                f"  {job['chunks_done']:,} of {job['chunks']:,} chunks, "
                f"{job['chunks_missing']:,} given up, {job['recoveries']:,} recovered",
                style="dim",
            )
        )
    if not status["jobs"]:
        console.print("no job")
    console.print()
    if status["workers"]:
        console.print(workers_table(status["workers"]))
    else:
        console.print("no worker")
    if status["events"]:
        console.print()
    console.print(events_table(status["events"][-8:]))
    return "\n".join(line.rstrip() for line in out.getvalue().split("\n"))
