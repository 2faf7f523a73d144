"""Finished shards -> index.csv, rejected.csv and dataset.json; and whether a dataset is still what was written.

Splits are decided here, where all pairs are known, and no participant may be in two of them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from xrmri.building.lacking import lacking
from xrmri.building.record import LeftOutSeries, PairRecord, ShardRecord
from xrmri.building.search import count, left_out
from xrmri.building.shard import Shard, require_same_template
from xrmri.building.splits import split_of
from xrmri.cohorts.description import FLASH
from xrmri.config import BuildDataset
from xrmri.data.features import feature_set
from xrmri.data.index import INDEX, leak
from xrmri.data.store import grade_names, open_dataset, write_index
from xrmri.errors import InconsistentError, InputError, RejectedError
from xrmri.facts.folders import TEMPLATE, DatasetFacts, write_dataset_facts
from xrmri.records import SPLITS
from xrmri.runs.outcome import BuildOutcome
from xrmri.runs.record import read_record
from xrmri.storage.files import sha256
from xrmri.storage.tables import write_table


@dataclass(frozen=True, kw_only=True, slots=True)
class _RejectedRow:
    """A line of rejected.csv; the fields are those of LeftOutSeries."""

    participant: str
    visit: str
    side: str
    series: str
    reason: str


def shards_of(folder: Path, number: int) -> list[Shard]:
    """All shards of a dataset, finished or not."""
    return [Shard(folder=folder, number=one, count=number) for one in range(number)]


def read_shards(folder: Path, config: BuildDataset, inputs: Mapping[str, str]) -> list[ShardRecord]:
    """The records of all shards.

    Raises:
        InconsistentError: a shard is missing, was built with other settings, from another release or in a frame that
            has been made anew since, or has changed.
    """
    records = {shard: shard.read() for shard in shards_of(folder, config.shards)}
    missing = [shard.number for shard, record in records.items() if record is None]
    if missing:
        task = ",".join(map(str, missing))
        raise InconsistentError(
            f"{folder} lacks {len(missing)} of {config.shards} shards: build them with --shard I/{config.shards}, "
            f"I being {task}, or on Slurm with sbatch --array={task}; then --merge again"
        )
    found, lacks = [], lacking(folder)
    for shard, record in records.items():
        assert record is not None
        if not record.is_of(config, inputs):
            raise InconsistentError(f"{shard.file} has other settings or another release: build it again with --force")
        if (record.frame_lacks or ()) != lacks:
            again = f"build it again with --shard {shard.number}/{config.shards}"
            raise InconsistentError(f"{shard.file} lies in a frame that has been made anew since: {again}")
        require_same_template(record.template_sha256, folder)
        if sha256(shard.file) != record.sha256:
            raise InconsistentError(f"{shard.file} has changed since it was written: build it again with --force")
        found.append(record)
    return found


def write_tables(folder: Path, config: BuildDataset, records: Sequence[ShardRecord]) -> dict[str, Any]:
    """Write index.csv, rejected.csv and dataset.json.

    Args:
        folder: holds the shards.
        config: the settings they were built with.
        records: of all shards, in their order.

    Returns:
        the counts.

    Raises:
        InputError: there is no FLASH series at all.
        InconsistentError: a participant or a file would stand in two splits.
        RejectedError: more FLASH series were rejected than config.max_rejected; rejected.csv is written all the same.
    """
    pairs = [pair for record in records for pair in record.pairs]
    pairs.sort(key=lambda pair: (pair.participant, pair.visit, pair.side))
    left = left_out(pairs, [one for record in records for one in record.rejected])
    counts = count(records[0].found, pairs, left)
    columns = [one.name for one in fields(_RejectedRow)]
    rejected = (_RejectedRow(**{name: getattr(one, name) for name in columns}) for one in left)
    write_table(folder / "rejected.csv", _RejectedRow, rejected)
    _refuse_too_many(counts, left, config, folder)
    splits = split_of(((pair.participant, pair.kl) for pair in pairs if not pair.split), config)
    rows = [asdict(pair) | {"split": pair.split or splits[pair.participant]} for pair in pairs]
    refuse_leak(rows, folder)
    write_index(folder / INDEX, rows)
    all_shards = shards_of(folder, config.shards)
    shards = {shard.file.name: record.sha256 for shard, record in zip(all_shards, records, strict=True)}
    not_read = {name: sum(record.not_read[name] for record in records) for name in grade_names()}
    features = feature_set(config.feature_set)
    per_split = Counter(row["split"] for row in rows)
    facts = DatasetFacts(
        slices=config.kept,
        size=config.size,
        extent_mm=_extent_mm(pairs),
        plane=config.plane,
        sequence=config.contrast,
        frame=config.frame,
        feature_set=config.feature_set,
        features=features.names,
        features_sha256=features.sha256,
        grades=grade_names(),
        origin=records[0].origin,
        is_synthetic=any(record.is_synthetic for record in records),
        shards=shards,
        index_sha256=sha256(folder / INDEX),
        template_sha256=sha256(folder / TEMPLATE) if config.frame == "knee" else None,
        slice_window=None if config.slice_window else (config.first_slice, config.last_slice),
        split_seed=config.seed,
        shares=config.shares,
        pairs_per_split={split: per_split[split] for split in SPLITS},
        not_read=not_read,
        counts=counts,
    )
    write_dataset_facts(folder, facts)
    return counts


def refuse_leak(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """InconsistentError when a participant, or one and the same image, stands in two splits."""
    found = leak(rows)
    if found:
        raise InconsistentError(f"{folder} would leak: {found}")


def verify(folder: Path) -> BuildOutcome:
    """Read a whole dataset again.

    Returns:
        status, output, pairs and shards.

    Raises:
        InputError: not a dataset.
        InconsistentError: a file has changed, index and shards do not agree, or two splits share a participant.
    """
    dataset = open_dataset(folder)
    record = read_record(folder)
    written = (record.outputs if record else None) or {}
    expected = {name: written[name] for name in ("index.csv", "rejected.csv", "dataset.json") if name in written}
    for name, digest in {**expected, **dataset.facts.shards}.items():
        if sha256(folder / name) != digest:
            raise InconsistentError(f"{folder / name} has changed since it was written: build the dataset again")
    refuse_leak(dataset.index.reset_index().to_dict("records"), folder)
    for pair_id in dataset.pairs():
        dataset.volume(pair_id)  # HDF5 compares the checksum of every slice
        dataset.radiograph(pair_id)
        if dataset.stored_pair_id(pair_id) != pair_id:
            raise InconsistentError(f"{folder / 'index.csv'} names a row for {pair_id} that holds another pair")
    shards = len(dataset.facts.shards)
    return {"status": "verified", "output": str(folder), "pairs": len(dataset), "shards": shards}


def _refuse_too_many(
    counts: Mapping[str, Any], left: Sequence[LeftOutSeries], config: BuildDataset, folder: Path
) -> None:
    """RejectedError when more FLASH series were rejected than allowed, or nothing is left."""
    found, lost = counts["found"][FLASH], counts["rejected_flash"]
    if not found:
        wanted = f"described as {config.series!r}" if config.series else "COR_T1_3D_FLASH"
        raise InputError(f"the release has no series {wanted}: nothing can be paired")
    if lost > config.max_rejected * found or not counts["pairs"]:
        (reason, _), *_ = Counter(one.reasons[0].kind for one in left if one.kind == FLASH).most_common(1)
        kind = "MRI" if config.sequence else FLASH
        said = f"{lost} of {found} {kind} series rejected, most for {reason!r}"
        raise RejectedError(f"{said}: see {folder / 'rejected.csv'}")


def _extent_mm(pairs: Sequence[PairRecord]) -> tuple[float, float, float]:
    """The median extent of the volumes, to a ten-thousandth of a millimetre: positions in headers are rounded."""
    depth, height, width = np.median([pair.extent_mm for pair in pairs], axis=0).round(4).tolist()
    return depth, height, width
