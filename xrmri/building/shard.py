"""Every Nth pair of a release -> one shard, and beside it what it holds and what was left out.

Shards know nothing of one another, so that any number of processes can build them, in any order and again.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from xrmri.building.pair import BuiltPair, Job, build_pair
from xrmri.building.search import Found, Row, origin
from xrmri.config import BuildDataset, Execution
from xrmri.data.features import KL
from xrmri.data.pairing import RejectedSeries
from xrmri.data.store import grade_names, new_shard
from xrmri.errors import InconsistentError
from xrmri.machine.parallel import in_order
from xrmri.origins import PHANTOM
from xrmri.run import digest, sha256, write_json
from xrmri.trouble import opens


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

    def jobs(self, found: Found, config: BuildDataset, device: str, knees: Path | None) -> list[Job]:
        """Its pairs: those whose place in the release is its number modulo the count."""
        chosen = found.candidates[self.number :: self.count]
        return [Job(candidate=one, config=config, device=device, knees=knees) for one in chosen]

    @property
    def record(self) -> Path:
        """What the shard holds, as JSON; written last, so that it says that the shard is complete."""
        return self.file.with_suffix(".json")

    def is_finished(self, found: Found, config: BuildDataset, inputs: Mapping[str, str]) -> bool:
        """Whether the shard was built with these settings from this release, and nothing opens that did not then."""
        record = self.read()
        if not record or (record["config"], record["inputs"]) != (config.to_dict(), inputs):
            return False
        same = record.get("candidates") == self.candidates(found)
        return same and not any(opens(found.root / path) for path in passing(record))

    def candidates(self, found: Found) -> str:
        """One digest of the pairs that the shard is built from."""
        return digest([one.pair_id for one in found.candidates[self.number :: self.count]])

    def read(self) -> dict[str, Any] | None:
        """The record, or None where the shard is not finished."""
        if not self.record.is_file() or not self.file.is_file():
            return None
        try:
            return dict(json.loads(self.record.read_text(encoding="utf-8")))
        except ValueError as error:
            raise InconsistentError(f"{self.record} is not JSON: remove it and build the shard again") from error


def passing(record: Mapping[str, Any]) -> list[str]:
    """The series, from the root of the release on, that a shard's record leaves out since they could not be opened."""
    return [row["series"] for row in record["rejected"] if row.get("passing")]


def build_shards(
    shards: Sequence[Shard],
    found: Found,
    config: BuildDataset,
    execution: Execution,
    inputs: Mapping[str, str],
    knees: Path | None,
) -> None:
    """Build some shards, one after the other; each is complete or absent.

    Args:
        shards: which ones.
        found: the release.
        config: settings.
        execution: workers, device, progress.
        inputs: fingerprints of release and knees, kept in the shards' records.
        knees: folder from detect-knee; without it the bundled detector looks at the films.
    """
    jobs = [shard.jobs(found, config, execution.device, knees) for shard in shards]
    total = sum(map(len, jobs))
    results = in_order(build_pair, chain.from_iterable(jobs), execution.workers)
    done = 0
    for shard, own in zip(shards, jobs, strict=True):

        def told(number: int, pairs: int, before: int = done) -> None:
            execution.progress("build-dataset", before + number, total, f"{pairs} pairs in this shard")

        _build(shard, found, config, inputs, zip(own, islice(results, len(own)), strict=True), told)
        done += len(own)


def _build(
    shard: Shard,
    found: Found,
    config: BuildDataset,
    inputs: Mapping[str, str],
    results: Iterable[tuple[Job, BuiltPair | list[RejectedSeries]]],
    told: Callable[[int, int], None],
) -> None:
    """Write one shard and its record."""
    shard.record.unlink(missing_ok=True)
    # What was left out before any pixel was read is told once, by the first shard.
    rejected = list(found.rejected) if shard.number == 0 else []
    pairs: list[Row] = []
    not_read: Counter[str] = Counter()
    slices = config.last_slice - config.first_slice
    synthetic = origin(found.root) == PHANTOM
    sizes = {"slices": slices, "size": config.size}
    with new_shard(shard.file, **sizes, features=config.feature_set, synthetic=synthetic) as writer:
        for number, (job, built) in enumerate(results, start=1):
            if isinstance(built, BuiltPair):
                row = writer.append_packed(built.packed)
                pairs.append(found.pair_row(job.candidate) | _index_row(shard, job, built, row))
                not_read.update(name for name in grade_names() if job.candidate.grades.get(name) is None)
            else:
                rejected += built
            told(number, len(pairs))
    record = {
        "config": config.to_dict(),
        "inputs": dict(inputs),
        "origin": origin(found.root),
        "found": found.series,
        "pairs": pairs,
        "candidates": shard.candidates(found),
        "rejected": [dict(found.rejected_row(one)) for one in rejected],
        "not_read": {name: not_read[name] for name in grade_names()},
        "sha256": sha256(shard.file),
    }
    write_json(shard.record, record)


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
        "radiograph_mm": built.radiograph_mm,
        "extent_mm": list(built.extent_mm),
        "source_mri_sha256": built.mri_sha256,
        "source_radiograph_sha256": built.radiograph_sha256,
    }
