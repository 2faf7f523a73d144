"""What is drawn beside a volume to look at: the preview, and where they are asked for a moving picture and a page.

They show the voxels of the file, so that a picture drawn later is the one that would have been drawn with it.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xrmri import __version__
from xrmri.config import Generate
from xrmri.data.volume import to_unit
from xrmri.formats.nifti import read_volume
from xrmri.generation.case import Case
from xrmri.generation.claim import added
from xrmri.generation.model import ModelFolder
from xrmri.generation.target import Target
from xrmri.records import Volume
from xrmri.report.animation import write_animation
from xrmri.report.preview import Caption, write_preview
from xrmri.report.three_planes import write_viewer


def draw_pictures(
    target: Target, case: Case, volume: Volume, endings: Sequence[str], *, config: Generate, model: ModelFolder
) -> None:
    """Draw the pictures of some endings.

    Args:
        target: where they go.
        case: what was asked for.
        volume: (S, H, W) int16, as the first file has it.
        endings: ".png", ".gif", ".html".
        config: how it was drawn.
        model: what drew it.
    """
    radiograph = case.on_film(model.facts.image_size)
    caption = _caption(target, case, config=config, model=model)
    slices = to_unit(volume.voxels, model.facts.window)
    for ending in endings:
        file = target.beside(ending)
        if ending == ".png":
            left = f"{caption.note} Image left is {volume.geometry.image_left}."
            write_preview(file, radiograph, slices, geometry=volume.geometry, caption=replace(caption, note=left))
        elif ending == ".gif":
            write_animation(file, slices, geometry=volume.geometry, title="synthetic MRI, not for diagnosis")
        else:
            write_viewer(file, radiograph, target.volume, geometry=volume.geometry, caption=caption)


def add_pictures(target: Target, case: Case, *, config: Generate, model: ModelFolder) -> list[Path]:
    """Draw what is asked for and not there of pictures of a volume that was drawn before; which these are."""
    endings = target.pictures_missing
    files = [target.beside(ending) for ending in endings]
    if files:
        with added(target.beside(".json"), files):
            draw_pictures(target, case, read_volume(target.volume), endings, config=config, model=model)
    return files


def _caption(target: Target, case: Case, *, config: Generate, model: ModelFolder) -> Caption:
    """What a reader of a picture must know."""
    read = [f"{_short(name)} {grade}" for name, grade in case.grades.items() if grade is not None]
    missing = [_short(name) for name, grade in case.grades.items() if grade is None]
    facts = [("Shown", shown_volume(config)), ("Readings used", ", ".join(read) or "none")]
    facts += [("Not read", ", ".join(missing))] if missing else []
    facts += [("Participant", _participant(case, model))] if model.view.covariates else []
    facts += [("Doubtful", case.doubt)] if case.doubt else []
    return Caption(
        title=f"{target.stem}, {case.side} knee: synthetic MRI, not for diagnosis",
        facts=tuple(facts),
        note=f"Drawn by xrmri {__version__} with the {model.name}, trained on {model.knees}.",
    )


def shown_volume(config: Generate) -> str:
    """Which volume of a case the pictures show."""
    if config.mean:
        return "the expected volume: mean of the knees that fit, not one of them"
    of = f"sample 1 of {config.samples}" if config.samples > 1 else "one sample"
    return f"{of}: one of the knees that fit"


def _participant(case: Case, model: ModelFolder) -> str:
    """Age, sex and BMI as the model was told them."""
    called = {"age": ("age", " years"), "sex": ("sex", ""), "bmi": ("BMI", " kg/m2")}
    values = ((name, case.covariates.get(name)) for name in model.view.covariates)
    told = {name: f"{value:g}" if isinstance(value, float | int) else value or "not known" for name, value in values}
    shown = [(*called[name], words) for name, words in told.items()]
    return ", ".join(f"{name} {words}{unit if words[0].isdigit() else ''}" for name, unit, words in shown)


def _short(name: str) -> str:
    """A reading as people may write it: XRKL of V00XRKL."""
    return name.removeprefix("V00")
