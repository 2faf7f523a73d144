"""Where a reading acts and what is seen of it, against the phantom's maps of signs (Table III), for `make reproduce`.

    python -m tests.reproduction.signs FOLDER LABELS VOLUMES SIGN...

LABELS has one map a knee (`phantom --labels`), VOLUMES what each method drew of the test knees, FOLDER/signs what was
drawn of them without and with each sign. FOLDER/signs/found.json has two lists. `voxels`: the area under the ROC curve
of the change between without and with, for the sign's own voxels against all others, and for the same voxels of the
other compartment. `knees`: the area for telling knees that have the sign from those that lack it, by brightness in the
place where the training knees have it, and in the same place of the other compartment.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import affine_transform
from scipy.stats import mannwhitneyu, rankdata, wilcoxon

from tests.reproduction.pictures import sign_figure
from xrmri.data.alignment import matching_slices, unit_range
from xrmri.data.store import Dataset, open_dataset
from xrmri.evaluation.comparison import placed, window_of
from xrmri.formats.nifti import read_volume
from xrmri.metrics.difference import difference, holm
from xrmri.metrics.interval import drawn_again, interval_of, spread
from xrmri.storage.files import write_json

RESAMPLES, SEED = 2_000, 0
FLIPPED = ("xray2mri", "anchored")
TOLD_NOTHING = "no-readings"
FEWEST = 2
"""Knees with a sign, and without it, below which nothing is told of it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Knees:
    """The knees of a cohort and where each sign lies in them."""

    data: Dataset
    labels: Path

    def sign(self, pair_id: str, code: int) -> np.ndarray:
        """(S, H, W) bool on the grid of the dataset."""
        return laid(self.labels / f"{pair_id}_signs.nii.gz", self.data, pair_id) == code

    def acquired(self, pair_id: str) -> tuple[np.ndarray, np.ndarray]:
        """(S, H, W) in [0, 1], and the (S,) numbers of its slices."""
        voxels = unit_range(self.data.volume(pair_id), self.data.window(pair_id))
        return voxels, np.arange(len(voxels))

    def drawn(self, folder: Path, pair_id: str) -> tuple[np.ndarray, np.ndarray]:
        """(n, H, W) in [0, 1] as a file has them, and the (n,) slices of the dataset that they stand for."""
        file, shape = folder / f"{pair_id}.nii.gz", self.data.geometry(pair_id).shape
        voxels = placed(pair_id, file, self.data, shape)
        ours, theirs = matching_slices(len(voxels), shape[0])
        return unit_range(voxels[ours], window_of(file, self.data.window(pair_id))), theirs


def laid(file: Path, data: Dataset, pair_id: str) -> np.ndarray:
    """A map of codes on the grid of a pair, by the nearest voxel: (S, H, W) uint8, 0 outside the map."""
    codes, ours = read_volume(file), data.scanner_geometry(pair_id)
    to_map = np.linalg.inv(codes.geometry.affine) @ ours.affine
    return affine_transform(codes.voxels.astype(np.uint8), to_map[:3, :3], to_map[:3, 3], ours.shape, order=0)


def across(of: np.ndarray) -> np.ndarray:
    """The same place of the other compartment: every knee of a dataset looks right."""
    return of[..., ::-1]


def area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Under the ROC curve; NaN where one of the two groups is empty."""
    if positive.all() or not positive.any():
        return float("nan")
    count = int(positive.sum())
    above = rankdata(scores)[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (len(scores) - count)))


def voxels(knees: Knees, pairs: Sequence[str], folders: tuple[Path, Path], code: int) -> dict[str, Any] | None:
    """How well the change tells the sign's voxels, in its place and in the other compartment."""
    own, other, whose = [], [], []
    for pair_id in pairs:
        (without, slices), (with_sign, _) = (knees.drawn(folder, pair_id) for folder in folders)
        mask = knees.sign(pair_id, code)[slices]
        change = np.abs(with_sign - without)
        if mask.any() and change.any():
            elsewhere = across(mask) & ~mask
            own.append(area(change.ravel(), mask.ravel()))
            other.append(area(change.ravel(), elsewhere.ravel()))
            whose.append(str(knees.data.index.at[pair_id, "participant"]))
    inside, outside = np.array(own), np.array(other)
    found = difference(inside, outside, whose, resamples=RESAMPLES, seed=SEED) if whose else None
    if found is None:
        return None
    places = {"inside": inside, "outside": outside}
    told = {name: _spread(values, whose) for name, values in places.items()}
    return {"knees": len(whose), **told, "less": {"median": found.median, "interval": found.interval}, "p": found.p}


def _spread(values: np.ndarray, whose: Sequence[str]) -> dict[str, Any] | None:
    found = spread(values, whose, resamples=RESAMPLES, seed=SEED)
    return found and asdict(found)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Place:
    """Where training knees have a sign, and whether it is bright there."""

    weight: np.ndarray
    """(S, H, W) share of the training knees with the sign that have it at a voxel."""
    bright: bool

    def scores(self, volume: np.ndarray, slices: np.ndarray) -> tuple[float, float]:
        """More of the sign is more: in its place and in the other compartment."""
        weights = self.weight[slices], across(self.weight)[slices]
        return tuple(
            float((volume * one).sum() / one.sum()) * (1 if self.bright else -1) if one.any() else 0.0
            for one in weights
        )


def learn_place(knees: Knees, code: int, split: str = "train") -> Place | None:
    """From the knees of a split; None where fewer than two have the sign, or lack it."""
    weight, means, having = np.zeros(()), {True: np.zeros(()), False: np.zeros(())}, {True: 0, False: 0}
    for pair_id in knees.data.pairs(split):
        mask = knees.sign(pair_id, code)
        has = bool(mask.any())
        weight = weight + mask
        means[has] = means[has] + knees.acquired(pair_id)[0]
        having[has] += 1
    if min(having.values()) < FEWEST:
        return None
    weight = weight / having[True]
    apart = means[True] / having[True] - means[False] / having[False]
    return Place(weight=weight, bright=float((apart * weight).sum()) > 0)


def area_among_others(values: np.ndarray, person: np.ndarray) -> float:
    """How often, of (people, 2) drawn without and with, the latter is above another person's former; a tie is half."""
    less = values[:, None, 1] - values[None, :, 0]
    others = person[:, None] != person[None, :]
    return float((np.sign(less[others]) / 2 + 0.5).mean()) if others.any() else float("nan")


Seen = Callable[[str], tuple[np.ndarray, np.ndarray]]


def telling(place: Place, seen: Seen, pairs: Sequence[str], has: np.ndarray) -> dict[str, Any] | None:
    """Knees that have a sign told from those that lack it; participants are drawn again for the interval."""
    if min(has.sum(), (~has).sum()) < FEWEST:
        return None
    own, other = np.array([place.scores(*seen(pair_id)) for pair_id in pairs]).T
    draws = drawn_again(len(pairs), resamples=RESAMPLES, seed=SEED)
    found: dict[str, Any] = {"knees": [int(has.sum()), int((~has).sum())]}
    for name, scores in (("inside", own), ("outside", other)):
        again = np.array([area(scores[rows], has[rows]) for rows in draws])
        found[name] = {"median": area(scores, has), "interval": interval_of(again, len(pairs))}
    return found | {"p": float(mannwhitneyu(own[has], own[~has]).pvalue)}


def told_apart(place: Place, without: Seen, with_sign: Seen, pairs: Sequence[str]) -> dict[str, Any]:
    """The same knees drawn without and with the sign, told apart; both of a participant are drawn again together.

    A knee is held against other people's only: beside itself it always differs by the sign alone, and people drawn
    twice would bring in twice as many such pairs, so that the interval would miss what it belongs to.
    """
    scores = np.array([[place.scores(*seen(pair_id)) for seen in (without, with_sign)] for pair_id in pairs])
    draws = drawn_again(len(pairs), resamples=RESAMPLES, seed=SEED)
    found: dict[str, Any] = {"knees": [len(pairs), len(pairs)]}
    for name, values in (("inside", scores[..., 0]), ("outside", scores[..., 1])):
        again = np.array([area_among_others(values[rows], rows) for rows in draws])
        whole = area_among_others(values, np.arange(len(pairs)))
        found[name] = {"median": whole, "interval": interval_of(again, len(pairs))}
    less = scores[:, 1, 0] - scores[:, 0, 0]
    return found | {"p": float(wilcoxon(less).pvalue) if less.any() else 1.0}


def change_rows(knees: Knees, drawn: Mapping[str, tuple[Path, Path]], code: int) -> dict[str, dict[str, Any] | None]:
    """Method -> what its change tells of the voxels."""
    return {name: voxels(knees, knees.data.pairs("test"), folders, code) for name, folders in drawn.items()}


def knee_rows(
    knees: Knees, drawn: Mapping[str, tuple[Path, Path]], volumes: Path, code: int
) -> dict[str, dict[str, Any] | None]:
    """Source of volumes -> how well knees with the sign are told from those without it."""
    place, pairs = learn_place(knees, code), knees.data.pairs("test")
    if place is None:
        return {}
    has = np.array([bool(knees.sign(pair_id, code).any()) for pair_id in pairs])
    sources: dict[str, Seen] = {"acquired": knees.acquired}
    sources |= {name: partial(knees.drawn, volumes / name) for name in (*drawn, TOLD_NOTHING)}
    rows = {name: telling(place, seen, pairs, has) for name, seen in sources.items()}
    for name, folders in drawn.items():
        rows[f"{name}, told"] = told_apart(place, *(partial(knees.drawn, one) for one in folders), pairs)
    return rows


def largest(knees: Knees, code: int) -> tuple[str, int] | None:
    """The test knee with most of a sign, and the slice that shows most of it."""
    sizes = {pair_id: knees.sign(pair_id, code).sum(axis=(1, 2)) for pair_id in knees.data.pairs("test")}
    pair_id = max(sizes, key=lambda name: int(sizes[name].sum()))
    return (pair_id, int(sizes[pair_id].argmax())) if sizes[pair_id].any() else None


def show(knees: Knees, drawn: Mapping[str, tuple[Path, Path]], code: int, files: Mapping[str, Path]) -> None:
    """Picture the largest sign, as acquired and as each method draws the knee without and with it."""
    shown = largest(knees, code)
    if shown is None:
        return
    pair_id, depth = shown
    acquired, mask = knees.acquired(pair_id)[0], knees.sign(pair_id, code)
    for name, folders in drawn.items():
        (without, slices), (with_sign, _) = (knees.drawn(folder, pair_id) for folder in folders)
        row = int(np.abs(slices - depth).argmin())
        panels = {"acquired": acquired[slices[row]], "free of it": without[row], "having it": with_sign[row]}
        sign_figure(panels, mask[slices[row]], files[name])


def main(work: Path, labels: Path, volumes: Path, signs: Sequence[str]) -> None:
    codes = json.loads((labels / "codes.json").read_text(encoding="utf-8"))["signs"]
    knees = Knees(data=open_dataset(work / "dataset"), labels=labels)
    out, found = work / "signs", {"voxels": [], "knees": []}
    for sign in signs:
        code = codes[sign.removeprefix("V00")]
        drawn = {
            name: (out / f"{sign}-{name}-0", out / f"{sign}-{name}-1")
            for name in FLIPPED
            if (out / f"{sign}-{name}-1").is_dir()
        }
        for kind, rows in (
            ("voxels", change_rows(knees, drawn, code)),
            ("knees", knee_rows(knees, drawn, volumes, code)),
        ):
            found[kind] += [{"sign": sign, "volumes": name, **row} for name, row in rows.items() if row]
        show(knees, drawn, code, {name: out / f"table3-{sign}-{name}.png" for name in drawn})
    for rows in found.values():
        for row, corrected in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p_holm"] = corrected
    write_json(out / "found.json", found)
    print(out / "found.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
