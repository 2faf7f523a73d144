"""What a person gets: the volume as NIfTI, a sidecar that says how it came about, and a preview picture."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from xrmri import __version__
from xrmri.config import Generate
from xrmri.data.radiograph import believed_width_mm
from xrmri.data.reference import centred_on, on_grid
from xrmri.errors import InconsistentError, InputError
from xrmri.formats.dicom_series import SeriesWords, slice_file, write_series
from xrmri.formats.nifti import write_volume
from xrmri.generation.case import Case
from xrmri.generation.claim import claimed, is_whole, read_claim, require_ours
from xrmri.generation.drawn import DrawnVolumes
from xrmri.generation.inputs import ReferenceGrid
from xrmri.generation.model import ModelFolder
from xrmri.generation.pictures import draw_pictures
from xrmri.generation.target import Target
from xrmri.geometry import Geometry
from xrmri.records import LEFT, Volume
from xrmri.sequences import told_contrast
from xrmri.storage.files import digest

DESCRIPTION = "xrmri synthetic; not for diagnosis"
MEAN_DESCRIPTION = "xrmri synthetic mean; not for diagnosis"
LABELS_DESCRIPTION = "xrmri synthetic labels; not for diagnosis"
_SAMPLE = "sample: one of the knees that fit"
_MEAN = "mean: the expected volume, blurred where the radiograph does not tell; _std beside it is how far knees differ"


def identity(case: Case, config: Generate, model: ModelFolder) -> dict[str, Any]:
    """What a volume depends on; the same identity gives the same bytes."""
    return (
        {
            "model_sha256": model.sha256,
            "source": case.source,
            "side": case.side,
            "grades": case.grades,
            "settings": config.to_dict(),
            "xrmri_version": __version__,
        }
        | ({"covariates": dict(case.covariates)} if case.covariates else {})
        | ({"noise_stream": case.noise_stream} if case.noise_stream else {})
        | ({"like": case.grid.source} if case.grid else {})
    )


def delivered_before(target: Target, wanted: dict[str, Any], config: Generate) -> bool:
    """Whether the files of this very case are already there, complete.

    Raises:
        InputError: the files are there, but of another case.
    """
    sidecar = target.beside(".json")
    require_ours(target.files(config), sidecar)
    claim = read_claim(sidecar)
    if claim and target.volume.exists() and claim.get("identity") != digest(wanted):
        raise InputError(f"{target.volume} exists and was drawn with other settings: give another -o, or --force")
    further = (*target.series(config), *target.label_maps(config))
    return is_whole(sidecar) and all(file.exists() for file in further)


def deliver(
    drawn: DrawnVolumes, case: Case, target: Target, *, config: Generate, model: ModelFolder
) -> None:
    """Write volumes, preview and, last, the sidecar that vouches for them.

    Args:
        drawn: what the model says of the knee, a left one looking right.
        case: what was asked for.
        target: where it goes.
        config: how it was drawn.
        model: what drew it.

    Raises:
        InconsistentError: the model drew what is no number.
    """
    if not all(np.isfinite(voxels).all() for voxels in drawn.volumes):
        raise InconsistentError("the model draws what is no number (its weights are too large): copy or train it again")
    geometry = _geometry(case, drawn.volumes[0].shape, model)
    turned = partial(np.flip, axis=geometry.across) if case.side == LEFT else np.asarray
    volumes = [turned(voxels) for voxels in drawn.volumes]
    low, high = model.facts.window
    intensities = [np.rint(low + (voxels + 1) / 2 * (high - low)).clip(0, 32767) for voxels in volumes]
    if drawn.deviation is not None:
        intensities.append(turned(drawn.deviation) / 2 * (high - low))
    if len(volumes) > 1:
        intensities += [np.mean(intensities, axis=0), np.std(intensities, axis=0)]
    laid = [_laid(Volume(voxels=voxels, geometry=geometry, side=case.side), case.grid) for voxels in intensities]
    whole = [replace(volume, voxels=np.rint(volume.voxels).astype(np.int16)) for volume in laid]
    sidecar = target.beside(".json")
    series = list(zip(target.series(config), laid, strict=target.dicom))
    files = [file for file in target.files(config) if file not in (sidecar, *target.series(config))]
    files += [slice_file(folder, place) for folder, volume in series for place in range(len(volume.voxels))]
    told = _sidecar(case, config, model, laid[0].geometry) | _codes(target, model)
    with claimed(sidecar, told, files):
        description = MEAN_DESCRIPTION if config.mean else DESCRIPTION
        for file, volume in zip(target.volumes(config), whole, strict=True):
            write_volume(file, volume, description)
        for file, labels in zip(target.label_maps(config), drawn.labels, strict=True):
            lying = Volume(voxels=np.ascontiguousarray(turned(labels)), geometry=geometry, side=case.side)
            write_volume(file, _laid(lying, case.grid, nearest=True), LABELS_DESCRIPTION)
        for number, (folder, volume) in enumerate(series, start=1):
            write_series(folder, volume, _words(volume, case, config, model, number=number, of=len(series)))
        draw_pictures(target, case, whole[0], (".png", *target.pictures), config=config, model=model)


def _codes(target: Target, model: ModelFolder) -> dict[str, Any]:
    """What the numbers of a label map mean, where there is one."""
    return {"labels": dict(model.facts.tissues.codes)} if target.labels and model.facts.tissues else {}


def _laid(volume: Volume, grid: ReferenceGrid | None, *, nearest: bool = False) -> Volume:
    """The volume on the grid asked for; in its middle where nothing tells the place, as no radiograph does."""
    if grid is None:
        return volume
    lying = volume if grid.in_place else centred_on(volume, grid.reference)
    return on_grid(lying, grid.reference, nearest=nearest)


def _geometry(case: Case, shape: tuple[int, int, int], model: ModelFolder) -> Geometry:
    """Where the drawn voxels lie, a left knee turned back: like the acquired volume, or centred on the origin."""
    if case.geometry is not None:
        lying = case.geometry.resampled(shape)
        return lying.flipped(lying.across) if case.side == LEFT else lying
    (slices, height, width), (deep_mm, high_mm, wide_mm) = shape, model.facts.extent_mm
    return Geometry.centred(model.facts.plane, shape, (deep_mm / (slices - 1), high_mm / height, wide_mm / width))


def _sidecar(case: Case, config: Generate, model: ModelFolder, geometry: Geometry) -> dict[str, Any]:
    """All that a reader of the volume must know, but for the hashes of the files."""
    return {
        "description": "Synthetic: drawn from a radiograph by xrmri. Not for diagnosis.",
        "synthetic": True,
        "kind": _MEAN if config.mean else _SAMPLE,
        "model": model.name,
        "model_sha256": model.sha256,
        "trained_on": model.facts.trained_on,
        "sequence": model.facts.sequence,
        "sources": [case.source],
        "body_part": "KNEE",
        "side": case.side,
        "features_used": {name: grade for name, grade in case.grades.items() if grade is not None},
        "features_missing": [name for name, grade in case.grades.items() if grade is None],
        **_covariates(case, model),
        **_taken(case),
        **config.to_dict(),
        "spacing_mm": dict(zip(("slice", "row", "column"), geometry.spacing_mm, strict=True)),
        "axes": "as in the reference series"
        if case.grid
        else _axes(geometry),
        "position": _position(case),
        "like": case.grid.source if case.grid else None,
        "window": list(model.facts.window),
        "xrmri_version": __version__,
        "identity": digest(identity(case, config, model)),
    }


def _words(
    volume: Volume, case: Case, config: Generate, model: ModelFolder, *, number: int, of: int
) -> SeriesWords:
    """What the DICOM series of one of the volumes of a case says; nothing of the radiograph's header is in it."""
    deviation = of > 1 and number == of
    mean = (config.mean and number == 1) or (of > 2 and number == of - 1)
    what = "standard deviation" if deviation else "mean" if mean else f"sample {number}"
    return SeriesWords(
        identity=digest(identity(case, config, model)),
        number=number,
        description=f"SYNTHETIC, NOT FOR DIAGNOSIS: {what}, {told_contrast(model.facts.sequence)}",
        comment=MEAN_DESCRIPTION if mean else DESCRIPTION,
        derivation=f"Drawn from a radiograph by xrmri {__version__}; its model was trained on {model.knees}.",
        window=(0.0, float(volume.voxels.max())) if deviation else model.facts.window,
        version=__version__,
        side_is_known=not case.side_is_assumed,
    )


def _taken(case: Case) -> dict[str, Any]:
    """How the joint was taken from a person's picture, how wide it counts as, and why it may be none."""
    if not case.taken:
        return {}
    width_mm = believed_width_mm(case.width_mm)
    told = {"width_mm": round(width_mm, 2), "width_from": "file" if width_mm == case.width_mm else "usual crop"}
    return {"radiograph": case.taken | told | ({"warning": case.doubt} if case.doubt else {})}


def _covariates(case: Case, model: ModelFolder) -> dict[str, Any]:
    """Age, sex and BMI that the volume was drawn for, those missing, and those that the model is not told."""
    known = {name: value for name, value in case.covariates.items() if value is not None}
    if not model.view.covariates:
        return {"covariates_used": {}, "covariates_missing": []} | ({"covariates_ignored": known} if known else {})
    missing = [name for name in model.view.covariates if name not in known]
    return {"covariates_used": known, "covariates_missing": missing}


def _axes(geometry: Geometry) -> str:
    """Which way the axes of the file run, in words."""
    slices, rows = (f"{start} to {end}" for start, end in (geometry.ends, geometry.row_ends))
    return f"file axes: columns, rows ({rows}), slices ({slices})"


def _position(case: Case) -> str:
    """Where the volume lies, in words."""
    if case.grid and case.grid.in_place:
        return "as the acquired volume of this pair lay in the scanner"
    if case.grid:
        return "in the middle of the reference series, on its grid"
    if case.geometry:
        return "as the acquired volume of this pair"
    return "centred on the origin: a radiograph does not tell where the knee lay"
