"""Every Nth pair of a release -> one shard, and beside it what it holds and what was left out.

Shards know nothing of one another, so that any number of processes can build them, in any order and again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, islice
from pathlib import Path

from xrmri.building.frame import Frame
from xrmri.building.pair import BuiltPair, PairJob, build_pair
from xrmri.building.record import PairRecord, ShardRecord, read_shard_record, write_shard_record
from xrmri.building.search import Found, is_synthetic
from xrmri.building.sources import BuildInputs
from xrmri.building.splits import given_split_of, planned_split_of
from xrmri.cohorts.pairing import Candidate, RejectedSeries
from xrmri.config import BuildDataset, Execution
from xrmri.data.features import KL
from xrmri.data.store import grade_names, new_shard
from xrmri.facts.folders import TEMPLATE
from xrmri.facts.origins import ACQUIRED_IMAGES, PHANTOM
from xrmri.machine.parallel import in_order
from xrmri.runs.seals import require_sha256
from xrmri.storage.files import digest, real, sha256
from xrmri.storage.trouble import opens


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Build:
    """What all shards of a dataset are built of."""

    found: Found
    config: BuildDataset
    inputs: BuildInputs
    fingerprints: Mapping[str, str]
    """Of the inputs, kept in the shards' records."""
    frame: Frame | None = None
    """The knee's, if volumes are laid into it."""

    @property
    def frame_lacks(self) -> tuple[str, ...] | None:
        """Training volumes that could not be opened when the frame was made; None where there are none."""
        return (self.frame and self.frame.lacks) or None


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

    def candidates(self, found: Found) -> list[Candidate]:
        """Its pairs: those whose place in the release is its number modulo the count."""
        return found.candidates[self.number :: self.count]

    @property
    def record(self) -> Path:
        """What the shard holds, as JSON; written last, so that it says that the shard is complete."""
        return self.file.with_suffix(".json")

    def is_finished(self, build: Build) -> bool:
        """Whether the shard was built with these settings from this release, and nothing opens that did not then."""
        record = self.read()
        if record is None or not record.is_of(build.config, build.fingerprints):
            return False
        if record.candidates != self.digest_of(build.found) or record.frame_lacks != build.frame_lacks:
            return False
        require_same_template(record.template_sha256, self.folder)
        return not any(opens(build.found.root / path) for path in record.passing)

    def digest_of(self, found: Found) -> str:
        """By which the pairs that the shard is built from are known again."""
        return digest([one.pair_id for one in self.candidates(found)])

    def read(self) -> ShardRecord | None:
        """The record, or None where the shard is not finished."""
        return read_shard_record(self.record) if self.record.is_file() and self.file.is_file() else None


def require_same_template(recorded: str | None, folder: Path) -> None:
    """Refuse a frame that is not the one that a finished shard lies in, though nothing that it lacked has come since.

    Raises:
        InconsistentError: the template has changed; InputError where it cannot be read.
    """
    if recorded:
        require_sha256(folder / TEMPLATE, recorded, "put it back, or remove the folder and build the dataset again")


def build_shards(shards: Sequence[Shard], build: Build, execution: Execution) -> None:
    """Build some shards, one after the other; each is complete or absent.

    Args:
        shards: which ones.
        build: what they are built of.
        execution: workers, device, progress.
    """
    inputs, device = build.inputs, execution.device
    template = build.frame.template if build.frame else None
    job = partial(
        PairJob, config=build.config, device=device, knees=inputs.knees, detection=inputs.detection, template=template
    )
    jobs = [[job(candidate=one) for one in shard.candidates(build.found)] for shard in shards]
    total = sum(map(len, jobs))
    results = in_order(build_pair, chain.from_iterable(jobs), execution.workers)
    done = 0
    for shard, own in zip(shards, jobs, strict=True):

        def told(number: int, pairs: int, before: int = done) -> None:
            execution.progress("build-dataset", before + number, total, f"{pairs} pairs in this shard")

        _build(shard, build, zip(own, islice(results, len(own)), strict=True), told)
        done += len(own)


def _build(
    shard: Shard,
    build: Build,
    results: Iterable[tuple[PairJob, BuiltPair | list[RejectedSeries]]],
    told: Callable[[int, int], None],
) -> None:
    """Write one shard and its record."""
    found, config = build.found, build.config
    shard.record.unlink(missing_ok=True)
    # What was left out before any pixel was read is told once, by the first shard.
    rejected = list(found.rejected) if shard.number == 0 else []
    pairs: list[PairRecord] = []
    not_read: Counter[str] = Counter()
    slices = config.kept
    synthetic = is_synthetic(found)
    planned = config.frame == "knee"
    splits = planned_split_of(found.candidates, config) if planned else given_split_of(found.candidates)
    form = partial(new_shard, features=config.feature_set, frame=config.frame, synthetic=synthetic)
    with form(shard.file, slices=slices, size=config.size) as writer:
        for number, (job, built) in enumerate(results, start=1):
            if isinstance(built, BuiltPair):
                row, split = writer.append_packed(built.packed), splits.get(job.candidate.flash.participant)
                pairs.append(replace(_pair_record(found, shard, job.candidate, built, row=row), split=split))
                not_read.update(name for name in grade_names() if job.candidate.grades.get(name) is None)
            else:
                rejected += built
            told(number, len(pairs))
    left = tuple(map(found.left_out, rejected))
    record = ShardRecord(
        config=config.to_dict(),
        inputs=build.fingerprints,
        origin=PHANTOM if synthetic else ACQUIRED_IMAGES,
        is_synthetic=synthetic,
        found=found.series,
        pairs=tuple(pairs),
        candidates=shard.digest_of(found),
        rejected=left,
        not_read={name: not_read[name] for name in grade_names()},
        sha256=sha256(shard.file),
        frame_lacks=build.frame_lacks,
        template_sha256=sha256(shard.folder / TEMPLATE) if build.frame else None,
        root=str(real(found.root)) if any(one.passing for one in left) else None,
    )
    write_shard_record(shard.record, record)


def _pair_record(found: Found, shard: Shard, candidate: Candidate, built: BuiltPair, *, row: int) -> PairRecord:
    """A pair, once it stands in a row of a shard."""
    series = found.pair_of(candidate)
    return PairRecord(
        pair_id=candidate.pair_id,
        participant=candidate.flash.participant,
        visit=candidate.flash.visit,
        side=candidate.side,
        flash=series.flash,
        film=series.film,
        shard=shard.file.name,
        row=row,
        kl=candidate.grades.get(KL),
        radiograph_mm=built.radiograph_mm,
        extent_mm=built.extent_mm,
        source_mri_sha256=built.mri_sha256,
        source_radiograph_sha256=built.radiograph_sha256,
    )
