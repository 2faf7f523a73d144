"""Real joint crops through the bundled model: `python -m tests.real_crops CROPS -o FOLDER [OPTIONS OF GENERATE]`.

CROPS is a folder with labels.csv (file, participant, side, kl) and the crops it names. Four crops of each
Kellgren-Lawrence grade, of twenty people, are drawn by `xrmri generate` with the grade as their one reading; a sheet
shows them beside slices of their volumes. Nobody has the MRI of these knees: only the grade can be held against them.
"""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from xrmri.cli.main import main as xrmri

from xrmri.formats.nifti import read_volume
from xrmri.metrics.anatomy import LATERAL, MEDIAL, find_joint
from xrmri.report.sheet import write_sheet

OF_A_GRADE, GRADES, SLICES, PIXELS = 4, "01234", (15, 24, 32), 150


@dataclass(frozen=True, kw_only=True)
class DrawnCrop:
    """A crop and the volume that was drawn for it, both looking right."""

    name: str
    kl: str
    crop: np.ndarray
    """(H, W) uint8."""
    unit: np.ndarray
    """(S, H, W) in [0, 1]."""
    strangeness: float
    level_mm: float
    """The joint line, from the top of the volume."""
    medial_mm: float
    lateral_mm: float

    def pictures(self) -> list[np.ndarray]:
        """The crop and three slices: (PIXELS, PIXELS) uint8 each."""
        shown = [self.crop, *((self.unit[number] * 255).astype(np.uint8) for number in SLICES)]
        size, smooth = (PIXELS, PIXELS), Image.Resampling.BICUBIC
        return [np.asarray(Image.fromarray(one).resize(size, smooth)) for one in shown]


def chosen(folder: Path) -> Iterator[dict[str, str]]:
    """So many crops of each grade, evenly through the table, no two of one person."""
    with (folder / "labels.csv").open() as text:
        rows = list(csv.DictReader(text))
    seen = set()
    for grade in GRADES:
        of_grade, taken = [row for row in rows if row["kl"] == grade], 0
        for row in of_grade[:: max(1, len(of_grade) // (3 * OF_A_GRADE))]:
            if taken < OF_A_GRADE and row["participant"] not in seen:
                seen.add(row["participant"])
                taken += 1
                yield row


def drawn(row: dict[str, str], folder: Path, out: Path, options: Sequence[str]) -> DrawnCrop:
    """Draw one crop, and measure what came out."""
    file, turn = folder / row["file"], -1 if row["side"] == "left" else 1
    readings, volume = out / f"{file.stem}-readings.json", out / f"{file.stem}.nii.gz"
    readings.write_text(json.dumps({"V00XRKL": int(row["kl"])}))
    sys.argv = ["xrmri", "generate", str(file), "--side", row["side"], "--features", str(readings), "-o", str(volume)]
    sys.argv += ["--no-progress", *options]
    try:
        xrmri()
    except SystemExit as end:
        if end.code:
            raise
    found = read_volume(volume)
    voxels = np.ascontiguousarray(found.voxels[:, :, ::turn]).astype(np.float32)
    unit = (voxels / np.percentile(voxels, 99.5)).clip(0, 1)
    joint = find_joint(unit, found.geometry.spacing_mm)
    return DrawnCrop(
        name=file.stem,
        kl=row["kl"],
        crop=np.ascontiguousarray(np.asarray(Image.open(file).convert("L"))[:, ::turn]),
        unit=unit,
        strangeness=json.loads((out / f"{file.stem}.json").read_bytes())["radiograph"]["strangeness"],
        level_mm=joint.level_mm,
        medial_mm=joint.space_mm(MEDIAL),
        lateral_mm=joint.space_mm(LATERAL),
    )


def main() -> None:
    """The command line; what it does not know goes to `xrmri generate`."""
    parser = argparse.ArgumentParser(prog="python -m tests.real_crops", description=__doc__)
    parser.add_argument("crops", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    given, options = parser.parse_known_args()
    given.out.mkdir(parents=True, exist_ok=True)
    knees = [drawn(row, given.crops, given.out, options) for row in chosen(given.crops)]
    beside = list(zip(knees[::2], knees[1::2], strict=True))
    rows = [(f"KL {a.kl}: {a.name}, {b.name}", [*a.pictures(), *b.pictures()]) for a, b in beside]
    sheet, columns = given.out / "real-crops.png", ["crop", *(f"{number + 1}/50" for number in SLICES)] * 2
    write_sheet(sheet, rows, columns=columns, title="Real crops, and synthetic MRI drawn for them: not for diagnosis")
    Image.open(sheet).quantize(48).save(sheet, optimize=True)
    for one in knees:
        told = f"{one.name} KL {one.kl}: strangeness {one.strangeness:.2f}, joint line {one.level_mm:.1f} mm"
        print(f"{told}, space medial {one.medial_mm:.2f} mm, lateral {one.lateral_mm:.2f} mm")
    for grade in GRADES:
        of_grade = [one for one in knees if one.kl == grade]
        medial = np.nanmedian([one.medial_mm for one in of_grade])
        lateral = np.nanmedian([one.lateral_mm for one in of_grade])
        print(f"KL {grade}: median space medial {medial:.2f} mm, lateral {lateral:.2f} mm")


if __name__ == "__main__":
    main()
