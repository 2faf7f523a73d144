"""Whether a shard holds what dataset.json and index.csv say, before a pair is read from it.

All but the pixels is small and read at once: windows, geometries, grades and their code.
"""

import numpy as np

from xrmri.data.covariates import COVARIATES, covariates_of, is_plausible
from xrmri.data.features import FeatureSet, feature_set, known_readings
from xrmri.facts.folders import DatasetFacts
from xrmri.formats.hdf5 import File, read
from xrmri.geometry import FURTHEST_MM

MISSING = -1
"""In /grades: nobody read it."""
_VOXEL_MM = (0.001, 1000.0)
"""Sizes of voxels; no volume has others."""


def contradiction(content: File, facts: DatasetFacts, rows: int) -> str | None:
    """What of a shard cannot be, in words; None where nothing is wrong.

    Args:
        content: the open shard.
        facts: dataset.json.
        rows: pairs that index.csv places in it.
    """
    features, size = feature_set(facts.feature_set), facts.size
    wanted = {
        "mri": ((rows, facts.slices, size, size), "u2"),
        "radiograph": ((rows, size, size), "u2"),
        "features": ((rows, features.slots), "u1"),
        "grades": ((rows, len(facts.grades)), "i1"),
        "affine": ((rows, 4, 4), "f8"),
        "window": ((rows, 2), "f8"),
        "pair_id": ((rows,), "S64"),
    }
    if "covariates" in content:  # not in datasets of earlier versions
        wanted["covariates"] = ((rows, len(COVARIATES)), "f4")
    if facts.frame == "knee":
        wanted["scanner_affine"] = wanted["affine"]
    for name, (shape, kind) in wanted.items():
        if name not in content:
            return f"{name} is missing"
        if content[name].shape != shape or content[name].dtype != np.dtype(kind):
            return f"{name} is {content[name].shape} {content[name].dtype}, not {shape} {np.dtype(kind)}"
    synthetic = content.attrs.get("synthetic", False)
    if not isinstance(synthetic, bool | np.bool_):
        return "it does not say whether its knees are synthetic"
    if synthetic and not facts.is_synthetic:
        return "its knees are synthetic, dataset.json says they are not"
    return _impossible(content, facts)


def _impossible(content: File, facts: DatasetFacts) -> str | None:
    """Numbers that no pair has."""
    affine, window, grades, code = (read(content[name]) for name in ("affine", "window", "grades", "features"))
    low, high = window.T
    bad = {
        "affine": ~_are_places(affine),
        "window": ~((0 <= low) & (low < high) & (high <= np.iinfo(np.uint16).max)),
        "grades": (_code(grades, facts, known_readings()).sum(axis=1) != (grades != MISSING).sum(axis=1)),
        "features": (_code(grades, facts, feature_set(facts.feature_set)) != code).any(axis=1),
    }
    if facts.frame == "knee":
        bad["scanner_affine"] = ~_are_places(read(content["scanner_affine"]))
    if "covariates" in content:
        bad["covariates"] = np.array([not _is_someone(row) for row in read(content["covariates"])], bool)
    place = {name: int(np.flatnonzero(rows)[0]) for name, rows in bad.items() if rows.any()}
    return next((f"{name} of row {row} cannot be" for name, row in place.items()), None)


def _are_places(affines: np.ndarray) -> np.ndarray:
    """Which of some (P, 4, 4) affines a volume can have: (P,) bool."""
    with np.errstate(all="ignore"):
        sizes_mm = np.linalg.norm(affines[:, :3, :3], axis=1)
        whole = np.abs(np.linalg.det(affines[:, :3, :3])) > 1e-9
    near = (np.abs(affines[:, :3, 3]) <= FURTHEST_MM).all(axis=1)
    sized = ((_VOXEL_MM[0] <= sizes_mm) & (sizes_mm <= _VOXEL_MM[1])).all(axis=1)
    return np.asarray(whole & near & sized & (affines[:, 3] == (0, 0, 0, 1)).all(axis=1))


def _is_someone(row: np.ndarray) -> bool:
    """Whether a participant can have what a row of /covariates says."""
    if np.isinf(row).any() or row[COVARIATES.index("sex")] not in (0, 1) and not np.isnan(row[COVARIATES.index("sex")]):
        return False
    return all(value is None or is_plausible(name, value) for name, value in covariates_of(row).items())


def _code(grades: np.ndarray, facts: DatasetFacts, features: FeatureSet) -> np.ndarray:
    """The one-hot code of some rows of /grades: (P, F) uint8; a grade that a reading cannot have is no one's."""
    names = [name for name in features.names if name in facts.grades]  # readings added since are not there
    slots = [(facts.grades.index(name), grade) for name in names for grade in features.allowed(name)]
    columns, values = zip(*slots, strict=True)
    return np.asarray((grades[:, columns] == np.array(values)).astype(np.uint8))
