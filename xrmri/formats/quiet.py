"""What libraries say of a file by themselves is kept to themselves: the one line that a person gets comes from us."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence warnings, and what code in C writes to stderr; not to be entered from several threads at once."""
    sys.stderr.flush()
    spoken, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.stderr.flush()
        os.dup2(spoken, 2)
        os.close(spoken)
        os.close(nowhere)


@contextmanager
def no_warnings() -> Iterator[None]:
    """Silence pydicom; not to be entered from several threads, because the filters of a process are shared."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
