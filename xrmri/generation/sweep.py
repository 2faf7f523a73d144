"""What if a reading were another: a volume at each of its grades from the same noise, and what it changes.

Since everything but one reading is shared, noise included, the difference of two volumes is the effect of the reading
as the model has learnt it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from xrmri import __version__
from xrmri.data.features import FeatureSet, reading
from xrmri.data.nifti import read_volume, write_volume
from xrmri.data.volume import to_unit
from xrmri.generation.case import Case
from xrmri.generation.claim import claimed
from xrmri.generation.deliver import DESCRIPTION, Target
from xrmri.generation.model import ModelFolder
from xrmri.records import Volume
from xrmri.report.effect import write_effect


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
                replace(case, grades={**case.grades, self.name: grade}),
                replace(target, volume=target.beside(f"_{self.name}-{grade}{suffix}")),
            )
            for grade in self.grades
        ]

    def effect(self, target: Target) -> tuple[Path, Path, Path]:
        """Volume, sidecar and picture of what the reading changes."""
        stem, suffix = f"_{self.name}-{self.grades[-1]}-minus-{self.grades[0]}", target.volume.name[len(target.stem) :]
        return target.beside(stem + suffix), target.beside(f"{stem}.json"), target.beside(f"{stem}.png")


def read_sweep(name: str, features: FeatureSet) -> Sweep:
    """The sweep over a reading, under any name it goes by; InputError where there is none of that name."""
    full_name = reading(name, features, "--sweep")
    return Sweep(name=full_name, grades=features.allowed(full_name))


def deliver_effect(sweep: Sweep, case: Case, target: Target, model: ModelFolder) -> list[Path]:
    """Write the highest grade's volume less the lowest's, a sidecar, and a picture of both."""
    files = [own.volume for _, own in sweep.cases(case, target)]
    low, high = read_volume(files[0]), read_volume(files[-1])
    difference = high.voxels.astype(np.int16) - low.voxels.astype(np.int16)
    volume, sidecar, picture = sweep.effect(target)
    told = {
        "description": "Synthetic: the difference of two volumes drawn from the same noise. Not for diagnosis.",
        "synthetic": True,
        "side": case.side,
        "reading": sweep.name,
        "minuend": files[-1].name,
        "subtrahend": files[0].name,
    }
    with claimed(sidecar, told, [volume, picture]):
        write_volume(volume, Volume(voxels=difference, geometry=high.geometry, side=case.side), DESCRIPTION)
        write_effect(
            picture,
            to_unit(low.voxels, model.facts.window),
            to_unit(high.voxels, model.facts.window),
            labels=(f"{sweep.name} = {sweep.grades[0]}", f"{sweep.name} = {sweep.grades[-1]}"),
            note=f"Drawn by xrmri {__version__} with the {model.name}, trained on {model.knees}: what the model has "
            "learnt of this reading. Not for diagnosis.",
        )
    return [volume, sidecar, picture]
