"""ldm/ + radiographs, or a dataset's -> synthetic volumes as NIfTI, each with a sidecar and a preview."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from xrmri.config import Execution, Generate, silent
from xrmri.data.store import is_dataset
from xrmri.errors import InputError, XrmriError
from xrmri.generation.case import Case
from xrmri.generation.cases import Cases, cases_of_dataset, cases_of_radiographs
from xrmri.generation.claim import require_no_input, require_ours
from xrmri.generation.inputs import GenerateInputs
from xrmri.generation.job import Job, job_of
from xrmri.generation.share import Share, read_share
from xrmri.generation.sweep import Sweep, deliver_effect, read_sweep
from xrmri.generation.target import VOLUME_SUFFIXES, Target, require_output
from xrmri.runs.dry_run import foresee, require_place
from xrmri.runs.folder import Run, begin, is_done, renew, require_writable
from xrmri.runs.holding import held
from xrmri.runs.outcome import GenerateOutcome
from xrmri.runs.outputs import clear_leftovers_of
from xrmri.storage.disk import room_for
from xrmri.storage.tables import write_table
from xrmri.storage.trouble import to_open_again

log = logging.getLogger(__name__)

FOLDER = Path("volumes")
"""Where several volumes go when nobody says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RejectedCase:
    """A line of rejected.csv."""

    name: str
    reason: str


def run(
    radiographs: Sequence[Path],
    out: Path | None,
    *,
    config: Generate,
    execution: Execution,
    inputs: GenerateInputs,
    split: str | None = None,
    shard: str | None = None,
) -> GenerateOutcome:
    """Draw a volume for each radiograph, or for each pair of a dataset.

    Args:
        radiographs: joint crops or films; or one dataset.
        out: a file for one radiograph, else a folder.
        config: how to draw.
        execution: how to run.
        inputs: grades, side, model and what else a person says.
        split: of a dataset; test where nobody says.
        shard: I/N, of a dataset.

    Returns:
        status, output and counts.

    Raises:
        InputError, InconsistentError: what cannot be drawn, told before any network is loaded.
    """
    cohort = len(radiographs) == 1 and is_dataset(radiographs[0])
    if not cohort and (shard or split):
        raise InputError("--split and --shard belong to a dataset: give one dataset folder")
    folder = out or FOLDER
    require_output(folder)
    form = partial(Target, pictures=inputs.pictures, dicom=inputs.dicom, labels=inputs.labels)
    job = job_of(config, execution, inputs.model, labels=inputs.labels)
    reads = [*radiographs, inputs.features, inputs.like]
    if cohort:
        share = read_share(shard, os.environ, folder)
        cases = cases_of_dataset(radiographs[0], split or "test", job.model, inputs)
        return _to_folder(cases, folder, job, reads=reads, form=form, share=share)
    cases = cases_of_radiographs(radiographs, job.model, inputs)
    if len(cases.read) == 1:
        ((name, read),) = cases.read.items()
        case = read()  # a single mistake is an error, not a row
        if out is None or out.name.endswith(VOLUME_SUFFIXES):
            target = form(volume=out or Path(f"{name}.nii.gz"))
            if inputs.sweep:
                return _swept(case, target, read_sweep(inputs.sweep, job.model.features), job, reads=reads)
            require_no_input(target.files(job.config), reads)
            return _to_file(case, target, job)
    if inputs.sweep:
        raise InputError("--sweep takes one knee, and -o a .nii.gz file: give --side, and radiographs one by one")
    return _to_folder(cases, folder, job, reads=reads, form=form)


def _to_file(case: Case, target: Target, job: Job) -> GenerateOutcome:
    """Draw one case to files of a given name."""
    if target.volume.is_dir():
        raise InputError(f"-o {target.volume} is a folder: give a file name, or a folder that does not end in .nii.gz")
    files = [str(file) for file in target.files(job.config)]
    result: GenerateOutcome = {"status": "finished", "output": files[0], "outputs": files, "model": job.model.name}
    result["identity"] = job.identity(case)
    require_ours(target.files(job.config), target.beside(".json"))
    done = not job.execution.force and job.delivered_before(case, target)
    if job.execution.dry_run:
        require_place(target.volume.parent)
        return result | {"status": "already done" if done and not target.pictures_missing else "dry run"}
    require_writable(target.volume.parent)
    if done:
        job.model.say_what_it_is()
        return result if job.add_pictures(case, target) else result | {"status": "already done"}
    folder = target.volume.parent
    with room_for(folder, job.bytes_on_disk), held(folder, target.stem):
        clear_leftovers_of(target.volume)
        job.deliver(job.draw(case), case, target)
    return result


def _swept(case: Case, target: Target, sweep: Sweep, job: Job, *, reads: Sequence[Path | None]) -> GenerateOutcome:
    """Draw one case at every grade of a reading, and what the reading changes."""
    cases = sweep.cases(case, target)
    written = [file for _, own in cases for file in own.files(job.config)]
    require_no_input([*written, *sweep.effect(target)], reads)
    require_ours(sweep.effect(target), sweep.effect(target)[1])
    results = [_to_file(own, place, job) for own, place in cases]
    files = [file for result in results for file in result["outputs"]] + [str(file) for file in sweep.effect(target)]
    status = results[0]["status"] if len({result["status"] for result in results}) == 1 else "finished"
    if job.execution.dry_run:
        status = status if status == "already done" else "dry run"
    else:
        deliver_effect(sweep, case, target, config=job.config, model=job.model)
    return {"status": status, "output": files[0], "outputs": files, "model": job.model.name, "sweep": sweep.name}


def _to_folder(
    cases: Cases,
    out: Path,
    job: Job,
    *,
    reads: Sequence[Path | None],
    form: Callable[..., Target],
    share: Share | None = None,
) -> GenerateOutcome:
    """Draw every case, or a share of them, into a folder; one that fails becomes a row of rejected.csv.

    The folder's run.json is finished when all shares are.
    """
    if out.name.endswith(VOLUME_SUFFIXES):
        raise InputError(f"-o {out} names one volume, where there may be several: give a folder")
    names, force = share.of(list(cases.read)) if share else list(cases.read), job.execution.force
    result: GenerateOutcome = {"status": "finished", "output": str(out), "model": job.model.name, "volumes": len(names)}
    if share and force:
        raise InputError("--force would clear the volumes of other shards: remove the folder instead")
    made_of = {"model": job.model.sha256, **cases.made_of}
    if job.execution.dry_run:
        return result | {"status": foresee(out, job.config, made_of, force=force, reads=reads)}
    drawn = share and (is_done(out, job.config, made_of) or share.is_done(out))
    name, needed_bytes = share.name if share else "", len(names) * job.bytes_on_disk
    run = drawn or begin(out, job.config, made_of, force=force, share=name, reads=reads, needed_bytes=needed_bytes)
    targets = {name: form(volume=out / f"{name}.nii.gz") for name in names}
    if not isinstance(run, Run):
        job.model.say_what_it_is()
        return result if _add_pictures(cases, targets, job, out) else result | {"status": "already done"}
    run.note(model=str(job.model.folder.resolve()))
    if share:
        run.note(shares=share.count)  # which a resubmission of some of them goes by
        with run.share():
            reasons = _draw_all(cases, targets, job)
            share.mark_done(out, reasons, to_open_again(reasons.values(), reads))
        everywhere = share.left_out_by_all(out)
        if everywhere is not None:
            with run:
                _conclude(run, out, len(cases.read), everywhere.rejected, unopened=everywhere.unopened)
        return result | {"counts": _counts(len(names), len(reasons))}
    with run:
        reasons = _draw_all(cases, targets, job)
        _conclude(run, out, len(cases.read), reasons, unopened=to_open_again(reasons.values(), reads))
    return result | {"counts": run.record.counts or {}}


def _draw_all(cases: Cases, targets: Mapping[str, Target], job: Job) -> dict[str, XrmriError]:
    """Draw the cases that have a target; returns why some could not be."""
    reasons: dict[str, XrmriError] = {}
    progress, job = job.execution.progress, replace(job, execution=replace(job.execution, progress=silent))
    job.load()  # a model that cannot be loaded is no fault of a case
    for done, (name, target) in enumerate(targets.items()):
        progress("volumes", done, len(targets), name)
        try:
            case = cases.read[name]()
            if not job.delivered_before(case, target):
                job.deliver(job.draw(case), case, target)
        except XrmriError as error:
            log.warning("%s is left out: %s", name, error)
            reasons[name] = error
    progress("volumes", len(targets), len(targets), "")
    return reasons


def _add_pictures(cases: Cases, targets: Mapping[str, Target], job: Job, out: Path) -> bool:
    """Draw what is asked for and not there of pictures of volumes that were drawn before; whether there was any."""
    wanted = [name for name, target in targets.items() if target.pictures_missing and target.volume.exists()]
    for name in wanted:
        job.add_pictures(cases.read[name](), targets[name])
    if wanted:
        renew(out)
    return bool(wanted)


def _conclude(run: Run, out: Path, asked: int, reasons: Mapping[str, object], *, unopened: tuple[str, ...]) -> None:
    """Write what was left out, and count; what could not be opened, the same command looks at again."""
    rejected = (RejectedCase(name=name, reason=str(reason)) for name, reason in reasons.items())
    write_table(out / "rejected.csv", RejectedCase, rejected)
    run.note(counts=_counts(asked, len(reasons)), unopened=unopened)
    if len(reasons) == asked:
        raise InputError(f"none of the {asked} radiographs could be used: see {out / 'rejected.csv'}")


def _counts(asked: int, rejected: int) -> dict[str, int]:
    return {"asked": asked, "drawn": asked - rejected, "rejected": rejected}
