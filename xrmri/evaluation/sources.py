"""What stands in the tables beside the generated volumes: baselines, a ceiling, and the acquired volumes themselves.

To add a baseline, add a row (docs/extending.md): its function gives what could be handed in for one pair.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xrmri.data.alignment import unit_range
from xrmri.data.store import is_dataset
from xrmri.errors import XrmriError
from xrmri.evaluation.comparison import Comparison, at_depths
from xrmri.evaluation.ridge import volume_of_brief
from xrmri.evaluation.yardsticks import Yardsticks, opened

log = logging.getLogger(__name__)

GENERATED, ACQUIRED, VAE_CEILING = "generated", "acquired", "vae_ceiling"
WRONG_PATIENT, MEAN_VOLUME, NEAREST_TRAINING = "wrong_patient", "mean_volume", "nearest_training"
SWAPPED, RESCAN = "swapped_radiograph", "rescan"
TWIN, MEAN_OF_TWINS = "twin", "mean_of_twins"
RIDGE, NEAREST_BY_RIDGE = "ridge", "nearest_by_ridge"

Baseline = Callable[[str, Comparison, Yardsticks], np.ndarray | None]
"""(pair_id, its comparison, yardsticks) -> (n, H, W) in [0, 1] at the slices compared; None where it has none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a column of the report comes from."""

    name: str
    """In summary.json and in baselines.csv."""
    label: str
    """In figures and tables."""
    title: str
    """In a sentence: "better than ..."."""
    colour: str
    of: Baseline | None = None
    """None where the volumes are not made pair by pair."""
    rival: bool = False
    """Whether generated volumes have to be better."""
    missing: Callable[[Yardsticks], str] = lambda yardsticks: ""
    """Why an evaluation has none of it; empty where it has."""


def baselines_of(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> dict[str, np.ndarray]:
    """What could be given in place of the generated volume, and what could at best be given: name -> (n, H, W)."""
    made = {one.name: one.of(pair_id, comparison, yardsticks) for one in SOURCES if one.of}
    return {name: volume for name, volume in made.items() if volume is not None}


def missing_of(yardsticks: Yardsticks) -> dict[str, str]:
    """Name of each source that this evaluation cannot have -> why."""
    return {one.name: reason for one in SOURCES if (reason := one.missing(yardsticks))}


def _wrong_patient(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    stranger = yardsticks.others.get(pair_id)
    return yardsticks.unit_volume(stranger)[comparison.slices] if stranger else None


def _nearest_training(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    nearest = yardsticks.nearest.get(pair_id)
    return yardsticks.training_volume(nearest)[comparison.slices] if nearest else None


def _mean_volume(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    mean = yardsticks.mean_volume()
    return None if mean is None else mean[comparison.slices]


def _ridge(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    mean, row = yardsticks.mean_volume(), yardsticks.ridge_rows.get(pair_id)
    if mean is None or row is None or yardsticks.ridge_file is None:
        return None
    brief = np.load(yardsticks.ridge_file, mmap_mode="r")[row]
    return volume_of_brief(brief, mean[comparison.slices])


def _nearest_by_ridge(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    nearest = yardsticks.ridge_nearest.get(pair_id)
    return yardsticks.training_volume(nearest)[comparison.slices] if nearest else None


def _twin(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    twins = yardsticks.twin_volumes(pair_id)
    return twins[0][comparison.slices] if twins else None


def _mean_of_twins(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    twins = yardsticks.twin_volumes(pair_id)
    return np.mean([twin[comparison.slices] for twin in twins], axis=0) if len(twins) > 1 else None


def _swapped(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    stranger = yardsticks.others.get(pair_id, "")
    if stranger not in yardsticks.files:
        return None
    try:
        return at_depths(
            comparison.slices, stranger, yardsticks.files[stranger], yardsticks.dataset, shape=comparison.whole_shape
        )
    except XrmriError:
        return None  # that file gets its own row and reason


def _rescan(pair_id: str, comparison: Comparison, yardsticks: Yardsticks) -> np.ndarray | None:
    """Another acquisition of the pair, from a dataset or a folder of NIfTI files."""
    if yardsticks.rescan is None:
        return None
    if is_dataset(yardsticks.rescan):
        again = opened(yardsticks.rescan)
        if pair_id not in again.index.index:
            return None
        volume = unit_range(again.volume(pair_id), again.window(pair_id))
        return volume[comparison.slices] if volume.shape == comparison.whole_shape else None
    if pair_id not in yardsticks.rescans:
        return None
    try:
        return at_depths(
            comparison.slices, pair_id, yardsticks.rescans[pair_id], yardsticks.dataset, shape=comparison.whole_shape
        )
    except XrmriError as error:
        log.warning("the second scan of %s is left out: %s", pair_id, error)
        return None


def _no_training(yardsticks: Yardsticks) -> str:
    return "" if yardsticks.mean_file else "the dataset has no training pairs"


def _no_ridge(yardsticks: Yardsticks) -> str:
    return "" if yardsticks.ridge_file else "fewer than three training participants"


def _alone(yardsticks: Yardsticks) -> str:
    return "" if yardsticks.others else "there is only one participant"


SOURCES = (
    Source(
        name=GENERATED,
        label="generated",
        title="the generated volume",
        colour="#0b6e99",
    ),
    Source(
        name=WRONG_PATIENT,
        label="another patient",
        title="another patient's volume",
        colour="#8a5a00",
        of=_wrong_patient,
        rival=True,
        missing=_alone,
    ),
    Source(
        name=MEAN_VOLUME,
        label="mean volume",
        title="the mean training volume",
        colour="#7a3e9d",
        of=_mean_volume,
        rival=True,
        missing=_no_training,
    ),
    Source(
        name=NEAREST_TRAINING,
        label="nearest training case",
        title="the nearest training case",
        colour="#3f7d20",
        of=_nearest_training,
        rival=True,
        missing=_no_training,
    ),
    Source(
        name=SWAPPED,
        label="swapped radiograph",
        title="a volume drawn from another patient's radiograph",
        colour="#b5442e",
        of=_swapped,
        rival=True,
        missing=_alone,
    ),
    Source(
        name=RIDGE,
        label="ridge regression",
        title="a ridge regression on the film's thumbnail and the readings",
        colour="#a0522d",
        of=_ridge,
        rival=True,
        missing=_no_ridge,
    ),
    Source(
        name=NEAREST_BY_RIDGE,
        label="nearest by regression",
        title="the training case nearest to what a ridge regression says",
        colour="#6b8e23",
        of=_nearest_by_ridge,
        rival=True,
        missing=_no_ridge,
    ),
    Source(
        name=TWIN,
        label="twin",
        title="a twin, another knee with the same film",
        colour="#c2185b",
        of=_twin,
        missing=lambda yardsticks: "" if yardsticks.twins else "no --twin was given",
    ),
    Source(
        name=MEAN_OF_TWINS,
        label="mean of twins",
        title="the mean of the twins",
        colour="#880e4f",
        of=_mean_of_twins,
        missing=lambda yardsticks: "" if len(yardsticks.twins) > 1 else "it needs --twin twice or more",
    ),
    Source(
        name=RESCAN,
        label="second scan",
        title="a second scan of the same knee",
        colour="#1f6f6f",
        of=_rescan,
        missing=lambda yardsticks: "" if yardsticks.rescan else "no --rescan was given",
    ),
    Source(
        name=VAE_CEILING,
        label="VAE's reconstruction",
        title="the VAE's reconstruction",
        colour="#555555",
    ),
    Source(
        name=ACQUIRED,
        label="acquired",
        title="the acquired volume",
        colour="#111111",
    ),
)

BY_NAME = {source.name: source for source in SOURCES}
