"""What stands in a coded cell of the OAI's tables, and of the NDA's copies: "1: Right", ".: missing", "V01", "1,5"."""

import re

VISIT = re.compile(r"V?([0-9]{1,2})")
NUMBER = re.compile(r"[0-9]*\.?[0-9]+|[0-9]+\.")
MISSING = re.compile(r"(\..*|[A-Z])?")
"""Nothing, a point and what is missing, or the letter that stands for it."""
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")


def code_of(cell: str) -> str:
    """What stands before the meaning of a coded cell: "1: Male" -> "1"."""
    return _DECIMAL_COMMA.sub(".", cell.partition(":")[0].strip().upper())
