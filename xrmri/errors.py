"""Mistakes a person can make; each knows its exit code and is told in one line."""


class XrmriError(Exception):
    """A mistake outside the program: what is wrong, which file, what to do; one line."""

    exit_code = 2


class InputError(XrmriError):
    """Wrong use, or an input that cannot be read."""


class InconsistentError(XrmriError):
    """Inputs that are incomplete or do not belong together."""

    exit_code = 3


class RejectedError(XrmriError):
    """More cases were rejected than the user allows."""

    exit_code = 4


class StoppedEarly(XrmriError):
    """Work was stopped and saved; the same command goes on."""

    exit_code = 75


class Signalled(BaseException):
    """A signal asks the program to end; no Exception, so that nothing on the way takes it for a mistake of its own."""
