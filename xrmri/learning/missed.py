"""What an anchor missed of people whom it had not met, as far as the film's reader and the readings can tell it.

    x - E[x | y, r]  =  sum over k of share_k(told(y, r), r) pattern_k  +  what nobody can tell

Shares are linear, by ridge regression. Two things are won. An anchor expects too much of what it learnt by heart, and
other people correct that. And a sign that few knees have (a cyst: 4 of 100) weighs next to nothing in a mean over
millions of voxels: a network leaves it out, where a regression on the readings finds it at once. A sign's own pattern
is kept where it is told from chance, voxel by voxel, and is zero elsewhere.

Sums of patterns change brightness and move no edge: where the mean knee's rows change most, at the joint, they take all
spaces for nearly one width, so there the network is left alone (docs/demo-model.md).

Shapes: N knees, each seen twice, T numbers told, F feature slots, D x P x P voxels of an anchor's volume,
V = D' x P x P' of a pattern, K patterns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from xrmri.config import Progress
from xrmri.data.features import KL, FeatureSet, slots_of
from xrmri.data.slices import Purpose, random_numbers, seen_knee
from xrmri.data.store import Dataset
from xrmri.data.view import View
from xrmri.errors import InconsistentError
from xrmri.learning.anchor import coarse_volume, edges
from xrmri.learning.encoding import encoded
from xrmri.models.anchor import Anchor, narrowed, pattern_shape, widened

PATTERNS, SIGNS = 6, 7
"""Of what is told of a knee, and of single readings, at most. Fitted to 504 people, four of the former and nine of the
latter tell 2.7 % of what was missed of others, eight and nine 3.0 %, sixteen and nine 2.9 % (measured); as many as
these leave the bundled weights under 40 MB."""
FOLDS = 4
"""By participant: who is left out of a fit judges it."""
_PRIOR_TOLD, _PRIOR_READINGS, _PRIOR_SIGNS = 5_000.0, 400.0, 2.0
"""How large shares are before anything is seen: what a knee's noise has over what one number adds, as variances. The
first two tell most of people left out, from 2,000 to 10,000 and 200 on next to as much (measured)."""
_TOLD_FROM_CHANCE = 4.0
"""Standard errors that the effect of a sign must have at a voxel; of 100,000 voxels 6 have it by chance."""
_CLEAR = 6.0
"""And at its clearest, for the sign to have a pattern of its own."""
_AT_ONCE = 16
_FEWEST = 40
"""Knees of whom everything was read, for signs to have patterns."""


class SeenTwice(NamedTuple):
    """Knees as the anchor saw them, N with all that was read of them and then the same with less."""

    told: Tensor
    """(2 N, T)."""
    features: Tensor
    """(2 N, F)."""
    missed: Tensor
    """(2 N, D, P, P) float16: acquired less expected."""
    people: tuple[str, ...]
    """Participant of each of the 2 N."""

    def of(self, rows: np.ndarray) -> "SeenTwice":
        """Some of them."""
        chosen = torch.from_numpy(rows)
        kept = tuple(self.people[row] for row in rows)
        return SeenTwice(self.told[chosen], self.features[chosen], self.missed[chosen], kept)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Patterns:
    """What an anchor gets on top."""

    weight: Tensor
    """(K, T + F)."""
    bias: Tensor
    """(K,)."""
    patterns: Tensor
    """(K, D', P, P')."""
    signs: tuple[str, ...]
    """The readings that have one of their own."""

    def told_of(self, knees: SeenTwice) -> Tensor:
        """What they tell of knees: (2 N, D, P, P)."""
        shares = torch.cat([knees.told, knees.features], dim=1) @ self.weight.T + self.bias
        return widened(torch.einsum("bk,kdhw->bdhw", shares, self.patterns), knees.missed)


def seen_twice(
    anchor: Anchor, data: Dataset, pairs: Sequence[str], *, view: View, cache: Path, tell: Progress
) -> SeenTwice:
    """Look at knees through an anchor, with all that was read of them and then with less; made once, kept in `cache`.

    Args:
        anchor: float32, on the CPU.
        data: a dataset of its slices and frame.
        pairs: of people whom it has not met.
        view: how its model sees a knee.
        cache: a folder.
        tell: progress.
    """
    cache.mkdir(parents=True, exist_ok=True)
    seen = [(pair_id, less) for less in (False, True) for pair_id in pairs]

    def knee(number: int) -> tuple[Tensor, Tensor]:
        pair_id, less = seen[number]
        y, r = seen_knee(data, pair_id, view)
        shown = with_less(r, view.features, random_numbers(0, Purpose.IMAGE, number)) if less else r
        return torch.from_numpy(y)[None], torch.from_numpy(shown)[None]

    def acquired(numbers: range) -> Tensor:
        return torch.stack([coarse_volume(data, seen[number][0], anchor.sizes) for number in numbers])

    def missed(numbers: range, volumes: Tensor) -> Tensor:
        return volumes - torch.cat([anchor(*knee(number)) for number in numbers])

    array = encoded(cache / "missed.npy", len(seen), acquired, make=missed, tell=tell)
    with torch.inference_mode():
        looks = [knee(number) for number in range(len(seen))]
        told = torch.cat([anchor.told(*look) for look in looks])
    people = tuple(str(data.index.at[pair_id, "participant"]) for pair_id, _ in seen)
    return SeenTwice(told, torch.cat([look[1] for look in looks]), torch.from_numpy(np.array(array)), people)


def with_less(r: np.ndarray, readings: FeatureSet, numbers: np.random.Generator) -> np.ndarray:
    """r (F,) with nothing read, or only the grade, as people have it who read no more; half without covariates."""
    less = np.zeros_like(r)
    if KL in readings.names and numbers.random() < 0.5:
        grade = slots_of([KL], readings)
        less[grade] = r[grade]
    if numbers.random() < 0.5:
        less[readings.slots :] = r[readings.slots :]
    return less


def learn_patterns(knees: SeenTwice, readings: FeatureSet, anchor: Anchor) -> Patterns:
    """Fit the patterns of an anchor to what it missed of knees."""
    flat = 1 - edges(anchor.template.detach())
    coarse = [narrowed(some.float() * flat, anchor.sizes) for some in knees.missed.split(_AT_ONCE)]
    missed = torch.cat(coarse).flatten(1)
    signs, own = _of_signs(knees, readings, missed)
    missed = missed - _grades(knees.features, readings, signs) @ own
    always, slots = missed.mean(dim=0), knees.features.shape[1]
    z, centre, spread = _scaled(knees.told, knees.features)
    slope = _ridge(z, missed - always, _priors(z, slots), looks=2)
    # The patterns that tell most: principal components of what is told of these knees.
    found = z @ slope
    count = min(PATTERNS, len(found) - 1)
    components = torch.linalg.eigh(found @ found.T).eigenvectors[:, -count:].T @ found
    components = components / components.norm(dim=1, keepdim=True).clamp_min(1e-6) * len(found) ** 0.5
    share = components @ slope.T / components.square().sum(dim=1, keepdim=True) / spread
    of_signs = _grade_slots(readings, signs, slots)
    return Patterns(
        weight=torch.cat([share, torch.zeros(1, share.shape[1]), pad(of_signs, (share.shape[1] - slots, 0))]),
        bias=torch.cat([-share @ centre, torch.ones(1), torch.zeros(len(signs))]),
        patterns=torch.cat([components, always[None], own]).reshape(-1, *pattern_shape(anchor.sizes)),
        signs=signs,
    )


def with_patterns(anchor: Anchor, found: Patterns) -> Anchor:
    """The same anchor with patterns on top, in place of any that it has."""
    other = Anchor(replace(anchor.sizes, patterns=len(found.patterns)))
    state = {name: value for name, value in anchor.state_dict().items() if name in other.state_dict()}
    own = {"shares.weight": found.weight, "shares.bias": found.bias, "patterns": found.patterns}
    own["deviation"] = narrowed(anchor.spread()[None], anchor.sizes)[0]
    other.load_state_dict(state | own)
    return other.eval().requires_grad_(False)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Judged:
    """What patterns told of people who had no part in them."""

    share: float
    """Of the squares that the anchor missed with all readings."""
    deviation: Tensor
    """(D, P, P): what is missed still at each place, a root mean square."""


def judge(knees: SeenTwice, readings: FeatureSet, anchor: Anchor) -> Judged:
    """Fit patterns to all but a fold of the people, look at those of the fold, and so with each.

    Raises:
        InconsistentError: fewer people than folds.
    """
    names = sorted(set(knees.people))
    if len(names) < FOLDS:
        raise InconsistentError(f"patterns need knees of {FOLDS} people, here are {len(names)}: give a larger dataset")
    number = {name: place % FOLDS for place, name in enumerate(names)}
    fold = np.array([number[name] for name in knees.people])
    whole = np.arange(len(fold)) < len(fold) // 2  # with all that was read
    there, left = 0.0, torch.zeros(knees.missed.shape[1:], dtype=torch.float64)
    for one in range(FOLDS):
        found = learn_patterns(knees.of(np.flatnonzero(fold != one)), readings, anchor)
        for row in np.flatnonzero((fold == one) & whole):
            knee = knees.of(np.array([row]))
            there += float(knee.missed.double().square().sum())
            left += (knee.missed - found.told_of(knee))[0].double().square()
    share = 1 - float(left.sum()) / max(there, 1e-12)
    return Judged(share=share, deviation=(left / int(whole.sum())).sqrt().float())


def _of_signs(knees: SeenTwice, readings: FeatureSet, missed: Tensor) -> tuple[tuple[str, ...], Tensor]:
    """Readings whose grade changes some voxels beyond chance, beside all else that is told, and by how much a grade.

    Returns:
        at most 9 names, and (that many, V): zero wherever chance may have done it.
    """
    rows = _read(knees.features, readings).all(dim=1)
    rows[len(rows) // 2 :] = False  # what is known and was not told says nothing of a sign
    if int(rows.sum()) < _FEWEST:
        return (), missed[:0]
    names, slots = readings.names, knees.features.shape[1]
    told, features, missed = knees.told[rows], knees.features[rows], missed[rows]
    grades = _grades(features, readings, names)
    z = torch.cat([_scaled(told, features)[0], grades - grades.mean(dim=0)], dim=1)
    priors = torch.cat([_priors(z[:, : -len(names)], slots), torch.full((len(names),), _PRIOR_SIGNS)])
    missed = missed - missed.mean(dim=0)
    slope = _ridge(z, missed, priors)
    noise = (missed - z @ slope).square().sum(dim=0) / max(len(z) - len(names), 1)
    inverse = torch.linalg.inv(z.T @ z + priors.diag())
    spread = (inverse @ (z.T @ z) @ inverse).diagonal()[-len(names) :, None]
    effect, error = slope[-len(names) :], (spread * noise).sqrt().clamp_min(1e-9)
    clearness = (effect / error).abs()
    clearest = clearness.amax(dim=1)
    order = [row for row in clearest.argsort(descending=True).tolist() if clearest[row] > _CLEAR][:SIGNS]
    kept = (1 - (_TOLD_FROM_CHANCE / clearness.clamp_min(1e-6)).square()).clamp_min(0)  # James and Stein, positive part
    return tuple(names[row] for row in order), (effect * kept)[order]


def _scaled(told: Tensor, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What is told of knees and r, (2 N, T + F), about their means, the former in standard deviations; and both."""
    z = torch.cat([told, features], dim=1).float()
    centre, spread = z.mean(dim=0), torch.ones(z.shape[1])
    spread[: told.shape[1]] = told.float().std(dim=0).clamp_min(1e-6)
    return (z - centre) / spread, centre, spread


def _priors(z: Tensor, slots: int) -> Tensor:
    """Of each number of `_scaled`."""
    return torch.cat([torch.full((z.shape[1] - slots,), _PRIOR_TOLD), torch.full((slots,), _PRIOR_READINGS)])


def _ridge(z: Tensor, missed: Tensor, priors: Tensor, *, looks: int = 1) -> Tensor:
    """The slopes (numbers, V) that tell what was missed, where each knee was looked at so many times."""
    return torch.linalg.solve(z.T @ z / looks + priors.diag(), z.T @ missed / looks)


def _grade_slots(readings: FeatureSet, names: Sequence[str], slots: int) -> Tensor:
    """The grade that each slot of r stands for: (names, F); zero in the slots of other readings."""
    grades = torch.zeros(len(names), slots)
    for row, name in enumerate(names):
        grades[row, slots_of([name], readings)] = torch.tensor(readings.allowed(name), dtype=torch.float32)
    return grades


def _grades(features: Tensor, readings: FeatureSet, names: Sequence[str]) -> Tensor:
    """The grades of some readings, 0 where nobody read: (2 N, names)."""
    return features @ _grade_slots(readings, names, features.shape[1]).T


def _read(features: Tensor, readings: FeatureSet) -> Tensor:
    """Whether each reading was made: (2 N, readings) bool."""
    return torch.stack([features[:, slots_of([name], readings)].any(dim=1) for name in readings.names], dim=1)
