"""Which signs of osteoarthritis a knee has: one grade per OAI radiograph reading, correlated as in OA."""

from collections.abc import Mapping

import numpy as np

GRADE_LIMITS: Mapping[str, int] = {
    "XROSFM": 3, "XROSFL": 3, "XROSTM": 3, "XROSTL": 3,
    "XRSCFM": 3, "XRSCFL": 3, "XRSCTM": 3, "XRSCTL": 3,
    "XRCYFM": 1, "XRCYFL": 1, "XRCYTM": 1, "XRCYTL": 1,
    "XRATTM": 3, "XRATTL": 3, "XRCHM": 1, "XRCHL": 1,
    "XRJSM": 3, "XRJSL": 3, "XRKL": 4,
}  # fmt: skip
"""Highest grade of each reading; the lowest is 0 (OAI kXR_SQ_BU)."""

KL_SHARES = (0.42, 0.19, 0.22, 0.13, 0.04)
"""Share of knees with KL 0-4: OAI baseline (.46 .21 .20 .10 .02), tilted a little towards disease."""

_OSTEOPHYTE_MEAN = (0.0, 0.45, 1.1, 1.7, 2.3)
_SCLEROSIS_MEAN = (0.0, 0.05, 0.35, 1.2, 2.1)


def kellgren_lawrence(grades: Mapping[str, int]) -> int:
    """The KL grade that osteophytes and narrowing of a knee amount to.

    Args:
        grades: readings by variable name; XRKL itself is not looked at.

    Returns:
        0-4: 4 bone on bone, 3 definite narrowing with an osteophyte, 2 definite osteophytes, 1 one doubtful sign.
    """
    osteophytes = [grades[name] for name in ("XROSFM", "XROSFL", "XROSTM", "XROSTL")]
    narrowing = max(grades["XRJSM"], grades["XRJSL"])
    definite = max(osteophytes) > 1 or sum(osteophytes) > 1
    if narrowing == GRADE_LIMITS["XRJSM"] and definite:
        return 4
    if narrowing > 1 and definite:
        return 3
    if definite:
        return 2
    return int(max(osteophytes) > 0 or narrowing > 0)


def draw_grades(generator: np.random.Generator, kl_grade: int) -> dict[str, int]:
    """Draw every reading of one knee, such that they amount to a KL grade.

    Args:
        generator: the knee's own stream.
        kl_grade: 0-4.

    Returns:
        the 19 readings, in the order of GRADE_LIMITS.
    """
    while True:
        grades = _candidate(generator, kl_grade)
        if kellgren_lawrence(grades) == kl_grade:
            return grades


def _candidate(generator: np.random.Generator, kl_grade: int) -> dict[str, int]:
    """Readings that suit a KL grade but need not amount to it."""
    grades = dict.fromkeys(GRADE_LIMITS, 0)
    worse, other = ("M", "L") if generator.random() < 0.75 else ("L", "M")
    grades[f"XRJS{worse}"] = (0, int(generator.random() < 0.2), int(generator.random() < 0.45), 2, 3)[kl_grade]
    grades[f"XRJS{other}"] = int(kl_grade > 1 and generator.random() < 0.12)
    for compartment, share in ((worse, 1.15), (other, 0.8)):
        narrowing = grades[f"XRJS{compartment}"]
        for bone in "FT":
            _draw_bone(
                generator,
                grades,
                bone + compartment,
                share * _OSTEOPHYTE_MEAN[kl_grade],
                narrowing=narrowing,
                kl_grade=kl_grade,
            )
        sunken = generator.random(3) < (0.02, 0.25, 0.45)
        grades[f"XRATT{compartment}"] = int(sunken.sum()) if narrowing > 2 else int(narrowing > 1 and sunken[1])
        grades[f"XRCH{compartment}"] = int(generator.random() < 0.06 + 0.02 * kl_grade)
    if grades[f"XRCH{worse}"] and generator.random() < 0.6:  # crystal disease seldom keeps to one compartment
        grades[f"XRCH{other}"] = 1
    grades["XRKL"] = kl_grade
    return grades


def _draw_bone(
    generator: np.random.Generator,
    grades: dict[str, int],
    site: str,
    osteophyte_mean: float,
    *, narrowing: int,
    kl_grade: int,
) -> None:
    """Osteophyte, sclerosis and cyst of one bone on one side of the joint; site such as "TM"."""
    grades[f"XROS{site}"] = _rounded(generator, osteophyte_mean, 0.7)
    sclerosis = _rounded(generator, _SCLEROSIS_MEAN[kl_grade] * (0.35 + 0.35 * narrowing), 0.6) if kl_grade else 0
    grades[f"XRSC{site}"] = sclerosis
    grades[f"XRCY{site}"] = int(generator.random() < (0.0, 0.12, 0.3, 0.5)[sclerosis])


def _rounded(generator: np.random.Generator, mean: float, spread: float) -> int:
    """A grade 0-3 about a mean; none at all where the mean is 0."""
    return int(np.clip(np.rint(generator.normal(mean, spread)), 0, 3)) if mean > 0 else 0
