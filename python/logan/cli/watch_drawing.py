"""How a board of `live.board` looks on a terminal: lines, for any width and height."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any, Final

from logan.report import units
from logan.report.text.timeline import bars, sparkline

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

__all__ = ["KEYS", "SECTIONS", "Board", "drawn"]

SECTIONS: Final = ("overview", "routes", "messages", "events")
TONES: Final = {"good": "bold green", "bad": "bold red", "warning": "bold yellow", "neutral": ""}
LEVELS: Final = {"WARN": "yellow"}
KEYS: Final = "w window  p pause  s sort  / filter  tab section  q quit"

Board = dict[str, Any]


def drawn(
    data: Board,
    width: int,
    height: int,
    *,
    section: str = "overview",
    sort: str = "trouble",
    state: str = "",
    foot: str = KEYS,
) -> RenderableType:
    """A board as at most `height` lines of `width` columns."""
    from rich.console import Group
    from rich.text import Text

    lines: list[Text] = [_heading(data, state), *_verdict(data, width, 2 if height >= 20 else 1)]
    lines += _findings(data, 2 if height < 30 else 5, section == "events")
    lines += _facts(data, width)
    lines += _hosts(data, max(2, height // 4))
    left = height - len(lines) - 1
    if section == "overview":
        charts = 4 if height >= 30 else 2
        lines += _timeline(data, width, charts)
        left = height - len(lines) - 1
        most = 3 if height < 30 else 8
        wanted = [
            (min(4, 2 + len(data["routes"])), 2 + len(data["routes"])),
            (2, 1 + min(len(data["new"] or data["messages"]), most)),
            (2, 1 + min(len(data["events"]), most)),
        ]
        routes, messages, events = _shares(left, wanted)
        lines += _routes(data, width, routes, sort)
        lines += _messages(data, messages)
        lines += _events(data, width, events)
    elif section == "routes":
        lines += _routes(data, width, left, sort)
    elif section == "messages":
        lines += _messages(data, left, all_of_them=True)
    else:
        lines += _events(data, width, left, whole=True)
    lines = lines[: height - 1]
    lines += [Text()] * (height - 1 - len(lines))
    lines.append(Text(foot, "dim"))
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
        line.truncate(width, overflow="ellipsis")
    return Group(*lines)


def _shares(left: int, wanted: list[tuple[int, int]]) -> list[int]:
    """How many lines each part gets of those that are left: the fewest that say something, in
    order, then more, in order. What wants less than its fewest gets none."""
    found = [0] * len(wanted)
    for index, (least, most) in enumerate(wanted):
        if most >= least and left >= least:
            found[index] = least
            left -= least
    for index, (_, most) in enumerate(wanted):
        more = min(left, most - found[index]) if found[index] else 0
        found[index] += more
        left -= more
    return found


def _heading(data: Board, state: str) -> Text:
    from rich.text import Text

    names = data["logs"]
    shown = names[0] if len(names) == 1 else f"{len(names)} logs"
    shown = "standard input" if shown == "-" else shown
    line = Text("logan watch  ", "bold")
    line.append(shown if names else "no log yet", "bold cyan")
    line.append(f"  last {data['window']}" if data["window"] != "all" else "  all", "bold")
    line.append(f"  {data['at']} UTC", "dim")
    if state:
        line.append(f"  {state}", "bold yellow")
    if data["behind"] > 1 << 20:
        line.append(f"  {units.bytes_size(data['behind'])} behind", "yellow")
    if data["out_of_order"]:
        line.append(f"  {units.count(data['out_of_order'])} out of order", "dim")
    return line


def _verdict(data: Board, width: int, height: int) -> list[Text]:
    """The sentence, on as many lines as there may be."""
    from rich.text import Text

    found = textwrap.wrap(data["verdict"], width, max_lines=height, placeholder=" …")
    return [Text(each, TONES[data["tone"]]) for each in found]


def _facts(data: Board, width: int) -> list[Text]:
    from rich.text import Text

    facts = data["facts"]
    room = max(9, min(16, width // len(facts)))
    values, labels = Text(), Text(style="dim")
    for value, label in facts:
        size = max(room, len(value) + 2, len(label) + 2)
        values.append(value.ljust(size), "bold")
        labels.append(label.ljust(size))
    return [Text(), values, labels]


def _hosts(data: Board, height: int) -> list[Text]:
    """A line for each host, those that are away or have lost something first."""
    from rich.text import Text

    hosts = sorted(data["hosts"], key=lambda each: each["tone"] == "good")
    if not hosts:
        return []
    wide = max(len(each["host"]) for each in hosts)
    lines = [Text()]
    for each in hosts[:height]:
        line = Text(f"{each['host']:<{wide}}  ", "bold")
        line.append(each["state"], f"{TONES[each['tone']]} not bold")
        logs = "1 log" if each["logs"] == 1 else f"{each['logs']:,} logs"
        line.append(
            f"  {logs}, {each['counted']} counted, {each['behind']} behind, "
            f"last line {each['last']}",
            "dim not bold",
        )
        lines.append(line)
    if len(hosts) > height:
        lines.append(Text(f"{len(hosts) - height:,} more hosts", "dim"))
    return lines


def _findings(data: Board, height: int, all_of_them: bool) -> list[Text]:
    """What stands out, besides what the verdict says already."""
    from rich.text import Text

    lines = []
    rows = [
        each
        for each in data["findings"]
        if each["text"] != data["verdict"] and each["kind"] != "message_new"  # listed below
    ]
    for each in rows if all_of_them else rows[:height]:
        line = Text("over  " if each["is_over"] else "new   " if each["is_new"] else "still ")
        line.stylize("dim" if each["is_over"] else "bold yellow")
        line.append(each["text"], "not dim not bold")
        lines.append(line)
    return lines


def _timeline(data: Board, width: int, height: int) -> list[Text]:
    from rich.text import Text

    points = data["points"]
    margin = 9
    room = max(1, width - margin - len(" max 00.0 ms "))
    columns = max(1, min(8, room // max(1, len(points))))
    points = points[-(room // columns) :]
    records = [each["records"] for each in points]
    errors = [each["errors"] or 0 for each in points]
    times = [each["p95"] or 0 for each in points]
    most = max(records, default=0)
    lines = [Text(), Text(f"Timeline  records per {units.span(data['step'])}", "bold")]
    for row, line in enumerate(bars(records, height, columns)):
        label = units.short(most, 7) if row == 0 else ""
        lines.append(Text(f"{label:>7} │{line}"))
    worst = max(errors, default=0)
    below = Text(f"{'errors':>7} │")
    below.append(sparkline(errors, columns), "red")
    below.append(f" max {units.count(worst)}" if worst else " none", "dim")
    lines.append(below)
    if any(times):
        below = Text(f"{'p95':>7} │")
        below.append(sparkline([round(each * 1_000) for each in times], columns), "cyan")
        below.append(f" max {units.duration_ms(max(times))}", "dim")
        lines.append(below)
    ago = f"{units.span(len(points) * data['step'])} ago"
    gap = len(points) * columns - len(ago) - len("now")
    if gap > 0:
        lines.append(Text(f"{'':>9}{ago}{' ' * gap}now", "dim"))
    return lines


def _routes(data: Board, width: int, height: int, sort: str) -> list[Text]:
    from rich.text import Text

    rows = data["routes"][: max(0, height - 2)]
    if not rows:
        return []
    lines = [Text(), Text("requests    errors       p95  ", "dim")]
    lines[1].append(f"routes by {sort}", "bold not dim")
    for row in rows:
        line = Text(f"{units.count(row['requests']):>8}  ")
        line.append(f"{units.count(row['errors']):>8}", "red" if row["errors"] else "dim")
        line.append(f"  {row['p95']:>8}  ")
        line.append(row["route"])
        lines.append(line)
    return lines


def _messages(data: Board, height: int, *, all_of_them: bool = False) -> list[Text]:
    from rich.text import Text

    if height < 2:
        return []
    lines: list[Text] = []
    new = data["new"]
    if new:
        lines.append(Text("New messages of the last 5 minutes", "bold"))
        shown = height - 1 if not all_of_them else min(len(new), height // 2)
        for each in new[:shown]:
            line = Text(f"{each['at']}  ", "dim")
            line.append(f"{each['level']:<5} ", f"{LEVELS.get(each['level'], 'red')} not dim")
            line.append(f"{each['count']:>6} × ", "not dim")
            line.append(each["text"], "not dim")
            lines.append(line)
    left = height - len(lines)
    if data["messages"] and left >= 2 and (all_of_them or not new):
        lines.append(Text("Messages", "bold"))
        for each in data["messages"][: left - 1]:
            line = Text(f"{units.count(each['count']):>8}  ")
            line.append(f"{each['level']:<5} ", LEVELS.get(each["level"], "red"))
            line.append(each["text"])
            lines.append(line)
    return lines


def _events(data: Board, width: int, height: int, *, whole: bool = False) -> list[Text]:
    """What happened, the latest first: a line each, or as many as it takes to say the `whole`."""
    from rich.text import Text

    if height < 2 or not data["events"]:
        return []
    lines = [Text("What happened", "bold")]
    for each in data["events"]:
        rows = textwrap.wrap(each["text"], max(20, width - 10)) if whole else [each["text"]]
        for row, text in enumerate(rows):
            line = Text(f"{each['at'] if row == 0 else '':<8}  ", "dim")
            line.append(text, f"{TONES[each['tone']]} not dim")
            lines.append(line)
    return lines[:height]
