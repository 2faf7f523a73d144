"""What one pair scores: its generated volume, and the baselines, each against the acquired volume."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xrmri.errors import XrmriError
from xrmri.evaluation.comparison import compare
from xrmri.evaluation.sources import ACQUIRED, GENERATED, baselines_of
from xrmri.evaluation.yardsticks import Yardsticks
from xrmri.metrics.deviation import Deviation
from xrmri.metrics.identification import joint_signature, signature
from xrmri.metrics.measure import own_scores, scores_of_several, volume_scores
from xrmri.metrics.metric import VolumePair
from xrmri.metrics.table import BY_NAME
from xrmri.storage.trouble import is_passing


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Scored:
    """What one pair scores, or why it scores nothing."""

    pair_id: str
    file: str = ""
    reason: str = ""
    """Empty where the volume could be compared."""
    passing: bool = False
    """It could not be opened: no word about what it holds."""
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """source -> metric -> value."""
    slices: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Of the generated volume: slice, depth, joint and each metric -> (n,)."""
    signatures: Mapping[str, np.ndarray] = field(default_factory=dict)
    """source -> its volume in brief, the acquired one among them."""
    joint_signatures: Mapping[str, np.ndarray] = field(default_factory=dict)
    """source -> its joint region in brief; empty where there are no training volumes."""
    deviations: Mapping[str, tuple[Deviation, Deviation]] = field(default_factory=dict)
    """source -> its deviation in the whole volume and in the joint region; likewise."""
    grey_values: tuple[np.ndarray, np.ndarray] | None = None
    """(n,) mean of each slice, generated and acquired."""
    generated_slices: int = 0
    own_continuity: float = np.nan


def score(pair_id: str, files: list[Path], yardsticks: Yardsticks) -> Scored:
    """Compare one pair; a volume that cannot be compared is told by a reason, never by an error."""
    if not files:
        return Scored(pair_id=pair_id, reason="no volume of this pair")
    if len(files) > 1:
        names = ", ".join(f"{file.parent.name}/{file.name}" for file in files)
        return Scored(pair_id=pair_id, reason=f"{len(files)} files that differ name this pair: {names}")
    try:
        comparison = compare(pair_id, files[0], yardsticks.dataset)
    except XrmriError as error:
        # Without the folder, so that tables are the same wherever the volumes lie.
        reason = str(error).replace(f"{files[0].parent}/", "")
        return Scored(pair_id=pair_id, file=files[0].name, reason=reason, passing=is_passing(error, files[0]))
    mean = yardsticks.mean_knee(comparison.slices)
    reference = comparison.reference(yardsticks.canny_sigma, mean)
    volumes = {GENERATED: comparison.generated}
    if pair_id in yardsticks.baselined:
        volumes |= baselines_of(pair_id, comparison, yardsticks)
    # What figures share of a volume, they share through its pair.
    pairs = {source: VolumePair(acquired=reference, pixels=volume) for source, volume in volumes.items()}
    slices = scores_of_several(pairs)
    scores = {source: volume_scores(values) for source, values in slices.items()}
    pairs[ACQUIRED] = VolumePair(acquired=reference, pixels=reference.pixels)
    scores[ACQUIRED] = own_scores(pairs[ACQUIRED])
    joint = np.array([band is not None for band in reference.bands])
    by_slice = {name: values for name, values in slices[GENERATED].items() if not BY_NAME[name].of_volume}
    return Scored(
        pair_id=pair_id,
        file=files[0].name,
        scores=scores,
        slices={"slice": comparison.slices, "depth": comparison.depths, "joint": joint, **by_slice},
        signatures={source: signature(pair.pixels) for source, pair in pairs.items()},
        joint_signatures={source: joint_signature(pair.coarse, mean.joint) for source, pair in pairs.items()}
        if mean
        else {},
        deviations={
            source: (pair.deviation, pair.joint_deviation)
            for source, pair in pairs.items()
            if pair.deviation and pair.joint_deviation
        },
        grey_values=(comparison.generated.mean(axis=(1, 2)), comparison.acquired.mean(axis=(1, 2))),
        generated_slices=comparison.generated_slices,
        own_continuity=comparison.own_continuity,
    )
