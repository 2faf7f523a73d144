"""The program: seven commands in pipeline order; errors become one line and an exit code."""

import atexit
import os
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from xrmri import __version__
from xrmri.errors import EndedByFirst, Signalled, StoppedEarly, XrmriError
from xrmri.machine.signals import SignalsEnd, ignore_signals
from xrmri.runs.ending import ending_of

from .build_dataset import build_dataset
from .detect_knee import detect_knee
from .evaluate import evaluate
from .examples import epilog
from .generate import generate
from .grouped import GroupedCommand
from .phantom import phantom
from .terminal import FIRST, fail, open_streams
from .train_ldm import train_ldm
from .train_vae import train_vae

app = typer.Typer(
    name="xrmri",
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes in the help would cost 0.13 s of the 0.3 s that it may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Knee MRI from one radiograph: a synthetic volume, and how good it is. Research only; not for diagnosis.",
    epilog="First: xrmri generate knee.png. Every command ends its --help with examples.",
)
COMMANDS = {
    phantom: "Draw a synthetic OAI release.",
    detect_knee: "Find the knees on films, cut out the joints.",
    build_dataset: "Pair radiographs, MRI volumes and readings.",
    train_vae: "Train the autoencoder of slices.",
    train_ldm: "Train the denoiser that draws slices.",
    generate: "Draw an MRI volume from a radiograph.",
    evaluate: "Say how good generated volumes are.",
}
"""In pipeline order, each with what the first screen says of it: it cuts off what is longer than a line."""
for command, summary in COMMANDS.items():
    name = command.__name__.replace("_", "-")
    app.command(name, cls=GroupedCommand, short_help=summary, epilog=epilog(name))(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"xrmri {__version__}")
        raise typer.Exit(0)


@app.callback()
def _program(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main() -> NoReturn:
    """Run the command line; a person's mistake ends in one line and an exit code, a bug in its traceback."""
    open_streams()
    os.environ["MPLBACKEND"] = "agg"  # Jupyter and Colab leave the name of theirs, which may not be installed here
    with SignalsEnd():
        code = _run(as_json="--json" in sys.argv)
    atexit.register(ignore_signals)  # what is done is done, and the exit code is to say so
    sys.exit(code)


def _run(*, as_json: bool) -> int:
    """The exit code of the command."""
    try:
        return app(standalone_mode=False) or 0
    except TyperException as error:
        message = error.format_message()  # empty where the help has just been shown
        return fail(f"{message} (see --help)", XrmriError.exit_code, as_json=as_json) if message else 2
    except (XrmriError, OSError, Signalled) as error:
        ending = ending_of(error)
        if ending is None:
            raise
        told_already = isinstance(error, StoppedEarly | EndedByFirst) and not FIRST
        return ending.exit_code if told_already else fail(ending.line, ending.exit_code, as_json=as_json)
