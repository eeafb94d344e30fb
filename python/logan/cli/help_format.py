"""How help is laid out: the same words in color and without.

Color is rich-argparse's, and rich is a third of the time that `logan --help` takes: it is imported
only where color is wanted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

__all__ = ["PlainFormatter", "color_formatter"]


class PlainFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse's own layout, with headings and options written as rich-argparse writes them."""

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, "Usage: " if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        super().start_section(heading if heading is None else heading.title())

    def _format_action_invocation(self, action: argparse.Action) -> str:
        # `-o, --output FILE`; argparse before Python 3.13 repeats FILE.
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        default = self._get_default_metavar_for_optional(action)
        return f"{', '.join(action.option_strings)} {self._format_args(action, default)}"


def color_formatter() -> type[argparse.HelpFormatter]:
    """The layout of `PlainFormatter`, in color."""
    from rich_argparse import RawDescriptionRichHelpFormatter

    class ColorFormatter(RawDescriptionRichHelpFormatter):
        # Brackets in our texts are brackets.
        help_markup = False
        text_markup = False

    return ColorFormatter
