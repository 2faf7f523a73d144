"""Which slices of a series are kept, whatever their number: as shares of the way through it, as numbers, or all."""

import re

from xrmri.errors import InputError, UnusableError

PAPER = "0.16-0.78"
"""What the paper keeps of 80 slices, its 13th to 63rd, as shares of the way: the same of any other number."""
_SHARES = re.compile(r"([01]|[01]?\.\d+)\s*-\s*([01]|[01]?\.\d+)")
_NUMBERS = re.compile(r"(\d{1,4})\s*:\s*(\d{1,4})")


def kept_slices(window: str, count: int) -> tuple[int, int]:
    """The slices that a window keeps of a series.

    Args:
        window: "0.16-0.78", places on the way from the first slice to the last, the nearest slices of both kept;
            "13:63", numbers from 0, the second no longer kept; or "all".
        count: slices of the series.

    Returns:
        the first slice kept, and the first no longer kept.

    Raises:
        InputError: no such window.
        UnusableError: the series is too short for it.
    """
    first, stop = _within(window.strip().lower(), count)
    if stop > count:
        raise UnusableError("slice count", f"{count}, too few for the slices {window}")
    if stop - first < 2:
        raise UnusableError("slice count", f"{count}, of which {window} keeps fewer than 2")
    return first, stop


def require_window(window: str) -> None:
    """InputError where a text is none of the three forms, or keeps nothing of any series."""
    _within(window.strip().lower(), count=2)


def _within(window: str, count: int) -> tuple[int, int]:
    if window == "all":
        return 0, count
    if numbers := _NUMBERS.fullmatch(window):
        first, stop = map(int, numbers.groups())
        if first + 2 <= stop:
            return first, stop
    if shares := _SHARES.fullmatch(window):
        start, end = map(float, shares.groups())
        if start < end <= 1:
            return round(start * (count - 1)), round(end * (count - 1)) + 1
    raise InputError(f"--slice-window {window!r} is no window: write {PAPER}, 13:63 or all")
