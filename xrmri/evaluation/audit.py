"""Whether generated volumes are copies: of training volumes, of other people's volumes, or of each other.

Volumes are compared in brief (16 depths, 32 x 32 areas). What two different knees differ by is measured on acquired
volumes, so nothing here depends on the scale of the pictures.
"""

from collections.abc import Sequence

import numpy as np

from xrmri.evaluation.case import Scored
from xrmri.evaluation.entries import AuditEntry, CopiesEntry, DiversityEntry
from xrmri.evaluation.sources import ACQUIRED, GENERATED
from xrmri.metrics.identification import squared_distances

NEAR = 0.5
"""A volume nearer than this share of what two different knees differ by is a copy (choice)."""
ALIKE = 0.25
"""Generated volumes that differ by less than this share of what acquired ones differ by are one volume (choice)."""
LEAST = 0.05
"""Quantile of the distances between acquired volumes that stands for "what two different knees differ by" (choice)."""
_COPIES = 1e-4
"""Of a volume's range: acquired volumes that differ by less are copies of one another, and tell no diversity."""


def audit(
    scored: Sequence[Scored],
    participants: Sequence[str],
    training: np.ndarray,
    training_participants: Sequence[str],
) -> AuditEntry:
    """Distances that tell copies.

    Args:
        scored: all pairs; those with signatures count.
        participants: whose pair it is, one for each.
        training: (m, D) float32 signatures of training volumes, m may be 0.
        training_participants: whose they are.

    Returns:
        memorisation, copies of other patients and diversity; each None where there is nothing to compare. Distances are
        root mean squares in units of the window.
    """
    seen = [(case, name) for case, name in zip(scored, participants, strict=True) if case.signatures]
    whose = np.array([name for _, name in seen])
    generated, acquired = (np.stack([case.signatures[name] for case, _ in seen]) for name in (GENERATED, ACQUIRED))
    pairs = [case.pair_id for case, _ in seen]
    strangers = np.array(training_participants)
    return {
        "memorisation": _copies(generated, acquired, whose, training, strangers=strangers, pairs=pairs),
        "other_patients": _copies(generated, acquired, whose, acquired, strangers=whose, pairs=pairs),
        "diversity": _diversity(generated, acquired, whose),
    }


def _copies(
    generated: np.ndarray,
    acquired: np.ndarray,
    whose: np.ndarray,
    others: np.ndarray,
    *, strangers: np.ndarray,
    pairs: Sequence[str],
) -> CopiesEntry | None:
    """How near the nearest volume of somebody else lies to generated volumes and, for comparison, to acquired ones."""
    if not len(others):
        return None
    apart = whose[:, None] != strangers[None, :]
    usable = apart.any(axis=1)
    if not usable.any():
        return None
    ours, theirs = (_nearest(volumes, others, apart)[usable] for volumes in (generated, acquired))
    bound = NEAR * float(np.quantile(theirs, LEAST))
    copied = [pair_id for pair_id, near in zip(np.array(pairs)[usable], ours < bound, strict=True) if near]
    return {
        "generated": float(np.median(ours)),
        "acquired": float(np.median(theirs)),
        "copies": len(copied),
        "volumes": int(usable.sum()),
        "copied": tuple(str(pair_id) for pair_id in copied),
    }


def _nearest(volumes: np.ndarray, others: np.ndarray, apart: np.ndarray) -> np.ndarray:
    distance = np.where(apart, squared_distances(volumes, others), np.inf).min(axis=1)
    return np.sqrt(distance / volumes.shape[1])


def _diversity(generated: np.ndarray, acquired: np.ndarray, whose: np.ndarray) -> DiversityEntry | None:
    """How much volumes of different people differ, generated and acquired."""
    apart = whose[:, None] != whose[None, :]
    if not apart.any():
        return None
    ours, theirs = (
        float(np.median(np.sqrt(squared_distances(volumes, volumes)[apart] / volumes.shape[1])))
        for volumes in (generated, acquired)
    )
    return {"generated": ours, "acquired": theirs, "ratio": ours / theirs if theirs > _COPIES else None}
