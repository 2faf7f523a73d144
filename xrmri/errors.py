"""Mistakes a person can make; each knows its exit code and is told in one line."""

import textwrap
from dataclasses import dataclass

_LONGEST = 160
"""Of what a library says that goes into a line of ours."""


class XrmriError(Exception):
    """A mistake outside the program: what is wrong, which file, what to do; one line."""

    exit_code = 2


class InputError(XrmriError):
    """Wrong use, or an input that cannot be read."""


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """Why something is left out."""

    kind: str
    """In words that count it: "slice count"."""
    detail: str = ""
    """What is special about this one; empty where nothing is."""

    def __str__(self) -> str:
        """Both in one line."""
        return f"{self.kind}: {self.detail}" if self.detail else self.kind


class UnusableError(InputError):
    """A series or a file that cannot be used; others can."""

    def __init__(self, kind: str, detail: str = "") -> None:
        """Kind and detail are those of its reason."""
        self.reason = Reason(kind, detail)
        super().__init__(str(self.reason))


def reason_of(error: XrmriError) -> Reason:
    """Why something that ended in an error is left out."""
    return error.reason if isinstance(error, UnusableError) else Reason(str(error))


class InconsistentError(XrmriError):
    """Inputs that are incomplete or do not belong together."""

    exit_code = 3


class RejectedError(XrmriError):
    """More cases were rejected than the user allows."""

    exit_code = 4


class StoppedEarly(XrmriError):
    """Work was stopped and saved; the same command goes on."""

    exit_code = 75


class EndedByFirst(XrmriError):
    """The first process has refused, and has said why."""

    def __init__(self, message: str, exit_code: int = XrmriError.exit_code) -> None:
        """With the exit code of what it refused for."""
        super().__init__(message)
        self.exit_code = exit_code


class Signalled(BaseException):
    """A signal asks the program to end; no Exception, so that nothing on the way takes it for a mistake of its own."""


def said(error: BaseException) -> str:
    """What a library says of a file, on one line that ends with a whole word; its kind where it says nothing."""
    return textwrap.shorten(str(error), _LONGEST, placeholder=" ...") or type(error).__name__
