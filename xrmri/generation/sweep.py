"""What if a reading were another: a volume at each of its grades, all else the same, and what it changes.

Since everything but one reading is shared, noise included, the difference of two volumes is the effect of the reading
as the model has learnt it.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xrmri import __version__
from xrmri.config import Generate
from xrmri.data.features import FeatureSet, reading
from xrmri.data.volume import to_unit
from xrmri.formats.nifti import read_volume, write_volume
from xrmri.generation.case import Case
from xrmri.generation.claim import claimed
from xrmri.generation.deliver import DESCRIPTION
from xrmri.generation.model import ModelFolder
from xrmri.generation.pictures import shown_volume
from xrmri.generation.target import Target
from xrmri.records import UNSEEN, Volume
from xrmri.report.effect import write_effect

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """One reading at every grade it can have."""

    name: str
    """Its full name, such as V00XRKL."""
    grades: tuple[int, ...]

    def cases(self, case: Case, target: Target) -> list[tuple[Case, Target]]:
        """The case and the files of each grade."""
        suffix = target.volume.name.removeprefix(target.stem)
        return [
            (
                replace(case, grades={**case.grades, self.name: grade}, is_told=place > 0),
                replace(target, volume=target.beside(f"_{self.name}-{grade}{suffix}")),
            )
            for place, grade in enumerate(self.grades)
        ]

    def effect(self, target: Target) -> tuple[Path, Path, Path]:
        """Volume, sidecar and picture of what the reading changes."""
        stem, suffix = f"_{self.name}-{self.grades[-1]}-minus-{self.grades[0]}", target.volume.name[len(target.stem) :]
        return target.beside(stem + suffix), target.beside(f"{stem}.json"), target.beside(f"{stem}.png")


def read_sweep(name: str, features: FeatureSet) -> Sweep:
    """The sweep over a reading, under any name it goes by; InputError where there is none of that name."""
    full_name = reading(name, features, "--sweep")
    return Sweep(name=full_name, grades=features.allowed(full_name))


def deliver_effect(sweep: Sweep, case: Case, target: Target, *, config: Generate, model: ModelFolder) -> None:
    """Write the highest grade's volume less the lowest's, a sidecar, and one picture of all grades."""
    files = [own.volume for _, own in sweep.cases(case, target)]
    volumes = [read_volume(file) for file in files]
    low, high = volumes[0], volumes[-1]
    units = [to_unit(volume.voxels, model.facts.window) for volume in volumes]
    change = max(float(np.sqrt(np.mean((unit - units[0]) ** 2))) / 2 for unit in units)
    if change < UNSEEN:
        log.warning("--sweep %s changes nothing that can be seen (%.4f of the window): the %s does not go by it",
                    sweep.name, change, model.name)  # fmt: skip
    difference = high.voxels.astype(np.int16) - low.voxels.astype(np.int16)
    volume, sidecar, picture = sweep.effect(target)
    told = {
        "description": "Synthetic: the difference of two volumes drawn alike but for one reading. Not for diagnosis.",
        "synthetic": True,
        "model": model.name,
        "kind": shown_volume(config),
        "side": case.side,
        "reading": sweep.name,
        "minuend": files[-1].name,
        "subtrahend": files[0].name,
        "largest_change": round(change, 6),
    }
    with claimed(sidecar, told, [volume, picture]):
        write_volume(volume, Volume(voxels=difference, geometry=high.geometry, side=case.side), DESCRIPTION)
        write_effect(
            picture,
            [(f"{sweep.name} = {grade}", unit) for grade, unit in zip(sweep.grades, units, strict=True)],
            geometry=low.geometry,
            title=f"{target.stem}, {case.side} knee: {sweep.name} at each grade, all else the same"
            + ", changes nothing that can be seen" * (change < UNSEEN),
            note=f"Shown: {shown_volume(config)}. Image left is {low.geometry.image_left}."
            + f"\nDoubtful: {case.doubt}." * bool(case.doubt)
            + f"\nDrawn by xrmri {__version__} with the {model.name}, trained on {model.knees}: what the model has "
            "learnt of this reading. Not for diagnosis.",
        )
