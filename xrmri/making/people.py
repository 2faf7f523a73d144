"""Who is drawn into a cohort: the first people of a seed, or those of them of whom a rare sign was read."""

from dataclasses import asdict, dataclass
from functools import cache
from itertools import count, islice

from xrmri.phantom.anatomy import Participant, draw_participant
from xrmri.phantom.tables import as_read
from xrmri.records import SIDES
from xrmri.storage.files import digest

_RARE = ("V00XRCY", "V00XRATT", "V00XRCH")
"""What the readings of cysts, attrition and chondrocalcinosis begin with: one person in four has one that was read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CohortPlan:
    """Who is drawn."""

    seed: int
    count: int
    """At most."""
    matrix: int
    """Rows and columns of the FLASH as it is drawn, a multiple of 128."""
    in_shard: int = 16
    rare: bool = False
    """Only people of whom a cyst, attrition or chondrocalcinosis was read on either side."""

    @property
    def digest(self) -> str:
        """By which a cohort that was begun is known."""
        said = asdict(self)
        return digest(said if said.pop("rare") is False else said | {"rare": True})


@cache  # those with rare signs are looked for among four times as many
def numbers_of(people: CohortPlan) -> list[int]:
    """The numbers of those people in their seed."""
    if not people.rare:
        return list(range(people.count))
    return list(islice((number for number in count() if _is_rare(draw_participant(people.seed, number))), people.count))


def _is_rare(person: Participant) -> bool:
    read = [as_read(person, side) for side in SIDES]
    return any(grade for grades in read for name, grade in grades.items() if name.startswith(_RARE))
