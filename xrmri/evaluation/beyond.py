"""What is asked beyond likeness, of some volumes: the VAE's ceiling, set distances, samples and flipped grades."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.config import Evaluate, Execution
from xrmri.errors import XrmriError
from xrmri.evaluation import ceiling, features, flip, samples
from xrmri.evaluation.comparison import compare
from xrmri.evaluation.entries import FlipEntry, SamplesEntry, SetDistancesEntry
from xrmri.evaluation.sources import ACQUIRED, GENERATED, MEAN_VOLUME, NEAREST_TRAINING
from xrmri.evaluation.yardsticks import Yardsticks
from xrmri.evenly import evenly
from xrmri.metrics.measure import slice_scores, volume_scores
from xrmri.pretrained import BUNDLED_LDM

log = logging.getLogger(__name__)


def vae_ceiling(
    folder: Path, good: Sequence[str], yardsticks: Yardsticks, execution: Execution
) -> tuple[dict[str, dict[str, float]], str]:
    """pair_id -> scores of its acquired volume after the model's VAE; or why there are none.

    Args:
        folder: of the generated volumes; its run.json names the model.
        good: pairs that could be compared.
        yardsticks: the dataset and the files.
        execution: device.
    """
    try:
        model = ceiling.model_folder(folder, yardsticks.dataset)
        vae = ceiling.load_vae(model, execution.device)
    except XrmriError as error:
        return {}, str(error)
    chosen, found = evenly(good, ceiling.VOLUMES), {}
    for done, pair_id in enumerate(chosen, start=1):
        comparison = compare(pair_id, yardsticks.files[pair_id], yardsticks.dataset)
        some = np.array(evenly(range(len(comparison.slices)), ceiling.SLICES))
        mean = yardsticks.mean_knee(comparison.slices)
        reference = comparison.reference(yardsticks.canny_sigma, mean).at(some)
        rebuilt = ceiling.reconstruct(vae, reference.pixels)
        scores = volume_scores(slice_scores(reference, rebuilt))
        if len(some) < len(comparison.slices):
            scores["adjacent_correlation"] = np.nan  # its slices are no neighbours
        # Rounded, because the last digits depend on the processor.
        found[pair_id] = {name: round(value, 6) for name, value in scores.items()}
        execution.progress("VAE ceiling", done, len(chosen), pair_id)
    return found, ""


def set_distances(good: Sequence[str], yardsticks: Yardsticks, execution: Execution) -> SetDistancesEntry:
    """Fréchet distances of generated slices and of baselines from acquired ones."""
    vae = ceiling.load_vae(BUNDLED_LDM, execution.device)
    chosen = evenly(good, features.VOLUMES)

    def sets() -> Any:
        for done, pair_id in enumerate(chosen, start=1):
            comparison = compare(pair_id, yardsticks.files[pair_id], yardsticks.dataset)
            count = len(comparison.slices)
            some = ((np.arange(features.SLICES) + 0.5) / features.SLICES * count).astype(int)
            found = {ACQUIRED: comparison.acquired[some], GENERATED: comparison.generated[some]}
            slices = comparison.slices[some]
            if pair_id in yardsticks.nearest:
                other = yardsticks.nearest[pair_id]
                found[NEAREST_TRAINING] = yardsticks.training_volume(other)[slices]
            if yardsticks.mean_file is not None:
                found[MEAN_VOLUME] = np.load(yardsticks.mean_file, mmap_mode="r")[slices].astype(np.float64)
            execution.progress("features", done, len(chosen), pair_id)
            yield found

    distances = features.set_distances(vae, sets(), ACQUIRED)
    return {"features": features.NAME, "slices": len(chosen) * features.SLICES, "distances": distances}


def several_samples(good: Sequence[str], yardsticks: Yardsticks) -> SamplesEntry | None:
    """Chance and calibration, where volumes were drawn more than once."""
    several = [pair_id for pair_id in good if samples.sample_files(yardsticks.files[pair_id])]
    found = []
    for pair_id in evenly(several, samples.VOLUMES):
        try:
            one = samples.examine(pair_id, yardsticks.files[pair_id], yardsticks.dataset)
        except XrmriError as error:
            log.warning("the samples of %s are left out: %s", pair_id, error)
            continue
        if one:
            found.append(one)
    return samples.summary(found)


def flips(
    good: Sequence[str], flipped: Mapping[str, list[Path]], yardsticks: Yardsticks, config: Evaluate
) -> FlipEntry | None:
    """What other grades changed; None where no volume with other grades can be used."""
    found, whose = [], []
    for pair_id in good:
        if len(flipped.get(pair_id, ())) != 1:
            continue
        file = flipped[pair_id][0]
        try:
            found.append(
                flip.flip(pair_id, yardsticks.files[pair_id], file, yardsticks.dataset, sigma=config.canny_sigma)
            )
        except XrmriError as error:
            log.warning("the flip of %s is left out: %s", pair_id, error)
            continue
        whose.append(str(yardsticks.dataset.index.at[pair_id, "participant"]))
    return flip.summary(found, whose, resamples=config.bootstrap, seed=config.seed) if found else None
