"""Which knee is which: from where the boxes lie, what the film's description promises, and where the fibula is.

A knee on the wrong side is worse than a knee missed: what cannot be told, or contradicts itself, is left out, and why.
Image left is the patient's right on a film of both knees, whatever its Laterality tag says (446 of 3,621 bilateral OAI
films carry a misleading one). The fibula lies laterally: a film of one knee that is mirrored, or said to show the other
knee, gives itself away. A film of both knees that is mirrored as a whole does not: its fibulas still point outward.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from xrmri.detector.detect import FAINTEST, Detector, find_knees, with_fibula
from xrmri.records import LEFT, RIGHT, KneeBox, Radiograph

_CLEARLY = 2.0
"""A third box counts when it scores more than the second over this (choice)."""
_ALIKE = 1.6
"""Two knees of a film differ less than this in size, and lie less than this many boxes apart in height (choice)."""
_PERHAPS = 0.1
"""Scores below are nothing (measured: the second knee of a film on a light box scored 0.26, what else lay on films of
one knee and was as large 0.01 at most)."""
_MIRRORED = 0.9
"""Surer than this that the fibulas lie medially, a film is refused (choice)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LeftOut:
    """A knee, or a whole film, that cannot be used."""

    reason: str
    score: float
    """Of the best box that was left out, 0 where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """What was made of one film."""

    knees: tuple[KneeBox, ...]
    """Each with its side."""
    left_out: tuple[LeftOut, ...]
    boxes: tuple[KneeBox, ...]
    """Everything that scored enough, used or not."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Look:
    """A film, and everything on it that may be a knee."""

    detector: Detector
    film: Radiograph
    """Bone bright, but where a picture is a negative."""
    boxes: Sequence[KneeBox]
    """However faint, from image left to right."""

    def surer(self, min_score: float) -> list[KneeBox]:
        """The boxes that score enough."""
        return [box for box in self.boxes if box.score >= min_score]

    def perhaps_another(self, sure: KneeBox) -> KneeBox | None:
        """The best fainter box that may be the other knee of a film: as large as a sure one, as high, and beside it."""
        (x0, _, x1, _), beside = sure.corners, [box for box in self.boxes if _PERHAPS <= box.score < sure.score]
        alike = [box for box in beside if _alike(box, sure) and (box.corners[2] <= x0 or box.corners[0] >= x1)]
        return max(alike, key=lambda box: box.score, default=None)


def look_at(detector: Detector, film: Radiograph) -> Look:
    """Look once at a film, any size, with a detector from load_detector."""
    return Look(detector=detector, film=film, boxes=find_knees(detector, film, min_score=FAINTEST))


def see_knees(look: Look, *, knees: int | None, side: str | None, min_score: float) -> Seen:
    """Tell the knees of a film apart.

    Args:
        look: at the film, bone bright.
        knees: how many the film's description promises; None where nothing tells.
        side: the knee that a film of one shows; None where nobody knows.
        min_score: boxes below are not knees, in (0, 1).
    """
    found = tuple(with_fibula(look.detector, look.film, look.surer(min_score)))
    faint = max((box.score for box in look.boxes if box.score < min_score), default=0.0)
    told, left_out = tell_apart(found, look.film.pixels.shape[1], knees=knees, side=side, faint=faint)
    return Seen(knees=told, left_out=left_out, boxes=found)


def tell_apart(
    found: Sequence[KneeBox], width: int, *, knees: int | None, side: str | None, faint: float = 0.0
) -> tuple[tuple[KneeBox, ...], tuple[LeftOut, ...]]:
    """The knees whose side is known, and why others are left out.

    Args:
        found: boxes from image left to right.
        width: columns of the film.
        knees: how many the description promises; None where nothing tells.
        side: the knee that a film of one shows; None where nobody knows.
        faint: best score among the boxes that scored too little.
    """
    best = sorted(found, key=lambda box: -box.score)
    scores = ", ".join(f"{box.score:.2f}" for box in best)
    if not found:
        return _none(f"no knee found: the best score, {faint:.2f}, is below --min-score", faint)
    if knees == 1 and len(found) > 1:
        return _none(f"{len(found)} knees found (scores {scores}) where the description promises one", best[1].score)
    if len(found) > 1:
        return _pair(best, scores)
    if knees == 2:
        return _one_of_two(found[0], width, faint)
    return _alone(found[0], side)


def _alone(box: KneeBox, side: str | None) -> tuple[tuple[KneeBox, ...], tuple[LeftOut, ...]]:
    """The knee of a film that shows one."""
    if side is None:
        looks = RIGHT if box.fibula_left > 0.5 else LEFT
        return _none(
            f"one knee found (score {box.score:.2f}) and nothing tells which: give --side left or --side right "
            f"(its fibula lies as on a {looks} knee)",
            box.score,
        )
    told = replace(box, side=side)
    if _mirrored(told) > _MIRRORED:
        toward = LEFT if box.fibula_left > 0.5 else RIGHT
        return _none(f"not a {side} knee, or mirrored: its fibula lies at image {toward}", box.score)
    return (told,), ()


def _pair(best: list[KneeBox], scores: str) -> tuple[tuple[KneeBox, ...], tuple[LeftOut, ...]]:
    """The two best boxes as a right and a left knee."""
    if len(best) > 2 and best[2].score * _CLEARLY > best[1].score:
        return _none(f"{len(best)} knees found (scores {scores}): a film shows two at most", best[2].score)
    extra = tuple(
        LeftOut(reason=f"one more box, score {box.score:.2f}, passed over", score=box.score) for box in best[2:]
    )
    first, second = sorted(best[:2], key=lambda box: box.corners[0] + box.corners[2])
    if not _alike(first, second):
        return _none(f"2 boxes found (scores {scores}) that differ too much to be knees of one film", best[1].score)
    pair = replace(first, side=RIGHT), replace(second, side=LEFT)
    if _mirrored(*pair) > _MIRRORED:
        return _none(f"the fibulas of both knees (scores {scores}) point inward: halves exchanged?", best[0].score)
    return pair, extra


def _one_of_two(box: KneeBox, width: int, faint: float) -> tuple[tuple[KneeBox, ...], tuple[LeftOut, ...]]:
    """The one knee found on a film of both, when it lies in one half."""
    middle = width / 2
    if box.corners[0] < middle < box.corners[2]:
        return _none(f"one knee found (score {box.score:.2f}) in the middle of a film that should show two", box.score)
    here, other = (RIGHT, LEFT) if box.corners[2] <= middle else (LEFT, RIGHT)
    told = replace(box, side=here)
    if _mirrored(told) > _MIRRORED:
        return _none(f"the fibula of the only knee found (score {box.score:.2f}) points inward", box.score)
    reason = f"{other} knee not found: only the {here} one, score {box.score:.2f}"
    return (told,), (LeftOut(reason=reason, score=faint),)


def _none(reason: str, score: float) -> tuple[tuple[KneeBox, ...], tuple[LeftOut, ...]]:
    """Nothing that can be used."""
    return (), (LeftOut(reason=reason, score=score),)


def _alike(one: KneeBox, other: KneeBox) -> bool:
    """Whether two boxes may be the knees of one person: about as large, about as high."""
    heights = [box.corners[3] - box.corners[1] for box in (one, other)]
    apart = abs(one.corners[1] + one.corners[3] - other.corners[1] - other.corners[3]) / 2
    return max(heights) < _ALIKE * min(heights) and apart < _ALIKE * max(heights)


def _mirrored(*knees: KneeBox) -> float:
    """How surely the fibulas of knees with a side lie medially, in (0, 1): all of them together."""
    odds = 1.0
    for knee in knees:
        right = min(max(knee.fibula_left, 0.02), 0.98)
        odds *= (1 - right) / right if knee.side == RIGHT else right / (1 - right)
    return odds / (1 + odds)
