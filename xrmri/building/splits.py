"""Which split each participant is in: of the pairs that were built, or, before a template is made, of those to come."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence

from xrmri.cohorts.pairing import Candidate
from xrmri.config import BuildDataset
from xrmri.data.features import KL
from xrmri.records import SPLITS


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


def split_participants(
    kl_by_participant: Mapping[str, int | None], shares: Sequence[float], seed: int
) -> dict[str, str]:
    """Each participant's split, with equal shares in each KL grade.

    Participants are put in an order that depends on the seed, grade by grade; each in turn goes to the split that is
    furthest behind its share.
    """

    def place(participant: str) -> tuple[int, str]:
        grade = kl_by_participant[participant]
        return -1 if grade is None else grade, hashlib.sha256(f"{seed} {participant}".encode()).hexdigest()

    chosen: dict[str, str] = {}
    counts = dict.fromkeys(SPLITS, 0)
    for number, participant in enumerate(sorted(kl_by_participant, key=place), start=1):
        behind = {split: share * number - counts[split] for split, share in zip(SPLITS, shares, strict=True)}
        split = max(SPLITS, key=lambda name: behind[name])
        counts[split] += 1
        chosen[participant] = split
    return chosen
