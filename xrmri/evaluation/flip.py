"""Whether the grades act, and only in their place: volumes drawn with other grades, everything else the same.

Two folders of `xrmri generate` with the same seed differ by the grades alone (`--set V00XRJSM=3`), so whatever differs
between their volumes is the grades' doing. A grade's place follows from its name: femur or tibia, medial or lateral,
around the joint. KL and other grades of the whole knee have the joint as their place.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.data.alignment import matching_slices, unit_range
from xrmri.data.store import Dataset
from xrmri.errors import InputError
from xrmri.evaluation.comparison import placed, window_of
from xrmri.evaluation.entries import FlipEntry
from xrmri.formats.nifti import read_sidecar
from xrmri.metrics.interval import spread
from xrmri.metrics.metric import Reference
from xrmri.metrics.region import JointBand
from xrmri.storage.typed import UnfitError, fitted

SAME = (
    "sources",
    "model_sha256",
    "covariates_used",
    "seed",
    "num_slices",
    "sampler",
    "steps",
    "eta",
    "guidance",
    "guidance_features",
    "noise",
    "noise_length_mm",
    "precision",
)
"""What two sidecars must share, so that the grades alone can have changed anything."""
MEDIAL, LATERAL = "M", "L"
FEMUR, TIBIA = "F", "T"


def changed_grades(one: dict[str, object], other: dict[str, object]) -> dict[str, list[object]]:
    """Feature -> grade in the one and in the other sidecar, where they differ; None is missing.

    Raises:
        InputError: one of them holds no readings where they should stand.
    """
    try:
        told = (sidecar.get("features_used") or {} for sidecar in (one, other))
        first, second = (fitted(readings, Mapping[str, Any], "features_used") for readings in told)
    except UnfitError as error:
        raise InputError(f"the sidecar of a volume: {error}") from error
    names = sorted({*first, *second})
    return {name: [first.get(name), second.get(name)] for name in names if first.get(name) != second.get(name)}


def flip(pair_id: str, file: Path, flipped: Path, dataset: Dataset, *, sigma: float) -> dict[str, Any]:
    """What other grades changed in one volume.

    Returns:
        grades: which; change: root mean square in units of the window; inside: mean absolute change in the grades'
        place over that in the whole volume (1: no place), or None where no joint or no change is seen.

    Raises:
        InputError: the two do not belong together; one line.
    """
    sidecars = read_sidecar(file), read_sidecar(flipped)
    for name in SAME:
        if (sidecars[0].get(name) or None) != (sidecars[1].get(name) or None):  # earlier versions wrote no covariates
            raise InputError(f"{flipped.name} was drawn with another {name}: only grades may differ")
    grades = changed_grades(*sidecars)
    if not grades:
        raise InputError(f"{flipped.name} was drawn with the same grades: draw with --set NAME=GRADE")
    acquired, window = dataset.volume(pair_id), dataset.window(pair_id)
    one, other = (
        unit_range(placed(pair_id, each, dataset, acquired.shape), window_of(each, window)) for each in (file, flipped)
    )
    ours, theirs = matching_slices(len(one), len(acquired))
    change = np.abs(one - other)[ours]
    bands = Reference.of(unit_range(acquired[theirs], window), sigma).bands
    place = np.zeros(change.shape, bool)
    for index, band in enumerate(bands):
        if band:
            for name in grades:
                place[index][where(name, band, change.shape[2])] = True
    inside = None
    if place.any() and change.any():
        inside = float(change[place].mean() / change.mean())
    return {"grades": grades, "change": float(np.sqrt((change**2).mean())), "inside": inside}


def where(name: str, band: JointBand, width: int) -> tuple[slice, slice]:
    """Rows and columns in which a grade should act, in a knee that looks right: lateral is left in the picture."""
    middle = (band.femur + band.tibia) // 2
    rows, columns = band.rows, slice(0, width)
    short = name.removeprefix("V00XR")
    if len(short) == 4 and short[2] in (FEMUR, TIBIA):
        rows = slice(band.rows.start, middle + 1) if short[2] == FEMUR else slice(middle, band.rows.stop)
    if short != "KL" and short.endswith((MEDIAL, LATERAL)):
        columns = slice(width // 2, width) if short.endswith(MEDIAL) else slice(0, width // 2)
    return rows, columns


def summary(
    found: Sequence[dict[str, Any]], participants: Sequence[str], *, resamples: int, seed: int
) -> FlipEntry:
    """Over participants: the change, and how much stronger it is in the grades' place."""
    inside = np.array([np.nan if one["inside"] is None else one["inside"] for one in found], float)
    place = spread(inside, participants, resamples=resamples, seed=seed)
    return {
        "grades": found[0]["grades"],
        "change": float(np.median([one["change"] for one in found])),
        "inside": place.median if place else None,
        "interval": place.interval if place else None,
        "volumes": len(found),
    }
