"""Which split each participant is in: of the pairs that were built, or, before a template is made, of those to come."""

from collections.abc import Iterable

from xrmri.config import BuildDataset
from xrmri.data.features import KL
from xrmri.data.pairing import Candidate, split_participants


def split_of(knees: Iterable[tuple[str, int | None]], config: BuildDataset) -> dict[str, str]:
    """Each participant's split, by their worst knee.

    Args:
        knees: (participant, KL grade or None).
        config: shares and seed.
    """
    worst: dict[str, int | None] = {}
    for participant, kl in knees:
        known = [grade for grade in (worst.get(participant), kl) if grade is not None]
        worst[participant] = max(known, default=None)
    return split_participants(worst, config.shares, config.seed)


def planned_split_of(candidates: Iterable[Candidate], config: BuildDataset) -> dict[str, str]:
    """The split of each participant as it stands before any volume is read.

    The template of the knee's frame is made of training volumes, so it has to be known first, and to stay.
    """
    candidates = list(candidates)
    given = given_split_of(candidates)
    drawn = [one for one in candidates if one.flash.participant not in given]
    return split_of(((one.flash.participant, one.grades.get(KL)) for one in drawn), config) | given


def given_split_of(candidates: Iterable[Candidate]) -> dict[str, str]:
    """The split of each participant for whom a person's table says it in any row."""
    return {one.flash.participant: one.particulars.split for one in candidates if one.particulars.split}
