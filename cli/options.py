"""The options that every command shares, worded once, and options that mirror a setting of a config."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from xrmri.config import Config, Execution
from xrmri.config.presets import told_presets
from xrmri.runs.outcome import Outcome

from . import terminal
from .grouped import EVERY, SETTINGS

Settings = TypeVar("Settings", bound=Config)


def _option(*names: str, help: str, **kwargs: Any) -> Any:
    return typer.Option(*names, help=help, show_default=False, rich_help_panel=EVERY, **kwargs)


def setting(config: type[Config], name: str, *names: str, **kwargs: Any) -> Any:
    """A command-line option for one setting: it shows meaning and default, it does not hold them."""
    flags = names or (f"--{name.replace('_', '-')}",)
    default = config.default(name)
    help = config.meaning(name) + ("" if default in (None, "", False) else f" Default {default}.")
    kwargs |= {"metavar": "|".join(config.choices(name))} if config.choices(name) else {}
    return typer.Option(*flags, help=help, show_default=False, rich_help_panel=SETTINGS, **kwargs)


def output(default: str, help: str) -> Any:
    """The option that says where results go."""
    return typer.Option("-o", "--output", metavar="FOLDER", help=f"{help} Default {default}.", show_default=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Common:
    """What a person gave for the options that every command has."""

    config: Annotated[
        Path | None, _option("--config", metavar="FILE", help="Settings from a TOML file or an earlier run.json.")
    ] = None
    preset: Annotated[str | None, _option("--preset", metavar="NAME", help=f"Named settings: {told_presets()}.")] = None
    seed: Annotated[int | None, _option("--seed", help="The same seed gives the same bytes. Default 0.")] = None
    device: Annotated[str, _option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:N. Default auto.")] = "auto"
    workers: Annotated[int, _option("--workers", help="Processes, or threads that draw. Default: all cores.")] = 0
    dry_run: Annotated[bool, _option("--dry-run", help="Say what would be done, or --json; write nothing.")] = False
    force: Annotated[bool, _option("--force", help="Do it again over an earlier result of this command.")] = False
    explain: Annotated[bool, _option("--explain", help="Print every setting, its value and source; stop.")] = False
    json: Annotated[bool, _option("--json", help="One JSON document on stdout; errors as JSON on stderr.")] = False
    quiet: Annotated[bool, _option("-q", "--quiet", help="Only warnings and errors on stderr.")] = False
    no_progress: Annotated[bool, _option("--no-progress", help="No progress bar or lines.")] = False

    def settings(self, kind: type[Settings], **given: Any) -> Settings:
        """The settings of a command: default < preset < config file < option."""
        terminal.listen(self.quiet)
        config = kind.load(preset=self.preset, file=self.config, seed=self.seed, **given)
        if self.explain:
            terminal.explain(config, self.preset, as_json=self.json)
            raise typer.Exit(0)
        return config

    def settings_of(self, kind: type[Settings]) -> Settings:
        """What preset and TOML file say of another command whose work this one does too."""
        file = self.config if self.config and self.config.suffix != ".json" else None  # a run.json is of one command
        return kind.load(preset=self.preset, file=file, shared=False, seed=0)  # a seed is of this command's own work

    def execution(self) -> Execution:
        """How the command runs; nothing in it changes a result."""
        return Execution(
            device=self.device,
            workers=self.workers,
            dry_run=self.dry_run,
            force=self.force,
            progress=terminal.progress(not (self.quiet or self.no_progress)),
        )

    def conclude(self, result: Outcome) -> None:
        """Print a command's result on stdout."""
        terminal.conclude(result, as_json=self.json)


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that every command has; the command gets them as its argument `common`."""
    own = inspect.signature(command, eval_str=True)
    shared = inspect.signature(Common, eval_str=True)
    names = [field.name for field in fields(Common)]

    @wraps(command)
    def with_shared_options(**given: Any) -> None:
        common = Common(**{name: given.pop(name) for name in names})
        command(**given, common=common)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in (*own.parameters.values(), *shared.parameters.values())
        if parameter.name != "common"
    ]
    with_shared_options.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_shared_options
