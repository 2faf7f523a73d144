"""oai/ (and knees/) -> dataset/: pairs of FLASH slices and joint crops, with their grades.

Every series found is counted once: in a pair, rejected with a reason, or of another kind.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from xrmri.config import BuildDataset, Execution
from xrmri.data.description import FILM, FLASH, OTHER
from xrmri.data.features import feature_set
from xrmri.data.pairing import SPLITS, Candidate, Rejected, pair_up, split_participants
from xrmri.data.readings import read_readings
from xrmri.data.release import Release, find_release
from xrmri.data.store import SCHEMA, grade_names, new_shard, write_index
from xrmri.errors import InconsistentError, InputError, RejectedError
from xrmri.parallel import in_order
from xrmri.run import begin, complete_or_absent, digest, fingerprint, read_record, sha256, write_json
from xrmri.stages.build_pair import BuiltPair, Job, build_pair

log = logging.getLogger(__name__)

_SHARD = "pairs-00000-of-00001.h5"
_KL = "V00XRKL"


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """A release, searched and paired but not yet read."""

    release: Release
    candidates: list[Candidate]
    rejected: list[Rejected]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pair:
    """A pair that has been stored."""

    candidate: Candidate
    row: int
    """Of the shard."""
    radiograph_mm: float | None
    mri_sha256: str
    radiograph_sha256: str


def run(
    release: Path, out: Path, config: BuildDataset, execution: Execution, knees: Path | None = None
) -> dict[str, Any]:
    """Build the dataset.

    Args:
        release: folder of an OAI release.
        out: folder of the dataset.
        config: slice window, size, features, split.
        execution: workers, device of the detector, dry run.
        knees: folder from detect-knee; without it the bundled detector looks at the films.

    Returns:
        status, output and counts; a dry run also gives an example of each reason for leaving a series out.

    Raises:
        InputError: the release cannot be read.
        InconsistentError: it has no readings.
        RejectedError: more of its FLASH series were rejected than config.max_rejected.
    """
    found = _search(release)
    if execution.dry_run:
        return _plan(release, out, found)
    inputs = {"release": _fingerprint(release, found)} | ({"knees": fingerprint(knees)} if knees else {})
    run_folder = begin(out, config, inputs, force=execution.force)
    if run_folder is None:
        return {"status": "already done", "output": str(out)}
    with run_folder as record:
        jobs = [Job(candidate=one, config=config, device=execution.device, knees=knees) for one in found.candidates]
        pairs, unusable = _write_shard(out / _SHARD, jobs, config, execution)
        rejected = [*found.rejected, *unusable]
        counts = _counts(found.release, [pair.candidate for pair in pairs], rejected)
        record.record["counts"] = counts
        _write_rejected(out / "rejected.csv", rejected, release)
        _refuse_too_many(counts, rejected, config.max_rejected, out)
        splits = _split([pair.candidate for pair in pairs], config)
        write_index(out / "index.csv", [_index_row(pair, splits) for pair in pairs])
        provenance = {"counts": counts, "origin": _origin(release)}
        write_json(out / "dataset.json", _description(out, config, pairs, splits) | provenance)
    log.info("%d pairs from %d series written to %s", len(pairs), len(found.release.series), out)
    return {"status": "finished", "output": str(out), "counts": counts}


def _search(folder: Path) -> _Found:
    """Find and pair, without reading any pixels."""
    release = find_release(folder)
    if not release.readings:
        raise InconsistentError(f"{folder} has no table kxr_sq_bu00.txt: add the folder of semi-quantitative readings")
    candidates, rejected = pair_up(release.series, read_readings(release.readings))
    return _Found(release=release, candidates=candidates, rejected=rejected)


def _plan(folder: Path, out: Path, found: _Found) -> dict[str, Any]:
    """What a dry run says."""
    examples = {_kind(one): str(one.series.path) for one in reversed(found.rejected)}
    counts = _counts(found.release, found.candidates, found.rejected)
    readings = [str(file.relative_to(folder)) for file in found.release.readings]
    return {"status": "dry run", "output": str(out), "counts": counts, "examples": examples, "readings": readings}


def _write_shard(
    file: Path, jobs: Sequence[Job], config: BuildDataset, execution: Execution
) -> tuple[list[_Pair], list[Rejected]]:
    """Read and store pair after pair; the pairs, and the series that could not be used."""
    pairs: list[_Pair] = []
    rejected: list[Rejected] = []
    slices = config.last_slice - config.first_slice
    with new_shard(file, slices=slices, size=config.size, features=config.feature_set) as shard:
        results = in_order(build_pair, jobs, execution.workers)
        for done, (job, built) in enumerate(zip(jobs, results, strict=True), start=1):
            if isinstance(built, BuiltPair):
                pair = _Pair(
                    candidate=job.candidate,
                    row=shard.append(built.stored),
                    radiograph_mm=built.radiograph_mm,
                    mri_sha256=built.mri_sha256,
                    radiograph_sha256=built.radiograph_sha256,
                )
                pairs.append(pair)
            else:
                rejected += built
            execution.progress("build-dataset", done, len(jobs), f"{len(pairs)} pairs")
    return pairs, rejected


def _counts(release: Release, paired: Sequence[Candidate], rejected: Sequence[Rejected]) -> dict[str, Any]:
    """Series found, in pairs, rejected and of other kinds; none may go missing."""
    found = Counter(one.kind for one in release.series)
    used = {one.path for pair in paired for one in (pair.flash, pair.film)}
    left = {one.series.path: one.series.kind for one in rejected if one.series.path not in used}
    assert len(release.series) == len(used) + len(left) + found[OTHER], "a series is neither paired nor rejected"
    return {
        "found": {kind: found[kind] for kind in (FLASH, FILM, OTHER)},
        "paired": len(used),
        "rejected": len(left),
        "other": found[OTHER],
        "pairs": len(paired),
        "rejected_flash": sum(kind == FLASH for kind in left.values()),
        "reasons": dict(sorted(Counter(_kind(one) for one in rejected).items())),
    }


def _kind(rejected: Rejected) -> str:
    """The kind of reason: what stands before the colon."""
    return rejected.reason.partition(":")[0]


def _write_rejected(file: Path, rejected: Sequence[Rejected], release: Path) -> None:
    """Write rejected.csv."""
    rows = []
    for one in rejected:
        series = one.series
        folder = series.path.relative_to(release).as_posix()
        rows.append((series.participant, series.visit, one.side or "both", folder, one.reason))
    with complete_or_absent(file) as partial:
        table = pd.DataFrame(sorted(rows), columns=["participant", "visit", "side", "series", "reason"])
        table.to_csv(partial, index=False, lineterminator="\n")


def _refuse_too_many(counts: Mapping[str, Any], rejected: Sequence[Rejected], largest: float, out: Path) -> None:
    """RejectedError when more FLASH series were rejected than allowed, or nothing is left."""
    found, lost = counts["found"][FLASH], counts["rejected_flash"]
    if not found:
        raise InputError("the release has no COR_T1_3D_FLASH series: nothing can be paired")
    if lost > largest * found or not counts["pairs"]:
        (reason, _), *_ = Counter(_kind(one) for one in rejected if one.series.kind == FLASH).most_common(1)
        raise RejectedError(f"{lost} of {found} FLASH series rejected, most for {reason!r}: see {out / 'rejected.csv'}")


def _split(candidates: Sequence[Candidate], config: BuildDataset) -> dict[str, str]:
    """Each participant's split, by their worse knee."""
    worst: dict[str, int | None] = {}
    for one in candidates:
        known = [grade for grade in (worst.get(one.flash.participant), one.grades.get(_KL)) if grade is not None]
        worst[one.flash.participant] = max(known, default=None)
    return split_participants(worst, config.shares, config.seed)


def _index_row(pair: _Pair, splits: Mapping[str, str]) -> dict[str, Any]:
    """One line of index.csv."""
    candidate = pair.candidate
    return {
        "pair_id": candidate.pair_id,
        "participant": candidate.flash.participant,
        "visit": candidate.flash.visit,
        "side": candidate.side,
        "split": splits[candidate.flash.participant],
        "shard": _SHARD,
        "row": pair.row,
        "kl": candidate.grades.get(_KL),
        "radiograph_mm": pair.radiograph_mm,
        "source_mri_sha256": pair.mri_sha256,
        "source_radiograph_sha256": pair.radiograph_sha256,
    }


def _description(
    out: Path, config: BuildDataset, pairs: Sequence[_Pair], splits: Mapping[str, str]
) -> dict[str, Any]:
    """dataset.json: all that a reader needs to know before opening a shard."""
    features = feature_set(config.feature_set)
    per_split = Counter(splits[pair.candidate.flash.participant] for pair in pairs)
    not_read = {name: sum(pair.candidate.grades.get(name) is None for pair in pairs) for name in grade_names()}
    return {
        "schema": SCHEMA,
        "slice_window": [config.first_slice, config.last_slice],
        "slices": config.last_slice - config.first_slice,
        "size": config.size,
        "feature_set": config.feature_set,
        "features": list(features.names),
        "features_sha256": features.sha256,
        "grades": list(grade_names()),
        "split_seed": config.seed,
        "shares": list(config.shares),
        "pairs_per_split": {split: per_split[split] for split in SPLITS},
        "not_read": not_read,
        "shards": {_SHARD: sha256(out / _SHARD)},
    }


def _origin(release: Path) -> str:
    """Where the knees come from: what is trained on a phantom must say so for ever."""
    made = read_record(release)
    return "synthetic phantom" if made and made["command"] == "phantom" else "acquired images"


def _fingerprint(release: Path, found: _Found) -> str:
    """What says that a release is the same one: its run.json where xrmri wrote it, else its series and tables."""
    if (release / "run.json").is_file():
        return fingerprint(release)
    folders = [one.path.relative_to(release).as_posix() for one in found.release.series]
    return digest([folders, [sha256(file) for file in found.release.readings]])
