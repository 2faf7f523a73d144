"""oai/ or a table of knees (and knees/) -> dataset/: pairs of MRI slices and joint crops, with their grades.

The dataset is cut into shards. One process builds all of them and merges them; or each is built by a process of its
own (a task of a Slurm array, say) and one more merges them. Both ways write the same bytes.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path

from xrmri.building.cohort import find_cohort
from xrmri.building.frame import frame_of
from xrmri.building.merge import read_shards, shards_of, verify, write_tables
from xrmri.building.search import plan
from xrmri.building.sequences import draw_sequences
from xrmri.building.shard import Build, Shard, build_shards
from xrmri.building.sources import BuildInputs, source_of
from xrmri.cohorts import manifest
from xrmri.config import BuildDataset, Execution
from xrmri.errors import InputError
from xrmri.machine import parallel
from xrmri.runs.dry_run import foresee
from xrmri.runs.folder import begin, join, renew
from xrmri.runs.outcome import BuildOutcome, Outcome
from xrmri.runs.record import RECORD, RunRecord, read_record
from xrmri.storage.files import write_text

__all__ = [
    "BuildInputs", "array_task", "build", "folder_of", "merge", "run", "run_shard", "source_of", "verify",
    "with_shards", "write_template",
]  # fmt: skip
log = logging.getLogger(__name__)

DEFAULT = Path("dataset")


def build(
    inputs: BuildInputs,
    out: Path,
    config: BuildDataset,
    execution: Execution,
    *, shard: str | None = None,
    figures: bool = False,
) -> BuildOutcome:
    """Build the dataset, or the one shard that is asked for: by I/N, or by the task of a Slurm array that this is.

    Args and errors as in `run` and `run_shard`.
    """
    if inputs.template and config.frame != "knee":
        raise InputError("--template belongs to --frame knee: the scanner's frame needs none")
    task = parallel.parse_shard(shard) if shard else array_task(os.environ, config, out)
    if task is None or execution.dry_run:
        return run(inputs, out, config, execution, figures=figures)
    number, count = task
    return run_shard(inputs, out, with_shards(config, count), execution, number=number)


def run(
    inputs: BuildInputs, out: Path, config: BuildDataset, execution: Execution, *, figures: bool = False
) -> BuildOutcome:
    """Build the dataset: all shards that are not there yet, and the tables.

    Args:
        inputs: release or table, knees, template.
        out: folder of the dataset.
        config: slice window, size, features, split, shards.
        execution: workers, device of the detector, dry run.
        figures: also draw what the paper shows of its data (Fig. 4); a finished dataset may be given for it.

    Returns:
        status, output and counts; a dry run also gives an example of each reason for leaving a series out.

    Raises:
        InputError: the release cannot be read.
        InconsistentError: it has no readings, or two splits would share a participant.
        RejectedError: more of its FLASH series were rejected than config.max_rejected.
    """
    found, config = find_cohort(inputs.source, config)
    inputs.require_readable()
    work = Build(found=found, config=config, inputs=inputs, fingerprints=inputs.fingerprints(found))
    if execution.dry_run:
        status = foresee(out, config, work.fingerprints, force=execution.force, reads=inputs.reads(found))
        return plan(found, out, config) | {"status": status}
    slices = config.kept + 1  # and the radiograph
    needed_bytes = len(found.candidates) * slices * config.size**2 * 2
    run_folder = begin(
        out, config, work.fingerprints, force=execution.force, reads=inputs.reads(found), needed_bytes=needed_bytes
    )
    if run_folder is None:
        if figures:
            draw_sequences(found.release, out, config, execution)
            renew(out)
        return {"status": "already done", "output": str(out)}
    with run_folder as record:
        work = _in_frame(work, execution, out)
        missing = [shard for shard in shards_of(out, config.shards) if not shard.is_finished(work)]
        build_shards(missing, work, execution)
        records = read_shards(out, config, work.fingerprints)
        record.note(unopened=tuple(sorted({path for shard in records for path in shard.unopened})))
        counts = write_tables(out, config, records)
        record.note(counts=counts)
        if figures:
            draw_sequences(found.release, out, config, execution)
    log.info("%d pairs from %d series written to %s", counts["pairs"], len(found.release.series), out)
    return {"status": "finished", "output": str(out), "counts": counts}


def run_shard(
    inputs: BuildInputs, out: Path, config: BuildDataset, execution: Execution, *, number: int
) -> BuildOutcome:
    """Build one of the config.shards shards; `merge` makes a dataset of them once all are there.

    Args:
        inputs: as in `run`, likewise the others.
        number: which shard, from 0.

    Returns:
        status, output (the shard) and counts.

    Raises:
        InputError: the release cannot be read, or `out` holds shards of other settings.
        InconsistentError: the release has no readings.
    """
    found, config = find_cohort(inputs.source, config)
    inputs.require_readable()
    work = Build(found=found, config=config, inputs=inputs, fingerprints=inputs.fingerprints(found))
    shard = Shard(folder=out, number=number, count=config.shards)
    with join(out, config, work.fingerprints, f"{number}-of-{config.shards}"):
        work = _in_frame(work, execution, out)
        if not execution.force and shard.is_finished(work):
            return {"status": "already done", "output": str(shard.file)}
        (out / "dataset.json").unlink(missing_ok=True)  # it describes the shard that was there: --merge writes it anew
        build_shards([shard], work, execution)
    record = shard.read()
    assert record is not None
    counts = {"pairs": len(record.pairs), "rejected": len(record.rejected)}
    return {"status": "finished", "output": str(shard.file), "counts": counts}


def _in_frame(work: Build, execution: Execution, out: Path) -> Build:
    """The same with the knee's frame, where volumes are laid into it."""
    frame = frame_of(work.found.candidates, work.config, execution, out=out, given=work.inputs.template)
    return replace(work, frame=frame)


def folder_of(release: Path | None, out: Path | None) -> Path:
    """The dataset that --merge or --verify is of: -o, or the folder named first where a run has been."""
    named = release if release and (release / "run.json").is_file() else None
    return out or named or DEFAULT


def merge(out: Path, config: BuildDataset) -> BuildOutcome:
    """Make a dataset of shards that were built one by one.

    Args:
        out: folder of the shards.
        config: settings a person gave; the others are taken from the shards.

    Returns:
        status, output and counts.

    Raises:
        InputError: `out` holds no shards, or shards of other settings.
        InconsistentError: shards are missing, changed or do not belong together.
        RejectedError: as in `run`.
    """
    record = read_record(out)
    if record is None or record.command != config.command():
        raise InputError(f"{out} holds no shards: build them with `xrmri build-dataset OAI -o {out} --shard I/N`")
    kept = _settings_of(record, out)
    for item in fields(config):
        given, default = getattr(config, item.name), config.default(item.name)
        if given not in (default, getattr(kept, item.name)):
            there = getattr(kept, item.name)
            raise InputError(f"{out} holds shards with other settings ({item.name} was {there!r}, now {given!r})")
    records = read_shards(out, kept, record.inputs)
    lost = [number for number, shard in enumerate(records) if shard.lost]
    if lost:
        again = f"--shard I/{kept.shards}, I being {','.join(map(str, lost))}, and then --merge again"
        log.warning("%d shards lack series that could not be opened when they were built: %s", len(lost), again)
    run_folder = begin(out, kept, record.inputs)
    if run_folder is None:
        return {"status": "already done", "output": str(out)}
    with run_folder as opened:
        opened.note(unopened=tuple(sorted({path for shard in records for path in shard.unopened})))
        counts = write_tables(out, kept, records)
        opened.note(counts=counts)
    return {"status": "finished", "output": str(out), "counts": counts}


def write_template(file: Path) -> Outcome:
    """Write an empty table of knees to fill in.

    Returns:
        status and output.

    Raises:
        InputError: there is a file of that name already, or it cannot be written.
    """
    if file.exists() or file.is_symlink():
        raise InputError(f"{file} exists: give another name, or remove it")
    if not file.parent.is_dir():
        raise InputError(f"{file} cannot be written: there is no folder {file.parent}")
    try:
        write_text(file, manifest.template())
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}") from error
    return {"status": "written", "output": str(file)}


def array_task(environment: Mapping[str, str], config: BuildDataset, out: Path) -> tuple[int, int] | None:
    """The shard that this task of a Slurm array is to build, and how many there are; None outside of an array."""
    record = read_record(out)
    begun = _settings_of(record, out).shards if record and record.command == config.command() else None
    return parallel.array_task(environment, config.shards if config.shards > 1 else begun)


def _settings_of(record: RunRecord, out: Path) -> BuildDataset:
    """What the run.json of shards says that they are built with; InputError where there are no such settings."""
    try:
        return BuildDataset.of(record.config)
    except InputError as error:
        raise InputError(f"{out / RECORD}: {error}: remove the folder and build the shards again") from error


def with_shards(config: BuildDataset, count: int) -> BuildDataset:
    """The settings of a dataset of so many shards; InputError where --shards says otherwise."""
    if config.shards not in (1, count):
        raise InputError(f"--shards {config.shards} and {count} shards do not go together: give one of them")
    return replace(config, shards=count)
