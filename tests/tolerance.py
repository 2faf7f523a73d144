"""The table of docs/pictures.md: where the joint lies in the volume, however its picture was cut, turned or taken.

    python -m tests.tolerance /work/shared/data/knee_xray OUT

Four public crops of right knees in twelve disguises are given to `xrmri generate --mean`, and each volume is held
against that of the crop as it came: the level of the tibia's edge by `metrics.anatomy`, and the correlation of voxels.
Another person's volume, and the picture as it is, stand beside them: so it can be seen what a lost joint would show.
"""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from xrmri.formats.nifti import read_volume
from xrmri.metrics.anatomy import find_joint

Pixels = NDArray[np.uint8]
Seen = tuple[NDArray[np.float64], float]
"""Voxels in [0, 1] of a volume that looks right, and the level of its joint in mm, NaN where none is seen."""
SIZE, PEOPLE, SHIFT, MARGIN = 224, 4, 25, 30
PLAIN, FILM, DOWN = "as it came", "web-size film of both legs", "moved down by 25"
DRAW = [sys.executable, "-m", "xrmri", "generate", "--mean", "--num-slices", "20", "--device", "cpu", "--no-progress"]


def moved(right: int, down: int) -> Callable[[Pixels], Pixels]:
    """The knee as a window cut it that lay so many pixels further; what it leaves goes on as its last pixels do."""

    def cut(knee: Pixels) -> Pixels:
        wide = np.pad(knee, 60, mode="edge")
        return wide[60 + down : 60 + down + SIZE, 60 + right : 60 + right + SIZE]

    return cut


def zoomed(share: float) -> Callable[[Pixels], Pixels]:
    """The knee at a share of its size in a picture of the same size, or cut closer."""

    def cut(knee: Pixels) -> Pixels:
        reach = round(SIZE / share / 2)
        wide = np.pad(knee, 60, mode="edge")[172 - reach : 172 + reach, 172 - reach : 172 + reach]
        return np.asarray(Image.fromarray(wide).resize((SIZE, SIZE), Image.Resampling.BILINEAR))

    return cut


def turned(knee: Pixels) -> Pixels:
    """The knee turned by 5 degrees."""
    wide = Image.fromarray(np.pad(knee, 60, mode="edge")).rotate(5, Image.Resampling.BILINEAR)
    return np.asarray(wide)[60:-60, 60:-60]


def in_frame(knee: Pixels) -> Pixels:
    """The knee turned by 8 degrees as a viewer turns a picture, its corners left black."""
    return np.asarray(Image.fromarray(np.asarray(knee)).rotate(8, Image.Resampling.BILINEAR))


def phone(knee: Pixels) -> Pixels:
    """A photograph of the crop on a screen: askew, unevenly lit, in colour, grainy, packed as JPEG."""
    shown = Image.fromarray(np.asarray(knee)).resize((720, 720), Image.Resampling.BICUBIC)
    # Where the corners of the photograph lie on the screen: (x, y) from the upper left one, anticlockwise.
    corners = (-45, -30, -20, 760, 750, 735, 735, -45)
    seen = np.asarray(shown.transform((800, 800), Image.Transform.QUAD, corners, Image.Resampling.BILINEAR), float)
    y, x = np.mgrid[:800, :800] / 800
    light = (0.75 + 0.35 * x - 0.15 * y)[..., None] * np.array([1.0, 0.97, 0.9])
    grain = np.random.default_rng(0).normal(0, 5, (800, 800, 1))
    picture = Image.fromarray(np.clip(20 + 0.9 * seen[..., None] * light + grain, 0, 255).astype(np.uint8))
    packed = io.BytesIO()
    picture.save(packed, "JPEG", quality=70)
    return np.asarray(Image.open(packed))


def film(right: Pixels, left: Pixels) -> Pixels:
    """Both knees of a person on a film of 512 x 450 pixels, the right one at the left."""
    sheet = Image.new("L", (512, 450), 8)
    for knee, x in ((right, 40), (left, 342)):
        edges = int(np.median(knee[:, [0, -1]]))
        ImageDraw.Draw(sheet).rectangle((x, 40, x + 129, 420), fill=edges)
        sheet.paste(Image.fromarray(knee).resize((130, 130), Image.Resampling.BILINEAR), (x, 150))
    return np.asarray(sheet)


CUTS: dict[str, Callable[[Pixels], Pixels]] = {
    PLAIN: lambda knee: knee,
    "moved right by 25 of 224 pixels": moved(SHIFT, 0),
    "moved left and up by 25": moved(-SHIFT, -SHIFT),
    DOWN: moved(0, SHIFT),
    "zoom 0.8": zoomed(0.8),
    "zoom 1.2": zoomed(1.2),
    "turned by 5 degrees": turned,
    "turned by 8 degrees in a black frame": in_frame,
    "inverted": lambda knee: 255 - knee,
    "black margins of 30": lambda knee: np.pad(knee, MARGIN),
    "a left knee (mirrored)": lambda knee: np.ascontiguousarray(knee[:, ::-1]),
    "photograph of a screen": phone,
}


def write_pictures(source: Path, out: Path) -> list[str]:
    """Every disguise of every person as PNG, named PERSON-NUMBER of the cut; returns the people."""
    with (source / "labels.csv").open(encoding="utf-8", newline="") as stream:
        files = {(row["participant"], row["side"]): source / row["file"] for row in csv.DictReader(stream)}
    pairs = sorted(who for who, side in files if side == "right" and (who, "left") in files)
    people = pairs[:: len(pairs) // PEOPLE][:PEOPLE]
    out.mkdir(parents=True, exist_ok=True)
    for who in people:
        right, left = (np.asarray(Image.open(files[who, side]).convert("L")) for side in ("right", "left"))
        for number, cut in enumerate(CUTS.values()):
            Image.fromarray(cut(right)).save(out / f"{who}-{number}.png")
        Image.fromarray(film(right, left)).save(out / f"{who}-film.png")
    return people


def looking_right(file: Path) -> Seen:
    """A volume from its file, a left knee mirrored."""
    sidecar = json.loads(file.with_name(file.name.replace(".nii.gz", ".json")).read_text(encoding="utf-8"))
    volume = read_volume(file)
    low, high = sidecar["window"]
    voxels = np.clip((volume.voxels - low) / (high - low), 0, 1)
    voxels = voxels[..., ::-1] if sidecar["side"] == "left" else voxels
    return voxels, find_joint(voxels, volume.geometry.spacing_mm).level_mm


def row(name: str, drawn: dict[str, Seen], plain: dict[str, Seen]) -> str:
    """How far the joints of some people's volumes lie from those of their crops as they came, and how alike all is."""
    off = [abs(level - plain[who][1]) for who, (_, level) in drawn.items()]
    alike = [np.corrcoef(voxels.ravel(), plain[who][0].ravel())[0, 1] for who, (voxels, _) in drawn.items()]
    figures = f"{np.median(off):.1f} | {np.max(off):.1f} | {np.median(alike):.3f} | {np.min(alike):.3f}"
    return f"| {name} | {len(drawn)} of {len(plain)} | {figures} |"


def main() -> None:
    """Draw, compare, print."""
    source, out = map(Path, sys.argv[1:])
    people = write_pictures(source, out / "pictures")
    films, downs = (sorted((out / "pictures").glob(f"*-{name}.png")) for name in ("film", [*CUTS].index(DOWN)))
    crops = sorted(set((out / "pictures").glob("*.png")) - set(films))
    subprocess.run([*DRAW, *crops, "-o", out / "crops"], check=True)
    subprocess.run([*DRAW, *films, "--side", "right", "-o", out / "films"], check=True)
    subprocess.run([*DRAW, *downs, "--side", "right", "--as-is", "-o", out / "as-is"], check=True)
    where = {cut: f"crops/{{}}-{number}_mri.nii.gz" for number, cut in enumerate(CUTS)}
    came = where.pop(PLAIN)
    plain = {who: looking_right(out / came.format(who)) for who in people}
    where |= {FILM: "films/{}-film_mri.nii.gz", f"{DOWN}, --as-is": where[DOWN].replace("crops", "as-is")}
    print("| picture | drawn | joint line off, mm: median | largest | correlation of voxels: median | least |")
    print("|---|---|---|---|---|---|")
    others = dict(zip(people, [*plain.values()][1:] + [plain[people[0]]], strict=True))
    for cut, name in where.items():
        drawn = {who: looking_right(out / name.format(who)) for who in people if (out / name.format(who)).exists()}
        print(row(cut, drawn, plain))
    print(row("as it came, of another person", others, plain))


if __name__ == "__main__":
    main()
