"""A command whose help sorts its options: its own, the settings of what it computes, and those of every command."""

import re
from typing import Any

from typer.core import TyperCommand

SETTINGS = "Settings (--explain tells where each comes from)"
EVERY = "Options of every command"
_OWN = "Options"
_TYPE = re.compile(r" <[^<>]*>")
_WORDS = {" <int>": " N", " <float>": " NUMBER", " <path>": " PATH", " <str>": " TEXT"}
"""Types of the program -> what a person gives."""


def _in_words(record: tuple[str, str] | None) -> tuple[str, str] | None:
    """A line of the help without the program's types; that arguments are needed, the braces of the usage say."""
    if record is None:
        return None
    name, help = record
    return _TYPE.sub(lambda found: _WORDS.get(found[0], ""), name), help.removesuffix("[required]").rstrip()


class GroupedCommand(TyperCommand):
    """A command with its options in groups; typer does so with rich alone, which would cost half of the help's time."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # typer keeps the classes of both to itself
        """Write arguments and options."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], _OWN: [], SETTINGS: [], EVERY: []}
        for one in self.get_params(ctx):
            record = _in_words(one.get_help_record(ctx))
            if record:
                is_argument = one.param_type_name == "argument"
                record = (record[0].removesuffix(" PATH"), record[1]) if is_argument else record
                panel = "Arguments" if is_argument else getattr(one, "rich_help_panel", None)
                groups[panel if panel in groups else _OWN].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
