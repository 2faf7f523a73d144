"""Which FLASH series belongs to which radiograph.

Pairs are made by participant, visit and side, never by date: films are from the screening visit, MRI from enrolment.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xrmri.cohorts.description import FILM, FLASH, OTHER
from xrmri.cohorts.readings import Key, Reading
from xrmri.cohorts.release import Series
from xrmri.data.covariates import Covariates
from xrmri.errors import Reason
from xrmri.geometry import Lying

NOT_NEEDED = "radiograph not needed"
"""Kind of reason why a film is left out whose FLASH is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Particulars:
    """What a person's own table says of a pair besides its files; a release says none of it."""

    split: str | None = None
    box: tuple[float, float, float, float] | None = None
    """x0, y0, x1, y1 of the joint in pixels of the radiograph; None leaves it to the detector."""
    is_joint: bool = False
    """The radiograph is the joint already."""
    pixel_mm: float | None = None
    """Of the radiograph, whose file does not tell."""
    lying: Lying = Lying()
    """Of an MRI that is a bare array."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A FLASH series and the radiograph of the same knee at the same visit."""

    flash: Series
    film: Series
    grades: Mapping[str, int | None]
    """Empty where nobody read the knee."""
    covariates: Covariates = field(default_factory=dict)
    """Age, sex and BMI of the participant; empty where nothing is known."""
    particulars: Particulars = Particulars()

    @property
    def side(self) -> str:
        """The knee, by the name of the FLASH series."""
        assert self.flash.side is not None
        return self.flash.side

    @property
    def pair_id(self) -> str:
        """Participant, visit and side."""
        return f"{self.flash.participant}_{self.flash.visit}_{self.side}"

    def blamed(self, *, flash: Reason, film: Reason, passing: bool = False) -> "list[RejectedSeries]":
        """Both series, once nothing came of the pair: why the FLASH is left out, and why the film."""
        return [
            RejectedSeries(series=self.flash, side=self.side, reason=flash, passing=passing),
            RejectedSeries(series=self.film, side=self.film.side, reason=film, passing=passing),
        ]


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedSeries:
    """A series that is left out, and why."""

    series: Series
    side: str | None
    reason: Reason
    passing: bool = False
    """One of the two could not be opened: no word about what it holds."""
    unopened: Path | None = None
    """Which file that was, where the series is a row of a table."""


def pair_up(series: Iterable[Series], readings: Mapping[Key, Reading]) -> tuple[list[Candidate], list[RejectedSeries]]:
    """Pair each FLASH series with a radiograph.

    A rescan or a repeated film replaces the earlier one; a bilateral film is taken before one of a single knee.

    Returns:
        the pairs, sorted by participant, visit and side; and every series in no pair that is not of another kind.
    """
    flashes: dict[Key, list[Series]] = defaultdict(list)
    films: dict[tuple[str, str], list[Series]] = defaultdict(list)
    pairs, rejected = [], []
    for one in series:
        if one.kind == OTHER:
            continue
        if one.problem:
            rejected.append(_no(one, one.problem))
        elif one.kind == FLASH and one.side:
            flashes[one.participant, one.visit, one.side].append(one)
        elif one.kind == FILM:
            films[one.participant, one.visit].append(one)
    for key, scans in sorted(flashes.items()):
        *earlier, flash = sorted(scans, key=_age)
        rejected += [_no(one, Reason("rescanned", f"series {flash.number} is later")) for one in earlier]
        film = _film_of(films[key[:2]], key[2])
        reading = readings.get(key)
        if film is None:
            rejected.append(_no(flash, Reason("no radiograph", "none of this participant, visit and side")))
        elif reading and reading.prosthesis:
            rejected.append(_no(flash, Reason("prosthesis", "the readings say that the knee has been replaced")))
        else:
            pairs.append(Candidate(flash=flash, film=film, grades=reading.grades if reading else {}))
    used = {pair.film.path for pair in pairs}
    spare = [film for group in films.values() for film in group if film.path not in used]
    rejected += [_no(film, Reason(NOT_NEEDED, "no FLASH series pairs with it")) for film in spare]
    return pairs, rejected


def _film_of(films: Sequence[Series], side: str) -> Series | None:
    """The last bilateral film, or else the last of this side."""
    fitting = [film for film in films if film.side in (None, side)]
    return max(fitting, key=lambda film: (film.side is None, _age(film)), default=None)


def _age(series: Series) -> tuple[str, int, str]:
    """What grows with time: the day, the scanner's count of series within an examination, the barcode."""
    return series.date, series.series_number, series.number


def _no(series: Series, reason: Reason) -> RejectedSeries:
    return RejectedSeries(series=series, side=series.side, reason=reason)
