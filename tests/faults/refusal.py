"""How a command refuses: one line, beside warnings of its own, and nothing of a library."""

from typing import Any


def refusal(ended: Any) -> str:
    """The one line with which a command refused; AssertionError where it said more, or less."""
    lines = [line for line in ended.err.splitlines() if not line.startswith("warning: ")]
    assert len(lines) == 1 and lines[0].startswith("xrmri: ") and ended.out == "", ended
    return lines[0].removeprefix("xrmri: ")
