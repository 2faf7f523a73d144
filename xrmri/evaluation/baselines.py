"""What a volume costs nothing to give: the mean of the training volumes, or the training case that looks most alike."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from xrmri.data.alignment import unit_range
from xrmri.data.store import Dataset
from xrmri.machine.parallel import in_order
from xrmri.metrics.identification import signature

BATCH = 16  # training pairs summed before a sum is handed on
RADIOGRAPH_PIXELS = 32


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TrainingBatch:
    """Some training pairs in brief."""

    pair_ids: tuple[str, ...]
    total: np.ndarray
    """(S, H, W) float64, sum of their volumes in [0, 1]."""
    radiographs: np.ndarray
    """(n, D) float32, their radiographs in brief."""
    readings: np.ndarray
    """(n, F) float32, their one-hot readings."""
    signatures: np.ndarray
    """(n, E) float32, their volumes in brief."""


def training_batches(
    dataset: Dataset, pairs: Sequence[str], slices: np.ndarray, workers: int
) -> Iterator[TrainingBatch]:
    """Training pairs in batches, so that memory does not grow with their number.

    Args:
        dataset: holds them.
        pairs: which ones.
        slices: (n,) indices of the slices by which volumes are told apart.
        workers: processes.
    """
    batches = [tuple(pairs[first : first + BATCH]) for first in range(0, len(pairs), BATCH)]
    work = partial(_batch, dataset, slices)
    # One batch is not worth starting processes for.
    yield from in_order(work, batches, workers) if len(batches) > 1 else map(work, batches)


def nearest_pairs(
    dataset: Dataset,
    pair_ids: Sequence[str],
    training_ids: Sequence[str],
    radiographs: np.ndarray,
    *,
    whose: np.ndarray,
) -> dict[str, str]:
    """For each pair the training pair, of another participant, with the most similar radiograph.

    Args:
        dataset: holds the pairs.
        pair_ids: for whom.
        training_ids: among whom, n of them.
        radiographs: (n, D) theirs, in brief.
        whose: (n,) their participants.
    """
    participants = dataset.index["participant"]
    found = {}
    for pair_id in pair_ids:
        likeness = radiographs @ radiograph_in_brief(dataset.radiograph(pair_id))
        likeness[whose == participants[pair_id]] = -np.inf
        if np.isfinite(likeness.max(initial=-np.inf)):
            found[pair_id] = training_ids[int(likeness.argmax())]
    return found


def other_patients(dataset: Dataset, pair_ids: Iterable[str]) -> dict[str, str]:
    """For each pair the first pair of the next participant, by name; the last participant gets the first one's."""
    participants = dataset.index["participant"]
    first: dict[str, str] = {}
    for pair_id in sorted(pair_ids):
        first.setdefault(participants[pair_id], pair_id)
    names = sorted(first)
    if len(names) < 2:
        return {}
    following = dict(zip(names, list(names[1:]) + names[:1], strict=True))
    return {pair_id: first[following[participants[pair_id]]] for pair_id in pair_ids}


def radiograph_in_brief(radiograph: np.ndarray) -> np.ndarray:
    """A radiograph averaged to 32 x 32 pixels, with mean 0 and length 1, so that products are correlations.

    Args:
        radiograph: (H, W), at least 32 x 32, any numeric dtype.

    Returns:
        (D,) float32.
    """
    height, width = (length // RADIOGRAPH_PIXELS for length in radiograph.shape)
    trimmed = radiograph[: height * RADIOGRAPH_PIXELS, : width * RADIOGRAPH_PIXELS].astype(np.float64)
    brief = trimmed.reshape(RADIOGRAPH_PIXELS, height, RADIOGRAPH_PIXELS, width).mean(axis=(1, 3)).ravel()
    brief -= brief.mean()
    return (brief / max(np.linalg.norm(brief), 1e-12)).astype(np.float32)


def _batch(dataset: Dataset, slices: np.ndarray, pair_ids: tuple[str, ...]) -> TrainingBatch:
    total, signatures = np.zeros(()), []
    for pair_id in pair_ids:
        volume = unit_range(dataset.volume(pair_id), dataset.window(pair_id))
        signatures.append(signature(volume[slices]))
        total = total + volume
    radiographs = np.stack([radiograph_in_brief(dataset.radiograph(pair_id)) for pair_id in pair_ids])
    return TrainingBatch(
        pair_ids=pair_ids,
        total=total,
        radiographs=radiographs,
        readings=np.stack([dataset.features(pair_id) for pair_id in pair_ids]).astype(np.float32),
        signatures=np.stack(signatures),
    )
