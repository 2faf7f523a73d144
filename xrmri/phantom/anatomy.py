"""Who is in the synthetic cohort: a person, two knees, their shape and their true grades."""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from xrmri.phantom.disease import KL_SHARES, draw_grades
from xrmri.phantom.shape import Body, Shape, draw_shape, draw_sibling

LEFT_FLASH = 0.1
"""Share of people in OAI whose left knee has the FLASH (inferred: the right one unless it could not be used)."""
_IDS = 99_991  # a prime: the stride below then visits every ID once


@dataclass(frozen=True, kw_only=True, slots=True)
class Knee:
    """One knee: what it looks like when healthy, and its disease."""

    side: str
    """"right" or "left"."""
    grades: Mapping[str, int]
    """True grades by OAI variable without the visit prefix, XRKL included."""
    shape: Shape


@dataclass(frozen=True, kw_only=True, slots=True)
class Participant:
    """One person of the cohort."""

    participant: str
    """Seven digits."""
    sex: str
    """"male" or "female"."""
    age_years: int
    bmi: float
    """kg/m2."""
    right: Knee
    left: Knee
    imaged_side: str
    """The knee that has FLASH."""
    rarely_read_missing: bool
    """True when only XRKL, XRJSM and XRJSL were read."""
    seed: int
    index: int
    twin: int = 0
    """0, or which twin: all that neither film nor readings tell is the twin's own."""

    def knee(self, side: str) -> Knee:
        """The right or the left knee."""
        return self.right if side == "right" else self.left

    def unseen(self, purpose: str, *numbers: int) -> np.random.Generator:
        """A generator of what neither film nor readings tell: the person's own, and another for each twin."""
        return stream(purpose, self.seed, self.index, *numbers, self.twin)


def stream(purpose: str, *numbers: int) -> np.random.Generator:
    """A generator that depends on its purpose and numbers alone, never on who draws first."""
    return np.random.default_rng([crc32(purpose.encode()), *numbers])


def draw_participant(seed: int, index: int, twin: int = 0, *, left_flash: float = LEFT_FLASH) -> Participant:
    """Draw one person.

    Args:
        seed: of the cohort, 0 or more.
        index: of the person in the cohort, 0 to 99990.
        twin: 0, or more for someone with the same film, bones and grades, and all else their own.
        left_flash: share of people whose left knee is scanned; it changes nothing else.

    Returns:
        the person; the same for the same numbers.
    """
    generator, unseen = stream("participant", seed, index), stream("unseen", seed, index, twin)
    sex = "female" if generator.random() < 0.58 else "male"
    bmi = float(np.clip(generator.normal(28.5, 4.8), 18.5, 44.0))
    age_years = int(generator.integers(45, 80))
    body = Body(male=sex == "male", age_years=age_years, bmi=bmi)
    shape = draw_shape(generator, stream("outline", seed, index), unseen, body)
    other = draw_sibling(generator, unseen, shape)
    kl_right, kl_left = _draw_kl_pair(generator)
    right_first = generator.random() < 0.5
    right = Knee(side="right", grades=draw_grades(generator, kl_right), shape=shape if right_first else other)
    left = Knee(side="left", grades=draw_grades(generator, kl_left), shape=other if right_first else shape)
    not_read_share = (0.92, 0.80, 0.38, 0.12, 0.04)[max(kl_right, kl_left)]
    return Participant(
        participant=str(9_000_000 + (7_919 * index + crc32(str(seed).encode())) % _IDS),
        sex=sex,
        age_years=age_years,
        bmi=round(bmi, 1),
        right=right,
        left=left,
        imaged_side="left" if generator.random() < left_flash else "right",
        rarely_read_missing=bool(generator.random() < not_read_share),
        seed=seed,
        index=index,
        twin=twin,
    )


def _draw_kl_pair(generator: np.random.Generator) -> tuple[int, int]:
    """KL of both knees: they agree more often than chance, as in OAI."""
    right, other = (int(kl) for kl in generator.choice(5, size=2, p=KL_SHARES))
    left = int(np.clip(right + generator.integers(-1, 2), 0, 4)) if generator.random() < 0.55 else other
    return (right, left) if generator.random() < 0.5 else (left, right)
