"""ldm/ + radiographs, or a dataset's -> synthetic volumes as NIfTI, each with a sidecar and a preview."""

import csv
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from xrmri.config import Execution, Generate, silent
from xrmri.data.features import parse_settings
from xrmri.data.store import open_dataset
from xrmri.disk import room_for
from xrmri.errors import InconsistentError, InputError, XrmriError
from xrmri.generation.case import Case, GenerateInputs, case_of_pair, case_of_radiograph
from xrmri.generation.claim import require_no_input, require_ours
from xrmri.generation.deliver import VOLUME_SUFFIXES, Target, deliver, delivered_before, identity, require_output
from xrmri.generation.model import ModelFolder, find_model
from xrmri.generation.share import Share
from xrmri.generation.sweep import Sweep, deliver_effect, read_sweep
from xrmri.machine.memory import keep_memory
from xrmri.names import cells, safe_name
from xrmri.outputs import clear_leftovers_of
from xrmri.run import Run, begin, complete_or_absent, fingerprint, is_done, require_writable, sha256

log = logging.getLogger(__name__)

RADIOGRAPH_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")
SPLITS = ("train", "val", "test")

Place = Callable[[], Case]


def run(
    radiographs: list[Path], out: Path | None, config: Generate, execution: Execution, wish: GenerateInputs
) -> dict[str, Any]:
    """Draw a volume for each radiograph: one goes to a file, several go to a folder.

    A radiograph that cannot be used ends the run when it is the only one, and becomes a row of rejected.csv otherwise.
    """
    require_output(out or Path("volumes"))
    model, config = _settled(wish, config, execution)
    grades = wish.grades(model.features)
    names = [f"{safe_name(_stem(file))}_mri" for file in radiographs]
    if len(set(names)) < len(names):
        raise InputError("two radiographs have the same name: rename one, or run them one by one")
    first = radiographs[0]
    if len(radiographs) == 1:
        only = case_of_radiograph(first, wish, grades, model)  # a single mistake is an error, not a row
        if out is None or out.name.endswith(VOLUME_SUFFIXES):
            target = Target(volume=out or Path(f"{names[0]}.nii.gz"), pictures=wish.pictures)
            sweep = read_sweep(wish.sweep, model.features) if wish.sweep else None
            places = [place for _, place in sweep.orders(only, target)] if sweep else [target]
            written = [file for place in places for file in place.files(config.samples)]
            require_no_input(written + list(sweep.effect(target) if sweep else ()), [first, wish.features, wish.like])

            @cache
            def load() -> Any:
                model.say_what_it_is()
                return _load(model, config.precision, execution)

            if sweep:
                return _swept(only, target, sweep, config, execution, model, load)
            return _to_file(only, target, config, execution, model, load)
    if wish.sweep:
        raise InputError("--sweep takes one radiograph, and -o a .nii.gz file: run several one by one")
    inputs = {"grades": json.dumps(grades, sort_keys=True), "side": str(wish.side)}
    for name, file in zip(names, radiographs, strict=True):
        inputs[f"radiograph {name}"] = sha256(file) if file.is_file() else "absent"

    def place(file: Path) -> Place:
        return lambda: case_of_radiograph(file, wish, grades, model)

    orders = {name: place(file) for name, file in zip(names, radiographs, strict=True)}
    if wish.like:
        inputs["like"] = fingerprint(wish.like)
    reads, to = [*radiographs, wish.features, wish.like], out or Path("volumes")
    return _to_folder(orders, to, inputs, config, execution, model, wish.pictures, reads=reads)


def run_cohort(
    folder: Path,
    split: str,
    out: Path | None,
    config: Generate,
    execution: Execution,
    wish: GenerateInputs,
    share: Share | None = None,
) -> dict[str, Any]:
    """Draw a volume for each pair of a split of a dataset, or a share of them, from radiograph and grades alone."""
    model, config = _settled(wish, config, execution)
    if wish.features or wish.side or wish.sweep or wish.like:
        raise InputError("--features, --side, --sweep and --like belong to single radiographs: a dataset has its own")
    if split not in SPLITS:
        raise InputError(f"--split must be one of {', '.join(SPLITS)}, not {split!r}")
    dataset = open_dataset(folder)
    if dataset.facts.features_sha256 != model.features.sha256:
        raise InconsistentError(f"{folder} has other features than the {model.name}: build or train again")
    changed = parse_settings(wish.settings, model.features)
    inputs = {"dataset": fingerprint(folder), "split": split, "grades": json.dumps(changed, sort_keys=True)}

    def place(pair_id: str) -> Place:
        return lambda: case_of_pair(dataset, pair_id, changed, model)

    orders = {pair_id: place(pair_id) for pair_id in dataset.pairs(split)}
    if not orders:
        raise InconsistentError(f"{folder} has no pair in its {split} split")
    dataset.check()
    to = out or Path("volumes")
    return _to_folder(orders, to, inputs, config, execution, model, wish.pictures, share, reads=[folder])


def _settled(wish: GenerateInputs, config: Generate, execution: Execution) -> tuple[ModelFolder, Generate]:
    """The model asked for, and the settings once what depends on model and machine is filled in."""
    model = find_model(wish.model)
    if config.precision == "auto":
        from xrmri.machine.device import find_device
        from xrmri.machine.precision import fastest_precision

        config = replace(config, precision=fastest_precision(find_device(execution.device)))
    from xrmri.generation.sampling import settled

    config = settled(config, model.facts)
    return model, replace(config, noise_length_mm=config.noise_length_mm or model.noise_length_mm)


def _to_file(
    order: Case, target: Target, config: Generate, execution: Execution, model: ModelFolder, load: Callable[[], Any]
) -> dict[str, Any]:
    """Draw one order to files of a given name."""
    if target.volume.is_dir():
        raise InputError(f"-o {target.volume} is a folder: give a file name, or a folder that does not end in .nii.gz")
    wanted = identity(order, config, model)
    files = [str(file) for file in target.files(config.samples)]
    found = {"output": files[0], "outputs": files, "model": model.name, "identity": wanted}
    if execution.dry_run:
        return {"status": "dry run", **found}
    require_ours(target.files(config.samples), target.beside(".json"))
    done = not execution.force and delivered_before(target, wanted, config.samples)
    require_writable(target.volume.parent)
    if done:
        model.say_what_it_is()
        return {"status": "already done", **found}
    clear_leftovers_of(target.volume)
    with room_for(target.volume.parent, _volume_bytes(config, model)):
        _draw_and_deliver(load(), order, target, config, model, execution)
    return {"status": "finished", **found}


def _volume_bytes(config: Generate, model: ModelFolder) -> int:
    """What one order takes on disk, roughly."""
    return (config.samples + 2 * (config.samples > 1)) * config.num_slices * model.image_size**2 * 2 + 500_000


def _swept(
    order: Case,
    target: Target,
    sweep: Sweep,
    config: Generate,
    execution: Execution,
    model: ModelFolder,
    load: Callable[[], Any],
) -> dict[str, Any]:
    """Draw one order at every grade of a reading, and what the reading changes."""
    require_ours(sweep.effect(target), sweep.effect(target)[1])
    results = [_to_file(own, place, config, execution, model, load) for own, place in sweep.orders(order, target)]
    files = [file for result in results for file in result["outputs"]]
    status = results[0]["status"] if len({result["status"] for result in results}) == 1 else "finished"
    if not execution.dry_run:
        files += [str(file) for file in deliver_effect(sweep, order, target, model)]
    return {"status": status, "output": files[0], "outputs": files, "model": model.name, "sweep": sweep.name}


def _to_folder(
    orders: Mapping[str, Place],
    out: Path,
    inputs: Mapping[str, str],
    config: Generate,
    execution: Execution,
    model: ModelFolder,
    pictures: tuple[str, ...],
    share: Share | None = None,
    *,
    reads: Sequence[Path | None],
) -> dict[str, Any]:
    """Draw every order, or a share of them, into a folder; one that fails becomes a row of rejected.csv.

    The folder's run.json is finished when all shares are.
    """
    names = share.of(list(orders)) if share else list(orders)
    found = {"output": str(out), "model": model.name, "volumes": len(names)}
    if execution.dry_run:
        return {"status": "dry run", **found}
    if share and execution.force:
        raise InputError("--force would clear the volumes of other shards: remove the folder instead")
    inputs = {"model": model.sha256, **inputs}
    drawn = share and (is_done(out, config, inputs) or share.is_done(out))
    name, needed_bytes = share.name if share else "", len(names) * _volume_bytes(config, model)
    run = drawn or begin(out, config, inputs, force=execution.force, share=name, reads=reads, needed_bytes=needed_bytes)
    model.say_what_it_is()
    if not isinstance(run, Run):
        return {"status": "already done", **found}
    run.record["model"] = str(model.folder.resolve())
    if share:
        run.record["shares"] = share.count  # which a resubmission of some of them goes by
        with run.share():
            reasons = _draw_all(names, orders, out, config, execution, model, pictures)
            share.mark_done(out, reasons)
        everywhere = share.rejected_by_all(out)
        counts = _counts(len(names), len(reasons))
        if everywhere is not None:
            with run:
                _conclude(run, out, len(orders), everywhere)
        return {"status": "finished", **found, "counts": counts}
    with run:
        reasons = _draw_all(names, orders, out, config, execution, model, pictures)
        _conclude(run, out, len(orders), reasons)
    return {"status": "finished", **found, "counts": run.record["counts"]}


def _draw_all(
    names: list[str],
    orders: Mapping[str, Place],
    out: Path,
    config: Generate,
    execution: Execution,
    model: ModelFolder,
    pictures: tuple[str, ...],
) -> dict[str, str]:
    """Draw some orders with one model; returns why some could not be."""
    reasons: dict[str, str] = {}
    bundle = _load(model, config.precision, execution)
    for done, name in enumerate(names):
        execution.progress("volumes", done, len(names), name)
        try:
            order, target = orders[name](), Target(volume=out / f"{name}.nii.gz", pictures=pictures)
            if not delivered_before(target, identity(order, config, model), config.samples):
                _draw_and_deliver(bundle, order, target, config, model, replace(execution, progress=silent))
        except XrmriError as error:
            log.warning("%s is left out: %s", name, error)
            reasons[name] = str(error)
    execution.progress("volumes", len(names), len(names), "")
    return reasons


def _conclude(run: Run, out: Path, asked: int, reasons: Mapping[str, str]) -> None:
    """Write what was left out, and count."""
    _write_rejected(out / "rejected.csv", reasons)
    run.record["counts"] = _counts(asked, len(reasons))
    if len(reasons) == asked:
        raise InputError(f"none of the {asked} radiographs could be used: see {out / 'rejected.csv'}")


def _counts(asked: int, rejected: int) -> dict[str, int]:
    return {"asked": asked, "drawn": asked - rejected, "rejected": rejected}


def _draw_and_deliver(
    bundle: Any, order: Case, target: Target, config: Generate, model: ModelFolder, execution: Execution
) -> None:
    """Draw the samples of one order and write them."""
    if order.side_is_assumed:
        log.info("%s is drawn as a right knee: say --side left where it is not", order.source["file"])
    from xrmri.generation.draw import draw

    total = config.samples * config.num_slices
    samples = []
    for number in range(config.samples):

        def tell(done: int, before: int = number * config.num_slices) -> None:
            execution.progress("slices", before + done, total, "")

        y, r = order.network_input(model), order.features(model.features)
        own = {"sample": number, "stream": order.noise_stream}
        samples.append(draw(bundle, y, r, config, **own, cores=execution.workers, tell=tell))
    deliver(samples, order, target, config, model)


def _load(model: ModelFolder, precision: str, execution: Execution) -> Any:
    """The networks, ready to draw; they are imported here, after every mistake in the input has been told."""
    from xrmri.machine.device import find_device
    from xrmri.models.bundle import in_precision, load_bundle

    device = find_device(execution.device)
    if device.type == "cpu":
        keep_memory()
    return in_precision(load_bundle(model.folder, device), precision)


def _stem(file: Path) -> str:
    """A radiograph's name; DICOM files of a release have no suffix to lose."""
    return file.stem if file.suffix.lower() in RADIOGRAPH_SUFFIXES else file.name


def _write_rejected(file: Path, reasons: Mapping[str, str]) -> None:
    """rejected.csv: each order left out, and why."""
    with complete_or_absent(file) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows(map(cells, [("name", "reason"), *reasons.items()]))
