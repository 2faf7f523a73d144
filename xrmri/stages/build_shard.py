"""Every Nth pair of a release -> one shard, and beside it what it holds and what was left out.

Shards know nothing of one another, so that any number of processes can build them, in any order and again.
"""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xrmri.config import BuildDataset, Execution
from xrmri.data.features import KL
from xrmri.data.store import grade_names, new_shard
from xrmri.errors import InconsistentError
from xrmri.parallel import in_order
from xrmri.run import sha256, write_json
from xrmri.stages.build_pair import BuiltPair, Job, build_pair
from xrmri.stages.search_release import Found, Row, origin


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of the files that a dataset is cut into."""

    folder: Path
    number: int
    """From 0."""
    count: int

    @property
    def file(self) -> Path:
        """The pairs."""
        return self.folder / f"pairs-{self.number:05d}-of-{self.count:05d}.h5"

    @property
    def record(self) -> Path:
        """What the shard holds, as JSON; written last, so that it says that the shard is complete."""
        return self.file.with_suffix(".json")

    def finished(self, config: BuildDataset, inputs: dict[str, str]) -> dict[str, Any] | None:
        """The record, where the shard was built with these settings from this release."""
        record = self.read()
        return record if record and (record["config"], record["inputs"]) == (config.to_dict(), inputs) else None

    def read(self) -> dict[str, Any] | None:
        """The record, or None where the shard is not finished."""
        if not self.record.is_file() or not self.file.is_file():
            return None
        try:
            return dict(json.loads(self.record.read_text(encoding="utf-8")))
        except ValueError as error:
            raise InconsistentError(f"{self.record} is not JSON: remove it and build the shard again") from error


def build_shard(
    shard: Shard, found: Found, config: BuildDataset, execution: Execution, inputs: dict[str, str], knees: Path | None
) -> dict[str, Any]:
    """Build one shard.

    Args:
        shard: which one.
        found: the release.
        config: settings; its pairs are those whose place in the release is `shard.number` modulo `shard.count`.
        execution: workers, device, progress.
        inputs: fingerprints of release and knees.
        knees: folder from detect-knee; without it the bundled detector looks at the films.

    Returns:
        the shard's record.
    """
    shard.record.unlink(missing_ok=True)
    chosen = found.candidates[shard.number :: shard.count]
    jobs = [Job(candidate=one, config=config, device=execution.device, knees=knees) for one in chosen]
    # What was left out before any pixel was read is told once, by the first shard.
    rejected = list(found.rejected) if shard.number == 0 else []
    pairs: list[Row] = []
    not_read: Counter[str] = Counter()
    slices = config.last_slice - config.first_slice
    step = "build-dataset" if shard.count == 1 else f"shard {shard.number + 1}/{shard.count}"
    with new_shard(shard.file, slices=slices, size=config.size, features=config.feature_set) as writer:
        results = in_order(build_pair, jobs, execution.workers)
        for number, (job, built) in enumerate(zip(jobs, results, strict=True), start=1):
            if isinstance(built, BuiltPair):
                pairs.append(found.pair_row(job.candidate) | _index_row(shard, job, built, writer.append(built.stored)))
                not_read.update(name for name in grade_names() if job.candidate.grades.get(name) is None)
            else:
                rejected += built
            execution.progress(step, number, len(jobs), f"{len(pairs)} pairs")
    record = {
        "config": config.to_dict(),
        "inputs": inputs,
        "origin": origin(found.root),
        "found": found.series,
        "pairs": pairs,
        "rejected": [dict(found.rejected_row(one)) for one in rejected],
        "not_read": {name: not_read[name] for name in grade_names()},
        "sha256": sha256(shard.file),
    }
    write_json(shard.record, record)
    return record


def _index_row(shard: Shard, job: Job, built: BuiltPair, row: int) -> dict[str, Any]:
    """A pair's line of index.csv but for its split, which only all pairs together decide."""
    candidate = job.candidate
    return {
        "pair_id": candidate.pair_id,
        "participant": candidate.flash.participant,
        "visit": candidate.flash.visit,
        "side": candidate.side,
        "shard": shard.file.name,
        "row": row,
        "kl": candidate.grades.get(KL),
        "source_mri_sha256": built.mri_sha256,
        "source_radiograph_sha256": built.radiograph_sha256,
    }
