"""Whether a shard holds what dataset.json and index.csv say, before a pair is read from it.

All but the pixels is small and read at once: windows, geometries, grades and their code.
"""

import numpy as np

from xrmri.data.covariates import COVARIATES, covariates_of, is_plausible
from xrmri.data.features import FeatureSet, feature_set, known_readings
from xrmri.facts.folders import DatasetFacts
from xrmri.formats.hdf5 import File, read

MISSING = -1
"""In /grades: nobody read it."""


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
    for name, (shape, kind) in wanted.items():
        if name not in content:
            return f"{name} is missing"
        if content[name].shape != shape or content[name].dtype != np.dtype(kind):
            return f"{name} is {content[name].shape} {content[name].dtype}, not {shape} {np.dtype(kind)}"
    if content.attrs.get("synthetic", False) and not facts.is_synthetic:
        return "its knees are synthetic, dataset.json says they are not"
    return _impossible(content, facts)


def _impossible(content: File, facts: DatasetFacts) -> str | None:
    """Numbers that no pair has."""
    affine, window, grades, code = (read(content[name]) for name in ("affine", "window", "grades", "features"))
    with np.errstate(all="ignore"):
        flat = ~(np.abs(np.linalg.det(affine[:, :3, :3])) > 1e-9)
    bad = {
        "affine": flat | ~np.isfinite(affine).all(axis=(1, 2)) | (affine[:, 3] != (0, 0, 0, 1)).any(axis=1),
        "window": ~np.isfinite(window).all(axis=1) | ~(window[:, 0] < window[:, 1]),
        "grades": (_code(grades, facts, known_readings()).sum(axis=1) != (grades != MISSING).sum(axis=1)),
        "features": (_code(grades, facts, feature_set(facts.feature_set)) != code).any(axis=1),
    }
    if "covariates" in content:
        bad["covariates"] = np.array([not _is_someone(row) for row in read(content["covariates"])], bool)
    place = {name: int(np.flatnonzero(rows)[0]) for name, rows in bad.items() if rows.any()}
    return next((f"{name} of row {row} cannot be" for name, row in place.items()), None)


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
