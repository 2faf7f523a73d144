"""The program: seven commands in pipeline order; errors become one line and an exit code."""

import errno
import sys
from typing import Annotated, NoReturn

import typer
from typer.exceptions import TyperException

from xrmri import __version__
from xrmri.errors import StoppedEarly, XrmriError

from .build_dataset import build_dataset
from .detect_knee import detect_knee
from .evaluate import evaluate
from .generate import generate
from .phantom import phantom
from .terminal import FIRST, fail
from .train_ldm import train_ldm
from .train_vae import train_vae

DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR)

app = typer.Typer(
    name="xrmri",
    no_args_is_help=True,
    rich_markup_mode=None,  # boxes in the help would cost 0.13 s of the 0.3 s that it may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Knee MRI from one radiograph: a synthetic volume, and how good it is. Research only; not for diagnosis.",
)
for command in (phantom, detect_knee, build_dataset, train_vae, train_ldm, generate, evaluate):
    app.command()(command)


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
    as_json = "--json" in sys.argv
    try:
        code = app(standalone_mode=False)
    except XrmriError as error:
        told_already = isinstance(error, StoppedEarly) and not FIRST
        code = error.exit_code if told_already else fail(str(error), error.exit_code, as_json=as_json)
    except TyperException as error:
        message = error.format_message()  # empty where the help has just been shown
        code = fail(f"{message} (see --help)", XrmriError.exit_code, as_json=as_json) if message else 2
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        code = fail(f"{error.filename or 'output'}: {error.strerror}", XrmriError.exit_code, as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        code = fail("interrupted; run the same command to go on", StoppedEarly.exit_code, as_json=as_json)
    sys.exit(code or 0)
