"""A command whose help sorts its options: its own, the settings of what it computes, and those of every command."""

from typing import Any

from typer.core import TyperCommand

SETTINGS = "Settings (--explain tells where each comes from)"
EVERY = "Options of every command"
_OWN = "Options"


class GroupedCommand(TyperCommand):
    """A command with its options in groups; typer does so with rich alone, which would cost half of the help's time."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # typer keeps the classes of both to itself
        """Write arguments and options."""
        groups: dict[str, list[tuple[str, str]]] = {"Arguments": [], _OWN: [], SETTINGS: [], EVERY: []}
        for one in self.get_params(ctx):
            record = one.get_help_record(ctx)
            if record:
                is_argument = one.param_type_name == "argument"
                panel = "Arguments" if is_argument else getattr(one, "rich_help_panel", None)
                groups[panel if panel in groups else _OWN].append(record)
        for name, records in groups.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
