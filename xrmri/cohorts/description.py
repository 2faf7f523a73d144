"""What a series shows, and of which knee, by the descriptions that OAI's scanners wrote, in any spelling."""

import re

from xrmri.records import LEFT, RIGHT
from xrmri.sequences import SEQUENCES

FILM, FLASH, OTHER, UNDESCRIBED = "radiograph", "FLASH", "other", "undescribed"

_SIDES = {"L": LEFT, "LT": LEFT, "LEFT": LEFT, "R": RIGHT, "RT": RIGHT, "RIGHT": RIGHT}
_FILM_WORDS = {"PA", "FIXED", "FLEXION"}
_MOST_WORDS_FIRST = sorted(SEQUENCES, key=lambda sequence: -len(sequence.words))


def kind_of(description: str, study: str = "", series: str = "") -> tuple[str, str | None]:
    """What a series shows, and of which knee.

    Args:
        description: SeriesDescription, such as COR_T1_3D_FLASH_RIGHT.
        series: regular expression of the MR series wanted, in either case; empty: the coronal FLASH.
        study: StudyDescription, such as OAI^MR^ENROLLMENT^RIGHT, which tells the side where the series does not.

    Returns:
        FILM, FLASH (the series wanted) or OTHER, or UNDESCRIBED where there is no description; and the side, None for
        both knees and where nothing tells or it does not matter.
    """
    words = words_of(description)
    if not words:
        return UNDESCRIBED, None
    if _FILM_WORDS <= {*words} and {"KNEE", "KNEES"} & {*words}:
        return FILM, None if "BILATERAL" in words else _side(words)
    if re.search(series, description, re.IGNORECASE) if series else sequence_of(description) == "T1":
        return FLASH, _side(words) or _side(words_of(study))
    return OTHER, None


def sequence_of(description: str) -> str | None:
    """IW, T1 or MPR for a coronal series of the knee; None for every other."""
    words = {*words_of(description)}
    return next((sequence.name for sequence in _MOST_WORDS_FIRST if sequence.words <= words), None)


def words_of(description: str) -> tuple[str, ...]:
    """A description in upper case, without its punctuation: equal ones mean the same."""
    return tuple(re.sub(r"[\W_]+", " ", description.upper()).split())


def _side(words: tuple[str, ...]) -> str | None:
    """The knee that the words name, if it is one."""
    named = {_SIDES[word] for word in words if word in _SIDES}
    return named.pop() if len(named) == 1 else None
