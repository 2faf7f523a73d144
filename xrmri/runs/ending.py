"""How a command ends that did not end well: in one line for a person and an exit code, or, if it is a bug, as it is."""

import errno
import sys
from collections.abc import Callable
from dataclasses import dataclass

from xrmri.errors import Signalled, StoppedEarly, XrmriError
from xrmri.machine.signals import SignalsEnd
from xrmri.storage.names import printable

_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR,
              errno.ENAMETOOLONG, errno.EILSEQ, errno.EFBIG, errno.ELOOP, errno.EIO, errno.ENOENT,
              errno.ESTALE)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ending:
    """What a person is told, and the exit code."""

    line: str
    exit_code: int


def ending_of(error: XrmriError | OSError | Signalled) -> Ending | None:
    """What is said of an error outside the program; None where it is inside, and its traceback says more."""
    if isinstance(error, XrmriError):
        message, exit_code = str(error), error.exit_code
    elif isinstance(error, Signalled):
        message, exit_code = f"stopped by {error}: run the same command to go on", StoppedEarly.exit_code
    elif error.errno in _OF_A_DISK:
        message, exit_code = f"{error.filename or 'output'}: {error.strerror}", XrmriError.exit_code
    else:
        return None
    return Ending(printable(" ".join(message.split())), exit_code)


def exit_code_of(program: Callable[[], object]) -> int:
    """Run what `python -m` of a module does, which signals end as they end a command; returns its exit code."""
    with SignalsEnd():
        try:
            program()
        except (XrmriError, OSError, Signalled) as error:
            ending = ending_of(error)
            if ending is None:
                raise
            print(ending.line, file=sys.stderr, flush=True)
            return ending.exit_code
    return 0
